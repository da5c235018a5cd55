"""Disks that are not as they should be: what may be asked for, and how QEMU plays it. Pure.

Errors are injected by QEMU's blkdebug below the device, so the guest's driver sees what a real
drive would answer. Disks that lie are played by ``liar.py``, because QEMU has none.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from netspring_provision.errors import UsageError
from netspring_provision.lab.sizes import parse_size

SECTOR = 512
SMALLEST_RATE = 64 * 1024  # bytes per second; a boot would not get past the partition tables
# scsi/utils.c of QEMU: ENODATA becomes MEDIUM ERROR, unrecovered read error (03/11/00), as a
# drive says it; EIO would become ABORTED COMMAND. The other buses have one error only.
READ_ERRNO = {"scsi": errno.ENODATA, "usb": errno.ENODATA}
# hw/sd/sd.c of QEMU writes "read error on host side" on its own stderr and tells the guest nothing.
WITHOUT_ERRORS = ("sd",)
# ide-hd and sd-card refuse a read-only file; nvme takes it and tells the guest nothing.
WITHOUT_READ_ONLY = ("sata", "nvme", "sd")


@dataclass(frozen=True)
class Faults:
    """What is wrong with a disk; nothing by default. Sectors have 512 bytes.

    Attributes:
        unreadable: sectors that cannot be read; writing works, and does not heal them.
        unwritable: sectors that cannot be written.
        flush_fails: whether the disk fails to empty its write cache.
        read_only: whether it is write-protected.
        rate: bytes per second at most, reading and writing together; None is no limit.
        stuck: sectors that take a write, report success, and keep what they had.
        wraps: its real size in bytes: what lies behind goes to the beginning, as on flash that was
            sold as larger than it is. None is an honest one.
        fake_erase: whether commands that only name what to zero (NVMe Format and Write Zeroes,
            SCSI WRITE SAME) report success and do nothing.
    """

    unreadable: tuple[int, ...] = ()
    unwritable: tuple[int, ...] = ()
    flush_fails: bool = False
    read_only: bool = False
    rate: int | None = None
    stuck: tuple[int, ...] = ()
    wraps: int | None = None
    fake_erase: bool = False

    @property
    def lies(self) -> bool:
        """Whether the disk says things that are not so, and has to be played by the liar."""
        return bool(self.stuck or self.wraps or self.fake_erase)

    @property
    def errors(self) -> bool:
        """Whether some of its answers are errors."""
        return bool(self.unreadable or self.unwritable or self.flush_fails)


SOUND = Faults()

FORMS = (
    "unreadable=SECTOR, unwritable=SECTOR, flush-fails, read-only, rate=SIZE, stuck=SECTOR, "
    "wraps=SIZE, fake-erase"
)


def parse(words: Sequence[str], bus: str, size_bytes: int) -> Faults:
    """Faults as typed behind a disk, e.g. ``unreadable=2048``; those with a sector may be repeated.

    Raises:
        UsageError: an unknown fault, one that QEMU cannot play on this bus, or a place that the
            disk does not have.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        key = name.replace("-", "_")
        if key not in _READERS or (_READERS[key] is None) == bool(equals):
            raise UsageError(
                f"{word!r} is not a fault that a lab disk can have", hint=f"one of: {FORMS}"
            )
        reader = _READERS[key]
        if reader is None:
            found[key] = True
        elif key in _WITH_SECTOR:
            found[key] = (*found.get(key, ()), reader(value))
        else:
            found[key] = reader(value)
    faults = Faults(**found)
    _check(faults, bus, size_bytes)
    return faults


def to_json(faults: Faults) -> dict[str, Any]:
    """Only what is wrong, as plain data."""
    return {key: value for key, value in asdict(faults).items() if value}


def from_json(data: Mapping[str, Any]) -> Faults:
    """The faults again; TypeError if the data has others."""
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    return Faults(**known)


def describe(faults: Faults) -> str:
    """As it would be typed, or nothing."""
    words = []
    for key, value in to_json(faults).items():
        name = key.replace("_", "-")
        if value is True:
            words.append(name)
        else:
            many = value if isinstance(value, tuple) else (value,)
            words += [f"{name}={each}" for each in many]
    return ",".join(words)


def backend(faults: Faults, bus: str, file: str, socket: str) -> tuple[tuple[str, object], ...]:
    """Where QEMU's disk has its bytes: options of ``-drive``, not yet escaped.

    Args:
        faults: of the disk.
        bus: of the disk; it decides which error a guest is told.
        file: path of the raw file.
        socket: where the disk's liar listens, if it has one.
    """
    if not (faults.lies or faults.errors):
        return (("file", file),)
    under = "file.image." if faults.errors else "file."
    if faults.lies:
        store: tuple[tuple[str, object], ...] = (
            (f"{under}driver", "nbd"),
            (f"{under}server.type", "unix"),
            (f"{under}server.path", socket),
        )
    else:
        store = ((f"{under}driver", "file"), (f"{under}filename", file))
    if not faults.errors:
        return store
    rules: list[dict[str, object]] = [
        *(_rule("read", READ_ERRNO.get(bus, errno.EIO), sector) for sector in faults.unreadable),
        *(_rule("write", errno.EIO, sector) for sector in faults.unwritable),
        *([_rule("flush", errno.EIO)] if faults.flush_fails else []),
    ]
    injected = (
        (f"file.inject-error.{number}.{key}", value)
        for number, rule in enumerate(rules)
        for key, value in rule.items()
    )
    return (("file.driver", "blkdebug"), *store, *injected)


def limits(faults: Faults) -> tuple[tuple[str, object], ...]:
    """Options of ``-drive`` that stand beside the backend."""
    found: list[tuple[str, object]] = []
    if faults.read_only:
        found.append(("readonly", "on"))
    if faults.rate:
        found.append(("throttling.bps-total", faults.rate))
    return tuple(found)


def _rule(iotype: str, number: int, sector: int | None = None) -> dict[str, object]:
    # The event "none" is that of the opening: the rule then holds for every request of its type.
    rule: dict[str, object] = {"event": "none", "iotype": iotype, "errno": number}
    return rule if sector is None else rule | {"sector": sector}


def _sector(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} is not a sector", hint="count from 0, in sectors of 512 bytes")
    return int(text)


_WITH_SECTOR = ("unreadable", "unwritable", "stuck")
# How the value of each fault is read; None has no value.
_READERS: dict[str, Callable[[str], int] | None] = {
    "unreadable": _sector,
    "unwritable": _sector,
    "stuck": _sector,
    "flush_fails": None,
    "read_only": None,
    "fake_erase": None,
    "rate": parse_size,
    "wraps": parse_size,
}


def _check(faults: Faults, bus: str, size_bytes: int) -> None:
    for sector in (*faults.unreadable, *faults.unwritable, *faults.stuck):
        if sector >= size_bytes // SECTOR:
            raise UsageError(
                f"the disk has no sector {sector}",
                hint=f"its last one is {size_bytes // SECTOR - 1}",
            )
    if faults.errors and bus in WITHOUT_ERRORS:
        raise UsageError(
            f"QEMU tells a guest nothing of the errors of a disk on {bus}",
            hint="use another bus for it",
        )
    if faults.read_only and bus in WITHOUT_READ_ONLY:
        raise UsageError(
            f"QEMU cannot protect a disk on {bus} against writing",
            hint="use scsi, virtio or usb for it",
        )
    if faults.rate is not None and faults.rate < SMALLEST_RATE:
        raise UsageError("a disk that slow would never boot", hint="at least rate=64K")
    if faults.wraps is not None and not (
        SECTOR <= faults.wraps < size_bytes and faults.wraps % SECTOR == 0
    ):
        raise UsageError(
            f"wraps={faults.wraps}: not a real size of this disk",
            hint="whole sectors of 512 bytes, less than the size that it tells",
        )
