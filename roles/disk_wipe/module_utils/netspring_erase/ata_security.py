"""ATA Security Erase: set a password, have the drive erase itself, see the password gone.

Only where the plan has it. A drive that loses power meanwhile comes back locked, so the password
is fixed and documented (docs/ata-security.md), and the station has it on record, with serial and
method, before this program starts. Rules: ACS-3, 4.18; wiping.md, 1, "ATA Security guard".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import methods
from ansible.module_utils.netspring_erase.evidence import Evidence, now, of_command
from ansible.module_utils.netspring_erase.failures import RefusedError
from ansible.module_utils.netspring_erase.methods import COMMAND_SECONDS, Method, Status, Target
from ansible.module_utils.netspring_erase.probe import Probe

# No secret: it must be known to whoever finds the drive locked. The station has it on record.
PASSWORD = "netspring"  # noqa: S105
TRIES = 3  # a drive takes five wrong passwords before its power must be off (ACS-3, 4.18.4)
SLOWEST = 30 * 1024 * 1024  # bytes a second; hdparm's own estimate
HALF_HOUR = 1800.0  # seconds
AROUND_MINUTES = 90  # hdparm adds 60, or 90 to a number that only says "more than"
PREFIX = "ata_security_erase"

Runner = Callable[[list[str], float], Said]


def argv(command: str, path: str) -> list[str]:
    """One security command with the user password, such as ``unlock``."""
    return ["hdparm", "--user-master", "u", f"--security-{command}", PASSWORD, path]


@dataclass(frozen=True)
class Removal:
    """What was sent to take our password off, and how the drive stands now.

    Attributes:
        sent: the commands and their answers.
        state: security state afterwards; None where the drive does not answer.
    """

    sent: tuple[Said, ...]
    state: ata.Security | None

    @property
    def open(self) -> bool:
        """No password is set any more."""
        return self.state is not None and not self.state.enabled and not self.state.locked


def remove_password(run: Runner, path: str) -> Removal:
    """Unlock with our password, at most `TRIES` times, then take it off.

    ``--security-disable`` also unlocks, and would count a wrong password twice; so it is only sent
    to a drive that is not locked.
    """
    sent: list[Said] = []

    def ask() -> ata.Security | None:
        return ata.security(run(ata.identify_argv(path), COMMAND_SECONDS).out)

    state = ask()
    while state and state.locked and not (state.frozen or state.expired) and len(sent) < TRIES:
        sent.append(run(argv("unlock", path), COMMAND_SECONDS))
        state = ask()
    if state and state.enabled and not (state.locked or state.frozen or state.expired):
        sent.append(run(argv("disable", path), COMMAND_SECONDS))
        state = ask()
    return Removal(tuple(sent), state)


def still_shut(path: str, state: ata.Security | None) -> str:
    """Why the password is still there, and what a person can do."""
    if state is None:
        return "the drive does not identify itself any more; switch the PC off and on, plan again"
    by_hand = " ".join(argv("disable", path))
    if state.frozen:
        return (
            "the drive has a password and the PC's firmware has frozen it; pull its power for ten "
            f"seconds, then run: {by_hand}"
        )
    if state.expired:
        return (
            "the drive has a password and took too many wrong ones; switch the PC off and on, "
            f"then run: {by_hand}"
        )
    return (
        f"the drive has a password, and ours ({PASSWORD}) does not take it off; take it off with "
        "the right one (BIOS setup), revert it with the PSID on its label (sedutil-cli), or "
        "destroy it physically"
    )


def concerns(planned: Mapping[str, Any], disk: Identity) -> bool:
    """Whether the plan erases this disk by ATA Security, at first or as a fallback."""
    chosen = (planned["method"], *planned.get("fallback", ()))
    return disk.bus == "sata" and any(str(each).startswith(PREFIX) for each in chosen)


def recover(planned: Mapping[str, Any], disk: Identity, probe: Probe, evidence: Evidence) -> None:
    """Free a drive on which this very method was broken off; before a locked drive is refused.

    Nothing is sent unless the plan erases this disk by ATA Security and a password is set. What is
    sent goes into ``evidence`` as attempts called ``ata_unlock``.

    Raises:
        RefusedError: a password is set that is not ours, or cannot be taken off.
    """
    if not concerns(planned, disk):
        return
    before = ata.security(probe.run(ata.identify_argv(disk.path), COMMAND_SECONDS).out)
    if before is None or not (before.enabled or before.locked):
        return
    removal = remove_password(probe.run, disk.path)
    for said in removal.sent:
        evidence.attempt("ata_unlock").update(
            of_command(said),
            finished=now(),
            error=methods.complaint(said),
            tool=said.argv[0],
            status_before=asdict(before),
            status_after=asdict(removal.state) if removal.state else None,
        )
    if not removal.open:
        raise RefusedError(
            f"{disk.path} (serial {disk.serial}): {still_shut(disk.path, removal.state)}"
        )


@dataclass(frozen=True)
class AtaSecurityErase(Method):
    """SECURITY ERASE UNIT, normal or enhanced.

    Attributes:
        enhanced: the drive also erases sectors that it has set aside.
    """

    blocks: bool = True
    enhanced: bool = False

    def unsuitable(self, at: Target) -> str | None:
        """On battery, not directly attached, without the method, frozen, or with a password."""
        if at.disk.bus != "sata":
            return "ATA Security is only sent to disks on the PC's own SATA or IDE ports"
        if at.probe.on_battery():
            return "the PC runs from its battery; connect its mains adapter, then plan again"
        state = self._ask(at)
        if state is None:
            return "the drive does not identify itself"
        if not state.supported:
            return "the drive has no ATA Security"
        if self.enhanced and not state.enhanced:
            return "the drive has no enhanced ATA Security Erase"
        if state.frozen:
            return (
                "the PC's firmware has frozen ATA Security; plan again with --unfreeze, or pull "
                "the drive's power for ten seconds and plan again"
            )
        if state.enabled or state.locked or state.expired:
            return still_shut(at.disk.path, state)
        return None

    def argv(self, at: Target) -> list[str]:
        """The erase itself; it blocks until the drive has ended."""
        return argv("erase-enhanced" if self.enhanced else "erase", at.disk.path)

    def issue(self, at: Target) -> tuple[Said, ...]:
        """Set the password, see that it is set, erase; stop at the first thing that is wrong.

        Also where somebody has stopped the work meanwhile: the erase itself cannot be stopped for
        hours, and ``tidy`` takes the password off.
        """
        longest = self.command_limit(at)
        sent: list[Said] = []
        for command, seconds in (
            (argv("set-pass", at.disk.path), COMMAND_SECONDS),
            (ata.identify_argv(at.disk.path), COMMAND_SECONDS),
            (self.argv(at), longest),
        ):
            sent.append(at.run(command, seconds))
            if self.complaint(sent[-1]) or at.stop.is_set():
                break
        return tuple(sent)

    def complaint(self, said: Said) -> str | None:
        """Ask the drive: hdparm also reports success for a password that it refused."""
        if list(said.argv) != ata.identify_argv(said.argv[-1]):
            return methods.complaint(said)
        state = ata.security(said.out)
        if state is None:
            return "the drive does not identify itself after the password was set"
        if not state.enabled or state.locked or state.frozen:
            return "the drive did not take the password, though hdparm reported success"
        return None

    def status(self, at: Target) -> Status:
        """The security word; a drive that has erased itself has no password any more."""
        state = self._ask(at)
        if state is None:
            return Status(methods.UNKNOWN, detail="the drive does not identify itself")
        if state.enabled or state.locked:
            return Status(methods.FAILED, asdict(state), detail="its password is still set")
        return Status(methods.IDLE, asdict(state))

    def command_limit(self, at: Target) -> float:
        """Seconds: what hdparm itself waits, by IDENTIFY or capacity, and half an hour more."""
        state = self._ask(at)
        told = None
        if state is not None:
            told = state.enhanced_minutes if self.enhanced else state.erase_minutes
        by_size = at.disk.size_bytes / SLOWEST + HALF_HOUR
        return max((told + AROUND_MINUTES) * 60 if told else 0, by_size) + HALF_HOUR

    def tidy(self, at: Target) -> str | None:
        """Take the password off if it is still there; a locked drive is of no use to anybody."""
        removal = remove_password(at.run, at.disk.path)
        return None if removal.open else still_shut(at.disk.path, removal.state)

    @staticmethod
    def _ask(at: Target) -> ata.Security | None:
        return ata.security(at.run(ata.identify_argv(at.disk.path)).out)


METHODS = (
    AtaSecurityErase("ata_security_erase", version=("hdparm", "-V"), tells_success=False),
    AtaSecurityErase(
        "ata_security_erase_enhanced",
        version=("hdparm", "-V"),
        tells_success=False,
        enhanced=True,
    ),
)
