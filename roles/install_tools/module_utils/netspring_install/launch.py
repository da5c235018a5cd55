"""Starts the program in a systemd unit of its own, finds it again, and says how far it is."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import job, program
from ansible.module_utils.netspring_install.errors import RefusedError
from ansible.module_utils.netspring_install.rescue import read_json

PACKAGES = ("ansible.module_utils.netspring_install", "ansible.module_utils.netspring_disks")
UNIT = "netspring-install.service"
FOLDER = Path("/run/netspring/install")


def station_url(url: str, ssh_connection: str) -> str:
    """Put the station's address, as this machine sees it, where the URL says ``STATION``.

    Args:
        url: ``http://STATION:port/path``, or any other address, which is left alone.
        ssh_connection: value of ``$SSH_CONNECTION``; its first word is the station.

    Raises:
        RefusedError: the address is needed, but nobody came in by SSH.
    """
    if not re.match(r"http://STATION(?=[:/])", url):
        return url
    if not ssh_connection:
        raise RefusedError(
            f"{url} needs the station's address, but this is no SSH connection",
            hint="nothing was written; write the station's address into image_deploy_url",
        )
    address = ssh_connection.split()[0]
    return url.replace("STATION", f"[{address}]" if ":" in address else address, 1)


def write_program(folder: Path) -> None:
    """Lay the program's source files into RAM, from wherever Ansible brought them.

    Ansible sends them inside the module and removes that when the module ends; the job goes on.
    """
    for name in sorted(n for n in sys.modules if n.startswith(PACKAGES)):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            raise RefusedError(f"part {name} of the program is missing", "install netspring again")
        source = spec.loader.get_source(name)  # type: ignore[attr-defined]
        parts = name.split(".") + (["__init__"] if spec.submodule_search_locations else [])
        path = folder.joinpath(*parts).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source or "", encoding="utf-8")
    for package in ("ansible", "ansible/module_utils"):
        (folder / package / "__init__.py").touch()


def unit_argv(folder: Path) -> list[str]:
    """The command that starts the program under systemd, away from the SSH session."""
    return [
        "systemd-run",
        f"--unit={UNIT}",
        "--collect",
        "--quiet",
        "--service-type=exec",
        f"--setenv=PYTHONPATH={folder / 'program'}",
        "/usr/bin/python3",
        "-B",
        "-m",
        program.__name__,
        str(folder),
    ]


def is_active() -> bool:
    """Whether the unit is at work now."""
    argv = ["systemctl", "is-active", "--quiet", UNIT]
    return subprocess.run(argv, check=False).returncode == 0  # noqa: S603


def _disk_order(order: dict[str, Any]) -> dict[str, Any]:
    """The order without the hour at which it was given."""
    return {name: value for name, value in order.items() if name != "station_time"}


def start(order: dict[str, Any], folder: Path = FOLDER) -> bool:
    """Start the program, or find it at work on the very same order; True if it was started.

    Raises:
        RefusedError: it works on another order, or systemd does not start it.
    """
    job.Order(**order)
    if is_active():
        running = read_json(folder / "order.json")
        if running is None or _disk_order(running) != _disk_order(order):
            raise RefusedError(
                f"another installation is at work on disk {(running or {}).get('serial')}",
                hint="nothing was changed by this one; wait for the other to end, then run again",
            )
        return False
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_program(folder / "program")
    for old in ("result.json", "progress.jsonl"):
        (folder / old).unlink(missing_ok=True)
    (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
    argv = unit_argv(folder)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RefusedError(
            f"the installation could not be started: {done.stderr.strip()}",
            hint="nothing was written; start the machine anew from the live environment",
        )
    return True


def snapshot(folder: Path = FOLDER, *, active: bool) -> dict[str, Any]:
    """Where the job stands: kind ``image`` once finished, ``image_progress`` before.

    Args:
        folder: where the job lives.
        active: whether it was at work just before this call; asked first, so that a job that ends
            in between has left its result.
    """
    result = read_json(folder / "result.json")
    if result is not None:
        return result
    if active:
        return {"kind": "image_progress", "finished": False, "items": _last_progress(folder)}
    order = read_json(folder / "order.json") or {}
    return {
        "kind": "image",
        "finished": True,
        "outcome": "failed",
        "changed": True,
        "disk": {"serial": order.get("serial"), "size_bytes": order.get("size")},
        "reason": f"the installation ended without a result (journalctl -u {UNIT})",
        "hint": program.RUN_AGAIN,
    }


def wait(seconds: float, folder: Path = FOLDER) -> dict[str, Any]:
    """The snapshot as soon as the job has finished, or after ``seconds``."""
    until = time.monotonic() + seconds
    while True:
        found = snapshot(folder, active=is_active())
        if found["finished"] or time.monotonic() >= until:
            return found
        time.sleep(0.5)


def _last_progress(folder: Path) -> list[dict[str, Any]]:
    """The newest whole line of the progress file, as the list of items of a snapshot."""
    try:
        lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in reversed(lines):
        try:
            return [json.loads(line)]
        except ValueError:
            continue
    return []
