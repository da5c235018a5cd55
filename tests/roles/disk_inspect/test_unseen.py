"""Disks behind controllers that do not show them, in a made-up sysfs."""

from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import unseen


def pci(
    sys: Path, address: str, kind: str, driver: bool = True, remapped: str | None = None
) -> None:
    device = sys / "bus/pci/devices" / address
    device.mkdir(parents=True)
    for name, value in (("class", kind), ("vendor", "0x8086"), ("device", "0x2822")):
        (device / name).write_text(value + "\n")
    if driver:
        (device / "driver").mkdir()
    if remapped is not None:
        (device / "remapped_nvme").write_text(remapped + "\n")


def test_a_pc_that_shows_all(tmp_path: Path) -> None:
    pci(tmp_path, "0000:00:1f.2", "0x010601", remapped="0")
    pci(tmp_path, "0000:01:00.0", "0x010802")
    pci(tmp_path, "0000:00:02.0", "0x030000", driver=False)  # graphics without a driver
    pci(tmp_path, "0000:00:03.0", "0x010200", driver=False)  # a floppy controller
    assert unseen.hidden_disks(tmp_path) == []


@pytest.mark.parametrize(("told", "count"), [("2", 2), ("1", 1), ("many", 1)])
def test_nvme_behind_rst(tmp_path: Path, told: str, count: int) -> None:
    pci(tmp_path, "0000:00:17.0", "0x010400", remapped=told)
    assert unseen.hidden_disks(tmp_path) == [
        {"kind": "remapped_nvme", "count": count, "detail": "PCI 0000:00:17.0 [8086:2822]"}
    ]


@pytest.mark.parametrize("kind", ["0x010400", "0x010802", "0x010700", "0x018000", "0x010601"])
def test_a_controller_without_a_driver(tmp_path: Path, kind: str) -> None:
    pci(tmp_path, "0000:00:0e.0", kind, driver=False)
    assert unseen.hidden_disks(tmp_path) == [
        {"kind": "no_driver", "count": 1, "detail": "PCI 0000:00:0e.0 [8086:2822]"}
    ]


def test_no_pci_at_all(tmp_path: Path) -> None:
    assert unseen.hidden_disks(tmp_path) == []
