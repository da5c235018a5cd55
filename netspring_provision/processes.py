"""Ends the programs of an interrupted run, also those that left its process group."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

GRACE = 5.0  # seconds to tidy up after SIGTERM, before SIGKILL
PROC = Path("/proc")


def end_all(variable: str, value: str, grace: float = GRACE) -> None:
    """End every process that carries this environment variable, and all that these started.

    Ansible's workers make sessions of their own, so a signal to the group of ansible-playbook does
    not reach them; they would go on with their task when nobody waits for it any more.

    Args:
        variable: name of the variable.
        value: a value that only the run to be ended has.
        grace: seconds between SIGTERM and SIGKILL.
    """
    mark = os.fsencode(f"{variable}={value}")
    _signal(_marked(mark), signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left := _marked(mark):
        if time.monotonic() >= deadline:
            _signal(left, signal.SIGKILL)
            return
        time.sleep(0.05)


def _marked(mark: bytes) -> frozenset[int]:
    """Processes with the mark in their environment, and their descendants; never this one."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in PROC.glob("[0-9]*"):
        # A process that ends while it is looked at is none.
        with contextlib.suppress(OSError, IndexError, ValueError):
            # The name in parentheses may hold anything, so count from its end (proc_pid_stat(5)).
            state, parent = (
                (folder / "stat").read_text(errors="replace").rsplit(")")[-1].split()[:2]
            )
            if state not in "ZX":
                pid = int(folder.name)
                parents[pid] = int(parent)
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset(found - {os.getpid()})


def _signal(pids: frozenset[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
