"""Disks whose wipe failed, out of the ledger: to be destroyed, not to be tried again. Pure.

A failure is final (states of docs/erasure-records.md), wherever the disk turns up next: it is told
by its serial alone, which for a refusal is the safe side. Only a later proof of erasure ends it. A
wipe that was only broken off is none: nothing speaks against that disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from netspring_provision.erasure.derive import UNFINISHED, State
from netspring_provision.ledger import Record
from netspring_provision.model import Failure, Outcome

KINDS = ("wipe", "erasure")


def failures(records: Iterable[Record]) -> dict[str, Failure]:
    """The disks that failed and have not been erased since, by serial.

    Args:
        records: those of KINDS at least, oldest first; others are passed over.
    """
    found: dict[str, Failure] = {}
    for record in records:
        if record.kind == "wipe":
            for disk in record.body["disks"]:
                if disk["outcome"] == Outcome.ERASED:
                    found.pop(disk["serial"], None)
                elif disk["outcome"] == Outcome.FAILED and _against(disk):
                    found[disk["serial"]] = Failure(record.time, str(disk["reason"]))
        elif record.kind == "erasure" and record.body["serial"]:
            serial, state = record.body["serial"], record.body["state"]
            if state == State.ERASED:
                found.pop(serial, None)
            elif state == State.FAILED_DESTROY:
                reason = json.loads(record.body["record"])["reason"]
                found[serial] = Failure(record.time, str(reason))
    return found


def _against(disk: Mapping[str, Any]) -> bool:
    """Whether something speaks against a disk that is not erased; as in erasure/derive.py."""
    evidence = disk.get("evidence") or {}
    if not evidence:
        return False  # no report came
    verify = evidence.get("verify") or {}
    broken_off = evidence.get("outcome") == Outcome.FAILED and str(
        evidence.get("reason")
    ).startswith(UNFINISHED)
    return bool(not broken_off or verify.get("read_errors") or verify.get("nonzero"))
