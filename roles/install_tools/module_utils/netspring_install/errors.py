"""What the program raises: a refusal has changed nothing, a failure may have."""

from __future__ import annotations


class InstallError(Exception):
    """The installation stopped part-way; the disk does not boot, a new run goes on.

    Args:
        reason: device and what happened, in one sentence.
        hint: the way out.
    """

    outcome = "failed"
    changed = True

    def __init__(self, reason: str, hint: str) -> None:
        """Keep reason and hint apart: the report shows both."""
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class RefusedError(InstallError):
    """A check said no before the first write: the disk is as it was."""

    outcome = "refused"
    changed = False
