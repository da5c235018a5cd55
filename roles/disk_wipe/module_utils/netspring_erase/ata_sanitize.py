"""ATA Sanitize: the drive erases all it has, reached or not, and keeps at it through power cuts.

Rules: ACS-3, 4.17 and 7.36; command lines: hdparm 9.65. The drive alone says how it ended; its
"completed without error" survives years and power cycles, so only canaries tell a new one from an
old one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_erase import methods
from ansible.module_utils.netspring_erase.methods import Method, Status, Target

KNOWING = ("hdparm", "--yes-i-know-what-i-am-doing")
SLOWEST = 30 * 1024 * 1024  # bytes a second that hdparm itself counts on for an old disk
HOUR = 3600.0  # seconds
FROZEN = (
    "the PC's firmware has frozen Sanitize; plan again with --unfreeze, or switch the PC off "
    "and on and plan again"
)
STATES = {"idle": methods.IDLE, "running": methods.RUNNING, "failed": methods.FAILED}


@dataclass(frozen=True)
class AtaSanitize(Method):
    """One of the three kinds.

    Attributes:
        options: what hdparm is told.
        ability: the field of `ata.Sanitize` that must be set.
        words: the kind, for people.
        rewrites: it writes every sector, and so takes as long as an overwrite.
    """

    options: tuple[str, ...] = ()
    ability: str = ""
    words: str = ""
    rewrites: bool = False

    def unsuitable(self, at: Target) -> str | None:
        """Not directly attached, without this kind, locked, frozen, or without a clear answer."""
        if at.disk.bus != "sata":
            return "ATA Sanitize is only sent to disks on the PC's own SATA or IDE ports"
        identify = at.run(ata.identify_argv(at.disk.path)).out
        offered, security = ata.sanitize(identify), ata.security(identify)
        if offered is None or security is None:
            return "the drive does not identify itself"
        if not getattr(offered, self.ability):
            return f"the drive has no Sanitize by {self.words}"
        if security.locked:
            return "the drive is locked by a password"
        return unready(self._ask(at))

    def argv(self, at: Target) -> list[str]:
        """``hdparm`` starts it and returns at once."""
        return [*KNOWING, *self.options, at.disk.path]

    def status(self, at: Target) -> Status:
        """SANITIZE STATUS EXT, never believed beyond what it says."""
        found = self._ask(at)
        told = {
            "device": found.state,
            "succeeded": found.succeeded,
            "antifreeze": found.antifreeze,
            "reason": found.reason,
        }
        state = STATES.get(found.state, methods.UNKNOWN)
        if state == methods.IDLE and found.succeeded:
            state = methods.DONE
        return Status(state, told, found.percent, found.reason or "")

    def limit(self, at: Target) -> float:
        """Seconds: minutes in practice; for the kind that rewrites, three times its slowest."""
        return 2 * HOUR + (3 * at.disk.size_bytes / SLOWEST if self.rewrites else 0)

    def _ask(self, at: Target) -> ata.SanitizeState:
        return ata.sanitize_state(at.run(ata.sanitize_argv(at.disk.path)))


def unready(found: ata.SanitizeState) -> str | None:
    """Why a Sanitize cannot be started, or None.

    One that is under way is waited for, and after a failed one only another one helps.
    """
    if found.state in ("idle", "running", "failed"):
        return None
    if found.state == "frozen":
        return FROZEN
    return f"the drive does not tell where its Sanitize stands ({found.reason})"


METHODS = (
    AtaSanitize(
        "ata_sanitize_block",
        version=("hdparm", "-V"),
        options=("--sanitize-block-erase",),
        ability="block",
        words="block erase",
    ),
    AtaSanitize(
        "ata_sanitize_crypto",
        version=("hdparm", "-V"),
        options=("--sanitize-crypto-scramble",),
        ability="crypto",
        words="new encryption key",
    ),
    AtaSanitize(
        "ata_sanitize_overwrite",
        version=("hdparm", "-V"),
        # Without a number of passes the drive makes sixteen.
        options=("--sanitize-overwrite-passes", "1", "--sanitize-overwrite", "hex:00000000"),
        ability="overwrite",
        words="overwriting",
        rewrites=True,
    ),
)
