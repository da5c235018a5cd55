"""Issues records: numbered, chained, signed, on record in the ledger, and as files.

The ledger comes first and holds the record and its signature whole. So a record exists or it does
not, whatever happens to the files: one that a full disk or a power cut kept from being written can
be written later, the same to the last byte.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_provision import durable, signing
from netspring_provision.config import Station
from netspring_provision.erasure import form
from netspring_provision.errors import StationError
from netspring_provision.ledger import Ledger, Record

KIND = "erasure"
SIGNERS = "allowed_signers"
AGAIN = "free some space on the station's disk (df -h), then run: netspring report issue"


@dataclass(frozen=True)
class Issued:
    """One record that is on record.

    Attributes:
        serial: of the disk; ``None`` when it has none.
        state: a value of :class:`netspring_provision.erasure.derive.State`.
        sha256: of the file.
        path: the file; its signature stands beside it as ``.sig``.
    """

    cert_id: str
    serial: str | None
    state: str
    sha256: str
    path: Path


def folder(station: Station) -> Path:
    """Where the files are: a folder for each day, and the signers' public keys."""
    return station.home / "erasures"


@contextmanager
def one_at_a_time(station: Station) -> Iterator[None]:
    """Hold the chain: two runs that issue at once would both follow the same record.

    Raises:
        StationError: the folder cannot be written.
    """
    with _lacking(folder(station)):
        folder(station).mkdir(parents=True, exist_ok=True)
        lock = (folder(station) / ".lock").open("a")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def head(ledger: Ledger) -> tuple[int, str]:
    """How many records the chain has, and the digest that the next one must name."""
    count, last = ledger.newest(KIND)
    return count, str(last.body["sha256"]) if last else form.FIRST


def new_id(issued: str, number: int) -> str:
    """The name of a record: sorts by time and place in the chain, and is not to be guessed."""
    stamp = issued[:19].replace("-", "").replace(":", "")
    return f"{stamp}Z-{number:06d}-{secrets.token_hex(4)}"


def put_on_record(
    station: Station, ledger: Ledger, record: Mapping[str, Any], *, machine: str, run_id: str
) -> Record:
    """Sign a record and append it to the ledger; the caller holds the chain.

    Raises:
        StationError: it is not fit to be a record, cannot be signed, or the ledger cannot be
            written; nothing was added.
    """
    problems = form.schema_problems(record)
    if problems:
        raise StationError(
            "the erasure record cannot be issued: " + "; ".join(f"{f} {why}" for f, why in problems)
        )
    data = form.canonical(record)
    disk = record["disk"]
    body = {
        "cert_id": record["cert_id"],
        "host": record["host"]["name"],
        "plan_id": record["plan"]["plan_id"],
        "serial": disk["serial"],
        "path": disk["path"],
        "state": record["state"],
        "sha256": form.digest(data),
        "prev_sha256": record["prev_sha256"],
        "record": data.decode(),
        "signature": signing.sign(data, station.signing_key, form.NAMESPACE),
    }
    return ledger.append(KIND, body, machine=machine, run_id=run_id)


def issued(station: Station, line: Record) -> Issued:
    """What a line of the ledger says."""
    body = line.body
    day = body["cert_id"][:8]
    path = folder(station) / f"{day[:4]}-{day[4:6]}-{day[6:]}" / f"{body['cert_id']}.json"
    return Issued(body["cert_id"], body["serial"], body["state"], body["sha256"], path)


def write_files(station: Station, lines: Iterable[Record]) -> tuple[Path, ...]:
    """Write the files of these lines of the ledger that are not there; returns those written.

    The signature comes first, so that no record ever stands without one.

    Raises:
        StationError: the disk is full, or another file is in the place of one.
    """
    written: list[Path] = []
    for line in lines:
        path = issued(station, line).path
        signature = path.with_name(f"{path.name}.sig")
        with _lacking(path):
            new = [
                _put(signature, line.body["signature"].encode()),
                _put(path, line.body["record"].encode()),
            ]
        if any(new):
            written.append(path)
    with _lacking(folder(station) / SIGNERS):
        _add_signer(station)
    return tuple(written)


def _put(path: Path, data: bytes) -> bool:
    """Write a file whole or not at all, never over another; whether there was need to."""
    if path.exists():
        if path.read_bytes() != data:
            raise StationError(
                f"{path} is not what this station wrote there; it was left as it is",
                hint="move it away and keep it, then run: netspring report issue",
            )
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails where a file is already.
        path.hardlink_to(temporary)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    durable.sync(path.parent)
    return True


def _add_signer(station: Station) -> None:
    """Keep this station's public key where a donor finds it; older keys stay."""
    path = folder(station) / SIGNERS
    known = path.read_text(encoding="ascii") if path.exists() else ""
    line = signing.signer_line(signing.public_key(station.signing_key), form.NAMESPACE)
    if line in known:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(known + line, encoding="ascii")
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextmanager
def _lacking(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StationError(
            f"the erasure record {path} cannot be written: {error.strerror or error}; what was "
            "issued is whole in the ledger",
            hint=AGAIN,
        ) from error
