"""Why a disk must not be touched, each with the way out. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from netspring_provision.methods import Policy, hidden_bytes
from netspring_provision.model import Disk, Facts, Failure

OPT_IN = ("usb", "unknown")  # buses of disks that may be somebody's own
SAME_PLAN = (
    "if a wipe of this station was cut off there, carry its plan out again: the station keeps the "
    "password it set"
)


def unseen_refusal(machine: Facts) -> tuple[str, str] | None:
    """Why a machine is refused of which not every disk can be seen; ``None`` when all can.

    What cannot be seen cannot be erased, and an image beside it would hand out a donor's data.
    """
    remapped = [u for u in machine.unseen if u.kind == "remapped_nvme"]
    if remapped:
        where = ", ".join(u.detail for u in remapped)
        return (
            f"{sum(u.count for u in remapped)} disk(s) of it cannot be seen: its firmware hides "
            f"them behind the SATA controller, in RST or RAID mode ({where})",
            "switch the SATA mode from RAID or RST to AHCI in its BIOS setup, then boot it into "
            "the live environment and plan again",
        )
    if machine.unseen:
        where = ", ".join(u.detail for u in machine.unseen)
        return (
            f"a storage controller of it has no driver, so its disks cannot be seen ({where})",
            "switch that controller to AHCI or off in its BIOS setup, or take its disks out and "
            "erase them in another PC; then plan again",
        )
    return None


def disk_refusal(
    disk: Disk, policy: Policy, failed: Mapping[str, Failure] | None = None
) -> tuple[str, str] | None:
    """Why this disk must not be touched, with the way out; ``None`` when it may be.

    Args:
        disk: as inspected.
        policy: what the operator allows beyond the default.
        failed: disks whose wipe failed before, by serial.
    """
    if disk.uses:
        listed = "; ".join(f"{use.kind}: {use.detail}" for use in disk.uses)
        return (f"in use ({listed})", "stop what uses it, or boot the live environment again")
    if disk.read_only:
        return ("read-only", "open its write-protect switch, or destroy it")
    if disk.size_bytes <= 0:
        return ("reports no capacity", "the drive is broken or a card slot is empty: take it out")
    if disk.bus in OPT_IN and disk.serial not in policy.usb_serials:
        kind = "a USB disk" if disk.bus == "usb" else "on a bus that cannot be told (perhaps USB)"
        return (
            f"{kind}, which may be somebody's own",
            f"to erase it too, add --usb {disk.serial} to the plan",
        )
    return (
        _failed_refusal(disk, policy, failed or {})
        or _password_refusal(disk)
        or _hidden_refusal(disk, policy)
    )


def _failed_refusal(
    disk: Disk, policy: Policy, failed: Mapping[str, Failure]
) -> tuple[str, str] | None:
    """A disk that failed once is not tried again until it happens to pass."""
    failure = failed.get(disk.serial or "")
    if failure is None or disk.serial in policy.retry_failed:
        return None
    return (
        f"its wipe failed on {failure.time[:10]}: {failure.reason}",
        "destroy it physically; or, where the cause was mended (a cable, a dock), add "
        f"--retry-failed {disk.serial} to the plan",
    )


def _password_refusal(disk: Disk) -> tuple[str, str] | None:
    """A drive with a password: locked now, or at the next power-on whatever was done to it."""
    if disk.security.locked is True:
        return (
            "locked by a password",
            f"unlock it with that password, or destroy it; {SAME_PLAN}; a PSID on its label "
            "resets a self-encrypting drive: sedutil-cli",
        )
    if disk.security.enabled is True:
        return (
            "a password is set on it, and it would be locked at its next power-on",
            # hdparm speaks of the master password unless it is told otherwise.
            "take the password away, in the PC's BIOS setup or with: hdparm --user-master u "
            f"--security-disable PASSWORD {disk.path}; {SAME_PLAN}",
        )
    return None


def _hidden_refusal(disk: Disk, policy: Policy) -> tuple[str, str] | None:
    hidden = hidden_bytes(disk)
    if disk.native_bytes is not None and disk.native_bytes < disk.size_bytes:
        return (
            f"it shows {disk.size_bytes} bytes and says that it has {disk.native_bytes}",
            "its firmware or its adapter is not to be trusted: destroy it",
        )
    if not hidden and disk.hpa_present is not True:
        return None
    if not hidden or disk.bus != "sata":
        return (
            "a part of it is hidden (HPA), and how large it is could not be read",
            f"look with: hdparm -N {disk.path}; attach it to a SATA port, or destroy it",
        )
    if not policy.remove_hpa:
        return (
            f"{hidden} bytes of it are hidden (HPA)",
            "to unhide and erase them too, which is a lasting change, add --remove-hpa to the plan",
        )
    return None
