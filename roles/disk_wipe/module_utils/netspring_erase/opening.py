"""Open a disk so that nobody else can, and ask again and again whether it is still the same."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase import guard
from ansible.module_utils.netspring_erase.failures import DiskError, RefusedError
from ansible.module_utils.netspring_erase.probe import Probe

BLKROGET = 0x125E  # linux/fs.h: is the device read-only?
BLKRRPART = 0x125F  # linux/fs.h: read the partition table again
READ_ONLY = "is read-only; open its write-protect switch, or destroy it physically"


@contextmanager
def exclusive(disk: Identity) -> Iterator[int]:
    """Open for direct I/O with the kernel's own exclusive claim: no mount, swap or holder.

    Raises:
        RefusedError: the kernel holds it, or it is read-only.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(disk.path, os.O_RDWR | os.O_DIRECT | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        refusals = {
            errno.EBUSY: "is in use by something the kernel holds; boot the live environment again",
            errno.EROFS: READ_ONLY,
            errno.EACCES: READ_ONLY,
        }
        if error.errno in refusals:
            raise RefusedError(f"{disk.path} {refusals[error.errno]}") from error
        raise
    try:
        # Opening a read-only disk for writing succeeds on some kernels; only writes would fail.
        answer = fcntl.ioctl(descriptor, BLKROGET, struct.pack("i", 0))
        if struct.unpack("i", answer)[0]:
            raise RefusedError(f"{disk.path} {READ_ONLY}")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def pinned(disk: Identity, probe: Probe) -> Iterator[None]:
    """Hold a disk open, so that its name cannot go to another one while a tool uses that name.

    Raises:
        RefusedError: another disk, or none, has its name by now, or it cannot be opened.
    """
    try:
        descriptor = os.open(disk.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(
            f"{disk.path} (serial {disk.serial}) cannot be opened ({error.strerror}); {guard.AGAIN}"
        ) from error
    try:
        still_the_same(descriptor, disk, probe, RefusedError)
        yield
    finally:
        os.close(descriptor)


def still_the_same(
    descriptor: int, disk: Identity, probe: Probe, failure: type[RefusedError | DiskError]
) -> Identity:
    """Ask who is behind the open file itself; the name may have gone to another disk meanwhile.

    Raises:
        RefusedError, DiskError: as ``failure`` says; it is gone or another one.
    """
    try:
        seen = probe.identify(probe.name_of_descriptor(descriptor))
        length = os.lseek(descriptor, 0, os.SEEK_END)
    except OSError as error:
        raise failure(f"{disk.path} (serial {disk.serial}) vanished; {guard.AGAIN}") from error
    was = (disk.serial, disk.wwn, disk.size_bytes)
    now_is = (seen.serial, seen.wwn, seen.size_bytes)
    if now_is != was or length != disk.size_bytes:
        raise failure(f"{disk.path} is now {now_is}, it was {was}; {guard.AGAIN}")
    return seen


def forget_partitions(descriptor: int) -> None:
    """Let the kernel see the empty partition table; what follows does not depend on it."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, BLKRRPART)
