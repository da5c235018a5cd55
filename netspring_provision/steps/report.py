"""Write the report of a run: HTML for people, JUnit for programs, both in the run's folder."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from netspring_provision.checks.catalogue import Words
from netspring_provision.erasure.store import KIND
from netspring_provision.model import Outcome
from netspring_provision.outcome import DiskOutcome
from netspring_provision.report import html, junit
from netspring_provision.report.model import Certificate, MachineReport, Picture, RoomReport
from netspring_provision.steps.job import Job
from netspring_provision.steps.provision import Progressed
from netspring_provision.verdict import MachineVerdict, unchecked

HTML = "report.html"
JUNIT = "junit.xml"


def write_report(
    job: Job, rows: Sequence[Progressed], screens: Mapping[str, Path] | None = None
) -> Path:
    """The report of machines that were provisioned.

    Args:
        job: the run.
        rows: how far each machine came.
        screens: picture of the screen as seen from outside (the lab), by machine.

    Returns:
        Path of the HTML file.
    """
    return write_machines(job, tuple(_machine(job, row, screens or {}) for row in rows))


def write_verdicts(job: Job, verdicts: Sequence[MachineVerdict]) -> Path:
    """The report of machines that were only checked; returns the path of the HTML file."""
    return write_machines(
        job,
        tuple(
            MachineReport(
                host=v.host,
                verdict=v,
                disks=tuple(_on_record(job, v.machine.get("machine_uuid", "")).values()),
                certificates=_certificates(job, v.machine.get("machine_uuid", "")),
                image=v.image,
            )
            for v in verdicts
        ),
    )


def write_machines(job: Job, machines: tuple[MachineReport, ...]) -> Path:
    """Both files; a machine without a verdict is an error in the JUnit file, never left out."""
    now = dt.datetime.now(dt.UTC).astimezone().replace(microsecond=0)
    report = RoomReport(job.inventory, job.run_id, now.isoformat(sep=" "), machines)
    job.folder.mkdir(parents=True, exist_ok=True)
    verdicts = [
        m.verdict or unchecked(m.host, m.trouble or "it was not checked", job.folder)
        for m in machines
    ]
    junit.write(verdicts, job.folder / JUNIT)
    return html.write(report, job.folder / HTML)


def _machine(job: Job, row: Progressed, screens: Mapping[str, Path]) -> MachineReport:
    verdict = row.verdict
    if verdict is None and row.good:  # an earlier run checked it; its verdict is on record
        record = job.ledger.last("verify", row.uuid)
        verdict = MachineVerdict.from_data(record.body) if record else None
    return MachineReport(
        host=row.host,
        verdict=verdict,
        disks=_disks(job, row),
        certificates=_certificates(job, row.uuid),
        facts=row.facts.raw if row.facts else None,
        image=row.image or (verdict.image if verdict else None),
        # What the checks found is told by the verdict itself.
        trouble=None if row.good or verdict else row.reason,
        pictures=_screen(screens, row.host),
    )


def _disks(job: Job, row: Progressed) -> tuple[DiskOutcome, ...]:
    """How its disks ended, with the proof; that of an earlier run is on record."""
    on_record = _on_record(job, row.uuid)
    if not row.outcomes:
        return tuple(on_record.values())

    def proven(one: DiskOutcome) -> DiskOutcome:
        known = on_record.get(one.serial or "")
        earlier = one.outcome == Outcome.ERASED and not one.evidence
        return known if earlier and known and known.outcome == Outcome.ERASED else one

    return tuple(proven(one) for one in row.outcomes)


def _on_record(job: Job, uuid: str) -> dict[str, DiskOutcome]:
    """The last word of the ledger about each disk of a machine, by serial.

    A wipe that began and has no end on record takes away what was said before it.
    """
    found: dict[str, DiskOutcome] = {}
    for record in job.ledger.records(machine=uuid) if uuid else ():
        if record.kind not in ("wipe_started", "wipe"):
            continue
        for disk in record.body["disks"]:
            serial = str(disk["serial"])
            found.pop(serial, None)
            if record.kind == "wipe":
                found[serial] = DiskOutcome.from_record(disk)
    return found


def _certificates(job: Job, uuid: str) -> dict[str, Certificate]:
    """The erasure record of the last wipe of each disk of a machine, by serial or path.

    A later wipe of the disk takes away the record of the one before.
    """
    found: dict[str, Certificate] = {}
    for record in job.ledger.records(machine=uuid) if uuid else ():
        body = record.body
        if record.kind in ("wipe_started", "wipe"):
            for disk in body["disks"]:
                found.pop(str(disk["serial"] or disk["path"]), None)
        elif record.kind == KIND:
            demands = json.loads(body["record"])["demands"]
            paper = Certificate(body["cert_id"], body["sha256"], demands)
            found[str(body["serial"] or body["path"])] = paper
    return found


def _screen(screens: Mapping[str, Path], host: str) -> tuple[Picture, ...]:
    if host not in screens:
        return ()
    caption = Words("从外面看到的屏幕", "The screen as seen from outside")
    return (Picture(screens[host], caption),)
