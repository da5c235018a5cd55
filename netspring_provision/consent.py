"""Plan files and the typed phrase: nothing is destroyed without both.

A plan file is JSON: ``body``, its SHA-256, and an HMAC with this station's key, so that an altered
plan, or one that another station made, is told apart. The body stands at the top level of ``body``
only; ``confirm`` and ``expires`` are repeated beside it for programs that read the file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netspring_provision.errors import RefusedError, StationError, UsageError
from netspring_provision.model import (
    MachinePlan,
    Plan,
    PlannedDisk,
    RefusedDisk,
    RefusedMachine,
)
from netspring_provision.plan import confirm_phrase

SCHEMA = 2
PLAN_AGAIN = "make a new plan: netspring plan -i INVENTORY"


def canonical(data: object) -> bytes:
    """One spelling for one content: sorted keys, no spaces, UTF-8 (after RFC 8785)."""
    return json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def body_of(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    body: dict[str, Any] = json.loads(canonical({"schema": SCHEMA, **dataclasses.asdict(plan)}))
    return body


def sealed(plan: Plan, key: bytes) -> dict[str, Any]:
    """The content of a plan file: body, digest, HMAC-SHA256 by this station's key."""
    body = body_of(plan)
    return {
        "body": body,
        "confirm": plan.confirm,
        "expires": plan.expires,
        "sha256": hashlib.sha256(canonical(body)).hexdigest(),
        "hmac": hmac.new(key, canonical(body), hashlib.sha256).hexdigest(),
    }


def write(plan: Plan, key: bytes, path: Path) -> None:
    """Write a plan file whole or not at all.

    Raises:
        StationError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(sealed(plan, key), file, ensure_ascii=False, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StationError(
            f"cannot write the plan {path}: {error.strerror or error}",
            hint="free some space, or name another file with --out",
        ) from error


def read(path: Path, key: bytes) -> Plan:
    """Read a plan file and prove that this station wrote exactly this.

    Raises:
        UsageError: there is no such file.
        RefusedError: it is not a plan, was altered, or comes from another station.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"there is no plan file {path}", hint=PLAN_AGAIN) from error
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} is not a plan", hint=PLAN_AGAIN) from error
    try:
        data = json.loads(text)
        body = data["body"]
        digest = hmac.new(key, canonical(body), hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(digest, str(data["hmac"])) and (
            hashlib.sha256(canonical(body)).hexdigest() == data["sha256"]
        )
        repeated = data["confirm"] == body["confirm"] and data["expires"] == body["expires"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedError(f"{path} is not a plan", hint=PLAN_AGAIN) from error
    if not genuine or not repeated:
        raise RefusedError(
            f"the plan {path} was altered, or another station made it", hint=PLAN_AGAIN
        )
    return plan_from(body)


def plan_from(body: Mapping[str, Any]) -> Plan:
    """A plan from its plain data; the caller has proven the data genuine.

    Raises:
        RefusedError: the data is of another version of this program.
    """
    try:
        if body["schema"] != SCHEMA:
            raise ValueError(f"schema {body['schema']}")
        return Plan(
            plan_id=body["plan_id"],
            created=body["created"],
            expires=body["expires"],
            inventory=body["inventory"],
            confirm=body["confirm"],
            token_sha256=body["token_sha256"],
            machines=tuple(_machine_from(m) for m in body["machines"]),
            refused=tuple(RefusedMachine(**m) for m in body["refused"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            f"the plan was made by another version of netspring ({error})", hint=PLAN_AGAIN
        ) from error


def _machine_from(data: Mapping[str, Any]) -> MachinePlan:
    return MachinePlan(
        host=data["host"],
        uuid=data["uuid"],
        serial=data["serial"],
        vendor=data["vendor"],
        product=data["product"],
        boot_id=data["boot_id"],
        install_disk=data["install_disk"],
        disks=tuple(PlannedDisk.from_plain(d) for d in data["disks"]),
        refused=tuple(RefusedDisk(**d) for d in data["refused"]),
    )


def check_phrase(plan: Plan, typed: str | None) -> None:
    """The typed phrase is the plan's own, letter by letter, and says what the plan destroys.

    Machine, number of disks and digits are taken from the plan's content once more: a phrase that
    speaks of one disk is no consent for two.

    Raises:
        RefusedError: nothing or something else was typed, the plan destroys nothing, or its phrase
            is not that of its content.
    """
    if not plan.confirm:
        reasons = "; ".join(f"{m.host}: {m.reason}" for m in plan.refused)
        raise RefusedError(
            "the plan has no disk to erase" + (f" ({reasons})" if reasons else ""),
            hint="netspring plan shows each refusal with its way out",
        )
    if plan.confirm != confirm_phrase(plan.machines, plan.plan_id):
        raise RefusedError(
            f"the phrase {plan.confirm!r} does not say what the plan destroys; nothing was changed",
            hint=PLAN_AGAIN,
        )
    # What a terminal types need not be UTF-8; Python hands it on as lone surrogates.
    spelled = None if typed is None else typed.encode("utf-8", "surrogatepass")
    if spelled is None or not hmac.compare_digest(spelled, plan.confirm.encode()):
        said = (
            "no phrase was given" if typed is None else f"the phrase {typed!r} is not this plan's"
        )
        raise RefusedError(
            f"{said}; nothing was changed",
            hint=f'if you have read the plan, add: --confirm "{plan.confirm}"',
        )


def check_fresh(plan: Plan, now: dt.datetime) -> None:
    """The plan may still begin: made before ``now`` and not expired.

    Raises:
        RefusedError: it is older than its 30 minutes, or from the future.
    """
    try:
        created = dt.datetime.fromisoformat(plan.created)
        expires = dt.datetime.fromisoformat(plan.expires)
        fresh = created - dt.timedelta(minutes=1) <= now < expires
    except (ValueError, TypeError):
        fresh = False
    if not fresh:
        raise RefusedError(
            f"the plan was made {plan.created} and held until {plan.expires}; nothing was changed",
            hint=PLAN_AGAIN,
        )
