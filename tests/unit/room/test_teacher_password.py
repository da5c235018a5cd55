"""The teacher's password of a room: hashed, kept apart, and never in what a run records."""

from __future__ import annotations

import errno
import io
import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import runner
from netspring_provision.cli import run
from netspring_provision.errors import OK, STATION_LACKS, USAGE, StationError, UsageError
from netspring_provision.room import teacher, validate_room
from netspring_provision.room.new import new_room

PASSWORD = "correct horse 9!"  # noqa: S105 - of the test


@pytest.fixture(autouse=True)
def openssl(allow_subprocess: Callable[..., None]) -> None:
    """The real one: what it makes, a PC must understand."""
    allow_subprocess("openssl")
    allow_subprocess("ansible-inventory")


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return new_room(
        tmp_path, "room-1", profile="lite", locale="zh_CN", machines={"pc-01": "10.0.0.1"}
    )


def opens(password: str, hashed: str) -> bool:
    """Whether crypt(3), as the PC's login has it, takes this password for that hash."""
    _, _, salt, _ = hashed.split("$")
    said = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "-stdin"],
        input=password + "\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout.strip() == hashed


def test_the_room_keeps_a_hash_that_only_its_owner_reads(room: Path) -> None:
    file = teacher.keep_password(room, PASSWORD)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert PASSWORD not in text
    assert opens(PASSWORD, text.strip())
    assert not opens("correct horse 9", text.strip())
    assert teacher.password_file(room) == teacher.password_file(room / "hosts.yml") == file
    validate_room(room)


def test_ansible_does_not_take_it_for_an_inventory(room: Path) -> None:
    teacher.keep_password(room, PASSWORD)
    hosts = runner.inventory_list(room)
    assert hosts["_meta"]["hostvars"].keys() == {"pc-01"}


def test_the_same_password_again_has_another_hash(room: Path) -> None:
    first = teacher.keep_password(room, PASSWORD).read_text()
    second = teacher.keep_password(room, PASSWORD).read_text()
    assert first != second
    assert [path.name for path in room.iterdir() if "password" in path.name] == [teacher.FILE]


@pytest.mark.parametrize(
    "password", ["", "1234567", "短短短短短短短短短", "tab\tinside it", "x" * 129]
)
def test_what_cannot_be_a_password_changes_nothing(room: Path, password: str) -> None:
    before = teacher.keep_password(room, PASSWORD).read_text()
    with pytest.raises(UsageError):
        teacher.keep_password(room, password)
    assert (room / teacher.FILE).read_text() == before


def test_a_room_without_one_leaves_the_account_locked(room: Path) -> None:
    assert teacher.password_file(room) is None


def test_a_hash_that_others_may_read_is_refused(room: Path) -> None:
    teacher.keep_password(room, PASSWORD).chmod(0o640)
    with pytest.raises(UsageError) as caught:
        teacher.password_file(room)
    assert caught.value.hint == f"chmod 600 {room / teacher.FILE}"


@pytest.mark.parametrize(
    "text", ["", PASSWORD, "$1$abc$defghijklmnopqrstuvwxyz", "$6$a:b$" + "x" * 30]
)
def test_a_file_that_holds_no_hash_is_refused_and_not_shown(room: Path, text: str) -> None:
    path = room / teacher.FILE
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError) as caught:
        teacher.password_file(room)
    assert PASSWORD not in caught.value.message


def test_a_full_disk_leaves_the_old_one(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = teacher.keep_password(room, PASSWORD).read_text()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StationError, match="No space left"):
        teacher.keep_password(room, "another one 10")
    assert [path.name for path in room.iterdir() if "password" in path.name] == [teacher.FILE]
    assert (room / teacher.FILE).read_text() == before


def test_a_station_without_openssl_says_so(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(room))
    with pytest.raises(StationError) as caught:
        teacher.keep_password(room, PASSWORD)
    assert caught.value.exit_code == STATION_LACKS


def test_a_program_gives_it_on_the_input(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{PASSWORD}\n".encode())))
    assert run(["room", "teacher-password", "-i", str(room)]) == OK
    out, err = capsys.readouterr()
    text = (room / teacher.FILE).read_text().strip()
    assert opens(PASSWORD, text)
    assert PASSWORD not in out + err
    assert text not in out + err


def test_a_person_types_it_twice_and_does_not_see_it(room: Path) -> None:
    """At a real terminal: what is typed is not echoed, and two different ones are asked again."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(  # noqa: S606 - a terminal of its own
            sys.executable,
            [
                sys.executable,
                "-m",
                "netspring_provision",
                "room",
                "teacher-password",
                "-i",
                str(room),
            ],
        )
    shown = b""
    for mark, line in (
        (b"password: ", PASSWORD),
        (b"confirmation: ", "mistyped it"),
        (b"password: ", PASSWORD),
        (b"confirmation: ", PASSWORD),
    ):
        shown += read_until(terminal, mark)
        os.write(terminal, line.encode() + b"\n")
    shown += read_until(terminal, b"Kept a hash")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == OK
    assert b"do not match" in shown
    assert PASSWORD.encode() not in shown
    assert opens(PASSWORD, (room / teacher.FILE).read_text().strip())


def read_until(terminal: int, mark: bytes, seconds: float = 60) -> bytes:
    """What the terminal shows until the mark."""
    seen = b""
    while mark not in seen:
        assert select.select([terminal], [], [], seconds)[0], f"nothing after {seen!r}"
        try:
            part = os.read(terminal, 1024)
        except OSError:
            return seen
        seen += part
    return seen


def test_the_lab_is_no_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["room", "teacher-password", "-i", "inventories/lab"]) == USAGE
    assert "is no room" in capsys.readouterr().err
