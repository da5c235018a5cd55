"""Many files are written at once, each whole, and none that is right already."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import ROLES, load_module

module = load_module("works", "netspring_works_files")
MODULE = ROLES / "works/library/netspring_works_files.py"


def run(dest: Path, **given: Any) -> dict[str, Any]:
    """The module as Ansible runs it."""
    arguments = {"ANSIBLE_MODULE_ARGS": {"dest": str(dest), **given}}
    done = subprocess.run(
        [sys.executable, MODULE], input=json.dumps(arguments), capture_output=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


FILES = {"bin/hello": "#!/bin/sh\n", "share/texts/zh_CN.json": '{"你": "好"}\n'}


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    first = run(tmp_path, files=FILES, programs=["bin/hello"])
    assert first["changed"]
    assert sorted(first["written"]) == [str(tmp_path / path) for path in sorted(FILES)]
    assert (tmp_path / "share/texts/zh_CN.json").read_text() == FILES["share/texts/zh_CN.json"]
    assert (tmp_path / "bin/hello").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "share/texts/zh_CN.json").stat().st_mode & 0o777 == 0o644
    assert not run(tmp_path, files=FILES, programs=["bin/hello"])["changed"]


def test_only_what_is_not_right_is_written(tmp_path: Path) -> None:
    run(tmp_path, files=FILES)
    (tmp_path / "bin/hello").write_text("#!/bin/evil\n")
    assert run(tmp_path, files=FILES)["written"] == [str(tmp_path / "bin/hello")]
    assert run(tmp_path, files=FILES, programs=["bin/hello"])["changed"], "rights count too"


def test_looking_ahead_writes_nothing(tmp_path: Path) -> None:
    answer = run(tmp_path, files=FILES, _ansible_check_mode=True)
    assert answer["changed"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["../etc/passwd", "/etc/passwd", "a/../../b", ""])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    answer = run(tmp_path / "in", files={path: "x"})
    assert answer["failed"]
    assert "not a path below" in answer["msg"]
    assert not list(tmp_path.iterdir())


def test_a_program_without_a_text_is_an_error_of_the_role(tmp_path: Path) -> None:
    assert "bin/other" in run(tmp_path, files=FILES, programs=["bin/other"])["msg"]
