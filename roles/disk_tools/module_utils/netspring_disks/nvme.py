"""What an NVMe controller can erase, and how its namespaces are formatted now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks import tools
from ansible.module_utils.netspring_disks.identity import text_of

# NVM Express base specification 1.4, figure 247 (Identify Controller).
OACS_FORMAT = 1 << 1
FNA_FORMAT_ALL = 1 << 0
FNA_ERASE_ALL = 1 << 1
FNA_CRYPTO = 1 << 2


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
    """

    controller: str
    nsid: int
    format_supported: bool
    secure_erase: bool
    crypto_erase: bool
    format_all_ns: bool
    lbaf: int
    ms: int


def formatting(controller: str, nsid: int, id_ctrl: str, id_ns: str) -> Formatting | None:
    """Parse ``nvme id-ctrl -o json`` and ``nvme id-ns -o json``; None where they do not answer."""
    try:
        ctrl: dict[str, Any] = json.loads(id_ctrl)
        namespace: dict[str, Any] = json.loads(id_ns)
        oacs, fna, flbas = int(ctrl["oacs"]), int(ctrl["fna"]), int(namespace["flbas"])
    except (ValueError, KeyError, TypeError):
        return None
    can_format = bool(oacs & OACS_FORMAT)
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
    )


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
