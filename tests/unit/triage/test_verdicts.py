"""The verdict over every recorded file, with the reason why it is the sensible one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netspring_provision.triage.model import Health, Verdict
from netspring_provision.triage.recorded import triage_files

FIXTURES = Path(__file__).parents[2] / "fixtures/triage"
HDPARM = Path(__file__).parents[2] / "roles/disk_inspect/recorded/hdparm"
HEALTHY, FAILING, UNKNOWN = Health.HEALTHY, Health.FAILING, Health.UNKNOWN

# The twelve real drives: verdict, rules that were met, and why that is right.
REAL = [
    ("HGST_HUS724020ALE640_28", HEALTHY, {"cable_errors", "hours"}, "12 CRC errors are the cable"),
    ("Hitachi_HUA722020ALA330_29", HEALTHY, {"hours"}, "nine years, not one bad sector"),
    ("INTEL_SSDPE2KX080T8_1", HEALTHY, set(), "nothing used up, no media errors"),
    ("KXG60ZNV512G_TOSHIBA_2", HEALTHY, set(), "1 % worn"),
    (
        "MB0500EBNCR_13",
        FAILING,
        {"reported_uncorrectable", "hours"},
        "one uncorrectable error: a third of such drives fail within a year",
    ),
    ("SAMSUNG_MZ7WD240HAFV-00003_21", HEALTHY, {"hours"}, "91 % of its life left"),
    ("SAMSUNG_MZVL21T0HCLR-00B00_23", HEALTHY, set(), "16 % worn"),
    (
        "SEAGATE_ST373453LC_26",
        FAILING,
        {"grown_defects", "scsi_uncorrected", "hours"},
        "260 grown defects, 536 errors it could not correct, though it says it passed",
    ),
    ("ST3200820AS_15", HEALTHY, {"hours"}, "old; the rotation rate is not told, the counts are"),
    ("ST3500418AS_11", HEALTHY, {"reallocated", "hours"}, "1 replaced sector: same rate as none"),
    ("WDC_WD20EFRX-68EUZN0_17", HEALTHY, {"hours"}, "no bad sector in five years"),
    ("nvme-null-CT250P2SSD8-nvme0", HEALTHY, set(), "an entry in the error log is no media error"),
]


@pytest.mark.parametrize(("name", "health", "rules", "why"), REAL, ids=[row[0] for row in REAL])
def test_real_drives(name: str, health: Health, rules: set[str], why: str) -> None:
    result = triage_files([FIXTURES / f"smartctl_exporter/{name}.json"])
    assert result.machines == ()
    (disk,) = result.disks
    assert disk.health == health, why
    assert {finding.rule for finding in disk.findings} == rules
    assert disk.verdict == (Verdict.KEEP if health is HEALTHY else Verdict.REPAIR)
    assert disk.reason.zh.endswith("。")
    assert disk.reason.en.endswith(".")


def test_drives_with_blacked_out_serials_are_not_taken_for_one() -> None:
    files = sorted((FIXTURES / "smartctl_exporter").glob("*.json"))
    result = triage_files(files)
    assert len(result.disks) == len(REAL)
    assert [one.disk.files for one in result.disks] == [(str(file),) for file in files]
    assert not result.all_keep


DISKS = [
    ("found/scrutiny-smart-fail2-usb-jmicron.json", FAILING, "own_verdict"),
    ("found/scrutiny-smart-scsi2-sas.json", HEALTHY, None),
    ("found/scrutiny-smart-nvme-media-errors.json", FAILING, "media_errors"),
    ("found/scrutiny-smart-fail-open-failed.json", UNKNOWN, "not_opened"),
    ("found/scrutiny-smart-raid-volume.json", UNKNOWN, "answers_failed"),
    ("found/scrutiny-info-only-support-bool.json", UNKNOWN, "no_verdict"),
    ("found/scrutiny-smart-sat-attributes-only.json", UNKNOWN, "no_verdict"),
    ("found/scrutiny-smart-megaraid0.json", HEALTHY, "answers_failed"),
    ("found/ironic-hdparm-I-ssd.txt", UNKNOWN, "locked"),
    ("found/csi-baremetal-smart-log.json", HEALTHY, None),
    ("found/csi-baremetal-id-ctrl.json", UNKNOWN, "not_asked"),
    ("composed/hdparm-usb-empty.txt", UNKNOWN, "not_asked"),
    ("composed/lsblk-old-human.json", UNKNOWN, "not_asked"),
    ("composed/nvme-id-ctrl.json", UNKNOWN, "not_asked"),
    ("composed/nvme-smart-log.json", FAILING, "spare_low"),
    ("composed/nvme-smart-log-verbose.json", FAILING, "own_verdict"),
    ("composed/smartctl-7.5-endurance.json", FAILING, "worn_percent"),
    ("composed/smartctl-cut-off.json", UNKNOWN, "cut_off"),
    ("composed/smartctl-nulls.json", UNKNOWN, "no_verdict"),
    ("composed/smartctl-numbers-as-strings.json", FAILING, "pending"),
    ("composed/smartctl-smart-off.json", UNKNOWN, "smart_off"),
    ("composed/smartctl-unknown-usb-bridge.json", UNKNOWN, "usb_bridge"),
    ("composed/smartctl-utf16.json", HEALTHY, None),
    ("composed/smartctl-utf16-no-mark.json", HEALTHY, None),
    ("composed/smartctl-utf8-mark.json", HEALTHY, None),
]


@pytest.mark.parametrize(("file", "health", "first"), DISKS, ids=[row[0] for row in DISKS])
def test_records_of_disks(file: str, health: Health, first: str | None) -> None:
    (disk,) = triage_files([FIXTURES / file]).disks
    assert disk.health == health
    assert (disk.findings[0].rule if disk.findings else None) == first


def test_what_a_disk_is_called() -> None:
    """SAS of smartctl 6.7, a device that was never opened, and a bridge of USB."""

    def read(file: str) -> tuple[str, str, str, int | None]:
        (disk,) = triage_files([FIXTURES / "found" / file]).disks
        return disk.disk.name, disk.disk.bus, disk.disk.medium, disk.disk.size_bytes

    sas = "/dev/sdb SEAGATE ST1200MM0088 (Z4028VRY0000C810BZXB)"
    assert read("scrutiny-smart-scsi2-sas.json") == (sas, "scsi", "hdd", 1200243695616)
    assert read("scrutiny-smart-fail-open-failed.json")[0] == "/dev/sda"
    assert read("scrutiny-smart-fail2-usb-jmicron.json")[1] == "usb"
    locked = "/dev/sda 7 PIN SATA FDM (20131210000000000023)"
    assert read("ironic-hdparm-I-ssd.txt") == (locked, "sata", "ssd", 31016000000)


def test_packed_raw_values_are_read_from_the_text() -> None:
    """Attribute 9 of this drive is 167031278144165, which is 2725 hours."""
    (disk,) = triage_files([FIXTURES / "found/scrutiny-smart-sat-attributes-only.json"]).disks
    assert disk.disk.numbers["hours"] == 2725


def test_lsblk_lists_disks_and_nothing_else() -> None:
    disks = triage_files([FIXTURES / "found/ironic-lsblk.json"]).disks
    assert [one.disk.path for one in disks] == ["/dev/sda", "/dev/sdc"]
    assert [one.disk.size_bytes for one in disks] == [60022480896, 1000204886016]
    (old,) = triage_files([FIXTURES / "composed/lsblk-old-human.json"]).disks
    assert old.disk.size_bytes == int(149.1 * (1 << 30))


@pytest.mark.parametrize("file", sorted(HDPARM.glob("*-I*.txt")), ids=lambda path: path.name)
def test_real_hdparm_output_is_recognised_and_never_healthy(file: Path) -> None:
    (disk,) = triage_files([file]).disks
    assert disk.health == UNKNOWN
    assert ("locked" in {finding.rule for finding in disk.findings}) == ("m4-locked" in file.name)


MACHINES = [
    ("composed/laptop-keep", Verdict.KEEP, {"battery"}),
    ("composed/laptop-failing-disk", Verdict.REPAIR, {"disk", "battery"}),
    ("composed/laptop-little-memory", Verdict.REPAIR, {"memory", "battery"}),
    ("composed/laptop-32-bit", Verdict.PARTS, {"cpu", "battery"}),
    ("composed/laptop-no-health", Verdict.REPAIR, {"disk", "battery"}),
    ("composed/laptop-no-disk", Verdict.REPAIR, {"disk", "battery"}),
    ("composed/everything-concatenated.txt", Verdict.KEEP, {"battery"}),
    ("composed/lshw-class-no-brackets.json", Verdict.REPAIR, {"disk"}),
    ("composed/lshw-trailing-comma.json", Verdict.REPAIR, {"disk", "battery"}),
    ("composed/lshw-gb18030.json", Verdict.REPAIR, {"disk", "battery"}),
    ("composed/lshw-latin-1.json", Verdict.REPAIR, {"disk", "battery"}),
    ("found/ironic-lshw-v1-no-class.json", Verdict.REPAIR, {"disk"}),
    ("found/ironic-lshw-v2-banks-only.json", Verdict.REPAIR, {"disk", "cpu"}),
    ("found/ironic-lshw-arm64.json", Verdict.PARTS, {"disk", "cpu"}),
]


@pytest.mark.parametrize(("name", "verdict", "rules"), MACHINES, ids=[row[0] for row in MACHINES])
def test_machines(name: str, verdict: Verdict, rules: set[str]) -> None:
    path = FIXTURES / name
    result = triage_files(sorted(path.iterdir()) if path.is_dir() else [path])
    (machine,) = result.machines
    assert result.disks == ()
    assert machine.verdict == verdict
    assert {finding.rule for finding in machine.findings} == rules
    assert len(machine.disks) <= 1
    json.dumps(machine.as_data())


def test_memory_is_summed_over_banks_where_no_total_stands() -> None:
    (machine,) = triage_files([FIXTURES / "found/ironic-lshw-v2-banks-only.json"]).machines
    assert machine.machine.memory_bytes == 64 << 30


def test_names_in_other_encodings() -> None:
    (chinese,) = triage_files([FIXTURES / "composed/lshw-gb18030.json"]).machines
    assert chinese.machine.name == "联想 2768CTO (L3A0001)"
    (latin,) = triage_files([FIXTURES / "composed/lshw-latin-1.json"]).machines
    assert latin.machine.memory_bytes == 4 << 30


def test_two_laptops_in_two_folders_keep_their_disks() -> None:
    """The same serial stands in both: the folder decides after the serial does."""
    folders = [FIXTURES / "composed/laptop-keep", FIXTURES / "composed/laptop-failing-disk"]
    result = triage_files([file for folder in folders for file in sorted(folder.iterdir())])
    assert [machine.verdict for machine in result.machines] == [Verdict.KEEP, Verdict.REPAIR]
    assert result.disks == ()


def test_nvme_identity_and_log_are_one_disk() -> None:
    files = [FIXTURES / f"composed/nvme-{name}.json" for name in ("id-ctrl", "smart-log")]
    (disk,) = triage_files(files).disks
    assert disk.disk.name == "SAMSUNG MZVPW256HEGL-000L7 (S33ENX0K100000)"
    assert disk.health == FAILING
    assert disk.disk.size_bytes == 256060514304


def test_a_virtual_pc_as_inspected() -> None:
    """Recorded from the real module in the live environment; its disks are small on purpose."""
    (machine,) = triage_files([FIXTURES / "qemu-inspect.json"]).machines
    assert machine.verdict == Verdict.REPAIR
    healths = {one.disk.path: (one.health, one.findings[:1]) for one in machine.disks}
    assert {path: str(health) for path, (health, _) in healths.items()} == {
        "/dev/nvme0n1": "healthy",
        "/dev/sda": "healthy",
        "/dev/sdb": "unknown",
        "/dev/vda": "unknown",
    }
    assert healths["/dev/sdb"][1][0].rule == "usb_bridge"
    assert healths["/dev/vda"][1][0].rule == "not_opened"
