"""A donated PC's clock: what is set, when, and that no test can set a real one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.netspring_install import clock, host, job, launch, program
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError

from tests.on_target import ROLES

STATION = 1_795_537_063
EIGHT_HOURS = 8 * 3600


@dataclass
class FakeClock:
    """System clock and RTC of nobody; ``OSError`` as the RTC's time is what reading it gives."""

    system: float
    hardware: float | Exception
    refuses: OSError | None = None
    deeds: list[tuple[str, float]] = field(default_factory=list)

    def now(self) -> float:
        return self.system

    def set(self, seconds: float) -> None:
        self.deeds.append(("system", seconds))

    def rtc(self) -> float:
        if isinstance(self.hardware, Exception):
            raise self.hardware
        return self.hardware

    def set_rtc(self, seconds: float) -> None:
        if self.refuses:
            raise self.refuses
        self.deeds.append(("rtc", seconds))


BOTH = [("system", STATION), ("rtc", STATION)]


@pytest.mark.parametrize(
    ("system", "hardware", "deeds", "told"),
    [
        (28800, 28801, BOTH, (28800, "set", 28801, "set")),
        (-61, -61, BOTH, (-61, "set", -61, "set")),
        (60, -60, [], (60, "right", -60, "right")),
        (3, 28800, BOTH[1:], (3, "right", 28800, "set")),
        (61, 0, BOTH[:1], (61, "set", 0, "right")),
    ],
)
def test_only_what_is_off_by_more_than_a_minute_is_set(
    system: int, hardware: int, deeds: list[tuple[str, float]], told: tuple[Any, ...]
) -> None:
    fake = FakeClock(STATION + system, STATION + hardware)
    found = clock.correct(fake, STATION)["clock"]
    assert fake.deeds == deeds
    names = ("was_off_seconds", "system", "rtc_was_off_seconds", "rtc")
    assert found == dict(zip(names, told, strict=True))


def test_a_pc_without_or_with_a_broken_rtc_is_told_and_goes_on() -> None:
    none = FakeClock(STATION, FileNotFoundError(2, "No such file"))
    assert clock.correct(none, STATION)["clock"]["rtc"] == "none"
    dead = FakeClock(STATION, OSError(22, "Invalid argument"))
    assert clock.correct(dead, STATION)["clock"]["rtc"] == "set"
    assert dead.deeds == [("rtc", STATION)]
    broken = FakeClock(STATION, 0.0, refuses=OSError(5, "Input/output error"))
    assert clock.correct(broken, STATION)["clock"]["rtc"] == "failed: Input/output error"
    assert broken.deeds == []


@pytest.mark.parametrize("absurd", [0, -1, clock.EARLIEST - 1, clock.LATEST])
def test_an_absurd_time_of_the_station_sets_nothing(absurd: int) -> None:
    fake = FakeClock(STATION, STATION)
    with pytest.raises(RefusedError, match="station's clock cannot be right"):
        clock.correct(fake, absurd)
    assert fake.deeds == []


def test_the_kernels_form_of_a_time_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        data = clock.rtc_bytes(STATION)
        assert clock.rtc_seconds(data) == STATION
    finally:
        monkeypatch.undo()
        time.tzset()
    # 2026-11-24 16:17:43 UTC; _IOC_SIZE of both requests is the struct's.
    assert data[:24] == b"".join(n.to_bytes(4, "little") for n in (43, 17, 16, 24, 10, 126))
    assert {(n >> 16) & 0x3FFF for n in (clock.RTC_RD_TIME, clock.RTC_SET_TIME)} == {len(data)}


def machine(folder: Path, fake: FakeClock) -> tuple[job.Order, host.Host]:
    """A machine in the live environment without any disk."""
    (folder / "marker").touch()
    (folder / "cmdline").write_text("netspring.token=word\n")
    token = hashlib.sha256(b"word").hexdigest()
    order = job.Order("", "", "", {}, "", "S1", 5, token, station_time=STATION)
    where = {"marker": folder / "marker", "cmdline": folder / "cmdline", "run": folder}
    return order, host.Host(**where, list_disks=lambda: (), clock=fake)


def run(order: job.Order, at: host.Host) -> str:
    told = program.Progress(at.run / "progress.jsonl", "S1")
    with pytest.raises(InstallError) as caught:
        job.run(order, at, told)
    return caught.value.reason


def test_the_clock_is_right_before_the_disks_are_looked_for(tmp_path: Path) -> None:
    fake = FakeClock(STATION + EIGHT_HOURS, STATION + EIGHT_HOURS)
    assert "S1" in run(*machine(tmp_path, fake))
    assert fake.deeds == BOTH


@pytest.mark.parametrize("lacks", ["marker", "cmdline"])
def test_outside_this_stations_live_environment_no_clock_is_set(tmp_path: Path, lacks: str) -> None:
    fake = FakeClock(STATION + EIGHT_HOURS, STATION + EIGHT_HOURS)
    order, at = machine(tmp_path, fake)
    if lacks == "marker":
        at.marker.unlink()
    else:
        at.cmdline.write_text("netspring.token=of-another-station")
    assert "live environment" in run(order, at)
    assert fake.deeds == []


def test_only_the_programs_own_entry_has_a_real_clock() -> None:
    assert host.Host().clock is None
    assert clock.correct(None, STATION) == {}
    folder = Path(clock.__file__).parent
    made = {f.name for f in folder.glob("*.py") if "PcClock()" in f.read_text(encoding="utf-8")}
    assert made == {"program.py"}


def test_an_installation_at_work_is_picked_up_at_another_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = vars(machine(tmp_path, FakeClock(0, 0))[0])
    (tmp_path / "order.json").write_text(json.dumps(order))
    monkeypatch.setattr(launch, "is_active", lambda: True)
    assert launch.start({**order, "station_time": STATION + 100}, tmp_path) is False
    with pytest.raises(RefusedError, match="another installation"):
        launch.start({**order, "serial": "S2"}, tmp_path)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_the_task_gives_the_same_second_in_every_zone(zone: str) -> None:
    """now(utc=true).timestamp() would be eight hours off on a station in China."""
    task = yaml.safe_load((ROLES / "image_deploy/tasks/main.yml").read_text())[0]
    text = task["netspring_image_deploy"]["station_time"]
    ansible = Path(sys.executable).parent / "ansible"
    argv = [ansible, "localhost", "-i", "localhost,", "-c", "local", "-m", "debug", "-a"]
    done = subprocess.run(
        [*argv, f"msg=<{text}>"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "TZ": zone},
    )
    assert abs(int(done.stdout.partition("<")[2].partition(">")[0]) - time.time()) < 60
