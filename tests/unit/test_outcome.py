"""A disk is erased only when every piece of evidence says so; unknown is never success."""

import copy
import dataclasses
from collections import Counter
from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from netspring_provision.model import MachinePlan, Outcome
from netspring_provision.outcome import (
    NO_OUTCOME,
    DiskOutcome,
    all_erased,
    disk_outcomes,
    evidence_gap,
)

PLAN = samples.plan(
    samples.facts(
        samples.disk("A"),
        samples.disk(
            "N", path="/dev/nvme0n1", bus="nvme", medium="ssd", nvme={"secure_erase": True}
        ),
    )
)
(MACHINE,) = PLAN.machines
DISK, NVME = MACHINE.disks
WITH_REFUSED = samples.plan(
    samples.facts(samples.disk("A"), samples.disk("RO", path="/dev/sdb", read_only=True))
).machines[0]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def judged(*entries: Any, machine: MachinePlan = MACHINE, **changes: Any) -> list[DiskOutcome]:
    report = samples.report(machine, PLAN.plan_id) | {"disks": list(entries)} | changes
    return list(disk_outcomes(machine, report, PLAN.plan_id, None))


def test_a_whole_report_is_believed() -> None:
    both = judged(samples.erased(DISK), samples.erased(NVME))
    assert [o.outcome for o in both] == [Outcome.ERASED, Outcome.ERASED]
    assert [o.reason for o in both] == [None, None]
    assert all_erased(tuple(both))


def test_the_planned_fallback_is_believed() -> None:
    failed = samples.attempt("nvme_format", rc=1, error="it said no", canaries_changed=0)
    entry = samples.erased(
        NVME, method="overwrite", attempts=[failed, samples.attempt("overwrite")]
    )
    assert evidence_gap(NVME, entry) is None
    assert evidence_gap(NVME, samples.erased(NVME)) is None


# Every field that is evidence, and what else it may come as.
CORRUPTIONS: list[tuple[tuple[Any, ...], list[Any]]] = [
    (("outcome",), ["Erased", "ok", "failed", "refused", None, True, ""]),
    (("reason",), ["", "it seems fine", 0, False]),
    (("serial",), ["B", "a", None, "", "A "]),
    (("wwn",), [None, "", "0x0", "0x5000a"]),
    (("size_bytes",), [None, 0, 160 * samples.GB - 512, "160000000000", 160.0 * samples.GB]),
    (("method",), [None, "", "nvme_format", "trust me"]),
    (("attempts",), [None, [], "overwrite", {}, [None], [[]]]),
    (("attempts", 0, "rc"), [None, 1, -1, False, "0", 0.0]),
    (("attempts", 0, "method"), [None, "nvme_format", ""]),
    (("canaries",), [None, {}, [], 33]),
    (("canaries", "n"), [None, 0, -1, 32, 34, True, "33", 33.0]),
    (("canaries", "written"), [None, 0, 32, 34, "33", 33.0]),
    (("canaries", "changed"), [None, 0, 32, 34, "33", 33.0, True]),
    (("verify",), [None, {}, [], "full"]),
    (("verify", "mode"), [None, "sampled", "", "FULL", True]),
    (("verify", "bytes_read"), [None, 0, 160 * samples.GB - 1, 160 * samples.GB + 1, 1.6e11]),
    (("verify", "nonzero"), [None, 1, -1, False, "0", 0.0]),
    (("verify", "read_errors"), [None, 1, -1, False, "0", 0.0]),
]


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in CORRUPTIONS for value in values],
    ids=lambda x: "/".join(map(str, x)) if isinstance(x, tuple) else repr(x),
)
def test_one_wrong_field_is_not_erased(path: tuple[Any, ...], value: Any) -> None:
    entry = copy.deepcopy(samples.erased(DISK))
    parent: Any = entry
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    assert judged(entry)[0].outcome is not Outcome.ERASED
    assert judged(entry)[0].reason


@pytest.mark.parametrize("path", [path for path, _ in CORRUPTIONS if path != ("reason",)])
def test_one_missing_field_is_not_erased(path: tuple[Any, ...]) -> None:
    entry = copy.deepcopy(samples.erased(DISK))
    parent: Any = entry
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    assert judged(entry)[0].outcome is not Outcome.ERASED


@given(st.sampled_from([path for path, _ in CORRUPTIONS]), anything)
def test_anything_in_the_place_of_evidence_is_not_erased(path: tuple[Any, ...], odd: Any) -> None:
    entry = copy.deepcopy(samples.erased(DISK))
    parent: Any = entry
    for step in path[:-1]:
        parent = parent[step]
    good = parent[path[-1]]
    parent[path[-1]] = odd
    same = type(odd) is type(good) and odd == good
    assert (judged(entry)[0].outcome is Outcome.ERASED) == same


@given(anything)
def test_any_report_gives_each_planned_disk_one_outcome_and_none_is_erased(odd: Any) -> None:
    reports: list[Any] = [{"plan_id": PLAN.plan_id, "finished": True, "disks": odd}]
    reports += [odd] if isinstance(odd, dict) else []
    for report in reports:
        found = disk_outcomes(MACHINE, report, PLAN.plan_id, None)
        assert [o.serial for o in found] == ["A", "N"]
        assert {o.outcome for o in found} <= {Outcome.FAILED, Outcome.REFUSED}
        assert all(o.reason for o in found)


@given(st.lists(st.sampled_from(["good", "failed", "refused", "other", "nothing"]), max_size=5))
def test_every_planned_disk_ends_exactly_once(kinds: list[str]) -> None:
    made = {
        "good": samples.erased(DISK),
        "failed": samples.erased(DISK, outcome="failed", reason="write error"),
        "refused": samples.erased(DISK, outcome="refused", reason="in use"),
        "other": samples.erased(DISK, serial="X"),
        "nothing": {},
    }
    found = judged(*(made[k] for k in kinds), machine=WITH_REFUSED)
    assert Counter(o.serial for o in found) == {"A": 1, "RO": 1}
    mine = [k for k in kinds if k in ("good", "failed", "refused")]
    assert (found[0].outcome is Outcome.ERASED) == (mine == ["good"])


def test_no_report_is_a_failure_with_the_runs_trouble_as_reason() -> None:
    for trouble, reason in ((None, NO_OUTCOME), ("stopped answering: timed out",) * 2):
        found = disk_outcomes(MACHINE, None, PLAN.plan_id, trouble)
        assert [(o.outcome, o.reason) for o in found] == [(Outcome.FAILED, reason)] * 2


def test_a_report_of_another_plan_is_none() -> None:
    for plan_id in ("another", None, ""):
        found = judged(samples.erased(DISK), samples.erased(NVME), plan_id=plan_id)
        assert {o.outcome for o in found} == {Outcome.FAILED}


@pytest.mark.parametrize("finished", [False, None, "true", 1])
def test_a_report_that_is_not_final_is_none(finished: Any) -> None:
    found = judged(samples.erased(DISK), samples.erased(NVME), finished=finished)
    assert {o.outcome for o in found} == {Outcome.FAILED}


def test_a_disk_reported_twice_is_not_erased() -> None:
    found = judged(samples.erased(DISK), samples.erased(DISK), samples.erased(NVME))
    assert [o.outcome for o in found] == [Outcome.FAILED, Outcome.ERASED]


def test_swapped_evidence_is_not_erased() -> None:
    found = judged(samples.erased(DISK, serial="N"), samples.erased(NVME, serial="A"))
    assert {o.outcome for o in found} == {Outcome.FAILED}


def test_one_bad_disk_keeps_the_machine_from_being_imaged() -> None:
    found = judged(samples.erased(DISK), samples.erased(NVME, outcome="failed", reason="EIO"))
    assert [o.outcome for o in found] == [Outcome.ERASED, Outcome.FAILED]
    assert found[1].reason == "EIO"
    assert not all_erased(tuple(found))


def test_a_refused_disk_keeps_the_machine_from_being_imaged() -> None:
    found = judged(samples.erased(DISK), machine=WITH_REFUSED)
    assert [o.outcome for o in found] == [Outcome.ERASED, Outcome.REFUSED]
    assert found[1].reason is not None
    assert "read-only" in found[1].reason
    assert not all_erased(tuple(found))


def test_no_disk_at_all_is_not_all_erased() -> None:
    assert not all_erased(())


def test_a_disk_planned_without_wwn_may_have_one() -> None:
    planned = dataclasses.replace(DISK, wwn=None)
    assert evidence_gap(planned, samples.erased(DISK)) is None
