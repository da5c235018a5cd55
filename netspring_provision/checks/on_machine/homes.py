"""Whose files are on the PC: accounts, homes, and what in them is older than its installation."""

from __future__ import annotations

import os
import pwd
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from netspring_provision.checks.on_machine.programs import write_as

# Debian's ranges (adduser.conf): people from 1000 on, 65534 is nobody.
FIRST_PERSON, LAST_PERSON = 1000, 59999
# Where files of people may lie that no package and no role puts there.
EMPTY = ("srv", "opt", "mnt", "media", "var/mail", "var/spool/cron/crontabs", "home/lost+found")
KEPT = 20  # of a long list, as many are named in the answer
# What an account with such a group may do is an administrator's.
GROUPS = frozenset({"root", "sudo", "adm", "disk", "shadow", "lxd", "docker", "kvm", "lpadmin"})


def people(root: Path = Path("/")) -> dict[str, Any]:
    """Accounts of people, further accounts of the administrator, and who can log in by password."""
    passwd = [line.split(":") for line in _lines(root / "etc/passwd")]
    shadow = [line.split(":") for line in _lines(root / "etc/shadow")]
    groups = [line.split(":") for line in _lines(root / "etc/group")]
    persons = {
        entry[0]: int(entry[2])
        for entry in passwd
        if len(entry) > 5 and FIRST_PERSON <= int(entry[2]) <= LAST_PERSON
    }
    return {
        "persons": persons,
        "roots": [entry[0] for entry in passwd if len(entry) > 5 and entry[2] == "0"],
        # crypt(5): no valid hash begins with ! or *; an empty field lets in without a password.
        "by_password": [entry[0] for entry in shadow if entry[1:2] and entry[1][:1] not in "!*"],
        "without_password": [entry[0] for entry in shadow if entry[1:2] == [""]],
        "admin_groups": {
            name: sorted(
                entry[0] for entry in groups if entry[0] in GROUPS and name in entry[3].split(",")
            )
            for name in persons
        },
    }


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(errors="replace").splitlines() if line.strip()]


def foreign(
    accounts: Iterable[str], installed: float, root: Path = Path("/")
) -> dict[str, list[str]]:
    """Files and folders of nobody's on this PC.

    Args:
        accounts: the people whose homes may be there.
        installed: when the file system of the homes was made, seconds since 1970.
        root: top of the tree to look at.

    Returns:
        ``folders``: what lies in /home and is no home of these accounts; ``owners``: files of
        homes that belong to somebody else; ``old``: files older than the installation that are not
        the skeleton's; ``elsewhere``: files where there ought to be none. Each names the first few.
    """
    uids = dict(_uids(root))
    found: dict[str, list[str]] = {"folders": [], "owners": [], "old": [], "elsewhere": []}
    known = {name: uids[name] for name in accounts if name in uids}
    for entry in sorted((root / "home").glob("*")):
        if entry.name == "lost+found":
            continue
        if entry.name not in known or not entry.is_dir() or entry.is_symlink():
            _note(found["folders"], root, entry)
            continue
        for path, state in _below(entry):
            if state.st_uid != known[entry.name]:
                _note(found["owners"], root, path)
            # What every home begins with has the dates of the image. A copy from a stick may keep
            # its old date of change, but not that of its inode (stat(2), st_ctime).
            skeleton = root / "etc/skel" / path.relative_to(entry)
            dated = max(state.st_mtime, state.st_ctime)
            old = stat.S_ISREG(state.st_mode) and dated < installed
            if old and not skeleton.is_file():
                _note(found["old"], root, path)
    for name in EMPTY:
        for path, state in _below(root / name):
            if not stat.S_ISDIR(state.st_mode):
                _note(found["elsewhere"], root, path)
    return found


def _note(found: list[str], root: Path, path: Path) -> None:
    if len(found) < KEPT:
        found.append("/" + str(path.relative_to(root)))


def _uids(root: Path) -> Iterator[tuple[str, int]]:
    for line in _lines(root / "etc/passwd"):
        words = line.split(":")
        if len(words) > 5:
            yield words[0], int(words[2])


def _below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in a folder on the same file system, links not followed."""
    try:
        device = folder.lstat().st_dev
    except FileNotFoundError:
        return
    for top, names, files in os.walk(folder):
        for name in [*names, *files]:
            path = Path(top) / name
            try:
                state = path.lstat()
            except FileNotFoundError:  # the child's session goes on meanwhile
                continue
            if state.st_dev == device:
                yield path, state
            elif name in names:
                names.remove(name)


def made(device: str, output: Callable[..., str]) -> float:
    """When an ext4 file system was made, seconds since 1970, by its own superblock."""
    header = output("dumpe2fs", "-h", device)
    found = re.search(r"^Filesystem created:\s+(.+)$", header, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{device} does not say when it was made")
    return time.mktime(time.strptime(found[1].strip(), "%a %b %d %H:%M:%S %Y"))


def works(name: str, mount_of: Callable[[str], dict[str, Any] | None]) -> dict[str, Any]:
    """The child's folder of works: where it is, on which partition, and whether it takes a file.

    The file is written and read as the child, and taken away again.
    """
    user = pwd.getpwnam(name)
    link = Path(user.pw_dir) / ".works"
    folder = Path(os.path.realpath(link))
    seen: dict[str, Any] = {
        "link": str(link) if link.is_symlink() else None,
        "folder": str(folder) if folder.is_dir() else None,
        "partlabel": (mount_of(str(folder)) or {}).get("partlabel"),
        "xdg": _xdg(Path(user.pw_dir)),
    }
    if seen["folder"] is None:
        return {**seen, "wrote": False, "stderr": ""}
    return {**seen, **write_as(user, folder)}


def _xdg(home: Path) -> dict[str, str]:
    """Where programs save by themselves (user-dirs.dirs(5)), links followed."""
    try:
        text = (home / ".config/user-dirs.dirs").read_text(errors="replace")
    except OSError:
        return {}
    found = re.findall(r'^XDG_(\w+)_DIR="([^"]*)"', text, re.MULTILINE)
    return {key: os.path.realpath(value.replace("$HOME", str(home))) for key, value in found}
