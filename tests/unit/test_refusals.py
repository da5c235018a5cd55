"""Why a disk is not touched, with the way out, and what the flags open and what they do not."""

from typing import Any

import pytest
import samples

from netspring_provision.methods import Policy
from netspring_provision.model import Facts, Failure, Limit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"uses": [{"kind": "mounted", "detail": "/mnt"}]}, "in use (mounted: /mnt)"),
        ({"uses": [{"kind": "swap", "detail": "sda2"}]}, "in use (swap: sda2)"),
        ({"uses": [{"kind": "lvm", "detail": "vg0"}]}, "in use (lvm: vg0)"),
        ({"uses": [{"kind": "raid", "detail": "md0"}]}, "in use (raid: md0)"),
        ({"uses": [{"kind": "a kind of tomorrow", "detail": ""}]}, "in use"),
        ({"read_only": True}, "read-only"),
        ({"read_only": None}, "read-only"),
        ({"size_bytes": 0, "native_bytes": None}, "no capacity"),
        ({"bus": "usb"}, "USB"),
        ({"bus": "unknown"}, "cannot be told"),
        ({"security": {"locked": True}}, "locked"),
        ({"security": {"enabled": True, "locked": False}}, "password is set"),
        ({"hpa": {"present": True}}, "HPA"),
        ({"native_bytes": 161 * samples.GB}, "1000000000 bytes of it are hidden (HPA)"),
        ({"native_bytes": 159 * samples.GB}, "says that it has 159000000000"),
    ],
    ids=str,
)
def test_a_disk_that_must_not_be_touched_is_refused_by_name(
    change: dict[str, Any], words: str
) -> None:
    plan = samples.plan(
        samples.facts(samples.disk("GOOD"), samples.disk("BAD", path="/dev/sdb", **change))
    )
    (machine,) = plan.machines
    assert [d.serial for d in machine.disks] == ["GOOD"]
    (refused,) = machine.refused
    assert (refused.path, refused.serial) == ("/dev/sdb", "BAD")
    assert words in refused.reason
    assert refused.hint


def test_a_usb_disk_is_erased_only_when_named_by_serial() -> None:
    stick = samples.disk("STICK", bus="usb")
    (machine,) = samples.plan(samples.facts(stick), usb_serials=["STICK"]).machines
    assert [d.serial for d in machine.disks] == ["STICK"]
    assert samples.plan(samples.facts(stick), usb_serials=["STIC", "stick"]).confirm == ""


HPA = Policy(remove_hpa=True)


def test_a_hidden_area_is_erased_only_by_flag_and_then_whole() -> None:
    hidden = samples.disk("H", native_bytes=161 * samples.GB, hpa={"present": True})
    assert samples.plan(samples.facts(hidden)).confirm == ""
    (machine,) = samples.plan(samples.facts(hidden), policy=HPA).machines
    (disk,) = machine.disks
    assert disk.remove_hpa
    assert disk.erased_bytes == 161 * samples.GB
    assert [n.code for n in disk.notes] == ["will_unhide"]


@pytest.mark.parametrize(
    "change",
    [
        {"hpa": {"present": True}},
        {"native_bytes": 159 * samples.GB},
        {"native_bytes": 161 * samples.GB, "bus": "scsi"},
        {"native_bytes": 161 * samples.GB, "security": {"locked": True}},
    ],
    ids=str,
)
def test_the_flag_for_hidden_areas_opens_no_other_door(change: dict[str, Any]) -> None:
    assert samples.plan(samples.facts(samples.disk("H", **change)), policy=HPA).confirm == ""


def test_what_shows_all_of_itself_is_not_unhidden_by_the_flag() -> None:
    (machine,) = samples.plan(samples.facts(samples.disk("A")), policy=HPA).machines
    assert not machine.disks[0].remove_hpa


def test_a_locked_drive_is_refused_with_the_ways_out() -> None:
    plan = samples.plan(samples.facts(samples.disk("L", security={"locked": True})))
    (refused,) = plan.machines[0].refused
    for way in ("unlock it", "destroy it", "carry its plan out again", "PSID"):
        assert way in refused.hint


def test_only_a_disk_that_was_named_is_marked_as_opted_in() -> None:
    usb = [samples.disk(s, path=f"/dev/{s}", bus=b) for s, b in (("U", "usb"), ("X", "unknown"))]
    (machine,) = samples.plan(
        samples.facts(*usb, samples.disk("A")), usb_serials=["U", "X", "A"]
    ).machines
    assert [d.opt_in for d in machine.disks] == [True, True, False]


FAILED = {"BAD": Failure("2026-02-27T16:20:00+00:00", "write error at byte 512")}


def test_a_disk_that_failed_is_refused_with_the_day_the_reason_and_the_ways_out() -> None:
    facts = samples.facts(samples.disk("BAD"), samples.disk("A", path="/dev/sdb"))
    (machine,) = samples.plan(facts, failed=FAILED).machines
    assert [d.serial for d in machine.disks] == ["A"]
    assert machine.install_disk == "A"
    (refused,) = machine.refused
    assert refused.reason == "its wipe failed on 2026-02-27: write error at byte 512"
    assert refused.hint.startswith("destroy it physically")
    assert "--retry-failed BAD" in refused.hint


def test_a_disk_that_failed_is_tried_again_only_when_named_and_the_plan_says_so() -> None:
    facts = samples.facts(samples.disk("BAD"))
    for names in ((), ("BA",), ("bad",), ("A",)):
        policy = Policy(retry_failed=frozenset(names))
        assert samples.plan(facts, policy=policy, failed=FAILED).confirm == ""
    policy = Policy(retry_failed=frozenset({"BAD"}))
    (machine,) = samples.plan(facts, policy=policy, failed=FAILED).machines
    (note,) = machine.disks[0].notes
    assert note == Limit("retried", "2026-02-27: write error at byte 512")
    assert machine.install_disk == "BAD"
    # Named, but it never failed: nothing to tell.
    assert samples.plan(facts, policy=policy).machines[0].disks[0].notes == ()


def test_trying_again_opens_no_other_door() -> None:
    policy = Policy(retry_failed=frozenset({"BAD"}))
    for change in ({"read_only": True}, {"bus": "usb"}, {"security": {"locked": True}}):
        facts = samples.facts(samples.disk("BAD", **change))
        assert samples.plan(facts, policy=policy, failed=FAILED).confirm == ""


def test_a_password_is_taken_away_as_the_user_not_as_the_master() -> None:
    plan = samples.plan(samples.facts(samples.disk("P", security={"enabled": True})))
    (refused,) = plan.machines[0].refused
    assert "hdparm --user-master u --security-disable PASSWORD /dev/sda" in refused.hint


RST = {"kind": "remapped_nvme", "count": 1, "detail": "PCI 0000:00:17.0 [8086:282a]"}
DRIVERLESS = {"kind": "no_driver", "count": 1, "detail": "PCI 0000:01:00.0 [1000:005d]"}


@pytest.mark.parametrize(
    ("hidden", "reason", "way_out"),
    [
        ([RST], "1 disk(s) of it cannot be seen", "to AHCI"),
        ([RST | {"count": 2}, DRIVERLESS, RST], "3 disk(s) of it cannot be seen", "to AHCI"),
        ([DRIVERLESS], "has no driver", "take its disks out"),
        ([DRIVERLESS | {"kind": "a kind of tomorrow"}], "cannot be seen", "take its disks out"),
    ],
    ids=str,
)
def test_a_machine_that_hides_a_disk_is_refused_whole(
    hidden: list[dict[str, Any]], reason: str, way_out: str
) -> None:
    plan = samples.plan(samples.facts(hidden_disks=hidden), samples.facts(host="pc2"))
    assert [m.host for m in plan.machines] == ["pc2"]
    (refused,) = plan.refused
    assert reason in refused.reason
    assert hidden[0]["detail"] in refused.reason
    assert way_out in refused.hint


def test_a_machine_that_does_not_tell_of_hidden_disks_is_not_understood() -> None:
    raw = samples.payload()
    del raw["hidden_disks"]
    with pytest.raises(KeyError):
        Facts.from_payload("pc1", raw)
    with pytest.raises(TypeError):
        samples.facts(hidden_disks=[RST | {"count": "1"}])
