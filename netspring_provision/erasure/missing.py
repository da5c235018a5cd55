"""Make up for records that a full disk or a power cut held up: all that they need is on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspring_provision import consent
from netspring_provision.config import Station
from netspring_provision.erasure import issuing, store
from netspring_provision.erasure.store import KIND, Issued
from netspring_provision.errors import NetspringError, RefusedError
from netspring_provision.ledger import Ledger, Record
from netspring_provision.model import MachinePlan, Plan
from netspring_provision.outcome import DiskOutcome
from netspring_provision.steps import journal


def issue_missing(
    station: Station, ledger: Ledger, told: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[Issued, ...], tuple[str, ...]]:
    """Issue what wipes on record lack, and write the files that are not there.

    Args:
        station: this station.
        ledger: its ledger.
        told: variables of the machines by name, as far as an inventory is at hand.

    Returns:
        The records issued now, and for each disk that can get none, why.

    Raises:
        StationError: a record cannot be signed or written.
    """
    made: list[Issued] = []
    held: list[str] = []
    have = {
        (line.run_id, line.machine, issuing.disk_name(line.body))
        for line in ledger.records(kind=KIND)
    }
    for line in ledger.records(kind="wipe"):
        lacking = [
            disk
            for disk in line.body["disks"]
            if (line.run_id, line.machine, issuing.disk_name(disk)) not in have
        ]
        if not lacking:
            continue
        try:
            plan, machine = _planned(ledger, line)
            outcomes = [DiskOutcome.from_record(disk) for disk in lacking]
            made += issuing.issue_for(
                station,
                ledger,
                plan,
                machine,
                outcomes,
                journal.boots_of(ledger, line.machine, plan.plan_id),
                run_id=line.run_id,
                told=issuing.room_words(told.get(machine.host, {})),
            )
        except (RefusedError, issuing.UnprovenError, KeyError, TypeError, ValueError) as error:
            why = error.message if isinstance(error, NetspringError) else repr(error)
            held += [f"{line.body['host']} {issuing.disk_name(disk)}: {why}" for disk in lacking]
    with store.one_at_a_time(station):
        store.write_files(station, ledger.records(kind=KIND))
    return tuple(made), tuple(held)


def _planned(ledger: Ledger, wipe: Record) -> tuple[Plan, MachinePlan]:
    """The plan that a wipe on record carried out; raises ValueError if it is not on record."""
    for line in ledger.records(kind="plan"):
        if line.body.get("plan_id") == wipe.body["plan_id"]:
            plan = consent.plan_from(line.body)
            for machine in plan.machines:
                if machine.uuid == wipe.machine:
                    return plan, machine
    raise ValueError(f"its plan {wipe.body['plan_id']} is not on record")
