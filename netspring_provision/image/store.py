"""Finds the images of this station."""

from __future__ import annotations

import os
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.errors import NetspringError, StationError
from netspring_provision.image import manifest
from netspring_provision.image.manifest import Manifest


def images(station: Station) -> list[Manifest]:
    """All images that can be read, by name; half-made and broken ones are left out."""
    found = []
    for path in sorted(station.images.glob(f"*/{manifest.MANIFEST}")):
        if path.parent.is_symlink() or path.parent.name.startswith("."):
            continue
        try:
            found.append(manifest.read(path.parent))
        except NetspringError:
            continue
    return found


def current(station: Station, stem: str) -> str | None:
    """Name of the newest image of a stem such as ``lite-zh_CN``; None if none was built."""
    link = station.images / stem
    return link.readlink().name if link.is_symlink() and link.exists() else None


def find(station: Station, name: str) -> Path:
    """Folder of an image by its name, or by its stem for the newest one.

    Raises:
        StationError: there is no such image.
    """
    folder = station.images / (current(station, name) or name)
    if "/" in name or name.startswith(".") or not (folder / manifest.MANIFEST).is_file():
        have = ", ".join(image.name for image in images(station)) or "none"
        raise StationError(
            f"this station has no image {name!r} (it has: {have})",
            hint=f"netspring image build --profile {name.partition('-')[0] or 'lite'}",
        )
    return folder


def set_current(station: Station, stem: str, name: str) -> None:
    """Let the stem's link point to an image, by one rename."""
    half = station.images / f".link-{stem}.{os.getpid()}"
    half.unlink(missing_ok=True)
    half.symlink_to(name)
    half.replace(station.images / stem)
