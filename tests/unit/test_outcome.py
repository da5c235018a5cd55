"""A disk is erased only when every piece of evidence says so; unknown is never success."""

import dataclasses
import json
from collections import Counter
from typing import Any

import entries
import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from netspring_provision import sampling
from netspring_provision.model import MachinePlan, Outcome, PlannedDisk, ReadBack
from netspring_provision.outcome import (
    NO_OUTCOME,
    DiskOutcome,
    all_erased,
    disk_outcomes,
    evidence_gap,
)
from netspring_provision.proof import METHODS

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
    (("serial_end",), ["B", "a", None, "", "A ", 0]),
    (("wwn",), [None, "", "0x0", "0x5000a"]),
    (("bus",), [None, "", "usb", "SATA"]),
    (("medium",), [None, "", "ssd", "unknown"]),
    (("size_bytes",), [None, 0, 160 * samples.GB - 512, "160000000000", 160.0 * samples.GB]),
    (("native_bytes",), [None, 0, 161 * samples.GB, "160000000000", 160.0 * samples.GB, True]),
    (("method",), [None, "", "nvme_format", "trust me", [], {}]),
    (("attempts",), [None, [], "overwrite", {}, [None], [[]]]),
    (("attempts", 0, "rc"), [None, 1, -1, False, "0", 0.0]),
    (("attempts", 0, "error"), ["", "EIO", 0, False]),
    (("attempts", 0, "method"), [None, "nvme_format", "", "unfreeze", "ata_unlock", []]),
    (("canaries",), [None, {}, [], 33]),
    (("canaries", "n"), [None, 0, -1, 32, 34, True, "33", 33.0]),
    (("canaries", "written"), [None, 0, 32, 34, "33", 33.0]),
    (("canaries", "changed"), [None, 0, 32, 34, "33", 33.0, True]),
    (("verify",), [None, {}, [], "full"]),
    (("verify", "mode"), [None, "sampled", "", "FULL", True]),
    (("verify", "bytes_read"), [None, 0, 160 * samples.GB - 1, 160 * samples.GB + 1, 1.6e11]),
    (("verify", "nonzero"), [None, 1, -1, False, "0", 0.0]),
    (("verify", "read_errors"), [None, 1, -1, False, "0", 0.0]),
    (("smart_after",), [None, {}, [], "good"]),
    (("smart_after", "pending"), [None, 1, -1, False, "0", 0.0]),
    (("smart_after", "uncorrectable"), [None, 1, -1, False, "0", 0.0]),
    (("security_after",), [{"enabled": True}, {"locked": True}, {"enabled": 1, "locked": True}]),
]


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in CORRUPTIONS for value in values],
    ids=lambda x: "/".join(map(str, x)) if isinstance(x, tuple) else repr(x),
)
def test_one_wrong_field_is_not_erased(path: tuple[Any, ...], value: Any) -> None:
    entry = entries.with_value(samples.erased(DISK), path, value)
    assert judged(entry)[0].outcome is not Outcome.ERASED
    assert judged(entry)[0].reason
    assert judged(entry)[0].claim is None


@pytest.mark.parametrize("kind", entries.PLANNED)
def test_a_whole_report_of_any_kind_is_believed(kind: str) -> None:
    planned = entries.PLANNED[kind]
    assert evidence_gap(planned, samples.erased(planned)) is None


@pytest.mark.parametrize("kind", entries.PLANNED)
def test_one_missing_field_is_not_erased(kind: str) -> None:
    planned = entries.PLANNED[kind]
    entry = samples.erased(planned)
    absent = {("reason",), ("wwn",), ("attempts", 0, "error"), ("attempts", 1, "error")}
    # An absent attempt before the last is told by another test: it may be one that is not needed.
    for path in entries.evidence_places(entry):
        if path not in absent and path[-1] not in (0, 1):
            assert evidence_gap(planned, entries.without(entry, path)), path


@pytest.mark.parametrize("kind", entries.PLANNED)
@given(data=st.data())
def test_anything_in_the_place_of_evidence_is_not_erased(kind: str, data: st.DataObject) -> None:
    planned = entries.PLANNED[kind]
    entry = samples.erased(planned)
    path = data.draw(st.sampled_from(entries.evidence_places(entry)))
    odd = data.draw(anything)
    good = entries.value_at(entry, path)
    same = type(odd) is type(good) and odd == good
    if path == ("smart_after", "pending") or path == ("smart_after", "uncorrectable"):
        same = type(odd) is int and odd == 0
    gap = evidence_gap(planned, entries.with_value(entry, path, odd))
    assert (gap is None) == (same or _harmless(planned, path, odd)), gap


def _harmless(planned: PlannedDisk, path: tuple[Any, ...], odd: Any) -> bool:
    """The few other values that say no less than the good one."""
    if path == ("verify", "bytes_read") and planned.verify.mode == "sampled":
        least = sampling.grid_bytes(planned.erased_bytes, 10 << 20, 1 << 20, 4096)
        return type(odd) is int and least <= odd <= planned.erased_bytes
    if path == ("verify", "phase_bytes"):
        return type(odd) is int and 0 <= odd < 10 << 20
    return path == ("wwn",) and planned.wwn is None


@pytest.mark.parametrize("kind", entries.PLANNED)
@given(data=st.data())
def test_two_wrong_fields_do_not_make_one_right(kind: str, data: st.DataObject) -> None:
    planned = entries.PLANNED[kind]
    good = samples.erased(planned)
    paths = st.sampled_from([p for p in entries.evidence_places(good) if len(p) == 1])
    entry = good
    for path in data.draw(st.lists(paths, min_size=1, max_size=4, unique=True)):
        entry = entries.with_value(entry, path, data.draw(st.none() | st.just("x") | st.just(0)))
    untouched = all(
        type(entry[key]) is type(good[key]) and entry[key] == good[key]
        for key in good
        if (key,) in entries.evidence_places(good)
    )
    assert (evidence_gap(planned, entry) is None) == untouched


@pytest.mark.parametrize("kind", entries.PLANNED)
def test_every_planned_method_and_no_other_is_believed(kind: str) -> None:
    planned = entries.PLANNED[kind]
    for method in (*METHODS, "shred", "", None):
        entry = samples.erased(planned, method=method, attempts=samples.attempts(str(method)))
        believed = evidence_gap(planned, entry) is None
        assert believed == (method in (planned.method, *planned.fallback)), method


def test_the_pass_of_zeros_ends_a_method_that_stands_alone() -> None:
    alone = dataclasses.replace(entries.PLANNED["nvme"], fallback=())
    assert evidence_gap(alone, samples.erased(alone)) is None
    overwritten = samples.erased(alone, method="overwrite", attempts=samples.attempts("overwrite"))
    assert evidence_gap(alone, overwritten)


def test_an_attempt_that_was_not_planned_is_not_believed() -> None:
    planned = entries.PLANNED["hdd"]
    for method in ("ata_sanitize_overwrite", "nvme_format", "unfreeze", "ata_unlock", "shred"):
        tried = [samples.attempt(method, rc=1, error="no"), samples.attempt("overwrite")]
        entry = samples.erased(planned, method="overwrite", attempts=tried)
        assert evidence_gap(planned, entry), method


def test_preparations_are_believed_where_they_were_planned() -> None:
    planned = dataclasses.replace(entries.PLANNED["ssd_ase"], unfreeze=True)
    steps = [samples.attempt(m) for m in ("unfreeze", "ata_unlock")]
    entry = samples.erased(planned, attempts=[*steps, *samples.attempts(planned.method)])
    assert evidence_gap(planned, entry) is None
    only = samples.erased(planned, method="unfreeze", attempts=steps)
    assert evidence_gap(planned, only)


def test_samples_are_believed_only_where_they_were_planned() -> None:
    full, some = entries.PLANNED["hdd"], entries.PLANNED["hdd-sampled"]
    assert evidence_gap(full, samples.erased(some))
    gap = evidence_gap(
        some, samples.erased(full, method="overwrite", attempts=samples.attempts("overwrite"))
    )
    assert gap is not None
    assert "planned was sampled" in gap


def test_other_samples_than_planned_are_not_believed() -> None:
    some = entries.PLANNED["hdd-sampled"]
    thin = dataclasses.replace(some, verify=ReadBack("sampled", 100 << 20, 1 << 20))
    assert evidence_gap(some, samples.erased(thin))
    assert evidence_gap(thin, samples.erased(thin)) is None


def test_a_hidden_area_that_is_still_hidden_is_not_erased() -> None:
    planned = entries.PLANNED["hpa"]
    visible = planned.size_bytes
    entry = samples.erased(planned, size_bytes=visible, native_bytes=planned.native_bytes)
    assert evidence_gap(planned, entry)
    assert evidence_gap(planned, samples.erased(planned, size_bytes=visible, native_bytes=visible))


def test_an_outcome_names_its_disk_and_its_evidence() -> None:
    entry = samples.erased(DISK)
    (one, *_) = judged(entry)
    assert (one.serial, one.path, one.model) == (DISK.serial, DISK.path, DISK.model)
    assert (one.method, one.evidence) == (DISK.method, entry)
    (refused, *_) = judged(samples.erased(DISK, outcome="refused", reason="in use", method=None))
    assert (refused.outcome, refused.reason, refused.method) == (Outcome.REFUSED, "in use", None)
    (_, never) = judged(samples.erased(DISK), machine=WITH_REFUSED)
    assert (never.serial, never.path, never.model) == ("RO", "/dev/sdb", "")
    (_, missing) = judged(samples.erased(DISK))
    assert (missing.outcome, missing.reason, missing.evidence) == (Outcome.FAILED, NO_OUTCOME, {})


def test_a_failure_without_words_tells_what_troubled_the_run() -> None:
    report = samples.report(MACHINE, PLAN.plan_id, samples.erased(DISK, outcome="failed"))
    for trouble, reason in (("it stopped", "it stopped"), (None, NO_OUTCOME)):
        (one, _) = disk_outcomes(MACHINE, report, PLAN.plan_id, trouble)
        assert (one.outcome, one.reason) == (Outcome.FAILED, reason)


def test_a_good_report_carries_what_may_be_said_and_what_was_planned() -> None:
    (one, *_) = judged(samples.erased(DISK))
    assert one.claim == DISK.claim == one.planned
    assert DiskOutcome.from_record(json.loads(json.dumps(dataclasses.asdict(one)))) == one
    (bad, *_) = judged(samples.erased(DISK, reason="?"))
    assert bad.claim is None
    assert bad.planned == DISK.claim
    assert DiskOutcome.from_record(json.loads(json.dumps(dataclasses.asdict(bad)))) == bad


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
