"""SCSI and SAS SANITIZE (SBC-4, 5.28); never FORMAT UNIT, which may erase nothing.

The command returns at once; how it stands is asked with REQUEST SENSE. The disk keeps no record of
success: it says that it is under way, or that it failed, or nothing. It goes on after a power loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible.module_utils.netspring_disks import scsi
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase.methods import (
    DAY,
    FAILED,
    IDLE,
    RUNNING,
    UNKNOWN,
    Method,
    Status,
    Target,
)

IN_PROGRESS = "sanitize in progress"
COMMAND_FAILED = "sanitize command failed"
# What REQUEST SENSE says when there is nothing to say; low power is no trouble (SPC-4, D.2).
QUIET = ("no additional sense information", "low power condition on", "idle condition activated")
SLOW = 100e6  # bytes a second of an old SAS disk
KINDS = {"block": "--block", "overwrite": "--overwrite", "crypto": "--crypto"}


def status_of(said: Said) -> Status:
    """The status out of what ``sg_requests`` said."""
    # sg_requests decodes to standard error, and its own messages go there too.
    found = scsi.sense(f"{said.out}\n{said.err}")
    if found is None:
        words = " ".join((said.err or said.out).split()) or "REQUEST SENSE gave no answer"
        return Status(UNKNOWN, {"sense": None}, detail=words)
    told = {"sense": f"{found.key}: {found.additional}"}
    word = found.additional.lower()
    if IN_PROGRESS in word:
        return Status(RUNNING, told, found.percent)
    if COMMAND_FAILED in word:
        return Status(FAILED, told, detail=told["sense"])
    if word.startswith(QUIET):
        return Status(IDLE, told)
    return Status(UNKNOWN, told, detail=told["sense"])


@dataclass(frozen=True)
class Sanitize(Method):
    """SANITIZE of one kind."""

    version: tuple[str, ...] = ("sg_sanitize", "--version")
    tells_success: bool = False
    kind: str = "block"

    def unsuitable(self, at: Target) -> str | None:
        """Where the disk lists its commands and this one is not among them.

        A disk that lists none at all is tried: it refuses what it does not know, unchanged.
        """
        has = at.probe.sanitize_scsi(at.disk.path)
        if has is not None and not has[self.kind]:
            return f"the disk has no SANITIZE of the kind {self.kind}"
        return None

    def argv(self, at: Target) -> list[str]:
        """Without the tool's own 15 seconds of second thoughts, and without waiting for the end."""
        zeros = ["--zero"] if self.kind == "overwrite" else []
        return ["sg_sanitize", KINDS[self.kind], *zeros, "--quick", "--early", at.disk.path]

    def limit(self, at: Target) -> float:
        """A day, or three times what a slow disk needs to write all of itself."""
        return max(DAY, 3 * at.disk.size_bytes / SLOW)

    def status(self, at: Target) -> Status:
        """REQUEST SENSE, in words; sg3-utils 1.48 cuts the percentage off in some of them."""
        found = status_of(at.run(["sg_requests", at.disk.path]))
        if found.state != RUNNING or found.percent is not None:
            return found
        said = at.run(["sg_requests", "--progress", at.disk.path])
        return replace(found, percent=scsi.percent(said.out))


METHODS = tuple(Sanitize(f"scsi_sanitize_{kind}", kind=kind) for kind in KINDS)
