"""Which machine goes first, which boots are on record, what is found by serial and WWN."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import playing
import pytest
import samples

from netspring_provision import erasure, ssh
from netspring_provision.errors import MachineFailedError, RefusedError, StationError
from netspring_provision.model import MachinePlan, Outcome
from netspring_provision.ssh import HostKey
from netspring_provision.steps import journal
from netspring_provision.steps.wipe import wipe_machines

UUID = samples.UUIDS["pc1"]


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    return playing.room(netspring_home, monkeypatch)


@pytest.fixture
def pc(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    return playing.room(netspring_home, monkeypatch, count=1)


def silent(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """These machines do not answer SSH."""

    def enrol(_: object, address: str, *__: object) -> HostKey:
        if "pc" + address[-1] in names:
            raise MachineFailedError(f"{address} does not answer")
        return HostKey("ssh-ed25519", "LIVE")

    monkeypatch.setattr(ssh, "enrol", enrol)


def boots(room: playing.Room, plan_id: str) -> list[str]:
    return [boot["boot_id"] for boot in journal.boots_of(room.ledger, UUID, plan_id)]


def in_boot(boot_id: str, outcome: str = "erased") -> playing.Answer:
    """The machine did its work in this boot."""

    def answer(machine: MachinePlan, plan_id: str) -> list[dict[str, Any]]:
        entries = [samples.erased(d, outcome=outcome, reason=None) for d in machine.disks]
        report = samples.report(machine, plan_id, *entries) | {"boot_id": boot_id}
        told = samples.event(machine.host, result=report)
        return [playing.begun(machine, plan_id, boot_id), told, samples.stats((machine.host,))]

    return answer


def lost(boot_id: str) -> playing.Answer:
    """The machine began in this boot, then nothing was heard of it."""

    def answer(machine: MachinePlan, plan_id: str) -> list[dict[str, Any]]:
        return [playing.begun(machine, plan_id, boot_id), *playing.unreachable(machine, plan_id)]

    return answer


def test_the_first_of_the_plan_goes_first(room: playing.Room) -> None:
    plan = room.plan()
    wipe_machines(room.job(), plan, plan.confirm)
    assert room.given[-1]["disk_wipe_first"] == "pc1"
    assert room.played == [("wipe", ["pc1", "pc2", "pc3"])], "all in one play"


def test_one_that_is_switched_off_does_not_go_first(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(monkeypatch, "pc1")
    room.answers["pc1"] = playing.unreachable
    plan = room.plan()
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.given[-1]["disk_wipe_first"] == "pc2"
    assert [result.erased(name) for name in ("pc1", "pc2", "pc3")] == [False, True, True]
    assert "stopped answering" in (result.outcomes["pc1"][0].reason or "")


def test_where_none_answers_the_first_is_named_all_the_same(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(monkeypatch, "pc1", "pc2", "pc3")
    room.answers = dict.fromkeys(("pc1", "pc2", "pc3"), playing.unreachable)
    plan = room.plan()
    wipe_machines(room.job(), plan, plan.confirm)
    assert room.given[-1]["disk_wipe_first"] == "pc1"


def test_a_disk_that_failed_is_not_tried_again_by_the_same_plan(room: playing.Room) -> None:
    """A failure is final: no re-run makes an erased disk of it, and it holds up nobody."""
    plan = room.plan()
    room.answers = {"pc1": playing.with_disks(**{"WD-pc1": "EIO"}), "pc2": playing.unreachable}
    wipe_machines(room.job(), plan, plan.confirm)
    room.answers = {}
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.played[1:] == [("wipe", ["pc2"])]
    assert room.given[-1]["disk_wipe_first"] == "pc2"
    (bad,) = result.outcomes["pc1"]
    assert (bad.outcome, bad.reason) == (Outcome.FAILED, "EIO")
    with pytest.raises(RefusedError, match=r"a failure is final: pc1 /dev/sda .*WD-pc1") as caught:
        wipe_machines(room.job(), plan, plan.confirm)
    assert "destroy" in (caught.value.hint or "")
    assert len(room.played) == 2


@pytest.mark.parametrize(
    "reason",
    ["no outcome: plan p was not begun since this machine was started", "aborted: stopped"],
)
def test_what_was_only_broken_off_is_tried_again(pc: playing.Room, reason: str) -> None:
    plan = pc.plan()
    pc.answers["pc1"] = playing.with_disks(**{"WD-pc1": reason})
    wipe_machines(pc.job(), plan, plan.confirm)
    del pc.answers["pc1"]
    assert wipe_machines(pc.job(), plan, plan.confirm).erased("pc1")


def test_a_machine_is_suspended_in_its_first_attempt_only(pc: playing.Room) -> None:
    """One that did not wake up would be put to sleep again and again."""
    plan = pc.plan()
    disk = dataclasses.replace(plan.machines[0].disks[0], unfreeze=True)
    plan = dataclasses.replace(
        plan, machines=(dataclasses.replace(plan.machines[0], disks=(disk,)),)
    )
    seen = []

    def answer(machine: MachinePlan, plan_id: str) -> list[dict[str, Any]]:
        seen.append(machine.disks[0].unfreeze)
        return playing.unreachable(machine, plan_id)

    pc.answers["pc1"] = answer
    for _ in range(3):
        wipe_machines(pc.job(), plan, plan.confirm)
    assert seen == [True, False, False]


def test_what_was_not_begun_for_the_first_ones_sake_is_refused_and_may_begin_later(
    room: playing.Room,
) -> None:
    """A machine that was held touched nothing, and so began nothing."""
    plan = room.plan()

    def held(machine: MachinePlan, plan_id: str) -> list[dict[str, Any]]:
        entry = samples.erased(
            machine.disks[0], outcome="refused", reason="the first machine, pc1, was refused"
        )
        report = samples.report(machine, plan_id, entry)
        told = samples.event(machine.host, "runner_on_failed", msg="held", result=report)
        return [told, samples.stats(failures={machine.host: 1})]

    room.answers = dict.fromkeys(("pc1", "pc2", "pc3"), held)
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert {o.outcome for ones in result.outcomes.values() for o in ones} == {Outcome.REFUSED}
    assert "pc1" in (result.outcomes["pc2"][0].reason or "")
    assert not any(b for b in journal.begins(room.ledger, UUID).values())
    assert room.ledger.records(kind="boot") == []
    room.answers = {}
    assert wipe_machines(room.job(), plan, plan.confirm).erased("pc2")


def test_each_boot_is_on_record_once_the_one_of_the_plan_first(pc: playing.Room) -> None:
    plan = pc.plan()
    planned = plan.machines[0].boot_id
    pc.answers["pc1"] = lost("second")
    wipe_machines(pc.job(), plan, plan.confirm)
    assert boots(pc, plan.plan_id) == [planned, "second"]
    pc.answers["pc1"] = lost("second")
    wipe_machines(pc.job(), plan, plan.confirm)
    pc.answers["pc1"] = in_boot("third")
    assert wipe_machines(pc.job(), plan, plan.confirm).erased("pc1")
    assert boots(pc, plan.plan_id) == [planned, "second", "third"]
    assert [r.body["boot_id"] for r in pc.ledger.records(kind="boot")] == ["second", "third"]
    assert boots(pc, "another-plan") == []


def test_a_boot_is_on_record_even_if_the_station_is_killed_right_then(pc: playing.Room) -> None:
    plan = pc.plan()

    def killed(machine: MachinePlan, plan_id: str) -> Any:
        yield playing.begun(machine, plan_id, "second")
        raise KeyboardInterrupt

    pc.answers["pc1"] = killed
    with pytest.raises(KeyboardInterrupt):
        wipe_machines(pc.job(), plan, plan.confirm)
    assert boots(pc, plan.plan_id)[-1] == "second"


def test_a_boot_that_only_the_report_tells_is_on_record_too(pc: playing.Room) -> None:
    plan = pc.plan()
    pc.answers["pc1"] = lambda m, p: in_boot("second")(m, p)[1:]
    wipe_machines(pc.job(), plan, plan.confirm)
    assert boots(pc, plan.plan_id)[-1] == "second"


@pytest.mark.parametrize("strange", [None, "", 7, ["b"]])
def test_what_is_no_boot_is_not_recorded(pc: playing.Room, strange: Any) -> None:
    plan = pc.plan()
    journal.boot(pc.job(), plan, plan.machines[0], strange)
    assert pc.ledger.records(kind="boot") == []


def test_every_disk_gets_its_signed_record_with_all_boots(pc: playing.Room) -> None:
    plan = pc.plan(samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb")))
    pc.answers["pc1"] = lost("second")
    wipe_machines(pc.job(), plan, plan.confirm)
    pc.answers["pc1"] = in_boot("third")
    wipe_machines(pc.job(), plan, plan.confirm)
    kinds = [r.kind for r in pc.ledger.records(machine=UUID)]
    attempt = ["wipe_started", "boot", "wipe", "erasure", "erasure"]
    assert kinds == [*attempt, *attempt]
    files = sorted(pc.station.home.glob("erasures/*/*.json"))
    assert len(files) == 4
    last = json.loads(files[-1].read_text())
    assert [boot["boot_id"] for boot in last["boots"]][-2:] == ["second", "third"]


def test_where_a_record_cannot_be_issued_the_wipes_stay_on_record(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def issue(_: object, __: object, machine: MachinePlan, *___: object) -> None:
        asked.append(machine.host)
        raise StationError(f"no space for the record of {machine.host}")

    monkeypatch.setattr(erasure, "issue", issue)
    plan = room.plan()
    with pytest.raises(StationError, match="pc1"):
        wipe_machines(room.job(), plan, plan.confirm)
    assert asked == ["pc1", "pc2", "pc3"]
    assert room.kinds("wipe") == ["pc1", "pc2", "pc3"]
    assert journal.erased_disks(room.ledger, UUID)


def test_a_password_is_on_record_before_it_is_set(pc: playing.Room) -> None:
    plan = pc.plan()
    machine = plan.machines[0]
    enhanced = dataclasses.replace(machine.disks[0], method="ata_security_erase_enhanced")
    weaker = dataclasses.replace(machine.disks[0], serial="B", fallback=("ata_security_erase",))
    plain = dataclasses.replace(machine.disks[0], serial="C", fallback=())
    journal.begin(pc.job(), plan, dataclasses.replace(machine, disks=(enhanced, weaker, plain)))
    told = pc.ledger.records(kind="wipe_started")[-1].body["disks"]
    assert [disk.get("password") for disk in told] == ["netspring", "netspring", None]
    assert told[0]["method"] == "ata_security_erase_enhanced"
    assert told[0]["serial"] == "WD-pc1"


def test_the_password_on_record_is_the_one_that_the_machine_sets() -> None:
    from ansible.module_utils.netspring_erase import ata_security

    assert ata_security.PASSWORD == journal.ATA_PASSWORD


def test_another_disk_of_the_same_serial_has_nothing_on_record(pc: playing.Room) -> None:
    plan = pc.plan()
    wipe_machines(pc.job(), plan, plan.confirm)
    assert journal.erased_disks(pc.ledger, UUID) == {("WD-pc1", "0x5000WD-pc1"): plan.plan_id}
    other = dataclasses.replace(plan.machines[0].disks[0], wwn="0x5000other")
    machine = dataclasses.replace(plan.machines[0], disks=(other,))
    again = dataclasses.replace(plan, machines=(machine,))
    wipe_machines(pc.job(), again, plan.confirm)
    assert pc.played == [("wipe", ["pc1"])] * 2
    # Its beginning takes back what was said of the serial; that is the safe side.
    assert journal.erased_disks(pc.ledger, UUID) == {("WD-pc1", "0x5000other"): plan.plan_id}
