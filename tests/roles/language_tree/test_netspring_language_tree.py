"""What a language has for itself is written below its own tree, once, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import ROLES

MODULE = ROLES / "language_tree/library/netspring_language_tree.py"


def run(tree: Path, check: bool = False, **given: Any) -> dict[str, Any]:
    """Run the module as Ansible does, with its arguments as JSON."""
    words = {"locale": "fr_FR", "tree": str(tree), "_ansible_check_mode": check, **given}
    done = subprocess.run(
        [sys.executable, MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": words}),
        capture_output=True,
        text=True,
        check=False,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


GIVEN: dict[str, Any] = {
    "files": {"/etc/locale.conf": "LANG=fr_FR.UTF-8\n"},
    "links": {"/etc/skel/.works": "Mes créations"},
    "folders": ["/etc/skel/Mes créations"],
}


def test_files_links_and_folders_are_written_once(tmp_path: Path) -> None:
    assert run(tmp_path, **GIVEN)["changed"] is True
    tree = tmp_path / "fr_FR"
    assert (tree / "etc/locale.conf").read_text() == "LANG=fr_FR.UTF-8\n"
    assert (tree / "etc/locale.conf").stat().st_mode & 0o777 == 0o644
    assert str((tree / "etc/skel/.works").readlink()) == "Mes créations"
    assert (tree / "etc/skel/.works").is_dir()
    again = run(tmp_path, **GIVEN)
    assert (again["changed"], again["written"]) == (False, [])
    other = run(tmp_path, files={"/etc/locale.conf": "LANG=fr_BE.UTF-8\n"})
    assert other["written"] == ["/etc/locale.conf"]


def test_a_trial_writes_nothing_and_says_what_it_would(tmp_path: Path) -> None:
    answer = run(tmp_path, check=True, **GIVEN)
    assert answer["changed"] is True
    assert sorted(answer["written"]) == [
        "/etc/locale.conf",
        "/etc/skel/.works",
        "/etc/skel/Mes créations",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("LANG=fr_FR.UTF-8\n")
    (tmp_path / "fr_FR/etc").mkdir(parents=True)
    (tmp_path / "fr_FR/etc/locale.conf").symlink_to(elsewhere)
    assert run(tmp_path, files={"/etc/locale.conf": "LANG=de\n"})["changed"] is True
    assert elsewhere.read_text() == "LANG=fr_FR.UTF-8\n"


@pytest.mark.parametrize("path", ["etc/locale.conf", "/../etc/passwd", "/", "/a/../../b"])
def test_nothing_is_written_outside_of_the_tree(tmp_path: Path, path: str) -> None:
    answer = run(tmp_path, files={path: "x"})
    assert answer["failed"] is True
    assert "is not an absolute path" in answer["msg"]
    assert not (tmp_path / "etc").exists()
