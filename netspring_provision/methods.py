"""Which methods a disk gets, strongest claim first, by what it says it supports. Pure.

After the table in docs/decisions/0004-own-writer.md. Two rules stand above it: a fallback never
has a stronger claim than what it stands in for, and overwrite, which every disk can do, comes last.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from netspring_provision import sampling
from netspring_provision.claims import RANK, level_of
from netspring_provision.model import Disk, Limit, ReadBack
from netspring_provision.proof import OVERWRITE

# Areas of an eMMC beside its main one, each a block device of its own.
CARD_AREA = re.compile(r"mmcblk\d+(boot|gp)\d+$")
SECURITY = ("ata_security_erase_enhanced", "ata_security_erase")
# Sequential rates of old drives (bytes/s), for the estimate only: a 2.5" disk of 2010 does 60 MB/s
# on average over its surface, a SATA SSD about 300, NVMe 900; USB 2 moves at most 30.
RATES = {"usb": 30e6, "nvme": 900e6, "ssd": 300e6, "hdd": 60e6, "flash": 15e6, "unknown": 60e6}
# Rough time of a firmware method on flash, seconds: most take seconds, some a few minutes.
FIRMWARE_SECONDS = 120


@dataclass(frozen=True)
class Policy:
    """What the operator allows beyond the default, each by a flag of its own.

    Attributes:
        usb_serials: USB disks that may be erased.
        ata_secure_erase: ATA Security erase, which sets a password on the drive for its time.
        hdd_sanitize: the sanitize overwrite of magnetic SATA disks, which takes hours unwatched.
        remove_hpa: a hidden area may be unhidden, which is a lasting change of the drive.
        unfreeze: the machine may be suspended once to thaw a frozen drive.
        retry_failed: serials of disks that failed and are to be tried again.
        sampled_percent: read back only this part of each disk; ``None``: every byte.
    """

    usb_serials: frozenset[str] = frozenset()
    ata_secure_erase: bool = False
    hdd_sanitize: bool = False
    remove_hpa: bool = False
    unfreeze: bool = False
    retry_failed: frozenset[str] = frozenset()
    sampled_percent: float | None = None

    def read_back(self) -> ReadBack:
        """How disks are read back under this policy; raises ValueError for a bad percentage."""
        if self.sampled_percent is None:
            return ReadBack()
        pitch = sampling.pitch_for(self.sampled_percent)
        return ReadBack("sampled", pitch, sampling.LENGTH_BYTES)


def methods_for(disk: Disk, policy: Policy) -> tuple[str, ...]:
    """The methods of a disk in the order they are tried; the last is always overwrite."""
    found = [m for m in _supported(disk, policy) if not frozen(disk, m) or policy.unfreeze]
    found.append(OVERWRITE)
    kept: list[str] = []
    for method in found:
        weakest = RANK[level_of(disk.medium, kept[-1])] if kept else max(RANK.values())
        if RANK[level_of(disk.medium, method)] <= weakest:
            kept.append(method)
    return tuple(kept)


def frozen(disk: Disk, method: str) -> bool:
    """Whether the drive says that it refuses this method until its next power-on."""
    if method in SECURITY:
        return (
            disk.security.frozen is not False
        )  # not known counts as frozen: a password is at stake
    return method.startswith("ata_sanitize_") and disk.sanitize_frozen is True


def _supported(disk: Disk, policy: Policy) -> Iterable[str]:
    if disk.bus == "sata":
        yield from _sata(disk, policy)
    elif disk.bus == "nvme":
        yield from _sanitize("nvme", disk, ("block", "crypto"))
        if disk.nvme_format:
            yield "nvme_format"
        if disk.nvme_format_crypto:
            yield "nvme_format_crypto"
    elif disk.bus == "scsi":
        if disk.medium == "ssd":
            yield from _sanitize("scsi", disk, ("block", "crypto"))
        elif disk.medium == "hdd":
            yield from _sanitize("scsi", disk, ("overwrite",))
    elif disk.bus == "mmc" and disk.secure_discard and not CARD_AREA.search(disk.path):
        yield "discard_secure"
    # USB: overwrite only. A bridge may keep a password to itself and lock the drive for good.


def _sata(disk: Disk, policy: Policy) -> Iterable[str]:
    if disk.medium == "ssd":
        yield from _sanitize("ata", disk, ("block", "crypto"))
    elif disk.medium == "hdd" and policy.hdd_sanitize:
        yield from _sanitize("ata", disk, ("overwrite",))
    if policy.ata_secure_erase and disk.security.supported and disk.medium in ("ssd", "hdd"):
        yield SECURITY[0] if disk.security.enhanced else SECURITY[1]


def _sanitize(bus: str, disk: Disk, kinds: Iterable[str]) -> Iterable[str]:
    return (f"{bus}_sanitize_{kind}" for kind in kinds if kind in disk.sanitize)


def needs_unfreeze(disk: Disk, policy: Policy) -> bool:
    """Whether the machine is to be suspended for this disk: allowed, and a method is frozen."""
    return policy.unfreeze and any(frozen(disk, m) for m in _supported(disk, policy))


def notes_for(disk: Disk, methods: tuple[str, ...], policy: Policy) -> tuple[Limit, ...]:
    """What the operator is to know of this disk's part of the plan before agreeing to it."""
    notes: list[Limit] = []
    left_out = [m for m in _supported(disk, policy) if m not in methods]
    if any(m in SECURITY for m in left_out):
        notes.append(Limit("security_frozen"))
    if any(m not in SECURITY for m in left_out):
        notes.append(Limit("sanitize_frozen"))
    if needs_unfreeze(disk, policy):
        notes.append(Limit("will_suspend"))
    if any(m in SECURITY for m in methods):
        notes.append(Limit("password_set"))
    if policy.remove_hpa and hidden_bytes(disk):
        notes.append(Limit("will_unhide", f"{hidden_bytes(disk)} bytes"))
    return tuple(notes)


def hidden_bytes(disk: Disk) -> int:
    """How much of the drive a Host Protected Area hides, bytes; 0 when none is known."""
    return 0 if disk.native_bytes is None else max(0, disk.native_bytes - disk.size_bytes)


def estimate_seconds(disk: Disk, method: str, read_back: ReadBack | None = None) -> int:
    """Rough time of a method, the pass of zeros and the read-back, seconds."""
    rate = RATES.get(disk.bus) or RATES.get(disk.medium, RATES["unknown"])
    one_pass = (disk.size_bytes + hidden_bytes(disk)) / rate
    part = 1.0
    if read_back is not None and read_back.pitch_bytes and read_back.length_bytes:
        part = read_back.length_bytes / read_back.pitch_bytes
    firmware = 0.0
    if method in SECURITY:
        told = disk.security.enhanced_minutes if method == SECURITY[0] else None
        minutes = told or disk.security.erase_minutes
        firmware = minutes * 60 if minutes else one_pass
    elif method.endswith("_overwrite"):
        firmware = one_pass
    elif method != OVERWRITE:
        firmware = FIRMWARE_SECONDS
    return max(1, math.ceil(firmware + one_pass + one_pass * part))
