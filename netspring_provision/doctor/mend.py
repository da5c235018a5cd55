"""Installs missing Debian packages with the station's own apt configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from netspring_provision.doctor.needs import INSTALL, install_command
from netspring_provision.errors import StationError

LISTS = Path("/var/lib/apt/lists")
UPDATE = ("apt-get", "update")
# Another apt (unattended-upgrades after power-on) may hold the lock: wait for it, in seconds.
_LOCK = ("-o", "DPkg::Lock::Timeout=300")

Runner = Callable[[Sequence[str]], int]


def run_apt(argv: Sequence[str]) -> int:
    """Run apt without questions; what it says goes to stderr, so that stdout stays pure.

    Returns:
        its exit code.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    full = [argv[0], *_LOCK, *argv[1:]]
    return subprocess.run(  # noqa: S603
        full, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment, check=False
    ).returncode


def has_lists(lists: Path = LISTS) -> bool:
    """Whether apt knows any package at all: fresh container images and cloud images do not."""
    return any(lists.glob("*_Packages*")) if lists.is_dir() else False


def install(
    packages: Sequence[str], *, is_root: bool, run: Runner = run_apt, lists: Path = LISTS
) -> None:
    """Install Debian packages; lists are fetched when missing, or when they proved too old.

    Raises:
        StationError: no root right (nothing was changed), or apt failed.
    """
    command = install_command(packages, is_root=is_root)
    if not is_root:
        raise StationError(f"installing {', '.join(packages)} needs root", hint=command)
    fresh = not has_lists(lists)
    if fresh:
        update(run)
    if run((*INSTALL, *packages)) == 0:
        return
    if not fresh:
        update(run)
        if run((*INSTALL, *packages)) == 0:
            return
    raise StationError(
        f"apt could not install {', '.join(packages)}", hint=f"see what apt says: {command}"
    )


def update(run: Runner = run_apt) -> None:
    """Fetch apt's lists.

    Raises:
        StationError: the mirror cannot be reached or its signature is bad.
    """
    if run(UPDATE) != 0:
        raise StationError(
            "apt could not fetch its lists: is the mirror of this station reachable?",
            hint="look at the network and /etc/apt/sources.list.d, then: apt-get update",
        )
