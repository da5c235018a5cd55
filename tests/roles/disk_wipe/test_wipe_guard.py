"""Each interlock by itself: what it refuses, in which words, and that it lets the rest pass."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase import guard

TOKEN = "ab" * 32
LIVE = {"marker": True, "token_sha256": TOKEN, "boot_id": "b"}
MACHINE = {"uuid": "u1"}
DISK = Identity(
    name="sda",
    path="/dev/sda",
    device="8:0",
    bus="sata",
    serial="S1",
    wwn="0x5000c500a1b2c3d4",
    size_bytes=1 << 30,
    logical_block=512,
    read_only=False,
)
PLANNED = {
    "path": "/dev/sda",
    "serial": "S1",
    "wwn": "0x5000c500a1b2c3d4",
    "size_bytes": 1 << 30,
    "bus": "sata",
    "method": "overwrite",
}


def test_the_planned_machine_and_disk_pass() -> None:
    assert guard.plan_fault("p-1.a", {"disks": [PLANNED]}) is None
    assert guard.machine_refusal(LIVE, "u1", MACHINE, TOKEN) is None
    assert guard.identity_refusal(PLANNED, [DISK]) is None
    area = {"present": False, "current_sectors": 9, "native_sectors": 9}
    assert guard.disk_refusal(DISK, [], {"hpa": area, "security": None}) is None
    moved = dataclasses.replace(DISK, name="sdb", path="/dev/sdb")
    assert guard.identity_refusal(PLANNED, [moved]) is None  # serial counts, not the letter


@pytest.mark.parametrize(
    ("live", "uuid", "token", "word"),
    [
        ({**LIVE, "marker": False}, "u1", TOKEN, "no marker"),
        ({**LIVE, "marker": None}, "u1", TOKEN, "no marker"),
        ({}, "u1", TOKEN, "no marker"),
        ({**LIVE, "token_sha256": None}, "u1", TOKEN, "token is missing"),
        ({**LIVE, "token_sha256": None}, "u1", "", "token is missing"),
        ({**LIVE, "token_sha256": ""}, "u1", "", "token is missing"),
        ({**LIVE, "token_sha256": "cd"}, "u1", TOKEN, "another station"),
        (LIVE, "u2", TOKEN, "UUID u2"),
        (LIVE, None, TOKEN, "UUID none"),
    ],
)
def test_wrong_machine(live: dict[str, Any], uuid: str | None, token: str, word: str) -> None:
    refusal = guard.machine_refusal(live, uuid, MACHINE, token)
    assert refusal is not None
    assert word in refusal
    assert "plan again" in refusal


def test_a_machine_without_uuid_is_not_the_planned_one() -> None:
    assert "UUID none" in str(guard.machine_refusal(LIVE, None, {"uuid": None}, TOKEN))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"serial": "S2"}, ("/dev/sda", "S1", "now has the serial S2")),
        ({"serial": None}, ("/dev/sda", "now has the serial none")),
        ({"serial": "S2", "path": "/dev/sdb"}, ("/dev/sda", "it is gone")),
        ({"size_bytes": (1 << 30) - 512}, ("/dev/sda", "size", "planned was 1073741824")),
        ({"wwn": None}, ("/dev/sda", "WWN")),
        ({"bus": "usb"}, ("/dev/sda", "bus is usb")),
    ],
)
def test_another_disk(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    refusal = guard.identity_refusal(PLANNED, [dataclasses.replace(DISK, **changes)])
    assert refusal is not None
    for word in words:
        assert word in refusal


def test_two_disks_of_one_serial() -> None:
    twin = dataclasses.replace(DISK, name="sdb", path="/dev/sdb")
    refusal = guard.identity_refusal(PLANNED, [DISK, twin])
    assert "/dev/sda and /dev/sdb have the same serial S1" in str(refusal)


@pytest.mark.parametrize("kind", ["mounted", "swap", "lvm", "raid", "dm", "multipath", "holder"])
def test_every_use_is_named(kind: str) -> None:
    refusal = guard.disk_refusal(DISK, [{"kind": kind, "detail": "by something"}], {})
    assert f"/dev/sda (serial S1) is in use ({kind}: by something)" in str(refusal)


@pytest.mark.parametrize(
    ("changes", "ata", "word"),
    [
        ({"read_only": True}, {}, "read-only"),
        ({"size_bytes": 0}, {}, "no capacity"),
        ({}, {"security": {"locked": True}}, "locked by a password"),
        (
            {},
            {"hpa": {"present": True, "current_sectors": 90, "native_sectors": 100}},
            "hides 10 sectors (HPA)",
        ),
    ],
)
def test_a_disk_that_cannot_be_erased_whole(
    changes: dict[str, Any], ata: dict[str, Any], word: str
) -> None:
    refusal = guard.disk_refusal(dataclasses.replace(DISK, **changes), [], ata)
    assert word in str(refusal)
    assert "/dev/sda" in str(refusal)


@pytest.mark.parametrize(
    ("disks", "word"),
    [
        (None, "no disk"),
        ([], "no disk"),
        (["sda"], "serial and size"),
        ([{**PLANNED, "size_bytes": "1"}], "serial and size"),
        ([{**PLANNED, "method": None}], "unknown"),
        ([{**PLANNED, "serial": " "}], "no serial"),
        ([PLANNED, PLANNED], "same serial twice"),
    ],
)
def test_a_plan_that_is_not_whole(disks: Any, word: str) -> None:
    assert word in str(guard.plan_fault("p1", {"disks": disks}))
