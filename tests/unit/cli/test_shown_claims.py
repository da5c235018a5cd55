"""What a person is shown before and after a wipe: methods, claims with their limits, and why."""

import json
from pathlib import Path
from typing import Any

import playing
import pytest
import samples
from rich.console import Console

from netspring_provision import cli
from netspring_provision.cli import plan as plan_cli
from netspring_provision.cli import wipe as wipe_cli
from netspring_provision.config import Station
from netspring_provision.methods import Policy
from netspring_provision.model import Limit, Plan
from netspring_provision.outcome import disk_outcomes
from netspring_provision.steps import job as job_step
from netspring_provision.steps.wipe import WipeResult

Output = pytest.CaptureFixture[str]


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    """The command's own station, with pc1 and pc2 in an inventory of any name."""
    made = playing.room(netspring_home, monkeypatch, count=2)
    made.facts = {h.name: samples.facts(host=h.name) for h in made.hosts}
    monkeypatch.setattr(Station, "ensure", lambda self: self)
    monkeypatch.setattr(job_step, "load", lambda *_: made.hosts)
    monkeypatch.setattr(job_step, "inventory_path", Path)
    return made


def cli_console() -> Console:
    return Console(width=200)


def test_a_plan_shows_every_method_its_claim_and_its_footnotes(capsys: Output) -> None:
    ssd = samples.disk(
        "SSD", path="/dev/sdb", medium="ssd", sanitize={"block": True, "crypto": True}
    )
    plan = samples.plan(
        samples.facts(samples.disk("BAD"), ssd),
        policy=Policy(sampled_percent=10),
        warnings={"BAD": Limit("failing", "it says so · 它自己说的")},
    )
    plan_cli.show_plan(plan, cli_console())
    said = capsys.readouterr().out
    assert said.index("this drive is failing") < said.index("WILL BE DESTROYED")
    rows = [line for line in said.splitlines() if line.startswith("│")]
    (block,) = [row for row in rows if "ata_sanitize_block" in row]
    (crypto,) = [row for row in rows if "else ata_sanitize_crypto" in row]
    assert "SSD" in block
    assert "min" in block
    assert "Purge technique (device-reported)" in block
    assert "Clear (" in crypto
    assert sum("else overwrite" in row for row in rows) == 1
    assert said.count("spare area not reached") == 1
    assert "闪存的备用区" in said
    assert "every contiguous residue of 9437185 bytes or more" in said


def wiped(plan: Plan, *spoilt: dict[str, Any]) -> WipeResult:
    (machine,) = plan.machines
    report = samples.report(machine, plan.plan_id, *spoilt)
    return WipeResult({"pc1": disk_outcomes(machine, report, plan.plan_id, None)})


def test_a_wipe_says_what_may_be_claimed_and_why_it_is_less(capsys: Output) -> None:
    plan = samples.plan(samples.facts(samples.disk("SSD", medium="ssd", sanitize={"block": True})))
    (disk,) = plan.machines[0].disks
    wipe_cli.show_wipe(wiped(plan), cli_console())
    as_planned = capsys.readouterr().out
    assert "Purge technique (device-reported)" in as_planned
    assert "less than planned" not in as_planned
    tried = [
        samples.attempt("ata_sanitize_block", rc=5, error="device fault"),
        samples.attempt("overwrite"),
    ]
    entry = samples.erased(disk, method="overwrite", attempts=tried)
    wipe_cli.show_wipe(wiped(plan, entry), cli_console())
    said = capsys.readouterr().out
    (why,) = [line for line in said.splitlines() if line.startswith("less than planned")]
    assert "Clear, not Purge technique (device-reported)" in why
    assert "ata_sanitize_block: device fault" in why
    assert "spare area not reached" in why


def test_a_failed_disk_is_not_called_anything(capsys: Output) -> None:
    plan = samples.plan()
    (disk,) = plan.machines[0].disks
    entry = samples.erased(disk, serial_end="ANOTHER")
    wipe_cli.show_wipe(wiped(plan, entry), cli_console())
    said = capsys.readouterr().out
    assert "failed" in said
    assert "none" in said
    assert "Clear" not in said
    assert "read back" not in said


def test_samples_are_not_shown_as_every_byte(capsys: Output) -> None:
    wipe_cli.show_wipe(wiped(samples.plan(policy=Policy(sampled_percent=5))), cli_console())
    said = capsys.readouterr().out
    assert "samples read back" in said
    assert "every byte read back" not in said


def test_before_a_wipe_only_the_machines_at_hand_are_shown(
    room: playing.Room, capsys: Output
) -> None:
    cli.run(["plan", "-i", "x", "--json"])
    plan = json.loads(capsys.readouterr().out)
    (one, *others) = [m["host"] for m in plan["machines"]]
    room.hosts = tuple(host for host in room.hosts if host.name == one)
    argv = ["wipe", "-i", "x", "--plan", plan["file"], "--confirm", plan["confirm"]]
    assert cli.run(argv) == 0
    said = capsys.readouterr().err
    assert f"WILL BE DESTROYED on {one}" in said
    assert "may then be called" in said
    assert not any(other in said for other in others)
    assert others


def test_a_disk_that_failed_is_not_planned_again_unless_asked(
    room: playing.Room, capsys: Output
) -> None:
    room.answers["pc1"] = playing.with_disks(**{"WD-pc1": "write error at byte 512"})
    plan = planned(capsys)
    wipe = ["wipe", "-i", "x", "--plan", plan["file"], "--confirm", plan["confirm"]]
    assert cli.run(wipe) == 1
    capsys.readouterr()
    began = len(room.played)
    again = planned(capsys)
    (refused,) = again["machines"][0]["refused"]
    assert "write error at byte 512" in refused["reason"]
    assert "--retry-failed WD-pc1" in refused["hint"]
    assert "WD-pc1" not in [d["serial"] for m in again["machines"] for d in m["disks"]]
    asked = planned(capsys, "--retry-failed", "WD-pc1")
    (disk,) = asked["machines"][0]["disks"]
    assert disk["notes"][0]["code"] == "retried"
    assert [verb for verb, _ in room.played[began:]] == ["inspect", "inspect"]
    room.answers.clear()
    wipe = ["wipe", "-i", "x", "--plan", asked["file"], "--confirm", asked["confirm"]]
    assert cli.run(wipe) == 0
    capsys.readouterr()
    assert planned(capsys)["machines"][0]["disks"][0]["notes"] == []


def planned(capsys: Output, *more: str) -> dict[str, Any]:
    cli.run(["plan", "-i", "x", "--json", *more])
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def test_the_flags_reach_the_plan(room: playing.Room, capsys: Output) -> None:
    room.facts["pc1"] = samples.facts(samples.disk("H", native_bytes=161 * samples.GB))
    argv = ["plan", "-i", "x", "--limit", "pc1", "--json"]
    cli.run(argv)
    assert json.loads(capsys.readouterr().out)["machines"][0]["disks"] == []
    cli.run([*argv, "--remove-hpa", "--sampled", "20"])
    (disk,) = json.loads(capsys.readouterr().out)["machines"][0]["disks"]
    assert disk["remove_hpa"] is True
    assert disk["verify"] == {
        "mode": "sampled",
        "pitch_bytes": 5 << 20,
        "length_bytes": 1 << 20,
    }


@pytest.mark.parametrize("percent", ["0", "0.5", "100", "-3", "half", "nan"])
def test_a_bad_percentage_is_2(room: playing.Room, percent: str) -> None:
    assert cli.run(["plan", "-i", "x", "--sampled", percent]) == 2
    assert room.played == []
