"""What a SCSI or SAS disk says of SANITIZE: whether it has it, and where one that runs stands.

Asked with sg3_utils. REPORT SUPPORTED OPERATION CODES tells what the disk has (SPC-4, 6.29); its
own status is REQUEST SENSE, which is told in words by ``sg_requests``: the option ``--progress``
alone would say nothing at all both for "done" and for "failed".
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from ansible.module_utils.netspring_disks import tools

# Names of the service actions of SANITIZE (48h) as sg_opcodes prints them (sg_lib_data.c).
ACTIONS = {
    "block": "Sanitize, block erase",
    "overwrite": "Sanitize, overwrite",
    "crypto": "Sanitize, cryptographic erase",
}


@dataclass(frozen=True)
class Sanitize:
    """Which kinds of SANITIZE a disk has."""

    block: bool
    overwrite: bool
    crypto: bool


@dataclass(frozen=True)
class Sense:
    """Answer to REQUEST SENSE, in the words of sg_requests.

    Attributes:
        key: sense key, such as ``Not Ready``.
        additional: additional sense, such as ``Sanitize command failed``.
        percent: progress of what runs, where the disk tells it.
    """

    key: str
    additional: str
    percent: float | None


def sanitize(listing: str) -> Sanitize | None:
    """Parse ``sg_opcodes``; None where the disk does not list its commands at all."""
    lines = [line.strip() for line in listing.splitlines()]
    if not any(re.match(r"[0-9a-f]{2}\s+([0-9a-f]+\s+)?\d+\s+\S", line) for line in lines):
        return None
    has = {kind: any(line.endswith(name) for line in lines) for kind, name in ACTIONS.items()}
    return Sanitize(**has)


def sense(text: str) -> Sense | None:
    """Parse what ``sg_requests`` printed; None where it holds no sense data."""
    key = re.search(r"Sense key: (.+)$", text, re.MULTILINE)
    additional = re.search(r"^\s*Additional sense: (.+)$", text, re.MULTILINE)
    if not key or not additional:
        return None
    return Sense(key[1].strip(), additional[1].strip(), percent(text))


def percent(text: str) -> float | None:
    """How far the disk is, out of what ``sg_requests`` printed; None where it does not tell."""
    found = re.search(r"Progress indication: (\d+(?:\.\d+)?)%", text)
    return float(found[1]) if found else None


def read(path: str) -> dict[str, bool] | None:
    """Kinds of SANITIZE of the disk at ``path`` as plain data; None where it does not tell."""
    found = sanitize(tools.run(["sg_opcodes", path]).out)
    return asdict(found) if found else None
