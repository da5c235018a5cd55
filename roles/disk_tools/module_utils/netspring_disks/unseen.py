"""Disks that hang in a PC and that the kernel does not show: nobody would erase them.

Intel's firmware "RAID" or "RST" mode hides NVMe drives behind the SATA controller (the driver says
how many), and a storage controller without a driver hides all that hangs on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks.identity import text_of

STORAGE = "0x01"  # class code of mass storage controllers (PCI Code and ID Assignment, 1.2)
FLOPPY = "0x0102"  # holds no disk


def hidden_disks(sys: Path = Path("/sys")) -> list[dict[str, Any]]:
    """What is behind controllers and cannot be seen; empty where nothing is.

    Each entry has ``kind`` (``remapped_nvme`` or ``no_driver``), ``count`` (disks, or controllers
    whose disks cannot be counted) and ``detail`` (the PCI address, and vendor and device).
    """
    found = []
    for device in sorted((sys / "bus/pci/devices").glob("*")):
        remapped = text_of(device / "remapped_nvme") or "0"  # drivers/ata/ahci.c
        if remapped != "0":
            # What cannot be counted is at least one.
            count = int(remapped) if remapped.isdigit() else 1
            found.append({"kind": "remapped_nvme", "count": count, "detail": _name(device)})
        kind = text_of(device / "class") or ""
        is_storage = kind.startswith(STORAGE) and not kind.startswith(FLOPPY)
        if is_storage and not (device / "driver").exists():
            found.append({"kind": "no_driver", "count": 1, "detail": _name(device)})
    return found


def _name(device: Path) -> str:
    ids = [(text_of(device / name) or "?").removeprefix("0x") for name in ("vendor", "device")]
    return f"PCI {device.name} [{':'.join(ids)}]"
