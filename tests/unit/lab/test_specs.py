"""What a person may type about a PC, and what a PC is made of."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspring_provision.errors import UsageError
from netspring_provision.lab import specs
from netspring_provision.lab.faults import Faults
from netspring_provision.lab.model import DiskSpec, from_json, to_json

ID = "6d1e6a0e-5a57-4d0c-8f0f-0c4a3c1d2e3f"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2G", 2 << 30),
        ("512M", 512 << 20),
        ("64k", 64 << 10),
        ("1T", 1 << 40),
        ("1536MiB", 1536 << 20),
        ("4096", 4096),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert specs.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "1.5G", "2 G B", "2X", "0x10"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        specs.parse_size(text)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=1 << 50))
def test_plain_bytes_are_themselves(size: int) -> None:
    assert specs.parse_size(str(size)) == size


@pytest.mark.parametrize(
    ("text", "disk"),
    [
        ("sata:2G", DiskSpec("sata", 2 << 30, None)),
        ("NVMe:512M:S-1.a_2", DiskSpec("nvme", 512 << 20, "S-1.a_2")),
        ("virtio:16M:", DiskSpec("virtio", 16 << 20, "")),
        ("sd:64M", DiskSpec("sd", 64 << 20, None)),
        ("scsi:16777728", DiskSpec("scsi", (16 << 20) + 512, None)),
        ("usb:16M:A,wraps=1M", DiskSpec("usb", 16 << 20, "A", Faults(wraps=1 << 20))),
        ("scsi:16M,read-only", DiskSpec("scsi", 16 << 20, None, Faults(read_only=True))),
    ],
)
def test_disks(text: str, disk: DiskSpec) -> None:
    assert specs.parse_disk(text) == disk


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("floppy:2G", "no 'floppy' disks", "sata, nvme, scsi, virtio, usb, sd"),
        ("sata", "does not describe a disk", "BUS:SIZE"),
        ("sata:2G:a:b", "does not describe a disk", "BUS:SIZE"),
        ("sata:0", "cannot have 0", "from 16M"),
        ("sata:3T", "cannot have 3T", "to 2T"),
        ("sata:16777217", "cannot have", "whole sectors"),
        ("sd:100M", "powers of two", "sd:128M"),
        ("sata:2G:a b", "cannot be the serial", "20 letters"),
        ("sata:2G:a,b", "'b' is not a fault", "unreadable=SECTOR"),
        ("sata:2G:" + "x" * 21, "cannot be the serial", "20 letters"),
    ],
)
def test_bad_disks_name_what_is_allowed(text: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        specs.parse_disk(text)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", ".locks", "a" * 33, "a b", "ä"])
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        specs.parse_name(name)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (specs.parse_memory, "64M"),
        (specs.parse_memory, "200000000"),
        (specs.parse_firmware, "efi"),
    ],
)
def test_bad_memory_and_firmware(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.hint


@settings(deadline=None)  # a loaded machine is no failure
@given(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True),
    st.lists(st.sampled_from(["sata", "nvme", "scsi", "virtio", "usb"]), max_size=12),
)
def test_serials_fit_and_are_unique(name: str, buses: list[str]) -> None:
    disks = [specs.parse_disk(f"{bus}:16M") for bus in buses]
    pc = specs.describe(Path("/x") / name, "bios", 1 << 30, disks, ID)
    serials = [disk.serial for disk in pc.disks]
    assert all(0 < len(serial) <= 20 for serial in serials)
    assert len(set(serials)) == len(serials)
    wwns = [disk.wwn for disk in pc.disks if disk.wwn is not None]
    assert len(set(wwns)) == len(wwns) == sum(bus in ("sata", "scsi") for bus in buses)
    assert all(wwn >> 60 == 5 and wwn < 1 << 64 for wwn in wwns)


def test_long_names_that_begin_alike_have_other_serials() -> None:
    disk = [specs.parse_disk("sata:16M")]
    first, second = (
        specs.describe(Path(f"/x/room-twelve-machine-{n}"), "bios", 1 << 30, disk, ID) for n in "ab"
    )
    assert first.disks[0].serial != second.disks[0].serial


def test_machine_json_gives_the_same_pc_back() -> None:
    disks = [specs.parse_disk(text) for text in ("sata:16M", "nvme:16M:", "sd:16M")]
    pc = specs.describe(Path("/x/pc-1"), "uefi", 1 << 30, disks, str(uuid.uuid4()))
    assert from_json(to_json(pc), pc.folder) == pc


def test_machine_json_cannot_name_a_file_outside_its_folder() -> None:
    pc = specs.describe(Path("/x/pc-1"), "bios", 1 << 30, [specs.parse_disk("sata:16M")], ID)
    data = to_json(pc)
    data["disks"][0]["file"] = "/dev/sda"
    assert from_json(data, pc.folder).disks[0].path == Path("/x/pc-1/sda")


def test_warnings_name_what_interlocks_refuse() -> None:
    disks = [specs.parse_disk(text) for text in ("sata:16M:A", "nvme:16M:A", "usb:16M:", "sd:16M")]
    found = specs.warnings(specs.describe(Path("/x/pc-1"), "bios", 1 << 30, disks, ID))
    assert [text.split(":")[0] for text in found] == [
        "2 disks share the serial A",
        "1 disk(s) without a serial",
        "SD cards in QEMU always have the serial 0xdeadbeef",
    ]
    fine = specs.describe(Path("/x/pc-1"), "bios", 1 << 30, [specs.parse_disk("sata:16M")], ID)
    assert specs.warnings(fine) == ()
