"""Programs on a virtual PC are started over the one SSH that trusts nobody it does not know."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netspring_provision import lab, ssh
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import session, store

PORT = 2222


@pytest.fixture
def station(netspring_home: Path, allow_subprocess: Callable[..., None]) -> Station:
    """A station with one PC that is off."""
    allow_subprocess("ssh-keygen")
    made = Station(netspring_home).ensure()
    lab.create(made, "kid-1", disks=[lab.parse_disk("sata:16M")], dirty=False)
    return made


@pytest.fixture
def told(station: Station, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that reach the PC, which is on; each is answered by a number."""
    lines: list[str] = []
    pc = lab.load(station, "kid-1")

    def run_command(*asked: Any) -> str:
        *where, key, line, _ = asked
        assert where == [station, "127.0.0.1", PORT, "root"]
        assert key is None, "the station's own"
        lines.append(line)
        return "4711\n"

    monkeypatch.setattr(ssh, "run_command", run_command)
    monkeypatch.setattr(store, "load", lambda _station, name: _On(pc, name))
    return lines


class _On:
    """A PC that is on."""

    ssh_port = PORT

    def __init__(self, pc: object, name: str) -> None:
        assert name == "kid-1"
        self.pc = pc


def test_a_line_is_run_as_root_by_the_stations_key(station: Station, told: list[str]) -> None:
    assert session.shell(station, "kid-1", "cat /proc/meminfo") == "4711\n"
    assert told == ["cat /proc/meminfo"]


def test_a_pc_that_is_off_is_said_so(station: Station) -> None:
    with pytest.raises(MachineFailedError, match="kid-1 is off"):
        session.shell(station, "kid-1", "true")


def test_a_program_keeps_its_arguments_on_the_way_to_the_child(
    station: Station, told: list[str]
) -> None:
    assert session.open_as_child(station, "kid-1", "thonny", "it's a 'turtle'.py") == 4711
    words = shlex.split(told[-1])
    assert words[:2] == ["python3", "-c"]
    assert json.loads(words[-1]) == ["thonny", "it's a 'turtle'.py"]


def test_what_was_started_is_ended_as_a_group(station: Station, told: list[str]) -> None:
    session.end(station, "kid-1", 4711)
    assert told[-1].startswith("kill -TERM -4711;")
