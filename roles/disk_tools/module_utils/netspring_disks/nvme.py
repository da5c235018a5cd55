"""What an NVMe controller can erase, and how its namespaces are formatted now."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks import tools
from ansible.module_utils.netspring_disks.identity import text_of

# NVM Express base specification 1.4, figure 247 (Identify Controller).
OACS_FORMAT = 1 << 1
OACS_NAMESPACES = 1 << 3
FNA_FORMAT_ALL = 1 << 0
FNA_ERASE_ALL = 1 << 1
FNA_CRYPTO = 1 << 2
SANICAP_CRYPTO = 1 << 0
SANICAP_BLOCK = 1 << 1
SANICAP_OVERWRITE = 1 << 2
# Sanitize Status log page (81h), same document, figure 211: bits 2:0 of SSTAT.
NEVER_SANITIZED, SANITIZED, SANITIZING, SANITIZE_FAILED, SANITIZED_KEPT = range(5)
SPROG_WHOLE = 65536


@dataclass(frozen=True)
class Formatting:
    """How a namespace may be formatted.

    Attributes:
        controller: device node of the controller, found through sysfs and never by name.
        nsid: number of the namespace.
        format_supported: the controller has the Format NVM command.
        secure_erase: Format may erase user data (SES 1); every Format has that.
        crypto_erase: Format may erase by dropping the key (SES 2).
        format_all_ns: one Format touches all namespaces of the controller.
        lbaf: LBA format in use, to be kept.
        ms: metadata setting in use (1: at the end of each block), to be kept.
        sanitize_block: the controller has Sanitize by block erase.
        sanitize_overwrite: the controller has Sanitize by overwriting.
        sanitize_crypto: the controller has Sanitize by dropping the key.
    """

    controller: str
    nsid: int
    format_supported: bool
    secure_erase: bool
    crypto_erase: bool
    format_all_ns: bool
    lbaf: int
    ms: int
    sanitize_block: bool = False
    sanitize_overwrite: bool = False
    sanitize_crypto: bool = False


@dataclass(frozen=True)
class SanitizeLog:
    """What the controller says of its last Sanitize; it says so for ever.

    Attributes:
        status: NEVER_SANITIZED, SANITIZED, SANITIZING, SANITIZE_FAILED or SANITIZED_KEPT (done,
            without deallocating).
        progress: parts of SPROG_WHOLE while it runs.
        command: command dword 10 of the Sanitize that it speaks of.
        told: the log as nvme-cli prints it.
    """

    status: int
    progress: int
    command: int
    told: dict[str, Any]


def sanitize_log(text: str) -> SanitizeLog | None:
    """Parse ``nvme sanitize-log -o json``; None where it is not such a log.

    nvme-cli wraps it in the device's name. Versions differ in the key under which they print
    "(2) Sanitize in Progress.", so the number in brackets is looked for.
    """
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if isinstance(found, dict) and len(found) == 1 and "sstat" not in found:
        found = next(iter(found.values()))
    words = found.get("sstat") if isinstance(found, dict) else None
    if not isinstance(words, dict):
        return None
    states = [int(at[1]) for word in words.values() if (at := re.match(r"\((\d)\) ", str(word)))]
    try:
        if len(states) != 1 or states[0] not in range(5):
            return None
        return SanitizeLog(states[0], int(found["sprog"]), int(found["cdw10_info"]), found)
    except (KeyError, TypeError, ValueError):
        return None


def formatting(controller: str, nsid: int, id_ctrl: str, id_ns: str) -> Formatting | None:
    """Parse ``nvme id-ctrl -o json`` and ``nvme id-ns -o json``; None where they do not answer."""
    try:
        ctrl: dict[str, Any] = json.loads(id_ctrl)
        namespace: dict[str, Any] = json.loads(id_ns)
        oacs, fna, flbas = int(ctrl["oacs"]), int(ctrl["fna"]), int(namespace["flbas"])
    except (ValueError, KeyError, TypeError):
        return None
    can_format = bool(oacs & OACS_FORMAT)
    sanicap = ctrl.get("sanicap")  # absent before NVMe 1.3
    kinds = sanicap if isinstance(sanicap, int) else 0
    return Formatting(
        controller=controller,
        nsid=nsid,
        format_supported=can_format,
        secure_erase=can_format,
        crypto_erase=can_format and bool(fna & FNA_CRYPTO),
        format_all_ns=bool(fna & (FNA_FORMAT_ALL | FNA_ERASE_ALL)),
        # Bits 3:0, and 6:5 as the upper bits where there are more than 16 formats.
        lbaf=(flbas & 0xF) | ((flbas >> 5 & 0x3) << 4),
        ms=flbas >> 4 & 1,
        sanitize_block=bool(kinds & SANICAP_BLOCK),
        sanitize_overwrite=bool(kinds & SANICAP_OVERWRITE),
        sanitize_crypto=bool(kinds & SANICAP_CRYPTO),
    )


def holds_all(id_ctrl: str, allocated: str) -> bool:
    """Whether one namespace is all that a drive has: nothing unallocated, no second namespace.

    Args:
        id_ctrl: ``nvme id-ctrl -o json``.
        allocated: ``nvme list-ns --all -o json``: also namespaces that are not attached. Only asked
            of drives that can have more than one (OACS bit 3).
    """
    try:
        ctrl: dict[str, Any] = json.loads(id_ctrl)
        if int(ctrl.get("unvmcap") or 0) != 0:
            return False
        if not int(ctrl["oacs"]) & OACS_NAMESPACES:
            return True
        return len(json.loads(allocated)["nsid_list"]) == 1
    except (ValueError, KeyError, TypeError):
        return False


def is_whole(name: str, sys: Path = Path("/sys")) -> bool:
    """Ask the drive of namespace ``name`` whether that is all it has; False where unknown."""
    controller = controller_of(name, sys)
    if controller is None:
        return False
    id_ctrl = tools.run(["nvme", "id-ctrl", controller, "-o", "json"]).out
    listed = tools.run(["nvme", "list-ns", controller, "--all", "-o", "json"])
    return holds_all(id_ctrl, listed.out)


def controller_of(name: str, sys: Path = Path("/sys")) -> str | None:
    """Controller of a namespace: ``/sys/block/nvme0n1/device`` is the controller's own folder.

    With native multipath that folder is a subsystem, which lists its controllers; the first one
    that is live serves.
    """
    device = (sys / "block" / name / "device").resolve()
    candidates = [device, *sorted(device.glob("nvme*"))]
    for folder in candidates:
        if (folder / "cntlid").exists() and text_of(folder / "state") == "live":
            return f"/dev/{folder.name}"
    return None


def namespaces_beside(name: str, sys: Path = Path("/sys")) -> int:
    """How many namespaces share the controller of this one, itself included."""
    device = (sys / "block" / name / "device").resolve()
    return sum(1 for block in (sys / "block").glob("nvme*n*") if _device(block) == device)


def _device(block: Path) -> Path:
    return (block / "device").resolve()


def read(name: str, sys: Path = Path("/sys")) -> Formatting | None:
    """Ask the controller of namespace ``name`` (``nvme0n1``)."""
    controller = controller_of(name, sys)
    nsid = text_of(sys / "block" / name / "nsid")
    if controller is None or nsid is None or not nsid.isdigit():
        return None
    id_ctrl = tools.run(["nvme", "id-ctrl", controller, "-o", "json"])
    id_ns = tools.run(["nvme", "id-ns", f"/dev/{name}", "-o", "json"])
    return formatting(controller, int(nsid), id_ctrl.out, id_ns.out)
