"""Updates: never in class, from the right servers, and nothing of them stays on the PC."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from netspring_classroom.system import System
from netspring_policy import sources, updates
from netspring_policy.sources import Mirrors, SourcesError

# As in python-apt-common of Debian 13, shortened.
DEBIAN = """ChangelogURI: https://example.org/changelogs/%s

Suite: {series}
RepositoryType: deb
BaseURI: https://archive.example/debian/
X-Version: ge 12

Suite: {series}
BaseURI: https://older.example/debian/
X-Version: le 11

Suite: {series}-security
BaseURI: https://security.example/
ParentSuite: {series}
"""


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 24, hour, minute).astimezone()


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ([17, 22], at(16, 59), None),
        ([17, 22], at(17), at(22)),
        ([17, 22], at(21, 59), at(22)),
        ([17, 22], at(22), None),
        ([17, 22], at(9), None),
        ([22, 6], at(23), at(6).replace(day=25)),
        ([22, 6], at(5, 30), at(6)),
        ([22, 6], at(6), None),
        ([22, 6], at(12), None),
        ([0, 0], at(0), None),
        ([9, 9], at(9), None),
        ([20, 0], at(23, 30), at(0).replace(day=25)),
    ],
)
def test_the_hours_of_updates(hours: list[int], now: datetime, end: datetime | None) -> None:
    assert updates.end_of_hours(hours, now) == end


def test_debians_own_servers_come_from_debians_own_list() -> None:
    assert sources.lines(Mirrors(), "trixie", DEBIAN) == [
        "deb https://archive.example/debian trixie main non-free-firmware",
        "deb https://security.example trixie-security main non-free-firmware",
    ]


def test_a_room_with_a_mirror_asks_nobody_else() -> None:
    assert sources.lines(Mirrors("http://10.0.0.1/debian/"), "trixie", DEBIAN) == [
        "deb http://10.0.0.1/debian trixie main non-free-firmware"
    ]
    both = sources.lines(Mirrors("http://a/d", "http://b/s"), "trixie", DEBIAN)
    assert [line.split()[1:3] for line in both] == [
        ["http://a/d", "trixie"],
        ["http://b/s", "trixie-security"],
    ]
    with pytest.raises(SourcesError, match="no server"):
        sources.lines(Mirrors(), "trixie", "")


def test_the_release_is_that_of_the_pc() -> None:
    assert sources.codename('NAME="Debian"\nVERSION_CODENAME=trixie\n') == "trixie"
    with pytest.raises(SourcesError):
        sources.codename("ID=debian\n")


@pytest.fixture
def apt(pc: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PC whose apt and unattended-upgrade are shell programs that note what they are given."""
    (pc.root / "etc/os-release").write_text("VERSION_CODENAME=trixie\n")
    template = pc.at(sources.DEBIAN)
    template.parent.mkdir(parents=True)
    template.write_text(DEBIAN)
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("apt-get", "unattended-upgrade"):
        program(folder, name, f'echo "$0 $*" >> {folder}/log; cat $APT_CONFIG >> {folder}/conf')
    real = updates.Run.call

    def call(run: updates.Run, *argv: str) -> int:
        return real(run, str(folder / Path(argv[0]).name), *argv[1:])

    monkeypatch.setattr(updates.Run, "call", call)
    monkeypatch.setattr(updates, "versions", updates._Versions)
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def told(pc: System) -> dict[str, object]:
    found: dict[str, object] = json.loads(pc.at(updates.RESULT).read_text())
    return found


def test_outside_of_the_hours_nothing_is_started(pc: System, apt: Path) -> None:
    assert updates.main([], pc, lambda: at(10)) == 0
    assert not (apt / "log").exists()
    assert not pc.at(updates.RESULT).exists()


def test_in_the_hours_lists_are_fetched_and_what_is_newer_installed(pc: System, apt: Path) -> None:
    now = datetime.now().astimezone()
    pc.settings.write_text(json.dumps({"update_hours": [now.hour, (now.hour + 2) % 24]}))
    assert updates.main([], pc) == 0
    ran = [line.split("/")[-1] for line in (apt / "log").read_text().splitlines()]
    assert ran == ["apt-get -q update", "unattended-upgrade -v"]
    conf = (apt / "conf").read_text()
    assert f'Dir::Etc::SourceList "{pc.at(updates.FOLDER)}/sources.list"' in conf
    assert 'Dir::Etc::SourceParts "/dev/null"' in conf
    assert not pc.at(updates.FOLDER).exists(), "sources and lists stay nowhere"
    assert told(pc)["good"] is True


def test_without_internet_the_timer_is_content_and_a_teacher_is_told(
    pc: System, apt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(apt, "apt-get", "exit 100")
    assert updates.main(["now"], pc) == 1
    assert "is there internet?" in capsys.readouterr().err
    assert not (apt / "log").exists()
    assert not pc.at(updates.FOLDER).exists()
    pc.settings.write_text(json.dumps({"update_hours": [0, 23]}))
    assert updates.main([], pc, lambda: at(10)) == 0
    assert told(pc)["good"] is False


def test_a_disk_that_is_full_gets_nothing(
    pc: System, apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(updates, "ROOM_BYTES", 1 << 60)
    assert updates.main(["now"], pc) == 1
    assert "too full" in capsys.readouterr().err
    assert not (apt / "log").exists()


def test_when_the_pc_is_switched_off_the_package_at_work_is_finished(
    pc: System, apt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program gets the signal, passes it on, and waits."""
    program(
        apt,
        "unattended-upgrade",
        f"trap 'sleep 1; echo finished >> {apt}/log; exit 0' TERM; touch {apt}/begun\n"
        "while :; do sleep 0.1; done",
    )
    before = signal.getsignal(signal.SIGTERM)

    def switch_off() -> None:
        deadline = time.monotonic() + 30
        while not (apt / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=switch_off)
    thread.start()
    try:
        assert updates.main(["now"], pc) == 1
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    assert (apt / "log").read_text().splitlines()[-1] == "finished"
    assert "goes on another day" in capsys.readouterr().err
    assert not pc.at(updates.FOLDER).exists()


@pytest.mark.usefixtures("apt")
def test_two_at_once_are_not_run(pc: System, capsys: pytest.CaptureFixture[str]) -> None:
    lock = pc.at(updates.LOCK)
    with subprocess.Popen(["flock", "--no-fork", lock, "sleep", "60"]) as other:
        try:
            deadline = time.monotonic() + 10
            while updates.main(["now"], pc) == 0 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert "already" in capsys.readouterr().err
        finally:
            other.kill()
    subprocess.run(["flock", lock, "true"], check=True)


def test_other_words_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert updates.main(["later"]) == 2
    assert "netspring-updates now" in capsys.readouterr().err
