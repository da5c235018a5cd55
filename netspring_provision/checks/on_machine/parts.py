"""What else is in the PC: how its disks judge themselves, battery, camera and Wi-Fi."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netspring_provision.checks.on_machine.programs import output

BUS = ("busctl", "--json=short", "--timeout=60", "call", "org.freedesktop.UDisks2")
ATA = "org.freedesktop.UDisks2.Drive.Ata"
NVME = "org.freedesktop.UDisks2.NVMe.Controller"
DRIVE = "org.freedesktop.UDisks2.Drive"
BLOCK = "org.freedesktop.UDisks2.Block"
WIRELESS_CLASS = (
    "0x0280"  # PCI: network controller, other; that is what Wi-Fi cards call themselves
)
HUNG_SECONDS = 90


def _call(path: str, *words: str) -> Any:
    """Ask udisks, which D-Bus starts if need be; raises RuntimeError if it cannot answer."""
    said = output(*BUS, path, *words, timeout=HUNG_SECONDS).strip()
    return json.loads(said)["data"] if said else None


def drives() -> list[dict[str, Any]]:
    """Each fixed disk and what it says of its own health; read anew from the disk."""
    tree = _call("/org/freedesktop/UDisks2", *_objects())
    for path, faces in tree[0].items():
        for face in (ATA, NVME):
            if face in faces:
                _refresh(path, face)
    tree = _call("/org/freedesktop/UDisks2", *_objects())
    return told(tree[0])


def _objects() -> tuple[str, str]:
    return "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"


def _refresh(path: str, face: str) -> None:
    """A disk that cannot be asked anew keeps an old date, or none, which the check sees."""
    try:
        _call(path, face, "SmartUpdate", "a{sv}", "0")
    except RuntimeError:
        return


def told(objects: dict[str, Any]) -> list[dict[str, Any]]:
    """Disks and their health in udisks' answer. Pure."""
    devices: dict[str, str] = {}
    for faces in objects.values():
        block = faces.get(BLOCK)
        if block and "org.freedesktop.UDisks2.Partition" not in faces:
            raw = bytes(block["Device"]["data"]).rstrip(b"\0")
            devices[block["Drive"]["data"]] = raw.decode(errors="replace")
    found = []
    for path, faces in sorted(objects.items()):
        if DRIVE not in faces or faces[DRIVE]["Removable"]["data"] or path not in devices:
            continue
        entry = {"path": devices[path], "model": faces[DRIVE]["Model"]["data"], "kind": None}
        if ATA in faces:
            entry |= {"kind": "ata"} | _values(
                faces[ATA],
                supported="SmartSupported", enabled="SmartEnabled", updated="SmartUpdated",
                failing="SmartFailing", failing_now="SmartNumAttributesFailing",
                bad_sectors="SmartNumBadSectors", seconds="SmartPowerOnSeconds",
            )  # fmt: skip
        elif NVME in faces:
            entry |= {"kind": "nvme", "supported": True, "enabled": True} | _values(
                faces[NVME],
                updated="SmartUpdated", warnings="SmartCriticalWarning", hours="SmartPowerOnHours",
            )  # fmt: skip
        found.append(entry)
    return found


def _values(face: dict[str, Any], **names: str) -> dict[str, Any]:
    return {name: face[key]["data"] for name, key in names.items() if key in face}


def hardware(root: Path = Path("/")) -> dict[str, Any]:
    """Batteries, cameras and Wi-Fi as the kernel shows them below ``root``/sys."""
    sys = root / "sys"
    return {
        "batteries": [
            _battery(supply)
            for supply in sorted((sys / "class/power_supply").glob("*"))
            # A battery of scope Device is in a mouse or a pen.
            if _text(supply / "type") == "Battery" and _text(supply / "scope") != "Device"
        ],
        # A camera has a second device for its metadata, under the same name.
        "cameras": sorted(
            {_text(video / "name") or "?" for video in (sys / "class/video4linux").glob("*")}
        ),
        "wifi": [
            _wireless(card)
            for card in sorted((sys / "class/net").glob("*"))
            if (card / "phy80211").exists() or (card / "wireless").exists()
        ],
        "wifi_without_driver": [
            f"{_text(card / 'vendor')}:{_text(card / 'device')}".replace("0x", "")
            for card in sorted((sys / "bus/pci/devices").glob("*"))
            if (_text(card / "class") or "").startswith(WIRELESS_CLASS)
            and not (card / "driver").exists()
        ],
    }


def _battery(supply: Path) -> dict[str, Any]:
    """Charge in percent, and what a full charge is of what it was when the battery was new."""
    full = design = None
    for kind in ("energy", "charge"):
        if full is None:
            full = _number(supply / f"{kind}_full")
            design = _number(supply / f"{kind}_full_design")
    return {
        "name": _text(supply / "model_name") or supply.name,
        "status": _text(supply / "status"),
        "percent": _number(supply / "capacity"),
        "of_new": round(full / design, 2) if full is not None and design else None,
    }


def _wireless(card: Path) -> dict[str, Any]:
    driver = card / "device/driver"
    switches = list((card / "phy80211").glob("rfkill*"))
    return {
        "name": card.name,
        "driver": driver.resolve().name if driver.exists() else None,
        "off_by_switch": any(_number(switch / "hard") for switch in switches),
        "off_by_setting": any(_number(switch / "soft") for switch in switches),
    }


def _text(path: Path) -> str | None:
    """A file of /sys; a device that is just leaving, or gives no value, has none."""
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def _number(path: Path) -> int | None:
    found = _text(path)
    return int(found) if found and found.lstrip("-").isdigit() else None
