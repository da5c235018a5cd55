"""Whatever a machine reports, its record can be made, keeps the form, and says the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
import samples
from changing import leaves, put, without
from hypothesis import given, settings
from hypothesis import strategies as st

from netspring_provision.erasure import derive, form, record
from netspring_provision.erasure.checking import follows
from netspring_provision.model import MachinePlan, Outcome
from netspring_provision.outcome import disk_outcomes

SSD = {"medium": "ssd", "rotational": False}
SANITIZE = {"block": True, "overwrite": False, "crypto": True}
NVME = {
    "controller": "nvme0",
    "nsid": 1,
    "format_supported": True,
    "secure_erase": True,
    "crypto_erase": False,
    "sanitize_block": True,
    "sanitize_overwrite": False,
    "sanitize_crypto": False,
    "format_all_ns": False,
    "lbaf": 0,
    "ms": 0,
}
DISKS = {
    "hdd": samples.disk(),
    "ssd": samples.disk(**SSD, sanitize=SANITIZE),
    "nvme": samples.disk(bus="nvme", medium="ssd", path="/dev/nvme0n1", nvme=NVME),
    "unknown": samples.disk(medium="unknown", native_bytes=None),
}
PLANS = {name: samples.plan(samples.facts(disk)) for name, disk in DISKS.items()}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["erased", "failed", "refused", "overwrite", "full", "sampled", "completed"])
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS)


def made(machine: MachinePlan, entry: dict[str, Any] | None) -> tuple[Outcome, dict[str, Any]]:
    """How the station judges a report, and the record that it makes of it."""
    told = None if entry is None else samples.report(machine, "p", entry)
    (outcome,) = disk_outcomes(machine, told, "p", "it is off" if told is None else None)
    about = record.Circumstances(
        issued="2026-03-01T10:00:00+00:00",
        started=None,
        site=None,
        operator="Li Lei",
        verifier="a test",
        donor_ref=None,
        asset_tag=None,
        plan_id="p",
        plan_hash="0" * 64,
        boots=(),
        image_digest=None,
    )
    name = "20260301T100000Z-000001-0badcafe"
    return outcome.outcome, record.make(outcome, machine, about, name, form.FIRST)


def holds(found: dict[str, Any]) -> None:
    """The record keeps its form when it is written and read, and says no more than it carries."""
    again = form.read(form.canonical(found))
    assert again == json.loads(json.dumps(found))
    assert form.schema_problems(again) == []
    assert follows(again) == []


@pytest.mark.parametrize("kind", DISKS)
def test_a_proven_disk_of_each_kind(kind: str) -> None:
    (machine,) = PLANS[kind].machines
    (disk,) = machine.disks
    outcome, found = made(machine, samples.erased(disk))
    assert (outcome, found["state"]) == (Outcome.ERASED, "erased")
    assert found["claim"]["level"] == disk.claim.level
    holds(found)


@settings(max_examples=150)
@given(kind=st.sampled_from(sorted(DISKS)), data=st.data())
def test_a_report_with_anything_in_it(kind: str, data: st.DataObject) -> None:
    """Up to three places of a good report hold something else, or nothing."""
    (machine,) = PLANS[kind].machines
    entry = samples.erased(machine.disks[0])
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from(sorted(leaves(entry), key=str)))
        where = where[: data.draw(st.integers(1, len(where)))]
        if where == ("serial",):
            continue
        if data.draw(st.booleans()):
            entry = put(entry, where, data.draw(VALUES))
        else:
            entry = without(entry, where)
    outcome, found = made(machine, entry)
    assert (found["state"] == "erased") is (outcome is Outcome.ERASED)
    assert (found["claim"]["level"] == "none") >= (outcome is not Outcome.ERASED)
    holds(found)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(sorted(samples.erased(PLANS["hdd"].machines[0].disks[0]))), VALUES
    )
)
def test_a_report_of_nothing_but_nonsense(entry: dict[str, Any]) -> None:
    (machine,) = PLANS["hdd"].machines
    outcome, found = made(machine, {**entry, "serial": machine.disks[0].serial})
    assert outcome is not Outcome.ERASED
    assert found["state"] != derive.State.ERASED
    holds(found)


def test_no_report_at_all() -> None:
    (machine,) = PLANS["hdd"].machines
    outcome, found = made(machine, None)
    assert (outcome, found["state"]) == (Outcome.FAILED, "interrupted")
    assert found["reason"] == "it is off"
    holds(found)
