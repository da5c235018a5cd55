"""Typed errors. Domain code raises them; the one boundary in ``cli`` prints them.

Each carries what happened, where, and how to mend it; the exit codes are the command contract.
"""

from __future__ import annotations

OK = 0
MACHINE_FAILED = 1
USAGE = 2
REFUSED = 3
STATION_LACKS = 4
INTERRUPTED = 130


class NetspringError(Exception):
    """Something went wrong that a person can act upon.

    Args:
        message: what happened and to what, in one sentence.
        hint: how to mend it: a command to run or a thing to do.
    """

    exit_code = MACHINE_FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Keep the message for the log and the hint for the person."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class MachineFailedError(NetspringError):
    """A machine, image or record is bad; others may be good (exit 1)."""

    exit_code = MACHINE_FAILED


class UsageError(NetspringError):
    """The command or a room file is wrong (exit 2)."""

    exit_code = USAGE


class RefusedError(NetspringError):
    """An interlock refused; nothing was changed (exit 3)."""

    exit_code = REFUSED


class StationError(NetspringError):
    """This station lacks a tool, a right, space or a mirror (exit 4)."""

    exit_code = STATION_LACKS
