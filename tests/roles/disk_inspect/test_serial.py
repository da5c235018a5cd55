"""Where a serial number comes from, in a made-up sysfs; none is made up where the disk has none."""

from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import identity

USB = "devices/pci0000:00/0000:00:14.0/usb2/2-1"


def disk(sys: Path, device: str, **files: bytes) -> Path:
    """A disk called ``x`` that hangs on ``device``; returns its link under ``sys/block``."""
    folder = sys / device / "block/x"
    (folder / "device").mkdir(parents=True)
    for name, data in files.items():
        folder.joinpath(*name.split("__")).write_bytes(data)
    (sys / "block").mkdir()
    link = sys / "block/x"
    link.symlink_to(folder)
    return link


def vpd80(serial: bytes) -> bytes:
    return b"\x00\x80\x00" + bytes([len(serial)]) + serial


@pytest.mark.parametrize(
    ("files", "serial"),
    [
        ({"device__vpd_pg80": vpd80(b"  WD-1 ")}, "WD-1"),
        ({"device__serial": b"NVME-1   \n"}, "NVME-1"),
        ({"serial": b"VIRTIO-1"}, "VIRTIO-1"),
        ({"device__vpd_pg80": vpd80(b"")}, None),
        ({"device__vpd_pg80": vpd80(b"    ")}, None),
        ({"serial": b""}, None),
        ({}, None),
    ],
)
def test_the_disk_itself_is_asked(
    tmp_path: Path, files: dict[str, bytes], serial: str | None
) -> None:
    assert identity.serial_of(disk(tmp_path, "devices/pci/host0/0:0:0:0", **files)) == serial


@pytest.mark.parametrize(("text", "serial"), [("STICK-1\n", "STICK-1"), ("", None), (None, None)])
def test_a_usb_disk_has_the_serial_of_its_device(
    tmp_path: Path, text: str | None, serial: str | None
) -> None:
    block = disk(tmp_path, f"{USB}/2-1:1.0/host6/6:0:0:0")
    for level, value in ((tmp_path / USB, text), ((tmp_path / USB).parent, "0000:00:14.0")):
        (level / "idVendor").write_text("1d6b")
        if value is not None:
            (level / "serial").write_text(value)
    assert identity.serial_of(block) == serial, "the hub's serial is not the disk's"
