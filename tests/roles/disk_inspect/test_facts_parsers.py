"""Parsers over recorded output: of real tools in a virtual PC, and of real drives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import ata, identity, machine, nvme, smart, uses

RECORDED = Path(__file__).parent / "recorded"
QEMU = RECORDED / "qemu-7.2"


def text(name: str) -> str:
    return (QEMU / name).read_text()


def test_ata_identity_of_a_disk_without_security() -> None:
    found = ata.security(text("hdparm-I-sda.txt"))
    assert found == ata.Security(supported=False, enabled=False, locked=False, frozen=False)


def test_no_ata_identity_is_unknown_not_unlocked() -> None:
    assert ata.security("\n/dev/sdb:\n") is None
    assert ata.security("") is None


def test_no_hidden_area() -> None:
    found = ata.hidden_area(text("hdparm-N-sda.txt"), text("hdparm-N-sda.err"))
    assert found == ata.HiddenArea(present=False, current_sectors=2097152, native_sectors=2097152)


@pytest.mark.parametrize(
    ("answer", "complaint", "expected"),
    [
        (" max sectors   = 976771055/976773168, HPA is enabled", "", True),
        (" max sectors   = 976773168/11041840, HPA setting seems invalid", "", None),
    ],
)
def test_hidden_area(answer: str, complaint: str, expected: bool | None) -> None:
    found = ata.hidden_area(answer, complaint)
    assert found is not None
    assert found.present is expected


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (" max sectors   = 976773168/1, HPA is enabled", ""),
        # Recorded from a USB disk of QEMU.
        (" max sectors   = 0/1, HPA is enabled", "SG_IO: bad/missing sense data, sb[]:  70 00 05"),
        (" max sectors   = 2097152/2097152", "SG_IO: bad/missing sense data, sb[]:  70 00 05"),
        ("", "The running kernel lacks CONFIG_IDE_TASK_IOCTL"),
    ],
)
def test_an_answer_that_never_came_is_unknown(answer: str, complaint: str) -> None:
    assert ata.hidden_area(answer, complaint) is None


def test_nvme_of_qemu() -> None:
    found = nvme.formatting("/dev/nvme0", 1, text("nvme-id-ctrl.json"), text("nvme-id-ns.json"))
    assert found == nvme.Formatting(
        controller="/dev/nvme0",
        nsid=1,
        format_supported=True,
        secure_erase=True,
        crypto_erase=False,
        format_all_ns=False,
        lbaf=0,
        ms=0,
    )


@pytest.mark.parametrize(
    ("flbas", "lbaf", "ms"), [(0, 0, 0), (2, 2, 0), (0x13, 3, 1), (0x20, 16, 0), (0x71, 49, 1)]
)
def test_nvme_format_in_use(flbas: int, lbaf: int, ms: int) -> None:
    namespace = json.dumps({**json.loads(text("nvme-id-ns.json")), "flbas": flbas})
    found = nvme.formatting("/dev/nvme0", 1, text("nvme-id-ctrl.json"), namespace)
    assert found is not None
    assert (found.lbaf, found.ms) == (lbaf, ms)


@pytest.mark.parametrize(
    ("oacs", "fna", "supported", "crypto", "every"),
    [(0, 4, False, False, False), (2, 4, True, True, False), (2, 1, True, False, True)],
)
def test_nvme_abilities(oacs: int, fna: int, supported: bool, crypto: bool, every: bool) -> None:
    ctrl = json.dumps({**json.loads(text("nvme-id-ctrl.json")), "oacs": oacs, "fna": fna})
    found = nvme.formatting("/dev/nvme0", 1, ctrl, text("nvme-id-ns.json"))
    assert found is not None
    assert (found.format_supported, found.secure_erase) == (supported, supported)
    assert (found.crypto_erase, found.format_all_ns) == (crypto, every)


ONE = '{"nsid_list": [{"nsid": 1}]}'  # as nvme-cli 2.13 prints it
TWO = '{"nsid_list": [{"nsid": 1}, {"nsid": 2}]}'


@pytest.mark.parametrize(
    ("oacs", "unvmcap", "listed", "whole"),
    [
        (2, 0, "", True),  # a drive that can only have one
        (2, None, "", True),
        (10, 0, ONE, True),
        (10, 0, TWO, False),
        (10, 0, "", False),
        (10, 0, "{}", False),
        (10, 1, ONE, False),
        (2, "1000204886016", "", False),
        (2, "?", "", False),
    ],
)
def test_whether_a_namespace_is_all_of_its_drive(
    oacs: int, unvmcap: object, listed: str, whole: bool
) -> None:
    ctrl = {**json.loads(text("nvme-id-ctrl.json")), "oacs": oacs, "unvmcap": unvmcap}
    assert nvme.holds_all(json.dumps(ctrl), listed) is whole
    assert nvme.holds_all("", listed) is False


@pytest.mark.parametrize("broken", ["", "{}", "[]", "Usage: nvme", '{"oacs": null}'])
def test_nvme_without_an_answer(broken: str) -> None:
    assert nvme.formatting("/dev/nvme0", 1, broken, text("nvme-id-ns.json")) is None
    assert nvme.formatting("/dev/nvme0", 1, text("nvme-id-ctrl.json"), broken) is None


def test_health_of_qemu() -> None:
    assert smart.health(text("smartctl-sda.json")) == smart.Health(
        passed=True, reallocated=0, pending=None, uncorrectable=None, hours=1
    )
    assert smart.health(text("smartctl-nvme0n1.json")) == smart.Health(
        passed=True, reallocated=None, pending=None, uncorrectable=0, hours=0
    )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("ST3500418AS_11", smart.Health(True, 1, 0, 0, 44670)),
        ("MB0500EBNCR_13", smart.Health(True, 0, 0, 0, 89214)),
        ("KXG60ZNV512G_TOSHIBA_2", smart.Health(True, None, None, 0, 12173)),
        ("SEAGATE_ST373453LC_26", smart.Health(True, 260, None, 536, 102880)),
    ],
)
def test_health_of_real_drives(file: str, expected: smart.Health) -> None:
    assert smart.health((RECORDED / "smartctl" / f"{file}.json").read_text()) == expected


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"smartctl": {"exit_status": 2}}'])
def test_no_health_is_unknown(broken: str) -> None:
    assert smart.health(broken) is None


def test_serial_and_world_wide_name() -> None:
    assert identity.serial_from_vpd80((QEMU / "vpd_pg80-sda.bin").read_bytes()) == "SATA0001"
    assert identity.serial_from_vpd80(b"") is None
    assert identity.serial_from_vpd80(b"\x00\x80\x00\x04    ") is None
    assert identity.serial_from_vpd80(b"\x00\x83\x00\x02AB") is None
    assert identity.wwn_from_wwid("naa.5000C500A1B2C3D4") == "0x5000c500a1b2c3d4"
    assert identity.wwn_from_wwid("eui.0025385B71B0A7A1") == "eui.0025385b71b0a7a1"
    assert identity.wwn_from_wwid("t10.ATA     QEMU HARDDISK   SATA0001") is None
    assert identity.wwn_from_wwid("nvme.1b36-4e564d45-00000001") is None
    assert identity.wwn_from_wwid(None) is None


@pytest.mark.parametrize(
    ("name", "path", "bus"),
    [
        ("sda", "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0", "sata"),
        (
            "sdb",
            "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0",
            "usb",
        ),
        ("sdc", "/sys/devices/pci0000:00/0000:00:05.0/host2/target2:0:1/2:0:1:0", "scsi"),
        ("sdd", "/sys/devices/pci0000:00/0000:00:04.0/virtio1/host3/target3:0:0/3:0:0:0", "scsi"),
        ("vda", "/sys/devices/pci0000:00/0000:00:03.0/virtio0/block/vda", "virtio"),
        ("nvme0n1", "/sys/devices/pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1", "nvme"),
        ("mmcblk0", "/sys/devices/pci0000:00/0000:00:04.0/mmc_host/mmc0/mmc0:4567", "mmc"),
        ("hda", "/sys/devices/legacy", "unknown"),
    ],
)
def test_bus(name: str, path: str, bus: str) -> None:
    assert identity.bus_of(name, f"{path}/block/{name}") == bus


def test_which_block_devices_are_disks(tmp_path: Path) -> None:
    """A made-up sysfs: (name, hardware behind it, removable, sectors)."""
    for name, hardware, removable, size in (
        ("sda", True, "0", "2097152"),
        ("sdb", True, "1", "0"),  # a card reader without a card
        ("sdc", True, "0", "0"),  # a fixed disk that is dead
        ("sr0", True, "1", "2097152"),
        ("mmcblk0", True, "0", "2097152"),
        ("mmcblk0boot0", True, "0", "8192"),
        ("nvme0n1", True, "0", "2097152"),
        ("vda", True, "0", "2097152"),
        ("loop0", False, "0", "2097152"),
        ("dm-0", False, "0", "2097152"),
        ("zram0", False, "0", "2097152"),
    ):
        block = tmp_path / "block" / name
        block.mkdir(parents=True)
        (block / "removable").write_text(removable)
        (block / "size").write_text(size)
        if hardware:
            (block / "device").mkdir()
    names = ("mmcblk0", "mmcblk0boot0", "nvme0n1", "sda", "sdc", "vda")
    assert identity.disk_names(tmp_path) == names


MOUNTS = """1 1 0:2 / / rw shared:1 - rootfs rootfs rw
42 27 8:1 / /mnt/old\\040disk rw,relatime - ext4 /dev/sda1 rw
43 27 0:40 / /data rw,relatime shared:5 - btrfs /dev/sdb rw
44 27 8:33 / / rw - ext4 /dev/sdc1 rw
"""


def test_mounts() -> None:
    by_number = uses.mounts_of(MOUNTS, {"8:0", "8:1"}, {"/dev/sda", "/dev/sda1"})
    assert by_number == [{"kind": "mounted", "detail": "/dev/sda1 on /mnt/old disk"}]
    by_source = uses.mounts_of(MOUNTS, {"8:16"}, {"/dev/sdb"})
    assert by_source == [{"kind": "mounted", "detail": "/dev/sdb on /data"}]
    assert uses.mounts_of(MOUNTS, {"8:33"}, set())[0]["kind"] == "boot"
    assert uses.mounts_of(MOUNTS, {"8:48"}, {"/dev/sdd"}) == []


def test_swaps() -> None:
    swaps = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2  partition\t65532\t0\t-2\n"
    assert uses.swaps_of(swaps, {"/dev/sda2"}) == [{"kind": "swap", "detail": "/dev/sda2"}]
    assert uses.swaps_of(swaps, {"/dev/sda"}) == []


@pytest.mark.parametrize(
    ("name", "mapping", "kind"),
    [
        ("dm-0", "LVM-abc", "lvm"),
        ("dm-1", "mpath-3600", "multipath"),
        ("dm-2", "CRYPT-LUKS2-abc", "dm"),
        ("dm-3", None, "dm"),
        ("md127", None, "raid"),
        ("bcache0", None, "holder"),
    ],
)
def test_holders(name: str, mapping: str | None, kind: str) -> None:
    assert uses.holder_kind(name, mapping) == kind


def test_uses_of_a_disk_and_its_partitions(tmp_path: Path) -> None:
    """A made-up sysfs: sda holds nothing, its partition belongs to a volume group."""
    part = tmp_path / "sys/block/sda/sda1"
    (part / "holders/dm-0/dm").mkdir(parents=True)
    (part / "holders/dm-0/dm/uuid").write_text("LVM-x\n")
    (part / "holders/dm-0/dm/name").write_text("vg-root\n")
    (part / "partition").write_text("1\n")
    (part / "dev").write_text("8:1\n")
    (part.parent / "dev").write_text("8:0\n")
    proc = tmp_path / "proc/self"
    proc.mkdir(parents=True)
    (proc / "mountinfo").write_text(MOUNTS)
    (proc.parent / "swaps").write_text("Filename\n")
    found = uses.uses_of("sda", tmp_path / "sys", proc)
    assert [use["kind"] for use in found] == ["mounted", "lvm"]
    assert found[1]["detail"] == "sda1 held by vg-root"
    (proc / "mountinfo").unlink()
    with pytest.raises(OSError, match="mountinfo"):
        uses.uses_of("sda", tmp_path / "sys", proc)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("PF0ABCDE", True),
        ("7", True),
        ("To be filled by O.E.M.", False),
        ("Default string", False),
        ("System Serial Number", False),
        ("Not Specified", False),
        ("None", False),
        ("00000000", False),
        ("0", False),
        ("123456789", False),
        ("", False),
        (None, False),
    ],
)
def test_placeholders_are_unknown(value: str | None, kept: bool) -> None:
    assert machine.meaningful(value) == (value if kept else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        ),
        ("00000000-0000-0000-0000-000000000000", None),
        ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", None),
        ("03000200-0400-0500-0006-000700080009", None),
        ("Not Settable", None),
        (None, None),
    ],
)
def test_uuid(value: str | None, expected: str | None) -> None:
    assert machine.meaningful_uuid(value) == expected


def test_token_is_told_as_a_digest_only() -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc"
    assert machine.token_sha256("quiet netspring.token=abc console=ttyS0") == digest
    assert machine.token_sha256("quiet netspring.token= x") is None
    assert machine.token_sha256("quiet xnetspring.token=abc") is None


def test_live_marker(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert machine.live(tmp_path) == {"marker": False, "token_sha256": None, "boot_id": None}
    (tmp_path / "run/netspring-live").touch()
    assert machine.live(tmp_path)["marker"] is True


def test_secure_boot(tmp_path: Path) -> None:
    assert machine.secure_boot(tmp_path) is False
    folder = tmp_path / "sys/firmware/efi/efivars"
    folder.mkdir(parents=True)
    assert machine.secure_boot(tmp_path) is None
    variable = folder / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    variable.write_bytes(b"\x06\x00\x00\x00\x01")
    assert machine.secure_boot(tmp_path) is True
    variable.write_bytes(b"\x06\x00\x00\x00\x00")
    assert machine.secure_boot(tmp_path) is False


def test_processor_and_memory() -> None:
    cpuinfo = (
        "processor\t: 0\nmodel name\t: Intel(R) Core(TM)2 Duo CPU     E8400\nflags\t\t: fpu lm\n"
        "\nprocessor\t: 1\nmodel name\t: Intel(R) Core(TM)2 Duo CPU     E8400\nflags\t\t: fpu lm\n"
    )
    found = machine.processor(cpuinfo)
    assert (found["cores"], found["x86_64"]) == (2, True)
    assert found["model"] == "Intel(R) Core(TM)2 Duo CPU     E8400"
    assert machine.processor(cpuinfo.replace("lm", "pae"))["x86_64"] is False
    assert machine.memory_bytes("MemTotal:         990272 kB\nMemFree: 1 kB\n") == 1014038528
    with pytest.raises(ValueError, match="MemTotal"):
        machine.memory_bytes("")
