"""The report step: every machine of the run is in both files, whatever became of it."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netspring_provision.checks import catalogue
from netspring_provision.ledger import Ledger
from netspring_provision.model import Outcome, Step
from netspring_provision.outcome import DiskOutcome
from netspring_provision.steps import report
from netspring_provision.steps.provision import Progressed
from netspring_provision.verdict import CheckResult, MachineVerdict, Standing


def verdict(host: str, standing: Standing) -> MachineVerdict:
    text = catalogue.texts()["clock_is_right"]
    outcome = "passed" if standing is Standing.PASSED else "failed"
    check = CheckResult("clock_is_right", outcome, "+0 s", "", 0.1, text.ask, text.mend)
    reason = None if standing is Standing.PASSED else catalogue.reason("some_failed", bad=1, all=1)
    return MachineVerdict(
        host, "core", standing, reason, (check,), 2.0, Path("/x"), image="core-zh_CN-1"
    )


@pytest.fixture
def job(tmp_path: Path) -> Any:
    return SimpleNamespace(
        inventory="inventories/my-room",
        run_id="run-7",
        folder=tmp_path / "run-7",
        ledger=Ledger(tmp_path / "ledger.db"),
    )


def counts(folder: Path) -> list[tuple[str | None, bool]]:
    """Each suite's name and whether it has no failure and no error."""
    root = ET.parse(folder / report.JUNIT).getroot()  # noqa: S314
    return [
        (s.get("name"), s.get("failures") == "0" and s.get("errors") == "0")
        for s in root.iter("testsuite")
    ]


def test_all_machines_are_in_both_files(job: Any) -> None:
    good = Progressed("pc1", "u1", {Step.VERIFY: "ok"}, verdict=verdict("pc1", Standing.PASSED))
    bad = Progressed("pc2", "u2", {Step.VERIFY: "no"}, verdict=verdict("pc2", Standing.FAILED))
    gone = Progressed("pc3", "u3", {Step.WIPE: "/dev/sda failed: read error"})
    path = report.write_report(job, [good, bad, gone])
    text = path.read_text(encoding="utf-8")
    assert path == job.folder / "report.html"
    assert "inventories/my-room" in text
    assert "wipe: /dev/sda failed: read error" in text
    assert counts(job.folder) == [("pc1", True), ("pc2", False), ("pc3", False)]


def test_a_machine_that_an_earlier_run_checked_shows_that_verdict(job: Any) -> None:
    job.ledger.append(
        "verify", verdict("pc1", Standing.PASSED).as_data(), machine="u1", run_id="run-6"
    )
    done = Progressed("pc1", "u1", {Step.VERIFY: "ok"})
    text = report.write_report(job, [done]).read_text(encoding="utf-8")
    assert counts(job.folder) == [("pc1", True)]
    assert "core-zh_CN-1" in text


def test_a_machine_said_to_be_good_without_any_record_is_not_good(job: Any) -> None:
    report.write_report(job, [Progressed("pc1", "u1", {Step.VERIFY: "ok"})])
    assert counts(job.folder) == [("pc1", False)]


def wiped(outcome: str) -> dict[str, Any]:
    evidence = {"verify": {"mode": "full", "bytes_read": 123456789}}
    disk = {
        "serial": "WD-1", "path": "/dev/sda", "model": "WDC", "outcome": outcome, "reason": None,
        "method": "overwrite", "evidence": evidence if outcome == "erased" else {},
        "claim": {"level": "Clear", "limits": []} if outcome == "erased" else None,
    }  # fmt: skip
    return {"plan_id": "p", "disks": [disk]}


@pytest.mark.parametrize(
    ("records", "claimed"),
    [
        ([("wipe_started", "erased"), ("wipe", "erased")], True),
        ([("wipe", "erased"), ("wipe_started", "erased")], False),
        ([("wipe", "erased"), ("wipe", "failed")], False),
        ([], False),
    ],
)
@pytest.mark.parametrize("outcomes", [(), "bare"])
def test_the_proof_of_an_earlier_wipe_comes_from_the_ledger(
    job: Any, records: list[tuple[str, str]], claimed: bool, outcomes: Any
) -> None:
    for kind, outcome in records:
        job.ledger.append(kind, wiped(outcome), machine="u1", run_id="r")
    if outcomes == "bare":
        outcomes = (DiskOutcome("WD-1", "/dev/sda", "WDC", Outcome.ERASED, None, "overwrite"),)
    row = Progressed("pc1", "u1", {Step.VERIFY: "ok"}, outcomes=outcomes)
    text = report.write_report(job, [row]).read_text(encoding="utf-8")
    assert ("123,456,789" in text) is claimed


def test_the_picture_from_outside_is_in_the_report(job: Any, tmp_path: Path) -> None:
    picture = tmp_path / "screen.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n123")
    row = Progressed("pc1", "u1", {Step.VERIFY: "ok"}, verdict=verdict("pc1", Standing.PASSED))
    text = report.write_report(job, [row], screens={"pc1": picture}).read_text(encoding="utf-8")
    assert "data:image/png;base64," in text


def test_verdicts_alone_make_a_report(job: Any) -> None:
    one = verdict("pc1", Standing.PASSED)
    two = dataclasses.replace(one, host="pc2", standing=Standing.UNREACHABLE, checks=())
    assert report.write_verdicts(job, [one, two]).is_file()
    assert counts(job.folder) == [("pc1", True), ("pc2", False)]
