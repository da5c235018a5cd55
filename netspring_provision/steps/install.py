"""Put the image on machines whose disks are all erased: image, identity, bootloader last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_provision import live, sealing
from netspring_provision.errors import RefusedError
from netspring_provision.hosts import Host
from netspring_provision.image import manifest
from netspring_provision.image.manifest import Manifest
from netspring_provision.model import Facts
from netspring_provision.plan import install_target
from netspring_provision.refusals import unseen_refusal
from netspring_provision.room.teacher import password_file
from netspring_provision.station.serve import Served, serve
from netspring_provision.steps.images import requirements_of, room_locale
from netspring_provision.steps.job import Job
from netspring_provision.steps.journal import erased_and_unused
from netspring_provision.steps.plan import token_sha256

# From here on a PC's clock was wrong; module_utils/netspring_install/clock.py sets it from here on.
CLOCK_SECONDS = 60
KINDS = ("image", "identity", "bootloader")


@dataclass(frozen=True)
class Installed:
    """How the install of one machine ended: ``reason`` is ``None`` when it is bootable.

    Attributes:
        was_sealed: whether the ledger held it as sealed; as installed anew the station enters it.
    """

    host: str
    image: str
    reason: str | None
    refused: bool = False
    was_sealed: bool = False


def gate(job: Job, facts: Facts, *, keep_home: bool = False) -> None:
    """A machine is imaged only when the ledger holds every one of its disks as erased.

    With ``keep_home`` the system of a PC that this station installed is put on anew, and the
    children's files stay: then its one disk must be the very one that it was installed on.

    Raises:
        RefusedError: names the disk that is not, or says that it is not in the live environment.
    """
    if not facts.live_marker or facts.live_token_sha256 != token_sha256(job):
        raise RefusedError(
            f"{facts.host} is not running this station's live environment; nothing was changed",
            hint="boot it from the live environment of this station",
        )
    unseen = unseen_refusal(facts)
    if unseen is not None:
        raise RefusedError(f"{facts.host}: {unseen[0]}; nothing was changed", hint=unseen[1])
    if not facts.disks:
        raise RefusedError(f"{facts.host} has no disk", hint="check the disk's cables")
    if keep_home:
        _check_reset(job, facts)
        return
    erased = erased_and_unused(job.ledger, facts.uuid or "")
    for disk in facts.disks:
        if disk.serial is None or (disk.serial, disk.wwn) not in erased:
            raise RefusedError(
                f"{facts.host}: {disk.path} (serial {disk.serial or 'none'}) is not on record as "
                "erased since its PC was last handed over, and no PC is installed beside a disk "
                "with somebody's data",
                hint="erase it first: netspring plan, then netspring wipe; or take the disk out",
            )


def _check_reset(job: Job, facts: Facts) -> None:
    """Whether the children's files on the machine's disk are to stay, by the ledger.

    Raises:
        RefusedError: there is more than that disk, or nothing of ours is on record on it.
    """
    hint = "without --keep-home, after netspring plan and netspring wipe, its files are lost"
    serials = {disk.serial for disk in facts.disks}
    installed = None
    for record in job.ledger.records(machine=facts.uuid or ""):
        if record.kind in ("wipe_started", "wipe"):
            installed = None
        elif record.kind == "bootloader":
            installed = (record.body.get("disk") or {}).get("serial")
    if installed is None or serials != {installed}:
        seen = ", ".join(f"{disk.path} (serial {disk.serial})" for disk in facts.disks)
        known = f"serial {installed}" if installed else "none"
        raise RefusedError(
            f"{facts.host}: to keep the children's files its one disk must be the one it was "
            f"installed on ({known}), and it has {seen}; nothing was changed",
            hint=hint,
        )


def install_machines(
    job: Job,
    facts: tuple[Facts, ...],
    images: Mapping[str, Manifest],
    *,
    keep_home: bool = False,
) -> tuple[Installed, ...]:
    """Install the chosen image on each machine; one result for each.

    Args:
        job: the run.
        facts: the machines as inspected in this run, in the live environment.
        images: image by inventory name.
        keep_home: put the system on anew and leave the children's files, which are on home.
    """
    needs = requirements_of(images)
    results: list[Installed] = []
    hostvars: dict[str, dict[str, Any]] = {}
    for machine in facts:
        image = images[machine.host]
        target = install_target(machine, needs.get(machine.host))
        try:
            gate(job, machine, keep_home=keep_home)
            if target is None:
                raise RefusedError(f"{machine.host} has no disk that the image fits on")
            _check_language(job.host(machine.host), image)
        except RefusedError as error:
            results.append(Installed(machine.host, image.name, error.message, refused=True))
            continue
        disk = {"serial": target.serial, "size_bytes": target.size_bytes}
        hostvars[machine.host] = _hostvars(job.host(machine.host), disk)
        if keep_home:
            hostvars[machine.host] |= {"image_deploy_keep_home": True, "image_deploy_force": True}
    if not hostvars:
        return tuple(results)
    extravars = _extravars(job)  # before anything is on record: what is missing stops us here
    by_host = {machine.host: machine for machine in facts}
    uuids = {name: machine.uuid or "" for name, machine in by_host.items()}
    sealed = {
        name for name in hostvars if sealing.is_sealed(job.ledger.records(machine=uuids[name]))
    }
    for name, variables in hostvars.items():
        body = {
            "host": name,
            "image": images[name].name,
            "disk": variables["image_deploy_disk"],
            "firmware": by_host[name].firmware,
        }
        job.ledger.append("install_started", body, machine=uuids[name], run_id=job.run_id)
    job.say(f"installing {', '.join(sorted({i.name for i in images.values()}))}")
    local_only = all(job.host(name).is_lab for name in hostvars)
    shares = {"images": job.station.images, "live": job.station.live}
    with serve(shares, local_only=local_only) as served:
        for name in hostvars:
            hostvars[name] |= _addresses(served, images[name])
        played = job.play("install", list(hostvars), extravars=extravars, hostvars=hostvars)
    for name, result in played.items():
        reason = result.reason
        for kind in KINDS:
            payload = result.payloads.get(kind)
            if payload is not None:
                _say_clock(job, name, payload.get("clock") or {})
                job.ledger.append(kind, dict(payload), machine=uuids[name], run_id=job.run_id)
            elif reason is None:
                reason = f"it reported nothing about its {kind}"
        results.append(Installed(name, images[name].name, reason, was_sealed=name in sealed))
    return tuple(results)


def _say_clock(job: Job, name: str, clock: Mapping[str, Any]) -> None:
    """Tell that a PC's clock was off by more than a minute, and whether it could be set."""
    off = max(clock.get("was_off_seconds", 0), clock.get("rtc_was_off_seconds", 0), key=abs)
    if abs(off) > CLOCK_SECONDS:
        how = ", ".join(f"{which} {clock[which]}" for which in ("system", "rtc") if which in clock)
        job.say(
            f"{name}: its clock was {off:+d} s off the station's ({how}); if it is off again after "
            "power-off, change the coin cell (CR2032)"
        )


def _extravars(job: Job) -> dict[str, Any]:
    environment = live.show(job.station)
    public = job.station.ssh_key.with_suffix(".pub").read_text().strip()
    return {
        "image_deploy_token_sha256": token_sha256(job),
        "image_deploy_allowed_signers": manifest.allowed_signers(job.station),
        "image_deploy_live_sha256": {
            f.name: sha256_of(f) for f in (environment.kernel, environment.initrd)
        },
        "machine_identity_authorized_key": public,
        # Where the hash is, and not the hash: extra variables are kept with the run.
        "machine_identity_teacher_password_file": str(password_file(job.path) or ""),
    }


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_language(host: Host, image: Manifest) -> None:
    wanted = room_locale(host)
    if wanted and not image.holds(wanted):
        raise RefusedError(
            f"{host.name} is to speak {wanted}, and the image {image.name} holds "
            f"{', '.join(image.locales or (image.locale,))}; nothing was changed",
            hint="correct netspring_locale in the room, or name another image with --image",
        )


def _hostvars(host: Host, disk: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image_deploy_disk": dict(disk),
        "machine_identity_hostname": host.name,
        "machine_identity_asset_tag": str(host.vars.get("netspring_asset_tag") or host.name),
        "machine_identity_locale": room_locale(host) or "",
        "machine_identity_timezone": str(host.vars.get("netspring_timezone") or ""),
        "machine_identity_keyboard": str(host.vars.get("netspring_keyboard") or ""),
    }


def _addresses(served: Served, image: Manifest) -> dict[str, str]:
    return {
        "image_deploy_url": served.url("images", image.name),
        "image_deploy_image": image.name,
        "image_deploy_live_url": served.url("live", "current"),
    }
