"""Reads an inventory into machines; a room's files are validated before Ansible sees them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_provision import content, runner
from netspring_provision.errors import UsageError
from netspring_provision.room import validate_room

# What Ansible takes for a name and nothing else: no pattern, no range, no file.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Host:
    """One machine of an inventory.

    Attributes:
        name: its name in the inventory; also its hostname once installed.
        address: where SSH reaches it.
        port: TCP port of SSH.
        user: who to log in as.
        key_file: private key, or ``None`` for the station's own.
        vars: all variables of the inventory for it.
    """

    name: str
    address: str
    port: int
    user: str
    key_file: Path | None
    vars: Mapping[str, Any]

    @property
    def is_lab(self) -> bool:
        """Whether it is a virtual PC of this station, which the station can switch on and off."""
        return self.vars.get("netspring_lab") is True


def inventory_path(inventory: str) -> Path:
    """The inventory that ``-i`` names: a path, or one that comes with the package.

    Raises:
        UsageError: there is no such file or folder.
    """
    named = bool(inventory.strip())  # Path("") would be the folder we happen to stand in
    for candidate in (Path(inventory), content.root() / inventory):
        if named and candidate.exists():
            return candidate.absolute()
    raise UsageError(
        f"there is no inventory {inventory}",
        hint="make one with: netspring room new NAME --profile lite (or use -i inventories/lab)",
    )


def load(inventory: str, limit: str | None = None) -> tuple[Host, ...]:
    """The machines of an inventory, in its order; only those that ``limit`` names.

    Args:
        inventory: as given to ``-i``.
        limit: host or group names and shell patterns, separated by commas. ``None`` means all;
            empty is an error, for it must never come to mean all.

    Raises:
        UsageError: bad inventory, empty limit, or a limit that names nobody.
    """
    if limit is not None and not limit.strip(" ,"):
        raise UsageError("--limit is empty", hint="name machines, or leave --limit out to mean all")
    path = inventory_path(inventory)
    if not (path / "lab.py").exists():
        validate_room(path)
    data = runner.inventory_list(path)
    hostvars = data.get("_meta", {}).get("hostvars", {})
    names = list(dict.fromkeys(_members(data, "all")))
    _check_names(data, names, inventory)
    if limit is not None:
        names = _limited(data, names, limit)
    if not names:
        raise UsageError(
            f"the inventory {inventory} has no machines",
            hint="for the lab: netspring lab create NAME, then netspring lab start NAME",
        )
    return tuple(_host(name, hostvars.get(name, {})) for name in names)


def _check_names(data: Mapping[str, Any], names: list[str], inventory: str) -> None:
    """Refuse a name that would mean other or more machines when it is given to Ansible."""
    for name in names:
        if name in data or not NAME.fullmatch(name):
            what = "is also the name of a group" if name in data else "is not a host name"
            raise UsageError(
                f"{inventory}: the machine name {name!r} {what}",
                hint="use letters, digits, '-', '.' and '_', and no name twice",
            )


def _members(data: Mapping[str, Any], group: str) -> list[str]:
    entry = data.get(group, {})
    names = list(entry.get("hosts", []))
    for child in entry.get("children", []):
        names += _members(data, child)
    return names


def _limited(data: Mapping[str, Any], names: list[str], limit: str) -> list[str]:
    chosen: list[str] = []
    for word in (w.strip() for w in limit.split(",")):
        if not word:
            continue
        if word in data and word != "_meta":
            found = _members(data, word)
        else:
            found = fnmatch.filter(names, word)
        if not found:
            raise UsageError(
                f"--limit {word}: no such machine or group in the inventory",
                hint="it has: " + ", ".join(names[:20]),
            )
        chosen += found
    return [name for name in names if name in chosen]


def _host(name: str, variables: Mapping[str, Any]) -> Host:
    key = variables.get("ansible_ssh_private_key_file")
    try:
        port = int(variables.get("ansible_port", 22))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{name}: ansible_port is {variables['ansible_port']!r}, not a number",
            hint="write the number of the SSH port, or leave it out for 22",
        ) from error
    return Host(
        name=name,
        address=str(variables.get("ansible_host", name)),
        port=port,
        user=str(variables.get("ansible_user", "root")),
        key_file=Path(key).expanduser() if key else None,
        vars=variables,
    )
