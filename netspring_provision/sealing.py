"""Whether a machine may be sealed, and whether it is: from the ledger's records alone. Pure.

Sealed is only what the station saw from outside after the machine's own word. Whatever else comes
of an attempt, the machine is not sealed, and what to do about it is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from netspring_provision.checks.catalogue import Words
from netspring_provision.door import Door
from netspring_provision.ledger import Record

WORDS = Path(__file__).resolve().parent / "sealing.yml"
STARTED, ENDED = "seal_started", "seal"
# Each of them makes the PC another one than that which was checked or sealed.
ANEW = ("wipe_started", "install_started", "identity", "bootloader")


class Standing(StrEnum):
    """How the sealing of one machine ended. The first two are good."""

    SEALED = "sealed"
    ALREADY = "already sealed"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sealed:
    """What came out for one machine.

    Attributes:
        reason: why it is not sealed, in words; ``None`` if it is.
        mend: what to do about it.
        detail: what the machine or its network said, as it was.
        machine: the machine's own answer, as far as it gave one.
        door: its SSH port, as seen from outside afterwards.
        key_login: whether the station's key still opened it; ``None`` if that was not tried.
        time: of the record, ISO 8601, UTC.
    """

    host: str
    standing: Standing
    uuid: str | None = None
    asset_tag: str | None = None
    image: str | None = None
    reason: Words | None = None
    mend: Words | None = None
    detail: str | None = None
    machine: Mapping[str, Any] | None = None
    door: Door | None = None
    key_login: bool | None = None
    time: str | None = None

    @property
    def good(self) -> bool:
        """Whether it may be handed over."""
        return self.standing in (Standing.SEALED, Standing.ALREADY)

    def as_data(self) -> dict[str, Any]:
        """For ``--json`` and the ledger."""

        def told(words: Words | None) -> dict[str, str] | None:
            return {"zh": words.zh, "en": words.en} if words else None

        return {
            "host": self.host,
            "standing": str(self.standing),
            "sealed": self.good,
            "uuid": self.uuid,
            "asset_tag": self.asset_tag,
            "image": self.image,
            "reason": told(self.reason),
            "mend": told(self.mend),
            "detail": self.detail,
            "machine": dict(self.machine) if self.machine is not None else None,
            "door": str(self.door) if self.door else None,
            "key_login": self.key_login,
            "time": self.time,
        }


@dataclass(frozen=True)
class Leave:
    """The machine may be sealed: what it was found to be.

    Attributes:
        asset_tag: as it was written at installation.
        image: name of the image that was installed.
        verify: place in the ledger of the checks that it passed.
        begun: an earlier attempt began, and did not come to a good end.
        answer: what the machine itself said at the end of that attempt, if it did.
    """

    uuid: str
    asset_tag: str
    image: str
    verify: int
    begun: bool
    answer: Mapping[str, Any] | None = None


def decide(
    host: str, uuid: str | None, asset_tag: str, records: Sequence[Record]
) -> Leave | Sealed:
    """Whether a machine may be sealed now.

    Args:
        host: its name in the inventory.
        uuid: its SMBIOS UUID, as far as known.
        asset_tag: as the inventory has it.
        records: all records of the machine, in order.

    Returns:
        :class:`Leave`, or :class:`Sealed` with ``refused`` or ``already sealed``.
    """
    newest = {record.kind: record for record in records}
    installed, identity = newest.get("bootloader"), newest.get("identity")
    begun = max((r.seq for r in records if r.kind in ANEW), default=0)
    if uuid is None or installed is None or identity is None:
        return refused(host, uuid, "not_installed")
    started = newest.get("install_started")
    if started is None or installed.seq != begun or started.seq > identity.seq:
        return refused(host, uuid, "install_unfinished")
    tag, image = str(identity.body.get("asset_tag") or ""), str(started.body.get("image") or "")
    if identity.body.get("hostname") != host or not tag or tag != asset_tag:
        return refused(host, uuid, "another_pc", name=identity.body.get("hostname"), tag=tag)
    end = newest.get(ENDED)
    if end is not None and end.seq > begun and end.body.get("sealed") is True:
        return Sealed(host, Standing.ALREADY, uuid, tag, image, time=end.time)
    verify = newest.get("verify")
    if verify is None or verify.seq < begun:
        return refused(host, uuid, "not_verified")
    if not _passed(verify.body, host, uuid, tag, image):
        return refused(host, uuid, "verify_failed")
    attempt = newest.get(STARTED)
    if attempt is None or attempt.seq < begun:
        return Leave(uuid, tag, image, verify.seq, begun=False)
    answer = end.body.get("machine") if end is not None and end.seq > attempt.seq else None
    return Leave(uuid, tag, image, verify.seq, begun=True, answer=answer)


def is_sealed(records: Sequence[Record]) -> bool:
    """Whether a machine was sealed and nothing was begun on it since: all its records, in order."""
    sealed = False
    for record in records:
        if record.kind in ANEW:
            sealed = False
        elif record.kind == ENDED:
            sealed = record.body.get("sealed") is True
    return sealed


def _passed(body: Mapping[str, Any], host: str, uuid: str, tag: str, image: str) -> bool:
    """Whether the checks passed on this very PC with what was installed on it."""
    machine = body.get("machine")
    if body.get("passed") is not True or not isinstance(machine, Mapping):
        return False
    told = (body.get("host"), machine.get("machine_uuid"), machine.get("machine_asset_tag"))
    return told == (host, uuid, tag) and body.get("image") == image


def judge(leave: Leave, host: str, heard: Heard, seen: Seen) -> Sealed:
    """How an attempt ended, from what was heard of the machine and what was seen from outside."""
    standing, reason, mend = _judged(leave, heard, seen)
    return Sealed(
        host=host,
        standing=standing,
        uuid=leave.uuid,
        asset_tag=leave.asset_tag,
        image=leave.image,
        reason=words(reason) if reason else None,
        mend=words(mend) if mend else None,
        detail=heard.detail if reason else None,
        machine=heard.answer,
        door=seen.door,
        key_login=seen.key_login,
    )


@dataclass(frozen=True)
class Heard:
    """What the machine said.

    Attributes:
        answer: its ``seal`` payload, ``None`` if none came.
        detail: what went wrong, in the words of the machine or of Ansible; ``None`` if nothing.
    """

    answer: Mapping[str, Any] | None
    detail: str | None


@dataclass(frozen=True)
class Seen:
    """What was seen from outside after the attempt."""

    door: Door
    key_login: bool


def _judged(leave: Leave, heard: Heard, seen: Seen) -> tuple[Standing, str | None, str | None]:
    answer = heard.answer or {}
    if seen.key_login:
        outcome = answer.get("outcome")
        if outcome == "refused":
            return Standing.REFUSED, "machine_refused", "mend_there"
        if outcome == "sealed":
            return Standing.FAILED, "still_open", "run_again"
        return Standing.FAILED, "not_done", "run_again"
    if heard.answer is None:
        return Standing.UNKNOWN, "no_answer", "look_at_it"
    if answer.get("outcome") != "sealed" or heard.detail is not None:
        return Standing.FAILED, "broke_off", "look_at_it"
    if (answer.get("uuid"), answer.get("asset_tag")) != (leave.uuid, leave.asset_tag):
        return Standing.UNKNOWN, "other_answer", "look_at_it"
    if seen.door is Door.OPEN:
        return Standing.FAILED, "still_open", "look_at_it"
    if seen.door is Door.SILENT:
        return Standing.UNKNOWN, "silent", "plug_in"
    return Standing.SEALED, None, None


def refused(host: str, uuid: str | None, why: str, **values: object) -> Sealed:
    """A machine that is left alone, with the reason and the way out of ``sealing.yml``."""
    reason, mend = words(why, **values), words(f"{why}_mend")
    return Sealed(host, Standing.REFUSED, uuid, reason=reason, mend=mend)


def words(name: str, /, **values: object) -> Words:
    """A sentence of ``sealing.yml`` with the words in braces filled in; KeyError if unknown."""
    entry = _texts()[name]
    return Words(entry["zh"].format(**values), entry["en"].format(**values))


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    loaded: dict[str, Any] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return loaded
