"""The live environment: the kernel and the one initrd that machines run while they are worked on.

``live/<hash of the inputs>/{vmlinuz,initrd.img,build.json}``; ``live/current`` points to the one in
use. The station's token is not in them: it stands on the kernel command line.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_provision import content, mirror
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, NetspringError, StationError
from netspring_provision.runner import Event, RunResult, run_playbook

ROLE = "live_environment"
# Root filesystem, its packed form and the downloaded packages, with room to spare; bytes.
NEEDED_SPACE = 1_500_000_000
_NOT_INPUT = frozenset({"README.md", "argument_specs.yml"})
_BUILD_HINT = "netspring live build"


@dataclass(frozen=True)
class Live:
    """A finished live environment.

    Attributes:
        kernel: bzImage, signed by Debian.
        initrd: the whole system, cpio through zstd.
        cmdline: kernel command line, with this station's token: a secret of the workshop.
        inputs_sha256: what it was built from; the same hash needs no new build.
        mirror: where its packages came from.
        unpacked_bytes: what it takes of a machine's RAM.
        built: this call did the work (False: it was there already).
    """

    kernel: Path
    initrd: Path
    cmdline: str
    inputs_sha256: str
    mirror: str
    unpacked_bytes: int
    built: bool = False

    @property
    def total_bytes(self) -> int:
        """Size of both files: what a machine loads."""
        return self.kernel.stat().st_size + self.initrd.stat().st_size


def cmdline(token: str) -> str:
    """Kernel command line of the live environment.

    The screen is the last console, so it is /dev/console; a serial line that is not there is
    ignored. The words after the consoles keep the kernel off what lies on the disks.
    """
    return (
        f"netspring.token={token} console=ttyS0,115200 console=tty0 consoleblank=0 quiet "
        "loglevel=3 raid=noautodetect noresume systemd.gpt_auto=0 systemd.swap=0"
    )


def inputs_sha256(public_key: str, mirror_uri: str) -> str:
    """Hash of everything that decides what is in the live environment.

    Args:
        public_key: the station's SSH key; its comment does not count.
        mirror_uri: Debian mirror.
    """
    root = content.root()
    digest = hashlib.sha256()
    files = [content.playbook("build_live")]
    files += [
        path
        for path in (root / "roles" / ROLE).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name not in _NOT_INPUT
    ]
    for path in sorted(files):
        content_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root)}\0{content_sha256}\n".encode())
    digest.update("\0".join([*public_key.split()[:2], mirror.SUITE, mirror_uri]).encode())
    return digest.hexdigest()


def show(station: Station) -> Live:
    """The live environment in use.

    Raises:
        StationError: none was built, or its files are damaged.
    """
    folder = station.live / "current"
    if not (folder / "build.json").is_file():
        raise StationError("the live environment is not built yet", hint=_BUILD_HINT)
    return _read(station, folder.resolve(), built=False)


def build(
    station: Station,
    force: bool = False,
    on_event: Callable[[Event], None] | None = None,
    mirror_uri: str | None = None,
) -> Live:
    """Build the live environment, unless one of the same inputs is there.

    Args:
        station: whose folders and key.
        force: build although nothing changed; takes Debian's newest packages.
        on_event: sees Ansible's events.
        mirror_uri: Debian mirror instead of the station's own.

    Raises:
        StationError: not root; no tool, space or mirror.
        MachineFailedError: a program of the build failed.
    """
    station.ensure()
    with _only_one(station):
        key = station.ssh_key.with_suffix(".pub").read_text().strip()
        if not force and (found := _up_to_date(station, key, mirror_uri)):
            return found
        uri = (mirror_uri or mirror.station_mirror()).rstrip("/")
        _require(station)
        _clear_leftovers(station)
        try:
            final = _run(station, key, uri, mirror_uri, on_event)
            _point(station, final)
        finally:
            _clear_leftovers(station)
        return _read(station, final, built=True)


def _run(
    station: Station,
    key: str,
    uri: str,
    mirror_uri: str | None,
    on_event: Callable[[Event], None] | None,
) -> Path:
    """Run the playbook and put its result in place; returns that folder."""
    inputs = inputs_sha256(key, uri)
    final = station.live / inputs[:12]
    output = station.live / f".partial-{inputs[:12]}-new"
    done = run_playbook(
        station,
        playbook="build_live",
        extravars={
            "live_environment_output": str(output),
            "live_environment_authorized_key": key,
            "live_environment_suite": mirror.SUITE,
            "live_environment_sources": list(mirror.sources(mirror=mirror_uri)),
            "live_environment_apt_options": list(mirror.apt_options()),
            "live_environment_cache": str(station.cache / "live"),
            "live_environment_inputs": inputs,
            "live_environment_mirror": uri,
        },
        on_event=on_event,
    )
    if done.status != "successful" or not (output / "build.json").is_file():
        raise failure(done)
    if final.exists():
        final.rename(station.live / f".partial-{inputs[:12]}-old")
    output.rename(final)
    return final


def failure(done: RunResult) -> NetspringError:
    """What a failed build means for the person in front of it."""
    for event in reversed(done.events):
        data = event.get("event_data") or {}
        result = data.get("res") or {}
        if event.get("event") != "runner_on_failed" or "netspring_error" not in result:
            continue
        error = result["netspring_error"]
        message = f"the live environment was not built: {result.get('msg', '')}"
        hint = error.get("hint") or _HINTS.get(error.get("kind"))
        if error.get("kind") in _HINTS:
            return StationError(message, hint)
        return MachineFailedError(message, hint)
    return MachineFailedError(
        f"the live environment was not built:\n{done.output()}",
        hint=f"everything Ansible said is below {done.folder}",
    )


_HINTS: Mapping[Any, str] = {
    "root": "run the same command as root, or with sudo -E",
    "tool": "netspring doctor --fix",
    "space": "free some space, or name another folder: export NETSPRING_HOME=/some/folder",
    "mirror": "run the same command again when the network is back (what was fetched is kept), "
    "or name another mirror: netspring live build --mirror URL",
    "packages": "name a complete Debian mirror: netspring live build --mirror URL",
}


def _up_to_date(station: Station, key: str, mirror_uri: str | None) -> Live | None:
    """What is there already, if it is whole and of these inputs; asks no network.

    A mirror that was named by hand for the last build need not be named again to keep it.
    """
    try:
        current: Live | None = show(station)
    except StationError:
        current = None
    wanted = mirror_uri.rstrip("/") if mirror_uri else None
    if current and wanted is None and current.inputs_sha256 == inputs_sha256(key, current.mirror):
        wanted = current.mirror
    inputs = inputs_sha256(key, wanted or mirror.station_mirror())
    folder = station.live / inputs[:12]
    try:
        found = _read(station, folder, built=False)
    except StationError:
        return None
    if found.inputs_sha256 != inputs or not _whole(folder):
        return None
    _point(station, folder)
    return found


def _read(station: Station, folder: Path, *, built: bool) -> Live:
    """The build in a folder; the files' sizes are checked, their content is not."""
    try:
        said = json.loads((folder / "build.json").read_text())
        for name, file in said["files"].items():
            if (folder / name).stat().st_size != file["bytes"]:
                raise ValueError(f"{name} has another size than when it was built")
        return Live(
            kernel=folder / "vmlinuz",
            initrd=folder / "initrd.img",
            cmdline=cmdline(station.token()),
            inputs_sha256=said["inputs_sha256"],
            mirror=said["mirror"],
            unpacked_bytes=said["unpacked_bytes"],
            built=built,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StationError(
            f"the live environment in {folder} is damaged: {error}", hint=f"{_BUILD_HINT} --force"
        ) from error


def _whole(folder: Path) -> bool:
    """Whether the files are still what was built, byte by byte."""
    said = json.loads((folder / "build.json").read_text())
    for name, file in said["files"].items():
        with (folder / name).open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != file["sha256"]:
                return False
    return True


def _point(station: Station, folder: Path) -> None:
    """Let ``live/current`` name this build, at once for whoever reads it."""
    current = station.live / "current"
    if current.is_symlink() and current.readlink() == Path(folder.name):
        return
    new = station.live / f".partial-link-{os.getpid()}"
    new.unlink(missing_ok=True)
    new.symlink_to(folder.name)
    new.replace(current)


def _require(station: Station) -> None:
    if os.geteuid() != 0:
        raise StationError(
            "building the live environment needs root: Debian's programs run in a tree of their"
            " own",
            _HINTS["root"],
        )
    free = shutil.disk_usage(station.home).free
    if free < NEEDED_SPACE:
        raise StationError(
            f"{station.home} has {free // 10**6} MB free, building the live environment needs"
            f" {NEEDED_SPACE // 10**6} MB",
            _HINTS["space"],
        )


def _clear_leftovers(station: Station) -> None:
    """Remove what interrupted builds left, and builds older than the current and the last one.

    Nothing is removed in which something is mounted: that would reach through the mount. When the
    station's command was killed, its playbook may still be at work: its folder gets another name
    first, so that it fails, and what it still writes meanwhile is removed by the next call.
    """
    mounts = Path("/proc/self/mountinfo").read_text()
    builds = sorted(station.live.glob("[!.]*/build.json"), key=lambda p: p.stat().st_mtime)
    folders = [p.parent for p in builds if not p.parent.is_symlink()]
    current = (station.live / "current").resolve()
    older = [folder for folder in folders[:-2] if folder.resolve() != current]
    for path in [*station.live.glob(".partial-*"), *older]:
        if path.is_symlink():
            path.unlink()
        elif str(path) not in mounts:
            gone = path.with_name(f".partial-gone-{secrets.token_hex(4)}")
            path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def _only_one(station: Station) -> Iterator[None]:
    """One build at a time; a second one waits, and finds the work done."""
    station.live.mkdir(parents=True, exist_ok=True)
    with (station.live / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
