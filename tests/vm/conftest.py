"""Virtual PCs for the tests: real QEMU, the real live environment, the real `core` image.

Builds are kept between runs in a home of their own (``NETSPRING_TEST_HOME``, by default in the
user's cache folder), so only the first run on a machine pays for them. Ledger, plans and PCs are
each test's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from netspring_provision import content, lab, live
from netspring_provision.config import Station
from netspring_provision.image.build import build as build_image
from netspring_provision.lab.model import DiskSpec, Firmware, Pc

COMMAND = Path(sys.executable).parent / "netspring"
GIB = 1 << 30
MINUTES = 60
INVENTORY = ("-i", "inventories/lab")


@dataclass
class Lab:
    """A station with its own ledger, sharing builds, and the PCs that a test makes on it."""

    station: Station
    names: list[str] = field(default_factory=list)

    def pc(self, name: str, *disks: str, firmware: Firmware = "bios", memory: int = GIB) -> Pc:
        """Make a dirty PC that is thrown away at the end of the test."""
        if any(pc.name == name for pc in lab.list_pcs(self.station)):
            self.throw_away(name)
        self.names.append(name)
        specs: list[DiskSpec] = [lab.parse_disk(text) for text in disks]
        return lab.create(self.station, name, firmware, memory, specs)

    def live(self, name: str) -> Pc:
        """Boot the live environment on it and wait until SSH answers."""
        pc = lab.start(self.station, name, boot="live", live=live.show(self.station))
        lab.wait_for_ssh(pc, 300)
        return pc

    def throw_away(self, name: str) -> None:
        """Cut its power and delete it."""
        if lab.load(self.station, name).running:
            lab.kill(self.station, name)
        lab.destroy(self.station, name)

    def run(self, *args: str, timeout: float = 30 * MINUTES) -> subprocess.CompletedProcess[str]:
        """The command as a user runs it."""
        return subprocess.run(
            [COMMAND, *args],
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """The command in the background, in a process group of its own."""
        return subprocess.Popen(
            [COMMAND, *args],
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def json(self, *args: str, code: int = 0) -> Any:
        """The command's ``--json`` result; it must end with ``code``."""
        done = self.run(*args, "--json")
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def plan(
        self, *names: str, code: int = 0, usb: tuple[str, ...] = (), again: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """A plan for these PCs, as ``plan --json`` prints it; ``again``: serials that failed."""
        more = [word for serial in usb for word in ("--usb", serial)]
        more += [word for serial in again for word in ("--retry-failed", serial)]
        result: dict[str, Any] = self.json(
            "plan", *INVENTORY, "--limit", ",".join(names), *more, code=code
        )
        return result

    def ansible(self, playbook: str, name: str, *more: str) -> dict[str, int]:
        """Plain ansible-playbook from the root of the repository; the recap of one PC."""
        program = COMMAND.with_name("ansible-playbook")
        done = subprocess.run(
            [program, *INVENTORY, "--limit", name, f"playbooks/{playbook}.yml", *more],
            cwd=content.root(),
            env=self.env() | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
            capture_output=True,
            text=True,
            timeout=30 * MINUTES,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        stats: dict[str, int] = json.loads(done.stdout)["stats"][name]
        return stats

    def env(self) -> dict[str, str]:
        """The environment of the command."""
        return {**os.environ, "NETSPRING_HOME": str(self.station.home)}


def kept_station() -> Station:
    """The station whose builds outlive the tests."""
    named = os.environ.get("NETSPRING_TEST_HOME")
    home = Path(named) if named else platformdirs.user_cache_path("netspring-tests")
    return Station(home.absolute()).ensure()


@pytest.fixture(scope="session")
def builds() -> Station:
    """A station that has the live environment and the `core` image; built if they are missing."""
    station = kept_station()
    live.build(station)
    build_image(station, "core")
    return station


def share(builds: Station, home: Path) -> Station:
    """A station in an empty folder with the builds and keys of another, and nothing else of it.

    Of its images only `core`: what else was built there must not decide what a plan asks for.
    """
    for shared in ("live", "keys", "cache"):
        (home / shared).symlink_to(builds.home / shared)
    (home / "images").mkdir()
    for image in builds.images.glob("core-*"):
        target = image.readlink() if image.is_symlink() else image
        (home / "images" / image.name).symlink_to(target)
    return Station(home).ensure()


@pytest.fixture
def station_lab(builds: Station, tmp_path: Path) -> Iterator[Lab]:
    """A lab whose ledger, plans, runs and PCs are new; builds and keys are the session's."""
    home = tmp_path / "home"
    home.mkdir()
    made = Lab(share(builds, home))
    yield made
    for name in made.names:
        if any(pc.name == name for pc in lab.list_pcs(made.station)):
            made.throw_away(name)


@pytest.fixture(scope="module")
def module_lab(builds: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same, shared by the tests of one file: for those that leave the PC as it was."""
    made = Lab(share(builds, tmp_path_factory.mktemp("lab")))
    yield made
    for name in made.names:
        if any(pc.name == name for pc in lab.list_pcs(made.station)):
            made.throw_away(name)
