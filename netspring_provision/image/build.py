"""Builds a golden image, or says that there is nothing to do.

The way: base layer (kept) -> tree -> roles, in a private mount namespace -> strip -> ext4 -> zstd
-> signed manifest -> one rename. Nothing has its final name before it is whole.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from netspring_provision import mirror as mirrors
from netspring_provision.config import Station
from netspring_provision.errors import NetspringError, StationError
from netspring_provision.image import base, command, manifest, mounts, store, workspace
from netspring_provision.image.inputs import Inputs, sources_sha256
from netspring_provision.image.manifest import Manifest
from netspring_provision.image.pack import CHUNK_BYTES, FILE, Packed, pack
from netspring_provision.image.profiles import DEFAULT_LOCALE, MIB, locale, profile
from netspring_provision.image.strip import clamp, left_out, strip
from netspring_provision.runner import Event, RunResult, run_playbook

_FAILED = ("runner_item_on_failed", "runner_on_failed", "runner_on_unreachable")
LANGUAGES = "usr/share/netspring/language"  # a tree for each, netspring-language(role base_system)
POLICY = "#!/bin/sh\n# No service starts while an image is built: invoke-rc.d(8).\nexit 101\n"


def inputs_of(profile_name: str, locale_name: str, mirror: str | None) -> Inputs:
    """The inputs of an image; asks no network."""
    found = profile(profile_name)
    return Inputs(
        profile=found,
        locale=locale(locale_name),
        suite=mirrors.SUITE,
        mirror=(mirror or mirrors.station_mirror()).rstrip("/"),
        sources=sources_sha256(found),
    )


def up_to_date(station: Station, inputs: Inputs) -> Manifest | None:
    """The whole, signed image of these inputs, if it is there."""
    folder = station.images / inputs.name
    if not (folder / manifest.MANIFEST).is_file():
        return None
    try:
        found = manifest.verified(folder, station)
    except StationError:
        raise
    except NetspringError:
        return None
    return found if found.inputs_sha256 == inputs.sha256 else None


def build(
    station: Station,
    profile_name: str,
    locale_name: str = DEFAULT_LOCALE,
    *,
    mirror: str | None = None,
    force: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
    on_event: Callable[[Event], None] | None = None,
) -> tuple[Manifest, bool]:
    """Build an image; returns its manifest and whether anything had to be done.

    Args:
        station: whose folders and keys.
        profile_name: what it contains.
        locale_name: its first language; short names are understood.
        mirror: Debian mirror instead of the station's own.
        force: build even though nothing changed, from a new base layer.
        on_step: told in words what is being done.
        on_event: sees Ansible's events.

    Raises:
        UsageError: unknown profile or language.
        StationError: not root; no tool, space or mirror.
        RefusedError: another build runs.
        MachineFailedError: a program of the build failed.
    """
    inputs = inputs_of(profile_name, locale_name, mirror)
    station.ensure()
    if not force and (done := up_to_date(station, inputs)):
        store.set_current(station, inputs.stem, inputs.name)
        return done, False
    _require_root()
    with workspace.only_one(station):
        station.images.mkdir(parents=True, exist_ok=True)
        for leftover in workspace.clear_leftovers(station):
            on_step(f"removed what an interrupted build left: {leftover.name}")
        _require_space(station, inputs)
        try:
            with workspace.work_folder(station) as work:
                found = _build(station, inputs, work, mirror, force, on_step, on_event)
        except OSError as error:
            raise command.explain(f"building {inputs.name}", str(error)) from error
        return found, True


def _build(
    station: Station,
    inputs: Inputs,
    work: Path,
    mirror: str | None,
    force: bool,
    on_step: Callable[[str], None],
    on_event: Callable[[Event], None] | None,
) -> Manifest:
    on_step("base layer: bare Debian from the mirror, or from the cache")
    base.ensure(station, inputs, work, mirror, force)
    root = work / "root"
    base.unpack(station, inputs, root)
    epoch = base.epoch(root)
    _prepare(root)
    try:
        with mounts.private_mounts(), mounts.bound(root, base.folders_of_mirror(inputs.mirror)):
            on_step(f"roles: {', '.join(inputs.profile.roles)}")
            _apply_roles(station, inputs, work, root, on_event)
    finally:
        workspace.keep_debs(station, root / base.ARCHIVES)
    on_step("initrd and font caches")
    left_out(root)
    strip(root, epoch)
    _identify(root, inputs)
    _no_first_boot_updates(root, epoch)
    clamp(root, epoch)
    with mounts.private_mounts(), mounts.bound(root):
        _finish(root, epoch)
    strip(root, epoch)
    clamp(root, epoch)
    on_step("filesystem and compression")
    half = Path(tempfile.mkdtemp(prefix=workspace.HALF, dir=station.images))
    try:
        half.chmod(0o755)
        packed = pack(root, work, half / FILE, inputs.uuid, epoch)
        found = _manifest(inputs, packed, root, epoch)
        manifest.write(found, half, station)
        workspace.put(half, station.images / inputs.name)
    finally:
        workspace.clear(station, half)
    store.set_current(station, inputs.stem, inputs.name)
    return found


def _prepare(root: Path) -> None:
    """What the tree needs while programs run in it; ``strip`` takes it out again."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text(POLICY)
    policy.chmod(0o755)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")


def _apply_roles(
    station: Station,
    inputs: Inputs,
    work: Path,
    root: Path,
    on_event: Callable[[Event], None] | None,
) -> None:
    inventory = work / "image.yml"
    host = {
        "ansible_connection": "community.general.chroot",
        "ansible_host": str(root),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inventory.write_text(json.dumps({"all": {"hosts": {"image": host}}}))
    done = run_playbook(
        station,
        playbook="build_image",
        inventory=inventory,
        extravars={
            "build_image_roles": list(inputs.profile.roles),
            "build_image_locale": inputs.locale,
            "build_image_cache": str(station.cache),
            **inputs.profile.variables,
        },
        on_event=on_event,
        envvars=command.environment() | {"PATH": f"{Path(sys.executable).parent}:{command.PATH}"},
    )
    if done.status != "successful" or done.rc != 0:
        raise command.explain("applying the roles", failure(done))


def failure(done: RunResult) -> str:
    """What the failed tasks said, or the end of Ansible's output."""
    said = []
    for event in done.events:
        data = event.get("event_data") or {}
        if event.get("event") in _FAILED and not data.get("ignore_errors"):
            result = data.get("res") or {}
            words = (result.get(key) for key in ("msg", "stderr", "module_stderr", "stdout"))
            said.append(f"{data.get('task')}: " + "\n".join(str(word) for word in words if word))
    return "\n".join(said) or done.output()


def _identify(root: Path, inputs: Inputs) -> None:
    """Tell the PC what it runs."""
    (root / "etc/netspring").mkdir(exist_ok=True)
    words = {
        "profile": inputs.profile.name,
        "locale": inputs.locale,
        "name": inputs.name,
        "inputs_sha256": inputs.sha256,
        "suite": inputs.suite,
    }
    (root / "etc/netspring/image.json").write_text(json.dumps(words, indent=1) + "\n")


def _no_first_boot_updates(root: Path, epoch: int) -> None:
    """What systemd-update-done(8) would write: all caches fit what is in /usr.

    Without it the first boot makes them anew, which takes an old PC many seconds.
    """
    for name in ("etc/.updated", "var/.updated"):
        (root / name).write_text(f"TIMESTAMP_NSEC={epoch * 10**9}\n")


def _finish(root: Path, epoch: int) -> None:
    """Make what depends on all files being there, with their final dates."""
    env = command.environment(epoch)
    del env["INITRD"]
    for kernel in sorted(path.name for path in (root / "usr/lib/modules").iterdir()):
        for old in (root / "boot").glob(f"initrd.img-{kernel}*"):
            old.unlink()
        command.chroot(root, ["update-initramfs", "-c", "-k", kernel], env)
    if (root / "usr/bin/fc-cache").exists():
        command.chroot(root, ["fc-cache", "--force", "--system-only"], env)
    if (root / "usr/sbin/update-icon-caches").exists():
        themes = sorted(
            path.parent.name for path in root.glob("usr/share/icons/*/icon-theme.cache")
        )
        folders = [f"/usr/share/icons/{theme}" for theme in themes]
        command.chroot(root, ["update-icon-caches", *folders], env)


def _manifest(inputs: Inputs, packed: Packed, root: Path, epoch: int) -> Manifest:
    return Manifest(
        schema=manifest.SCHEMA,
        name=inputs.name,
        profile=inputs.profile.name,
        locale=inputs.locale,
        created=dt.datetime.fromtimestamp(epoch, dt.UTC).isoformat(),
        inputs_sha256=inputs.sha256,
        suite=inputs.suite,
        packages=manifest.packages((root / "var/lib/dpkg/status").read_text("utf-8")),
        file=FILE,
        compressed_bytes=packed.compressed_bytes,
        raw_bytes=packed.raw_bytes,
        raw_sha256=packed.raw_sha256,
        chunk_bytes=CHUNK_BYTES,
        chunks=packed.chunks,
        minimum_disk_bytes=inputs.profile.minimum_disk_bytes,
        minimum_memory_bytes=inputs.profile.minimum_memory_bytes,
        locales=tuple(sorted(path.name for path in (root / LANGUAGES).glob("*"))),
    )


def _require_root() -> None:
    if os.geteuid() != 0:
        raise StationError(
            "building an image needs root: it runs Debian's programs in a tree of their own",
            hint="run the same command with sudo -E, or as root",
        )


def _require_space(station: Station, inputs: Inputs) -> None:
    free = shutil.disk_usage(station.home).free
    if free < inputs.profile.build_bytes:
        raise StationError(
            f"{station.home} has {free // MIB} MiB free, building {inputs.profile.name} needs"
            f" {inputs.profile.build_bytes // MIB} MiB",
            hint="free some space or name another folder: export NETSPRING_HOME=/some/folder",
        )
