"""NVMe Sanitize: the controller erases all media of the device, its spare area too.

It goes on after a power loss, and its log (page 81h) says so; the success of an earlier one stays
there for ever. NVM Express base specification 1.4, 5.24 and 8.15.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible.module_utils.netspring_disks import nvme
from ansible.module_utils.netspring_erase.methods import (
    DONE,
    FAILED,
    IDLE,
    RUNNING,
    UNKNOWN,
    Method,
    Status,
    Target,
)

STATES = {
    nvme.NEVER_SANITIZED: IDLE,
    nvme.SANITIZED: DONE,
    nvme.SANITIZING: RUNNING,
    nvme.SANITIZE_FAILED: FAILED,
    nvme.SANITIZED_KEPT: DONE,
}
BLOCK, OVERWRITE, CRYPTO = 2, 3, 4  # SANACT, in bits 2:0 of command dword 10
ACTION = 0b111


def status_of(answer: str, complaint: str, action: int) -> Status:
    """The status of one action out of ``nvme sanitize-log``, or UNKNOWN with what the tool said.

    The log keeps the command of which it speaks: the success of another action is none of ours.
    """
    log = nvme.sanitize_log(answer)
    if log is None:
        why = " ".join(complaint.split()) or "the log is not readable"
        return Status(UNKNOWN, {"log": None}, detail=why)
    state = STATES[log.status]
    if state == DONE and log.command & ACTION != action:
        return Status(IDLE, {"log": log.told}, detail="its log speaks of another sanitize action")
    percent = 100 * log.progress / nvme.SPROG_WHOLE if state == RUNNING else None
    detail = "its sanitize log says that the last one failed" if state == FAILED else ""
    return Status(state, {"log": log.told}, percent, detail)


@dataclass(frozen=True)
class Sanitize(Method):
    """Sanitize with one action."""

    version: tuple[str, ...] = ("nvme", "version")
    action: int = BLOCK

    def unsuitable(self, at: Target) -> str | None:
        """Where it is not there, or where the device holds other namespaces too."""
        how = at.probe.formatting(at.disk.name)
        if how is None:
            return "the controller does not tell what it supports"
        has = {
            BLOCK: how.sanitize_block,
            OVERWRITE: how.sanitize_overwrite,
            CRYPTO: how.sanitize_crypto,
        }
        if not has[self.action]:
            return f"the controller has no Sanitize with action {self.action}"
        others = at.probe.namespaces(at.disk.name) - 1
        if others:
            return f"Sanitize would also erase the other {others} namespaces of the device"
        return None

    def argv(self, at: Target) -> list[str]:
        """To the controller, not the namespace; one pass where it overwrites."""
        controller = self._controller(at)
        if controller is None:
            raise OSError(f"{at.disk.path}: the controller does not answer any more")
        argv = ["nvme", "sanitize", controller, f"--sanact={self.action}"]
        return [*argv, "--owpass=1"] if self.action == OVERWRITE else argv

    def status(self, at: Target) -> Status:
        """The sanitize log."""
        controller = self._controller(at)
        if controller is None:
            return Status(UNKNOWN, {"log": None}, detail="the controller does not answer")
        said = at.run(["nvme", "sanitize-log", controller, "--output-format=json"])
        return status_of(said.out if said.code == 0 else "", said.err, self.action)

    @staticmethod
    def _controller(at: Target) -> str | None:
        how = at.probe.formatting(at.disk.name)
        return how.controller if how else None


METHODS = (
    Sanitize("nvme_sanitize_block", action=BLOCK),
    Sanitize("nvme_sanitize_overwrite", action=OVERWRITE),
    Sanitize("nvme_sanitize_crypto", action=CRYPTO),
)
