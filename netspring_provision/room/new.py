"""Writes the folder of a new room, all of it or nothing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from netspring_provision.errors import StationError, UsageError
from netspring_provision.room.check import validate_room

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def new_room(
    folder: Path, name: str, *, profile: str, locale: str, machines: Mapping[str, str]
) -> Path:
    """Make ``folder/name`` with its files; nothing is ever overwritten.

    Args:
        folder: the folder that holds the rooms; made if missing.
        name: of the room: small letters, digits, - and _.
        profile: what its machines become.
        locale: their language.
        machines: address by machine name.

    Returns:
        the new folder.

    Raises:
        UsageError: bad name, the room is there already, or a machine's name or address is bad.
        StationError: the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a room's name",
            hint="use small letters, digits, - and _, such as room-1",
        )
    target = folder / name
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already", hint="choose another name for the room")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder))
        try:
            for file, text in files(name, profile, locale, machines).items():
                _write(draft / file, text)
            _validated(draft, target)
            draft.chmod(0o755)
            # Another room that appeared meanwhile holds files, so the rename fails: it stays whole.
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        if os.path.lexists(target):
            raise UsageError(f"{target} is there already", hint="choose another name") from error
        raise StationError(
            f"cannot write {target}: {error.strerror}",
            hint="name a folder of yours: netspring room new NAME --directory FOLDER",
        ) from error
    return target


def files(name: str, profile: str, locale: str, machines: Mapping[str, str]) -> dict[str, str]:
    """Text of each file of a room, by its path in the folder."""
    lines = [
        "---",
        f"# Machines of the room {name}. A machine's name becomes its hostname. For each:",
        "#   ansible_host: where the station reaches it by SSH",
        "#   netspring_asset_tag: the sticker on its case, written on its certificate",
        "all:",
        "  hosts:",
    ]
    for machine, address in machines.items():
        lines += [
            f"    {machine}:",
            f"      ansible_host: {_quoted(address)}",
            f"      netspring_asset_tag: {_quoted(machine.upper())}",
        ]
    if not machines:
        lines[-1] += " {}"
        lines += ["    # pc-01:", "    #   ansible_host: 192.168.10.11"]
        lines += ["    #   netspring_asset_tag: PC-01"]
    everyone = [
        "---",
        "# What holds for every machine of the room. One machine may differ in host_vars/NAME.yml.",
        "",
        "# What the children get: core (no desktop), lite (2 GB of RAM) or studio (4 GB and more).",
        f"netspring_profile: {profile}",
        "",
        "# Language of the desktop: zh_CN, en_US or fr_FR.",
        f"netspring_locale: {locale}",
        "# Where the clocks stand, if not in Asia/Shanghai, Etc/UTC, Europe/Paris (by language).",
        "# netspring_timezone: Africa/Bujumbura",
        "# Keys of the PCs, if not cn, us, fr (by language): French with American keys is us:intl.",
        "# netspring_keyboard: us:intl",
    ]
    return {
        "hosts.yml": "\n".join(lines) + "\n",
        "group_vars/all.yml": "\n".join(everyone) + "\n",
    }


def _quoted(text: str) -> str:
    """A YAML 1.1 string that stays one, whatever it looks like."""
    return "'" + text.replace("'", "''") + "'"


def _validated(draft: Path, target: Path) -> None:
    """What was asked for must pass the check of every command; errors name the room."""
    try:
        validate_room(draft)
    except UsageError as error:
        raise UsageError(error.message.replace(str(draft), str(target)), error.hint) from error


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
