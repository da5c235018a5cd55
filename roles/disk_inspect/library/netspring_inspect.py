#!/usr/bin/python3
"""Read-only facts about a machine and its disks."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_disks import (
    ata,
    health_record,
    identity,
    machine,
    mmc,
    nvme,
    scsi,
    smart,
    tools,
    unseen,
    uses,
)

DOCUMENTATION = r"""
module: netspring_inspect
short_description: Tell what a machine and its disks are, and what lies on them
description:
  - Reads SMBIOS, processor, memory, network addresses and every physical disk.
  - Opens nothing for writing. What cannot be read is null.
options: {}
author: Netspring Provision
"""

EXAMPLES = r"""
- name: Read the machine and its disks
  netspring_inspect:
  register: facts
"""

RETURN = r"""
netspring_result:
  description: Facts of kind C(facts), schema 1.
  returned: success
  type: dict
"""

SCHEMA = 1
COLUMNS = "NAME,PATH,TYPE,RM,RO,ROTA,SIZE,LOG-SEC,PHY-SEC,MODEL,REV,FSTYPE,PTTYPE,LABEL"


def flatten(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row of lsblk and all that is stacked on it."""
    rows = [row]
    for child in row.get("children") or []:
        rows += flatten(child)
    return rows


def parse_lsblk(text: str) -> dict[str, dict[str, Any]]:
    """Rows of ``lsblk -J -b`` by disk name; empty where it did not answer."""
    try:
        rows = json.loads(text)["blockdevices"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {row["name"]: row for row in rows if isinstance(row, dict) and "name" in row}


def signatures(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Partition tables and filesystem, LVM or RAID signatures on a disk and its partitions."""
    found = []
    for each in flatten(row):
        # On a partition PTTYPE names the table it belongs to, which its disk has already told.
        table = each.get("pttype") if each.get("type") == "disk" else None
        for kind in (table, each.get("fstype")):
            if kind:
                found.append({"type": kind, "label": each.get("label"), "where": each.get("path")})
    return found


def flag(value: Any) -> bool | None:
    """A yes or no of lsblk; None for anything else."""
    return value if isinstance(value, bool) else None


def medium(bus: str, rotational: bool | None, rpm: int | None = None) -> str:
    """What the disk stores on, as far as the bus and the kernel tell.

    A SATA disk must say itself that it turns: the kernel takes old flash for magnetic. Virtual
    disks and USB bridges often claim to rotate, or not to; that is repeated, not improved.
    """
    if bus == "nvme":
        return "ssd"
    if bus == "mmc":
        return "flash"
    if rotational is None or (bus == "sata" and rotational and not rpm):
        return "unknown"
    if rotational:
        return "hdd"
    return "flash" if bus == "usb" else "ssd"


def native_bytes(who: identity.Identity, area: dict[str, Any] | None) -> int | None:
    """True capacity: what ATA reports as native, an NVMe namespace that is all that its drive has.

    Others have no hidden area (virtio), or do not tell.
    """
    if who.bus == "sata":
        return area["native_sectors"] * who.logical_block if area else None
    whole = who.bus == "virtio" or (who.bus == "nvme" and nvme.is_whole(who.name))
    return who.size_bytes if whole else None


def by_bus(who: identity.Identity) -> dict[str, Any]:
    """What only disks of one bus tell; null for all others."""
    told: dict[str, Any] = dict.fromkeys(
        ("security", "sanitize", "hpa", "dco", "rotation_rpm", "nvme", "mmc")
    )
    if who.bus == "sata":
        told |= ata.read(who.path)
    elif who.bus == "nvme":
        formatting = nvme.read(who.name)
        told["nvme"] = asdict(formatting) if formatting else None
        if formatting:
            kinds = ("block", "overwrite", "crypto")
            told["sanitize"] = {kind: told["nvme"][f"sanitize_{kind}"] for kind in kinds}
    elif who.bus == "scsi":
        told["sanitize"] = scsi.read(who.path)
    elif who.bus == "mmc":
        told["mmc"] = mmc.read(who.name)
    return told


def card_name(block: Path) -> str | None:
    """Name of an eMMC or SD card, which has one instead of a model; its areas hang below it."""
    return identity.text_of(block / "device/name") or identity.text_of(block / "device/device/name")


def read_disk(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """All facts of one disk."""
    who = identity.identify(name)
    told = by_bus(who)
    rotational = flag(row.get("rota"))
    block = Path("/sys/block") / name
    answer = smart.ask(who.path)
    health = smart.health(answer)
    return {
        "path": who.path,
        "name": name,
        "bus": who.bus,
        "medium": medium(who.bus, rotational, told["rotation_rpm"]),
        "model": (row.get("model") or card_name(block) or "").strip(),
        "serial": who.serial,
        "wwn": who.wwn,
        "firmware": (row.get("rev") or "").strip() or identity.firmware_of(name),
        "size_bytes": who.size_bytes,
        "native_bytes": native_bytes(who, told["hpa"]),
        "logical_block": who.logical_block,
        "physical_block": row.get("phy-sec") or who.logical_block,
        "read_only": who.read_only,
        "removable": flag(row.get("rm")) is True,
        "rotational": rotational,
        "uses": uses.uses_of(name),
        "signatures": signatures(row),
        **told,
        "smart": asdict(health) if health else None,
        "smartctl": health_record.pruned(answer),
        "wear": health_record.card_wear(name) if who.bus == "mmc" else None,
    }


def read_disks() -> list[dict[str, Any]]:
    """Facts of all disks, read side by side: one dying disk must not hold up the others."""
    names = mmc.disk_names()
    rows = parse_lsblk(tools.run(["lsblk", "-J", "-b", "-o", COLUMNS]).out)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        return list(pool.map(lambda name: read_disk(name, rows.get(name, {})), names))


def read_machine() -> dict[str, Any]:
    """Everything about this machine, as the station expects it."""
    return {
        "kind": "facts",
        "schema": SCHEMA,
        "live": machine.live(),
        "system": machine.system(),
        "cpu": machine.processor(Path("/proc/cpuinfo").read_text()),
        "memory_bytes": machine.memory_bytes(Path("/proc/meminfo").read_text()),
        "macs": machine.macs(),
        "batteries": machine.batteries(),
        "hidden_disks": unseen.hidden_disks(),
        "disks": read_disks(),
    }


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        facts = read_machine()
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"the machine's facts cannot be read: {error}")
    module.exit_json(changed=False, netspring_result=facts)


if __name__ == "__main__":
    main()
