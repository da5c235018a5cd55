"""Records that were held up are made up for; the ledger has all that they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import playing
import pytest
import samples
from workshop_kit import BOOTS, ROOM, Workshop

from netspring_provision import consent
from netspring_provision.erasure import check_files, issuing, missing, records, store
from netspring_provision.errors import StationError
from netspring_provision.outcome import DiskOutcome
from netspring_provision.steps.job import Job
from netspring_provision.steps.report import _certificates


@pytest.fixture
def held_up(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A machine with two disks was wiped, and no record could be issued."""
    facts = samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb"))
    plan = samples.plan(facts)
    workshop.ledger.append("plan", consent.body_of(plan))
    boot = {"plan_id": plan.plan_id, "host": "pc1", "boot_id": "boot-7"}
    workshop.ledger.append("boot", boot, machine=samples.UUIDS["pc1"])

    def full(*_: Any, **__: Any) -> None:
        raise StationError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "put_on_record", full)
        with pytest.raises(StationError, match="full"):
            workshop.wiped(facts=facts)
    return workshop


def test_what_was_held_up_is_issued(held_up: Workshop) -> None:
    made, held = missing.issue_missing(held_up.station, held_up.ledger, {"pc1": ROOM})
    assert held == ()
    assert [(one.serial, one.state) for one in made] == [("A", "erased"), ("B", "erased")]
    held_up.issued += made
    assert all(one.good for one in check_files([m.path for m in made], held_up.signers))
    found = held_up.record()
    assert [boot["boot_id"] for boot in found["boots"]][-1] == "boot-7"
    assert found["started"] is not None
    assert found["host"]["asset_tag"] == "PC-01"
    assert found["operator"] == "Li Lei"


def test_nothing_is_issued_twice(held_up: Workshop) -> None:
    missing.issue_missing(held_up.station, held_up.ledger, {})
    assert missing.issue_missing(held_up.station, held_up.ledger, {}) == ((), ())
    assert len(held_up.ledger.records(kind="erasure")) == 2


def test_only_what_lacks_is_issued(held_up: Workshop) -> None:
    """The disk was full after the first of the two."""
    (line,) = held_up.ledger.records(kind="wipe")
    plan = consent.plan_from(held_up.ledger.records(kind="plan")[0].body)
    issuing.issue_for(
        held_up.station,
        held_up.ledger,
        plan,
        plan.machines[0],
        [DiskOutcome.from_record(line.body["disks"][0])],
        BOOTS,
        run_id=line.run_id,
        told=issuing.room_words({}),
    )
    made, _ = missing.issue_missing(held_up.station, held_up.ledger, {})
    assert [one.serial for one in made] == ["B"]


def test_files_that_were_lost_come_back_the_same(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    signature = issued.path.with_name(f"{issued.path.name}.sig")
    before = issued.path.read_bytes(), signature.read_bytes()
    issued.path.unlink()
    signature.unlink()
    (store.folder(workshop.station) / "allowed_signers").unlink()
    assert missing.issue_missing(workshop.station, workshop.ledger, {}) == ((), ())
    assert (issued.path.read_bytes(), signature.read_bytes()) == before
    assert (store.folder(workshop.station) / "allowed_signers").read_text() == workshop.signers


def test_an_older_key_of_the_station_stays_known(workshop: Workshop) -> None:
    (old,) = workshop.wiped()
    known = workshop.signers
    workshop.station.signing_key.unlink()
    workshop.station.signing_key.with_suffix(".pub").unlink()
    workshop.station.ensure()
    (new,) = workshop.wiped()
    signers = (store.folder(workshop.station) / "allowed_signers").read_text()
    assert signers == known + workshop.signers
    assert all(one.good for one in check_files([old.path, new.path], signers))


def test_a_wipe_whose_plan_is_not_on_record_is_named(workshop: Workshop) -> None:
    wiped = {"serial": "A", "path": "/dev/sda", "outcome": "erased"}
    body = {"plan_id": "gone", "host": "pc1", "disks": [wiped]}
    workshop.ledger.append("wipe", body, machine="u", run_id="r")
    made, held = missing.issue_missing(workshop.station, workshop.ledger, {})
    assert made == ()
    assert held == ("pc1 A: ValueError('its plan gone is not on record')",)


def test_a_wipe_that_does_not_prove_what_it_says_gets_no_record(held_up: Workshop) -> None:
    """As an earlier version of this program may have judged it."""
    (line,) = held_up.ledger.records(kind="wipe")
    disks = [dict(disk) for disk in line.body["disks"]]
    disks[0]["evidence"] = {**disks[0]["evidence"], "smart_after": {"pending": 9}}
    held_up.ledger.append(
        "wipe", {**line.body, "disks": disks[:1]}, machine=line.machine, run_id="earlier"
    )
    made, held = missing.issue_missing(held_up.station, held_up.ledger, {})
    assert [one.serial for one in made] == ["A", "B"]
    assert len(held) == 1
    assert "no erasure record was issued" in held[0]


def test_all_records_are_listed_with_what_they_say(workshop: Workshop) -> None:
    workshop.wiped()
    workshop.wiped(None, trouble="it is off")
    listed = records.listed(workshop.station)
    assert [(one.host, one.state, one.level) for one in listed] == [
        ("pc1", "erased", "Clear"),
        ("pc1", "interrupted", "none"),
    ]
    assert records.summary(listed) == {"erased": 1, "interrupted": 1}
    assert "record" not in listed[0].as_data()


def test_a_station_without_a_ledger_has_no_records(workshop: Workshop) -> None:
    workshop.ledger.close()
    workshop.station.ledger.unlink()
    assert records.listed(workshop.station) == ()
    assert not workshop.station.ledger.exists()


def test_the_report_names_the_record_of_the_last_wipe_only(workshop: Workshop) -> None:
    uuid = samples.UUIDS["pc1"]
    hosts = (playing.host("pc1"),)
    job = Job(workshop.station, workshop.ledger, "r", "x", Path("/x"), hosts)
    (first,) = workshop.wiped()
    assert _certificates(job, uuid)["WD-pc1"].cert_id == first.cert_id
    begun = {"plan_id": "p2", "host": "pc1", "disks": [{"serial": "WD-pc1", "path": "/dev/sda"}]}
    workshop.ledger.append("wipe_started", begun, machine=uuid)
    assert _certificates(job, uuid) == {}
    (second,) = workshop.wiped(None, trouble="it is off")
    paper = _certificates(job, uuid)["WD-pc1"]
    assert (paper.cert_id, paper.demands) == (second.cert_id, "wipe-again-or-destroy")
    assert _certificates(job, "") == {}
