"""Programs on a virtual PC are started over SSH that trusts nobody it does not know."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import session


@pytest.fixture
def station(
    netspring_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allow_subprocess: Callable[..., None],
) -> Station:
    """A station with one PC, and an ``ssh`` that writes its arguments down and answers."""
    allow_subprocess("ssh", "ssh-keygen")
    made = Station(netspring_home).ensure()
    lab.create(made, "kid-1", disks=[lab.parse_disk("sata:16M")], dirty=False)
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        "#!/usr/bin/python3\nimport json, sys\n"
        'json.dump(sys.argv[1:], open(f"{sys.argv[0]}.json", "w"))\n'
        'sys.exit("no such file") if "missing" in sys.argv[-1] else print(4711)\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return made


def told(tmp_path: Path) -> list[str]:
    words: list[str] = json.loads((tmp_path / "bin/ssh.json").read_text())
    return words


def test_a_line_is_run_with_the_stations_key_and_known_hosts(
    station: Station, tmp_path: Path
) -> None:
    assert session.shell(station, "kid-1", "cat /proc/meminfo") == "4711\n"
    words = told(tmp_path)
    assert words[-2:] == ["root@127.0.0.1", "cat /proc/meminfo"]
    assert str(station.ssh_key) in words
    assert "StrictHostKeyChecking=yes" in words
    assert f"UserKnownHostsFile={station.known_hosts}" in words


def test_a_line_that_fails_says_why(station: Station) -> None:
    with pytest.raises(MachineFailedError, match=r"kid-1.*no such file"):
        session.shell(station, "kid-1", "cat missing")


def test_a_program_keeps_its_arguments_on_the_way_to_the_child(
    station: Station, tmp_path: Path
) -> None:
    assert session.open_as_child(station, "kid-1", "thonny", "it's a 'turtle'.py") == 4711
    words = shlex.split(told(tmp_path)[-1])
    assert words[:2] == ["python3", "-c"]
    assert json.loads(words[-1]) == ["thonny", "it's a 'turtle'.py"]


def test_what_was_started_is_ended_as_a_group(station: Station, tmp_path: Path) -> None:
    session.end(station, "kid-1", 4711)
    assert told(tmp_path)[-1].startswith("kill -TERM -4711;")
