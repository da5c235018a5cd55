"""Each interlock by itself: what it refuses, in which words, and that it lets the rest pass."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase import guard

from netspring_provision.model import PlannedDisk
from netspring_provision.proof import METHODS

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
USB_BOX = dataclasses.replace(DISK, bus="usb")
GRID = {"mode": "sampled", "pitch_bytes": 1 << 20, "length_bytes": 1 << 20}


def test_the_planned_machine_and_disk_pass() -> None:
    assert guard.plan_fault("p-1.a", {"disks": [PLANNED]}) is None
    assert guard.machine_refusal(LIVE, "u1", MACHINE, TOKEN) is None
    assert guard.identity_refusal(PLANNED, [DISK]) is None
    area = {"present": False, "current_sectors": 9, "native_sectors": 9}
    assert guard.disk_refusal(DISK, [], {"hpa": area, "security": None}) is None
    assert guard.disk_refusal(DISK, [], {"hpa": None, "security": None}) is None
    assert guard.disk_refusal(DISK, [], {}) is None
    moved = dataclasses.replace(DISK, name="sdb", path="/dev/sdb")
    assert guard.identity_refusal(PLANNED, [moved]) is None  # serial counts, not the letter


@pytest.mark.parametrize(
    ("live", "uuid", "token", "word"),
    [
        ({**LIVE, "marker": False}, "u1", TOKEN, "no marker"),
        ({**LIVE, "marker": None}, "u1", TOKEN, "no marker"),
        ({**LIVE, "marker": 1}, "u1", TOKEN, "no marker"),
        ({}, "u1", TOKEN, "no marker"),
        ({**LIVE, "token_sha256": None}, "u1", TOKEN, "token is missing"),
        ({**LIVE, "token_sha256": None}, "u1", "", "token is missing"),
        ({**LIVE, "token_sha256": ""}, "u1", "", "token is missing"),
        ({**LIVE, "token_sha256": "cd" * 32}, "u1", TOKEN, "another station"),
        ({**LIVE, "token_sha256": "01" * 32}, "u1", TOKEN, "another station"),
        (LIVE, "u2", TOKEN, "UUID u2"),
        (LIVE, None, TOKEN, "UUID none"),
    ],
)
def test_wrong_machine(live: dict[str, Any], uuid: str | None, token: str, word: str) -> None:
    refusal = guard.machine_refusal(live, uuid, MACHINE, token)
    assert refusal is not None
    assert word in refusal
    assert "plan again" in refusal


@pytest.mark.parametrize("uuid", ["t1", "u0", "u", "u10", "v1", "U1"])
def test_a_uuid_is_that_uuid_and_not_one_before_or_after_it(uuid: str) -> None:
    assert guard.machine_refusal(LIVE, uuid, MACHINE, TOKEN)


def test_a_machine_without_uuid_is_not_the_planned_one() -> None:
    for nothing in (None, ""):
        refusal = guard.machine_refusal(LIVE, nothing, {"uuid": nothing}, TOKEN)
        assert "has the UUID none, the plan is for none" in str(refusal)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"serial": "S2"}, ("/dev/sda", "S1", "now has the serial S2")),
        ({"serial": None}, ("/dev/sda", "now has the serial none")),
        ({"serial": "S2", "path": "/dev/sdb"}, ("/dev/sda", "it is gone")),
        ({"serial": "S2", "path": "/dev/nvme0n1"}, ("/dev/sda", "it is gone")),
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
    twin = dataclasses.replace(DISK, name="sdb", path="/dev/sdb", wwn="0x5000c500ffffffff")
    refusal = guard.identity_refusal(PLANNED, [DISK, twin])
    assert "/dev/sda and /dev/sdb have the same serial S1; take one out" in str(refusal)
    nameless = [dataclasses.replace(disk, wwn=None) for disk in (DISK, twin)]
    refusal = guard.identity_refusal(PLANNED, nameless)
    assert "/dev/sda and /dev/sdb have the same serial S1; take one out" in str(refusal)


def test_two_paths_to_one_disk() -> None:
    """Without multipathd nothing holds either of them, and each would be erased over the other."""
    path = dataclasses.replace(DISK, name="sdb", path="/dev/sdb")
    refusal = guard.identity_refusal(PLANNED, [DISK, path])
    assert "/dev/sda and /dev/sdb have the same serial S1 and WWN: two paths" in str(refusal)
    assert "leave one path connected" in str(refusal)


@pytest.mark.parametrize("bus", ["usb", "unknown"])
@pytest.mark.parametrize("opt_in", [None, False, 1, "S1"])
def test_a_disk_that_anybody_may_have_plugged_in(bus: str, opt_in: object) -> None:
    stick, planned = dataclasses.replace(DISK, bus=bus), PLANNED | {"bus": bus}
    assert guard.identity_refusal(planned | {"opt_in": True}, [stick]) is None
    refusal = guard.identity_refusal(planned | {"opt_in": opt_in}, [stick])
    assert f"/dev/sda (serial S1) is a disk on bus {bus} that nobody named" in str(refusal)
    assert "--usb S1" in str(refusal)


def test_a_disk_moved_into_a_usb_box_is_not_the_planned_one() -> None:
    refusal = guard.identity_refusal(PLANNED | {"opt_in": True}, [USB_BOX])
    assert "bus is usb, planned was sata" in str(refusal)


def test_a_hidden_area_is_let_through_only_where_the_plan_removes_it() -> None:
    hidden = {"hpa": {"present": True, "current_sectors": 90, "native_sectors": 100}}
    for planned in (None, {}, {"remove_hpa": False}, {"remove_hpa": 1}, {"remove_hpa": None}):
        assert "--remove-hpa" in str(guard.disk_refusal(DISK, [], hidden, planned))
    assert guard.disk_refusal(DISK, [], hidden, {"remove_hpa": True}) is None
    locked = hidden | {"security": {"locked": True}}
    assert "PSID" in str(guard.disk_refusal(DISK, [], locked, {"remove_hpa": True}))


@pytest.mark.parametrize("kind", ["mounted", "swap", "lvm", "raid", "dm", "multipath", "holder"])
def test_every_use_is_named(kind: str) -> None:
    refusal = guard.disk_refusal(DISK, [{"kind": kind, "detail": "by something"}], {})
    assert f"/dev/sda (serial S1) is in use ({kind}: by something)" in str(refusal)


@pytest.mark.parametrize(
    ("changes", "ata", "word"),
    [
        ({"read_only": True}, {}, "read-only"),
        ({"size_bytes": 0}, {}, "no capacity"),
        ({"size_bytes": -512}, {}, "no capacity"),
        ({}, {"security": {"locked": True}}, "locked by a password"),
        ({}, {"security": {"locked": True, "enabled": True}}, "locked by a password"),
        ({}, {"security": {"locked": False, "enabled": True}}, "has a password set"),
        (
            {},
            {"hpa": {"present": True, "current_sectors": 40, "native_sectors": 100}},
            "hides 60 sectors (HPA)",
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
    "more",
    [
        {"method": method, "fallback": ["overwrite"], "verify": verify, "opt_in": False}
        for method in sorted(METHODS)
        for verify in (None, {"mode": "full", "pitch_bytes": None, "length_bytes": None}, GRID)
    ],
    ids=lambda more: f"{more['method']}-{(more['verify'] or {}).get('mode')}",
)
def test_every_method_of_the_station_is_known(more: dict[str, Any]) -> None:
    assert guard.plan_fault("p1", {"disks": [PLANNED | more]}) is None


@pytest.mark.parametrize("verify", [{"mode": "full"}, GRID, GRID | {"length_bytes": 1}])
def test_what_the_station_sent_is_compared_by_value(verify: dict[str, Any]) -> None:
    """It comes as JSON, so nothing in it is the object that the machine itself has."""
    sent = json.loads(json.dumps(PLANNED | {"verify": verify}))
    assert guard.plan_fault("p1", {"disks": [sent]}) is None
    assert guard.machine_refusal(LIVE, "u1", MACHINE, json.loads(json.dumps(TOKEN))) is None
    assert guard.identity_refusal(sent, [DISK]) is None
    other = dataclasses.replace(DISK, serial="S2")
    assert "now has the serial S2" in str(guard.identity_refusal(sent, [other]))


@pytest.mark.parametrize("word", guard.SWITCHES)
@pytest.mark.parametrize("value", [True, False, None])
def test_a_switch_is_on_or_off(word: str, value: bool | None) -> None:
    assert guard.plan_fault("p1", {"disks": [PLANNED | {word: value}]}) is None


def test_the_words_of_a_plan_are_those_of_the_station() -> None:
    """A word that the station adds must be understood here first, or the plan is refused."""
    assert {field.name for field in dataclasses.fields(PlannedDisk)} == guard.DISK_FIELDS
    assert set(guard.METHODS) == METHODS


@pytest.mark.parametrize(
    ("disks", "word"),
    [
        (None, "no disk"),
        ([], "no disk"),
        ({"sda": PLANNED}, "no disk"),
        (["sda"], "serial and size"),
        ([{**PLANNED, "size_bytes": "1"}], "serial and size"),
        ([{**PLANNED, "size_bytes": True}], "serial and size"),
        ([{**PLANNED, "method": None}], "unknown"),
        ([{**PLANNED, "method": "shred"}], "'shred' is unknown"),
        ([{**PLANNED, "fallback": ["overwrite", "shred"]}], "'shred' is unknown"),
        ([{**PLANNED, "fallback": "overwrite"}], "no list of methods"),
        ([{**PLANNED, "bus": None}], "which bus"),
        ([{**PLANNED, "passes": 7}], "the plan says passes of it, which is unknown"),
        ([{**PLANNED, "remove_hpa": "yes"}], "remove_hpa is 'yes'"),
        ([{**PLANNED, "unfreeze": 2}], "unfreeze is 2"),
        ([{**PLANNED, "opt_in": "no"}], "opt_in is 'no'"),
        ([{**PLANNED, "verify": {"mode": "none"}}], "read-back"),
        ([{**PLANNED, "verify": {"mode": "any"}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "length_bytes": -1}}], "read-back"),
        ([{**PLANNED, "verify": {"mode": "full", "pitch_bytes": 9}}], "read-back"),
        ([{**PLANNED, "verify": {"mode": "full", "length_bytes": 9}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "mode": "some"}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "mode": "any"}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "mode": "full"}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "length_bytes": 1.0}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "length_bytes": 0}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "length_bytes": 1 << 21}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "pitch_bytes": None}}], "read-back"),
        ([{**PLANNED, "verify": {**GRID, "phase": 1}}], "read-back"),
        ([{**PLANNED, "verify": "full"}], "read-back"),
        ([{**PLANNED, "verify": ""}], "read-back"),
        ([{**PLANNED, "serial": "0000 0000"}], "no serial"),
        ([{**PLANNED, "serial": 7}], "no serial"),
        ([{**PLANNED, "serial": " "}], "no serial"),
        ([PLANNED, PLANNED], "same serial twice"),
    ],
)
def test_a_plan_that_is_not_whole(disks: Any, word: str) -> None:
    assert word in str(guard.plan_fault("p1", {"disks": disks}))


@pytest.mark.parametrize("plan_id", ["", "../p1", "a b", ".hidden", "-p", "x" * 65, "p1\n"])
def test_a_plan_id_that_is_no_plain_word(plan_id: str) -> None:
    assert "not a plain word" in str(guard.plan_fault(plan_id, {"disks": [PLANNED]}))
