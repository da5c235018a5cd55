"""Overwrite and read-back: ours, dd, fio, nwipe and the device's limit, from one run, as ratios.

    benchmarks/overwrite.py           a file of this computer and, as root, loop devices on it:
                                      one alone, then four at once
    benchmarks/overwrite.py --ssh "ssh -p 2222 root@127.0.0.1" --device /dev/sda --serial LAB1
                                      a disk of a PC that runs the live environment; both options
                                      may be repeated, and then the disks are also done at once

With ``--device`` the disks are DESTROYED; each one's serial must be the one that was typed. Rounds
of the tools alternate, and the median of each is taken, since other work on the computer disturbs.
The limit is what fio reaches with eight requests in flight; fio is timed by its own clock, as it
takes long to start. nwipe writes one pass of zeros and reads it back in one run; it is compared
with our two passes together, its start and end included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import machine

MIB = 1 << 20
TARGET = 0.95  # of dd
CPU_RATE = 200e6  # bytes/s at which the processor's share is told; an old SATA SSD
CPU_LIMIT = 15.0  # per cent of one core
WAYS = ("write", "read back")
Work = Callable[[], float | None]  # seconds by its own clock, where its start must not count


def run_quietly(argv: list[str]) -> None:
    """Run one competitor whose whole time counts."""
    machine.run(*argv)


def run_fio(argv: list[str]) -> float:
    """Seconds that fio was at the disk by its own clock; it takes long to start."""
    job = json.loads(machine.run(*argv))["jobs"][0]
    return max(float(job[way]["runtime"]) for way in ("read", "write")) / 1000


def ours(path: str, size: int, way: str) -> None:
    """One of our two passes over the first ``size`` bytes."""
    from ansible.module_utils.netspring_erase import blocks
    from ansible.module_utils.netspring_erase.progress import Progress

    descriptor = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        if way == "write":
            blocks.write_zeros(descriptor, size, Progress(), threading.Event())
            return
        seen = blocks.read_back(descriptor, size, Progress(), threading.Event())
        if (seen.bytes_read, seen.nonzero) != (size, 0):
            raise SystemExit(f"read-back saw {seen}")
    finally:
        os.close(descriptor)


def dd(path: str, size: int, way: str) -> list[str]:
    """The same pass by dd, which looks at nothing that it reads."""
    common = [f"bs={4 * MIB}", f"count={size // (4 * MIB)}", "status=none"]
    if way == "write":
        return [
            "dd",
            "if=/dev/zero",
            f"of={path}",
            *common,
            "oflag=direct",
            "conv=fdatasync,notrunc",
        ]
    return ["dd", f"if={path}", "of=/dev/null", *common, "iflag=direct"]


def fio(path: str, size: int, way: str, *engine: str) -> list[str]:
    """The same pass by fio."""
    argv = [
        "fio",
        "--output-format=json",
        "--name=n",
        f"--filename={path}",
        f"--bs={4 * MIB}",
        f"--size={size}",
    ]
    argv += ["--direct=1", "--zero_buffers", "--end_fsync=1", *engine]
    return [*argv, "--rw=write" if way == "write" else "--rw=read"]


def nwipe(path: str) -> list[str]:
    """One pass of zeros and its verification by nwipe; it has no way to do either alone."""
    argv = ["nwipe", "--autonuke", "--nogui", "--nowait", "--method=zero", "--rounds=1"]
    return [*argv, "--noblank", "--verify=last", "--logfile=/dev/null", path]


def contestants(path: str, size: int, way: str) -> dict[str, Work]:
    """The same work by each tool: ``size`` bytes in requests of 4 MiB, O_DIRECT."""
    found: dict[str, Work] = {
        "ours": lambda: ours(path, size, way),
        "dd": lambda: run_quietly(dd(path, size, way)),
    }
    if shutil.which("fio"):
        deep = ("--ioengine=libaio", "--iodepth=8")
        found["fio"] = lambda: run_fio(fio(path, size, way, "--ioengine=psync"))
        found["limit"] = lambda: run_fio(fio(path, size, way, *deep))
    return found


def race(tools: dict[str, Work], rounds: int) -> dict[str, float]:
    """Median seconds of each tool, the rounds of all alternating."""
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, work in tools.items():
            start = time.monotonic()
            own = work()
            seconds[name].append(time.monotonic() - start if own is None else own)
    return {name: statistics.median(took) for name, took in seconds.items()}


def line(what: str, moved: int, seconds: dict[str, float], cpu: float | None) -> bool:
    """Print one comparison; True when ours reaches TARGET of dd and stays below CPU_LIMIT."""
    rates = {name: moved / took for name, took in seconds.items()}
    told = "  ".join(f"{name} {rate / 1e6:.0f}" for name, rate in rates.items())
    ratios = {name: rates["ours"] / rate for name, rate in rates.items() if name != "ours"}
    peers = "  ".join(f"ours/{name} {ratio:.2f}" for name, ratio in ratios.items())
    good = ratios.get("dd", TARGET) >= TARGET
    verdict = "ok" if good else f"BELOW {TARGET} of dd"
    if cpu is not None:
        share = cpu / moved * CPU_RATE * 100
        told += f"  CPU at 200 MB/s {share:.1f} %"
        if share >= CPU_LIMIT:
            good, verdict = False, f"{verdict}, CPU ABOVE {CPU_LIMIT} %"
    print(f"  {what:12} MB/s: {told}  {peers}  {verdict}", flush=True)
    return good


def measure(what: str, path: str, size: int, rounds: int) -> bool:
    """One target alone: rates, ratios, and the processor time of ours (user and system)."""
    size -= size % (4 * MIB)  # dd and fio are given whole requests
    print(f"{what}, {size // MIB} MiB in requests of 4 MiB, {rounds} rounds")
    good, both = True, 0.0
    for way in WAYS:
        tools, spent = contestants(path, size, way), []

        def counted(work: Work = tools["ours"], spent: list[float] = spent) -> None:
            before = resource.getrusage(resource.RUSAGE_SELF)
            work()
            after = resource.getrusage(resource.RUSAGE_SELF)
            user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
            spent.append(user + system)

        seconds = race({**tools, "ours": counted}, rounds)
        both += seconds["ours"]
        good = line(way, size, seconds, statistics.median(spent)) and good
    if shutil.which("nwipe") and Path(path).is_block_device():
        whole = race({"nwipe": lambda: run_quietly(nwipe(path))}, rounds)["nwipe"]
        total = machine.size_of(path)  # nwipe always takes the whole device
        line("both passes", 2 * size, {"ours": both, "nwipe": whole * size / total}, None)
    return good


def _together(works: list[Work]) -> None:
    """Run all at once, each in a process of its own, as the wipe does; one failure is ours too."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit("one of the disks failed")


def measure_together(paths: list[str], size: int, rounds: int) -> bool:
    """All targets at once, by ours and by dd."""
    size -= size % (4 * MIB)
    print(f"{len(paths)} at once, {size // MIB} MiB each, {rounds} rounds")
    good = True
    for way in WAYS:
        tools: dict[str, Work] = {
            name: partial(_together, [contestants(path, size, way)[name] for path in paths])
            for name in ("ours", "dd")
        }
        good = line(way, size * len(paths), race(tools, rounds), None) and good
    return good


@contextmanager
def loop_on(file: Path) -> Iterator[str]:
    """A loop device with direct I/O on ``file``."""
    path = machine.run("losetup", "--find", "--show", "--direct-io=on", file).strip()
    try:
        yield path
    finally:
        machine.run("losetup", "-d", path)


def measure_here(size: int, rounds: int, folder: str | None) -> bool:
    """A file of this computer and, as root, loop devices on such files."""
    with tempfile.TemporaryDirectory(dir=folder) as place, ExitStack() as loops:
        files = [Path(place) / f"target-{number}.img" for number in range(4)]
        for file in files:
            with file.open("wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, size)
        good = measure("file", str(files[0]), size, rounds)
        if os.geteuid() == 0:
            paths = [loops.enter_context(loop_on(file)) for file in files]
            good = measure("loop device", paths[0], size, rounds) and good
            good = measure_together(paths, size // 2, rounds) and good
    return good


def measure_devices(paths: list[str], serials: list[str], size: int, rounds: int) -> bool:
    """Whole disks of this machine, destroyed if each has the serial that was typed for it."""
    if len(paths) != len(serials):
        raise SystemExit("give one --serial for each --device: nothing was changed")
    size = min(size, *(machine.checked_disk(p, s) for p, s in zip(paths, serials, strict=True)))
    alone = [measure(path, path, size, rounds) for path in paths]
    good = all(alone)
    return (measure_together(paths, size, rounds) and good) if len(paths) > 1 else good


def main() -> int:
    """0 when every line reaches the target."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB to write and read")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the file is made; not a tmpfs")
    parser.add_argument("--device", action="append", default=[], help="will be DESTROYED")
    parser.add_argument("--serial", action="append", default=[], help="serial of that disk")
    parser.add_argument("--ssh", help="ssh command that reaches the machine with the disks")
    given = parser.parse_args()
    if given.ssh:
        passed = ["--size", str(given.size), "--rounds", str(given.rounds)]
        for path, serial in zip(given.device, given.serial, strict=False):
            passed += ["--device", path, "--serial", serial]
        return machine.send(given.ssh, Path(__file__), passed)
    machine.find_packages()
    size = given.size * MIB
    if given.device:
        good = measure_devices(given.device, given.serial, size, given.rounds)
    else:
        good = measure_here(size, given.rounds, given.folder or "/var/tmp")  # noqa: S108
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
