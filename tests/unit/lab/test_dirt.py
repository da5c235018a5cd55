"""A new lab disk holds a donor's data to the last byte, and nothing half-made stays behind."""

from __future__ import annotations

import errno
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.lab import dirt

SIZE = 16 * 1024**2 + 512  # odd on purpose: the last write is a short one


@pytest.fixture
def dirty(station: Station, allow_subprocess: Callable[..., None]) -> Path:
    allow_subprocess("sfdisk", "mke2fs")
    pc = lab.create(station, "pc-1", disks=[lab.parse_disk(f"sata:{SIZE}:DONOR")])
    return pc.disks[0].path


def test_it_has_its_size_and_no_holes(dirty: Path) -> None:
    assert dirty.stat().st_size == SIZE
    assert dirty.stat().st_blocks * 512 >= SIZE
    assert dirty.stat().st_mode & 0o077 == 0


def test_nearly_all_of_it_is_the_pattern(dirty: Path) -> None:
    assert lab.count_pattern(dirty) > 0.8 * SIZE / dirt.RECORD_BYTES
    data = dirty.read_bytes()
    assert data.endswith(dirt.record("DONOR", SIZE // dirt.BLOCK_BYTES))
    middle = 5 * dirt.BLOCK_BYTES
    assert data[1024**2 + middle :].startswith(dirt.record("DONOR", 16 + 5))


def test_it_has_an_old_partition_table_that_does_not_boot(dirty: Path) -> None:
    mbr = dirty.read_bytes()[:512]
    assert mbr[510:] == b"\x55\xaa"
    assert mbr.startswith(dirt.BOOT_CODE)
    windows, linux = (mbr[446 + 16 * n : 462 + 16 * n] for n in range(2))
    assert (windows[0], windows[4], linux[0], linux[4]) == (0x80, 0x07, 0, 0x83)
    (start, sectors) = struct.unpack("<II", linux[8:])
    assert start + sectors == SIZE // 512


def test_it_has_a_filesystem_with_files(dirty: Path) -> None:
    data = dirty.read_bytes()
    start = struct.unpack("<I", data[446 + 16 + 8 : 446 + 16 + 12])[0] * 512
    superblock = data[start + 1024 : start + 2048]
    assert superblock[56:58] == b"\x53\xef"
    assert superblock[120:136].rstrip(b"\0") == b"donor-home"
    for file in dirt.DONOR_FILES:
        assert Path(file).name.encode() in data[start:]


def test_two_disks_have_other_records() -> None:
    assert dirt.record("A", 1) != dirt.record("B", 1)
    assert dirt.record("A", 1) != dirt.record("A", 2)
    assert len(dirt.record("x" * 40, 10**15)) == dirt.RECORD_BYTES


def test_a_disk_too_big_for_the_station(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024**3))
    with pytest.raises(StationError) as caught:
        lab.create(station, "pc-1", disks=[lab.parse_disk("sata:2G")])
    assert "need 2.2 GiB" in caught.value.message
    assert "1.0 GiB are free" in caught.value.message
    assert_nothing_left(station)


def test_a_station_that_gets_full_meanwhile(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    written = 0

    def fills_up(descriptor: int, data: bytes) -> int:
        nonlocal written
        written += len(data)
        if written > 12 * 1024**2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", fills_up)
    with pytest.raises(StationError, match="No space left on device") as caught:
        lab.create(station, "pc-1", disks=[lab.parse_disk("sata:16M")])
    assert "lab destroy" in (caught.value.hint or "")
    assert_nothing_left(station)


def test_an_interruption_leaves_nothing(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "posix_fallocate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lab.create(station, "pc-1", disks=[lab.parse_disk("sata:16M")])
    assert_nothing_left(station)


def test_a_killed_station_is_cleaned_up_after(station: Station) -> None:
    (station.lab / ".pc-1.new").mkdir(parents=True)
    (station.lab / ".pc-1.new" / "disk0.img").write_bytes(b"half")
    assert lab.list_pcs(station) == ()
    lab.create(station, "pc-1", disks=[lab.parse_disk("sata:16M")], dirty=False)
    assert [folder.name for folder in station.lab.iterdir()].count("pc-1") == 1
    assert not (station.lab / ".pc-1.new").exists()


@pytest.mark.parametrize(("tool", "package"), [("sfdisk", "fdisk"), ("mke2fs", "e2fsprogs")])
def test_a_missing_tool(
    station: Station,
    monkeypatch: pytest.MonkeyPatch,
    allow_subprocess: Callable[..., None],
    tool: str,
    package: str,
) -> None:
    allow_subprocess("sfdisk")
    real = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, **how: None if name == tool else real(name, **how)
    )
    with pytest.raises(StationError, match=f"{tool} is not installed") as caught:
        lab.create(station, "pc-1", disks=[lab.parse_disk("sata:16M")])
    assert caught.value.hint == f"apt-get install {package}"
    assert_nothing_left(station)


def assert_nothing_left(station: Station) -> None:
    assert [path.name for path in station.lab.iterdir()] == [".locks"]
