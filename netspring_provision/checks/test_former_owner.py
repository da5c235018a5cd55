"""Is nothing of a former owner left?"""

from __future__ import annotations

from netspring_provision.checks.asking import Facts, Seen, part, require

OURS = {
    "netspring-bios",
    "netspring-esp",
    "netspring-rescue",
    "netspring-root",
    "netspring-home",
}


def test_only_our_partitions(facts: Facts, seen: Seen) -> None:
    """The disk it runs from has our five partitions, each once, and no other."""
    installed = [disk for disk in part(facts, "disks") if disk["installed"]]
    if len(installed) != 1:
        require([f"the system runs from {len(installed)} disks"])
    labels = [partition["partlabel"] for partition in installed[0]["partitions"]]
    seen(f"{installed[0]['path']}: " + ", ".join(str(label) for label in labels))
    problems = [f"foreign partition {label!r}" for label in labels if label not in OURS]
    problems += [f"{label} is missing" for label in sorted(OURS) if label not in labels]
    problems += [f"{label} is there twice" for label in sorted(OURS) if labels.count(label) > 1]
    require(problems)


def test_other_disks_are_blank(facts: Facts, seen: Seen) -> None:
    """Disks it does not run from hold no table, no file system, and zeros where we looked."""
    disks = part(facts, "disks")
    others = [disk for disk in disks if not disk["installed"]]
    seen(", ".join(f"{disk['path']} {disk['size'] / 1e9:.1f} GB" for disk in others) or "-")
    problems = []
    if len(others) == len(disks):
        problems.append("none of its disks is the one it runs from")
    for disk in others:
        what = [f"a {disk['table']} partition table"] if disk["table"] else []
        what += [f"a {disk['filesystem']} file system"] if disk["filesystem"] else []
        what += [f"{len(disk['partitions'])} partitions"] if disk["partitions"] else []
        if disk["sample"]["with_data"]:
            what.append(f"data in {disk['sample']['with_data']} samples")
        if what:
            bus = f" ({disk['bus']})" if disk["bus"] else ""
            problems.append(f"{disk['path']}{bus} holds " + ", ".join(what))
    require(problems)


def test_nothing_of_a_former_owner(facts: Facts, seen: Seen) -> None:
    """Every disk could be read where we looked, and no sample holds a mark of a former owner."""
    disks = part(facts, "disks")
    seen(", ".join(f"{disk['path']} {disk['sample']['bytes'] / 1e6:.1f} MB" for disk in disks))
    problems = [] if disks else ["it has no disks"]
    for disk in disks:
        sample = disk["sample"]
        if sample["with_mark"]:
            problems.append(f"{disk['path']}: old data in {sample['with_mark']} samples")
        if sample["errors"]:
            problems.append(f"{disk['path']}: {sample['errors']} samples could not be read")
        if not sample["bytes"]:
            problems.append(f"{disk['path']}: nothing was read")
    require(problems)
