"""From what a machine reported to exactly one outcome per planned disk. Pure, and it fails closed.

A report that says "erased" is not believed: the evidence in it must add up, for this very disk. The
rule is that of docs/decisions/0004-own-writer.md (after NIST SP 800-88r2 §4.5): method completed,
every canary changed, every byte read back and zero, no error, same serial and size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netspring_provision.model import MachinePlan, Outcome, PlannedDisk

NO_OUTCOME = "the machine reported no outcome for this disk, so it counts as not erased"


@dataclass(frozen=True)
class DiskOutcome:
    """How one planned or refused disk ended.

    Attributes:
        reason: why it is not erased; ``None`` only for ``erased``.
        evidence: the disk's own report, for the ledger.
    """

    serial: str | None
    path: str
    model: str
    outcome: Outcome
    reason: str | None
    method: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict, repr=False)


def disk_outcomes(
    machine: MachinePlan, report: Mapping[str, Any] | None, plan_id: str, trouble: str | None
) -> tuple[DiskOutcome, ...]:
    """One outcome for each disk that the plan names, planned ones first, then those refused.

    Args:
        machine: the machine's part of the plan.
        report: its final ``wipe`` payload, or ``None`` when there was none.
        plan_id: the plan that the report must belong to.
        trouble: why the machine's run ended early, or ``None``.
    """
    final = report is not None and report.get("finished") is True
    usable = report if report is not None and final and report.get("plan_id") == plan_id else {}
    disks = usable.get("disks")
    listed = disks if isinstance(disks, list | tuple) else ()
    entries = [e for e in listed if isinstance(e, Mapping)]
    outcomes = []
    for disk in machine.disks:
        mine = [e for e in entries if e.get("serial") == disk.serial]
        outcomes.append(_one(disk, mine, trouble))
    return (*outcomes, *refused_outcomes(machine))


def refused_outcomes(machine: MachinePlan) -> tuple[DiskOutcome, ...]:
    """The disks that the plan refused, as outcomes: they were not touched."""
    return tuple(
        DiskOutcome(r.serial, r.path, "", Outcome.REFUSED, f"{r.reason}; {r.hint}")
        for r in machine.refused
    )


def _one(disk: PlannedDisk, mine: list[Mapping[str, Any]], trouble: str | None) -> DiskOutcome:
    def ended(outcome: Outcome, reason: str | None) -> DiskOutcome:
        evidence = mine[0] if len(mine) == 1 else {}
        method = evidence.get("method")
        return DiskOutcome(
            disk.serial,
            disk.path,
            disk.model,
            outcome,
            reason,
            str(method) if method else None,
            evidence,
        )

    if len(mine) != 1:
        return ended(Outcome.FAILED, trouble or NO_OUTCOME)
    entry = mine[0]
    said = entry.get("outcome")
    if said == Outcome.ERASED:
        gap = evidence_gap(disk, entry)
        if gap is None:
            return ended(Outcome.ERASED, None)
        return ended(Outcome.FAILED, f"reported as erased, but {gap}")
    reason = str(entry.get("reason") or trouble or NO_OUTCOME)
    return ended(Outcome.REFUSED if said == Outcome.REFUSED else Outcome.FAILED, reason)


def evidence_gap(disk: PlannedDisk, entry: Mapping[str, Any]) -> str | None:
    """What is missing or wrong in the evidence that this disk is erased; ``None`` when whole."""
    verify = entry.get("verify")
    canaries = entry.get("canaries")
    if not isinstance(verify, Mapping) or not isinstance(canaries, Mapping):
        return "the evidence is missing"
    return (
        _identity_gap(disk, entry)
        or _method_gap(disk, entry)
        or _canary_gap(canaries)
        or _read_back_gap(disk, verify)
    )


def _identity_gap(disk: PlannedDisk, entry: Mapping[str, Any]) -> str | None:
    if entry.get("outcome") != Outcome.ERASED or entry.get("reason") is not None:
        return f"it says {entry.get('outcome')} and gives a reason: {entry.get('reason')}"
    if entry.get("serial") != disk.serial:
        return f"its serial is {entry.get('serial')}, planned was {disk.serial}"
    if not _is(entry.get("size_bytes"), disk.size_bytes):
        return f"its size is {entry.get('size_bytes')}, planned were {disk.size_bytes} bytes"
    if disk.wwn and entry.get("wwn") != disk.wwn:
        return f"its WWN is {entry.get('wwn')}, planned was {disk.wwn}"
    return None


def _method_gap(disk: PlannedDisk, entry: Mapping[str, Any]) -> str | None:
    method, attempts = entry.get("method"), entry.get("attempts")
    if method not in (disk.method, *disk.fallback):
        return f"the method {method} was not planned"
    if not isinstance(attempts, list | tuple) or not attempts:
        return "it tells of no attempt"
    ended = [a for a in attempts if isinstance(a, Mapping) and _is(a.get("rc"), 0)]
    if not any(a.get("method") == method for a in ended):
        return f"no attempt with {method} ended well"
    if attempts[-1] not in ended:
        return "its last attempt did not end well"
    return None


def _canary_gap(canaries: Mapping[str, Any]) -> str | None:
    count = canaries.get("n")
    if not isinstance(count, int) or not _is(canaries.get("written"), count) or count < 1:
        return "no canaries were planted"
    if not _is(canaries.get("changed"), count):
        return f"only {canaries.get('changed')} of {count} canaries changed"
    return None


def _read_back_gap(disk: PlannedDisk, verify: Mapping[str, Any]) -> str | None:
    if verify.get("mode") != "full":
        return f"it was read back in mode {verify.get('mode')}, not in full"
    if not _is(verify.get("read_errors"), 0):
        return f"reading it back met {verify.get('read_errors')} errors"
    if not _is(verify.get("nonzero"), 0):
        return f"{verify.get('nonzero')} bytes were not zero when read back"
    if not _is(verify.get("bytes_read"), disk.size_bytes):
        return f"only {verify.get('bytes_read')} of {disk.size_bytes} bytes were read back"
    return None


def all_erased(outcomes: tuple[DiskOutcome, ...]) -> bool:
    """Whether the machine may be imaged: it has disks, and every one of them is erased."""
    return bool(outcomes) and all(o.outcome is Outcome.ERASED for o in outcomes)


def _is(value: object, wanted: int) -> bool:
    """Whether a count is that number: ``True``, ``1.0`` and ``"1"`` are not 1 in a report."""
    return type(value) is int and type(wanted) is int and value == wanted
