"""Has it room for the system and the children's work?"""

from __future__ import annotations

from typing import Any

from netspring_provision.checks.asking import Facts, Seen, part, require

GROWN_SHARE = 0.98
ROOT_FREE_BYTES = 300_000_000
HOME_FREE_BYTES = 50_000_000
# Kinds of xdg-user-dirs whose folder is that of the works.
SAVED = ("DOCUMENTS", "PICTURES", "MUSIC", "VIDEOS")


def test_root_fills_its_partition(facts: Facts, seen: Seen) -> None:
    """The image's file system is small; installation grows it."""
    grown = part(facts, "grown")
    have, room = grown["filesystem_bytes"], grown["partition_bytes"]
    seen(f"{have / 1e9:.2f} GB / {room / 1e9:.2f} GB")
    if not room or have < room * GROWN_SHARE:
        require([f"it has {have / 1e9:.2f} GB of a partition of {room / 1e9:.2f} GB"])


def test_disk_has_free_space(facts: Facts, seen: Seen) -> None:
    """Room to work in, both for the system and for the children."""
    boot = part(facts, "boot")
    shown, problems = [], []
    for where, name, least in (("/", "root", ROOT_FREE_BYTES), ("/home", "home", HOME_FREE_BYTES)):
        free: Any = (boot[name] or {}).get("avail")
        shown.append(f"{where} {(free or 0) / 1e9:.2f} GB")
        if free is None or free < least:
            problems.append(f"{where} has {(free or 0) / 1e6:.0f} MB left")
    seen(", ".join(shown))
    require(problems)


def test_home_is_a_partition_of_its_own(facts: Facts, seen: Seen) -> None:
    """/home is on netspring-home, so that a reset of the system spares it."""
    home = part(facts, "boot")["home"] or {}
    seen(f"{home.get('source')} ({home.get('partlabel')})")
    if home.get("partlabel") != "netspring-home":
        require([f"/home is on the partition {home.get('partlabel')!r}"])


def test_pupil_can_save(facts: Facts, seen: Seen) -> None:
    """A file was written, read and removed as the child, in the child's home."""
    pupil = part(facts, "pupil")
    if not pupil["exists"]:
        require(["the child's account does not exist"])
    seen(str(pupil["home"]))
    problems = []
    if not pupil["wrote"]:
        problems.append(f"cannot write in {pupil['home']}: {pupil['stderr']}")
    if pupil["partlabel"] != "netspring-home":
        problems.append(f"{pupil['home']} is on the partition {pupil['partlabel']!r}")
    require(problems)


def test_works_outlive_a_reset(facts: Facts, seen: Seen) -> None:
    """The folder of works takes a file of the child's and lies on the partition that stays."""
    works = part(facts, "works")
    seen(f"{works['folder']} ({works['partlabel']})")
    problems = []
    if works["link"] is None:
        problems.append("the child's home has no link ~/.works")
    if works["folder"] is None:
        problems.append("the folder of works is not there")
    elif not works["wrote"]:
        problems.append(f"the child cannot write in {works['folder']}: {works['stderr']}")
    if works["partlabel"] != "netspring-home":
        problems.append(f"the folder of works is on the partition {works['partlabel']!r}")
    problems += [
        f"programs save {kind.lower()} in {works['xdg'].get(kind)}"
        for kind in SAVED
        if works["folder"] and works["xdg"].get(kind) != works["folder"]
    ]
    require(problems)
