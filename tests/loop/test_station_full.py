"""A station whose disk is really full: a clear error, and everything written before is whole."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspring_provision import consent
from netspring_provision.errors import StationError
from netspring_provision.ledger import Ledger
from netspring_provision.model import Plan

pytestmark = pytest.mark.loop
PLAN = Plan("p", "2026-01-01T00:00:00+00:00", "2026-01-01T00:30:00+00:00", "x", "", "", (), ())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of one megabyte."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", tmp_path], check=True)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def fill(folder: Path) -> Path:
    """Take all the space that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(os.urandom(size)):
                    pass
            except OSError:
                continue
    return path


def append_for_ever(ledger: Ledger) -> None:
    while True:
        ledger.append("wipe", {"pad": "x" * 2000})


def test_the_ledger_is_whole_and_goes_on_when_there_is_space(small: Path) -> None:
    ledger = Ledger(small / "ledger.db")
    for number in range(5):
        ledger.append("wipe", {"n": number})
    filler = fill(small)
    with pytest.raises(StationError, match="cannot be written") as caught:
        append_for_ever(ledger)
    assert "free some space" in (caught.value.hint or "")
    kept = ledger.check()
    assert kept >= 5
    assert [r.body["n"] for r in ledger.records()[:5]] == [0, 1, 2, 3, 4]
    filler.unlink()
    ledger.append("wipe", {})
    assert ledger.check() == kept + 1


def test_a_new_ledger_cannot_be_made(small: Path) -> None:
    fill(small)
    with pytest.raises(StationError, match="ledger"):
        Ledger(small / "ledger.db")


def test_an_old_plan_is_not_lost_and_no_half_plan_is_left(small: Path) -> None:
    path = small / "plan.json"
    consent.write(PLAN, b"key", path)
    fill(small)
    with pytest.raises(StationError, match="cannot write the plan"):
        consent.write(PLAN, b"key", path)
    assert consent.read(path, b"key") == PLAN
    assert sorted(p.name for p in small.iterdir()) == ["filler", "plan.json"]
