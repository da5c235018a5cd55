"""Batteries, and what of smartctl's answer travels to the station: enough for the same verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import health_record, machine, smart, tools

from netspring_provision.triage import smartctl
from netspring_provision.triage.judge import judge_disk

RECORDED = Path(__file__).parent / "recorded"


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*/*smartctl*.json")), ids=lambda p: p.name)
def test_the_pruned_answer_gives_the_same_verdict(path: Path) -> None:
    whole = json.loads(path.read_text())
    kept = health_record.pruned(path.read_text())
    assert kept is not None
    before, after = judge_disk(smartctl.read(whole)), judge_disk(smartctl.read(kept))
    assert (after.health, after.reason) == (before.health, before.reason)
    assert after.disk.numbers == before.disk.numbers
    assert len(json.dumps(kept)) < len(path.read_text())


@pytest.mark.parametrize("path", sorted((RECORDED / "smartctl").glob("*")), ids=lambda p: p.name)
def test_real_drives_pruned(path: Path) -> None:
    kept = health_record.pruned(path.read_text())
    whole = judge_disk(smartctl.read(json.loads(path.read_text())))
    assert judge_disk(smartctl.read(kept or {})).reason == whole.reason
    assert "serial_number" not in (kept or {})


@pytest.mark.parametrize(
    "text", ["", "smartctl: not found", "[]", "{}", "null", '{"a": ', "[" * 9999]
)
def test_no_answer_is_none(text: str) -> None:
    assert health_record.pruned(text) is None


def test_odd_answers_raise_nothing() -> None:
    odd = {"smartctl": 5, "ata_smart_attributes": {"table": [None, 3, {"flags": 1}]}}
    assert health_record.pruned(json.dumps(odd)) == {"ata_smart_attributes": {"table": [{}]}}


def test_a_bridge_is_asked_through_sat_and_its_complaint_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bridge that answers nothing either way: the first complaint says which bridge it is."""
    complaint = '{"smartctl": {"messages": [{"string": "/dev/sdb: Unknown USB bridge"}]}}'
    asked: list[list[str]] = []

    def run(argv: list[str]) -> tools.Said:
        asked.append(argv)
        return tools.Said(tuple(argv), 1, complaint if len(asked) == 1 else "{}", "")

    monkeypatch.setattr(tools, "run", run)
    assert smart.ask("/dev/sdb") == complaint
    assert asked == [
        ["smartctl", "-j", "-x", "/dev/sdb"],
        ["smartctl", "-j", "-x", "-d", "sat", "/dev/sdb"],
    ]
    assert smart.read("/dev/sdb") is None


def supply(root: Path, name: str, **files: str) -> None:
    folder = root / "sys/class/power_supply" / name
    folder.mkdir(parents=True)
    for key, value in files.items():
        (folder / key).write_text(value + "\n")


def test_batteries(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(
        tmp_path,
        "BAT0",
        type="Battery",
        present="1",
        energy_full="21090000",
        energy_full_design="47520000",
        cycle_count="812",
    )
    supply(tmp_path, "BAT1", type="Battery", present="0")
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device", present="1")
    supply(tmp_path, "CMB0", type="Battery", charge_full="2500000", charge_full_design="junk")
    assert machine.batteries(tmp_path) == [
        {
            "name": "BAT0",
            "present": True,
            "full": 21090000,
            "design": 47520000,
            "cycles": 812,
        },
        {"name": "BAT1", "present": False, "full": None, "design": None, "cycles": None},
        {"name": "CMB0", "present": True, "full": 2500000, "design": None, "cycles": None},
    ]


def test_a_machine_without_any_supply_has_no_battery(tmp_path: Path) -> None:
    assert machine.batteries(tmp_path) == []


def card(root: Path, **files: str) -> Path:
    folder = root / "block/mmcblk0/device"
    folder.mkdir(parents=True)
    for key, value in files.items():
        (folder / key).write_text(value + "\n")
    return root


def test_wear_of_a_card(tmp_path: Path) -> None:
    """As the kernel writes it (drivers/mmc/core/mmc.c: 0x%02x 0x%02x)."""
    told = card(tmp_path / "a", life_time="0x02 0x03", pre_eol_info="0x01")
    assert health_record.card_wear("mmcblk0", told) == {"life_time": [2, 3], "pre_eol": 1}
    assert health_record.card_wear("mmcblk0", card(tmp_path / "b")) is None
    odd = card(tmp_path / "c", life_time="?", pre_eol_info="")
    assert health_record.card_wear("mmcblk0", odd) == {"life_time": [None], "pre_eol": None}


def test_of_the_device_statistics_only_wear_is_kept() -> None:
    pages = [{"number": 1, "table": [{"name": "x"}]}, {"number": 7, "table": []}, None]
    kept = health_record.pruned(json.dumps({"ata_device_statistics": {"pages": pages}}))
    assert kept == {"ata_device_statistics": {"pages": [pages[1]]}}
