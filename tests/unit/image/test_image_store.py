"""Images are found by name or by kind; broken and half-made ones are not offered."""

from collections.abc import Callable

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.image import store
from netspring_provision.image.manifest import Manifest

Put = Callable[..., Manifest]


def test_whole_images_are_listed_once(station: Station, put_image: Put) -> None:
    core, lite = put_image("core"), put_image("lite", "fr")
    store.set_current(station, "core-zh_CN", core.name)
    (station.images / ".half-x").mkdir()
    (station.images / ".half-x/manifest.json").write_text("{}")
    (station.images / "broken").mkdir()
    (station.images / "broken/manifest.json").write_text("{}")
    assert [image.name for image in store.images(station)] == [core.name, lite.name]


def test_no_images_yet(station: Station) -> None:
    assert store.images(station) == []
    assert store.current(station, "lite-zh_CN") is None


def test_found_by_name_and_by_kind(station: Station, put_image: Put) -> None:
    image = put_image()
    store.set_current(station, "core-zh_CN", image.name)
    assert store.find(station, image.name) == station.images / image.name
    assert store.find(station, "core-zh_CN") == station.images / image.name


def test_the_newest_is_current(station: Station, put_image: Put) -> None:
    old, new = put_image("core"), put_image("core", "fr")
    store.set_current(station, "core", old.name)
    store.set_current(station, "core", new.name)
    assert store.current(station, "core") == new.name
    assert [p.name for p in station.images.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["lite-zh_CN", "../keys", ".half-x", "core-zh_CN-00000000"])
def test_what_is_not_there_is_refused_with_what_is(
    station: Station, put_image: Put, name: str
) -> None:
    image = put_image()
    with pytest.raises(StationError) as caught:
        store.find(station, name)
    assert image.name in caught.value.message
    assert "netspring image build" in str(caught.value.hint)
