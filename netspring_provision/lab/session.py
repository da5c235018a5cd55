"""Runs programs on an installed virtual PC: as root, or as the child in its running session."""

from __future__ import annotations

import json
import shlex
import subprocess

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import store

_ANSWER_SECONDS = 180.0
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


def shell(station: Station, name: str, line: str, timeout_seconds: float = _ANSWER_SECONDS) -> str:
    """What a shell line prints on the PC, run as root over SSH; the host key must be known.

    Raises:
        UsageError: no such PC.
        MachineFailedError: the PC is off, does not let the station in, or the line failed.
    """
    pc = store.load(station, name)
    argv = [
        *("ssh", "-p", str(pc.ssh_port), "-i", str(station.ssh_key), "-o", "BatchMode=yes"),
        *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"),
        *(
            "-o",
            f"UserKnownHostsFile={station.known_hosts}",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
        ),
        *("root@127.0.0.1", line),
    ]
    try:
        done = subprocess.run(  # noqa: S603
            argv, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MachineFailedError(f"{name} did not answer within {timeout_seconds:.0f} s") from error
    if done.returncode != 0:
        raise MachineFailedError(
            f"{name}: {line[:80]!r} ended with {done.returncode}: {done.stderr.strip()[-400:]}",
            hint=f"is it on, and was it installed by this station? netspring lab list; {name}",
        )
    return done.stdout


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
