"""What the checks found, as frozen types, and the pure rule that makes a verdict of it.

The rule fails closed: a machine has passed only if every check that its profile asks for ran and
passed, and the machine itself proved that it, and no other, was asked.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from netspring_provision.checks import catalogue
from netspring_provision.checks.catalogue import Words
from netspring_provision.checks.expectation import Expectation

SENTINEL = "machine_itself_answers"
PASSED = "passed"
# What must belong to one machine alone: property of the sentinel, and the check that says so.
UNIQUE = (
    ("machine_machine_id", "machine_id_is_its_own"),
    ("machine_ssh_host_keys", "ssh_host_key_is_its_own"),
)


class Standing(StrEnum):
    """How the verification of one machine ended. Only ``passed`` is good."""

    PASSED = "passed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    BROKEN = "broken"


@dataclass(frozen=True)
class Case:
    """One test case of a JUnit file.

    Attributes:
        outcome: ``passed``, ``failed``, ``error`` or ``skipped``.
        message: what was wrong.
        properties: what the check recorded.
    """

    name: str
    outcome: str
    message: str
    seconds: float
    properties: Mapping[str, str]


@dataclass(frozen=True)
class CheckResult:
    """One check of one machine.

    Attributes:
        outcome: ``passed``, ``failed``, ``error``, ``skipped`` or ``missing``.
        seen: what the machine showed.
        message: what was wrong with it; empty if nothing was.
        ask: the question, in words.
        mend: what to do if it failed, in words.
    """

    name: str
    outcome: str
    seen: str
    message: str
    seconds: float
    ask: Words
    mend: Words

    @property
    def passed(self) -> bool:
        """Whether the answer was yes."""
        return self.outcome == PASSED


@dataclass(frozen=True)
class MachineVerdict:
    """What came out for one machine.

    Attributes:
        reason: why it did not pass, in words; ``None`` if it did.
        folder: holds junit.xml, facts.json, log and pictures.
        screenshot: the child's desktop, if there was one to see.
        pictures: programs with their windows open, by name.
        image: name of the image, as the machine says.
        machine: uuid, serial, asset_tag, machine_id, hostname as the machine gave them.
        facts: everything the machine said, for reports.
    """

    host: str
    profile: str
    standing: Standing
    reason: Words | None
    checks: tuple[CheckResult, ...]
    seconds: float
    folder: Path
    screenshot: Path | None = None
    pictures: tuple[tuple[str, Path], ...] = ()
    image: str | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def passed(self) -> bool:
        """Whether it may be handed to a teacher."""
        return self.standing is Standing.PASSED

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    def as_data(self) -> dict[str, Any]:
        """For ``--json`` and the ledger: everything but the raw facts."""
        data = dataclasses.asdict(dataclasses.replace(self, facts={}))
        del data["facts"]
        data["passed"] = self.passed
        data["folder"] = str(self.folder)
        data["screenshot"] = str(self.screenshot) if self.screenshot else None
        data["pictures"] = {name: str(path) for name, path in self.pictures}
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> MachineVerdict:
        """Read what :meth:`as_data` made; raises KeyError/TypeError/ValueError on other shapes."""

        def words(entry: Mapping[str, str]) -> Words:
            return Words(entry["zh"], entry["en"])

        return cls(
            host=data["host"],
            profile=data["profile"],
            standing=Standing(data["standing"]),
            reason=words(data["reason"]) if data["reason"] else None,
            checks=tuple(
                CheckResult(**{**one, "ask": words(one["ask"]), "mend": words(one["mend"])})
                for one in data["checks"]
            ),
            seconds=data["seconds"],
            folder=Path(data["folder"]),
            screenshot=Path(data["screenshot"]) if data["screenshot"] else None,
            pictures=tuple((name, Path(path)) for name, path in data["pictures"].items()),
            image=data["image"],
            machine=data["machine"],
        )


def unchecked(host: str, why: str, folder: Path) -> MachineVerdict:
    """The verdict over a machine that did not come to its checks: broken, for that reason."""
    reason = catalogue.reason("not_reached", why=why)
    return MachineVerdict(host, "", Standing.BROKEN, reason, (), 0.0, folder)


def proof_of(nonce: str, uuid: str) -> str:
    """What the machine must have sent back: made from our number and its own SMBIOS UUID."""
    return hashlib.sha256(f"{nonce} {uuid or None}".encode()).hexdigest()


def judge(
    expected: Expectation, cases: Sequence[Case], exit_code: int, nonce: str
) -> tuple[Standing, Words | None, tuple[CheckResult, ...]]:
    """The verdict over one machine's test cases.

    Args:
        expected: what it must be; says which checks are asked for.
        cases: of its JUnit file.
        exit_code: of pytest; 0 and 1 are ordinary, anything else means that it broke.
        nonce: number of this question.
    """
    by_name: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_name[case.name.removeprefix("test_")].append(case)
    checks = tuple(
        _result(name, by_name.get(name, []), expected.profile) for name in expected.required
    )
    stray = sorted(set(by_name) - set(expected.required))
    bad = [check for check in checks if not check.passed]
    proven = _proven(by_name.get(SENTINEL, []), expected, nonce)
    if not checks or not cases:
        return Standing.BROKEN, catalogue.reason("no_check"), checks
    if exit_code not in (0, 1) or stray or any(check.outcome == "missing" for check in checks):
        return Standing.BROKEN, catalogue.reason("not_finished"), checks
    if not proven:
        standing = Standing.FAILED if bad else Standing.BROKEN
        return standing, catalogue.reason("not_proven"), checks
    if bad:
        return Standing.FAILED, _count(checks), checks
    if exit_code != 0:
        return Standing.BROKEN, catalogue.reason("checks_failed_themselves", code=1), checks
    return Standing.PASSED, None, checks


def _count(checks: Sequence[CheckResult]) -> Words:
    bad = sum(not check.passed for check in checks)
    return catalogue.reason("some_failed", bad=bad, all=len(checks))


def _result(name: str, cases: Sequence[Case], profile: str) -> CheckResult:
    text = catalogue.text_for(name, profile)
    if not cases:
        return CheckResult(name, "missing", "", "this check did not run", 0.0, text.ask, text.mend)
    # A check that passed and then broke in its clean-up is written twice; the worse one counts.
    case = next((case for case in cases if case.outcome != PASSED), cases[0])
    message = case.message
    if case.outcome == "skipped":
        message = f"this check was left out: {message}"
    seen = case.properties.get("seen", "")
    return CheckResult(name, case.outcome, seen, message, case.seconds, text.ask, text.mend)


def _proven(cases: Sequence[Case], expected: Expectation, nonce: str) -> bool:
    if len(cases) != 1 or cases[0].outcome != PASSED:
        return False
    found = cases[0].properties
    if expected.uuid and found.get("machine_uuid") != expected.uuid:
        return False
    return found.get("machine_proof") == proof_of(nonce, found.get("machine_uuid", ""))


def told_apart(verdicts: Iterable[MachineVerdict]) -> tuple[MachineVerdict, ...]:
    """Fail machines that share what must be their own: machine-id or SSH host keys."""
    listed = list(verdicts)
    for key, name in UNIQUE:
        owners: dict[str, list[str]] = defaultdict(list)
        for verdict in listed:
            if verdict.machine.get(key):
                owners[verdict.machine[key]].append(verdict.host)
        for place, verdict in enumerate(listed):
            others = [h for h in owners.get(verdict.machine.get(key, ""), []) if h != verdict.host]
            if others:
                listed[place] = _blamed(verdict, name, "the same as on " + ", ".join(others))
    return tuple(listed)


def _blamed(verdict: MachineVerdict, name: str, message: str) -> MachineVerdict:
    checks = tuple(
        dataclasses.replace(check, outcome="failed", message=message)
        if check.name == name
        else check
        for check in verdict.checks
    )
    standing, reason = verdict.standing, verdict.reason
    if standing in (Standing.PASSED, Standing.FAILED):
        standing = Standing.FAILED
        reason = _count(checks)
    return dataclasses.replace(verdict, checks=checks, standing=standing, reason=reason)
