"""Overwrite and read-back: ours, dd and fio on the same target, in the same run, as ratios.

    benchmarks/overwrite.py           a file of this computer and, as root, a loop device on it
    benchmarks/overwrite.py --ssh "ssh -p 2222 root@127.0.0.1" --device /dev/sda --serial LAB1
                                      a disk of a PC that runs the live environment

With ``--device`` the disk is DESTROYED; its serial must be the one that was typed. Rounds of the
three tools alternate, and the median of each is taken, since other work on the computer disturbs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import machine

MIB = 1 << 20
TARGET = 0.9  # of dd


def run_tool(argv: list[str]) -> None:
    """Run one competitor; a failure of it ends the benchmark."""
    subprocess.run(argv, check=True, capture_output=True)  # noqa: S603


def contestants(path: str, size: int, chunk: int) -> dict[str, dict[str, Callable[[], None]]]:
    """The same work by each tool: ``size`` bytes in requests of ``chunk`` bytes, O_DIRECT."""
    from ansible.module_utils.netspring_erase import blocks
    from ansible.module_utils.netspring_erase.progress import Progress

    def ours(write: bool) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_DIRECT)
        try:
            if write:
                blocks.write_zeros(descriptor, size, Progress(), threading.Event())
            else:
                seen = blocks.read_back(descriptor, size, Progress(), threading.Event())
                if (seen.bytes_read, seen.nonzero) != (size, 0):
                    raise SystemExit(f"read-back saw {seen}")
        finally:
            os.close(descriptor)

    common = [f"bs={chunk}", f"count={size // chunk}", "status=none"]
    to_disk = ["dd", "if=/dev/zero", f"of={path}", "oflag=direct", "conv=fdatasync,notrunc"]
    from_disk = ["dd", f"if={path}", "of=/dev/null", "iflag=direct"]
    fio = ["fio", "--name=n", f"--filename={path}", f"--bs={chunk}", f"--size={size}"]
    fio += ["--direct=1", "--ioengine=psync", "--zero_buffers", "--end_fsync=1"]
    tools: dict[str, dict[str, Callable[[], None]]] = {
        "ours": {"write": lambda: ours(True), "read back": lambda: ours(False)},
        "dd": {
            "write": lambda: run_tool([*to_disk, *common]),
            "read back": lambda: run_tool([*from_disk, *common]),
        },
    }
    if shutil.which("fio"):
        tools["fio"] = {
            "write": lambda: run_tool([*fio, "--rw=write"]),
            "read back": lambda: run_tool([*fio, "--rw=read"]),
        }
    return tools


def measure(what: str, path: str, size: int, rounds: int) -> bool:
    """Print rates and ratios for one target; True when ours reaches TARGET of dd both ways."""
    from ansible.module_utils.netspring_erase import blocks

    size -= size % blocks.CHUNK  # dd and fio are given whole requests
    tools = contestants(path, size, blocks.CHUNK)
    print(f"{what}, {size // MIB} MiB in requests of {blocks.CHUNK // MIB} MiB, {rounds} rounds")
    good = True
    for way in ("write", "read back"):
        seconds: dict[str, list[float]] = {name: [] for name in tools}
        for _ in range(rounds):
            for name, ways in tools.items():
                start = time.monotonic()
                ways[way]()
                seconds[name].append(time.monotonic() - start)
        rates = {name: size / statistics.median(took) for name, took in seconds.items()}
        ratio = rates["ours"] / rates["dd"]
        told = "  ".join(f"{name} {rate / 1e6:7.0f} MB/s" for name, rate in rates.items())
        peers = "  ".join(
            f"ours/{name} {rates['ours'] / rate:.2f}"
            for name, rate in rates.items()
            if name != "ours"
        )
        print(f"  {way:9}  {told}  {peers}  {'ok' if ratio >= TARGET else 'BELOW ' + str(TARGET)}")
        good = good and ratio >= TARGET
    return good


@contextmanager
def loop_on(file: Path) -> Iterator[str]:
    """A loop device with direct I/O on ``file``."""
    argv = ["losetup", "--find", "--show", "--direct-io=on", str(file)]
    made = subprocess.run(argv, check=True, capture_output=True, text=True)  # noqa: S603
    path = made.stdout.strip()
    try:
        yield path
    finally:
        run_tool(["losetup", "-d", path])


def measure_here(size: int, rounds: int, folder: str | None) -> bool:
    """A file of this computer and, as root, a loop device on it."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        file = Path(place) / "target.img"
        with file.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, size)
        good = measure("file", str(file), size, rounds)
        if os.geteuid() == 0:
            with loop_on(file) as path:
                good = measure("loop device", path, size, rounds) and good
    return good


def measure_device(path: str, serial: str, size: int, rounds: int) -> bool:
    """A whole disk of this machine, destroyed if it has the serial that was typed."""
    return measure(path, path, min(size, machine.checked_disk(path, serial)), rounds)


def main() -> int:
    """0 when every line reaches the target."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB to write and read")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the file is made; not a tmpfs")
    parser.add_argument("--device", help="a whole disk, which will be DESTROYED")
    parser.add_argument("--serial", default="", help="serial of that disk")
    parser.add_argument("--ssh", help="ssh command that reaches the machine with the disk")
    given = parser.parse_args()
    if given.ssh:
        passed = ["--size", str(given.size), "--rounds", str(given.rounds)]
        passed += ["--device", given.device or "", "--serial", given.serial]
        return machine.send(given.ssh, Path(__file__), passed)
    machine.find_packages()
    size = given.size * MIB
    if given.device is None:
        good = measure_here(size, given.rounds, given.folder or "/var/tmp")  # noqa: S108
    else:
        good = measure_device(given.device, given.serial, size, given.rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
