"""hdparm's recorded answers, in order, to a program that works on a file in place of a disk.

Each step names the exact command that is expected. An answer may do something to the file, as the
drive would; the driver around it (canaries, status, polling) is the real one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import canaries, firmware
from ansible.module_utils.netspring_erase.evidence import Evidence
from ansible.module_utils.netspring_erase.methods import Target
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import Progress

RECORDED = Path(__file__).parents[1] / "disk_inspect/recorded"
SIZE = 8 << 20  # bytes
DEV = "/dev/sda"
VERSION = ["hdparm", "-V"]
IDENTIFY = ["hdparm", "-I", DEV]
STATUS = ["hdparm", "--sanitize-status", DEV]
BAD_SENSE = (RECORDED / "hdparm/security-rejected-intenso.err").read_text()


def text(name: str) -> str:
    return (RECORDED / "hdparm" / name).read_text()


SANDISK = text("sandisk-I.txt")  # not frozen, no password, Sanitize by block erase
ALL_SANITIZE = SANDISK.replace(
    "   *\tBLOCK_ERASE_EXT command\n",
    "   *\tCRYPTO_SCRAMBLE_EXT command\n\t   *\tOVERWRITE_EXT command\n"
    "\t   *\tBLOCK_ERASE_EXT command\n",
)


def flags(identify: str = SANDISK, **values: bool) -> str:
    """The identity with security flags set or cleared, in the layout of hdparm."""
    for name, value in values.items():
        old = f"\tnot\t{name}\n" if value else f"\t\t{name}\n"
        new = f"\t\t{name}\n" if value else f"\tnot\t{name}\n"
        assert old in identify or new in identify
        identify = identify.replace(old, new)
    return identify


@dataclass
class Step:
    """One expected command, its answer, and what the drive does meanwhile."""

    argv: list[str]
    out: str = ""
    err: str = ""
    code: int | None = 0
    deed: Callable[[], None] | None = None
    longest: float | None = None  # seconds; the least that the program must allow


def identify(identity: str = SANDISK) -> Step:
    return Step(IDENTIFY, identity)


def version() -> Step:
    return Step(VERSION, "hdparm v9.65\n")


@dataclass
class Play:
    """The steps still to come, a clock that only moves when the program waits, and a file."""

    file: Path
    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    battery: bool = False
    seen: list[list[str]] = field(default_factory=list)

    def run(self, argv: list[str], seconds: float = 120.0) -> Said:
        self.seen.append(argv)
        assert self.steps, f"{argv} was not expected"
        step = self.steps.pop(0)
        assert argv == step.argv
        assert step.longest is None or seconds >= step.longest
        if step.deed:
            step.deed()
        return Said(tuple(argv), step.code, step.out, step.err)

    def pause(self, stop: threading.Event, seconds: float) -> bool:
        self.seconds += seconds
        return stop.is_set()

    def erase(self) -> None:
        """What a drive that keeps its word does."""
        self.file.write_bytes(bytes(SIZE))

    @property
    def disk(self) -> Identity:
        return Identity("sda", DEV, "8:0", "sata", "S1", None, SIZE, 512, False)

    def probe(self) -> Probe:
        return replace(
            Probe(),
            run=self.run,
            clock=lambda: self.seconds,
            pause=self.pause,
            on_battery=lambda: self.battery,
            name_of_descriptor=lambda _descriptor: "sda",
            identify=lambda _name: self.disk,
            disks=lambda: [self.disk],
        )

    def target(self, stop: threading.Event | None = None, **planned: Any) -> Target:
        plan = {"serial": "S1", "path": DEV, "fallback": [], **planned}
        return Target(self.disk, plan, self.probe(), Progress(), stop or threading.Event())

    @contextmanager
    def work(self, stop: threading.Event | None = None, **planned: Any) -> Iterator[firmware.Work]:
        """The file opened, with canaries on it; afterwards every step must have been taken."""
        self.file.write_bytes(os.urandom(SIZE))
        at = self.target(stop, **planned)
        descriptor = os.open(self.file, os.O_RDWR)
        try:
            planted = canaries.plant(descriptor, SIZE)
            yield firmware.Work(at, descriptor, planted, Evidence(at.planned))
        finally:
            os.close(descriptor)
        assert not self.steps, f"{len(self.steps)} commands were not sent: {self.steps[0].argv}"
