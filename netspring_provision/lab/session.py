"""Runs programs on an installed virtual PC: as root, or as the child in its running session."""

from __future__ import annotations

import json
import shlex

from netspring_provision import ssh
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import store

_ANSWER_SECONDS = 180
# The child's session is that of the panel: what it was started with, programs are started with.
_AS_CHILD = """
import json, os, pwd, subprocess, sys
from pathlib import Path
user = pwd.getpwnam("pupil")
panel = subprocess.check_output(["pgrep", "-o", "-u", user.pw_name, "lxqt-panel"], text=True)
raw = Path(f"/proc/{int(panel)}/environ").read_bytes().decode(errors="surrogateescape")
known = dict(pair.split("=", 1) for pair in raw.split("\\0") if "=" in pair)
child = subprocess.Popen(
    json.loads(sys.argv[1]), env=known,
    user=user.pw_uid, group=user.pw_gid, extra_groups=os.getgrouplist(user.pw_name, user.pw_gid),
    cwd=user.pw_dir, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL)
print(child.pid)
"""


def shell(station: Station, name: str, line: str) -> str:
    """What a shell line prints on the PC, run as root over SSH; the host key must be known.

    Raises:
        UsageError: no such PC.
        MachineFailedError: the PC is off, does not let the station in, or the line failed.
    """
    port = store.load(station, name).ssh_port
    if port is None:
        raise MachineFailedError(f"{name} is off", hint=f"netspring lab start {name} --boot disk")
    return ssh.run_command(station, "127.0.0.1", port, "root", None, line, _ANSWER_SECONDS)


def open_as_child(station: Station, name: str, *argv: str) -> int:
    """Start a program in the child's session; returns its process group on the PC.

    Raises:
        MachineFailedError: no child is logged in, or there is no such program.
    """
    line = shlex.join(["python3", "-c", _AS_CHILD, json.dumps(argv)])
    return int(shell(station, name, line))


def end(station: Station, name: str, group: int) -> None:
    """End what was started, and all that came from it in the same group."""
    shell(station, name, f"kill -TERM -{group}; sleep 2; kill -KILL -{group}; true")
