"""Faults of lab disks: what may be asked for, and the options by which QEMU plays them."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspring_provision.errors import UsageError
from netspring_provision.lab import faults, qemu, specs
from netspring_provision.lab.faults import Faults
from netspring_provision.lab.model import from_json, to_json
from tests.unit.lab.test_qemu import DISK, options, pc

SIZE = 16 << 20
ALL = Faults(
    unreadable=(1, 2),
    unwritable=(3,),
    flush_fails=True,
    read_only=True,
    rate=1 << 20,
    stuck=(4,),
    wraps=8 << 20,
    fake_erase=True,
)


def drive(spec: str) -> str:
    return options(qemu.argv(pc(spec), DISK), "-drive")[0]


def test_all_faults_as_typed() -> None:
    words = faults.describe(ALL).split(",")
    assert words == [
        "unreadable=1",
        "unreadable=2",
        "unwritable=3",
        "flush-fails",
        "read-only",
        "rate=1048576",
        "stuck=4",
        "wraps=8388608",
        "fake-erase",
    ]
    assert faults.parse(words, "scsi", SIZE) == ALL
    assert faults.from_json(faults.to_json(ALL)) == ALL
    assert faults.to_json(faults.SOUND) == {}
    assert faults.describe(faults.SOUND) == ""


@pytest.mark.parametrize(
    ("word", "bus", "said"),
    [
        ("melted", "sata", "'melted' is not a fault"),
        ("unreadable", "sata", "'unreadable' is not a fault"),
        ("read-only=1", "scsi", "'read-only=1' is not a fault"),
        ("unreadable=x", "sata", "'x' is not a sector"),
        ("unreadable=²", "sata", "is not a sector"),
        ("unwritable=32768", "sata", "no sector 32768"),
        ("stuck=32768", "sata", "no sector 32768"),
        ("flush-fails", "sd", "nothing of the errors"),
        ("unreadable=1", "sd", "nothing of the errors"),
        ("read-only", "sata", "cannot protect"),
        ("read-only", "nvme", "cannot protect"),
        ("read-only", "sd", "cannot protect"),
        ("rate=1K", "sata", "that slow"),
        ("wraps=16M", "usb", "not a real size"),
        ("wraps=100", "usb", "not a real size"),
    ],
)
def test_what_cannot_be_played_is_refused(word: str, bus: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        faults.parse([word], bus, SIZE)


def test_a_sound_disk_has_no_layer_above_its_file() -> None:
    assert "format=raw,file=/home/lab/pc-1/disk0.img,cache=none" in drive("sata:16M")


def test_bad_sectors_are_injected_below_the_device() -> None:
    assert drive("sata:16M,unreadable=2048,unwritable=4096,flush-fails") == (
        "if=none,id=drive0,format=raw,file.driver=blkdebug,"
        "file.image.driver=file,file.image.filename=/home/lab/pc-1/disk0.img,"
        "file.inject-error.0.event=none,file.inject-error.0.iotype=read,"
        "file.inject-error.0.errno=5,file.inject-error.0.sector=2048,"
        "file.inject-error.1.event=none,file.inject-error.1.iotype=write,"
        "file.inject-error.1.errno=5,file.inject-error.1.sector=4096,"
        "file.inject-error.2.event=none,file.inject-error.2.iotype=flush,"
        "file.inject-error.2.errno=5,"
        "cache=none,aio=native,discard=ignore,detect-zeroes=off"
    )


@pytest.mark.parametrize(("bus", "number"), [("scsi", 61), ("usb", 61), ("nvme", 5)])
def test_scsi_tells_of_a_medium_error(bus: str, number: int) -> None:
    assert f"file.inject-error.0.errno={number}," in drive(f"{bus}:16M,unreadable=9")


def test_a_disk_that_lies_is_behind_its_liar() -> None:
    liar = "file.driver=nbd,file.server.type=unix,file.server.path=liar0.sock,"
    for lie in ("fake-erase", "stuck=7", "wraps=1M"):
        assert f"format=raw,{liar}cache=none" in drive(f"nvme:16M,{lie}")
    both = drive("usb:16M,stuck=7,unreadable=9")
    assert "file.driver=blkdebug,file.image.driver=nbd,file.image.server.type=unix," in both
    assert "disk0.img" not in both


def test_limits_stand_beside_the_backend() -> None:
    line = drive("scsi:16M,read-only,rate=5M")
    assert line.endswith("detect-zeroes=off,readonly=on,throttling.bps-total=5242880")
    assert "blkdebug" not in line


def test_faults_are_kept_with_the_pc() -> None:
    made = pc("sata:16M", "scsi:16M," + faults.describe(ALL))
    data = to_json(made)
    assert "faults" not in data["disks"][0]
    assert from_json(data, made.folder) == made
    assert made.disks[1].faults == ALL
    assert made.disks[1].liar_socket == Path("/home/lab/pc-1/liar1.sock")


def test_the_technician_sees_what_is_wrong() -> None:
    assert specs.parse_disk("sata:16M:S1,unreadable=2048").serial == "S1"
