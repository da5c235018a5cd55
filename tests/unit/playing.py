"""A job over machines that are not there: ``Job.play`` answers with events as recorded."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import samples

from netspring_provision import consent, events, ssh
from netspring_provision.config import Station
from netspring_provision.events import HostResult
from netspring_provision.hosts import Host
from netspring_provision.ledger import Ledger
from netspring_provision.model import Facts, MachinePlan, Plan
from netspring_provision.ssh import HostKey
from netspring_provision.steps import Job
from netspring_provision.steps import plan as plan_step
from netspring_provision.steps.inspect import Inspection

Answer = Callable[[MachinePlan, str], list[dict[str, Any]]]


def host(name: str, **variables: Any) -> Host:
    return Host(name, f"10.0.0.{name[-1]}", 22, "root", None, variables)


def begun(machine: MachinePlan, plan_id: str, boot_id: str | None = None) -> dict[str, Any]:
    """The machine told that work began, in this boot or that of the plan."""
    told = {"kind": "wipe_begun", "plan_id": plan_id, "boot_id": boot_id or machine.boot_id}
    return samples.event(machine.host, result=told | {"passed": True, "reason": None})


def all_erased(machine: MachinePlan, plan_id: str) -> list[dict[str, Any]]:
    """The machine erased every disk that its plan named."""
    report = samples.report(machine, plan_id)
    done = samples.event(machine.host, result=report)
    return [begun(machine, plan_id), done, samples.stats((machine.host,))]


def with_disks(**outcomes: str) -> Answer:
    """The machine's disks ended so, by serial: erased, or the reason of a failure."""

    def answer(machine: MachinePlan, plan_id: str) -> list[dict[str, Any]]:
        entries = [
            samples.erased(d)
            if outcomes[d.serial] == "erased"
            else samples.erased(d, outcome="failed", reason=outcomes[d.serial])
            for d in machine.disks
        ]
        report = samples.report(machine, plan_id, *entries)
        failed = samples.event(machine.host, "runner_on_failed", msg="not all", result=report)
        return [failed, samples.stats(failures={machine.host: 1})]

    return answer


def unreachable(machine: MachinePlan, _: str) -> list[dict[str, Any]]:
    """The machine stopped answering before it reported."""
    gone = samples.event(machine.host, "runner_on_unreachable", msg="Connection timed out")
    return [gone, samples.stats(dark={machine.host: 1})]


def merged(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of several machines as those of one play: a single recap at the end."""
    recap = samples.stats()
    for event in told:
        if event["event"] == "playbook_on_stats":
            for key, value in event["event_data"].items():
                recap["event_data"][key] = recap["event_data"].get(key, {}) | value
    return [e for e in told if e["event"] != "playbook_on_stats"] + [recap]


@dataclass
class Room:
    """One station, its machines, and everything that was played on them."""

    station: Station
    ledger: Ledger
    hosts: tuple[Host, ...]
    answers: dict[str, Answer] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    played: list[tuple[str, list[str]]] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    hostvars: list[Mapping[str, Mapping[str, Any]]] = field(default_factory=list)
    install: Callable[[str], list[dict[str, Any]]] | None = None
    runs: int = 0

    def job(self, *names: str) -> Job:
        """A new run over these machines, or all."""
        self.runs += 1
        chosen = tuple(h for h in self.hosts if not names or h.name in names)
        run_id = f"run-{self.runs}"
        return Job(self.station, self.ledger, run_id, "inventories/x", Path("/x"), chosen)

    def play(
        self,
        job: Job,
        playbook: str,
        names: list[str],
        *,
        extravars: Mapping[str, Any] | None = None,
        hostvars: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> dict[str, HostResult]:
        """What stands in the place of Ansible."""
        assert names
        assert {h.name for h in job.hosts} >= set(names)
        self.played.append((playbook, list(names)))
        self.given.append(dict(extravars or {}))
        self.hostvars.append(hostvars or {})
        told: list[dict[str, Any]] = []
        for name in names:
            for event in self._said(playbook, name, extravars or {}):
                told.append(event)
                job.on_event(event)
        return events.host_results(merged(told), names)

    def _said(self, playbook: str, name: str, extravars: Mapping[str, Any]) -> list[dict[str, Any]]:
        if playbook == "inspect":
            if name not in self.facts:
                return [samples.event(name, "runner_on_unreachable", msg="no route")]
            said = self.facts[name].raw
            return [samples.event(name, result=said), samples.stats((name,))]
        if playbook == "install":
            assert self.install is not None
            return self.install(name)
        plan = consent.plan_from(
            json.loads(Path(extravars["disk_wipe_plan_file"]).read_text())["body"]
        )
        assert extravars["disk_wipe_confirm"] == plan.confirm
        (machine,) = [m for m in plan.machines if m.host == name]
        return self.answers.get(name, all_erased)(machine, plan.plan_id)

    def plan(self, *machines: Facts, age: dt.timedelta = dt.timedelta(), **more: Any) -> Plan:
        """A plan made ``age`` ago and kept; by default for all machines with one disk each."""
        found = machines or tuple(samples.facts(host=h.name) for h in self.hosts)
        self.facts |= {m.host: m for m in found}
        made = samples.plan(
            *found,
            now=dt.datetime.now(dt.UTC) - age,
            plan_id=f"plan-{len(self.ledger.records(kind='plan')) + 1}",
            **more,
        )
        plan_step.keep(self.job(), made)
        return made

    def kinds(self, kind: str) -> list[str]:
        """Whom the ledger's records of a kind are about, in order."""
        return [str(r.body.get("host")) for r in self.ledger.records(kind=kind)]

    def inspection(self) -> Inspection:
        """All machines as inspected."""
        return Inspection(tuple(self.facts.values()), ())


@lru_cache(maxsize=1)
def _signing_key() -> tuple[bytes, bytes]:
    """A real key pair; making one takes longer than many a test."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "netspring-signing", "-f", key]
        subprocess.run(argv, check=True)
        return key.read_bytes(), key.with_suffix(".pub").read_bytes()


def room(home: Path, monkeypatch: pytest.MonkeyPatch, count: int = 3) -> Room:
    """A station with secrets of its own and ``count`` machines, pc1 and so on."""
    station = Station(home)
    station.keys.mkdir(parents=True)
    # Erasure records are signed as everywhere: ssh-keygen is the one program that is started.
    subprocess.Popen.allowed |= {"ssh-keygen"}
    private, public = _signing_key()
    station.signing_key.touch(mode=0o600)
    station.signing_key.write_bytes(private)
    station.signing_key.with_suffix(".pub").write_bytes(public)
    station.token_file.write_text(samples.TOKEN + "\n")
    station.plan_key_file.write_text("k" * 64 + "\n")
    station.ssh_key.with_suffix(".pub").write_text("ssh-ed25519 AAAA station\n")
    for folder in (station.images, station.live):
        folder.mkdir()
    made = Room(station, Ledger(station.ledger), tuple(host(f"pc{n}") for n in range(1, count + 1)))
    monkeypatch.setattr(Job, "play", lambda job, *a, **k: made.play(job, *a, **k))
    monkeypatch.setattr(ssh, "enrol", lambda *_: HostKey("ssh-ed25519", "LIVE"))
    return made


def images_and_live(made: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A live environment and a signing key, as far as an install asks for them."""
    for name in ("vmlinuz", "initrd.img"):
        (made.station.live / name).write_bytes(b"")
    folder = made.station.live
    shown = SimpleNamespace(kernel=folder / "vmlinuz", initrd=folder / "initrd.img")
    monkeypatch.setattr("netspring_provision.live.show", lambda _: shown)
    monkeypatch.setattr("netspring_provision.image.manifest.allowed_signers", lambda _: "signers")
