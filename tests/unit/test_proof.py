"""What a report must hold by itself, without a plan: the numbers, one by one."""

from typing import Any

import entries
import pytest
import samples

from netspring_provision import sampling
from netspring_provision.proof import is_count, proof_gap

DISK = entries.PLANNED["hdd"]
SIZE = DISK.size_bytes
PITCH, LENGTH = 10 << 20, 1 << 20
LEAST = sampling.grid_bytes(SIZE, PITCH, LENGTH, 4096)


def sampled(**changes: Any) -> dict[str, Any]:
    verify = {
        "mode": "sampled",
        "pitch_bytes": PITCH,
        "length_bytes": LENGTH,
        "phase_bytes": 4096,
        "bytes_read": LEAST + 2 * LENGTH,
        "detectable_bytes": PITCH - LENGTH + 1,
        "nonzero": 0,
        "read_errors": 0,
    }
    return samples.erased(DISK, verify=verify | changes)


def grid(pitch: int, length: int, phase: int) -> dict[str, int]:
    """A grid told in keeping with itself."""
    return {
        "pitch_bytes": pitch,
        "length_bytes": length,
        "phase_bytes": phase,
        "bytes_read": SIZE,
        "detectable_bytes": pitch - length + 1,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"phase_bytes": 0, "bytes_read": SIZE},
        {"phase_bytes": PITCH - 1, "bytes_read": SIZE},
        {"bytes_read": LEAST},
        {"bytes_read": SIZE},
        grid(PITCH, PITCH, 0),
        grid(PITCH, 1, 0),
        {**grid(SIZE, 1, SIZE - 1), "bytes_read": 1},
    ],
    ids=str,
)
def test_a_grid_that_was_read_is_believed(changes: dict[str, Any]) -> None:
    assert proof_gap(sampled(**changes)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"bytes_read": LEAST - 1},
        {"bytes_read": SIZE + 1},
        {"bytes_read": 0},
        {"bytes_read": float(LEAST)},
        {"bytes_read": None},
        grid(PITCH, 0, 0),
        grid(PITCH, -1, 0),
        grid(PITCH, PITCH + 1, 0),
        grid(PITCH, LENGTH, PITCH),
        grid(PITCH, LENGTH, -1),
        grid(0, 0, 0),
        grid(-5, -9, -7),
        grid(SIZE * 2, LENGTH, SIZE),  # a phase beyond the end: nothing would be read
        {**grid(SIZE * 2, LENGTH, SIZE), "bytes_read": 0},
        {"pitch_bytes": None},
        {"length_bytes": True},
        {"phase_bytes": "0"},
        {"detectable_bytes": PITCH - LENGTH},
        {"detectable_bytes": None},
        {"nonzero": 1},
        {"read_errors": 1},
        {"mode": "full"},
        {"mode": "Sampled"},
    ],
    ids=str,
)
def test_any_other_grid_is_not(changes: dict[str, Any]) -> None:
    assert proof_gap(sampled(**changes))


@pytest.mark.parametrize("serial", ["", None, 5, True, ["A"]])
def test_a_disk_without_a_name_is_not_erased(serial: Any) -> None:
    assert proof_gap(samples.erased(DISK, serial=serial, serial_end=serial))


@pytest.mark.parametrize("size", [0, -1, None, "1", 1.0, True])
def test_a_disk_without_a_size_is_not_erased(size: Any) -> None:
    verify = {"mode": "full", "bytes_read": size, "nonzero": 0, "read_errors": 0}
    entry = samples.erased(DISK, size_bytes=size, native_bytes=size, verify=verify)
    assert proof_gap(entry)


def test_whether_something_is_hidden_must_be_told_or_be_unknown() -> None:
    entry = samples.erased(DISK)
    assert proof_gap(entry | {"native_bytes": None}) is None
    del entry["native_bytes"]
    assert proof_gap(entry)


@pytest.mark.parametrize("native", [SIZE + 512, SIZE - 512, 0, float(SIZE), str(SIZE), True])
def test_a_drive_that_has_another_size_than_it_shows_is_not_erased(native: Any) -> None:
    assert proof_gap(samples.erased(DISK, native_bytes=native))


@pytest.mark.parametrize("security", [None, {}, {"enabled": False, "locked": False}, "odd"])
def test_a_drive_without_a_password_is_open(security: Any) -> None:
    assert proof_gap(samples.erased(DISK, security_after=security)) is None


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        (None, None, True),
        ({}, {}, True),
        ({"pending": 3}, {"pending": 3}, True),
        ({"pending": 3}, {"pending": 0}, True),
        ({"pending": 3}, {"pending": 4}, False),
        ({"uncorrectable": 0}, {"uncorrectable": 1}, False),
        ({"pending": 3}, {"pending": None}, False),
        ({"pending": 3}, None, False),
        (None, {"pending": 3}, True),  # told only afterwards: not by this wipe, as far as is known
        ({"pending": "3"}, {"pending": 3}, False),
        ({"pending": -1}, {"pending": -1}, False),
        ({"pending": False}, {"pending": 0}, False),
    ],
    ids=str,
)
def test_sectors_that_became_unreadable_are_not_erased(before: Any, after: Any, good: bool) -> None:
    entry = samples.erased(DISK, smart_before=before, smart_after=after)
    assert (proof_gap(entry) is None) is good


def test_a_number_is_that_number_and_no_look_alike() -> None:
    assert is_count(0, 0)
    for odd in (True, False, 0.0, 1.0, "0", None, [0]):
        assert not is_count(odd, 0)
        assert not is_count(0, odd)
        assert not is_count(1, odd)
