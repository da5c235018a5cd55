"""``netspring triage`` and the verdict within ``netspring inspect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import playing
import pytest
import samples

from netspring_provision import cli
from netspring_provision.config import Station
from netspring_provision.steps import job as job_step
from netspring_provision.triage import disk_verdict, machine_verdict

FIXTURES = Path(__file__).parents[2] / "fixtures/triage"
DRIVES = FIXTURES / "smartctl_exporter"
Output = pytest.CaptureFixture[str]
COUNTS = {"reallocated": 0, "pending": 0, "uncorrectable": 0, "hours": 100}


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    """The command's own station, with pc1 and pc2 in an inventory of any name."""
    made = playing.room(netspring_home, monkeypatch, count=2)
    made.facts = {h.name: samples.facts(host=h.name) for h in made.hosts}
    monkeypatch.setattr(Station, "ensure", lambda self: self)
    monkeypatch.setattr(job_step, "load", lambda *_: made.hosts)
    monkeypatch.setattr(job_step, "inventory_path", Path)
    return made


def told(**health: Any) -> dict[str, Any]:
    """A disk's summary as the inspect module reports it."""
    return {"passed": True, **COUNTS, **health}


def answered(capsys: Output, *arguments: object) -> tuple[int, dict[str, Any]]:
    code = cli.run(["triage", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_good_disk_is_kept(capsys: Output) -> None:
    code, data = answered(capsys, DRIVES / "KXG60ZNV512G_TOSHIBA_2.json")
    assert code == 0
    assert data["all_keep"] is True
    (disk,) = data["disks"]
    assert (disk["verdict"], disk["health"]) == ("keep", "healthy")
    assert set(disk["reason"]) == {"zh", "en"}
    assert data["files"][0]["kinds"] == ["smartctl"]


def test_a_failing_disk_is_told_and_ends_with_one(capsys: Output) -> None:
    code, data = answered(capsys, DRIVES / "SEAGATE_ST373453LC_26.json")
    assert code == 1
    (disk,) = data["disks"]
    assert (disk["verdict"], disk["health"]) == ("repair", "failing")
    assert "536 read or write errors" in disk["reason"]["en"]
    assert "536" in disk["reason"]["zh"]


def test_a_machine_from_its_files(capsys: Output) -> None:
    folder = FIXTURES / "composed/laptop-failing-disk"
    code, data = answered(capsys, *folder.iterdir())
    assert code == 1
    (machine,) = data["machines"]
    assert machine["verdict"] == "repair"
    assert machine["disks"][0]["health"] == "failing"
    assert data["disks"] == []


def test_for_people_both_languages_are_printed(capsys: Output) -> None:
    assert cli.run(["triage", str(DRIVES / "MB0500EBNCR_13.json")]) == 1
    said = capsys.readouterr().out
    assert "repair" in said
    assert "MB0500EBNCR" in said
    assert "The disk is failing: it reported 1 uncorrectable error." in said
    assert "硬盘快坏了" in said
    assert "Only this disk was judged" in said


def test_names_are_not_taken_for_markup(tmp_path: Path, capsys: Output) -> None:
    document = json.loads((DRIVES / "KXG60ZNV512G_TOSHIBA_2.json").read_text())
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**document, "model_name": "[bold]X[/bold] [/]"}))
    assert cli.run(["triage", str(path)]) == 0
    assert "[bold]X[/bold] [/]" in capsys.readouterr().out


def test_other_files_are_named_with_what_would_be_accepted(tmp_path: Path, capsys: Output) -> None:
    files = {
        "notes.txt": b"lshw was run on Monday\n",
        "other.json": b'{"name": "left-pad", "version": "1.3.0"}',
        "list.json": b"[1, 2, 3]",
        "empty.json": b"",
        "picture.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "scan.json": b'{"smartctl": {"version": [7, 4]}, "devices": [{"name": "/dev/sda"}]}',
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    good = DRIVES / "KXG60ZNV512G_TOSHIBA_2.json"
    paths = [str(tmp_path / name) for name in files]
    assert cli.run(["triage", str(good), *paths, str(tmp_path), str(tmp_path / "gone")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for path in (*paths, str(tmp_path / "gone")):
        assert path in said.err
    assert f"{tmp_path / 'empty.json'} is empty" in said.err
    assert str(good) not in said.err
    for accepted in ("smartctl -j -x", "lshw -json", "nvme id-ctrl", "hdparm -I", "lsblk -J"):
        assert accepted in said.err


@pytest.mark.parametrize("arguments", [[], ["-i", "x", str(DRIVES / "MB0500EBNCR_13.json")]])
def test_files_or_an_inventory_and_not_both(arguments: list[str], capsys: Output) -> None:
    assert cli.run(["triage", *arguments]) == 2
    assert "inventory" in capsys.readouterr().err


def test_live_machines(room: playing.Room, capsys: Output) -> None:
    room.facts["pc1"] = samples.facts(samples.disk("A", smart=told()))
    room.facts["pc2"] = samples.facts(samples.disk("B", smart=told(pending=8)), host="pc2")
    code, data = answered(capsys, "-i", "x")
    assert code == 1
    verdicts = {one["name"]: one["verdict"] for one in data["machines"]}
    assert verdicts == {"pc1": "keep", "pc2": "repair"}
    assert [playbook for playbook, _ in room.played] == ["inspect"]


def test_a_machine_that_does_not_answer_is_not_well(room: playing.Room, capsys: Output) -> None:
    room.facts["pc1"] = samples.facts(samples.disk("A", smart=told()))
    del room.facts["pc2"]
    code, data = answered(capsys, "-i", "x")
    assert code == 1
    assert data["all_keep"] is False
    assert [gone["host"] for gone in data["missing"]] == ["pc2"]
    assert cli.run(["triage", "-i", "x"]) == 1
    assert "no answer" in capsys.readouterr().out


def test_inspect_shows_the_verdict(room: playing.Room, capsys: Output) -> None:
    room.facts["pc2"] = samples.facts(samples.disk("B", smart=told(pending=8)), host="pc2")
    assert cli.run(["inspect", "-i", "x"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "8 sectors cannot be read" in said
    assert "需要维修" in said
    assert cli.run(["inspect", "-i", "x", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["triage"]["pc2"]["verdict"] == "repair"


def test_what_inspect_prints_is_judged_the_same(
    room: playing.Room, capsys: Output, tmp_path: Path
) -> None:
    """`netspring inspect --json` as a recorded file gives the verdicts of the live machines."""
    room.facts["pc1"] = samples.facts(samples.disk("A", smart=told()))
    room.facts["pc2"] = samples.facts(samples.disk("B", smart=told(pending=8)), host="pc2")
    assert cli.run(["inspect", "-i", "x", "--json"]) == 0
    recorded = tmp_path / "inspect.json"
    recorded.write_text(capsys.readouterr().out)
    code, data = answered(capsys, recorded)
    assert code == 1
    assert {one["name"]: one["verdict"] for one in data["machines"]} == {
        "pc1": "keep",
        "pc2": "repair",
    }


def test_smartctls_own_answer_counts_before_the_summary() -> None:
    """The summary cannot tell 187; the answer that travels with it does."""
    drive = json.loads((DRIVES / "MB0500EBNCR_13.json").read_text())
    disk = samples.disk("A", smart=told(), smartctl=drive)
    assert disk_verdict(samples.disk("A", smart=told())).health == "healthy"
    verdict = disk_verdict(disk)
    assert verdict.health == "failing"
    assert verdict.disk.name == "/dev/sda WDC WD1600BEVT (A)"


def test_facts_of_other_buses() -> None:
    """The same two numbers mean other things on SCSI and NVMe."""
    sas = samples.disk("A", bus="scsi", smart=told(reallocated=20))
    assert [one.rule for one in disk_verdict(sas).findings] == ["grown_defects"]
    nvme = samples.disk("A", bus="nvme", medium="ssd", smart=told(uncorrectable=1))
    assert [one.rule for one in disk_verdict(nvme).findings] == ["media_errors"]
    virtual = disk_verdict(samples.disk("A", bus="virtio", smart=None))
    assert virtual.health == "unknown"
    locked = {"supported": True, "enabled": True, "locked": True, "frozen": False}
    assert disk_verdict(samples.disk("A", smart=told(), security=locked)).health == "unknown"


def test_boot_areas_and_sticks_are_not_the_machines_disks() -> None:
    card = samples.disk("c", name="mmcblk0", bus="mmc", medium="flash", smart=None)
    boot = samples.disk("c-boot0", name="mmcblk0boot0", bus="mmc", medium="flash", smart=None)
    stick = samples.disk("u", name="sdb", bus="usb", removable=True, smart=None)
    good = samples.disk("A", smart=told())
    verdict = machine_verdict(samples.payload(good, boot, stick, batteries=[]), "pc1")
    assert verdict.verdict == "keep"
    assert [one.disk.serial for one in verdict.disks] == ["A", "u"]
    assert machine_verdict(samples.payload(good, card), "pc1").verdict == "repair"


def test_batteries_of_a_live_machine() -> None:
    worn = {"name": "BAT0", "present": True, "full": 5, "design": 47, "cycles": 900}
    good = samples.disk("A", smart=told())
    verdict = machine_verdict(samples.payload(good, batteries=[worn]), "pc1")
    assert verdict.verdict == "repair"
    assert "BAT0 holds 10 %" in verdict.reason.en
    gone = {**worn, "present": False}
    assert machine_verdict(samples.payload(good, batteries=[gone]), "pc1").verdict == "keep"


@pytest.mark.parametrize(
    ("life_time", "pre_eol", "health", "rule"),
    [
        ([1, 1], 1, "healthy", None),
        ([1, 9], 2, "healthy", "worn_percent"),
        ([11, 1], 1, "failing", "worn_percent"),
        ([99, 1], 1, "failing", "worn_percent"),
        ([1, 1], 3, "failing", "own_verdict"),
        ([1, 1], 0, "unknown", "no_verdict"),
        ([], None, "unknown", "no_verdict"),
        ([0, 0], 1, "healthy", None),
    ],
)
def test_an_emmc_judges_itself_by_its_registers(
    life_time: list[int], pre_eol: int | None, health: str, rule: str | None
) -> None:
    wear = {"life_time": life_time, "pre_eol": pre_eol}
    disk = samples.disk("c", name="mmcblk0", bus="mmc", medium="flash", smart=None, wear=wear)
    verdict = disk_verdict(disk)
    assert verdict.health == health
    assert (verdict.findings[0].rule if verdict.findings else None) == rule
