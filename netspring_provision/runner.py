"""Runs playbooks through ansible-runner; the only module that imports it.

Traps that this wrapper closes (see docs/decisions/0007-ansible-runner.md): a reused private data
folder replays earlier extra-vars, an empty limit means every host, an exception in an event handler
aborts the play (an OSError is swallowed with the event), and ``artifacts/*/command`` keeps the
environment.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner  # noqa: TID251 - this is the one place

from netspring_provision import content, processes
from netspring_provision.config import Station
from netspring_provision.errors import StationError, UsageError
from netspring_provision.runspace import RunSpace, cannot_record

Event = dict[str, Any]
UNKNOWN_RC = 255  # ansible-playbook ended and nobody knows how: that is no success
LOCALHOST = "localhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"


@dataclass(frozen=True)
class RunResult:
    """What one playbook run left behind.

    Attributes:
        run_id: name of the run's folder under ``runs/``.
        folder: the private folder of this playbook run: events, stdout.
        status: ansible-runner's word: successful, failed, timeout, canceled.
        rc: exit code of ansible-playbook; never evidence by itself.
        events: every event in order, as ansible-runner wrote them.
    """

    run_id: str
    folder: Path
    status: str
    rc: int
    events: tuple[Event, ...]

    def output(self, lines: int = 25) -> str:
        """The last lines that Ansible printed, for an error message."""
        text = "\n".join(str(e.get("stdout") or "") for e in self.events if e.get("stdout"))
        return "\n".join(text.splitlines()[-lines:])


def new_run_id(now: dt.datetime | None = None) -> str:
    """A sortable, unique name for a run, e.g. ``20261124-101530-3fa9``."""
    moment = now or dt.datetime.now(dt.UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def run_playbook(
    station: Station,
    *,
    playbook: str,
    inventory: Path | None = None,
    extravars: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    limit: Sequence[str] | None = None,
    envvars: Mapping[str, str] | None = None,
    hostvars: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunResult:
    """Run ``playbooks/<playbook>.yml`` in a fresh private folder.

    Args:
        station: whose run folders, key and known hosts are used.
        playbook: name without folder and ending.
        inventory: file, script or folder; ``None`` means this computer only.
        extravars: variables for the play; nothing secret belongs here.
        run_id: groups several playbooks of one run; a new one when ``None``.
        on_event: sees each event as it happens; must not raise (an error in it is kept and
            raised after the play has ended, so that drawing never breaks a wipe).
        limit: host names; ``None`` means all hosts of the inventory, empty is an error.
        envvars: more environment for ansible-playbook.
        hostvars: variables for single machines, by inventory name.

    Raises:
        UsageError: ``limit`` is empty.
        StationError: the run folder cannot be written; that may happen in the middle.
        KeyboardInterrupt: the run was interrupted; work on the machines goes on in its units.
    """
    if limit is not None and (not limit or not all(name.strip() for name in limit)):
        raise UsageError(
            "the limit names no machine", hint="name machines of the inventory, or leave it out"
        )
    run_id = run_id or new_run_id()
    folder = _fresh_folder(station.runs / run_id, playbook)
    if inventory is None:
        local = folder / "localhost.ini"
        local.write_text(LOCALHOST)
        inventory = local
    sources = [str(inventory.absolute())]
    if hostvars:
        # JSON is YAML: a second inventory source adds variables to the same hosts.
        added = folder / "hostvars.yml"
        added.write_text(json.dumps({"all": {"hosts": {h: dict(v) for h, v in hostvars.items()}}}))
        sources.append(str(added))
    # Looked up before the run, so that nothing half-made is left when the installation is broken.
    root, played = content.root(), content.playbook(playbook)
    events: list[Event] = []
    trouble: list[Exception] = []

    def keep(event: Event) -> bool:
        events.append(event)
        if on_event is not None and not trouble:
            try:
                on_event(event)
            except Exception as error:  # noqa: BLE001 - kept, and raised after the play
                trouble.append(error)
        return True

    env = _environment(station, folder, envvars or {})
    space = RunSpace(folder)
    try:
        with _interruption() as interrupted:

            def cancel() -> bool:
                stop = interrupted.is_set() or space.is_full()
                if stop:
                    # ansible-runner kills one process group, and Ansible's workers are not in it.
                    processes.end_all("ANSIBLE_HOME", env["ANSIBLE_HOME"])
                return stop

            done = ansible_runner.run(
                private_data_dir=str(folder),
                project_dir=str(root),
                playbook=str(played),
                inventory=sources,
                roles_path=str(root / "roles"),
                extravars=dict(extravars or {}) or None,
                limit=",".join(limit) if limit is not None else None,
                envvars=env,
                event_handler=keep,
                cancel_callback=cancel,
                quiet=True,
                rotate_artifacts=0,
            )
    except OSError as error:  # it could not write what Ansible printed
        processes.end_all("ANSIBLE_HOME", env["ANSIBLE_HOME"])
        raise space.trouble or cannot_record(folder, error) from error
    finally:
        _forget_environment(folder)
    if space.trouble is not None:
        raise space.trouble
    if done.status == "canceled":
        raise KeyboardInterrupt
    if trouble:
        raise trouble[0]
    code = UNKNOWN_RC if done.rc is None else int(done.rc)
    return RunResult(run_id, folder, str(done.status), code, tuple(events))


def end_what_is_left(station: Station, run_id: str) -> None:
    """End the Ansible of a run whose own process was killed; it would go on with nobody to hear it.

    Args:
        station: whose run it was.
        run_id: the dead run; one that is alive must never be named here.
    """
    if Path(run_id).name == run_id and (station.runs / run_id).is_dir():
        for folder in (station.runs / run_id).iterdir():
            processes.end_all("ANSIBLE_HOME", _ansible_home(folder))
            _forget_environment(folder)


def inventory_list(inventory: Path) -> dict[str, Any]:
    """``ansible-inventory --list`` of an inventory, parsed.

    Raises:
        UsageError: Ansible cannot read it.
    """
    # Not through ansible-runner: it looks for the program on this process's own PATH, which has the
    # venv only when somebody activated it.
    program = Path(sys.executable).parent / "ansible-inventory"
    with tempfile.TemporaryDirectory(prefix="netspring-inventory-") as folder:
        strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
        try:
            done = subprocess.run(  # noqa: S603
                [program, "-i", str(inventory.absolute()), "--list"],
                env=os.environ | _environment(None, Path(folder), strict),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise StationError(
                f"{program} is missing", hint="install netspring-provision again, with Ansible"
            ) from error
    try:
        data = json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise UsageError(
            f"Ansible cannot read the inventory {inventory}: {last}",
            hint=f"try it by hand: ansible-inventory -i {inventory} --list",
        )
    return data


def _fresh_folder(run_folder: Path, playbook: str) -> Path:
    try:
        run_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(1, 1000):
            folder = run_folder / f"{number:02d}-{playbook}"
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise StationError(
            f"cannot write the run folder {run_folder}: {error.strerror or error}",
            hint="free some space, or name another home: export NETSPRING_HOME=/some/folder",
        ) from error
    raise StationError(f"run folder {run_folder} holds too many runs")


def _environment(station: Station | None, folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    scripts = Path(sys.executable).parent
    env = {
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(content.root() / "ansible.cfg"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_NOCOLOR": "True",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANSIBLE_HOME": _ansible_home(folder),
    }
    if station is not None:
        env["NETSPRING_HOME"] = str(station.home)
        env["ANSIBLE_PRIVATE_KEY_FILE"] = str(station.ssh_key)
        env["ANSIBLE_SSH_COMMON_ARGS"] = ssh_common_args(station)
        # Unix socket paths end at 108 bytes; a long home must not break multiplexing.
        env["ANSIBLE_SSH_CONTROL_PATH_DIR"] = f"/tmp/.netspring-cp-{os.getuid()}"  # noqa: S108
    return env | dict(more)


def _forget_environment(folder: Path) -> None:
    """Remove what ansible-runner keeps of the command: it holds the station's whole environment."""
    for command_file in folder.glob("artifacts/*/command"):
        command_file.unlink()


def _ansible_home(folder: Path) -> str:
    """Where one playbook run keeps Ansible's own files; by it its processes are told."""
    return str(folder / "ansible")


def ssh_common_args(station: Station) -> str:
    """The SSH options that bind a machine to the host key learnt at enrolment."""
    # Quoted twice, for a home with a space in it: Ansible takes one pair away, ssh the other.
    known = shlex.quote(f'UserKnownHostsFile="{station.known_hosts}"')
    return (
        f"-o {known} -o GlobalKnownHostsFile=/dev/null "
        "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    )


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Catch SIGINT and SIGTERM for the block and say so by the event.

    ansible-runner would do it too, but leaves its own handlers in place.
    """
    event = threading.Event()
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda *_: event.set())
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
