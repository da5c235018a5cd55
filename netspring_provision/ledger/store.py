"""SQLite through SQLAlchemy: WAL, full sync, every record chained by hash to the one before.

Triggers refuse UPDATE, DELETE and an INSERT anywhere but at the end; the chain shows it if somebody
went around them. It cannot show that the newest records are gone: keep backups of the file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from netspring_provision.errors import MachineFailedError, StationError

FIRST = "0" * 64
_metadata = sa.MetaData()
_records = sa.Table(
    "records",
    _metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("time", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("machine", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev_sha256", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
)
_TRIGGERS = (
    "CREATE TRIGGER IF NOT EXISTS records_no_update BEFORE UPDATE ON records "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS records_no_delete BEFORE DELETE ON records "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    # INSERT OR REPLACE removes rows without asking the trigger before DELETE.
    "CREATE TRIGGER IF NOT EXISTS records_only_append BEFORE INSERT ON records "
    "WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM records) "
    "OR EXISTS (SELECT 1 FROM records WHERE sha256 = NEW.sha256) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
)


@dataclass(frozen=True)
class Record:
    """One line of the ledger.

    Attributes:
        seq: 1, 2, 3 … without gaps.
        time: ISO 8601, UTC, by the station's clock.
        machine: SMBIOS UUID, or the inventory name where that is not known; empty for the station.
        kind: plan, wipe_started, wipe, install, identity, verify, …
        body: what happened, as JSON data.
        prev_sha256: digest of the record before, 64 zeros for the first.
        sha256: digest of this record together with ``prev_sha256``.
    """

    seq: int
    time: str
    run_id: str
    machine: str
    kind: str
    body: Mapping[str, Any]
    prev_sha256: str
    sha256: str


def digest(prev: str, time: str, run_id: str, machine: str, kind: str, body: str) -> str:
    """SHA-256 over the record and the digest of the one before it, lengths unambiguous."""
    return hashlib.sha256(
        json.dumps([prev, time, run_id, machine, kind, body]).encode()
    ).hexdigest()


class Ledger:
    """Append to, read and check one ledger file.

    Args:
        path: the SQLite file; made on first use.
    """

    def __init__(self, path: Path) -> None:
        """Open the ledger, making its table and triggers when it is new.

        Raises:
            StationError: the file cannot be opened or written.
        """
        self._path = path
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self._engine, "connect", _pragmas)
        sa.event.listen(self._engine, "begin", _begin_immediate)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.begin() as connection:
                _metadata.create_all(connection)
                for trigger in _TRIGGERS:
                    connection.exec_driver_sql(trigger)
        except (OSError, sa.exc.DatabaseError) as error:
            raise self._lacking(error) from error

    def append(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        machine: str = "",
        run_id: str = "",
        now: dt.datetime | None = None,
    ) -> Record:
        """Add one record and return it once it is on the disk.

        Raises:
            StationError: it could not be written (disk full, read-only); nothing was added.
        """
        time = (now or dt.datetime.now(dt.UTC)).isoformat(timespec="milliseconds")
        # ASCII only: what firmware says may hold code points that SQLite refuses.
        text = json.dumps(body, sort_keys=True, default=str)
        try:
            with self._engine.begin() as connection:
                last = connection.execute(
                    sa.select(_records.c.seq, _records.c.sha256)
                    .order_by(_records.c.seq.desc())
                    .limit(1)
                ).first()
                prev = last.sha256 if last else FIRST
                row = {
                    "seq": (last.seq if last else 0) + 1,
                    "time": time,
                    "run_id": run_id,
                    "machine": machine,
                    "kind": kind,
                    "body": text,
                    "prev_sha256": prev,
                    "sha256": digest(prev, time, run_id, machine, kind, text),
                }
                connection.execute(sa.insert(_records).values(**row))
        except sa.exc.DatabaseError as error:
            raise self._lacking(error) from error
        return Record(**{**row, "body": json.loads(text)})

    def records(self, *, machine: str | None = None, kind: str | None = None) -> list[Record]:
        """Records in order, of one machine or kind where asked.

        Raises:
            StationError: the ledger cannot be read.
            MachineFailedError: a record is not one of ours.
        """
        query = sa.select(_records).order_by(_records.c.seq)
        if machine is not None:
            query = query.where(_records.c.machine == machine)
        if kind is not None:
            query = query.where(_records.c.kind == kind)
        try:
            with self._engine.begin() as connection:
                rows = connection.execute(query).mappings().all()
        except sa.exc.DatabaseError as error:
            raise self._lacking(error) from error
        return [self._record(row) for row in rows]

    def last(self, kind: str, machine: str) -> Record | None:
        """The newest record of a kind for a machine."""
        found = self.records(machine=machine, kind=kind)
        return found[-1] if found else None

    def newest(self, kind: str) -> tuple[int, Record | None]:
        """How many records of a kind there are, and the newest of them.

        Raises:
            StationError: the ledger cannot be read.
            MachineFailedError: the record is not one of ours.
        """
        mine = _records.c.kind == kind
        counting = sa.select(sa.func.count()).select_from(_records).where(mine)
        last = sa.select(_records).where(mine).order_by(_records.c.seq.desc()).limit(1)
        try:
            with self._engine.begin() as connection:
                count = connection.execute(counting).scalar_one()
                row = connection.execute(last).mappings().first()
        except sa.exc.DatabaseError as error:
            raise self._lacking(error) from error
        return count, self._record(row) if row else None

    def check(self) -> int:
        """Walk the whole chain; returns the number of records.

        Raises:
            MachineFailedError: a record was changed, put in between, or removed before the newest.
            StationError: the ledger cannot be read.
        """
        prev, count = FIRST, 0
        try:
            with self._engine.begin() as connection:
                for row in connection.execute(sa.select(_records).order_by(_records.c.seq)):
                    count += 1
                    want = digest(prev, row.time, row.run_id, row.machine, row.kind, row.body)
                    if row.seq != count or row.prev_sha256 != prev or row.sha256 != want:
                        raise self._altered(count)
                    prev = row.sha256
        except sa.exc.DatabaseError as error:
            raise self._lacking(error) from error
        except (TypeError, UnicodeError) as error:  # bytes or numbers where text belongs
            raise self._altered(count) from error
        return count

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _record(self, row: Mapping[Any, Any]) -> Record:
        try:
            return Record(**{**dict(row), "body": json.loads(row["body"])})
        except (TypeError, ValueError) as error:
            raise self._altered(row["seq"]) from error

    def _altered(self, seq: int) -> MachineFailedError:
        return MachineFailedError(
            f"the ledger {self._path} was altered at record {seq}",
            hint="keep this file as it is and restore the last backup beside it",
        )

    def _lacking(self, error: Exception) -> StationError:
        cause = getattr(error, "orig", None) or error
        return StationError(
            f"the ledger {self._path} cannot be written: {cause}",
            hint="free some space on the station's disk (df -h), then run the same command again",
        )


def _pragmas(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, see below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a record survives a power cut once append returns
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    # Take the write lock before reading the last digest, so that two runs cannot fork the chain.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
