"""Nothing is played and nothing recorded without consent; each disk ends once, on record."""

import dataclasses
import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import playing
import pytest
import samples

from netspring_provision import consent
from netspring_provision.errors import RefusedError, StationError
from netspring_provision.model import Outcome, Plan, RefusedMachine
from netspring_provision.plan import confirm_phrase
from netspring_provision.steps.journal import erased_disks
from netspring_provision.steps.plan import plan_key
from netspring_provision.steps.wipe import (
    left_to_wipe,
    recorded_outcomes,
    wipe_machines,
)

HOUR = dt.timedelta(hours=1)
TWO_DISKS = samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb"))
UUID = samples.UUIDS["pc1"]


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    return playing.room(netspring_home, monkeypatch)


@pytest.fixture
def pc(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    return playing.room(netspring_home, monkeypatch, count=1)


def back_in_time(room: playing.Room, monkeypatch: pytest.MonkeyPatch, ago: dt.timedelta) -> None:
    """Let the ledger's records be written as of then."""
    append = room.ledger.append
    then = dt.datetime.now(dt.UTC) - ago
    monkeypatch.setattr(room.ledger, "append", lambda *a, **k: append(*a, **{"now": then, **k}))


def in_time(room: playing.Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.ledger, "append", type(room.ledger).append.__get__(room.ledger))


def killed(*_: object) -> list[dict[str, object]]:
    """The station is stopped while the machine works."""
    raise KeyboardInterrupt


def refused(room: playing.Room, plan: Plan, typed: str | None, *names: str) -> RefusedError:
    """The wipe is refused, nothing is played and the ledger stays as it was."""
    before, played = room.ledger.records(), list(room.played)
    with pytest.raises(RefusedError) as caught:
        wipe_machines(room.job(*names), plan, typed)
    assert room.played == played
    assert room.ledger.records() == before
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("typed", [None, "", "yes", "ERASE 3 DISKS OF 3 MACHINES 0000"])
def test_without_the_phrase_nothing_happens(room: playing.Room, typed: str | None) -> None:
    assert "nothing was changed" in refused(room, room.plan(), typed).message


def test_the_phrase_of_another_plan_does_nothing(room: playing.Room) -> None:
    one, other = room.plan(), room.plan()
    refused(room, one, other.confirm)


def test_an_expired_plan_does_nothing(room: playing.Room) -> None:
    plan = room.plan(age=HOUR)
    assert "held until" in refused(room, plan, plan.confirm).message


def test_an_altered_plan_is_not_even_read(room: playing.Room) -> None:
    plan = room.plan(age=HOUR)
    path = room.station.plans / f"{plan.plan_id}.json"
    data = json.loads(path.read_text())
    data["body"]["expires"] = data["expires"] = "2099-01-01T00:00:00+00:00"
    path.write_text(json.dumps(data))
    with pytest.raises(RefusedError, match="altered"):
        consent.read(path, plan_key(room.job()))


def test_a_plan_for_other_machines_does_nothing(room: playing.Room) -> None:
    plan = room.plan(samples.facts(host="pc1"))
    error = refused(room, plan, plan.confirm, "pc2", "pc3")
    assert "pc1" in error.message
    assert "pc2, pc3" in error.message


def test_a_plan_that_was_carried_out_does_nothing(room: playing.Room) -> None:
    plan = room.plan()
    wipe_machines(room.job(), plan, plan.confirm)
    assert "carried out in full" in refused(room, plan, plan.confirm).message


def test_a_plan_without_disks_does_nothing(pc: playing.Room) -> None:
    plan = pc.plan(samples.facts(samples.disk("A", read_only=True)))
    refused(pc, plan, plan.confirm)
    refused(pc, dataclasses.replace(plan, confirm="ERASE"), "ERASE")


def test_all_erased_and_on_record(room: playing.Room) -> None:
    plan = room.plan()
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.played == [("wipe", ["pc1", "pc2", "pc3"])]
    assert all(result.erased(name) for name in ("pc1", "pc2", "pc3"))
    assert room.kinds("wipe_started") == ["pc1", "pc2", "pc3"]
    assert room.kinds("wipe") == ["pc1", "pc2", "pc3"]
    assert erased_disks(room.ledger, UUID) == {("WD-pc1", "0x5000WD-pc1"): plan.plan_id}
    record = room.ledger.last("wipe", UUID)
    assert record is not None
    assert record.body["disks"][0]["evidence"]["verify"]["mode"] == "full"
    room.ledger.check()


def test_the_begin_is_on_record_before_the_deed(room: playing.Room) -> None:
    seen: list[list[str]] = []
    room.answers["pc1"] = lambda m, p: (
        seen.append(room.kinds("wipe_started")) or (playing.all_erased(m, p))
    )
    plan = room.plan()
    wipe_machines(room.job(), plan, plan.confirm)
    assert seen == [["pc1", "pc2", "pc3"]]


def test_where_the_begin_cannot_be_recorded_nothing_is_played(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = room.plan()

    def full(*_: object, **__: object) -> None:
        raise StationError("the ledger cannot be written: disk full")

    monkeypatch.setattr(room.ledger, "append", full)
    with pytest.raises(StationError):
        wipe_machines(room.job(), plan, plan.confirm)
    assert room.played == []


def test_only_the_machines_of_the_job(room: playing.Room) -> None:
    plan = room.plan()
    result = wipe_machines(room.job("pc2"), plan, plan.confirm)
    assert room.played == [("wipe", ["pc2"])]
    assert list(result.outcomes) == ["pc2"]
    assert room.kinds("wipe_started") == ["pc2"]


def test_a_machine_that_stops_answering_fails_with_its_reason_and_the_others_finish(
    room: playing.Room,
) -> None:
    plan = room.plan()
    room.answers["pc2"] = playing.unreachable
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert [result.erased(name) for name in ("pc1", "pc2", "pc3")] == [True, False, True]
    (lost,) = result.outcomes["pc2"]
    assert (lost.outcome, lost.reason) == (
        Outcome.FAILED,
        "stopped answering: Connection timed out",
    )
    assert erased_disks(room.ledger, samples.UUIDS["pc2"]) == {}
    assert room.kinds("wipe") == ["pc1", "pc2", "pc3"]


def test_a_play_that_says_nothing_erases_nothing(pc: playing.Room) -> None:
    plan = pc.plan()
    pc.answers["pc1"] = lambda *_: []
    result = wipe_machines(pc.job(), plan, plan.confirm)
    assert [o.outcome for o in result.outcomes["pc1"]] == [Outcome.FAILED]


def test_a_good_end_without_report_erases_nothing(pc: playing.Room) -> None:
    plan = pc.plan()
    pc.answers["pc1"] = lambda *_: [samples.event("pc1"), samples.stats(("pc1",))]
    result = wipe_machines(pc.job(), plan, plan.confirm)
    assert [o.outcome for o in result.outcomes["pc1"]] == [Outcome.FAILED]


def test_one_bad_disk_of_two(pc: playing.Room) -> None:
    plan = pc.plan(TWO_DISKS)
    pc.answers["pc1"] = playing.with_disks(A="erased", B="write error at byte 4096")
    result = wipe_machines(pc.job(), plan, plan.confirm)
    assert [(o.serial, o.outcome) for o in result.outcomes["pc1"]] == [
        ("A", Outcome.ERASED),
        ("B", Outcome.FAILED),
    ]
    assert not result.erased("pc1")
    assert erased_disks(pc.ledger, UUID) == {("A", "0x5000A"): plan.plan_id}


def test_what_the_plan_refused_is_told_and_keeps_the_machine_back(room: playing.Room) -> None:
    plan = room.plan(
        samples.facts(samples.disk("A"), samples.disk("RO", path="/dev/sdb", read_only=True)),
        samples.facts(samples.disk("X", read_only=True), host="pc2"),
        samples.facts(samples.disk(None), host="pc3"),
    )
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.played == [("wipe", ["pc1"])]
    assert {h: [o.outcome for o in out] for h, out in result.outcomes.items()} == {
        "pc1": [Outcome.ERASED, Outcome.REFUSED],
        "pc2": [Outcome.REFUSED],
        "pc3": [Outcome.REFUSED],
    }
    assert "no serial" in (result.outcomes["pc3"][0].reason or "")
    assert not any(result.erased(name) for name in ("pc1", "pc2", "pc3"))


def test_a_machine_that_did_not_answer_the_inspection_is_told(room: playing.Room) -> None:
    gone = RefusedMachine("pc2", "10.0.0.2:22 does not answer SSH", "is it switched on?")
    plan = room.plan(samples.facts(), unreachable=[gone])
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert result.erased("pc1")
    assert [o.outcome for o in result.outcomes["pc2"]] == [Outcome.REFUSED]


def test_after_an_interruption_only_what_is_left_goes_on(room: playing.Room) -> None:
    plan = room.plan(TWO_DISKS, samples.facts(host="pc2"))
    room.answers["pc1"] = playing.with_disks(A="erased", B="no outcome: the machine lost power")
    wipe_machines(room.job(), plan, plan.confirm)
    seen: list[list[str]] = []
    room.answers["pc1"] = lambda m, p: (
        seen.append([d.serial for d in m.disks]) or (playing.all_erased(m, p))
    )
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.played[1:] == [("wipe", ["pc1"])]
    assert seen == [["B"]]
    assert result.erased("pc1")
    assert result.erased("pc2")
    assert [o.serial for o in result.outcomes["pc1"]] == ["A", "B"]


def test_what_has_begun_may_go_on_after_the_plan_expired(
    pc: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = begun(pc, monkeypatch, HOUR * 2)
    result = wipe_machines(pc.job(), plan, plan.confirm)
    assert result.erased("pc1")
    copy = json.loads(Path(str(pc.given[-1]["disk_wipe_plan_file"])).read_text())["body"]
    assert dt.datetime.fromisoformat(copy["expires"]) > dt.datetime.now(dt.UTC)
    assert copy["confirm"] == plan.confirm


def begun(room: playing.Room, monkeypatch: pytest.MonkeyPatch, ago: dt.timedelta) -> Plan:
    """A plan that began so long ago; the station was then killed before it recorded an end."""
    plan = room.plan(age=ago)
    fresh = dataclasses.replace(plan, expires=(dt.datetime.now(dt.UTC) + HOUR).isoformat())
    back_in_time(room, monkeypatch, ago)
    answers, room.answers = room.answers, dict.fromkeys(("pc1", "pc2", "pc3"), killed)
    with pytest.raises(KeyboardInterrupt):
        wipe_machines(room.job(), fresh, plan.confirm)
    in_time(room, monkeypatch)
    room.answers = answers
    assert room.kinds("wipe") == []
    return plan


@pytest.mark.parametrize("ago", [dt.timedelta(hours=25), dt.timedelta(days=-2)], ids=str)
def test_but_not_for_ever_and_not_by_a_clock_set_back(
    pc: playing.Room, monkeypatch: pytest.MonkeyPatch, ago: dt.timedelta
) -> None:
    plan = dataclasses.replace(begun(pc, monkeypatch, HOUR), expires="2020-01-01T00:30:00+00:00")
    clock = SimpleNamespace(
        datetime=_clock(dt.datetime.now(dt.UTC) - HOUR + ago), timedelta=dt.timedelta, UTC=dt.UTC
    )
    monkeypatch.setattr("netspring_provision.steps.wipe.dt", clock)
    assert "held until" in refused(pc, plan, plan.confirm).message


def _clock(moment: dt.datetime) -> type[dt.datetime]:
    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(moment.timestamp(), tz)

    return Clock


def test_an_expired_plan_begins_on_no_further_machine(room: playing.Room) -> None:
    plan = room.plan(age=HOUR)
    fresh = dataclasses.replace(plan, expires=(dt.datetime.now(dt.UTC) + HOUR).isoformat())
    room.answers["pc1"] = playing.unreachable
    wipe_machines(room.job("pc1"), fresh, plan.confirm)
    del room.answers["pc1"]
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.played[1:] == [("wipe", ["pc1"])]
    assert result.erased("pc1")
    for name in ("pc2", "pc3"):
        assert [o.outcome for o in result.outcomes[name]] == [Outcome.REFUSED]
        assert "held until" in (result.outcomes[name][0].reason or "")


def test_a_later_plan_that_began_ends_the_earlier_one(
    pc: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = begun(pc, monkeypatch, HOUR)
    later = pc.plan()
    wipe_machines(pc.job(), later, later.confirm)
    assert "another plan began" in refused(pc, earlier, earlier.confirm).message


def test_a_plan_made_before_an_install_never_wipes_what_was_installed(pc: playing.Room) -> None:
    unused, used = pc.plan(), pc.plan()
    wipe_machines(pc.job(), used, used.confirm)
    pc.ledger.append("install_started", {"host": "pc1"}, machine=UUID)
    assert "plan began on it" in refused(pc, unused, unused.confirm).message
    pc.plan()
    pc.ledger.append("install_started", {"host": "pc1"}, machine=UUID)
    newest = dataclasses.replace(pc.plan(), plan_id="plan-3")
    newest = dataclasses.replace(newest, confirm=confirm_phrase(newest.machines, "plan-3"))
    assert "image was put on it" in refused(pc, newest, newest.confirm).message


def test_a_new_plan_after_an_install_may_wipe(pc: playing.Room) -> None:
    first = pc.plan()
    wipe_machines(pc.job(), first, first.confirm)
    pc.ledger.append("install_started", {"host": "pc1"}, machine=UUID)
    second = pc.plan()
    assert wipe_machines(pc.job(), second, second.confirm).erased("pc1")


def test_from_its_begin_to_its_good_end_a_later_wipe_takes_the_word_back(
    pc: playing.Room,
) -> None:
    plan = pc.plan()
    wipe_machines(pc.job(), plan, plan.confirm)
    assert erased_disks(pc.ledger, UUID) == {("WD-pc1", "0x5000WD-pc1"): plan.plan_id}
    later = pc.plan()
    pc.answers["pc1"] = killed
    with pytest.raises(KeyboardInterrupt):
        wipe_machines(pc.job(), later, later.confirm)
    assert erased_disks(pc.ledger, UUID) == {}
    pc.answers["pc1"] = playing.unreachable
    wipe_machines(pc.job(), later, later.confirm)
    assert erased_disks(pc.ledger, UUID) == {}
    del pc.answers["pc1"]
    wipe_machines(pc.job(), later, later.confirm)
    assert erased_disks(pc.ledger, UUID) == {("WD-pc1", "0x5000WD-pc1"): later.plan_id}


def test_an_earlier_plan_does_not_say_erased_of_what_failed_later(pc: playing.Room) -> None:
    plan = pc.plan(TWO_DISKS)
    pc.answers["pc1"] = playing.with_disks(A="erased", B="EIO")
    wipe_machines(pc.job(), plan, plan.confirm)
    later = pc.plan(samples.facts(samples.disk("A")))
    pc.answers["pc1"] = playing.with_disks(A="EIO")
    wipe_machines(pc.job(), later, later.confirm)
    first, *_ = recorded_outcomes(pc.job(), plan)["pc1"]
    assert (first.serial, first.outcome) == ("A", Outcome.FAILED)


def test_another_machine_with_a_disk_of_that_serial_has_nothing_on_record(
    pc: playing.Room,
) -> None:
    plan = pc.plan()
    wipe_machines(pc.job(), plan, plan.confirm)
    assert erased_disks(pc.ledger, samples.UUIDS["pc2"]) == {}


def test_what_is_left_and_what_is_done(room: playing.Room) -> None:
    plan = room.plan()
    assert left_to_wipe(room.job(), plan) == ("pc1", "pc2", "pc3")
    wipe_machines(room.job("pc1"), plan, plan.confirm)
    assert left_to_wipe(room.job(), plan) == ("pc2", "pc3")
    done = recorded_outcomes(room.job(), plan)
    assert [o.outcome for o in done["pc1"]] == [Outcome.ERASED]
    assert done["pc2"] == ()
