"""A manifest is believed only when this station signed exactly these bytes."""

import json
from collections.abc import Callable

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.image import manifest
from netspring_provision.image.manifest import Manifest

Put = Callable[..., Manifest]

STATUS = """\
Package: dash
Status: install ok installed
Architecture: amd64
Version: 0.5.12-12
Description: POSIX-compliant shell
 Version: not a field but a word in a description

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: adduser
Status: install ok installed
Version: 3.152
"""


def test_packages_are_those_that_are_installed() -> None:
    assert manifest.packages(STATUS) == {"adduser": "3.152", "dash": "0.5.12-12"}


def test_what_was_signed_is_believed(station: Station, put_image: Put) -> None:
    image = put_image()
    assert manifest.verified(station.images / image.name, station) == image


def test_an_altered_manifest_is_not(station: Station, put_image: Put) -> None:
    folder = station.images / put_image().name
    path = folder / manifest.MANIFEST
    data = json.loads(path.read_text())
    data["minimum_disk_bytes"] = 1
    path.write_text(json.dumps(data))
    with pytest.raises(MachineFailedError, match="ssh-keygen says"):
        manifest.verified(folder, station)


def test_nor_is_another_stations(station: Station, put_image: Put) -> None:
    folder = station.images / put_image().name
    station.signing_key.unlink()
    station.signing_key.with_suffix(".pub").unlink()
    station.ensure()
    with pytest.raises(MachineFailedError, match="ssh-keygen says"):
        manifest.verified(folder, station)


def test_nor_is_one_without_a_signature(station: Station, put_image: Put) -> None:
    folder = station.images / put_image().name
    (folder / manifest.SIGNATURE).unlink()
    with pytest.raises(MachineFailedError):
        manifest.verified(folder, station)


def test_a_short_image_is_found(station: Station, put_image: Put) -> None:
    folder = station.images / put_image().name
    (folder / "rootfs.ext4.zst").write_bytes(b"imag")
    with pytest.raises(MachineFailedError, match="size"):
        manifest.verified(folder, station)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 1, "chunks": []}', '{"chunks": 3}'], ids=repr
)
def test_what_is_no_manifest_is_said_so(station: Station, text: str) -> None:
    folder = station.images / "core-zh_CN-00000000"
    folder.mkdir(parents=True)
    (folder / manifest.MANIFEST).write_text(text)
    with pytest.raises(MachineFailedError, match="cannot be read"):
        manifest.read(folder)


def test_a_later_schema_is_not_guessed_at(station: Station, put_image: Put) -> None:
    folder = station.images / put_image().name
    path = folder / manifest.MANIFEST
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(MachineFailedError, match="schema is 2, not 1"):
        manifest.read(folder)


def test_verifying_leaves_nothing_behind(station: Station, put_image: Put) -> None:
    image = put_image()
    before = sorted(station.images.rglob("*"))
    manifest.verified(station.images / image.name, station)
    assert sorted(station.images.rglob("*")) == before
