"""Enrol the machines and read what they are; nothing is written to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from netspring_provision import ssh
from netspring_provision.errors import MachineFailedError, NetspringError, RefusedError
from netspring_provision.hosts import Host
from netspring_provision.model import Facts, RefusedMachine
from netspring_provision.steps.job import Job

AT_ONCE = 32


@dataclass(frozen=True)
class Inspection:
    """Facts of the machines that answered, and why the others did not."""

    facts: tuple[Facts, ...]
    missing: tuple[RefusedMachine, ...]


def inspect_machines(job: Job) -> Inspection:
    """Enrol every machine, run ``inspect.yml``, and return facts or a reason for each."""
    job.say(f"inspecting {len(job.hosts)} machine(s)")
    missing = list(enrol_machines(job))
    gone = {answer.host for answer in missing}
    names = [host.name for host in job.hosts if host.name not in gone]
    facts: list[Facts] = []
    results = job.play("inspect", names) if names else {}
    for name, result in results.items():
        payload = result.payloads.get("facts")
        if result.reason is None and payload is not None:
            try:
                facts.append(Facts.from_payload(name, payload))
                continue
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                reason = f"its facts cannot be understood ({error!r})"
        else:
            reason = result.reason or "it reported no facts"
        missing.append(RefusedMachine(name, reason, "look at the machine, then run this again"))
    return Inspection(tuple(facts), tuple(missing))


def enrol_machines(job: Job) -> tuple[RefusedMachine, ...]:
    """Learn the host keys of all machines at once; returns those that do not answer, and why."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = pool.map(lambda host: _enrol(job, host), job.hosts)
        return tuple(answer for answer in answers if answer is not None)


@dataclass(frozen=True)
class Answers:
    """How machines answered when they were asked to prove who they are.

    Attributes:
        strangers: why those are refused that answer, but do not run our live environment.
        silent: those that do not answer. They are no strangers: why they are silent shows as soon
            as they are played on.
    """

    strangers: Mapping[str, RefusedError]
    silent: frozenset[str]


def ask_who_they_are(job: Job, names: Iterable[str]) -> Answers:
    """Ask machines to prove that they run our live environment; the keys of those are learnt."""
    asked = tuple(names)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = pool.map(lambda name: _strange(job, job.host(name)), asked)
        found = dict(zip(asked, answers, strict=True))
    return Answers(
        {name: error for name, error in found.items() if isinstance(error, RefusedError)},
        frozenset(name for name, error in found.items() if isinstance(error, MachineFailedError)),
    )


def _strange(job: Job, host: Host) -> RefusedError | MachineFailedError | None:
    try:
        key = ssh.enrol(job.station, host.address, host.port, host.user)
    except RefusedError as error:
        return RefusedError(f"{host.name}: {error.message}; nothing was changed", error.hint)
    except MachineFailedError as error:
        return error
    if key is None:
        return RefusedError(
            f"{host.name} does not run the live environment of this station; nothing was changed",
            hint="boot it from the live environment of this station, then plan again",
        )
    return None


def _enrol(job: Job, host: Host) -> RefusedMachine | None:
    """Learn the machine's key if it runs the live environment; a reason if it does not answer."""
    try:
        ssh.enrol(job.station, host.address, host.port, host.user)
    except NetspringError as error:
        return RefusedMachine(host.name, error.message, error.hint or "")
    return None
