"""A device that erases itself, on a loop device: its bytes are real, its tools are replayed.

What the tools print was recorded (tests/roles/disk_wipe/recorded/README.md says from what). Time
does not pass: the clock jumps by as much as the program waits.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks.nvme import Formatting
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase.probe import Probe
from loop_devices import Loop, probe_of

MIB = 1 << 20
RECORDED = Path(__file__).parents[1] / "roles/disk_wipe/recorded"
VERSIONS = {
    "nvme": ("nvme version 2.13 (git 2.13)\nlibnvme version 1.13 (git 1.13)\n", ""),
    "sg_sanitize": ("", "sg_sanitize: version: 1.22 20230622\n"),
    "blkdiscard": ("blkdiscard from util-linux 2.41.5\n", ""),
}
NVME = Formatting(
    controller="/dev/nvme0",
    nsid=1,
    format_supported=True,
    secure_erase=True,
    crypto_erase=True,
    format_all_ns=False,
    lbaf=0,
    ms=0,
    sanitize_block=True,
    sanitize_overwrite=True,
    sanitize_crypto=True,
)


def nvme_log(name: str) -> tuple[int, str, str]:
    """Exit code and output of ``nvme sanitize-log``, as recorded."""
    return 0, (RECORDED / f"nvme-cli-2.13/log-{name}.json").read_text(), ""


def nvme_refusal(name: str) -> tuple[int, str, str]:
    """The same of a Sanitize command that was not accepted."""
    return 1, "", (RECORDED / f"nvme-cli-2.13/sanitize-{name}.err").read_text()


def sense(name: str) -> tuple[int, str, str]:
    """Exit code and output of ``sg_requests``, as recorded."""
    folder = RECORDED / "sg3-utils-1.48"
    out, err = (folder / f"sense-{name}.{kind}" for kind in ("out", "err"))
    return 0, out.read_text(), err.read_text()


class Drive:
    """Answers the tools of one drive, in the order of a script.

    Attributes:
        asks: the command that asks for the status; its answers are used up in order, the last one
            stays.
        answer: to the command that erases.
        deed: what that command does to the bytes.
        seen: every command but those for the version, in order.
    """

    def __init__(
        self,
        loop: Loop,
        asks: str,
        status: list[tuple[int | None, str, str]],
        deed: Callable[[], object] = lambda: None,
        answer: tuple[int | None, str, str] = (0, "", ""),
    ) -> None:
        self.loop, self.asks, self.answer, self.deed = loop, asks, answer, deed
        self.status: Iterator[tuple[int | None, str, str]] = iter(status)
        self.last = status[-1]
        self.seen: list[list[str]] = []
        self.now = 0.0

    def __call__(self, argv: list[str], _seconds: float) -> Said:
        if argv[-1] in ("version", "--version"):
            return Said(tuple(argv), 0, *VERSIONS[argv[0]])
        self.seen.append(argv)
        if self.asks in argv:
            self.last = next(self.status, self.last)
            return Said(tuple(argv), *self.last)
        self.deed()
        return Said(tuple(argv), *self.answer)

    @property
    def erases(self) -> list[list[str]]:
        """The commands that were not questions."""
        return [argv for argv in self.seen if self.asks not in argv]

    def pause(self, stop: threading.Event, seconds: float) -> bool:
        self.now += seconds
        return stop.is_set()

    def probe(self, bus: str = "nvme", **changes: Any) -> Probe:
        """The probe of production, with this drive's tools, on this bus."""
        plain = probe_of(self.loop)

        def identify(name: str) -> Any:
            return dataclasses.replace(plain.identify(name), bus=bus)

        answers: dict[str, Any] = {
            "identify": identify,
            "disks": lambda: [identify(self.loop.name)],
            "run": self,
            "clock": lambda: self.now,
            "pause": self.pause,
            "formatting": lambda _name: NVME,
            "namespaces": lambda _name: 1,
            "whole": lambda _name: True,
            "ata": lambda _disk: {},
            "sanitize_scsi": lambda _path: {"block": True, "overwrite": True, "crypto": True},
            "card": lambda _name: None,
        }
        return probe_of(self.loop, **(answers | changes))


def fill(loop: Loop, content: bytes) -> Callable[[], object]:
    """What a drive may leave behind; written through the device, as a drive would."""

    def deed() -> None:
        with Path(loop.path).open("r+b") as stream:
            for _ in range(loop.size // MIB):
                stream.write(content * (MIB // len(content)))

    return deed
