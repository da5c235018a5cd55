"""What hdparm says of an ATA disk: security, Sanitize, hidden area (HPA) and overlay (DCO).

hdparm's exit code is not evidence: it is 0 on USB and SCSI disks with an empty identity, and
after ``SG_IO: bad/missing sense data`` (see docs/decisions/0004-own-writer.md). Only well-formed
text counts.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from ansible.module_utils.netspring_disks import tools

BAD_SENSE = "bad/missing sense data"
MOST_SECTORS = 1 << 48  # what an LBA of 48 bits can number (ACS-3, 4.1.2)
DCO_REVISIONS = (1, 2)  # all that exist (ACS-2, 7.10.3)


@dataclass(frozen=True)
class Security:
    """ATA Security feature set of a disk (ACS-3, 4.18).

    Attributes:
        supported: the disk has it.
        enabled: a user password is set.
        locked: it gives nothing out until it is unlocked.
        frozen: it takes no security command until its power was off.
        expired: too many wrong passwords; it takes no more until its power was off.
        enhanced: it has the enhanced erase.
        erase_minutes: how long it says that SECURITY ERASE UNIT takes, in minutes.
        enhanced_minutes: the same for the enhanced one.
    """

    supported: bool
    enabled: bool
    locked: bool
    frozen: bool
    expired: bool = False
    enhanced: bool = False
    erase_minutes: int | None = None
    enhanced_minutes: int | None = None


@dataclass(frozen=True)
class Sanitize:
    """Which Sanitize commands a disk has (IDENTIFY word 59, bits 15, 14 and 13; ACS-3, 7.12)."""

    block: bool
    overwrite: bool
    crypto: bool


@dataclass(frozen=True)
class SanitizeState:
    """Answer to SANITIZE STATUS EXT (ACS-3, 7.36.6).

    Attributes:
        state: idle, frozen, running, failed, unsupported or unknown.
        succeeded: the last one ended without error. It stays set for years and through power
            cycles, until another one starts.
        percent: how far a running one is.
        antifreeze: the firmware cannot freeze Sanitize any more in this power cycle.
        reason: why the state is unknown or failed, as hdparm says it.
    """

    state: str
    succeeded: bool = False
    percent: float | None = None
    antifreeze: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class HiddenArea:
    """Host protected area: sectors the disk has but does not show.

    Attributes:
        present: None where the two numbers contradict each other.
        current_sectors: what it shows, in logical sectors.
        native_sectors: what it has, in logical sectors.
    """

    present: bool | None
    current_sectors: int
    native_sectors: int


@dataclass(frozen=True)
class Overlay:
    """Device configuration overlay: what the disk could be if its maker had not cut it down.

    Attributes:
        revision: of the data structure.
        real_sectors: what it has without overlay, in logical sectors.
    """

    revision: int
    real_sectors: int


def identify_argv(path: str) -> list[str]:
    """The command whose answer `security`, `sanitize` and `shown_sectors` read."""
    return ["hdparm", "-I", path]


def sanitize_argv(path: str) -> list[str]:
    """The command whose answer `sanitize_state` reads."""
    return ["hdparm", "--sanitize-status", path]


def limits_argv(path: str) -> list[str]:
    """The command whose answer `hidden_area` reads."""
    return ["hdparm", "-N", path]


def is_ata(identify: str) -> bool:
    """Whether ``hdparm -I`` got a real ATA identity: its model is not empty."""
    return bool(re.search(r"^\s*Model Number:\s*(\S.*)$", identify, re.MULTILINE))


def security(identify: str) -> Security | None:
    """Parse ``hdparm -I``; None unless it is a real ATA identity."""
    if not is_ata(identify):
        return None
    section = re.search(r"^Security:\s*$(.*?)(?=^\S|\Z)", identify, re.MULTILINE | re.DOTALL)
    if not section:
        return Security(supported=False, enabled=False, locked=False, frozen=False)
    text = section[1]

    def is_set(words: str) -> bool:  # "not" and a tab stand before a flag that is clear
        return bool(re.search(rf"^[ \t]+{words}[ \t]*$", text, re.MULTILINE))

    def minutes(kind: str) -> int | None:  # "more than 508min" where the disk's number ends
        match = re.search(rf"(\d+)min for {kind}\.", text)
        return int(match[1]) if match else None

    return Security(
        supported=is_set("supported"),
        enabled=is_set("enabled"),
        locked=is_set("locked"),
        frozen=is_set("frozen"),
        expired=is_set("expired: security count"),
        enhanced=is_set("supported: enhanced erase"),
        erase_minutes=minutes("SECURITY ERASE UNIT"),
        enhanced_minutes=minutes("ENHANCED SECURITY ERASE UNIT"),
    )


def sanitize(identify: str) -> Sanitize | None:
    """Parse ``hdparm -I``; None unless it is a real ATA identity."""
    if not is_ata(identify):
        return None

    def has(feature: str) -> bool:
        return bool(re.search(rf"^\s*\*\s+{feature}\s*$", identify, re.MULTILINE))

    # Without the feature set (bit 12) the other bits of the word mean nothing.
    offered = has("SANITIZE feature set")
    return Sanitize(
        block=offered and has("BLOCK_ERASE_EXT command"),
        overwrite=offered and has("OVERWRITE_EXT command"),
        crypto=offered and has("CRYPTO_SCRAMBLE_EXT command"),
    )


def sanitize_state(said: tools.Said) -> SanitizeState:
    """Parse ``hdparm --sanitize-status``.

    After an answer that it does not understand hdparm prints zeros as "SD0 Sanitize Idle" and exits
    0, so that a disk that failed, or never heard the question, looks like one that is ready.
    """
    complaint = " ".join(said.err.split()) or None
    if "feature set is not supported" in said.err:
        return SanitizeState("unsupported", reason=complaint)
    if "Drive in SD3" in said.err:
        return SanitizeState("failed", reason=complaint)
    if "error reason: Device in FROZEN state" in said.err:
        return SanitizeState("frozen", reason=complaint)
    state = re.search(r"^\s*State:\s+SD(\d)\b", said.out, re.MULTILINE)
    # hdparm itself knows no SD4: a disk in it is "idle" with the success bit set.
    names = {"0": "idle", "1": "frozen", "2": "running", "3": "failed", "4": "idle"}
    if said.code != 0 or complaint or not state or state[1] not in names:
        return SanitizeState("unknown", reason=complaint or "hdparm gave no answer")
    progress = re.search(r"^\s*Progress:\s+0x([0-9a-f]+)\b", said.out, re.MULTILINE)
    return SanitizeState(
        names[state[1]],
        succeeded="Last Sanitize Operation Completed Without Error" in said.out,
        percent=round(int(progress[1], 16) * 100 / 65536, 2) if progress else None,
        antifreeze="Antifreeze bit set" in said.out,
    )


def hidden_area(answer: str, complaints: str) -> HiddenArea | None:
    """Parse ``hdparm -N``; None where the disk did not really answer."""
    match = re.search(r"max sectors\s*=\s*(\d+)/(\d+)", answer)
    if not match or BAD_SENSE in complaints:
        return None
    current, native = int(match[1]), int(match[2])
    if native <= 1:  # "1" is what hdparm prints for an answer that never came
        return None
    return HiddenArea(current < native if current <= native else None, current, native)


def shown_sectors(identify: str) -> int | None:
    """Capacity in logical sectors by ``hdparm -I``; None where it does not tell."""
    for kind in ("LBA48", "LBA"):
        match = re.search(rf"^\s*{kind}\s+user addressable sectors:\s*(\d+)", identify, re.M)
        if match:
            return int(match[1])
    return None


def rotation_rpm(identify: str) -> int | None:
    """Turns a minute by ``hdparm -I`` (IDENTIFY word 217), 0 for flash, None where untold.

    The kernel takes every ATA disk for a magnetic one that does not say otherwise, old flash too.
    """
    match = re.search(r"^\s*Nominal Media Rotation Rate:\s*(.+?)\s*$", identify, re.MULTILINE)
    if match and match[1] == "Solid State Device":
        return 0
    return int(match[1]) if match and match[1].isdigit() else None


def overlay(answer: str, complaints: str, shown: int | None) -> Overlay | None:
    """Parse ``hdparm --dco-identify``; None where the disk did not really answer.

    Args:
        answer: its standard output.
        complaints: its standard error; with any word there the answer is not believed.
        shown: capacity that the disk shows, in sectors; an overlay cannot hide less than nothing.
    """
    revision = re.search(r"^DCO Revision: 0x([0-9a-f]{4})\s*$", answer, re.MULTILINE)
    real = re.search(r"^\s*Real max sectors: (\d+)\s*$", answer, re.MULTILINE)
    if complaints.strip() or "Checksum FAILED" in answer or not revision or not real or not shown:
        return None
    found = Overlay(int(revision[1], 16), int(real[1]))
    # On large disks older versions of hdparm extend a sign and print numbers near 2 to the 64th.
    if found.revision not in DCO_REVISIONS or not shown <= found.real_sectors <= MOST_SECTORS:
        return None
    return found


def _sanitize_facts(path: str, identify: str) -> dict[str, bool | None] | None:
    """Which kinds there are, and whether the firmware has frozen them; asked only of those."""
    offered = sanitize(identify)
    if offered is None:
        return None
    kinds = asdict(offered)
    state = sanitize_state(tools.run(sanitize_argv(path))).state if any(kinds.values()) else None
    return kinds | {"frozen": state == "frozen" if state not in (None, "unknown") else None}


def read(path: str) -> dict[str, Any]:
    """Security, Sanitize, hidden area, overlay and rotation of the ATA disk at ``path``."""
    identify = tools.run(identify_argv(path)).out
    limits = tools.run(limits_argv(path))
    cut = tools.run(["hdparm", "--dco-identify", path])
    found, area = security(identify), hidden_area(limits.out, limits.err)
    shown = area.native_sectors if area else shown_sectors(identify)
    factory = overlay(cut.out, cut.err, shown)
    return {
        "security": asdict(found) if found else None,
        "sanitize": _sanitize_facts(path, identify),
        "hpa": asdict(area) if area else None,
        "dco": asdict(factory) if factory else None,
        "rotation_rpm": rotation_rpm(identify),
    }
