"""The QMP client against a peer that behaves, and against peers that do not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netspring_provision.errors import MachineFailedError
from netspring_provision.lab.qmp import Qmp

GREETING = '{"QMP": {"version": {}, "capabilities": []}}\n'
OK = '{"return": {}}\n'


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Callable[..., tuple[Path, list[str]]]]:
    """Starts a peer: greets, then answers the n-th line by the n-th text (None hangs up)."""
    # Far deeper than the 108 bytes that a Unix socket's name may have.
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6)
    folder.mkdir(parents=True)
    threads: list[threading.Thread] = []
    listeners: list[socket.socket] = []

    def start(greeting: str, *answers: str | None) -> tuple[Path, list[str]]:
        heard: list[str] = []
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            listener.bind("qmp.sock")
        listener.listen(1)
        listeners.append(listener)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rw") as file:
                file.write(greeting)
                file.flush()
                for answer in answers:
                    line = file.readline()
                    if not line or answer is None:
                        return
                    heard.append(line)
                    file.write(answer)
                    file.flush()
                file.readline()  # until the client leaves

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        threads.append(thread)
        return folder / "qmp.sock", heard

    yield start
    for listener in listeners:
        listener.close()
    for thread in threads:
        thread.join(5)


def test_a_conversation_with_events_between(peer: Callable[..., tuple[Path, list[str]]]) -> None:
    event = '{"event": "RESET", "data": {}}\n'
    path, heard = peer(GREETING, OK, event + '{"return": {"status": "running"}}\n' + event)
    with Qmp(path, 5) as qmp:
        assert qmp.execute("query-status") == {"status": "running"}
    assert [json.loads(line) for line in heard] == [
        {"execute": "qmp_capabilities"},
        {"execute": "query-status"},
    ]


def test_arguments_get_the_dashes_of_qemu(peer: Callable[..., tuple[Path, list[str]]]) -> None:
    path, heard = peer(GREETING, OK, OK)
    with Qmp(path, 5) as qmp:
        qmp.execute("screendump", filename="/x_y", some_key=1)
    assert json.loads(heard[1])["arguments"] == {"filename": "/x_y", "some-key": 1}


@pytest.mark.parametrize(
    ("greeting", "answers", "said"),
    [
        (GREETING, (OK, '{"error": {"class": "E", "desc": "not today"}}\n'), "not today"),
        (GREETING, (OK, None), "closed the line"),
        (GREETING, (OK, "no json\n"), "not JSON"),
        (GREETING, (OK, "[1]\n"), "it sent"),
        (GREETING, (OK, '{"event": "X"}\n'), "no answer within 0.3 s"),
        ('{"hello": 1}\n', (), "unexpected greeting"),
        ("", (), "no answer within 0.3 s"),
    ],
)
def test_bad_answers_are_told_with_the_pcs_name(
    peer: Callable[..., tuple[Path, list[str]]],
    greeting: str,
    answers: tuple[str | None, ...],
    said: str,
) -> None:
    path, _ = peer(greeting, *answers)
    with pytest.raises(MachineFailedError, match=said) as caught, Qmp(path, 0.3) as qmp:
        qmp.execute("query-status")
    assert path.parent.name in caught.value.message
    assert caught.value.hint


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(MachineFailedError, match="No such file"):
        Qmp(tmp_path / "qmp.sock")
