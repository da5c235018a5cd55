"""The profiles are whole, and their names and languages are understood."""

import pytest

from netspring_provision import content
from netspring_provision.errors import UsageError
from netspring_provision.image.profiles import LOCALES, locale, profile, profiles


def test_only_what_can_be_built_is_offered() -> None:
    assert list(profiles()) == ["core", "lite", "studio"]


@pytest.mark.parametrize("name", profiles())
def test_every_role_of_a_profile_is_there_and_knows_the_variables(name: str) -> None:
    found = profile(name)
    for role in found.roles:
        assert (content.root() / "roles" / role / "tasks" / "main.yml").is_file()
    for variable in found.variables:
        owners = [role for role in found.roles if variable.startswith(f"{role}_")]
        assert owners, f"{variable} belongs to no role of {name}"
        defaults = (content.root() / "roles" / owners[0] / "defaults" / "main.yml").read_text()
        assert f"\n{variable}:" in defaults


def test_lite_is_for_2_gib_of_memory_less_what_a_graphics_chip_keeps() -> None:
    found = profile("lite")
    assert 1536 * 2**20 < found.minimum_memory_bytes < 2048 * 2**20
    assert profile("core").minimum_memory_bytes < 2**30


def test_studio_is_lite_and_the_studio() -> None:
    lite, studio = profile("lite"), profile("studio")
    assert [role for role in studio.roles if role != "studio"] == list(lite.roles)
    assert studio.variables == lite.variables
    assert 3 * 2**30 < studio.minimum_memory_bytes < 4 * 2**30


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        profile("atelier")
    assert "atelier" in caught.value.message
    assert caught.value.hint == "profiles: core, lite, studio"


@pytest.mark.parametrize(
    ("given", "meant"),
    [("zh_CN", "zh_CN"), ("en", "en_US"), ("fr", "fr_FR"), ("fr_FR.UTF-8", "fr_FR")],
)
def test_short_languages_are_understood(given: str, meant: str) -> None:
    assert locale(given) == meant


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="de_DE"):
        locale("de_DE")
    assert set(LOCALES.values()) == {"zh_CN", "en_US", "fr_FR"}
