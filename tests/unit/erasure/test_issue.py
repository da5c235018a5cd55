"""Records that a station issues: what is in them, their chain, their files."""

from __future__ import annotations

from workshop_kit import BOOTS, Workshop

from netspring_provision.erasure import check_files


def test_an_erased_disk_gets_a_record_that_holds(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    (checked,) = check_files([issued.path], workshop.signers)
    assert checked.problems == ()
    assert checked.sha256 == issued.sha256
    record = workshop.record()
    assert (record["state"], record["reason"], record["demands"]) == ("erased", None, None)
    assert record["claim"]["level"] == "Clear"
    assert [boot["boot_id"] for boot in record["boots"]] == [b["boot_id"] for b in BOOTS]
