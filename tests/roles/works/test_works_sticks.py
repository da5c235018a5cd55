"""Which of a PC's disks is a stick. Recorded: what Debian 13's UDisks said on a virtual PC."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from netspring_works.sticks import BLOCK, DRIVE, FILESYSTEM, Stick, sticks_of

RECORDED = Path(__file__).parent / "recorded"
BLOCKS = "/org/freedesktop/UDisks2/block_devices"
ANNA = "/org/freedesktop/UDisks2/drives/QEMU_QEMU_HARDDISK_SANNA"
Objects = dict[str, dict[str, dict[str, Any]]]


def recorded(name: str) -> Objects:
    """What UDisks said."""
    found: Objects = json.loads((RECORDED / f"{name}.json").read_text())
    return found


@pytest.fixture
def objects() -> Objects:
    """A PC with one FAT stick."""
    return recorded("one-fat-stick")


def test_a_stick_is_found_and_the_disks_of_the_pc_are_not(objects: Objects) -> None:
    assert sticks_of(objects) == [
        Stick(
            key=f"{BLOCKS}/sda1",
            drive=ANNA,
            uuid="5307-AAEC",
            serial="SANNA",
            name="ANNA",
            size=133169152,
            kind="vfat",
            read_only=False,
            mounted=Path("/media/pupil/ANNA"),
        )
    ]
    assert sticks_of(objects)[0].largest_file == 4294967295


def test_a_stick_that_was_pulled_out_is_gone() -> None:
    assert sticks_of(recorded("stick-pulled-out")) == []


def test_a_stick_without_files_and_a_locked_one_are_told_apart() -> None:
    blank, locked = sticks_of(recorded("blank-and-locked"))
    assert (blank.name, blank.readable) == ("QEMU QEMU HARDDISK", False)
    assert (locked.name, locked.readable, locked.read_only) == ("SMALL", True, True)


@pytest.mark.parametrize("place", ["/", "/home", "/boot/efi"])
def test_a_usb_disk_that_the_pc_runs_from_is_no_stick(objects: Objects, place: str) -> None:
    objects[f"{BLOCKS}/sda1"][FILESYSTEM]["MountPoints"] = [[*place.encode(), 0]]
    rescue = copy.deepcopy(objects[f"{BLOCKS}/sda1"])
    rescue[FILESYSTEM]["MountPoints"] = []
    objects[f"{BLOCKS}/sda2"] = rescue
    assert sticks_of(objects) == []


@pytest.mark.parametrize(
    ("interface", "changes"),
    [
        (DRIVE, {"Optical": True}),
        (DRIVE, {"MediaCompatibility": ["optical_cd"]}),
        (DRIVE, {"MediaRemovable": True, "MediaAvailable": False}),
        (DRIVE, {"ConnectionBus": "", "Removable": False}),
        (BLOCK, {"HintIgnore": True}),
    ],
    ids=["disc", "disc drive", "reader without card", "built in", "not for people"],
)
def test_what_a_child_did_not_plug_in_is_no_stick(
    objects: Objects, interface: str, changes: dict[str, Any]
) -> None:
    for interfaces in objects.values():
        if interfaces.get(BLOCK, {}).get("Drive") == ANNA and interface == BLOCK:
            interfaces[BLOCK] |= changes
    if interface == DRIVE:
        objects[ANNA][DRIVE] |= changes
    assert sticks_of(objects) == []


def test_a_memory_card_in_a_built_in_reader_is_one(objects: Objects) -> None:
    objects[ANNA][DRIVE] |= {"ConnectionBus": "sdio", "Removable": False, "MediaRemovable": True}
    assert [stick.name for stick in sticks_of(objects)] == ["ANNA"]


def test_an_encrypted_stick_is_shown_as_one_that_cannot_be_read(objects: Objects) -> None:
    block = objects[f"{BLOCKS}/sda1"]
    del block[FILESYSTEM]
    block[BLOCK] |= {"IdUsage": "crypto", "IdType": "crypto_LUKS"}
    (stick,) = sticks_of(objects)
    assert not stick.readable
