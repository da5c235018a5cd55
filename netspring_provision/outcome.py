"""From what a machine reported to exactly one outcome per planned disk. Pure, and it fails closed.

A report that says "erased" is not believed: the evidence in it must add up, for this very disk. The
evidence is whole by itself (proof.py) and belongs to this plan: serial, WWN, size, bus, medium,
only planned methods, read back as planned. What may then be said of the disk is for the station to
say (claims.py), from the evidence and not from the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netspring_provision.claims import claim_of
from netspring_provision.methods import SECURITY
from netspring_provision.model import Claim, MachinePlan, Outcome, PlannedDisk
from netspring_provision.proof import OVERWRITE, attempts_of, is_count, proof_gap

NO_OUTCOME = "the machine reported no outcome for this disk, so it counts as not erased"


@dataclass(frozen=True)
class DiskOutcome:
    """How one planned or refused disk ended.

    Attributes:
        reason: why it is not erased; ``None`` only for ``erased``.
        evidence: the disk's own report, for the ledger.
        claim: what may be said of it; ``None`` unless erased.
        planned: what was planned to be said of it.
    """

    serial: str | None
    path: str
    model: str
    outcome: Outcome
    reason: str | None
    method: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict, repr=False)
    claim: Claim | None = None
    planned: Claim | None = None

    @classmethod
    def from_record(cls, raw: Mapping[str, Any]) -> DiskOutcome:
        """From its plain data in the ledger, of an older version too.

        Raises:
            KeyError, TypeError, ValueError: it has another shape.
        """
        claims = {key: Claim.from_plain(raw[key]) for key in ("claim", "planned") if raw.get(key)}
        return cls(**{**raw, "outcome": Outcome(raw["outcome"]), **claims})


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
        erased = outcome is Outcome.ERASED
        return DiskOutcome(
            disk.serial,
            disk.path,
            disk.model,
            outcome,
            reason,
            str(method) if method else None,
            evidence,
            claim_of(disk.medium, disk.bus, str(method), evidence) if erased else None,
            disk.claim,
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
    """What is missing or wrong in the evidence that this disk is erased; ``None`` when whole.

    The report must prove an erasure by itself (proof.py), and that of this disk, as planned.
    """
    return _identity_gap(disk, entry) or proof_gap(entry) or _plan_gap(disk, entry)


def _identity_gap(disk: PlannedDisk, entry: Mapping[str, Any]) -> str | None:
    if entry.get("serial") != disk.serial:
        return f"its serial is {entry.get('serial')}, planned was {disk.serial}"
    if not is_count(entry.get("size_bytes"), disk.erased_bytes):
        return f"its size is {entry.get('size_bytes')}, planned were {disk.erased_bytes} bytes"
    if disk.wwn and entry.get("wwn") != disk.wwn:
        return f"its WWN is {entry.get('wwn')}, planned was {disk.wwn}"
    for key, planned in (("bus", disk.bus), ("medium", disk.medium)):
        if entry.get(key) != planned:
            return f"its {key} is {entry.get(key)}, planned was {planned}"
    return None


def _plan_gap(disk: PlannedDisk, entry: Mapping[str, Any]) -> str | None:
    """What was done though it was not planned."""
    allowed = [disk.method, *disk.fallback]
    if entry.get("method") not in allowed:
        return f"the method {entry.get('method')} was not planned"
    allowed.append(
        OVERWRITE
    )  # its pass of zeros ends every method; as a method it is planned above
    if any(method in SECURITY for method in allowed):
        allowed.append("ata_unlock")
    if disk.unfreeze:
        allowed.append("unfreeze")
    for attempt in attempts_of(entry) or ():
        if attempt.get("method") not in allowed:
            return f"the method {attempt.get('method')} was not planned"
    told, asked = entry["verify"], disk.verify
    if told.get("mode") != asked.mode:
        return f"it was read back in mode {told.get('mode')}, planned was {asked.mode}"
    for key, planned in (("pitch_bytes", asked.pitch_bytes), ("length_bytes", asked.length_bytes)):
        if planned is not None and not is_count(told.get(key), planned):
            return f"the samples have {key} {told.get(key)}, planned were {planned}"
    native = disk.native_bytes
    if native is not None and not is_count(entry.get("native_bytes"), native):
        return f"its native capacity is {entry.get('native_bytes')}, planned were {native} bytes"
    return None


def all_erased(outcomes: tuple[DiskOutcome, ...]) -> bool:
    """Whether the machine may be imaged: it has disks, and every one of them is erased."""
    return bool(outcomes) and all(o.outcome is Outcome.ERASED for o in outcomes)
