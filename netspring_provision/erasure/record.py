"""Makes the erasure record of one disk from what was planned, what came back and who asks. Pure.

Field names are those of the project's notes on wiping (after NIST SP 800-88 §4.6 and the records of
nwipe and DeviceHub). Times are the station's; of a machine's clock only differences are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netspring_provision.erasure import derive, evidence
from netspring_provision.erasure.evidence import part, plain, text
from netspring_provision.erasure.form import SCHEMA, misfits
from netspring_provision.model import MachinePlan, Outcome, PlannedDisk, RefusedDisk
from netspring_provision.outcome import DiskOutcome


@dataclass(frozen=True)
class Circumstances:
    """What a record says besides the disk itself; ``None`` is what nobody told.

    Attributes:
        issued: when the record is made, ISO 8601 in UTC, by the station's clock.
        started: when the wipe began on the machine, by the same clock.
        site: where; operator: who started the wipe; donor_ref: the donor's own reference.
        verifier: program and version that judged the evidence.
        plan_hash: SHA-256 of the plan's body, as its file holds it.
        boots: every boot of the machine in the life of the plan, oldest first.
        image_digest: SHA-256 of the initrd of the live environment that the station serves.
    """

    issued: str
    started: str | None
    site: str | None
    operator: str | None
    verifier: str
    donor_ref: str | None
    asset_tag: str | None
    plan_id: str
    plan_hash: str
    boots: tuple[Mapping[str, str], ...]
    image_digest: str | None


def make(
    outcome: DiskOutcome, machine: MachinePlan, about: Circumstances, cert_id: str, prev: str
) -> dict[str, Any]:
    """The record of one disk, with the state and the claim that follow from it.

    Args:
        outcome: how it ended; its evidence is the disk's part of the ``wipe`` payload.
        machine: the machine's part of the plan.
        about: where, when, by whom.
        cert_id: the record's own name.
        prev: SHA-256 of the record before, :data:`form.FIRST` for the first.

    Raises:
        ValueError: the outcome is erased and the record's own content does not carry that, or the
            plan does not name the disk.
    """
    planned = _of_serial(machine.disks, outcome)
    entry = outcome.evidence
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "cert_id": cert_id,
        "prev_sha256": prev,
        "issued": about.issued,
        "started": about.started,
        "site": plain(about.site),
        "operator": plain(about.operator),
        "verifier": about.verifier,
        "donor_ref": plain(about.donor_ref),
        "host": {
            "name": machine.host,
            "uuid": plain(machine.uuid),
            "vendor": plain(machine.vendor),
            "model": plain(machine.product),
            "serial": plain(machine.serial),
            "asset_tag": plain(about.asset_tag),
        },
        "disk": _disk(outcome, entry, planned),
        "plan_hash": about.plan_hash,
        "plan": _plan(about.plan_id, planned, _of_serial(machine.refused, outcome)),
        "boots": [part(boot, ("boot_id", "seen_at")) for boot in about.boots],
        "image_digest": about.image_digest,
        "reported": _reported(outcome, planned),
        "gap": _gap(outcome),
        "reason": plain(outcome.reason),
        **evidence.evidence_of(entry, entry.get("size_bytes")),
    }
    _drop_misfits(record)
    state, why = derive.state_of(record)
    if (outcome.outcome is Outcome.ERASED) is not (state is derive.State.ERASED):
        raise ValueError(f"{outcome.path} ended as {outcome.outcome}, its evidence says: {why}")
    return {
        **record,
        "state": str(state),
        "claim": derive.claim_of(record, state),
        "demands": derive.DEMANDS[state],
    }


# The fields that hold what a machine reported, and what stands there when that makes no sense.
_REPORTED: Mapping[str, Any] = {
    "tool": None,
    "method": None,
    "attempts": [],
    "canaries": None,
    "content_after": None,
    "verify": None,
    "smart_before": None,
    "smart_after": None,
    "limits": [],
}


def _drop_misfits(record: dict[str, Any]) -> None:
    """Take out what a machine reported in a shape that no record has.

    It proves nothing, and a disk that failed must get its record whatever its machine said.
    """
    for path in misfits(record):
        place: Any = record
        for step in path[:-1]:
            place = place[step]
        if path and path[0] in (*_REPORTED, "disk"):
            place[path[-1]] = None
    for field in {path[0] for path in misfits(record) if path} & set(_REPORTED):
        record[str(field)] = _REPORTED[str(field)]


def _of_serial(disks: Iterable[Any], outcome: DiskOutcome) -> Any:
    """The planned or refused disk that an outcome is about; a refused one may have no serial."""
    for disk in disks:
        if disk.serial == outcome.serial and (disk.serial or disk.path == outcome.path):
            return disk
    return None


def _disk(
    outcome: DiskOutcome, entry: Mapping[str, Any], planned: PlannedDisk | None
) -> dict[str, Any]:
    def known(name: str) -> Any:
        """As the machine reports it now, else as it was planned."""
        return plain(entry.get(name) or getattr(planned, name, None))

    return {
        "path": plain(entry.get("path") or outcome.path),
        "by_id": plain(entry.get("by_id")),
        "model": plain(entry.get("model") or outcome.model or None),
        "serial": plain(outcome.serial),
        "serial_end": plain(entry.get("serial_end")),
        # What the machine could not read at the wipe is not filled in from the plan.
        "wwn": plain(entry.get("wwn") if entry else getattr(planned, "wwn", None)),
        "firmware": plain(entry.get("firmware")),
        "bus": known("bus"),
        "media": known("medium"),
        "bytes": plain(entry.get("size_bytes") if entry else getattr(planned, "size_bytes", None)),
        "native_bytes": plain(entry.get("native_bytes")),
        "lba": plain(entry.get("logical_block")),
        "hpa": part(entry.get("hpa_before"), evidence.HPA),
        "dco": part(entry.get("dco"), evidence.DCO),
        "security_before": part(entry.get("security_before"), evidence.SECURITY),
        "security_after": part(entry.get("security_after"), evidence.SECURITY),
    }


def _plan(plan_id: str, planned: PlannedDisk | None, refused: RefusedDisk | None) -> dict[str, Any]:
    if planned is None:
        if refused is None:
            raise ValueError(f"the plan {plan_id} does not name this disk")
        return {
            "plan_id": plan_id,
            "action": "refuse",
            "serial": plain(refused.serial),
            **dict.fromkeys(("wwn", "bytes", "native_bytes", "bus", "media", "method")),
            "fallback": [],
            "verify": None,
            "remove_hpa": False,
            "unfreeze": False,
            "opt_in": False,
        }
    return {
        "plan_id": plan_id,
        "action": "erase",
        "serial": planned.serial,
        "wwn": planned.wwn,
        "bytes": planned.size_bytes,
        "native_bytes": planned.native_bytes,
        "bus": planned.bus,
        "media": planned.medium,
        "method": planned.method,
        "fallback": list(planned.fallback),
        "verify": {
            "mode": planned.verify.mode,
            "pitch_bytes": planned.verify.pitch_bytes,
            "length_bytes": planned.verify.length_bytes,
        },
        "remove_hpa": planned.remove_hpa,
        "unfreeze": planned.unfreeze,
        "opt_in": planned.opt_in,
    }


def _reported(outcome: DiskOutcome, planned: PlannedDisk | None) -> dict[str, Any]:
    """Who says how it ended: the machine; else the station, or the plan that refused the disk."""
    if outcome.evidence:
        said = outcome.evidence.get("outcome")
        known = said in tuple(Outcome)
        return {
            "by": "machine",
            "outcome": str(said) if known else str(Outcome.FAILED),
            "reason": text(outcome.evidence.get("reason")),
        }
    return {
        "by": "station" if planned else "plan",
        "outcome": str(outcome.outcome),
        "reason": plain(outcome.reason),
    }


def _gap(outcome: DiskOutcome) -> str | None:
    """What the station found wanting in a report that says more than it proves."""
    said = outcome.evidence.get("outcome")
    if not outcome.evidence or said == str(outcome.outcome):
        return None
    return str(plain(outcome.reason or f"reported as {said}"))
