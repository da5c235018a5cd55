"""One image for rooms of every language that it holds."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.hosts import Host
from netspring_provision.image import store
from netspring_provision.image.manifest import Manifest
from netspring_provision.steps.images import image_choice, image_name, room_locale
from netspring_provision.steps.job import Job

Put = Callable[..., Manifest]
ALL = ("en_US", "fr_FR", "zh_CN")


def host(**variables: str) -> Host:
    named = {f"netspring_{key}": value for key, value in variables.items()}
    return Host("pc1", "192.0.2.1", 22, "root", Path("key"), named)


def current(station: Station, image: Manifest) -> Manifest:
    store.set_current(station, f"{image.profile}-{image.locale}", image.name)
    return image


@pytest.mark.parametrize("locale", ALL)
def test_a_room_of_any_language_gets_the_one_image(
    station: Station, put_image: Put, locale: str
) -> None:
    image = current(station, put_image("lite", locales=ALL))
    job = cast(Job, SimpleNamespace(station=station, hosts=(host(locale=locale),)))
    assert image_choice(job, None) == {"pc1": image}


def test_a_room_without_a_language_gets_the_usual_image(station: Station, put_image: Put) -> None:
    current(station, put_image("lite", locales=ALL))
    assert image_name(station, host()) == "lite-zh_CN"
    assert room_locale(host()) is None


def test_the_image_that_was_built_for_the_language_comes_first(
    station: Station, put_image: Put
) -> None:
    current(station, put_image("lite", locales=ALL))
    current(station, put_image("lite", "fr_FR", locales=ALL))
    assert image_name(station, host(locale="fr_FR")) == "lite-fr_FR"
    assert image_name(station, host(locale="en_US")) == "lite-zh_CN"


def test_an_image_first_in_another_language_serves_too(station: Station, put_image: Put) -> None:
    current(station, put_image("lite", "fr_FR", locales=ALL))
    assert image_name(station, host(locale="en_US")) == "lite-fr_FR"


@pytest.mark.parametrize("wanted", [{"locale": "fr_FR"}, {"locale": "zh_CN", "profile": "core"}])
def test_an_image_that_does_not_hold_it_or_of_another_profile_is_not_taken(
    station: Station, put_image: Put, wanted: dict[str, Any]
) -> None:
    """An image that names no languages was built before they were in it."""
    current(station, put_image("lite"))
    job = cast(Job, SimpleNamespace(station=station, hosts=(host(**wanted),)))
    with pytest.raises(StationError, match="this station has no image") as missing:
        image_choice(job, None)
    assert "netspring image build --profile" in (missing.value.hint or "")
    assert image_choice(job, None, must_exist=False) == {}
