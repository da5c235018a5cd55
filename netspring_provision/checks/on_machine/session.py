"""The child's session as root finds it: its processes, its environment, how long it took."""

from __future__ import annotations

import os
import time
from pathlib import Path

from netspring_provision.checks.on_machine.programs import run

SESSION_SECONDS = 180
ENVIRONMENT_SECONDS = 15.0


def processes(uid: int) -> dict[str, int]:
    """Names and numbers of a user's processes."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid == uid:
                found[(entry / "comm").read_text().strip()] = int(entry.name)
        except OSError:  # it ended meanwhile
            continue
    return found


def await_session(uid: int, panels: list[str]) -> tuple[dict[str, int], int | None]:
    """Wait until the panel of the desktop runs; its process number, or ``None``."""
    deadline = time.monotonic() + SESSION_SECONDS
    while True:
        running = processes(uid)
        for panel in panels:
            if panel[:15] in running:  # the kernel keeps 15 letters of a name
                return running, running[panel[:15]]
        if time.monotonic() > deadline:
            return running, None
        time.sleep(1)


def seconds_to(panel: int, proc: Path = Path("/proc")) -> float | None:
    """From the start of the kernel to that of the panel, without what the PC waited for a person.

    A desktop that was started anew, after a logout or with the display manager, is judged by its
    own way from its X server on, added to the time at which the PC was first ready for it. Where
    the panel alone was started anew, the icons of the desktop are still those of the login.
    """
    # graphical.target keeps the time of the boot when the display manager is started anew.
    ready = [_ready(unit) for unit in ("display-manager.service", "graphical.target")]
    first = min((at for at in ready if at is not None), default=None)
    shown = _started(proc, panel)
    if first is None or shown is None:
        return None
    servers = [at for number in named(("Xorg", "X"), proc) if (at := _started(proc, number))]
    server = max((at for at in servers if at <= shown), default=None)
    if server is None:
        return None
    icons = [at for number in named(("pcmanfm-qt",), proc) if (at := _started(proc, number))]
    shown = min(at for at in (shown, *icons) if at >= server)
    return round(first + shown - server, 1)


def _ready(unit: str) -> float | None:
    """When a unit was started last, seconds after the kernel; ``None`` if it is not running."""
    told = run(
        "systemctl", "show", "--value", "--property=ActiveEnterTimestampMonotonic", unit
    ).stdout.strip()
    return int(told) / 1e6 if told.isdigit() and told != "0" else None


def emulated() -> bool:
    """Whether this is a virtual PC without KVM: it shares the cores of a station with others."""
    return run("systemd-detect-virt", "--vm").stdout.strip() == "qemu"


def _started(proc: Path, pid: int) -> float | None:
    """When a process was started, seconds after the kernel (proc(5), field 22 of stat)."""
    try:
        words = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(words[19]) / os.sysconf("SC_CLK_TCK")


def named(names: tuple[str, ...], proc: Path = Path("/proc")) -> list[int]:
    """Processes of these names, of whomever."""
    found = []
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text().strip() in names:
                    found.append(int(entry.name))
            except OSError:  # it ended meanwhile
                continue
    return sorted(found)


def environment_of(pid: int, proc: Path = Path("/proc")) -> dict[str, str]:
    """The environment that a program of the desktop was started with.

    A process bears its new name a moment before its environment can be read (execve(2) sets one
    after the other), so it is read again until it names a display.

    Raises:
        RuntimeError: it has none, even later.
    """
    deadline = time.monotonic() + ENVIRONMENT_SECONDS
    while True:
        raw = (proc / str(pid) / "environ").read_bytes().decode(errors="replace")
        found = dict(item.split("=", 1) for item in raw.split("\0") if "=" in item)
        if found.get("DISPLAY"):
            return found
        if time.monotonic() > deadline:
            raise RuntimeError("the desktop's panel was started without a DISPLAY")
        time.sleep(0.5)
