"""A station of its own, a mirror that is never asked, and small images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import mirror
from netspring_provision.config import Station
from netspring_provision.image import manifest
from netspring_provision.image.build import inputs_of
from netspring_provision.image.manifest import Manifest

MIRROR = "http://m.example/debian"


@pytest.fixture
def station(
    netspring_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    allow_subprocess: Callable[..., None],
) -> Station:
    """A station with keys whose own mirror is never asked."""
    allow_subprocess("ssh-keygen")
    monkeypatch.setattr(mirror, "station_mirror", lambda: MIRROR)
    return Station(netspring_home).ensure()


@pytest.fixture
def put_image(station: Station) -> Callable[..., Manifest]:
    """Put a signed image of some bytes where a build would have put it."""

    def put(
        profile: str = "core",
        locale: str = "zh_CN",
        content: bytes = b"image",
        locales: tuple[str, ...] = (),
    ) -> Manifest:
        inputs = inputs_of(profile, locale, None)
        folder = station.images / inputs.name
        folder.mkdir(parents=True)
        (folder / "rootfs.ext4.zst").write_bytes(content)
        image = Manifest(
            schema=manifest.SCHEMA,
            name=inputs.name,
            profile=profile,
            locale=inputs.locale,
            created="2026-11-22T02:09:05+00:00",
            inputs_sha256=inputs.sha256,
            suite="trixie",
            packages={"dash": "0.5.12-12"},
            file="rootfs.ext4.zst",
            compressed_bytes=len(content),
            raw_bytes=4096,
            raw_sha256=hashlib.sha256(b"raw").hexdigest(),
            chunk_bytes=4194304,
            chunks=(hashlib.sha256(content).hexdigest(),),
            minimum_disk_bytes=inputs.profile.minimum_disk_bytes,
            minimum_memory_bytes=inputs.profile.minimum_memory_bytes,
            locales=locales,
        )
        manifest.write(image, folder, station)
        return image

    return put
