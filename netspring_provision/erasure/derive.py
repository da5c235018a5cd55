"""What follows from a record's own content: its state and its claim. Pure.

The same functions make the record and check it, and they are those by which the station judges a
wipe. The states are those of wiping practice: ``failed-destroy`` is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from netspring_provision import claims
from netspring_provision.erasure.evidence import detectable_fraction, entry_of
from netspring_provision.model import Claim, Outcome, PlannedDisk, ReadBack
from netspring_provision.outcome import evidence_gap

NOTHING = Claim("none", ())
# How the machine begins the reason of a disk that it could not finish (disk_wipe: disk.py, job.py).
UNFINISHED = ("aborted:", "no outcome:")
# What may be done to a drive before it is refused after all; none of it touches what lies on it.
PREPARING = frozenset({"unfreeze", "ata_unlock", "show_hidden_area"})
DESTRUCTION = "physical-destruction-record"
WIPE_AGAIN = "wipe-again-or-destroy"


class State(StrEnum):
    """How a disk stands at the end of a wipe.

    ``interrupted`` and ``failed-destroy`` are both not erased. The first was broken off without any
    sign that the disk itself is bad, so it may be wiped again.
    """

    ERASED = "erased"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    FAILED_DESTROY = "failed-destroy"


# What a disk in this state still needs; `None`: nothing, or nothing was done to it.
DEMANDS: Mapping[State, str | None] = {
    State.ERASED: None,
    State.REFUSED: None,
    State.INTERRUPTED: WIPE_AGAIN,
    State.FAILED_DESTROY: DESTRUCTION,
}


def state_of(record: Mapping[str, Any]) -> tuple[State, str]:
    """The state that the record's evidence carries, and why it is no better.

    Only ``erased`` needs proof; whatever is not clear is ``failed-destroy``.
    """
    reported = record["reported"]
    if reported["outcome"] == Outcome.REFUSED and record["gap"] is None:
        touched = _touched(record)
        if touched is None:
            return State.REFUSED, "it was refused"
        return State.FAILED_DESTROY, f"it says refused, but {touched}"
    if record["plan"]["action"] != "erase":
        return State.FAILED_DESTROY, "the plan did not allow to erase it"
    if reported["outcome"] == Outcome.ERASED and record["gap"] is None:
        gap = evidence_gap(planned_of(record), entry_of(record)) or _own_gap(record)
        return (State.ERASED, "") if gap is None else (State.FAILED_DESTROY, gap)
    if reported["outcome"] == Outcome.FAILED and _only_broken_off(record):
        return State.INTERRUPTED, "the work on it did not come to its end"
    why = record["gap"] or reported["reason"] or "no reason was given"
    return State.FAILED_DESTROY, str(why)


def claim_of(record: Mapping[str, Any], state: State) -> dict[str, Any]:
    """What may be said of the disk; without ``erased`` nothing."""
    claim = NOTHING
    if state is State.ERASED:
        planned = planned_of(record)
        claim = claims.claim_of(
            planned.medium, planned.bus, str(record["method"]), entry_of(record)
        )
    limits = [
        {"code": one.code, "detail": one.detail, "words": claims.words(one).en}
        for one in claim.limits
    ]
    return {"standard": claims.STANDARD, "level": claim.level, "limits": limits}


def planned_of(record: Mapping[str, Any]) -> PlannedDisk:
    """The disk as it was planned, as far as a judgement reads it."""
    plan, disk = record["plan"], record["disk"]
    return PlannedDisk(
        path=disk["path"],
        serial=plan["serial"],
        wwn=plan["wwn"],
        size_bytes=plan["bytes"],
        native_bytes=plan["native_bytes"],
        model=disk["model"],
        bus=plan["bus"],
        medium=plan["media"],
        method=plan["method"],
        fallback=tuple(plan["fallback"]),
        claim=NOTHING,
        media_claims={},
        estimate_seconds=0,
        estimates={},
        verify=ReadBack(**plan["verify"]),
        remove_hpa=plan["remove_hpa"],
        unfreeze=plan["unfreeze"],
        opt_in=plan["opt_in"],
        notes=(),
    )


def _own_gap(record: Mapping[str, Any]) -> str | None:
    """What only a record can get wrong: figures that are reckoned from others."""
    verify, disk = record["verify"], record["disk"]
    if verify["f_detectable"] != detectable_fraction(verify, disk["bytes"]):
        return f"f_detectable is {verify['f_detectable']}, which does not follow from the samples"
    if disk["serial"] != record["plan"]["serial"]:
        return f"the disk's serial is {disk['serial']}, planned was {record['plan']['serial']}"
    return None


def _touched(record: Mapping[str, Any]) -> str | None:
    """A sign that something was written to the disk; ``None`` when there is none."""
    if any(attempt["method"] not in PREPARING for attempt in record["attempts"]):
        return "it tells of an attempt to erase"
    if (record["canaries"] or {}).get("written"):
        return "canaries were written"
    return None


def _only_broken_off(record: Mapping[str, Any]) -> bool:
    """No report came, or the machine itself says so; and nothing speaks against the disk."""
    reported, verify = record["reported"], record["verify"] or {}
    if reported["by"] == "station":
        return True
    return (
        record["gap"] is None
        and str(reported["reason"]).startswith(UNFINISHED)
        and not verify.get("read_errors")
        and not verify.get("nonzero")
    )
