"""The record of one disk: it starts as failed and becomes erased only at the very end.

It tells what was done and seen. What may be claimed of it is not said here: the station judges.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import VERSION

NO_OUTCOME = "no outcome: the work on this disk ended without a report; plan and wipe again"
TOOL = f"netspring_erase {VERSION}"


def now() -> str:
    """This machine's clock, ISO 8601 in UTC; donated clocks lie, the station keeps its own."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@dataclass
class Evidence:
    """What was done to one disk, filled in as it happens.

    Attributes:
        planned: the disk's part of the plan.
        outcome: erased, refused or failed; failed until proven otherwise.
        seen: what the disk was found to be: path, wwn, size_bytes, firmware and so on.
        method: the strongest method that did what it says.
        content_after: what lay where the canaries were, after a firmware method.
        limits: what the erase did not reach or prove, as code and detail.
        seconds_write: duration of the overwrite pass.
        seconds_verify: duration of the read-back.
    """

    planned: Mapping[str, Any]
    outcome: str = "failed"
    reason: str | None = NO_OUTCOME
    seen: dict[str, Any] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "path",
                "by_id",
                "wwn",
                "size_bytes",
                "native_bytes",
                "logical_block",
                "firmware",
                "serial_end",
                "security_before",
                "security_after",
                "hpa_before",
                "dco",
                "waited_for",  # a Sanitize that was under way and not planned
                "smart_before",
                "smart_after",
            )
        )
    )
    method: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    canaries: dict[str, int] = field(default_factory=lambda: {"n": 0, "written": 0, "changed": 0})
    content_after: dict[str, int] | None = None
    verify: dict[str, Any] = field(
        default_factory=lambda: {
            "mode": "full",
            "bytes_read": 0,
            "nonzero": 0,
            "read_errors": 0,
            "first_error_offset": None,
        }
    )
    limits: list[dict[str, str]] = field(default_factory=list)
    seconds_write: float | None = None
    seconds_verify: float | None = None
    started: str = field(default_factory=now)

    def limit(self, code: str, detail: str) -> None:
        """Something was not reached or not proven; the claim will say so."""
        self.limits.append({"code": code, "detail": detail})

    def attempt(self, method: str) -> dict[str, Any]:
        """Begin an attempt; it is filled in as it goes, and counts as failed until it is."""
        entry: dict[str, Any] = {
            "method": method,
            "argv": [],
            "rc": None,
            "started": now(),
            "finished": None,
            "error": NO_OUTCOME,
            "tool": None,
            "stderr_sha256": None,
            "status_before": None,
            "status_after": None,
            "canaries_changed": None,
        }
        self.attempts.append(entry)
        return entry

    def erased(self) -> None:
        """Set the outcome; only called when everything has been proven."""
        self.outcome, self.reason = "erased", None

    def ended(self, outcome: str, reason: str) -> None:
        """Refused or failed, and why."""
        self.outcome, self.reason = outcome, reason

    def as_dict(self) -> dict[str, Any]:
        """The disk's entry in the result of kind ``wipe``."""
        return {
            "serial": self.planned["serial"],
            "model": self.planned.get("model"),
            "bus": self.planned.get("bus"),
            "medium": self.planned.get("medium"),
            **self.seen,
            "path": self.seen["path"] or self.planned.get("path"),
            "outcome": self.outcome,
            "reason": self.reason,
            "method": self.method,
            "attempts": self.attempts,
            "canaries": self.canaries,
            "content_after": self.content_after,
            "verify": self.verify,
            "limits": self.limits,
            "started": self.started,
            "finished": now(),
            "seconds_write": self.seconds_write,
            "seconds_verify": self.seconds_verify,
            "tool": TOOL,
        }


def of_command(said: Said) -> dict[str, Any]:
    """The part of an attempt that a command leaves behind. Its words are kept as a digest only."""
    return {
        "argv": list(said.argv),
        "rc": said.code,
        "stderr_sha256": hashlib.sha256(said.err.encode()).hexdigest(),
    }
