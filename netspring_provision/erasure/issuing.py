"""Issue the records of one machine's wipe."""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspring_provision import __version__, consent, live
from netspring_provision.config import Station
from netspring_provision.erasure import record, store
from netspring_provision.erasure.record import Circumstances
from netspring_provision.erasure.store import KIND, Issued
from netspring_provision.errors import NetspringError, StationError
from netspring_provision.ledger import Ledger, Record
from netspring_provision.model import MachinePlan, Plan
from netspring_provision.outcome import DiskOutcome

if TYPE_CHECKING:  # the steps import this package
    from netspring_provision.steps.job import Job


class UnprovenError(StationError):
    """A disk counts as erased, and its evidence does not carry that."""


VERIFIER = f"netspring-provision {__version__}"


def issue(
    job: Job,
    plan: Plan,
    machine: MachinePlan,
    outcomes: Iterable[DiskOutcome],
    boots: Sequence[Mapping[str, Any]] = (),
) -> tuple[Issued, ...]:
    """One record for each disk of a machine, however it ended: erased, refused or failed.

    Call it once the ledger holds the wipe itself.

    Args:
        job: the run that wiped.
        plan: what was to be done; its digest goes into the records.
        machine: the machine's part of the plan.
        outcomes: how each of its disks ended.
        boots: ``boot_id`` and ``seen_at`` (station's clock, ISO 8601) of each boot of the machine
            in the life of the plan, oldest first.

    Raises:
        StationError: a record cannot be signed or written. What was put on record before that
            stays; ``netspring report issue`` does the rest.
    """
    told = room_words(job.host(machine.host).vars)
    made = issue_for(
        job.station,
        job.ledger,
        plan,
        machine,
        outcomes,
        boots,
        run_id=job.run_id,
        told=told | {"operator": told["operator"] or operator()},
    )
    job.say(f"{machine.host}: {len(made)} erasure record(s) in {store.folder(job.station)}")
    return made


def room_words(variables: Mapping[str, Any]) -> dict[str, str | None]:
    """What a room's files say of where, by whom and for whom a machine is wiped."""
    names = ("site", "operator", "donor_ref", "asset_tag")
    return {name: variables.get(f"netspring_{name}") for name in names}


def issue_for(
    station: Station,
    ledger: Ledger,
    plan: Plan,
    machine: MachinePlan,
    outcomes: Iterable[DiskOutcome],
    boots: Sequence[Mapping[str, Any]],
    *,
    run_id: str,
    told: Mapping[str, str | None],
) -> tuple[Issued, ...]:
    """As :func:`issue`, where there is no job; ``told`` is what :func:`room_words` gives.

    A disk that has its record of this run already gets no second one.
    """
    lines: list[Record] = []
    with store.one_at_a_time(station):
        done = {
            disk_name(line.body): line
            for line in ledger.records(machine=machine.uuid, kind=KIND)
            if line.run_id == run_id
        }
        for outcome in outcomes:
            line = done.get(str(outcome.serial or outcome.path))
            if line is None:
                now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
                about = Circumstances(
                    issued=now,
                    started=_started(ledger, machine.uuid, plan.plan_id, run_id),
                    verifier=VERIFIER,
                    plan_id=plan.plan_id,
                    plan_hash=plan_hash(plan),
                    boots=tuple(_boot(boot) for boot in boots),
                    image_digest=_live_digest(station),
                    **told,
                )
                line = _put_on_record(station, ledger, outcome, machine, about, run_id)
            lines.append(line)
        store.write_files(station, lines)
    return tuple(store.issued(station, line) for line in lines)


def _put_on_record(
    station: Station,
    ledger: Ledger,
    outcome: DiskOutcome,
    machine: MachinePlan,
    about: Circumstances,
    run_id: str,
) -> Record:
    count, prev = store.head(ledger)
    try:
        body = record.make(outcome, machine, about, store.new_id(about.issued, count + 1), prev)
    except ValueError as error:
        raise UnprovenError(
            f"no erasure record was issued: {error}",
            hint="this is a mistake of this program: report it with the ledger's record",
        ) from error
    return store.put_on_record(station, ledger, body, machine=machine.uuid, run_id=run_id)


def plan_hash(plan: Plan) -> str:
    """SHA-256 of a plan's body, as its file and the ledger hold it."""
    return hashlib.sha256(consent.canonical(consent.body_of(plan))).hexdigest()


def operator() -> str | None:
    """Who is at the keyboard, also behind sudo; ``None`` when the system does not tell."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return None


def _started(ledger: Ledger, uuid: str, plan_id: str, run_id: str) -> str | None:
    """When this run began to wipe the machine, by the ledger."""
    times = [
        line.time
        for line in ledger.records(machine=uuid, kind="wipe_started")
        if line.run_id == run_id and line.body.get("plan_id") == plan_id
    ]
    return _seconds(times[-1]) if times else None


def _seconds(time: str) -> str:
    return dt.datetime.fromisoformat(time).astimezone(dt.UTC).isoformat(timespec="seconds")


def _boot(boot: Mapping[str, Any]) -> dict[str, str]:
    return {"boot_id": str(boot["boot_id"]), "seen_at": _seconds(str(boot["seen_at"]))}


def _live_digest(station: Station) -> str | None:
    """SHA-256 of the initrd that this station serves; ``None`` when it serves none."""
    try:
        path = live.show(station).initrd
        status = path.stat()
    except (NetspringError, OSError):
        return None
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    """Kept for as long as the file is the same: it has a hundred megabytes."""
    del size, changed_ns
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def disk_name(disk: Mapping[str, Any]) -> str:
    """What tells the disks of one machine apart: the serial, or the path where it has none."""
    return str(disk["serial"] or disk["path"])
