#!/usr/bin/env python3
"""Ansible inventory of the virtual PCs that are on. Standard library only.

It reads the folders that ``netspring lab`` writes under ``$NETSPRING_HOME/lab`` (default: the
user's data folder), so plain ``ansible-playbook -i inventories/lab`` works from a clone as it is.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any


def home() -> Path:
    """The station's folder, by the rules of ``netspring_provision.config``."""
    named = os.environ.get("NETSPRING_HOME")
    if named:
        return Path(named).expanduser().absolute()
    data = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(data) if data else Path.home() / ".local" / "share") / "netspring"


def is_on(folder: Path) -> bool:
    """Whether the process of the pid file is the QEMU of this very PC."""
    path = folder / "qemu.pid"
    try:
        command = Path(f"/proc/{int(path.read_text())}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    return os.fsencode(path) in command.split(b"\0")


def ssh_arguments(station: Path) -> str:
    """Only the station's key, and only machines that it enrolled."""
    known_hosts = str(station / "known_hosts").replace("%", "%%")
    if any(character.isspace() for character in known_hosts):
        known_hosts = f'"{known_hosts}"'
    options = (
        f"UserKnownHostsFile={known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
    )
    return " ".join(f"-o {shlex.quote(option)}" for option in options)


def variables(folder: Path, station: Path) -> dict[str, Any] | None:
    """What Ansible shall know about the PC; None if it is off or has no way to its SSH."""
    try:
        machine = json.loads((folder / "machine.json").read_text())
        state = json.loads((folder / "state.json").read_text())
        port = state["ssh_port"]
        if not port or not is_on(folder):
            return None
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(station / "keys" / "station_ed25519"),
            "ansible_ssh_common_args": ssh_arguments(station),
            "ansible_python_interpreter": "/usr/bin/python3",
            "netspring_lab": True,
            "netspring_uuid": machine["uuid"],
            "netspring_serial": machine["serial"],
            "netspring_mac": machine["mac"],
            "netspring_asset_tag": machine["asset_tag"],
        }
    except FileNotFoundError:
        return None  # off, or deleted meanwhile
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"lab PC {folder.name} is left out: {error!r}", file=sys.stderr)
        return None


def inventory(station: Path) -> dict[str, Any]:
    """All PCs that are on, in the group ``lab``, in the form that Ansible asks for."""
    lab = station / "lab"
    folders = sorted(lab.iterdir()) if lab.is_dir() else []
    hostvars = {
        folder.name: found
        for folder in folders
        if folder.is_dir() and not folder.name.startswith(".")
        if (found := variables(folder, station)) is not None
    }
    return {
        "_meta": {"hostvars": hostvars},
        "all": {"children": ["lab"]},
        "lab": {"hosts": list(hostvars)},
    }


def main(arguments: list[str]) -> int:
    """``--list`` for all, ``--host NAME`` for the variables of one."""
    found = inventory(home())
    if arguments[:1] == ["--host"] and len(arguments) == 2:
        found = found["_meta"]["hostvars"].get(arguments[1], {})
    elif arguments not in ([], ["--list"]):
        print("usage: lab.py --list | --host NAME", file=sys.stderr)
        return 2
    json.dump(found, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
