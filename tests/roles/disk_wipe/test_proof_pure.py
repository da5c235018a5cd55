"""The arithmetic of the proof: what lies where, which places are read, what health says."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.netspring_disks import smart
from ansible.module_utils.netspring_erase import content, health, sampling
from hypothesis import given
from hypothesis import strategies as st

G = sampling.GRAIN


@pytest.mark.parametrize(
    ("bytes_", "kind"),
    [
        (bytes(8192), "zero"),
        (b"\xff" * 8192, "ff"),
        (b"\x33\xcc\x55\xaa" * 2048, "periodic"),
        (b"\x01" * 8192, "periodic"),
        (bytes(range(256)) * 32, "periodic"),
        (bytes(4095) + b"\1" + bytes(4095) + b"\1", "periodic"),
        (bytes(8191) + b"\1", "random"),
        (b"\xff" * 8191 + b"\0", "random"),
    ],
)
def test_what_lies_where_a_canary_was(bytes_: bytes, kind: str) -> None:
    assert content.classify(bytes_) == kind


grids = st.builds(
    lambda pitch, length, phase: sampling.Grid(
        pitch * G, min(length, pitch) * G, phase % pitch * G
    ),
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(0, 63),
)


@given(at=grids, size=st.integers(2 * G, 1 << 21), place=st.integers(0, 1 << 21))
def test_no_residue_of_the_promised_length_escapes(
    at: sampling.Grid, size: int, place: int
) -> None:
    """Wherever it lies, and it is only a byte longer than the widest gap."""
    size = size // 512 * 512
    reads = list(sampling.places(size, at, 16 * G))
    end = 0
    for offset, length in reads:
        assert offset >= end  # in order, and no byte twice
        assert offset % G == 0
        assert 0 < length <= 16 * G
        end = offset + length
    assert (reads[0][0], end) == (0, size)
    assert sum(length for _, length in reads) == sampling.size_of(size, at)
    begin = place % size
    residue_end = begin + at.detectable
    if residue_end <= size:
        assert any(offset < residue_end and begin < offset + length for offset, length in reads)


@given(at=grids, size=st.integers(2 * G, 1 << 21))
def test_the_grid_itself_is_all_read(at: sampling.Grid, size: int) -> None:
    size = size // 512 * 512
    read = sampling.size_of(size, at)
    alone = sum(min(at.length, size - begin) for begin in range(at.phase, size, at.pitch))
    assert alone <= read <= size


def test_the_phase_lies_on_the_disk_and_is_drawn_anew() -> None:
    wanted = {"mode": "sampled", "pitch_bytes": 1 << 30, "length_bytes": 1 << 20}
    found = [sampling.grid(wanted, 64 << 20) for _ in range(40)]
    phases = {grid.phase for grid in found if grid}
    assert len(phases) > 10
    assert all(phase < 64 << 20 and phase % G == 0 for phase in phases)
    assert sampling.grid(None, 1 << 30) is None
    assert sampling.grid({"mode": "full"}, 1 << 30) is None


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (None, None),
        ({"mode": "full", "pitch_bytes": None, "length_bytes": None}, None),
        ({"mode": "sampled", "pitch_bytes": 8 * G, "length_bytes": G}, None),
        ({"mode": "sampled", "pitch_bytes": G, "length_bytes": G}, None),
        ({"mode": "sampled", "pitch_bytes": True, "length_bytes": G}, "no pitch"),
        ({"mode": "sampled", "pitch_bytes": G, "length_bytes": 2 * G}, "no grid"),
        ({"mode": "sampled", "pitch_bytes": G, "length_bytes": 512}, "no grid"),
        ({"mode": "some"}, "unknown"),
        ("full", "unknown"),
    ],
)
def test_which_grids_are_none(wanted: object, word: str | None) -> None:
    found = sampling.fault(wanted)
    assert (found is None) if word is None else (found is not None and word in found)


def test_health_is_only_judged_by_what_was_told_before() -> None:
    assert health.fault(None, {"pending": 5}) is None
    assert health.fault({"pending": None}, {"pending": 5}) is None
    assert health.fault({"pending": 5}, {"pending": 5}) is None
    assert health.fault({"pending": 5}, {"pending": 6}) is not None
    assert health.fault({"uncorrectable": 0}, {}) is not None
    assert health.replaced({"reallocated": 3}, None) == "3 sectors had been replaced by spares"
    assert health.replaced({"reallocated": 0}, {"reallocated": 0}) is None


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        ({"value": 72, "string": "72"}, 72),
        ({"value": 3 | 2 << 16, "string": "3 (2 0)"}, 3),  # raw16(raw16) of smartmontools
        ({"value": 131075, "string": "3 (2, 0)"}, 3),
        ({"value": 5}, 5),
        ({"value": 5, "string": "0x05"}, 5),
        ({}, None),
    ],
)
def test_packed_counters_of_smart(raw: dict[str, object], count: int | None) -> None:
    row = {"id": 5, "name": "Reallocated_Sector_Ct", "raw": raw}
    text = json.dumps({"smart_status": {"passed": True}, "ata_smart_attributes": {"table": [row]}})
    found = smart.health(text)
    assert found is not None
    assert found.reallocated == count
