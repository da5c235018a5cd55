"""Is nothing of a former owner left?"""

from __future__ import annotations

import time

from netspring_provision.checks.asking import Facts, Seen, part, require, some
from netspring_provision.checks.expectation import OTHERS, Expectation

TEACHER = "teacher"
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


def test_files_are_nobody_elses(facts: Facts, seen: Seen) -> None:
    """Homes hold only what this PC's people made since its installation."""
    found = part(facts, "foreign")
    made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found["installed"]))
    seen(f"homes made {made} UTC")
    require(
        f"{what}: {some(found[kind])}"
        for kind, what in (
            ("folders", "folders of nobody on this PC"),
            ("owners", "files of somebody else in a home"),
            ("old", "files older than this PC's installation"),
            ("elsewhere", "files where none ought to be"),
        )
        if found[kind]
    )


def test_accounts_are_ours(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """Pupil, teacher and guest alone; only the teacher may have a password, nobody rights."""
    people = part(facts, "people")
    seen(", ".join(f"{name} ({uid})" for name, uid in people["persons"].items()) or "-")
    known = {expected.pupil, *OTHERS}
    problems = [f"account of a stranger: {name}" for name in people["persons"] if name not in known]
    problems += [f"{name} is an administrator" for name in people["roots"] if name != "root"]
    problems += [
        f"{name} can log in by password" for name in people["by_password"] if name != TEACHER
    ]
    problems += [f"{name} needs no password" for name in people["without_password"]]
    problems += [
        f"{name} is in the administrators' group {group}"
        for name, groups in people["admin_groups"].items()
        for group in groups
    ]
    require(problems)
