"""Several records hold only as an unbroken stretch of one station's chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from changing import put
from workshop_kit import Workshop, check, fields

from netspring_provision.erasure import form


def chain(workshop: Workshop, count: int) -> list[Path]:
    for _ in range(count):
        workshop.wiped()
    return [issued.path for issued in workshop.issued]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2, 1, 3], [1, 2], [2]])
def test_a_whole_stretch_of_the_chain_holds_in_any_order(
    workshop: Workshop, order: list[int]
) -> None:
    paths = chain(workshop, 4)
    checked = check(workshop, *(paths[n] for n in order))
    assert [one.path for one in checked] == [paths[n] for n in order]
    assert all(one.good for one in checked)


def test_a_missing_record_between_is_told(workshop: Workshop) -> None:
    paths = chain(workshop, 4)
    checked = check(workshop, paths[0], paths[1], paths[3])
    assert [one.good for one in checked] == [True, True, False]
    assert fields(checked[2]) == {"prev_sha256"}
    assert "missing" in str(checked[2].problems[0])


def test_a_record_that_was_changed_breaks_the_one_after_it_too(workshop: Workshop) -> None:
    """Even when the liar can sign."""
    paths = chain(workshop, 3)
    changed = put(workshop.record(1), ("donor_ref",), "somebody else")
    workshop.forge(paths[1], changed)
    checked = check(workshop, *paths)
    assert [fields(one) for one in checked] == [set(), set(), {"prev_sha256"}]
    assert check(workshop, paths[1])[0].good, "alone, nothing shows it: that is what chains are for"


def test_two_records_cannot_follow_the_same_one(workshop: Workshop) -> None:
    paths = chain(workshop, 2)
    rival = workshop.forge(
        paths[1].with_name("rival.json"), put(workshop.record(1), ("donor_ref",), "somebody else")
    )
    checked = check(workshop, *paths, rival)
    assert [fields(one) for one in checked] == [set(), {"prev_sha256"}, {"prev_sha256"}]
    assert "rival.json" in str(checked[1].problems[0])


def test_the_number_of_a_record_is_its_place_in_the_chain(workshop: Workshop) -> None:
    paths = chain(workshop, 2)
    first, second = workshop.record(0), workshop.record(1)
    later = second["cert_id"].replace("-000002-", "-000003-")
    workshop.forge(paths[1], put(second, ("cert_id",), later))
    assert [fields(one) for one in check(workshop, *paths)] == [set(), {"cert_id"}]
    workshop.forge(paths[1], put(second, ("prev_sha256",), form.FIRST))
    assert fields(check(workshop, paths[1])[0]) == {"prev_sha256"}
    workshop.forge(paths[0], put(first, ("prev_sha256",), "1" * 64))
    assert fields(check(workshop, paths[0])[0]) == {"prev_sha256"}


def test_records_of_two_stations_are_not_one_chain(workshop: Workshop) -> None:
    (mine,) = chain(workshop, 1)
    other = workshop.forge(mine.with_name("other.json"), put(workshop.record(), ("site",), "B"))
    assert [one.good for one in check(workshop, mine, other)] == [False, False]


def test_the_same_file_twice_is_once(workshop: Workshop) -> None:
    (path,) = chain(workshop, 1)
    (checked,) = check(workshop, path, path)
    assert checked.good
