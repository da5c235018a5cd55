"""The records of this station as its ledger holds them: listed, summed up, made up for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from netspring_provision import hosts
from netspring_provision.config import Station
from netspring_provision.erasure import missing, store
from netspring_provision.erasure.store import KIND, Issued
from netspring_provision.ledger import Ledger, Record


@dataclass(frozen=True)
class Listed:
    """One record, in short.

    Attributes:
        host: the machine's name in its room.
        level: what is claimed.
        path: the file.
        record: the whole content.
    """

    cert_id: str
    host: str
    serial: str | None
    state: str
    level: str
    sha256: str
    path: str
    record: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        """Plain data, without the content: that is in the file."""
        return {name: value for name, value in asdict(self).items() if name != "record"}


def listed(station: Station) -> tuple[Listed, ...]:
    """All records, oldest first; none where the station has no ledger yet.

    Raises:
        StationError: the ledger cannot be read.
        MachineFailedError: it was altered.
    """
    if not station.ledger.exists():
        return ()
    ledger = Ledger(station.ledger)
    try:
        ledger.check()
        return tuple(_listed(station, line) for line in ledger.records(kind=KIND))
    finally:
        ledger.close()


def of_disk(ledger: Ledger, uuid: str, run_id: str | None = None) -> dict[str, dict[str, Any]]:
    """The newest record of each disk of a machine, by serial; of one run where asked."""
    return {
        str(line.body["serial"] or line.body["path"]): json.loads(line.body["record"])
        for line in ledger.records(machine=uuid, kind=KIND)
        if run_id is None or line.run_id == run_id
    }


def summary(records: Iterable[Listed]) -> dict[str, int]:
    """How many records of each state."""
    return dict(sorted(Counter(one.state for one in records).items()))


def issue_missing(
    station: Station, inventory: str | None
) -> tuple[tuple[Issued, ...], tuple[str, ...]]:
    """As :func:`missing.issue_missing`, with the words of an inventory where one is named.

    Raises:
        UsageError: the inventory is bad.
        StationError: a record cannot be signed or written.
        MachineFailedError: the ledger was altered.
    """
    told = {host.name: host.vars for host in hosts.load(inventory)} if inventory else {}
    station.ensure()
    ledger = Ledger(station.ledger)
    try:
        ledger.check()
        return missing.issue_missing(station, ledger, told)
    finally:
        ledger.close()


def _listed(station: Station, line: Record) -> Listed:
    record = json.loads(line.body["record"])
    made = store.issued(station, line)
    return Listed(
        cert_id=made.cert_id,
        host=str(line.body["host"]),
        serial=made.serial,
        state=made.state,
        level=record["claim"]["level"],
        sha256=made.sha256,
        path=str(made.path),
        record=record,
    )
