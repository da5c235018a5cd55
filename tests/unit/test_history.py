"""A disk that failed stays failed until it is proven erased; to be broken off is no failure."""

import itertools
import json
from typing import Any

import pytest

from netspring_provision.history import failures
from netspring_provision.ledger import Record
from netspring_provision.model import Failure

NUMBERS = itertools.count(1)


def record(kind: str, body: dict[str, Any], day: int = 1) -> Record:
    seq = next(NUMBERS)
    return Record(seq, f"2026-03-{day:02d}T09:00:00+00:00", "r", "uuid", kind, body, "0", str(seq))


def wipe(outcome: str, reason: str | None = None, *, day: int = 1, **evidence: Any) -> Record:
    told = {"outcome": outcome, "reason": reason} | evidence
    disk = {"serial": "A", "outcome": outcome, "reason": reason, "evidence": told}
    return record("wipe", {"plan_id": "p", "disks": [disk]}, day)


def certificate(state: str, reason: str | None = None, serial: str | None = "A") -> Record:
    body = {"serial": serial, "state": state, "record": json.dumps({"reason": reason})}
    return record("erasure", body)


FAILED = wipe("failed", "write error at byte 512", day=3)


def test_a_failure_is_told_with_its_day_and_its_reason() -> None:
    told = failures([wipe("erased"), FAILED])
    assert told == {"A": Failure("2026-03-03T09:00:00+00:00", "write error at byte 512")}


@pytest.mark.parametrize(
    ("records", "failed"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([wipe("erased")], False, id="erased"),
        pytest.param([FAILED, wipe("erased")], False, id="erased since"),
        pytest.param([FAILED, wipe("refused", "in use")], True, id="only refused since"),
        pytest.param([FAILED, wipe("failed", "aborted: stopped")], True, id="broken off since"),
        pytest.param([wipe("failed", "aborted: stopped")], False, id="broken off"),
        pytest.param([wipe("failed", "no outcome: power")], False, id="no outcome"),
        pytest.param(
            [wipe("failed", "aborted: stopped", verify={"nonzero": 5})], True, id="but not zero"
        ),
        pytest.param(
            [wipe("failed", "aborted: stopped", verify={"read_errors": 1})], True, id="but errors"
        ),
        pytest.param([certificate("failed-destroy", "it says so")], True, id="certificate"),
        pytest.param([certificate("interrupted")], False, id="certificate of a broken off one"),
        pytest.param([certificate("refused")], False, id="certificate of a refusal"),
        pytest.param([FAILED, certificate("interrupted")], True, id="the worse of two counts"),
        pytest.param([FAILED, certificate("erased")], False, id="certificate of an erasure"),
        pytest.param([certificate("erased")], False, id="certificate of one that never failed"),
        pytest.param(
            [wipe("erased"), certificate("failed-destroy", "x")], True, id="a record that judges"
        ),
        pytest.param([certificate("failed-destroy", "x", serial=None)], False, id="no serial"),
        pytest.param([record("wipe_started", {"disks": []})], False, id="another kind"),
    ],
)
def test_what_counts_as_failed(records: list[Record], failed: bool) -> None:
    assert ("A" in failures(records)) is failed


def test_a_report_that_the_station_did_not_believe_counts() -> None:
    disk = {
        "serial": "A",
        "outcome": "failed",
        "reason": "reported as erased, but 5 bytes were not zero",
        "evidence": {"outcome": "erased", "reason": None},
    }
    told = failures([record("wipe", {"plan_id": "p", "disks": [disk]})])
    assert told["A"].reason.startswith("reported as erased")


def test_no_report_is_nothing_against_the_disk() -> None:
    disk = {"serial": "A", "outcome": "failed", "reason": "stopped answering", "evidence": {}}
    assert failures([record("wipe", {"plan_id": "p", "disks": [disk]})]) == {}


def test_a_certificate_tells_its_own_day_and_reason() -> None:
    told = failures([certificate("failed-destroy", "canaries outlived the erase")])
    assert told == {"A": Failure("2026-03-01T09:00:00+00:00", "canaries outlived the erase")}
