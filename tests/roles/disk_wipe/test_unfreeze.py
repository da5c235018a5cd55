"""Thawing frozen drives: one sleep, only where the plan wants it, and only before any work."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks import power
from ansible.module_utils.netspring_erase import job, unfreeze
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import last_line

from tests.roles.disk_wipe.hdparm_replay import (
    DEV,
    SANDISK,
    STATUS,
    Play,
    Step,
    flags,
    identify,
    text,
)

RTCWAKE = ["rtcwake", "-m", "mem", "-s", "10"]
FROZEN = flags(frozen=True)
BOOT = "6a3d6c2e-4f0d-4b7e-9d0b-0c1f2e3d4a5b"
LIVE = {"marker": True, "token_sha256": "t", "boot_id": BOOT}
IDLE = "    State:    SD0 Sanitize Idle\n"
UNITS = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", "netspring-*"]
# As a lab PC with a wipe under way prints them.
ALONE = """\
netspring-live.service   loaded active exited  Netspring: name, marker and host keys of this boot
netspring-screen.service loaded active running Netspring: what this PC shows to whoever stands there
netspring-wipe-p1.service loaded active running [systemd-run] /usr/bin/python3 -B -m job /run
"""
# What rtcwake of util-linux prints (sys-utils/rtcwake.c); seen in a lab PC.
SLEPT = 'rtcwake: wakeup from "mem" using /dev/rtc0 at Tue Nov 24 11:40:12 2026\n'


def planned(**more: Any) -> dict[str, Any]:
    return {
        "serial": "S1",
        "path": DEV,
        "method": "ata_security_erase",
        "fallback": ["overwrite"],
        "unfreeze": True,
        **more,
    }


def state(sanitize: str = IDLE) -> Step:
    return Step(STATUS, sanitize)


def units(out: str = ALONE, code: int | None = 0) -> Step:
    return Step(UNITS, out, code=code)


class Thaw:
    """One call, with what was told to the station meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.play = Play(folder / "disk")
        self.told: list[str] = []
        self.live = dict(LIVE)
        self.obstacle: str | None = None

    def probe(self) -> Probe:
        return replace(self.play.probe(), live=lambda: self.live, deep_sleep=lambda: self.obstacle)

    def __call__(self, *steps: Step, **more: Any) -> dict[str, dict[str, Any]]:
        self.play.steps = list(steps)
        machine = {"disks": [planned(**more)]}
        found = unfreeze.thaw(machine, self.folder, self.probe(), self.told.append)
        assert self.play.steps == []
        return found


@pytest.fixture
def thaw(tmp_path: Path) -> Thaw:
    return Thaw(tmp_path)


def test_a_frozen_drive_is_thawed(thaw: Thaw) -> None:
    told = thaw(identify(FROZEN), state(), units(), Step(RTCWAKE, SLEPT), identify(), state())
    attempt = told["S1"]
    assert attempt["method"] == "unfreeze"
    assert attempt["argv"] == RTCWAKE
    assert attempt["error"] is None
    assert attempt["status_before"] == {"security": True, "sanitize": False, "busy": False}
    assert attempt["status_after"] == {"security": False, "sanitize": False, "busy": False}
    assert thaw.told == ["S1"]
    assert json.loads((thaw.folder / unfreeze.MARK).read_text())["boot_id"] == BOOT


def test_frozen_sanitize_is_thawed(thaw: Thaw) -> None:
    frozen = IDLE.replace("SD0 Sanitize Idle", "SD1 Sanitize Frozen")
    told = thaw(
        *(identify(), state(frozen), units(), Step(RTCWAKE, SLEPT), identify(), state()),
        method="ata_sanitize_block",
    )
    assert told["S1"]["error"] is None


def test_only_once(thaw: Thaw) -> None:
    thaw(identify(FROZEN), state(), units(), Step(RTCWAKE, SLEPT), identify(FROZEN), state())
    told = thaw(identify(FROZEN), state(), identify(FROZEN), state())
    assert told["S1"]["error"] == "not put to sleep: it was tried before in this job"
    assert told["S1"]["argv"] == []


def test_a_drive_that_stays_frozen_is_told(thaw: Thaw) -> None:
    told = thaw(identify(FROZEN), state(), units(), Step(RTCWAKE, SLEPT), identify(FROZEN), state())
    assert "still frozen after the sleep" in told["S1"]["error"]


def test_never_while_a_drive_erases_itself(thaw: Thaw) -> None:
    running = text("sanitize-running.txt")
    told = thaw(identify(FROZEN), state(running), identify(FROZEN), state(running))
    assert "erasing itself" in told["S1"]["error"]
    assert RTCWAKE not in thaw.play.seen


@pytest.mark.parametrize(
    ("out", "code", "says"),
    [
        (ALONE + "netspring-install.service loaded active running x\n", 0, "netspring-install"),
        ("", 1, "cannot be told"),
        ("", None, "cannot be told"),
    ],
)
def test_never_while_something_else_of_ours_is_at_work(
    thaw: Thaw, out: str, code: int | None, says: str
) -> None:
    told = thaw(identify(FROZEN), state(), units(out, code), identify(FROZEN), state())
    assert says in told["S1"]["error"]
    assert RTCWAKE not in thaw.play.seen


@pytest.mark.parametrize("obstacle", ["this PC cannot sleep at all", "light sleep"])
def test_a_pc_that_cannot_sleep_deeply(thaw: Thaw, obstacle: str) -> None:
    thaw.obstacle = obstacle
    told = thaw(identify(FROZEN), state(), units(), identify(FROZEN), state())
    assert told["S1"]["error"] == f"not put to sleep: {obstacle}"
    assert not (thaw.folder / unfreeze.MARK).exists()


@pytest.mark.parametrize(
    ("code", "err"), [(1, "rtcwake: /dev/rtc0: unable to find device\n"), (None, "not installed")]
)
def test_sleep_that_failed(thaw: Thaw, code: int | None, err: str) -> None:
    slept = Step(RTCWAKE, err=err, code=code)
    told = thaw(identify(FROZEN), state(), units(), slept, identify(FROZEN), state())
    assert err.strip() in told["S1"]["error"]


def test_another_boot_is_not_a_wake_up(thaw: Thaw) -> None:
    def reboot() -> None:
        thaw.live = {**LIVE, "boot_id": "another"}

    slept = Step(RTCWAKE, SLEPT, deed=reboot)
    told = thaw(identify(FROZEN), state(), units(), slept, identify(), state())
    assert "started anew" in told["S1"]["error"]


def test_a_disk_that_does_not_come_back_is_waited_for_a_minute(thaw: Thaw) -> None:
    there = [True]
    slept = Step(RTCWAKE, SLEPT, deed=lambda: there.__setitem__(0, False))
    thaw.play.steps = [identify(FROZEN), state(), units(), slept, identify(), state()]
    probe = replace(thaw.probe(), disks=lambda: [thaw.play.disk] if there[0] else [])
    told = unfreeze.thaw({"disks": [planned()]}, thaw.folder, probe, thaw.told.append)
    assert told["S1"]["error"] == "disks did not come back from the sleep: S1"
    assert thaw.play.seconds == pytest.approx(unfreeze.RETURN_SECONDS, abs=1)


def test_a_disk_that_comes_back_under_another_name_is_asked_there(thaw: Thaw) -> None:
    names = ["sda"]
    slept = Step(RTCWAKE, SLEPT, deed=lambda: names.__setitem__(0, "sdb"))
    moved = [Step(["hdparm", "-I", "/dev/sdb"], SANDISK)]
    moved += [Step(["hdparm", "--sanitize-status", "/dev/sdb"], IDLE)]
    thaw.play.steps = [identify(FROZEN), state(), units(), slept, *moved]

    def disks() -> list[Any]:
        return [replace(thaw.play.disk, name=names[0], path=f"/dev/{names[0]}")]

    probe = replace(thaw.probe(), disks=disks)
    told = unfreeze.thaw({"disks": [planned()]}, thaw.folder, probe, thaw.told.append)
    assert told["S1"]["error"] is None
    assert thaw.play.steps == []


METHODS = ("overwrite", "ata_sanitize_block", "ata_security_erase")


@pytest.mark.parametrize("wished", [True, False, None, "yes"])
@pytest.mark.parametrize("frost", list(product([True, False], repeat=2)))
@pytest.mark.parametrize(("first", "second"), list(product(METHODS, repeat=2)))
def test_every_reason_to_sleep(
    wished: object, frost: tuple[bool, bool], first: str, second: str
) -> None:
    security, sanitize = frost
    plan = {"method": first, "fallback": [second], "unfreeze": wished}
    chosen = {first, second}
    expected = wished is True and (
        (security and "ata_security_erase" in chosen)
        or (sanitize and "ata_sanitize_block" in chosen)
    )
    assert unfreeze.Frost(security, sanitize, busy=False).matters(plan) is expected


def test_nothing_is_asked_where_the_plan_does_not_say_so(thaw: Thaw) -> None:
    assert thaw(unfreeze=False) == {}
    assert thaw.play.seen == []


def test_a_thawed_machine_stays_awake(thaw: Thaw) -> None:
    assert thaw(identify(SANDISK), state()) == {}


def test_the_job_sleeps_before_any_disk_is_touched_and_records_it(tmp_path: Path) -> None:
    """The whole job: asleep first, told as a phase; the attempt stands in the disk's entry."""
    thaw = Thaw(tmp_path)
    thaw.play.steps = [
        identify(FROZEN),
        state(),
        units(),
        Step(RTCWAKE, SLEPT),
        identify(),
        state(),
    ]
    folder = tmp_path / "p1"
    folder.mkdir()
    order = {
        "plan_id": "p1",
        "boot_id": BOOT,
        "token_sha256": "t",
        "machine": {"uuid": "u", "disks": [planned(size_bytes=1, bus="sata")]},
    }
    (folder / "job.json").write_text(json.dumps(order))
    probe = replace(thaw.probe(), uuid=lambda: "u")
    assert job.run(folder, probe) == 1, "the plan is for a disk of another size"
    (entry,) = json.loads((folder / "result.json").read_text())["disks"]
    assert entry["outcome"] == "refused"
    assert [attempt["method"] for attempt in entry["attempts"]] == ["unfreeze"]
    assert (last_line(job.progress_file(folder, "S1")) or {})["phase"] == "suspended"


def test_the_job_of_another_station_never_sleeps(tmp_path: Path) -> None:
    thaw = Thaw(tmp_path)
    folder = tmp_path / "p1"
    folder.mkdir()
    order = {
        "plan_id": "p1",
        "boot_id": BOOT,
        "token_sha256": "another",
        "machine": {"uuid": "u", "disks": [planned(size_bytes=1, bus="sata")]},
    }
    (folder / "job.json").write_text(json.dumps(order))
    job.run(folder, replace(thaw.probe(), uuid=lambda: "u"))
    assert thaw.play.seen == []


# --- how a PC sleeps, and where its power comes from -------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "switch", "says", "after"),
    [
        ("freeze mem disk", "s2idle [deep]", None, "s2idle [deep]"),
        ("freeze mem disk", "[s2idle] deep", None, "deep"),
        ("freeze mem disk", "[s2idle]", "light sleep", "[s2idle]"),
        ("freeze mem disk", None, "light sleep", None),
        ("freeze disk", "s2idle [deep]", "cannot sleep at all", "s2idle [deep]"),
        (None, None, "cannot sleep at all", None),
    ],
)
def test_deep_sleep(
    tmp_path: Path, kinds: str | None, switch: str | None, says: str | None, after: str | None
) -> None:
    folder = tmp_path / "power"
    folder.mkdir()
    if kinds:
        (folder / "state").write_text(kinds + "\n")
    if switch:
        (folder / "mem_sleep").write_text(switch)
    found = power.choose_deep_sleep(tmp_path)
    assert (found is None) == (says is None)
    assert says is None or says in str(found)
    assert ((folder / "mem_sleep").read_text() if after else None) == after


@pytest.mark.parametrize(
    ("supplies", "battery"),
    [
        ({}, False),
        ({"AC": {"type": "Mains", "online": "1"}}, False),
        ({"AC": {"type": "Mains", "online": "0"}}, True),
        ({"AC": {"type": "Mains"}}, True),
        ({"AC": {"type": "Mains", "online": "0"}, "DOCK": {"type": "Mains", "online": "1"}}, False),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Full"}}, False),
        (
            {
                "AC": {"type": "Mains", "online": "1"},
                "BAT0": {"type": "Battery", "status": "Discharging"},
            },
            False,
        ),
    ],
)
def test_battery(tmp_path: Path, supplies: dict[str, dict[str, str]], battery: bool) -> None:
    for name, files in supplies.items():
        folder = tmp_path / "class/power_supply" / name
        folder.mkdir(parents=True)
        for file, value in files.items():
            (folder / file).write_text(value + "\n")
    assert power.on_battery(tmp_path) is battery
