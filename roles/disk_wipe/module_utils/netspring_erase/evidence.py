"""The record of one disk: it starts as failed and becomes erased only at the very end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.netspring_erase import VERSION

NO_OUTCOME = "no outcome: the work on this disk ended without a report; plan and wipe again"


def now() -> str:
    """This machine's clock, ISO 8601 in UTC; donated clocks lie, the station keeps its own."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@dataclass
class Evidence:
    """What was done to one disk, filled in as it happens.

    Attributes:
        planned: the disk's part of the plan.
        outcome: erased, refused or failed; failed until proven otherwise.
        seconds_write: duration of the overwrite pass.
        seconds_verify: duration of the read-back.
    """

    planned: Mapping[str, Any]
    outcome: str = "failed"
    reason: str | None = NO_OUTCOME
    path: str | None = None
    wwn: str | None = None
    size_bytes: int | None = None
    method: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    canaries: dict[str, int] = field(default_factory=lambda: {"n": 0, "written": 0, "changed": 0})
    verify: dict[str, Any] = field(
        default_factory=lambda: {"mode": "full", "bytes_read": 0, "nonzero": 0, "read_errors": 0}
    )
    claim: dict[str, Any] | None = None
    limits: list[str] = field(default_factory=list)
    seconds_write: float | None = None
    seconds_verify: float | None = None
    smart_before: dict[str, Any] | None = None
    smart_after: dict[str, Any] | None = None
    started: str = field(default_factory=now)

    def erased(self) -> None:
        """Set the outcome, and the claim with every limit that was met on the way."""
        planned = self.planned.get("claim") or {"level": "Clear", "limits": []}
        self.outcome, self.reason = "erased", None
        self.claim = {
            "level": planned.get("level"),
            "limits": [*planned.get("limits", []), *self.limits],
        }

    def ended(self, outcome: str, reason: str) -> None:
        """Refused or failed, and why."""
        self.outcome, self.reason, self.claim = outcome, reason, None

    def as_dict(self) -> dict[str, Any]:
        """The disk's entry in the result of kind ``wipe``."""
        return {
            "serial": self.planned["serial"],
            "wwn": self.wwn,
            "path": self.path or self.planned.get("path"),
            "size_bytes": self.size_bytes,
            "model": self.planned.get("model"),
            "outcome": self.outcome,
            "reason": self.reason,
            "method": self.method,
            "attempts": self.attempts,
            "canaries": self.canaries,
            "verify": self.verify,
            "started": self.started,
            "finished": now(),
            "seconds_write": self.seconds_write,
            "seconds_verify": self.seconds_verify,
            "claim": self.claim,
            "smart_before": self.smart_before,
            "smart_after": self.smart_after,
            "tool": f"netspring_erase {VERSION}",
        }
