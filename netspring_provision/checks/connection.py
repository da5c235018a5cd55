"""How the station reaches one machine: its key, its known_hosts, no questions, one connection."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

from netspring_provision.checks import catalogue
from netspring_provision.checks.catalogue import Words
from netspring_provision.config import Station
from netspring_provision.hosts import Host

ALIAS = "machine"
POLL_SECONDS = 2
HUNG_SECONDS = 60


def ssh_config(station: Station, host: Host, socket: Path) -> str:
    """The text of an ssh_config for one machine, which is called ``machine`` in it.

    Args:
        station: of the key and known_hosts.
        host: the machine.
        socket: where the shared connection listens; at most 104 letters.
    """

    def quoted(path: Path) -> str:
        return '"' + str(path).replace("%", "%%") + '"'

    settings = {
        "HostName": host.address,
        "Port": host.port,
        "User": host.user,
        "IdentityFile": quoted(host.key_file or station.ssh_key),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": quoted(station.known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "ControlMaster": "auto",
        "ControlPath": quoted(socket),
        "ControlPersist": 60,
        "ServerAliveInterval": 10,
        "ServerAliveCountMax": 6,
        "LogLevel": "ERROR",
    }
    return f"Host {ALIAS}\n" + "".join(f"    {key} {val}\n" for key, val in settings.items())


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ssh with that configuration; its exit code is for the caller to judge, 255 if it hung."""
    argv = ["ssh", "-F", str(config), "-o", "ConnectTimeout=10", *arguments]
    try:
        return subprocess.run(  # noqa: S603
            argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            timeout=HUNG_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        # One machine that hangs must not take the verdicts of the others with it.
        said = f"ssh did not end within {HUNG_SECONDS} s"
        return subprocess.CompletedProcess(argv, 255, "", said)


def reach(config: Path, seconds: float, stop: threading.Event) -> Words | None:
    """Wait until the machine answers over SSH; why it does not, or ``None`` if it does.

    Args:
        config: path of the ssh_config.
        seconds: how long to try. A wrong host key or a refused key is final at once.
        stop: set it to give up early.
    """
    deadline = time.monotonic() + seconds
    while True:
        done = run(config, ALIAS, "true")
        if done.returncode == 0:
            return None
        if "ost key verification failed" in done.stderr or "CHANGED" in done.stderr:
            return catalogue.reason("wrong_host_key")
        if "Permission denied" in done.stderr:
            return catalogue.reason("key_refused")
        if stop.is_set():
            return catalogue.reason("interrupted")
        if time.monotonic() > deadline:
            said = done.stderr.strip().splitlines()[-1:] or ["-"]
            return catalogue.reason("no_answer", seconds=round(seconds), said=said[0])
        stop.wait(POLL_SECONDS)
