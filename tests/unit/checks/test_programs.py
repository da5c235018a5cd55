"""A program of the checks ends, is missing, or hangs; and each is told apart."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision.checks.on_machine import programs


@pytest.fixture(autouse=True)
def real(allow_subprocess: Callable[..., None]) -> None:
    allow_subprocess("sh", "cat", "sleep", "no-such-program")


def test_what_it_says_and_how_it_ended() -> None:
    done = programs.run("sh", "-c", 'echo "$LC_ALL"; echo why >&2; exit 3')
    assert (done.returncode, done.stdout, done.stderr) == (3, "C.UTF-8\n", "why\n")


def test_its_environment_is_the_one_that_is_given() -> None:
    said = programs.output("sh", "-c", 'echo "$LC_ALL$A"', env={"PATH": programs.PATHS, "A": "a"})
    assert said == "a\n"


def test_it_reads_bytes_and_may_answer_what_is_no_text() -> None:
    assert programs.run("cat", data=b"\xff1").stdout == "\N{REPLACEMENT CHARACTER}1"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("no-such-program",), "no-such-program is missing"),
        (("sleep", "60"), "sleep does not come to its end"),
        (("sh", "-c", "echo why >&2; exit 3"), "sh ended with 3: why"),
    ],
)
def test_what_gave_no_output_says_why(argv: tuple[str, ...], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        programs.output(*argv, timeout=0.3)


def test_somebody_may_write_into_a_folder_and_nothing_stays(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid())
    if os.getuid():  # only root may be somebody else
        pytest.fail("run the tests as root: make test does")
    assert programs.write_as(me, tmp_path) == {"wrote": True, "stderr": ""}
    assert list(tmp_path.iterdir()) == []
    seen = programs.write_as(me, tmp_path / "none")
    assert not seen["wrote"]
    assert "none" in seen["stderr"]
