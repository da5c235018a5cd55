"""A run that can no longer be recorded is noticed, also when there is space again."""

import errno
import os
import time
from pathlib import Path

import pytest

from netspring_provision import runspace
from netspring_provision.runspace import RunSpace


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call looks."""
    monkeypatch.setattr(runspace, "EVERY", 0.0)


def test_a_folder_with_space_is_left_as_it_was(tmp_path: Path) -> None:
    space = RunSpace(tmp_path)
    assert not space.is_full()
    assert space.trouble is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_what_cannot_be_written_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    space = RunSpace(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", refuse)
        assert space.is_full()
    assert space.is_full()
    assert space.trouble is not None
    assert space.trouble.exit_code == 4
    assert os.strerror(number) in space.trouble.message
    assert "free some space" in (space.trouble.hint or "")


def test_an_event_that_stays_half_written_counts(tmp_path: Path) -> None:
    events = tmp_path / "artifacts" / "x" / "job_events"
    events.mkdir(parents=True)
    half = events / "uuid-partial.json.tmp"
    half.write_text("")
    space = RunSpace(tmp_path)
    assert not space.is_full(), "it may be in the writing"
    long_ago = time.time() - runspace.LOST_AFTER - 1
    os.utime(half, (long_ago, long_ago))
    assert space.is_full()


def test_it_looks_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runspace, "EVERY", 60.0)
    space = RunSpace(tmp_path / "missing")
    assert space.is_full()  # the folder is not there
    other = RunSpace(tmp_path)
    assert not other.is_full()
    monkeypatch.setattr(Path, "write_bytes", lambda *_: pytest.fail("it looked again at once"))
    assert not other.is_full()
