"""All disks of one machine at once: one process per disk, one result file each.

Run as ``python3 -m ansible.module_utils.netspring_erase.job FOLDER`` by a transient systemd unit,
so that nothing depends on the SSH connection that started it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from ansible.module_utils.netspring_erase import guard, unfreeze
from ansible.module_utils.netspring_erase.disk import Order, erase
from ansible.module_utils.netspring_erase.evidence import NO_OUTCOME, Evidence
from ansible.module_utils.netspring_erase.probe import KERNEL, Probe
from ansible.module_utils.netspring_erase.progress import Progress, write_whole

ROOT = Path("/run/netspring/wipe")  # in RAM: a power cut forgets the job, as it must
CONTEXT = multiprocessing.get_context("fork")
STOPPING = (signal.SIGTERM, signal.SIGINT)


def _stem(serial: str) -> str:
    """A file name for a serial, which may hold any character; a later run may name fewer disks."""
    return "disk-" + hashlib.sha256(serial.encode()).hexdigest()[:16]


def result_file(folder: Path, serial: str) -> Path:
    """Where the outcome of the disk with this serial is written."""
    return folder / f"{_stem(serial)}.json"


def progress_file(folder: Path, serial: str) -> Path:
    """Where the progress of that disk is written, as JSON lines."""
    return folder / f"{_stem(serial)}.progress"


def take_lock(root: Path, plan_id: str) -> int | None:
    """Take the machine's one wipe lock; None if a job holds it.

    Disk processes inherit it, so it is held as long as any of them is at work.
    """
    descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, plan_id.encode(), 0)
    return descriptor


def lock_holder(root: Path) -> str | None:
    """Plan whose job is at work on this machine now, or None."""
    try:
        descriptor = os.open(root / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 200, 0).decode(errors="replace") or "unknown"
    finally:
        os.close(descriptor)
    return None


def assemble(job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The result of kind ``wipe`` from the files of the disks; a missing one means failed."""
    disks = []
    for planned in job["machine"]["disks"]:
        try:
            entry = json.loads(result_file(folder, planned["serial"]).read_text())
        except (FileNotFoundError, ValueError):
            evidence = Evidence(planned)
            evidence.ended("failed", NO_OUTCOME)
            entry = evidence.as_dict()
        disks.append(entry)
    return {
        "kind": "wipe",
        "plan_id": job["plan_id"],
        "boot_id": job["boot_id"],
        "finished": True,
        "disks": disks,
    }


def _one_disk(
    job: Mapping[str, Any],
    folder: Path,
    planned: Mapping[str, Any],
    asides: tuple[Mapping[str, Any], ...],
    probe: Probe,
) -> None:
    """Body of a disk's process; ``asides`` is what was done for the disk before."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in STOPPING:
        signal.signal(number, on_signal)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    order = Order(job["machine"], planned, job["token_sha256"], asides)
    progress = Progress(progress_file(folder, planned["serial"]))
    write_whole(result_file(folder, planned["serial"]), erase(order, probe, progress, stop))
    progress.close()


def _thaw(
    job: Mapping[str, Any], folder: Path, left: list[Mapping[str, Any]], probe: Probe
) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Thaw frozen drives while no disk is being worked on; by serial, what was done for it.

    Nothing is asked of any disk, and the machine does not sleep, unless this is the planned machine
    running our live environment.
    """
    machine = {**job["machine"], "disks": left}
    if guard.machine_refusal(probe.live(), probe.uuid(), machine, job["token_sha256"]):
        return {}  # each disk will say so itself

    def begin(serial: str) -> None:
        progress = Progress(progress_file(folder, serial))
        progress.begin("suspended", 0)
        progress.close()

    told = unfreeze.thaw(machine, folder, probe, begin)
    return {serial: (attempt,) for serial, attempt in told.items()}


def run(folder: Path, probe: Probe = KERNEL) -> int:
    """Erase the disks of ``folder/job.json`` that have no outcome yet; returns an exit code.

    Args:
        folder: the job's folder under ROOT.
        probe: how to ask the machine; only tests hand in another.
    """
    job = json.loads((folder / "job.json").read_text())
    lock = take_lock(folder.parent, job["plan_id"])
    if lock is None:
        sys.stderr.write(f"plan {lock_holder(folder.parent)} is at work on this machine\n")
        return 3
    left = [
        planned
        for planned in job["machine"]["disks"]
        if not result_file(folder, planned["serial"]).exists()
    ]
    thawed = _thaw(job, folder, left, probe)
    workers = [
        CONTEXT.Process(target=_one_disk, args=(job, folder, planned, asides, probe))
        for planned, asides in ((each, thawed.get(each["serial"], ())) for each in left)
    ]

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        for worker in workers:
            if worker.pid is not None and worker.is_alive():
                worker.terminate()

    # A stop that comes meanwhile waits: it would end us, and the disks' processes with us.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    for worker in workers:
        worker.start()
    # Set after the fork: a disk's process must not pass signals on to its siblings.
    for number in STOPPING:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    for worker in workers:
        worker.join()
    result = assemble(job, folder)
    write_whole(folder / "result.json", result)
    os.close(lock)
    return 0 if all(disk["outcome"] == "erased" for disk in result["disks"]) else 1


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
