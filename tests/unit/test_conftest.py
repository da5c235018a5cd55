import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision.config import Station


def test_a_program_nobody_allowed_is_not_started() -> None:
    with pytest.raises(AssertionError, match="allow_subprocess"):
        subprocess.run(["true"], check=True)


def test_allowing_one_program_allows_no_other_and_no_shell(
    allow_subprocess: Callable[..., None],
) -> None:
    allow_subprocess("true")
    assert subprocess.run(["true"], check=True).returncode == 0
    with pytest.raises(AssertionError, match="false"):
        subprocess.run(["false"], check=False)
    with pytest.raises(AssertionError):
        subprocess.run("true", shell=True, check=False)  # noqa: S602


def test_the_permission_ends_with_the_test() -> None:
    with pytest.raises(AssertionError):
        subprocess.run(["true"], check=True)


def test_playbooks_and_shells_are_refused() -> None:
    import ansible_runner  # noqa: TID251 - it is what must be refused

    with pytest.raises(AssertionError, match="ansible-runner"):
        ansible_runner.run(playbook="any.yml")
    with pytest.raises(AssertionError, match="shell"):
        os.system("true")  # noqa: S605


def test_the_station_is_one_of_this_test(tmp_path: Path) -> None:
    home = Station.from_environment().home
    assert home.is_relative_to(tmp_path)
    assert not home.exists()
