"""A plan file is believed letter by letter or not at all; a phrase fits one plan only."""

import copy
import dataclasses
import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netspring_provision import consent
from netspring_provision.errors import RefusedError, StationError, UsageError
from netspring_provision.model import Plan

KEY = b"k" * 64
PLAN = samples.plan(
    samples.facts(
        samples.disk("A"),
        samples.disk("N", path="/dev/nvme0n1", bus="nvme", medium="ssd", nvme={"crypto_erase": 1}),
        samples.disk("STICK", path="/dev/sdb", bus="usb", model="硬盘"),
    ),
    samples.facts(samples.disk(None), host="pc2"),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    consent.write(PLAN, KEY, path)
    return path


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON document, containers too."""
    if path:
        yield path
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    if isinstance(data, dict | list):
        for key, value in inside:
            if isinstance(value, dict | list):
                yield from places(value, (*path, key))
            else:
                yield (*path, key)


DOCUMENT: dict[str, Any] = json.loads(json.dumps(consent.sealed(PLAN, KEY)))


def other(value: Any) -> Any:
    """A value of the same kind that is not the same."""
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value, "x"]
    if isinstance(value, dict):
        return value | {"added": 1}
    return "x"


def test_a_plan_round_trips(file: Path) -> None:
    assert consent.read(file, KEY) == PLAN


def test_for_programs_phrase_and_expiry_stand_at_the_top(file: Path) -> None:
    data = json.loads(file.read_text())
    assert (data["confirm"], data["expires"]) == (PLAN.confirm, PLAN.expires)


def test_writing_leaves_no_other_file(file: Path) -> None:
    consent.write(PLAN, KEY, file)
    assert [p.name for p in file.parent.iterdir() if p.is_file()] == [file.name]


@pytest.mark.parametrize("place", list(places(DOCUMENT)), ids=lambda p: "/".join(map(str, p)))
@pytest.mark.parametrize("how", ["changed", "removed", "null"])
def test_any_altered_field_is_refused(file: Path, place: tuple[Any, ...], how: str) -> None:
    data = copy.deepcopy(DOCUMENT)
    *way, last = place
    parent = data
    for step in way:
        parent = parent[step]
    if how == "removed":
        del parent[last]
    elif how == "null" and parent[last] is None:
        parent[last] = 0
    else:
        parent[last] = other(parent[last]) if how == "changed" else None
    file.write_text(json.dumps(data))
    with pytest.raises(RefusedError):
        consent.read(file, KEY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(data=st.data())
def test_any_altered_byte_is_refused_or_changes_nothing(file: Path, data: st.DataObject) -> None:
    whole = json.dumps(consent.sealed(PLAN, KEY), ensure_ascii=False, indent=2).encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    file.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    try:
        found = consent.read(file, KEY)
    except RefusedError:
        return
    assert found == PLAN  # the byte was one of the layout, or the same as before


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "not json", '{"body": {}}', "[" * 100_000, '{"body": "\\ud800"}'],
    ids=lambda text: text[:20] or "empty",
)
def test_what_is_not_a_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(RefusedError, match="not a plan"):
        consent.read(path, KEY)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RefusedError):
        consent.read(path, KEY)


def test_a_plan_of_another_station_is_refused(file: Path) -> None:
    with pytest.raises(RefusedError, match="another station"):
        consent.read(file, b"z" * 64)


def test_a_digest_made_anew_does_not_help_without_the_key(file: Path) -> None:
    forged = dataclasses.replace(PLAN, expires="2099-01-01T00:00:00+00:00")
    file.write_text(json.dumps(consent.sealed(forged, b"guess")))
    with pytest.raises(RefusedError):
        consent.read(file, KEY)


def test_a_plan_of_another_version_is_refused() -> None:
    body = consent.body_of(PLAN)
    with pytest.raises(RefusedError, match="another version"):
        consent.plan_from(body | {"schema": consent.SCHEMA + 1})
    with pytest.raises(RefusedError, match="another version"):
        consent.plan_from({k: v for k, v in body.items() if k != "machines"})


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_no_such_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no plan file"):
        consent.read(tmp_path / name, KEY)


def test_where_it_cannot_be_written_the_station_lacks_something(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StationError, match="cannot write the plan"):
        consent.write(PLAN, KEY, tmp_path / "file" / "plan.json")


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        " ",
        PLAN.confirm.lower(),
        PLAN.confirm + " ",
        " " + PLAN.confirm,
        PLAN.confirm[:-1],
        PLAN.confirm.replace(" ", "\u00a0"),
        "ERASE ALL",
        "\udcff",
    ],
    ids=ascii,
)
def test_any_other_phrase_is_refused_and_says_which_one_fits(typed: str | None) -> None:
    with pytest.raises(RefusedError, match="nothing was changed") as caught:
        consent.check_phrase(PLAN, typed)
    assert PLAN.confirm in (caught.value.hint or "")


@given(st.text())
def test_no_text_but_the_phrase_itself_passes(typed: str) -> None:
    if typed != PLAN.confirm:
        with pytest.raises(RefusedError):
            consent.check_phrase(PLAN, typed)


def test_the_phrase_itself_passes() -> None:
    consent.check_phrase(PLAN, PLAN.confirm)


def test_a_plan_that_destroys_nothing_accepts_no_phrase() -> None:
    empty = samples.plan(samples.facts(samples.disk(None)))
    for typed in (None, "", "ERASE"):
        with pytest.raises(RefusedError, match=r"no disk to erase.*pc1.*no serial"):
            consent.check_phrase(empty, typed)


@pytest.mark.parametrize("disks", [(), (0, 0)], ids=["fewer", "more"])
def test_a_phrase_that_does_not_say_what_is_destroyed_is_refused(disks: tuple[int, ...]) -> None:
    machine = PLAN.machines[0]
    other = dataclasses.replace(machine, disks=tuple(machine.disks[n] for n in disks))
    with pytest.raises(RefusedError, match="does not say what the plan destroys"):
        consent.check_phrase(dataclasses.replace(PLAN, machines=(other,)), PLAN.confirm)


def test_a_phrase_names_the_machine_and_the_number_of_disks() -> None:
    """Typed host tag and disk count (wiping.md, 5 (5)): another machine is another phrase."""
    assert re.fullmatch(r"ERASE \d DISKS? OF pc1 [0-9A-F]{4}", PLAN.confirm)
    assert f"ERASE {len(PLAN.machines[0].disks)} DISK" in PLAN.confirm
    elsewhere = dataclasses.replace(PLAN.machines[0], host="pc9")
    with pytest.raises(RefusedError, match="does not say what the plan destroys"):
        consent.check_phrase(dataclasses.replace(PLAN, machines=(elsewhere,)), PLAN.confirm)


def at(minutes: float) -> dt.datetime:
    return samples.NOW + dt.timedelta(minutes=minutes)


@pytest.mark.parametrize("minutes", [0, 1, 29.9, -0.9])
def test_within_half_an_hour_it_may_begin(minutes: float) -> None:
    consent.check_fresh(PLAN, at(minutes))


@pytest.mark.parametrize("minutes", [30, 30.1, 60 * 24, -2, -60 * 24])
def test_too_old_or_from_the_future_is_refused(minutes: float) -> None:
    with pytest.raises(RefusedError, match="nothing was changed"):
        consent.check_fresh(PLAN, at(minutes))


@pytest.mark.parametrize(
    "change",
    [
        {"expires": "whenever"},
        {"created": ""},
        {"expires": "2026-03-01T09:30:00"},
        {"created": "2026-03-01T09:00:00"},
    ],
    ids=str,
)
def test_a_time_that_cannot_be_read_is_refused(change: dict[str, str]) -> None:
    broken: Plan = dataclasses.replace(PLAN, **change)
    with pytest.raises(RefusedError):
        consent.check_fresh(broken, at(1))
