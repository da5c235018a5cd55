"""Records that a station issues: what is in them, their chain, their files."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import samples
from workshop_kit import BOOTS, Workshop

from netspring_provision import consent
from netspring_provision.erasure import State, check_files, form, issuing, record, store
from netspring_provision.errors import StationError
from netspring_provision.ledger import Ledger
from netspring_provision.model import Outcome, PlannedDisk
from netspring_provision.outcome import DiskOutcome

DESTROY, AGAIN = "physical-destruction-record", "wipe-again-or-destroy"
PLAN = samples.plan()
(DISK,) = PLAN.machines[0].disks
READ_ERROR = {
    "outcome": "failed",
    "reason": "/dev/sda: read error at 4096",
    "verify": samples.read_back(DISK) | {"read_errors": 1, "bytes_read": 4096},
}
ABORTED = {"outcome": "failed", "reason": "aborted: the writer was stopped before its end"}


def told(planned: PlannedDisk = DISK, **changes: Any) -> dict[str, Any]:
    return samples.erased(planned, **changes)


def untouched(**changes: Any) -> dict[str, Any]:
    """The machine refused the disk before it wrote anything."""
    nothing = {"attempts": [], "canaries": {"n": 0, "written": 0, "changed": 0}, "verify": None}
    return told(outcome="refused", reason="is in use", method=None, **nothing) | changes


def test_an_erased_disk_gets_a_record_that_holds(workshop: Workshop) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    (issued,) = workshop.wiped()
    (checked,) = check_files([issued.path], workshop.signers)
    assert checked.problems == ()
    assert checked.sha256 == issued.sha256 == hashlib.sha256(issued.path.read_bytes()).hexdigest()
    found = workshop.record()
    assert (found["state"], found["reason"], found["demands"]) == ("erased", None, None)
    assert found["claim"]["level"] == "Clear"
    assert [limit["code"] for limit in found["claim"]["limits"]] == ["reallocated"]
    assert "not reached" in found["claim"]["limits"][0]["words"]
    assert found["host"] == {
        "name": "pc1",
        "uuid": samples.UUIDS["pc1"],
        "vendor": "LENOVO",
        "model": "2082CTO",
        "serial": "SN-pc1",
        "asset_tag": "PC-01",
    }
    assert (found["site"], found["operator"]) == ("Workshop 2", "Li Lei")
    assert found["donor_ref"] == "gift 2026/17"
    assert found["plan_hash"] == consent.sealed(PLAN, b"key")["sha256"]
    assert [boot["boot_id"] for boot in found["boots"]] == [b["boot_id"] for b in BOOTS]
    assert found["boots"][0]["seen_at"] == "2026-03-01T09:00:00+00:00"
    for name in ("issued", "started"):
        assert before <= dt.datetime.fromisoformat(found[name]) <= dt.datetime.now(dt.UTC)


def test_times_of_the_machine_are_only_differences(workshop: Workshop) -> None:
    """The donated PC's clock stands in 1980."""
    slow = samples.attempt(
        "overwrite", started="1980-01-01T00:00:07+00:00", finished="1980-01-01T01:00:07+00:00"
    )
    workshop.wiped(told(started="1980-01-01T00:00:00+00:00", attempts=[slow]))
    (attempt,) = workshop.record()["attempts"]
    assert (attempt["start"], attempt["end"]) == (7, 3607)
    assert b"1980" not in workshop.issued[0].path.read_bytes()


@pytest.mark.parametrize(
    ("reports", "trouble", "state", "demands", "by"),
    [
        ((told(),), None, State.ERASED, None, "machine"),
        ((told(**READ_ERROR),), None, State.FAILED_DESTROY, DESTROY, "machine"),
        ((told(**ABORTED),), None, State.INTERRUPTED, AGAIN, "machine"),
        (
            (told(**READ_ERROR | {"reason": ABORTED["reason"]}),),
            None,
            State.FAILED_DESTROY,
            DESTROY,
            "machine",
        ),
        ((None,), "the machine is off", State.INTERRUPTED, AGAIN, "station"),
        ((untouched(),), None, State.REFUSED, None, "machine"),
        (
            (untouched(attempts=samples.attempts("overwrite")),),
            None,
            State.FAILED_DESTROY,
            DESTROY,
            "machine",
        ),
        (
            (told(canaries={"n": 33, "written": 33, "changed": 32}),),
            None,
            State.FAILED_DESTROY,
            DESTROY,
            "machine",
        ),
    ],
    ids=[
        "erased",
        "read-error",
        "aborted",
        "read-error-then-aborted",
        "no-report",
        "refused",
        "refused-but-touched",
        "canary-alive",
    ],
)  # fmt: skip
def test_every_ending_has_its_record(
    workshop: Workshop, reports: Any, trouble: str | None, state: State, demands: Any, by: str
) -> None:
    (issued,) = workshop.wiped(*reports, trouble=trouble)
    found = workshop.record()
    assert (issued.state, found["state"]) == (state, state)
    assert found["demands"] == demands
    assert found["reported"]["by"] == by
    assert check_files([issued.path], workshop.signers)[0].problems == ()
    if state is not State.ERASED:
        assert found["reason"]
        assert found["claim"] == {**found["claim"], "level": "none", "limits": []}


@pytest.mark.parametrize("method", ["unfreeze", "ata_unlock", "show_hidden_area"])
def test_a_disk_refused_after_it_was_made_ready_is_refused(workshop: Workshop, method: str) -> None:
    (issued,) = workshop.wiped(untouched(attempts=[samples.attempt(method)]))
    assert issued.state == State.REFUSED


def test_a_report_that_says_more_than_it_proves_is_told_as_such(workshop: Workshop) -> None:
    workshop.wiped(told(canaries={"n": 33, "written": 33, "changed": 32}))
    found = workshop.record()
    assert found["reported"]["outcome"] == "erased"
    assert "32 of 33 canaries" in found["gap"]


def test_a_disk_that_the_plan_refused_has_its_record_too(workshop: Workshop) -> None:
    used = samples.disk("WD-2", path="/dev/sdb", uses=[{"kind": "mounted", "detail": "/mnt"}])
    good, refused = workshop.wiped(facts=samples.facts(samples.disk("WD-1"), used))
    assert (good.state, refused.state) == ("erased", "refused")
    found = workshop.record()
    assert (found["plan"]["action"], found["reported"]["by"]) == ("refuse", "plan")
    assert "mounted" in found["reason"]
    assert all(one.good for one in check_files([good.path, refused.path], workshop.signers))


def test_a_firmware_erase_that_fell_back_claims_the_weaker(workshop: Workshop) -> None:
    ssd = samples.disk(
        medium="ssd",
        rotational=False,
        sanitize={"block": True, "overwrite": False, "crypto": False},
    )
    plan = samples.plan(samples.facts(ssd))
    (disk,) = plan.machines[0].disks
    assert (disk.method, disk.claim.level) == (
        "ata_sanitize_block",
        "Purge technique (device-reported)",
    )
    workshop.wiped(told(disk), facts=samples.facts(ssd))
    failed = samples.attempt("ata_sanitize_block", rc=22, error="it answered: not supported")
    fell = told(disk, method="overwrite", attempts=[failed, samples.attempt("overwrite")])
    workshop.wiped(fell, facts=samples.facts(ssd))
    best, weaker = workshop.record(0), workshop.record(1)
    assert best["claim"]["level"] == "Purge technique (device-reported)"
    assert best["attempts"][0]["device_status_after"] == {"state": "completed"}
    assert weaker["claim"]["level"] == "Clear"
    codes = [limit["code"] for limit in weaker["claim"]["limits"]]
    assert {"spare_area", "fallback"} <= set(codes)
    assert all(c.good for c in check_files([i.path for i in workshop.issued], workshop.signers))


def test_records_are_chained_whatever_machine_they_are_of(workshop: Workshop) -> None:
    workshop.wiped()
    workshop.wiped(told(**READ_ERROR))
    two = samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb"), host="pc2")
    workshop.wiped(facts=two)
    files = [issued.path.read_bytes() for issued in workshop.issued]
    assert len(files) == 4
    prevs = [json.loads(data)["prev_sha256"] for data in files]
    assert prevs == [form.FIRST, *(hashlib.sha256(data).hexdigest() for data in files[:-1])]
    assert [i.cert_id.split("-")[1] for i in workshop.issued] == [f"{n:06d}" for n in range(1, 5)]
    lines = workshop.ledger.records(kind="erasure")
    assert [line.body["prev_sha256"] for line in lines] == prevs
    assert [line.body["record"].encode() for line in lines] == files
    assert workshop.ledger.check() == 3 * 2 + 4


def test_runs_that_issue_at_once_make_one_chain(workshop: Workshop) -> None:
    troubles: list[BaseException] = []

    def work(number: int) -> None:
        try:
            outcome = DiskOutcome(DISK.serial, DISK.path, "", Outcome.ERASED, None, None, told())
            issuing.issue_for(
                workshop.station,
                Ledger(workshop.station.ledger),
                PLAN,
                PLAN.machines[0],
                [outcome],
                BOOTS,
                run_id=f"at-once-{number}",
                told=issuing.room_words({}),
            )
        except BaseException as error:  # noqa: BLE001
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    files = sorted(store.folder(workshop.station).glob("*/*.json"))
    assert len(files) == 6
    assert [c.problems for c in check_files(files, workshop.signers)] == [()] * 6


def test_a_disk_has_one_record_of_a_run(workshop: Workshop) -> None:
    (first,) = workshop.wiped()
    outcome = DiskOutcome(DISK.serial, DISK.path, "", Outcome.ERASED, None, None, told())
    (again,) = issuing.issue_for(
        workshop.station, workshop.ledger, PLAN, PLAN.machines[0], [outcome], BOOTS,
        run_id="run-1", told=issuing.room_words({}),
    )  # fmt: skip
    assert again == first
    assert len(workshop.ledger.records(kind="erasure")) == 1


def test_nobody_is_made_operator_by_the_room_alone(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "meili")
    workshop.wiped(room={})
    found = workshop.record()
    assert (found["operator"], found["site"], found["donor_ref"]) == ("meili", None, None)


def test_the_live_environment_is_named_by_its_digest(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    initrd = tmp_path / "initrd.img"
    initrd.write_bytes(b"a live environment")
    workshop.wiped()
    shown = type("Live", (), {"initrd": initrd})
    monkeypatch.setattr("netspring_provision.live.show", lambda _: shown)
    workshop.wiped()
    assert workshop.record(0)["image_digest"] is None
    assert workshop.record(1)["image_digest"] == hashlib.sha256(b"a live environment").hexdigest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("smart_after", {"reallocated": "many", "hours": -3}),
        ("attempts", ["nonsense", {"method": "overwrite", "rc": "zero", "argv": "x"}]),
        ("canaries", {"n": None}),
        ("verify", {"mode": "quick", "bytes_read": 1.5}),
        ("bus", "firewire"),
        ("size_bytes", 2**70),
        ("firmware", "\ud800\x00"),
        ("limits", "none"),
        ("limits", [{"code": None}]),
        ("dco", {"revision": []}),
        ("method", "shred"),
    ],
)
def test_a_failed_disk_gets_its_record_whatever_its_machine_says(
    workshop: Workshop, field: str, value: Any
) -> None:
    (issued,) = workshop.wiped(told(**READ_ERROR | {field: value}))
    assert issued.state == State.FAILED_DESTROY
    assert check_files([issued.path], workshop.signers)[0].problems == ()


def test_an_outcome_without_proof_never_becomes_a_record_of_an_erased_disk(
    workshop: Workshop,
) -> None:
    """Even if the judgement before it were wrong."""
    believed = DiskOutcome(
        DISK.serial, DISK.path, "", Outcome.ERASED, None, None, told(native_bytes=5)
    )
    with pytest.raises(StationError, match=r"no erasure record was issued.*of its 5 bytes"):
        issuing.issue_for(
            workshop.station, workshop.ledger, PLAN, PLAN.machines[0], [believed], BOOTS,
            run_id="r", told=issuing.room_words({}),
        )  # fmt: skip
    assert workshop.ledger.records(kind="erasure") == []
    assert list(store.folder(workshop.station).glob("*/*")) == []


def test_a_disk_that_no_plan_names_gets_none() -> None:
    stranger = DiskOutcome("OTHER", "/dev/sdz", "", Outcome.FAILED, "x")
    about = record.Circumstances(
        "2026-03-01T09:00:00+00:00", None, None, None, "v", None, None, "p", "0" * 64, (), None
    )
    with pytest.raises(ValueError, match="does not name this disk"):
        record.make(stranger, PLAN.machines[0], about, "c", form.FIRST)


def test_how_an_unfinished_disk_is_told_is_how_the_machine_tells_it() -> None:
    """The words of the program on the machine, which nothing here imports."""
    from netspring_provision import content
    from netspring_provision.erasure.derive import PREPARING, UNFINISHED

    source = content.root() / "roles/disk_wipe/module_utils/netspring_erase"
    text = "".join(path.read_text() for path in source.glob("*.py"))
    for prefix in UNFINISHED:
        assert f'= "{prefix}' in text, prefix
    for method in PREPARING:
        assert f'"{method}"' in text, method
