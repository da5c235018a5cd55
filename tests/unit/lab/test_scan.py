"""The host's proof must see what is there, wherever it lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspring_provision import lab
from netspring_provision.lab import dirt, scan

MARK = dirt.PATTERN.rstrip()
MIB = 1024**2


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_CHUNK", 4096)


def test_an_empty_and_a_sparse_disk_are_clean(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.touch()
    os.truncate(path, 64 * MIB)
    assert (lab.count_pattern(path), lab.nonzero_bytes(path)) == (0, 0)


def test_written_zeros_are_clean(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(9 * MIB + 17))
    assert (lab.count_pattern(path), lab.nonzero_bytes(path)) == (0, 0)


@pytest.mark.parametrize(
    "offset", [0, 1, 4096 - 1, 4096 - len(MARK), 4096 - 3, 8192 - 12, 65536 - 40]
)
@pytest.mark.usefixtures("small_chunks")
def test_one_mark_anywhere_is_found_once(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "disk"
    data = bytearray(65536)
    data[offset : offset + len(MARK)] = MARK
    path.write_bytes(data)
    assert lab.count_pattern(path) == 1
    assert lab.nonzero_bytes(path) == len(MARK)


def test_a_mark_among_holes_is_found(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        for offset in (0, 20 * MIB + 5, 100 * MIB - len(MARK)):
            file.seek(offset)
            file.write(MARK)
    assert lab.count_pattern(path) == 3
    assert lab.nonzero_bytes(path) == 3 * len(MARK)


def test_half_a_mark_before_and_after_a_hole_is_none(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.seek(MIB - 10)
        file.write(MARK[:10])
        file.seek(3 * MIB)
        file.write(MARK[10:])
    assert lab.count_pattern(path) == 0
    assert lab.nonzero_bytes(path) == len(MARK)


@given(st.lists(st.sampled_from([b"ab", b"a", b"b", b"\0", b"\0" * 5, b"abc"]), max_size=60))
@settings(max_examples=200, deadline=None)  # a loaded machine is no failure
def test_counts_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    data = b"".join(parts)
    path = tmp_path_factory.mktemp("scan") / "disk"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_CHUNK", 7)
        assert scan.count_bytes(path, b"abc") == data.count(b"abc")
        assert lab.nonzero_bytes(path) == len(data) - data.count(0)
