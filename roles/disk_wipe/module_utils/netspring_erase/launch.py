"""Start a job in its own systemd unit, find it again, and say how far it is."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks import tools
from ansible.module_utils.netspring_erase import guard, job
from ansible.module_utils.netspring_erase.failures import RefusedError
from ansible.module_utils.netspring_erase.probe import KERNEL, Probe
from ansible.module_utils.netspring_erase.progress import last_line, write_whole

PACKAGES = ("netspring_disks", "netspring_erase")
START_SECONDS = 60.0  # a slow PC may take a while to start Python
SECOND_LOOK = 10.0  # where systemd said no: it may have meant that the unit is there already
BROKEN_OFF = ("aborted:", "no outcome:")  # reasons that say nothing against a disk
Starter = Callable[[str, Path], tools.Said]


class UnclearError(Exception):
    """The unit was asked for and gave no sign of life; the text is reason and way out."""


def write_program(folder: Path) -> None:
    """Lay the program's source files down in the job's folder, from wherever they came.

    Ansible sends them inside the module and removes that when the module ends; the job goes on.
    """
    for name in sorted(sys.modules):
        if not name.startswith(tuple(f"ansible.module_utils.{each}" for each in PACKAGES)):
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            raise RefusedError(f"the program's part {name} is missing; install the package again")
        source = spec.loader.get_source(name)  # type: ignore[attr-defined]
        parts = (
            [*name.split("."), "__init__"] if spec.submodule_search_locations else (name.split("."))
        )
        path = folder.joinpath(*parts).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    for package in ("ansible", "ansible/module_utils"):
        (folder / package / "__init__.py").touch()


def unit_argv(unit: str, folder: Path) -> list[str]:
    """The command that starts the job under systemd, away from our own session.

    Stopping the unit asks the job alone, which ends at its next request and writes its report; a
    drive that erases itself in one command of hours cannot be interrupted, and a job killed
    meanwhile would leave its password set.
    """
    return [
        "systemd-run",
        f"--unit={unit}",
        "--collect",
        "--quiet",
        "--service-type=exec",
        f"--setenv=PYTHONPATH={folder / 'program'}",
        f"--property=StandardError=append:{folder / 'stderr'}",
        "--property=KillMode=mixed",
        "--property=TimeoutStopSec=infinity",
        "/usr/bin/python3",
        "-B",
        "-m",
        f"{job.__name__}",
        str(folder),
    ]


def start_unit(unit: str, folder: Path) -> tools.Said:
    """Start the job as a transient unit."""
    return tools.run(unit_argv(unit, folder))


def start(
    plan_id: str,
    machine: Mapping[str, Any],
    token_sha256: str,
    *,
    may_begin: bool,
    hold: str = "",
    root: Path = job.ROOT,
    probe: Probe = KERNEL,
    starter: Starter = start_unit,
) -> bool:
    """Start the job of a plan, or pick up the one that is there; True if one was started.

    A job that has ended is picked up where every disk is erased or has failed: a failure is final
    (wiping.md, 8). A disk that was refused, or whose work was only broken off, is tried again, for
    whoever runs the plan once more has mended something.

    Args:
        plan_id: the plan.
        machine: this machine's part of it.
        token_sha256: digest of the live token the plan was made for.
        may_begin: False when the plan has expired: then only a job begun in time is picked up.
        hold: why nothing may begin here though the plan holds, such as the batch's first machine
            that did not pass; what has begun is picked up all the same.
        root: where jobs live.
        probe: how to ask the machine.
        starter: how to start the unit.

    Raises:
        RefusedError: an interlock said no; nothing was touched.
        UnclearError: the unit was asked for, and nobody knows whether it works.
    """
    live = probe.live()
    refusal = guard.plan_fault(plan_id, machine) or guard.machine_refusal(
        live, probe.uuid(), machine, token_sha256
    )
    if refusal:
        raise RefusedError(refusal)
    root.mkdir(parents=True, exist_ok=True)
    folder = root / plan_id
    holder = job.lock_holder(root)
    if holder not in (None, plan_id):
        raise RefusedError(
            f"this machine is being worked on by plan {holder}; wait for it, or stop it with: "
            f"systemctl stop netspring-wipe-{holder}"
        )
    if holder == plan_id:
        return False
    ended = (folder / "result.json").exists()
    left = _left(folder, machine)
    if ended and not (left and may_begin and not hold):
        return False
    if not may_begin:
        raise RefusedError(f"the plan {plan_id} has expired; make a new one")
    if hold:
        raise RefusedError(hold)
    present = probe.disks()
    for disk in machine["disks"]:
        refusal = guard.identity_refusal(disk, present)
        if refusal and ended:
            return False  # the outcomes of then say more than that a disk is gone now
        if refusal:
            raise RefusedError(refusal)
    for disk in left:
        job.result_file(folder, disk["serial"]).unlink(missing_ok=True)
        job.progress_file(folder, disk["serial"]).unlink(missing_ok=True)
    (folder / "result.json").unlink(missing_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    write_program(folder / "program")
    order = {
        "plan_id": plan_id,
        "boot_id": live["boot_id"],
        "token_sha256": token_sha256,
        "machine": dict(machine),
    }
    write_whole(folder / "job.json", order)
    said = starter(f"netspring-wipe-{plan_id}", folder)
    # From here on nothing may be called untouched: the unit may be at work whatever was answered,
    # such as one that was asked for a second time after the connection dropped.
    seconds = START_SECONDS if said.code in (0, None) else SECOND_LOOK
    if not _comes_to_life(root, folder, seconds):
        told = said.err.strip() or said.out.strip() or f"see {folder}/stderr"
        raise UnclearError(
            f"no outcome: the wipe was asked for and gave no sign in {seconds:.0f} s ({told}); see "
            f"systemctl status netspring-wipe-{plan_id}, then run the same again"
        )
    return True


def _left(folder: Path, machine: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The planned disks on which no earlier attempt of this job has said the last word.

    Erased and failed are last words. Refused is none, nor is work that was broken off.
    """
    left = []
    for disk in machine["disks"]:
        try:
            entry = json.loads(job.result_file(folder, disk["serial"]).read_text())
        except (FileNotFoundError, ValueError):
            entry = {}
        # A certificate never spans two disks: serial and WWN, as everywhere (wiping.md, 8).
        erased = entry.get("outcome") == "erased" and entry.get("wwn") == disk.get("wwn")
        broken_off = str(entry.get("reason")).startswith(BROKEN_OFF)
        if not erased and (entry.get("outcome") != "failed" or broken_off):
            left.append(disk)
    return left


def _comes_to_life(root: Path, folder: Path, seconds: float) -> bool:
    """Whether the job holds the lock or has ended within ``seconds`` seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if job.lock_holder(root) == folder.name or (folder / "result.json").exists():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


def snapshot(plan_id: str, root: Path = job.ROOT) -> dict[str, Any]:
    """Where the job of a plan stands: kind ``wipe`` once finished, ``wipe_progress`` before.

    Raises:
        RefusedError: no job of this plan is known in this boot.
    """
    folder = root / plan_id
    # In this order: a job that ends in between has then left its result.
    at_work = job.lock_holder(root) == plan_id
    try:
        order = json.loads((folder / "job.json").read_text())
    except FileNotFoundError:
        raise RefusedError(
            f"plan {plan_id} was not begun since this machine was started; run the same again"
        ) from None
    if not at_work:
        try:
            found: dict[str, Any] = json.loads((folder / "result.json").read_text())
        except FileNotFoundError:
            return job.assemble(order, folder)
        return found
    items = []
    for disk in order["machine"]["disks"]:
        line = last_line(job.progress_file(folder, disk["serial"])) or {"phase": "starting"}
        if job.result_file(folder, disk["serial"]).exists():
            line = {"phase": "finished", "offset": disk["size_bytes"]}
        items.append(
            {
                "id": disk["serial"],
                "phase": line["phase"],
                "offset": line.get("offset", 0),
                "size": line.get("size") or disk["size_bytes"],
                "rate_bps": line.get("rate_bps", 0),
                "eta_s": line.get("eta_s"),
            }
        )
    return {"kind": "wipe_progress", "plan_id": plan_id, "finished": False, "items": items}


def wait(plan_id: str, seconds: float, root: Path = job.ROOT) -> dict[str, Any]:
    """The snapshot as soon as the job has finished, or after ``seconds`` seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = snapshot(plan_id, root)
        if found["finished"] or time.monotonic() >= deadline:
            return found
        time.sleep(min(0.5, seconds))
