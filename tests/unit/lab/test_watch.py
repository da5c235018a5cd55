"""Waiting for a guest, and reading what it said."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, UsageError
from netspring_provision.lab import process, watch
from netspring_provision.lab.model import Pc


@pytest.fixture
def server() -> Iterator[Callable[[bytes], int]]:
    """Listens on a port of its own and says the given words to whoever comes."""
    listeners: list[socket.socket] = []

    def start(words: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if words:
                        connection.sendall(words)
                    else:
                        connection.recv(1)  # silent, as QEMU is before the guest listens

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    ("words", "expected"), [(b"SSH-2.0-OpenSSH_10\r\n", True), (b"HTTP/1.1", False), (b"", False)]
)
def test_only_a_greeting_counts(
    server: Callable[[bytes], int], words: bytes, expected: bool
) -> None:
    assert watch.greets("127.0.0.1", server(words), 0.3) is expected


def test_wait_for_ssh(
    make_pc: Callable[..., Pc], switch_on: Callable[..., Pc], server: Callable[[bytes], int]
) -> None:
    pc = switch_on(make_pc(), "live", server(b"SSH-2.0-x\r\n"))
    assert lab.wait_for_ssh(pc, 5) < 5


def test_no_greeting_in_time_shows_the_last_words(
    make_pc: Callable[..., Pc], switch_on: Callable[..., Pc], server: Callable[[bytes], int]
) -> None:
    pc = switch_on(make_pc(), "live", server(b""))
    pc.serial_log.write_text("booting\nKernel panic - not syncing\n")
    with pytest.raises(MachineFailedError, match="did not answer SSH within 0 s") as caught:
        lab.wait_for_ssh(pc, 0.2)
    assert "Kernel panic" in caught.value.message
    assert "screenshot pc-1" in (caught.value.hint or "")


def test_a_pc_that_goes_off_is_not_waited_for(
    make_pc: Callable[..., Pc], switch_on: Callable[..., Pc], server: Callable[[bytes], int]
) -> None:
    pc = switch_on(make_pc(), "live", server(b""))
    process.end(pc.folder)
    with pytest.raises(MachineFailedError, match=r"went off .* wrote nothing to its serial port"):
        lab.wait_for_ssh(pc, 600)


def test_a_pc_that_is_off(make_pc: Callable[..., Pc]) -> None:
    with pytest.raises(MachineFailedError, match="is stopped"):
        lab.wait_for_ssh(make_pc(), 1)


def test_serial_tail_without_terminal_codes(make_pc: Callable[..., Pc]) -> None:
    pc = make_pc()
    assert lab.serial_tail(pc) == ""
    pc.serial_log.write_bytes(
        b"old\n" * 9999 + b"\x1b[2J\x1b[01;31m[FAILED]\x1b[0m Mount\r\r\n\n\xff tail\x07\n"
    )
    assert lab.serial_tail(pc, 3) == "old\n[FAILED] Mount\n\ufffd tail"


def test_screenshot_of_a_pc_that_is_off(
    station: Station, make_pc: Callable[..., Pc], tmp_path: Path
) -> None:
    make_pc()
    with pytest.raises(UsageError, match="is off"):
        lab.screenshot(station, "pc-1", tmp_path / "new" / "x.png")
    assert list((tmp_path / "new").iterdir()) == []
