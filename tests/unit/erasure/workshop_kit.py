"""A station that issues real, signed records of disks that were wiped on paper."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import playing
import samples

from netspring_provision import signing
from netspring_provision.config import Station
from netspring_provision.erasure import Checked, Issued, check_files, form, issue
from netspring_provision.ledger import Ledger
from netspring_provision.model import Facts, MachinePlan, Plan
from netspring_provision.outcome import disk_outcomes
from netspring_provision.steps.job import Job

BOOTS = (
    {"boot_id": "boot-1", "seen_at": "2026-03-01T09:00:00.250+00:00"},
    {"boot_id": "boot-2", "seen_at": "2026-03-01T09:30:00+00:00"},
)
ROOM = {
    "netspring_asset_tag": "PC-01",
    "netspring_site": "Workshop 2",
    "netspring_operator": "Li Lei",
    "netspring_donor_ref": "gift 2026/17",
}


@dataclass
class Workshop:
    """One station at work."""

    station: Station
    ledger: Ledger
    runs: int = 0
    issued: list[Issued] = field(default_factory=list)

    @property
    def signers(self) -> str:
        """Text of the allowed-signers file of this station."""
        public = signing.public_key(self.station.signing_key)
        return signing.signer_line(public, form.NAMESPACE)

    def wiped(
        self,
        *reports: Mapping[str, Any] | None,
        facts: Facts | None = None,
        trouble: str | None = None,
        room: Mapping[str, Any] = ROOM,
        **options: Any,
    ) -> tuple[Issued, ...]:
        """Wipe one machine on paper; ``reports`` are the disks' entries, all erased when none."""
        plan = samples.plan(facts or samples.facts(), **options)
        (machine,) = plan.machines
        return self.ended(plan, machine, reports, trouble, room)

    def ended(
        self,
        plan: Plan,
        machine: MachinePlan,
        reports: tuple[Mapping[str, Any] | None, ...] = (),
        trouble: str | None = None,
        room: Mapping[str, Any] = ROOM,
    ) -> tuple[Issued, ...]:
        """Issue the records of a machine whose wipe came back so; ``None``: no report at all."""
        self.runs += 1
        run_id = f"run-{self.runs}"
        host = dataclasses.replace(playing.host("pc1"), name=machine.host, vars=room)
        job = Job(self.station, self.ledger, run_id, "inventories/x", Path("/x"), (host,))
        report = None
        if reports != (None,):
            told = [one for one in reports if one is not None]
            report = samples.report(machine, plan.plan_id, *told)
        outcomes = disk_outcomes(machine, report, plan.plan_id, trouble)
        begun = {"plan_id": plan.plan_id, "host": machine.host, "disks": []}
        self.ledger.append("wipe_started", begun, machine=machine.uuid, run_id=run_id)
        body = {**begun, "disks": [dataclasses.asdict(one) for one in outcomes]}
        self.ledger.append("wipe", body, machine=machine.uuid, run_id=run_id)
        made = issue(job, plan, machine, outcomes, BOOTS)
        self.issued += made
        return made

    def record(self, number: int = -1) -> dict[str, Any]:
        """The content of a record's file."""
        found: dict[str, Any] = json.loads(self.issued[number].path.read_bytes())
        return found

    def forge(self, path: Path, record: Any) -> Path:
        """Write a record anew and sign it with this station's own key, as a liar inside would."""
        data = record if isinstance(record, bytes) else form.canonical(record)
        path.write_bytes(data)
        signature = signing.sign(data, self.station.signing_key, form.NAMESPACE)
        path.with_name(f"{path.name}.sig").write_text(signature)
        return path


def check(workshop: Workshop, *paths: Path) -> list[Checked]:
    return list(check_files(paths, workshop.signers))


def fields(checked: Checked) -> set[str]:
    """What does not hold."""
    return {problem.field for problem in checked.problems}
