"""The eraser on real block devices: what it proves, and what makes it say no."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_erase.progress import Progress
from loop_devices import Loop, erase, probe_of

pytestmark = pytest.mark.loop
MIB = 1 << 20
Make = Callable[..., Loop]


@pytest.mark.parametrize(
    "size",
    [64 * MIB, 37 * MIB + 512, 5 * MIB + 3 * 512, 128 * MIB - 4096],
    ids=["even", "tail-512", "small-odd", "tail-4096"],
)
def test_every_byte_is_zero_and_the_evidence_is_whole(loops: Make, size: int) -> None:
    loop = loops(size)
    entry = erase(loop)
    assert (entry["outcome"], entry["reason"]) == ("erased", None)
    assert loop.is_zero()
    assert entry["verify"] == {
        "mode": "full",
        "bytes_read": size,
        "nonzero": 0,
        "read_errors": 0,
        "first_error_offset": None,
    }
    count = entry["canaries"]["n"]
    assert count == 66
    assert entry["canaries"] == {"n": count, "written": count, "changed": count}
    assert "claim" not in entry  # the station judges
    assert entry["limits"] == []
    assert (entry["size_bytes"], entry["serial_end"]) == (size, "A1")
    assert [a["method"] for a in entry["attempts"]] == ["overwrite"]


def test_blocks_of_4096_bytes(loops: Make) -> None:
    loop = loops(40 * MIB + 4096, options=("--sector-size", "4096"))
    assert erase(loop)["outcome"] == "erased"
    assert loop.is_zero()


def refuse(loop: Loop, entry: dict[str, Any], before: str, *words: str) -> None:
    """A refusal names the device and the reason, and the bytes are as they were."""
    assert entry["outcome"] == "refused"
    for word in (loop.path, *words):
        assert word in entry["reason"]
    assert loop.sha256() == before
    assert entry["attempts"] == []


def test_mounted_is_refused(loops: Make, tmp_path: Path) -> None:
    loop = loops(32 * MIB)
    subprocess.run(["mkfs.ext4", "-q", loop.path], check=True)
    point = tmp_path / "mounted"
    point.mkdir()
    subprocess.run(["mount", "-o", "ro", loop.path, point], check=True)
    try:
        before = loop.sha256()
        refuse(loop, erase(loop), before, "in use", f"mounted: {loop.path} on {point}")
        # The kernel's own claim stops it even if the tables told us nothing.
        blind = probe_of(loop, uses=lambda _name: [])
        refuse(loop, erase(loop, blind), before, "in use by something the kernel holds")
    finally:
        subprocess.run(["umount", point], check=True)


def test_mounted_partition_is_refused(loops: Make, tmp_path: Path) -> None:
    loop = loops(64 * MIB, options=("--partscan",))
    subprocess.run(["sfdisk", "-q", loop.path], input="label: gpt\n,32M\n", text=True, check=True)
    subprocess.run(["partx", "-u", loop.path], check=True)
    part = f"{loop.path}p1"
    subprocess.run(["mkfs.ext4", "-q", part], check=True)
    point = tmp_path / "mounted"
    point.mkdir()
    subprocess.run(["mount", "-o", "ro", part, point], check=True)
    try:
        before = loop.sha256()
        refuse(loop, erase(loop), before, f"mounted: {part} on {point}")
        blind = probe_of(loop, uses=lambda _name: [])
        refuse(loop, erase(loop, blind), before, "in use by something the kernel holds")
    finally:
        subprocess.run(["umount", point], check=True)


def test_swap_is_refused(loops: Make) -> None:
    loop = loops(32 * MIB)
    subprocess.run(["mkswap", loop.path], check=True, capture_output=True)
    subprocess.run(["swapon", loop.path], check=True)
    try:
        refuse(loop, erase(loop), loop.sha256(), f"swap: {loop.path}")
    finally:
        subprocess.run(["swapoff", loop.path], check=True)


def test_read_only_is_refused(loops: Make) -> None:
    loop = loops(32 * MIB, options=("--read-only",))
    before = loop.sha256()
    refuse(loop, erase(loop), before, "read-only")
    writable = dataclasses.replace(probe_of(loop).identify(loop.name), read_only=False)
    lying = probe_of(loop, disks=lambda: [writable])
    refuse(loop, erase(loop, lying), before, "read-only")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"serial": "OTHER"}, "now has the serial A1"),
        ({"size_bytes": 32 * MIB - 512}, "size"),
        ({"wwn": "0x5000c500a1b2c3d4"}, "WWN"),
        ({"bus": "sata"}, "bus"),
    ],
)
def test_another_disk_than_planned_is_refused(
    loops: Make, changes: dict[str, Any], word: str
) -> None:
    loop = loops(32 * MIB)
    refuse(loop, erase(loop, **changes), loop.sha256(), word)


def test_duplicate_serial_is_refused(loops: Make) -> None:
    one, two = loops(32 * MIB, "SAME"), loops(32 * MIB, "SAME")
    before = two.sha256()
    entry = erase(one, probe_of(one, two))
    refuse(one, entry, one.sha256(), "same serial", two.path)
    assert two.sha256() == before


def test_disk_swapped_between_check_and_open_is_refused(loops: Make) -> None:
    loop = loops(32 * MIB)
    before = loop.sha256()
    honest = probe_of(loop)
    swapped = dataclasses.replace(honest.identify(loop.name), serial="B2")
    entry = erase(loop, probe_of(loop, identify=lambda _name: swapped, disks=honest.disks))
    refuse(loop, entry, before, "B2")


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ({"live": lambda: {"marker": False, "token_sha256": "ab" * 32}}, "no marker"),
        ({"live": lambda: {"marker": True, "token_sha256": None}}, "token is missing"),
        ({"live": lambda: {"marker": True, "token_sha256": "cd" * 32}}, "another station"),
        ({"uuid": lambda: None}, "UUID none"),
        ({"uuid": lambda: "99999999-2222-3333-4444-555555555555"}, "the plan is for"),
    ],
)
def test_wrong_machine_is_refused(loops: Make, answers: dict[str, Any], word: str) -> None:
    loop = loops(32 * MIB)
    before = loop.sha256()
    entry = erase(loop, probe_of(loop, **answers))
    assert entry["outcome"] == "refused"
    assert word in entry["reason"]
    assert loop.sha256() == before


def test_hidden_area_and_password_are_refused(loops: Make) -> None:
    loop = loops(32 * MIB)
    before = loop.sha256()
    area = {"present": True, "current_sectors": 65536, "native_sectors": 70000}
    hidden = probe_of(loop, ata=lambda _disk: {"hpa": area, "security": None})
    refuse(loop, erase(loop, hidden), before, "HPA", "4464 sectors", "-N p70000")
    locked = {"supported": True, "enabled": True, "locked": True, "frozen": False}
    shut = probe_of(loop, ata=lambda _disk: {"hpa": None, "security": locked})
    refuse(loop, erase(loop, shut), before, "locked by a password")


def test_read_error_is_never_erased(loops: Make) -> None:
    """A file that became shorter: the loop device then answers reads beyond it with EIO."""
    loop = loops(64 * MIB)
    entry = erase(loop, progress=AtPhase("verifying", lambda: os.truncate(loop.file, 40 * MIB)))
    assert entry["outcome"] == "failed"
    assert "read error at byte" in entry["reason"]
    assert "destroy this disk physically" in entry["reason"]
    assert entry["verify"]["read_errors"] == 1
    assert entry["verify"]["first_error_offset"] >= 40 * MIB


def test_write_error_is_never_erased(small_tmpfs: Path, loops: Make) -> None:
    """A sparse file on a file system that is full: the loop device answers writes with an error."""
    loop = loops(16 * MIB, folder=small_tmpfs)
    # Grow the device to twice what the file system can hold.
    os.truncate(loop.file, 48 * MIB)
    subprocess.run(["losetup", "--set-capacity", loop.path], check=True)
    entry = erase(loop)
    assert entry["outcome"] == "failed"
    assert "error at byte" in entry["reason"]
    assert "destroy this disk physically" in entry["reason"]
    assert f"error at byte {entry['verify']['first_error_offset']} " in entry["reason"]


def test_a_disk_that_keeps_old_data_is_never_erased(loops: Make) -> None:
    """Something that the writer did not reach, one byte in the middle."""
    loop = loops(48 * MIB)

    def spoil() -> None:
        with loop.file.open("r+b") as file:
            file.seek(29 * MIB + 7)
            file.write(b"x")

    entry = erase(loop, progress=AtPhase("verifying", spoil))
    assert entry["outcome"] == "failed"
    assert "1 bytes are not zero" in entry["reason"]
    assert entry["verify"]["nonzero"] == 1
    assert entry["verify"]["first_error_offset"] == 28 * MIB


@pytest.mark.parametrize("phase", ["overwriting", "verifying"])
def test_abort_is_never_erased(loops: Make, phase: str) -> None:
    loop, stop = loops(48 * MIB), threading.Event()
    entry = erase(loop, stop=stop, progress=AtPhase(phase, stop.set))
    assert entry["outcome"] == "failed"
    assert "aborted" in entry["reason"]
    assert entry["verify"]["bytes_read"] == 0


def test_disk_that_changes_while_it_is_erased_is_never_erased(loops: Make) -> None:
    loop = loops(32 * MIB)
    honest = probe_of(loop)
    seen: list[str] = []

    def identify(name: str) -> Any:
        seen.append(name)
        now = honest.identify(name)
        return now if len(seen) == 1 else dataclasses.replace(now, serial="B2")

    entry = erase(loop, probe_of(loop, identify=identify, disks=honest.disks))
    assert entry["outcome"] == "failed"
    assert "B2" in entry["reason"]


@pytest.mark.parametrize(("looks", "outcome"), [(0, "refused"), (1, "failed")])
def test_disk_that_disappears(loops: Make, looks: int, outcome: str) -> None:
    """Gone before the first write: refused. Gone later: failed."""
    loop = loops(32 * MIB)
    before, honest = loop.sha256(), probe_of(loop)
    seen: list[str] = []

    def identify(name: str) -> Any:
        seen.append(name)
        if len(seen) > looks:
            raise FileNotFoundError(f"the disk {loop.path} is gone")
        return honest.identify(name)

    entry = erase(loop, probe_of(loop, identify=identify, disks=honest.disks))
    assert entry["outcome"] == outcome
    assert f"{loop.path} (serial A1) vanished" in entry["reason"]
    assert (loop.sha256() == before) is (outcome == "refused")


def test_device_node_that_is_gone_is_failed(loops: Make) -> None:
    loop = loops(16 * MIB)
    before, honest = loop.sha256(), probe_of(loop)
    gone = dataclasses.replace(honest.identify(loop.name), path="/dev/netspring-gone")
    entry = erase(loop, probe_of(loop, disks=lambda: [gone]))
    assert entry["outcome"] == "failed"
    assert "/dev/netspring-gone: No such file or directory" in entry["reason"]
    assert loop.sha256() == before


class AtPhase(Progress):
    """Does something once, when a phase begins."""

    def __init__(self, phase: str, deed: Callable[[], object]) -> None:
        super().__init__()
        self._when, self._deed = phase, deed

    def begin(self, phase: str, size: int, passes_left: int = 0) -> None:
        super().begin(phase, size, passes_left)
        if phase == self._when:
            self._deed()
