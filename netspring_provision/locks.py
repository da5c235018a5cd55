"""One run at a time on a machine: a lock file per machine, held by the kernel, naming its run."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from netspring_provision.config import Station
from netspring_provision.errors import RefusedError, StationError


@contextmanager
def hold(station: Station, machines: Iterable[str], run_id: str) -> Iterator[None]:
    """Hold all machines for this run; released by the kernel however the run ends.

    Args:
        station: whose lock folder is used.
        machines: names in the inventory together with their address, or UUIDs: what tells
            machines apart.
        run_id: shown to whoever comes second.

    Raises:
        RefusedError: another run holds one of them; names the run.
        StationError: the lock folder cannot be written.
    """
    with ExitStack() as stack:
        for machine in sorted(set(machines)):
            stack.enter_context(_hold_one(station, machine, run_id))
        yield


@contextmanager
def _hold_one(station: Station, machine: str, run_id: str) -> Iterator[None]:
    path = station.locks / (re.sub(r"[^A-Za-z0-9._-]", "_", machine) + ".lock")
    try:
        station.locks.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StationError(
            f"cannot write the lock {path}: {error.strerror or error}",
            hint="free some space on the station's disk (df -h)",
        ) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(
                f"{machine} is being worked on by {_holder(file.read())}; nothing was changed",
                hint="wait until that run has ended, or stop it with Ctrl-C, then run this again",
            ) from error
        file.truncate(0)
        file.seek(0)
        json.dump({"run": run_id, "pid": os.getpid()}, file)
        file.flush()
        yield


def _holder(text: str) -> str:
    try:
        data = json.loads(text)
        return f"run {data['run']} (process {data['pid']})"
    except (ValueError, KeyError, TypeError):
        return "another run"
