"""What a port looks like from outside: only an answer proves that it is closed."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netspring_provision.door import Door, knock

Deed = Callable[[socket.socket], None]


@contextmanager
def serving(deed: Deed) -> Iterator[int]:
    """A server that does one deed to the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                deed(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def greet(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_10.0\r\n")


def hang_up(connection: socket.socket) -> None:
    """What the network of a virtual PC does when the guest refuses."""
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_nothing(connection: socket.socket) -> None:
    connection.settimeout(5)
    connection.recv(1)  # until the other side has had enough


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        (greet, Door.OPEN),
        (hang_up, Door.CLOSED),
        (reset, Door.CLOSED),
        (say_nothing, Door.SILENT),
    ],
)
def test_a_port_that_takes_the_connection(deed: Deed, expected: Door) -> None:
    with serving(deed) as port:
        assert knock("127.0.0.1", port, seconds=0.5) is expected


def test_a_port_that_refuses_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert knock("127.0.0.1", port, seconds=1) is Door.CLOSED


def test_a_name_that_leads_nowhere_is_silence() -> None:
    assert knock("no-such-machine.invalid", 22, seconds=1) is Door.SILENT


def test_no_answer_in_time_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", late)
    assert knock("10.0.0.1", 22, seconds=1) is Door.SILENT
