"""The whole installation of one disk, in order; every check before the first write."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import (
    clock,
    content,
    disks,
    fetch,
    http,
    layout,
    partition,
    rescue,
    write,
)
from ansible.module_utils.netspring_install import manifest as manifests
from ansible.module_utils.netspring_install.disks import Disk
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from ansible.module_utils.netspring_install.host import (
    Host,
    check_disk_size,
    check_live,
    check_memory,
)
from ansible.module_utils.netspring_install.layout import Partition
from ansible.module_utils.netspring_install.manifest import Manifest
from ansible.module_utils.netspring_install.progress import Progress

SMALL = 16 << 20
SAVE_FIRST = "save what can be saved, then install without keeping home"


@dataclass(frozen=True)
class Order:
    """What the station wants.

    Attributes:
        url: folder of the image on the station.
        image: name the manifest must carry; empty takes what is there.
        live_url: folder of the live environment on the station.
        live_sha256: its files and their hashes.
        allowed_signers: text for ssh-keygen(1): whose signature counts.
        serial: serial of the disk.
        size: of the disk in bytes.
        token_sha256: hash of the station's live token.
        force: install again over a finished installation.
        keep_home: leave the home partition as it is.
        station_time: of the station, s since 1970.
    """

    url: str
    image: str
    live_url: str
    live_sha256: dict[str, str]
    allowed_signers: str
    serial: str
    size: int
    token_sha256: str
    force: bool = False
    keep_home: bool = False
    station_time: int = 0


@dataclass
class _Work:
    """What becomes known on the way."""

    order: Order
    host: Host
    progress: Progress
    disk: Disk
    manifest: Manifest
    files: dict[str, bytes]
    live_bytes: int
    present: tuple[Partition, ...] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Partition, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)

    def path(self, number: int) -> str:
        return self.disk.partition(number)


def run(order: Order, host: Host, progress: Progress) -> dict[str, Any]:
    """Install; returns the result without its envelope.

    Raises:
        RefusedError: a check said no; nothing was changed.
        InstallError: it stopped part-way; the disk does not boot.
    """
    try:
        work = _look(order, host, progress)
        if work.present and _is_done(work):
            return _result(work, work.present, changed=False)
        work.parts = _choose(work)
    except InstallError as error:
        error.changed = False
        raise
    _prepare(work)
    _deploy(work)
    return _result(work, work.parts, changed=True)


def _look(order: Order, host: Host, progress: Progress) -> _Work:
    """Every check of machine, disk and image, and what lies on the disk."""
    check_live(host, order.token_sha256)
    clocks = clock.correct(host.clock, order.station_time)
    rescue.unmount_own(host.run)
    disk = disks.find(host.list_disks(), order.serial, order.size)
    disks.refuse_if_used(disk)
    manifest, files = _manifest(order, host)
    check_memory(host, manifest)
    check_disk_size(disk, manifest)
    live_bytes = sum(http.size_of(f"{order.live_url}/{name}") for name in order.live_sha256)
    work = _Work(order, host, progress, disk, manifest, files, live_bytes, report=clocks)
    work.present = content.examine(disk)
    work.state = _state(work) if work.present else {}
    return work


def _manifest(order: Order, host: Host) -> tuple[Manifest, dict[str, bytes]]:
    files = {
        n: http.read_small(f"{order.url}/{n}", SMALL)
        for n in ("manifest.json", "manifest.json.sig")
    }
    text = files["manifest.json"]
    manifests.verify_signature(text, files["manifest.json.sig"], order.allowed_signers, host.run)
    manifest = manifests.parse(text)
    if order.image and manifest.name != order.image:
        raise RefusedError(
            f"the station serves image {manifest.name}, asked for was {order.image}",
            hint="nothing was written; name the image that the station has (netspring image list)",
        )
    return manifest, files


def _state(work: _Work) -> dict[str, Any]:
    """The record on the rescue partition; empty if there is none that can be read."""
    device = work.path(partition.RESCUE)
    if content.filesystem(device) != "ext4":
        return {}
    try:
        partition.replay(device)
        with rescue.mounted(device, work.host.run / "rescue", read_only=True) as at:
            state = rescue.read_json(at / rescue.STATE) or {}
            installed = rescue.read_json(at / rescue.INSTALLED) or {}
    except InstallError:
        return {}
    if installed.get("disk_serial") == work.order.serial:
        return {**state, "stage": "installed", "image": installed.get("image")}
    return state


def _is_done(work: _Work) -> bool:
    """Whether nothing is left to do here.

    Raises:
        RefusedError: going on would destroy what nobody asked to replace.
    """
    again = "nothing was written; ask for it explicitly (image_deploy_force: true)"
    stage, image, force = work.state.get("stage"), work.state.get("image"), work.order.force
    if stage == "installed" and not force and image != work.manifest.name:
        raise RefusedError(
            f"{work.disk.path} already has image {image}, not {work.manifest.name}", again
        )
    if stage == "installed":
        return not force
    if stage is None and not force and _home_in_use(work):
        raise RefusedError(
            f"{work.disk.path} bears our partitions and files in home, but its record is lost",
            again,
        )
    return (
        (stage, image) == ("written", work.manifest.name)
        and work.state.get("raw_sha256") == work.manifest.raw_sha256
        and content.filesystem(work.path(partition.HOME)) == "ext4"
        # Whoever worked on root after us may have been cut off: its journal must be sound.
        and partition.check_ext4(work.path(partition.ROOT))
    )


def _home_in_use(work: _Work) -> bool:
    device = work.path(partition.HOME)
    if content.filesystem(device) != "ext4":
        return False
    try:
        with rescue.mounted(device, work.host.run / "home", read_only=True) as at:
            return content.has_files(at)
    except InstallError:
        return True


def _choose(work: _Work) -> tuple[Partition, ...]:
    """The partitions to use: as planned, or those that are there, if home is to be kept.

    Raises:
        RefusedError: the disk is too small, or home cannot be kept.
    """
    manifest, present = work.manifest, work.present
    if not work.order.keep_home:
        return layout.plan(
            path=work.disk.path,
            disk_bytes=work.disk.size,
            sector=work.disk.sector,
            compressed_bytes=manifest.compressed_bytes,
            raw_bytes=manifest.raw_bytes,
            live_bytes=work.live_bytes,
        )
    if present is None:
        # Blank, or a table that was torn: a new one could lie over works that are still there.
        raise RefusedError(
            f"{work.disk.path} has no partition table that names the home partition to be kept",
            hint=f"nothing was written; {SAVE_FIRST}",
        )
    home = work.path(partition.HOME)
    if content.filesystem(home) != "ext4":
        raise RefusedError(
            f"{home} is to be kept, but holds no filesystem that can be recognised",
            hint=f"nothing was written; {SAVE_FIRST}",
        )
    rescue_needed = layout.rescue_bytes(manifest.compressed_bytes, work.live_bytes)
    root_needed = layout.root_minimum(manifest.raw_bytes)
    if present[2].size < rescue_needed or present[3].size < root_needed:
        raise RefusedError(
            f"{work.disk.path}: image {manifest.name} does not fit beside the home partition",
            hint="nothing was written; save the files in home, then install without keeping home",
        )
    return present


def _prepare(work: _Work) -> None:
    """From here on the disk changes: first nothing boots any more, then it is laid out.

    A home that is to be kept is never formatted, whatever the record says and whatever is wrong
    with it: what a child made is not to be had again.

    Raises:
        RefusedError: home is to be kept and is not there to be kept; nothing was changed.
        InstallError: a tool failed, or home is damaged past repair.
    """
    home, same = work.path(partition.HOME), work.present == work.parts
    if work.order.keep_home and not (same and content.filesystem(home) == "ext4"):
        raise RefusedError(
            f"{home} is to be kept, but it is not as it was a moment ago",
            hint=f"nothing was written; {SAVE_FIRST}",
        )
    work.progress.begin("partition")
    if work.present:
        partition.invalidate(work.disk, work.present)
    if not same:
        partition.write_table(work.disk, work.parts)
    partition.wait_for_nodes(work.disk, work.parts)
    partition.make_esp(work.path(partition.ESP))
    device = work.path(partition.RESCUE)
    if not (same and content.filesystem(device) == "ext4" and partition.check_ext4(device)):
        partition.make_ext4(device, "netspring-rescue")
    with rescue.mounted(device, work.host.run / "rescue") as at:
        (at / rescue.INSTALLED).unlink(missing_ok=True)
        rescue.write_json(at / rescue.STATE, _record(work, "begun"))
    if not work.order.keep_home:
        partition.make_ext4(home, "netspring-home")
    elif not partition.check_ext4(home):
        raise InstallError(
            f"the filesystem of {home} is damaged past repair and was left as it is",
            hint=SAVE_FIRST,
        )


def _deploy(work: _Work) -> None:
    """Fetch, check, write, read back, grow, and put that on record."""
    name, root = work.manifest.name, work.path(partition.ROOT)
    with rescue.mounted(work.path(partition.RESCUE), work.host.run / "rescue") as at:
        folder = at / "images" / name
        folder.mkdir(parents=True, exist_ok=True)
        _drop_other_images(folder)
        for file, data in work.files.items():
            rescue.write_file(folder / file, data)
        rescue.write_file(at / "allowed_signers", work.order.allowed_signers.encode() + b"\n")
        (at / "live").mkdir(exist_ok=True)
        fetch.live(work.order.live_url, work.order.live_sha256, at / "live", work.progress)
        got = fetch.image(work.order.url, work.manifest, folder, work.progress)
        work.report["pieces"] = vars(got)
        source, size = folder / work.manifest.file, work.manifest.raw_bytes
        work.progress.begin("write", size)
        write.write_image(source, root, size, work.progress.advance)
        work.report["write_bps"] = work.progress.rate()
        work.progress.begin("read back", size)
        found = write.compare(root, source, size, work.manifest.raw_sha256, work.progress.advance)
        work.report["raw_sha256"] = found
        work.progress.begin("grow")
        partition.grow_root(root, "netspring-root")
        work.state = _record(work, "written") | {"raw_sha256": found}
        rescue.write_json(at / rescue.STATE, work.state)


def _drop_other_images(folder: Path) -> None:
    """An image of another name would take the room of the new one."""
    for other in folder.parent.iterdir():
        if other != folder:
            for file in other.iterdir():
                file.unlink()
            other.rmdir()


def _record(work: _Work, stage: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "stage": stage,
        "image": work.manifest.name,
        "disk_serial": work.order.serial,
    }


def _result(work: _Work, parts: tuple[Partition, ...], *, changed: bool) -> dict[str, Any]:
    return {
        "outcome": "deployed" if changed else "unchanged",
        "changed": changed,
        "image": work.manifest.name,
        "profile": work.manifest.profile,
        "locale": work.manifest.locale,
        "stage": work.state.get("stage"),
        "disk": {"serial": work.order.serial, "path": work.disk.path, "size_bytes": work.disk.size},
        "partitions": {
            p.label: {"path": work.path(p.number), "size_bytes": p.size}
            | ({"uuid": partition.uuid(work.path(p.number))} if p.number != 1 else {})
            for p in parts
        },
        "raw_bytes": work.manifest.raw_bytes,
        **work.report,
    }
