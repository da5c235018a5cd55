"""One run at a time on a machine: a lock file per machine, held by the kernel, naming its run."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from netspring_provision.config import Station
from netspring_provision.errors import RefusedError, StationError


@contextmanager
def hold(station: Station, machines: Mapping[str, str], run_id: str) -> Iterator[frozenset[str]]:
    """Hold all machines for this run; released by the kernel however the run ends.

    Yields the names of the runs that were killed while they held one of them.

    Args:
        station: whose lock folder is used.
        machines: what tells a machine apart, such as its address, and its name for people.
        run_id: shown to whoever comes second.

    Raises:
        RefusedError: another run holds one of them; names the run.
        StationError: the lock folder cannot be written.
    """
    with ExitStack() as stack:
        before = [
            stack.enter_context(_hold_one(station, machine, name, run_id))
            for machine, name in sorted(machines.items())
        ]
        yield frozenset(run for run in before if run is not None)


@contextmanager
def _hold_one(station: Station, machine: str, name: str, run_id: str) -> Iterator[str | None]:
    path = station.locks / lock_name(machine)
    try:
        file = _open(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(
                f"{name} is being worked on by {_holder(file.read())}; nothing was changed",
                hint="wait until that run has ended, or stop it with Ctrl-C, then run this again",
            ) from error
        killed = _run_of(file.read())
        try:
            # By the descriptor: a buffer that a full disk refused would be written once more at
            # the close, and its error would hide the first one.
            os.ftruncate(file.fileno(), 0)
            os.pwrite(file.fileno(), json.dumps({"run": run_id, "pid": os.getpid()}).encode(), 0)
        except OSError as error:
            raise _cannot_write(path, error) from error
        try:
            yield killed
        finally:
            os.ftruncate(file.fileno(), 0)  # a name that stays is that of a run that was killed


def lock_name(machine: str) -> str:
    """A file name for a machine: readable, and never the same for two."""
    digest = hashlib.sha256(machine.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', machine)[:80]}.{digest}.lock"


def _open(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")


def _cannot_write(path: Path, error: OSError) -> StationError:
    return StationError(
        f"cannot write the lock {path}: {error.strerror or error}",
        hint="free some space on the station's disk (df -h)",
    )


def _holder(text: str) -> str:
    run = _run_of(text)
    return "another run" if run is None else f"run {run} (process {json.loads(text).get('pid')})"


def _run_of(text: str) -> str | None:
    """The run that a lock file names; ``None`` if it names none."""
    try:
        run = json.loads(text)["run"]
    except (ValueError, KeyError, TypeError):
        return None
    return run if isinstance(run, str) else None
