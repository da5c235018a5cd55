"""A machine that does not prove to run our live environment is left alone, and nothing begins."""

import datetime as dt
from pathlib import Path

import playing
import pytest
import samples

from netspring_provision import ssh
from netspring_provision.cli.provision import provision_exit_code
from netspring_provision.cli.wipe import wipe_exit_code
from netspring_provision.errors import MachineFailedError, RefusedError
from netspring_provision.model import Outcome, Step
from netspring_provision.outcome import DiskOutcome
from netspring_provision.ssh import HostKey
from netspring_provision.steps.provision import Progressed
from netspring_provision.steps.wipe import WipeResult, wipe_machines


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    return playing.room(netspring_home, monkeypatch)


def answering(monkeypatch: pytest.MonkeyPatch, **answers: HostKey | Exception | None) -> None:
    """Let the machines answer the enrolment so, by the last part of their address."""

    def enrol(_: object, address: str, *__: object) -> HostKey | None:
        answer = answers.get("pc" + address[-1], HostKey("ssh-ed25519", "LIVE"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ssh, "enrol", enrol)


def test_where_none_runs_our_live_environment_nothing_is_played_or_recorded(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = room.plan()
    answering(monkeypatch, pc1=None, pc2=None, pc3=RefusedError("10.0.0.3 is not ours"))
    with pytest.raises(RefusedError, match="pc1 does not run the live environment") as caught:
        wipe_machines(room.job(), plan, plan.confirm)
    assert "boot it" in (caught.value.hint or "")
    assert room.played == []
    assert room.kinds("wipe_started") == []


def test_a_stranger_is_refused_by_name_and_the_others_go_on(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = room.plan()
    answering(monkeypatch, pc2=RefusedError("10.0.0.2 runs another's live environment"))
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert room.played == [("wipe", ["pc1", "pc3"])]
    (outcome,) = result.outcomes["pc2"]
    assert outcome.outcome is Outcome.REFUSED
    assert "pc2" in (outcome.reason or "")
    assert "another's live environment" in (outcome.reason or "")


def test_silence_is_not_strange_it_shows_in_the_play(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = room.plan(samples.facts())
    room.answers["pc1"] = playing.unreachable
    answering(monkeypatch, pc1=MachineFailedError("10.0.0.1 does not answer SSH"))
    result = wipe_machines(room.job(), plan, plan.confirm)
    assert result.outcomes["pc1"][0].outcome is Outcome.FAILED
    assert "Connection timed out" in (result.outcomes["pc1"][0].reason or "")


@pytest.mark.parametrize(("outcome", "begun"), [("refused", False), ("failed", True)])
def test_a_plan_that_was_only_refused_has_not_begun_and_expires(
    room: playing.Room, outcome: str, begun: bool
) -> None:
    plan = room.plan(samples.facts(), age=dt.timedelta(hours=1))
    body = {"plan_id": plan.plan_id, "disks": [{"serial": "WD-pc1", "outcome": outcome}]}
    for kind in ("wipe_started", "wipe"):
        room.ledger.append(kind, body, machine=samples.UUIDS["pc1"])
    if begun:
        assert wipe_machines(room.job(), plan, plan.confirm).erased("pc1")
        return
    with pytest.raises(RefusedError, match="held until"):
        wipe_machines(room.job(), plan, plan.confirm)
    assert room.played == []


def test_a_plan_that_was_only_refused_does_not_end_an_earlier_one(room: playing.Room) -> None:
    first, second = room.plan(samples.facts()), room.plan(samples.facts())
    uuid = samples.UUIDS["pc1"]

    def attempt(plan_id: str, outcome: str) -> None:
        body = {"plan_id": plan_id, "disks": [{"serial": "WD-pc1", "outcome": outcome}]}
        for kind in ("wipe_started", "wipe"):
            room.ledger.append(kind, body, machine=uuid)

    attempt(second.plan_id, "refused")
    attempt(first.plan_id, "failed")
    attempt(second.plan_id, "refused")
    assert wipe_machines(room.job(), first, first.confirm).erased("pc1")
    with pytest.raises(RefusedError, match="another plan began"):
        wipe_machines(room.job(), second, second.confirm)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ({"pc1": ["erased"], "pc2": ["erased"]}, 0),
        ({"pc1": ["refused", "refused"], "pc2": ["refused"]}, 3),
        ({"pc1": ["erased"], "pc2": ["refused"]}, 1),
        ({"pc1": ["refused", "failed"]}, 1),
        ({"pc1": []}, 1),
    ],
)
def test_refused_is_3_only_where_nothing_else_happened(
    outcomes: dict[str, list[str]], code: int
) -> None:
    result = WipeResult(
        {
            host: tuple(DiskOutcome("S", "/dev/sda", "m", Outcome(word), None) for word in words)
            for host, words in outcomes.items()
        }
    )
    assert wipe_exit_code(result) == code
    rows = tuple(Progressed(host, "", outcomes=ended) for host, ended in result.outcomes.items())
    by_plan = Progressed("pc9", "").step(Step.WIPE, "refused by the plan as a whole")
    assert provision_exit_code((*rows, by_plan)) == (code or 1)  # wiped alone is not verified
