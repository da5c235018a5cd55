"""Which image each machine of a job is to get, and what that image asks of it."""

from __future__ import annotations

from collections.abc import Mapping

from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.hosts import Host
from netspring_provision.image import manifest, store
from netspring_provision.image.manifest import Manifest
from netspring_provision.image.profiles import DEFAULT_LOCALE
from netspring_provision.model import Requirement
from netspring_provision.steps.job import Job

DEFAULT_PROFILE = "lite"


def room_locale(host: Host) -> str | None:
    """The language that the inventory wants for a machine; ``None`` leaves the image's own."""
    return host.vars.get("netspring_locale") or None


def image_name(station: Station, host: Host) -> str:
    """The image that the inventory wants for a machine, e.g. ``lite-zh_CN``.

    The one that was built for the room's language, else any of the profile that holds it: which
    language a PC speaks is set when it is installed.
    """
    profile = host.vars.get("netspring_profile") or DEFAULT_PROFILE
    locale = room_locale(host) or DEFAULT_LOCALE
    wanted = f"{profile}-{locale}"
    names = [wanted, f"{profile}-{DEFAULT_LOCALE}"]
    names += [f"{i.profile}-{i.locale}" for i in store.images(station) if i.profile == profile]
    for name in names:
        if store.current(station, name) and manifest.read(store.find(station, name)).holds(locale):
            return name
    return wanted


def image_choice(job: Job, name: str | None, *, must_exist: bool = True) -> dict[str, Manifest]:
    """The image of each machine of the job, signature checked, by inventory name.

    Args:
        job: the run.
        name: one image for all machines; the inventory decides when ``None``.
        must_exist: whether a missing image is an error; otherwise the machine is left out.

    Raises:
        StationError: an image is missing.
        MachineFailedError: an image was altered.
    """
    chosen: dict[str, Manifest] = {}
    read: dict[str, Manifest] = {}
    for host in job.hosts:
        wanted = name or image_name(job.station, host)
        try:
            if wanted not in read:
                read[wanted] = manifest.verified(store.find(job.station, wanted), job.station)
        except StationError:
            if must_exist:
                raise
            continue
        chosen[host.name] = read[wanted]
    return chosen


def requirements_of(images: Mapping[str, Manifest]) -> dict[str, Requirement]:
    """What each machine must have for its image, bytes."""
    return {
        host: Requirement(image.name, image.minimum_disk_bytes, image.minimum_memory_bytes)
        for host, image in images.items()
    }
