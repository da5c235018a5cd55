"""One donated PC, end to end, with every command as a technician types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netspring_provision import lab
from netspring_provision.lab.model import Firmware
from netspring_provision.ledger import Ledger
from tests.vm.conftest import Lab

pytestmark = pytest.mark.vm


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_from_dirty_to_verified(station_lab: Lab, firmware: Firmware, tmp_path: Path) -> None:
    """SATA and NVMe: wiped (proven on the host), installed, booted, verified, then left alone."""
    name = f"flow-{firmware}"
    pc = station_lab.pc(name, "sata:5G", "nvme:2G", firmware=firmware)
    assert all(lab.count_pattern(disk.path) > 1000 for disk in pc.disks), "not dirty"
    station_lab.live(name)
    where = ("-i", "inventories/lab", "--limit", name)

    facts = station_lab.json("inspect", *where)["machines"][name]
    assert facts["system"]["firmware"] == firmware
    assert {d["bus"] for d in facts["disks"]} == {"sata", "nvme"}
    assert {d["serial"] for d in facts["disks"]} == {d.serial for d in pc.disks}

    plan = station_lab.plan(name)
    methods = {d["bus"]: d["method"] for d in plan["machines"][0]["disks"]}
    assert methods == {"sata": "overwrite", "nvme": "nvme_format"}
    assert all(lab.count_pattern(disk.path) > 1000 for disk in pc.disks), "a plan changed a disk"

    wiped = station_lab.json("wipe", *where, "--plan", plan["file"], "--confirm", plan["confirm"])
    assert [disk["outcome"] for disk in wiped[name]] == ["erased", "erased"]
    for disk in pc.disks:
        assert lab.count_pattern(disk.path) == 0
        assert lab.nonzero_bytes(disk.path) == 0

    again = station_lab.run("wipe", *where, "--plan", plan["file"], "--confirm", plan["confirm"])
    assert again.returncode == 3
    assert "carried out in full" in again.stderr

    phrase = plan["confirm"]
    done = station_lab.json("provision", *where, "--image", "core-zh_CN", "--confirm", phrase)
    machine = done["machines"][0]
    assert machine["steps"] == {"wipe": "ok", "install": "ok", "verify": "ok"}
    assert Path(done["report"]).read_text(encoding="utf-8").count(name) > 0
    assert lab.load(station_lab.station, name).state == "running disk"

    before = [disk.path.stat().st_mtime_ns for disk in pc.disks[1:]]
    second = station_lab.run("provision", *where, "--image", "core-zh_CN", "--confirm", phrase)
    assert second.returncode == 3
    assert "new plan" in second.stderr
    unasked = station_lab.run("provision", *where, "--image", "core-zh_CN")
    assert unasked.returncode == 3
    assert [disk.path.stat().st_mtime_ns for disk in pc.disks[1:]] == before

    junit, html = tmp_path / "junit.xml", tmp_path / "report.html"
    checked = station_lab.run("verify", *where, "--junit", str(junit), "--html", str(html))
    assert checked.returncode == 0, checked.stderr
    assert "<testsuite" in junit.read_text(encoding="utf-8")
    assert name in html.read_text(encoding="utf-8")

    assert Ledger(station_lab.station.ledger).check() > 5
    counts = [_task_results(path) for path in station_lab.station.runs.glob("*/*/artifacts")]
    assert 0 < sum(counts) <= 60, "the playbooks add too many task results"


def _task_results(artifacts: Path) -> int:
    events = (json.loads(p.read_text()) for p in artifacts.glob("*/job_events/*.json"))
    return sum(event["event"] in ("runner_on_ok", "runner_on_failed") for event in events)
