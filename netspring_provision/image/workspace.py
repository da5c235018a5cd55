"""Where a build works: one at a time, in folders that a dead build may leave and the next clears.

Finished things get their name by one rename; whatever has a temporary name is half-made.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from netspring_provision import durable
from netspring_provision.config import Station
from netspring_provision.errors import RefusedError, StationError
from netspring_provision.image.mounts import mounted_below

WORK = "work-"
HALF = ".half-"
OLD = ".old-"


def folder(station: Station) -> Path:
    """Folder of the builds' intermediate things: base layers and work folders."""
    return station.cache / "image"


def debs(station: Station) -> Path:
    """Folder of downloaded packages, shared with the other builds of this station."""
    return station.cache / "apt"


@contextlib.contextmanager
def only_one(station: Station) -> Iterator[None]:
    """Hold the lock of image builds; the kernel frees it when the holder dies.

    Raises:
        RefusedError: another build holds it.
    """
    station.locks.mkdir(parents=True, exist_ok=True)
    with (station.locks / "image-build").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise RefusedError(
                f"process {lock.read().strip() or 'unknown'} is building an image on this station",
                hint="wait until it has ended, then run the same command again",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextlib.contextmanager
def work_folder(station: Station) -> Iterator[Path]:
    """A fresh folder for one build; packages that it downloaded are kept, the rest goes."""
    parent = folder(station)
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=WORK, dir=parent))
    work.chmod(0o755)  # programs of the tree run as other users and must get into it
    try:
        yield work
    finally:
        clear(station, work)


def clear_leftovers(station: Station) -> list[Path]:
    """Remove what dead builds left; call it with the lock held. Returns what was removed."""
    found = [*folder(station).glob(f"{WORK}*"), *station.images.glob(f"{HALF}*")]
    for old in station.images.glob(f"{OLD}*"):
        name = station.images / old.name.removeprefix(OLD)
        if name.exists():
            found.append(old)
        else:  # died between the two renames of `put`: the old one is still the good one
            old.rename(name)
    for path in found:
        clear(station, path)
    return found


def clear(station: Station, path: Path) -> None:
    """Remove a tree, never through a mount.

    Raises:
        StationError: something stays mounted below it.
    """
    if not path.exists():
        return
    end_programs_in(path)
    for point in mounted_below(path):
        subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True)  # noqa: S603, S607
    mounted = mounted_below(path)
    if mounted:
        raise StationError(
            f"{mounted[0]} of an earlier build is still mounted; nothing below {path} was removed",
            hint=f"umount {mounted[0]}",
        )
    for archives in path.glob("*/var/cache/apt/archives"):
        keep_debs(station, archives)
    shutil.rmtree(path)


def end_programs_in(path: Path) -> list[int]:
    """End what still runs inside a tree of a work folder; returns the process numbers.

    A build that was killed leaves its chroot's programs behind (apt, a maintainer script's
    daemon). Such a process has the tree as its root, which no other process has.
    """
    trees = {(state.st_dev, state.st_ino) for tree in path.glob("*/") if (state := tree.stat())}
    ended = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "root").stat()
            if (state.st_dev, state.st_ino) in trees:
                os.kill(int(process.name), signal.SIGKILL)
                ended.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return ended


def lend_debs(station: Station, archives: Path) -> None:
    """Show the station's packages to a tree's apt, without copying where links are possible."""
    debs(station).mkdir(parents=True, exist_ok=True)
    archives.mkdir(parents=True, exist_ok=True)
    for deb in debs(station).glob("*.deb"):
        _link(deb, archives / deb.name)


def keep_debs(station: Station, archives: Path) -> None:
    """Take what a tree's apt downloaded; apt renames a package into place when it is whole."""
    debs(station).mkdir(parents=True, exist_ok=True)
    for deb in archives.glob("*.deb"):
        _link(deb, debs(station) / deb.name)


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    half = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        half.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copyfile(source, half)
    half.replace(target)


def put(half: Path, target: Path) -> None:
    """Give a finished folder its name, all of it on the disk first; replaces an older one."""
    for path in half.iterdir():
        durable.sync(path)
    durable.sync(half)
    old = target.with_name(f"{OLD}{target.name}")
    if target.exists():
        target.rename(old)
    half.rename(target)
    durable.sync(target.parent)
    if old.exists():
        shutil.rmtree(old)
