"""The machine around the disks: live environment, SMBIOS, processor, memory, network."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks.identity import text_of

# What board makers leave in SMBIOS when nobody filled it in; it identifies nothing.
PLACEHOLDERS = re.compile(
    r"(to be filled by o\.?e\.?m\.?|default string|system (serial|product|manufacturer).*|"
    r"not (specified|applicable|available)|none|n/?a|oem|o\.e\.m\.?|invalid|unknown|"
    r"(?P<same>.)(?P=same)+|0|0123456789|123456789\d*)",
    re.IGNORECASE,
)
# Seen on many boards of several makers at once.
SHARED_UUIDS = {"03000200-0400-0500-0006-000700080009", "03020100-0504-0706-0809-0a0b0c0d0e0f"}


def meaningful(value: str | None) -> str | None:
    """The value, unless it is empty or one of the well-known placeholders."""
    value = (value or "").strip()
    return None if not value or PLACEHOLDERS.fullmatch(value) else value


def meaningful_uuid(value: str | None) -> str | None:
    """SMBIOS UUID in lower case, unless it is unset or known to be shared by many machines."""
    value = (value or "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        return None
    is_unset = len(set(value.replace("-", ""))) == 1
    return None if is_unset or value in SHARED_UUIDS else value


def token_sha256(cmdline: str) -> str | None:
    """SHA-256 (hex) of the token on the kernel command line; the token itself never travels."""
    for word in cmdline.split():
        key, _, value = word.partition("=")
        if key == "netspring.token" and value:
            return hashlib.sha256(value.encode()).hexdigest()
    return None


def live(root: Path = Path("/")) -> dict[str, Any]:
    """Whether this is our live environment, and which boot of it."""
    return {
        "marker": (root / "run/netspring-live").exists(),
        "token_sha256": token_sha256(text_of(root / "proc/cmdline") or ""),
        "boot_id": text_of(root / "proc/sys/kernel/random/boot_id"),
    }


def secure_boot(root: Path = Path("/")) -> bool | None:
    """Secure Boot state; a BIOS machine has none, an unreadable variable is None."""
    efi = root / "sys/firmware/efi"
    if not efi.is_dir():
        return False
    variable = efi / "efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    try:
        content = variable.read_bytes()
    except OSError:
        return None
    return content[4] == 1 if len(content) == 5 else None  # four bytes of attributes come first


def system(root: Path = Path("/")) -> dict[str, Any]:
    """SMBIOS identity and firmware."""
    dmi = root / "sys/class/dmi/id"
    return {
        "uuid": meaningful_uuid(text_of(dmi / "product_uuid")),
        "serial": meaningful(text_of(dmi / "product_serial")),
        "vendor": meaningful(text_of(dmi / "sys_vendor")),
        "product": meaningful(text_of(dmi / "product_name")),
        "firmware": "uefi" if (root / "sys/firmware/efi").is_dir() else "bios",
        "secure_boot": secure_boot(root),
    }


def processor(cpuinfo: str) -> dict[str, Any]:
    """Model, logical processors and 64-bit ability out of /proc/cpuinfo."""
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return {
        "model": model[1].strip() if model else None,
        "cores": len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or os.cpu_count() or 1,
        "x86_64": "lm" in flags[1].split() if flags else os.uname().machine == "x86_64",
    }


def memory_bytes(meminfo: str) -> int:
    """Memory that Linux can use, in bytes: installed, less what firmware and kernel keep.

    Raises:
        ValueError: the text is not /proc/meminfo.
    """
    total = re.search(r"^MemTotal:\s*(\d+) kB$", meminfo, re.MULTILINE)
    if not total:
        raise ValueError("/proc/meminfo does not tell MemTotal")
    return int(total[1]) * 1024


def macs(root: Path = Path("/")) -> list[str]:
    """Hardware addresses of the physical network interfaces, in lower case."""
    found = []
    for interface in sorted((root / "sys/class/net").iterdir()):
        address = text_of(interface / "address")
        if (interface / "device").exists() and address:
            found.append(address.lower())
    return found


def batteries(root: Path = Path("/")) -> list[dict[str, Any]]:
    """The machine's own batteries, with what they hold now and held when new.

    ``full`` and ``design`` are in the unit the battery reports in, microwatt-hours or
    microampere-hours, which is why only their ratio means something (Documentation/ABI/testing/
    sysfs-class-power). The batteries of mice and keyboards (scope Device) are left out.
    """
    supplies = root / "sys/class/power_supply"
    found = []
    for supply in sorted(supplies.iterdir()) if supplies.is_dir() else ():
        if text_of(supply / "type") != "Battery" or text_of(supply / "scope") == "Device":
            continue
        found.append(
            {
                "name": supply.name,
                "present": text_of(supply / "present") != "0",
                "full": _first_number(supply, "energy_full", "charge_full"),
                "design": _first_number(supply, "energy_full_design", "charge_full_design"),
                "cycles": _first_number(supply, "cycle_count"),
            }
        )
    return found


def _first_number(folder: Path, *names: str) -> int | None:
    for name in names:
        text = text_of(folder / name)
        if text is not None and text.isdigit():
            return int(text)
    return None
