"""Check the machines of a room on their own, apart from any provisioning."""

from __future__ import annotations

from netspring_provision.errors import StationError
from netspring_provision.hosts import Host
from netspring_provision.image import manifest, store
from netspring_provision.image.manifest import Manifest
from netspring_provision.steps.images import image_choice
from netspring_provision.steps.job import Job
from netspring_provision.steps.verify import verify_machines
from netspring_provision.verdict import MachineVerdict


def verify_room(job: Job, image: str | None) -> tuple[MachineVerdict, ...]:
    """One verdict for each machine of the job.

    Args:
        job: the run.
        image: what all machines must have; the one on record, or else that of the inventory, when
            ``None``.

    Raises:
        StationError: this station does not have the image to compare with.
        MachineFailedError: that image was altered.
    """
    uuids = {host.name: uuid for host in job.hosts if (uuid := uuid_of(job, host)) is not None}
    images = image_choice(job, image, must_exist=image is not None)
    if image is None:
        images |= {
            name: found
            for name, uuid in uuids.items()
            if (found := _installed_image(job, uuid)) is not None
        }
    lacking = [host.name for host in job.hosts if host.name not in images]
    if lacking:
        raise StationError(
            f"nothing to compare {', '.join(lacking)} with: this station has no image for it",
            hint="name one with --image (see: netspring image list), or build it",
        )
    names = tuple(host.name for host in job.hosts)
    return verify_machines(job, names, uuids, images)


def uuid_of(job: Job, host: Host) -> str | None:
    """SMBIOS UUID of a machine: by the inventory, else by the latest install under its name."""
    named = host.vars.get("netspring_uuid")
    if named:
        return str(named).lower()
    for record in reversed(job.ledger.records(kind="identity")):
        if record.body.get("hostname") == host.name:
            return record.machine
    return None


def _installed_image(job: Job, uuid: str) -> Manifest | None:
    """The image that was put on the machine, if this station still has it."""
    record = job.ledger.last("install_started", uuid)
    name = (record.body if record else {}).get("image")
    try:
        return manifest.verified(store.find(job.station, str(name)), job.station) if name else None
    except StationError:
        return None
