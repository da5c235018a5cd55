"""Texts and profiles: complete, in both languages, and only for checks that exist."""

from __future__ import annotations

import re
from pathlib import Path

import check_samples as samples
import pytest
import yaml

from netspring_provision.checks import catalogue
from netspring_provision.errors import UsageError
from netspring_provision.image import profiles as image_profiles

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ROLES = Path(__file__).parents[3] / "roles"
FEATURES = {"desktop", "zram", "chinese"}


def test_every_check_has_a_text_and_every_text_a_check() -> None:
    assert set(catalogue.texts()) == set(samples.functions())


@pytest.mark.parametrize("name", catalogue.texts())
def test_texts_are_whole_in_both_languages(name: str) -> None:
    text = catalogue.texts()[name]
    for words in (text.ask, text.mend):
        assert CHINESE.search(words.zh)
        assert words.en.strip()
        assert not CHINESE.search(words.en)
    assert text.ask.en.endswith("?")
    assert text.ask.zh[-1] == "\N{FULLWIDTH QUESTION MARK}"
    assert text.needs is None or text.needs in FEATURES


def test_the_name_of_a_program_is_filled_in() -> None:
    text = catalogue.text_for("app_opens[tuxpaint]", "lite")
    assert "Tux Paint" in text.ask.zh
    assert "{" not in text.ask.zh + text.ask.en + text.mend.zh + text.mend.en


def test_a_profile_without_desktop_asks_for_none() -> None:
    core = catalogue.required("core", "zh_CN")
    assert "boots_from_its_own_disk" in core
    assert not [n for n in core if n.startswith(("desktop", "screen", "chinese", "app", "swap"))]


def test_lite_asks_for_every_program_and_for_chinese_where_it_is_spoken() -> None:
    lite = catalogue.required("lite", "zh_CN")
    assert {f"app_opens[{app.name}]" for app in catalogue.profile("lite").apps} <= set(lite)
    assert "chinese_can_be_typed" in lite
    assert "chinese_can_be_typed" not in catalogue.required("lite", "fr_FR")
    assert "chinese_has_a_font" in catalogue.required("lite", "fr_FR")
    assert "chinese_can_be_typed" in catalogue.required("lite", None)


def test_every_profile_that_can_be_built_can_be_checked() -> None:
    assert set(image_profiles.profiles()) <= set(catalogue.profiles())
    for name, profile in image_profiles.profiles().items():
        assert profile.minimum_memory_bytes == catalogue.profile(name).minimum_memory_bytes


def test_an_unknown_profile_is_a_usage_error_that_names_those_there_are() -> None:
    with pytest.raises(UsageError) as error:
        catalogue.profile("giant")
    assert "lite" in str(error.value.hint)


def test_reasons_fill_in_their_words() -> None:
    reason = catalogue.reason("some_failed", bad=2, all=9)
    assert reason.en == "2 of 9 checks did not pass."
    assert "2" in reason.zh


@pytest.mark.parametrize("name", ["lite", "studio"])
def test_every_program_on_the_desktop_is_opened_by_a_check(name: str) -> None:
    """Whoever puts a program on the desktop says what a PC must be able to do with it."""
    placed = set()
    for role in image_profiles.profiles()[name].roles:
        defaults = ROLES / role / "defaults/main.yml"
        values = yaml.safe_load(defaults.read_text(encoding="utf-8")) if defaults.is_file() else {}
        placed |= {entry["id"] for entry in values.get(f"{role}_launchers", [])}
    tried = {launcher for app in catalogue.profile(name).apps for launcher in app.launchers}
    assert placed
    assert {f"{ident}.desktop" for ident in placed} <= tried
