"""What stands in a file, however it was written, and which files belong to one machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netspring_provision.triage import recorded
from netspring_provision.triage.documents import decode, split
from netspring_provision.triage.model import Health
from netspring_provision.triage.recorded import Found, judge, recognise

FIXTURES = Path(__file__).parents[2] / "fixtures/triage"
LAPTOP = FIXTURES / "composed/laptop-keep"
DRIVES = sorted((FIXTURES / "smartctl_exporter").glob("*.json"))


def found(document: Any, file: str = "a/one.json") -> Found:
    written = document if isinstance(document, str) else json.dumps(document)
    return recognise(written.encode(), file)


def smartctl(serial: str | None, path: str = "/dev/sda", pending: int = 0) -> dict[str, Any]:
    row = {"id": 197, "raw": {"value": pending, "string": str(pending)}}
    return {
        "device": {"name": path, "info_name": path, "protocol": "ATA"},
        "serial_number": serial,
        "user_capacity": {"bytes": 160 * 10**9},
        "smart_status": {"passed": True},
        "ata_smart_attributes": {"table": [row]},
    }


def lshw(serial: str | None, name: str = "pc") -> dict[str, Any]:
    disk = {"id": "disk", "class": "disk", "logicalname": "/dev/sda", "serial": serial}
    cpu = {"id": "cpu", "class": "processor", "capabilities": {"x86-64": True}}
    memory = {"id": "memory", "class": "memory", "size": 4 << 30}
    core = {"id": "core", "class": "bus", "children": [cpu, memory, disk]}
    return {"id": name, "class": "system", "product": name, "children": [core]}


@pytest.mark.parametrize("file", DRIVES, ids=lambda path: path.stem)
def test_half_a_record_is_never_healthy(file: Path) -> None:
    """Wherever the record breaks off, the line that condemns the disk may be behind the break."""
    raw = file.read_bytes().rstrip()
    for end in range(1, len(raw), max(1, len(raw) // 60)):
        result = judge([recognise(raw[:end], "a")])
        assert all(disk.health is not Health.HEALTHY for disk in result.disks)
    (disk,) = judge([recognise(raw[:-1], "a")]).disks
    assert disk.health is not Health.HEALTHY
    assert "cut_off" in disk.disk.gaps


def test_a_machine_that_is_cut_off_is_not_kept() -> None:
    raw = (LAPTOP / "lshw.json").read_bytes().rstrip()
    other = recognise((LAPTOP / "smartctl-sda.json").read_bytes(), "a/smartctl")
    whole = judge([recognise(raw, "a/lshw"), other])
    assert [machine.verdict for machine in whole.machines] == ["keep"]
    for end in range(1, len(raw), 7):
        result = judge([recognise(raw[:end], "a/lshw"), other])
        assert all(machine.verdict != "keep" for machine in result.machines)


def test_a_failing_disk_is_failing_also_in_half_a_record() -> None:
    raw = json.dumps(smartctl("A", pending=9) | {"zzz": 1}).encode()
    (disk,) = judge([recognise(raw[:-5], "a")]).disks
    assert disk.health is Health.FAILING


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"]
)
def test_encodings(encoding: str) -> None:
    document = json.dumps(smartctl("序列号-1") | {"model_name": "硬盘"}, ensure_ascii=False)
    (disk,) = judge([recognise(document.encode(encoding), "a")]).disks
    assert disk.health is Health.HEALTHY
    assert disk.disk.model == "硬盘"


def test_bytes_that_are_no_text_in_the_middle() -> None:
    raw = json.dumps(smartctl("A")).encode().replace(b'"A"', b'"\xff\xfe\x81"')
    (disk,) = judge([recognise(raw, "a")]).disks
    assert disk.health is Health.HEALTHY


def test_decode_gives_at_least_one_text() -> None:
    assert decode(b"") == [""]
    assert decode(b"\xff")[-1] == "ÿ"
    assert decode("é".encode("latin-1") + b'"')[-1] == 'é"'


def test_text_around_and_between_documents() -> None:
    one, two = smartctl("A", "/dev/sda"), smartctl("B", "/dev/sdb", pending=1)
    written = f"root@pc:~# smartctl\n{json.dumps(one)}\nroot@pc:~# {{\n{json.dumps(two)}\n# end"
    result = judge([found(written)])
    assert [(disk.disk.serial, disk.health) for disk in result.disks] == [
        ("A", "healthy"),
        ("B", "failing"),
    ]


def test_documents_in_a_list() -> None:
    """`jq -s` and a script of the workshop put many answers into one list."""
    result = judge([found([smartctl("A"), [smartctl("B", "/dev/sdb")], None, 5])])
    assert [disk.disk.serial for disk in result.disks] == ["A", "B"]


def test_commas_too_many_are_forgiven_and_not_taken_for_a_cut() -> None:
    written = json.dumps(smartctl("A"))[:-1] + ",}"
    (disk,) = judge([found(written)]).disks
    assert disk.health is Health.HEALTHY
    assert not split('{"a": 1,}').documents[0].cut_off


def test_several_machines_in_one_folder_get_their_disks_by_serial() -> None:
    files = [
        found(lshw("A", "one"), "a/1.json"),
        found(lshw("B", "two"), "a/2.json"),
        found(smartctl("B", pending=3), "a/3.json"),
        found(smartctl("A"), "a/4.json"),
        found(smartctl("C", "/dev/sdc"), "a/5.json"),
    ]
    result = judge(files)
    assert [(one.machine.name, one.verdict) for one in result.machines] == [
        ("one", "keep"),
        ("two", "repair"),
    ]
    assert [disk.disk.serial for disk in result.disks] == ["C"]


def test_one_machine_in_a_folder_owns_the_disks_beside_it() -> None:
    """Also a disk that lshw did not see, and one whose serial it did not tell."""
    files = [
        found(lshw(None), "a/1.json"),
        found(smartctl("A"), "a/2.json"),
        found(smartctl("B", "/dev/sdb", pending=1), "a/3.json"),
        found(smartctl("C"), "b/4.json"),
    ]
    result = judge(files)
    (machine,) = result.machines
    assert [disk.disk.serial for disk in machine.disks] == ["A", "B"]
    assert machine.verdict == "repair"
    assert [disk.disk.serial for disk in result.disks] == ["C"]
    assert machine.machine.files == ("a/1.json", "a/2.json", "a/3.json")


def test_the_same_serial_in_two_records_is_one_disk_and_the_worse_counts() -> None:
    files = [found(smartctl("A"), "a/1"), found(smartctl("A", pending=1), "a/2")]
    (disk,) = judge(files).disks
    assert disk.health is Health.FAILING
    assert disk.disk.files == ("a/1", "a/2")


def test_records_without_serials_are_never_thrown_together() -> None:
    for serial in (None, "", "REDACTED", "XXXXXXXX", "0000", "N/A"):
        files = [found(smartctl(serial), "a/1"), found(smartctl(serial, pending=1), "a/2")]
        assert [disk.health for disk in judge(files).disks] == ["healthy", "failing"], serial


def test_lsblk_beside_smartctl_adds_no_disk() -> None:
    rows = [
        {"name": "sda", "type": "disk", "size": 160000000000, "serial": "A"},
        {"name": "sdb", "type": "disk", "size": 160000000000, "serial": None},
    ]
    files = [found({"blockdevices": rows}, "a/1"), found(smartctl("A"), "a/2")]
    result = judge(files)
    assert [(disk.disk.path, disk.health) for disk in result.disks] == [
        ("/dev/sda", "healthy"),
        ("/dev/sdb", "unknown"),
    ]


def test_two_nvme_logs_are_not_guessed_to_their_disks() -> None:
    log = {"critical_warning": 0, "avail_spare": 100, "spare_thresh": 10, "percent_used": 1}
    files = [
        found({"sn": "A", "mn": "One", "vid": 1}, "a/1"),
        found({"sn": "B", "mn": "Two", "vid": 1}, "a/2"),
        found(log, "a/3"),
        found(log | {"critical_warning": 4}, "a/4"),
    ]
    healths = [(disk.disk.serial, str(disk.health)) for disk in judge(files).disks]
    assert healths == [("A", "unknown"), ("B", "unknown"), (None, "healthy"), (None, "failing")]


def test_a_file_too_large_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MAXIMUM_BYTES", 10)
    path = tmp_path / "big.json"
    path.write_text(json.dumps(smartctl("A")))
    with pytest.raises(recorded.UsageError, match=r"big\.json is larger than"):
        recorded.triage_files([path])


def test_wear_of_a_sata_ssd_stands_in_the_statistics_log() -> None:
    """smartctl 7.4 and older; the form is that of its ataprint.cpp."""
    row = {"offset": 8, "name": "Percentage Used Endurance Indicator", "size": 1, "value": 101}
    worn = smartctl("A") | {
        "rotation_rate": 0,
        "ata_device_statistics": {"pages": [{"number": 7, "table": [row, None]}]},
    }
    (disk,) = judge([found(worn)]).disks
    assert disk.disk.numbers["worn_percent"] == 101
    assert disk.health is Health.FAILING


def test_controller_and_first_namespace_are_one_nvme_disk() -> None:
    log = {"critical_warning": 0, "percentage_used": 1, "media_errors": 0}
    asked = {
        "device": {"name": "/dev/nvme0", "info_name": "/dev/nvme0", "protocol": "NVMe"},
        "smart_status": {"passed": True},
        "nvme_smart_health_information_log": log,
    }
    rows = [{"name": f"nvme{n}n1", "type": "disk", "size": 5 * 10**11} for n in (0, 1)]
    disks = judge([found(asked, "a/1"), found({"blockdevices": rows}, "a/2")]).disks
    assert [(disk.disk.path, disk.health) for disk in disks] == [
        ("/dev/nvme0", "healthy"),
        ("/dev/nvme1n1", "unknown"),
    ]
