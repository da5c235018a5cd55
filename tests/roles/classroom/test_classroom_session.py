"""What the teacher's window is answered, and the child's works on their way to it."""

from __future__ import annotations

import io
import json
import os
import pwd
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from netspring_classroom import link, session, works
from netspring_classroom.settings import DEFAULTS
from netspring_classroom.system import System
from netspring_works.export import ExportError
from netspring_works.inventory import find_works

from tests.on_target import ROLES


def ask(system: System, *requests: Any) -> list[dict[str, Any]]:
    lines = b"".join(
        (request if isinstance(request, bytes) else json.dumps(request).encode()) + b"\n"
        for request in requests
    )
    answers = io.BytesIO()
    session.serve(system, io.BytesIO(lines), answers)
    said = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert said[0] == {"ok": True, "hello": 1}
    return said[1:]


def test_the_state_is_what_a_window_shows(system: System) -> None:
    (state,) = ask(system, {"ask": "state"})
    assert state == {
        "ok": True,
        "settings": DEFAULTS,
        "languages": ["zh_CN"],
        "desktop_changed": False,
        "machine": {"hostname": "pc-07", "asset_tag": "NS-0007"},
    }


def test_settings_are_set_and_the_new_state_is_told(system: System) -> None:
    _, answer = ask(
        system, {"ask": "state"}, {"ask": "set", "settings": {"volume_limit_percent": 30}}
    )
    assert answer["ok"]
    assert answer["settings"]["volume_limit_percent"] == 30
    assert answer["failures"] == []
    assert json.loads(system.settings.read_text())["volume_limit_percent"] == 30


@pytest.mark.parametrize(
    "request_",
    [b"no json", b"[]", b'"text"', b"{}", {"ask": "shell"}, {"ask": ["set"]}, {"ask": None}],
)
def test_what_is_no_request_is_answered_and_the_next_one_too(system: System, request_: Any) -> None:
    first, second = ask(system, request_, {"ask": "state"})
    assert (first["ok"], first["key"]) == (False, "not_understood")
    assert second["ok"]


@pytest.mark.parametrize("settings", [None, [], {"guest": "yes"}, {"language": "../.."}])
def test_a_wrong_setting_is_named(system: System, settings: Any) -> None:
    (answer,) = ask(system, {"ask": "set", "settings": settings})
    assert (answer["ok"], answer["key"]) == (False, "bad_setting")
    assert not system.settings.exists()


def test_a_desktop_that_is_unlocked_stays_so_until_it_is_restored(system: System) -> None:
    system.changes.joinpath("Desktop").mkdir(parents=True)
    system.changes.joinpath("Desktop/game.desktop").write_text("[Desktop Entry]\n")
    unlocked, original = ask(system, {"ask": "unlock"}, {"ask": "original"})
    assert (unlocked["settings"]["desktop_locked"], unlocked["desktop_changed"]) == (False, True)
    assert (original["settings"]["desktop_locked"], original["desktop_changed"]) == (True, False)
    assert system.locked.exists()


@pytest.mark.parametrize(
    "error",
    [
        tarfile.ReadError("cut"),
        subprocess.TimeoutExpired("pack", 600),
        KeyError("pupil"),
        OSError(28, "full"),
    ],
)
@pytest.mark.parametrize("asked", ["lock", "works"])
def test_what_goes_wrong_is_answered_and_the_next_request_too(
    system: System, monkeypatch: pytest.MonkeyPatch, error: Exception, asked: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(session, "as_pupil", fails)
    first, second = ask(system, {"ask": asked}, {"ask": "state"})
    assert (first["ok"], first["key"]) == (False, "not_written")
    assert first["detail"]
    assert second["ok"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root takes another's rights")
def test_nothing_of_the_childs_own_python_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system_python = "/usr/bin/python3"
    asked = [system_python, "-c", "import site; print(site.getusersitepackages())"]
    done = subprocess.run(
        asked, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    site = Path(done.stdout.strip())
    site.mkdir(parents=True)
    marker = tmp_path / "loaded"
    (site / "usercustomize.py").write_text(f"open({str(marker)!r}, 'w')")
    user = pwd.struct_passwd(("pupil", "x", 0, 0, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(session.pwd, "getpwnam", lambda _: user)
    monkeypatch.setattr(session.sys, "executable", system_python)
    roles = [str(ROLES / role / "files") for role in ("classroom", "works")]
    monkeypatch.setattr(session.sys, "path", [os.pathsep.join(roles), *sys.path])
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    packed = session.as_pupil("pack")
    assert packed.returncode == 0, packed.stderr
    assert not marker.exists()


@pytest.mark.parametrize(
    ("password", "key"),
    [
        ("short", "password_short"),
        ("密码密码密码密码", "password_signs"),
        ("two\nlines of it", "password_signs"),
        ("x" * 129, "password_signs"),
    ],
)
def test_a_password_that_cannot_be_one_is_refused(system: System, password: str, key: str) -> None:
    (answer,) = ask(system, {"ask": "password", "new": password})
    assert (answer["ok"], answer["key"]) == (False, key)


def test_the_rules_of_a_password_are_those_of_the_station() -> None:
    from netspring_provision.room import teacher

    assert (session.SHORTEST_PASSWORD, session.LONGEST_PASSWORD) == (
        teacher.SHORTEST,
        teacher.LONGEST,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A child's home with works, and what a child may have made of it."""
    home = tmp_path / "child"
    folder = home / "我的作品"
    (folder / "saved").mkdir(parents=True)
    (home / ".works").symlink_to("我的作品")
    (folder / "猫.png").write_bytes(bytes(range(256)) * 4000)
    (folder / "saved/1.sb3").write_bytes(b"scratch")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    return home


def sent(home: Path) -> tuple[list[Any], BinaryIO]:
    out = io.BytesIO()
    works.send(home, out)
    out.seek(0)
    return json.loads(out.readline())["works"], out


def nothing(*_: object) -> None:
    return None


def test_works_arrive_as_they_were(home: Path, tmp_path: Path) -> None:
    listed, stream = sent(home)
    target = tmp_path / "target"
    target.mkdir()
    told: list[tuple[int, int]] = []
    received, unreadable = works.receive(stream, listed, target, lambda *now: told.append(now))
    assert unreadable == []
    assert sorted(work.name for work in received) == ["empty.txt", "saved/1.sb3", "猫.png"]
    for work in find_works(home / "我的作品"):
        copy = target / work.name
        assert copy.read_bytes() == work.path.read_bytes()
        assert abs(copy.stat().st_mtime - work.changed) < 0.001
    assert told[-1][0] == told[-1][1] == sum(work.size for work in received)
    assert stream.read() == b""


def test_a_work_that_is_gone_when_its_turn_comes_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_works(home / "我的作品")
    (home / "我的作品/saved/1.sb3").unlink()
    (home / "我的作品/saved/1.sb3").symlink_to("/etc/passwd")
    monkeypatch.setattr(works, "find_works", lambda _: found)
    listed, stream = sent(home)
    target = tmp_path / "target"
    target.mkdir()
    received, unreadable = works.receive(stream, listed, target, nothing)
    assert unreadable == ["saved/1.sb3"]
    assert len(received) == 2
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == [
        "empty.txt",
        "猫.png",
    ]


@pytest.mark.parametrize("change", [b"", b"sc", b"scratch and more", b"SCRATCH"], ids=len)
def test_a_work_that_is_saved_when_its_turn_comes_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    """Emptied, cut, grown, or another of the same length: half of it is no work."""
    found = find_works(home / "我的作品")
    (home / "我的作品/saved/1.sb3").write_bytes(change)
    os.utime(home / "我的作品/saved/1.sb3", (1_900_000_000, 1_900_000_000))
    monkeypatch.setattr(works, "find_works", lambda _: found)
    listed, stream = sent(home)
    target = tmp_path / "target"
    target.mkdir()
    received, unreadable = works.receive(stream, listed, target, nothing)
    assert unreadable == ["saved/1.sb3"]
    assert sorted(work.name for work in received) == ["empty.txt", "猫.png"]


def test_a_work_that_grows_for_ever_is_sent_no_longer_than_listed(home: Path) -> None:
    growing = home / "我的作品/saved/1.sb3"

    class Out(io.BytesIO):
        def write(self, data: Any) -> int:
            with growing.open("ab") as file:
                file.write(b"scratch" if self.tell() < 1 << 22 else b"")
            return super().write(data)

    out = Out()
    works.send(home, out)
    listed = json.loads(out.getvalue().splitlines()[0])["works"]
    assert len(out.getvalue()) < sum(size for _, size, _ in listed) + 1000
    assert out.getvalue().count(struct.pack("!I", works.UNREADABLE)) == 1


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9999])
def test_a_sender_that_ends_too_early_is_no_success(
    home: Path, tmp_path: Path, share: float
) -> None:
    listed, stream = sent(home)
    rest = stream.read()
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(works.CutError):
        works.receive(io.BytesIO(rest[: int(len(rest) * share)]), listed, target, nothing)


@pytest.mark.parametrize("name", ["../outside", "/outside-of-it", "a/../../outside"])
def test_a_name_that_leads_outside_is_not_written(tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    stream = io.BytesIO(struct.pack("!I", 3) + b"bad" + struct.pack("!I", 0))
    with pytest.raises(works.CutError):
        works.receive(stream, [[name, 3, 0.0]], target, nothing)
    assert not (tmp_path / "outside").exists()
    assert not Path("/outside-of-it").exists()


def test_a_folder_appears_only_when_all_of_it_was_read_again(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    found = find_works(home / "我的作品")
    folder = works.into_folder(found, target, "NS-0007", nothing, lambda: False)
    assert folder == target / "NS-0007"
    assert (folder / "猫.png").read_bytes() == (home / "我的作品/猫.png").read_bytes()
    again = works.into_folder(found, target, "NS-0007", nothing, lambda: False)
    assert again == target / "NS-0007 (2)"
    assert sorted(path.name for path in target.iterdir()) == ["NS-0007", "NS-0007 (2)"]


def test_a_teacher_who_stops_it_finds_no_half_copy(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(ExportError) as caught:
        works.into_folder(find_works(home / "我的作品"), target, "NS-0007", nothing, lambda: True)
    assert caught.value.reason == "stopped"
    assert list(target.iterdir()) == []


def test_half_a_stream_is_not_followed_by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child's program that is killed leaves a cut stream, which the receiver must notice."""

    class Killed:
        returncode = -9
        stderr = b""

    monkeypatch.setattr(session, "as_pupil", lambda *_a, **_k: Killed)
    answers = io.BytesIO()
    with pytest.raises(SystemExit):
        session.serve(System(), io.BytesIO(b'{"ask": "works"}\n'), answers)
    assert answers.getvalue().count(b"\n") == 1


def test_an_answer_that_says_no_is_an_error_with_its_sentence() -> None:
    with pytest.raises(link.RefusedError) as refused:
        link.answer_of(b'{"ok": false, "key": "not_written", "detail": "disk full"}\n')
    assert (refused.value.key, refused.value.detail) == ("not_written", "disk full")
    with pytest.raises(link.LinkError):
        link.answer_of(b"")


def test_the_password_is_no_word_of_a_command_line() -> None:
    words = link.argv(password=True)
    assert words[:3] == ["/usr/bin/sudo", "-S", "-k"]
    assert words[-2:] == ["/usr/local/sbin/netspring-classroom", "session"]
