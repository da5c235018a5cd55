"""When the first machine of a batch has passed, has not, or is not to be waited for any longer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import first, job
from ansible.module_utils.netspring_erase.first import Standing

DISKS = [
    {"serial": serial, "path": f"/dev/sd{letter}"} for serial, letter in (("A", "a"), ("B", "b"))
]


@pytest.fixture
def say(tmp_path: Path) -> Callable[..., None]:
    """Let disks be so far: a phase, or an outcome."""
    folder = tmp_path / "p1"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"machine": {"disks": DISKS}}))

    def so_far(**words: Any) -> None:
        for serial, word in words.items():
            if isinstance(word, dict):
                job.result_file(folder, serial).write_text(json.dumps(word))
            else:
                job.progress_file(folder, serial).write_text(json.dumps({"phase": word}) + "\n")

    return so_far


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[None]:
    """The job holds the machine's lock."""
    lock = job.take_lock(tmp_path, "p1")
    assert lock is not None
    yield
    os.close(lock)


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize(
    ("words", "passed"),
    [
        ({}, None),
        ({"A": "overwriting"}, None),
        ({"A": "overwriting", "B": "canaries"}, None),
        ({"A": "overwriting", "B": "resuming"}, None),
        ({"A": "overwriting", "B": "suspended"}, None),
        ({"A": "overwriting", "B": "a phase of tomorrow"}, None),
        ({"A": "overwriting", "B": "sanitizing"}, True),
        ({"A": "formatting", "B": "verifying"}, True),
        ({"A": {"outcome": "erased"}, "B": "overwriting"}, True),
        ({"A": {"outcome": "erased"}, "B": {"outcome": "erased"}}, True),
        ({"A": {"outcome": "erased"}, "B": {"outcome": "failed", "reason": "EIO"}}, False),
        ({"A": "canaries", "B": {"outcome": "refused", "reason": "in use"}}, False),
        ({"A": "canaries", "B": {"outcome": None}}, False),
        ({"A": "canaries", "B": {}}, False),
    ],
    ids=str,
)
def test_every_disk_must_be_behind_its_canaries(
    tmp_path: Path, say: Callable[..., None], words: dict[str, Any], passed: bool | None
) -> None:
    say(**words)
    assert first.standing("p1", tmp_path).passed is passed


@pytest.mark.usefixtures("at_work")
def test_the_reason_names_the_disk(tmp_path: Path, say: Callable[..., None]) -> None:
    say(A="overwriting", B={"outcome": "refused", "reason": "in use (swap)"})
    assert first.look("p1", 0, tmp_path) == Standing(
        False, "/dev/sdb (serial B) refused: in use (swap)"
    )


@pytest.mark.usefixtures("at_work")
def test_it_is_not_waited_for_without_end(tmp_path: Path, say: Callable[..., None]) -> None:
    say(A="overwriting", B="canaries")
    found = first.look("p1", 0.3, tmp_path)
    assert found == Standing(False, "its canaries were not in place after 0 s")


def test_a_job_that_ended_without_a_word_has_not_passed(
    tmp_path: Path, say: Callable[..., None]
) -> None:
    say(A={"outcome": "erased"}, B="overwriting")
    assert first.standing("p1", tmp_path) == Standing(
        False, "/dev/sdb (serial B) ended without a report"
    )


def test_a_plan_that_this_boot_does_not_know_has_not_passed(tmp_path: Path) -> None:
    assert first.standing("p2", tmp_path).passed is False


@pytest.mark.usefixtures("at_work")
def test_a_plan_without_disks_never_passes(tmp_path: Path, say: Callable[..., None]) -> None:
    say()
    (tmp_path / "p1/job.json").write_text(json.dumps({"machine": {"disks": []}}))
    assert first.standing("p1", tmp_path).passed is None
