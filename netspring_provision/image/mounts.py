"""A mount namespace of our own, so that no mount of a build can outlive it.

A build binds devices and kernel filesystems into the tree it makes. Were they mounted where all
processes see them, a build that is killed would leave them behind, and whoever deletes its folder
would delete through them. In a private namespace (mount_namespaces(7)) the kernel takes them away
with the last process of the build, whatever ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from netspring_provision.errors import StationError

CLONE_NEWNS = 0x00020000  # linux/sched.h
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


@contextlib.contextmanager
def private_mounts() -> Iterator[None]:
    """Mounts made inside are seen by this thread and its children only, and end with them.

    Raises:
        StationError: the kernel does not allow it.
    """
    folder = Path.cwd()
    before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise StationError(
                f"this station cannot make a mount namespace: {reason}",
                hint="run it as root on the station itself, not in a locked-down container",
            )
        _mount("--make-rprivate", "/")
        try:
            yield
        finally:
            # EINVAL only while another thread of ours shares our folder; the mounts end anyway.
            if libc.setns(before, CLONE_NEWNS) == 0:
                os.chdir(folder)
    finally:
        os.close(before)


@contextlib.contextmanager
def bound(root: Path, read_only: Sequence[Path] = ()) -> Iterator[None]:
    """Give the tree what programs in it need: /proc, /sys, a small /dev of its own, /run.

    Args:
        root: the tree; must lie in a private mount namespace.
        read_only: more folders of the station that are shown at the same path, read-only.
    """
    with contextlib.ExitStack() as stack:

        def mount(target: str, *argv: str) -> Path:
            place = root / target
            place.mkdir(parents=True, exist_ok=True)
            _mount(*argv, str(place))
            stack.callback(_unmount, place)
            return place

        mount("proc", "-t", "proc", "-o", "nosuid,nodev,noexec", "proc")
        mount("sys", "-t", "sysfs", "-o", "ro,nosuid,nodev,noexec", "sysfs")
        mount("run", "-t", "tmpfs", "-o", "mode=755,nosuid,nodev", "tmpfs")
        dev = mount("dev", "-t", "tmpfs", "-o", "mode=755,nosuid", "tmpfs")
        for name in DEVICES:
            (dev / name).touch()
            _mount("--bind", f"/dev/{name}", str(dev / name))
            stack.callback(_unmount, dev / name)
        for name, target in _LINKS.items():
            (dev / name).symlink_to(target)
        (dev / "shm").mkdir(mode=0o1777)
        (dev / "shm").chmod(0o1777)
        mount("dev/pts", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts")
        for folder in read_only:
            mount(str(folder).lstrip("/"), "--bind", "-o", "ro", str(folder))
        yield


def mounted_below(folder: Path, mountinfo: str | None = None) -> list[Path]:
    """What is mounted at or below a folder, deepest first (proc_pid_mountinfo(5))."""
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    points = (Path(_unescape(line.split()[4])) for line in text.splitlines() if line)
    return sorted(
        (point for point in points if point.is_relative_to(folder)),
        key=lambda point: len(point.parts),
        reverse=True,
    )


def _unescape(text: str) -> str:
    for code, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        text = text.replace(f"\\{code}", character)
    return text


def _mount(*argv: str) -> None:
    _run("mount", *argv)


def _unmount(place: Path) -> None:
    """Detach, also when an orphan of the build still holds a file open there."""
    _run("umount", "--lazy", str(place))


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise StationError(f"{argv[0]} is not installed", "apt-get install mount") from error
    if done.returncode != 0:
        raise StationError(
            f"{' '.join(argv)} failed: {done.stderr.strip()}",
            hint="run it as root on the station itself, not in a locked-down container",
        )
