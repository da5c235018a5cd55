"""Real loop devices with made-up serials: the kernel knows none for them, so the probe is told."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks import identity
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase import disk
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import Progress

TOKEN = "ab" * 32
UUID = "11111111-2222-3333-4444-555555555555"
PATTERN = b"PRIVATE DATA OF THE DONOR " * 4096


@dataclasses.dataclass
class Loop:
    """One loop device.

    Attributes:
        file: its backing file.
        path: its device node.
        serial: the serial that the probe gives it.
    """

    file: Path
    path: str
    serial: str

    @property
    def name(self) -> str:
        return self.path.removeprefix("/dev/")

    @property
    def size(self) -> int:
        return identity.identify(self.name).size_bytes

    def planned(self, **changes: Any) -> dict[str, Any]:
        """The disk's part of a plan."""
        disk_plan = {
            "path": self.path,
            "serial": self.serial,
            "wwn": None,
            "size_bytes": self.size,
            "model": "LOOP",
            "bus": "unknown",
            "medium": "hdd",
            "method": "overwrite",
            "fallback": [],
            "claim": {"level": "Clear", "limits": []},
            "opt_in": True,  # a loop device is on no known bus
        }
        return disk_plan | changes

    def sha256(self) -> str:
        """Digest of what lies on the device's file now."""
        os.sync()
        return subprocess.run(
            ["sha256sum", self.file], capture_output=True, text=True, check=True
        ).stdout.split()[0]

    def is_zero(self) -> bool:
        """Whether the file holds zeros only, read independently of our own verifier."""
        done = subprocess.run(["cmp", "-n", str(self.size), self.file, "/dev/zero"], check=False)
        return done.returncode == 0


def dirty(file: Path, size: int) -> None:
    """Fill a file with a recognisable pattern."""
    with file.open("wb") as stream:
        left = size
        while left:
            left -= stream.write(PATTERN[:left])


@pytest.fixture
def loops(tmp_path: Path) -> Iterator[Callable[..., Loop]]:
    """Makes dirty loop devices: ``loops(size, serial="A", folder=…, read_only=False)``."""
    made: list[Loop] = []

    def make(
        size: int,
        serial: str = "A1",
        folder: Path | None = None,
        options: tuple[str, ...] = (),
    ) -> Loop:
        file = (folder or tmp_path) / f"{serial}-{len(made)}.img"
        dirty(file, size)
        argv = ["losetup", "--find", "--show", *options, str(file)]
        path = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
        made.append(Loop(file, path, serial))
        return made[-1]

    yield make
    for loop in made:
        subprocess.run(["losetup", "-d", loop.path], check=True)


def probe_of(*loop: Loop, **changes: Any) -> Probe:
    """Production's own probe, but for what a loop device and this computer cannot have."""
    serials = {each.name: each.serial for each in loop}

    def identify(name: str) -> Identity:
        return dataclasses.replace(identity.identify(name), serial=serials.get(name))

    answers: dict[str, Any] = {
        "live": lambda: {"marker": True, "token_sha256": TOKEN, "boot_id": "boot"},
        "uuid": lambda: UUID,
        "identify": identify,
        "disks": lambda: [identify(name) for name in serials],
        "health": lambda _path: None,
    }
    return Probe(**(answers | changes))


def order_of(planned: dict[str, Any], **changes: Any) -> disk.Order:
    """An order for one planned disk."""
    machine = {"host": "pc1", "uuid": UUID, "boot_id": "boot", "disks": [planned]} | changes
    return disk.Order(machine, planned, TOKEN)


def erase(
    loop: Loop,
    probe: Probe | None = None,
    *,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Erase a loop device in this process; ``changes`` alter its part of the plan."""
    order = order_of(loop.planned(**changes))
    return disk.erase(
        order, probe or probe_of(loop), progress or Progress(), stop or threading.Event()
    )


@pytest.fixture
def small_tmpfs(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds 24 MiB and not one more."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)
