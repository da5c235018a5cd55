"""Sticks that are loop devices: real filesystems, mounted and let go as UDisks would do it.

UDisks itself cannot be had in a container without udev: what it says is recorded
(test_works_sticks.py), and the whole was tried by hand with a USB stick in a virtual PC
(docs/decisions/0016).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netspring_works.sticks import Stick, StickError


def run(*argv: str | Path) -> str:
    """Run a tool that must succeed; what it printed."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def seen(one: Any) -> Stick:
    """A stick as UDisks would tell of it."""
    return Stick(
        key=one.key,
        drive=one.key,
        uuid=one.uuid,
        serial="",
        name=one.name,
        size=one.size,
        kind="ext4",
        read_only=one.read_only,
        mounted=one.place if one.mounted() else None,
    )


class LoopStick:
    """One image file on a loop device."""

    def __init__(self, file: Path, size: int, name: str = "ANNA", read_only: bool = False) -> None:
        """Make it with ext4, which every kernel of a test machine has."""
        self.file, self.name, self.size = file, name, size
        with file.open("wb") as stream:
            stream.truncate(size)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-L", name, file)
        self.uuid = run("blkid", "-p", "-s", "UUID", "-o", "value", file)
        self.read_only = read_only
        flags = ["--read-only"] if read_only else []
        self.device = run("losetup", "--find", "--show", *flags, file)
        self.key = self.device
        self.place = file.with_suffix(".mounted")
        self.place.mkdir()

    def seen(self) -> Stick:
        """What UDisks would say of it."""
        return seen(self)

    def mounted(self) -> bool:
        return self.place.is_mount()

    def files(self) -> dict[str, bytes]:
        """What is on it, read by a mount of its own."""
        run("mount", "-o", "ro", self.device, self.place)
        try:
            return {
                path.relative_to(self.place).as_posix(): path.read_bytes()
                for path in sorted(self.place.rglob("*"))
                if path.is_file()
            }
        finally:
            run("umount", self.place)

    def end(self) -> None:
        """Give the loop device back, whatever the test left."""
        while self.mounted():
            subprocess.run(["umount", "--lazy", self.place], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", self.device], check=False, capture_output=True)


class LoopSticks:
    """A place for sticks. ``when`` is called with the name of each step before it is done."""

    def __init__(self, *sticks: LoopStick) -> None:
        self.there = list(sticks)
        self.steps: list[str] = []
        self.when: Callable[[str], None] = lambda _step: None

    def _step(self, name: str) -> None:
        self.steps.append(name)
        self.when(name)

    def _of(self, stick: Stick) -> LoopStick:
        for one in self.there:
            if one.seen().same(stick):
                return one
        raise StickError("gone")

    def find(self) -> list[Stick]:
        return [one.seen() for one in self.there]

    def plugged_in(self, stick: Stick) -> bool:
        return any(one.seen().same(stick) for one in self.there)

    def mount(self, stick: Stick) -> Path:
        self._step("mount")
        one = self._of(stick)
        if not one.mounted():
            flags = ["-o", "ro"] if one.read_only else []
            run("mount", *flags, one.device, one.place)
            if not one.read_only:
                # udisks gives a stick without owners to the child; ext4 needs a word.
                one.place.chmod(0o777)
        return one.place

    def unmount(self, stick: Stick) -> None:
        self._step("unmount")
        one = self._of(stick)
        if not one.mounted():
            return
        done = subprocess.run(["umount", one.place], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise StickError("busy" if "busy" in done.stderr else "failed", done.stderr)

    def take_out(self, stick: Stick) -> None:
        self.unmount(stick)
        self._step("take_out")


def hold_busy(folder: Path) -> int:
    """A program that uses the stick: an open folder. Close the number to end it."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
