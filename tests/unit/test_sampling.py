"""What a sampled read-back finds, counted on small disks for every residue and phase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspring_provision import sampling


def spans(size: int, pitch: int, length: int, phase: int) -> list[tuple[int, int]]:
    """What is read: the grid, and the first and the last sample of the disk."""
    grid = [(at, min(at + length, size)) for at in range(phase, size, pitch)]
    return [*grid, (0, min(length, size)), (max(0, size - length), size)]


grids = st.integers(1, 12).flatmap(
    lambda length: st.tuples(st.just(length), st.integers(length, 40), st.integers(1, 300))
)


@given(grids, st.data())
def test_no_contiguous_residue_of_that_size_escapes(
    grid: tuple[int, int, int], data: st.DataObject
) -> None:
    length, pitch, size = grid
    phase = data.draw(st.integers(0, pitch - 1))
    read = {byte for start, end in spans(size, pitch, length, phase) for byte in range(start, end)}
    longest, run = 0, 0
    for byte in range(size):
        run = 0 if byte in read else run + 1
        longest = max(longest, run)
    assert longest < sampling.certain_bytes(pitch, length)


@given(grids, st.data())
def test_the_grid_is_counted_to_the_byte(grid: tuple[int, int, int], data: st.DataObject) -> None:
    length, pitch, size = grid
    phase = data.draw(st.integers(0, pitch - 1))
    counted = sum(end - start for start, end in spans(size, pitch, length, phase)[:-2])
    assert sampling.grid_bytes(size, pitch, length, phase) == counted
    assert len(range(phase, size, pitch)) >= size // pitch


@pytest.mark.parametrize(
    ("fraction", "samples"), [(0.01, 459), (0.001, 4603), (0.0001, 46050)], ids=str
)
def test_the_numbers_of_the_literature(fraction: float, samples: int) -> None:
    """n = ln(1-P)/ln(1-f) at P = 99 %."""
    assert 1 - (1 - fraction) ** samples >= 0.99
    assert 1 - (1 - fraction) ** (samples - 1) < 0.99
    assert sampling.detectable_fraction(samples) == pytest.approx(fraction, rel=2e-3)


@given(st.floats(1, 99.9))
def test_at_least_the_asked_part_is_read(percent: float) -> None:
    pitch = sampling.pitch_for(percent)
    assert pitch >= sampling.LENGTH_BYTES
    assert pitch % sampling.ALIGNMENT == 0
    assert 100 * sampling.LENGTH_BYTES / pitch >= percent * 0.999999


@pytest.mark.parametrize("percent", [0.0, -1.0, 0.5, 100.0, 101.0, float("nan")])
def test_other_percentages_are_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="not between 1 and 100"):
        sampling.pitch_for(percent)


def test_a_small_disk_has_one_sample() -> None:
    assert sampling.samples_in(5, 10) == 1
    assert sampling.samples_in(10, 10) == 1
    assert sampling.samples_in(20, 10) == 2


def test_the_words_hold_the_numbers() -> None:
    said = sampling.in_words(160 * 10**9, 10 << 20, 1 << 20)
    for number in ("10%", "15258 samples", "1048576 bytes", "9437185 bytes", "0.03%", "99%"):
        assert number in said
