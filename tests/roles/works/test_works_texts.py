"""Every sentence is there in every language, and every picture that a help page shows."""

from __future__ import annotations

import json
import re
import string
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from help_pages import ROLE, defaults, help_page
from netspring_works import texts

LANGUAGES = defaults()["works_locales"]
FILES = ROLE / "files"
PROGRAMS = sorted(path.name for path in (FILES / "texts").iterdir())


def sentences(program: str, language: str) -> dict[str, str]:
    """The texts of a program in one language."""
    found: dict[str, str] = json.loads((FILES / "texts" / program / f"{language}.json").read_text())
    return found


def places(sentence: str) -> set[str]:
    """What is filled into a sentence."""
    return {name for _text, name, _form, _how in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_sentence_is_there_and_takes_the_same_values(program: str, language: str) -> None:
    english, here = sentences(program, "en_US"), sentences(program, language)
    assert here.keys() == english.keys()
    for name, sentence in here.items():
        assert sentence.strip() == sentence != "", name
        # "1 work" may say the number in words.
        assert places(sentence) ^ places(english[name]) <= {"number"}, name
        if language == "zh_CN":
            assert re.search("[\u4e00-\u9fff]", sentence), name


def test_every_sentence_that_the_programs_ask_for_is_there() -> None:
    for program, modules in {
        "show": ("show", "show_pages"),
        "screenshot": ("screenshot",),
    }.items():
        there = sentences(program, "en_US")
        asked: set[str] = set()
        for module in modules:
            source = (FILES / "netspring_works" / f"{module}.py").read_text()
            asked |= set(re.findall(r'(?:texts|sentences|self\.texts)\("([a-z_]+)"', source))
            counted = re.findall(r'texts\.count\("([a-z_]+)"', source)
            asked |= {f"{name}_{ending}" for name in counted for ending in ("one", "many")}
        assert asked
        assert asked <= there.keys()


def test_every_reason_has_a_sentence() -> None:
    source = "".join(
        (FILES / "netspring_works" / f"{m}.py").read_text() for m in ("export", "show_job")
    )
    reasons = set(re.findall(r'ExportError\("([a-z_]+)"', source))
    reasons |= set(re.findall(r'errno\.\w+: "([a-z_]+)"', source)) | {"stick"}
    assert {"differs", "gone", "full", "busy", "changing"} <= reasons
    for language in LANGUAGES:
        there = sentences("show", language)
        assert {f"error_{reason}" for reason in reasons} <= there.keys()


class Page(HTMLParser):
    """Collects what a page shows and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.captions = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.pictures.append(values["src"])
        elif tag in ("a", "link"):
            self.links.append(values["href"])
        elif tag == "figcaption":
            self.captions += 1
        if "id" in values:
            self.ids.append(values["id"])


@pytest.mark.parametrize("name", ["index", "teacher"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_help_page_has_all_its_pictures_and_leads_nowhere_outside(
    language: str, name: str
) -> None:
    text = help_page(language, name)
    page = Page(text)
    icons = {f"file://{path}" for path in defaults()["works_help_icons"].values()}
    drawn = [picture for picture in page.pictures if picture not in icons]
    for picture in drawn:
        path = FILES / "help" / picture.removeprefix("../")
        ElementTree.parse(path)  # noqa: S314 - our own drawings
    # Mostly pictures: one for each sentence at least.
    assert len(page.pictures) >= page.captions > 10
    for link in page.links:
        assert re.fullmatch(r"#[a-z]*|(index|teacher)\.html|\.\./help\.css", link), link
        assert link[1:] in ("", *page.ids) or not link.startswith("#")
    assert "http" not in text


@pytest.mark.parametrize("name", ["index", "teacher"])
def test_the_languages_tell_the_same(name: str) -> None:
    def outline(language: str) -> list[str]:
        data = json.loads((FILES / "help_texts" / f"{language}.json").read_text())
        return [section["id"] for section in data["pages"][name]["sections"]]

    assert {tuple(outline(language)) for language in LANGUAGES} == {tuple(outline("en_US"))}


def test_pictures_have_no_words_but_what_is_written_on_keys() -> None:
    """A further language needs no further picture."""
    for path in (FILES / "help/pictures").glob("*.svg"):
        root = ElementTree.parse(path).getroot()  # noqa: S314 - our own drawings
        words = {(part.text or "").strip() for part in root.iter() if part.tag.endswith("text")}
        allowed = {*"nihaoéèàç中Aé?", "Ctrl", "你好", "été, ça, là", "PC-07"}
        assert words <= allowed, path.name


def test_every_program_has_an_icon_and_a_name_in_every_language() -> None:
    values = defaults()
    for program in values["works_programs"]:
        assert (FILES / "icons" / f"netspring-{program['name']}.svg").is_file()
        assert (FILES / "netspring_works" / f"{program['module']}.py").is_file()
        assert set(program["names"]) == set(program["comments"]) == set(LANGUAGES)
    for launcher in values["works_launchers"]:
        assert launcher["program"] == f"netspring-{launcher['id']}"
        assert set(launcher["names"]) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "fr_FR.UTF-8"}, "fr_FR"),
        ({"LANG": "fr_CA.UTF-8"}, "fr_FR"),
        ({"LANG": "sr_RS@latin"}, "en_US"),
        ({"LANG": "C.UTF-8"}, "en_US"),
        ({}, "en_US"),
    ],
)
def test_the_language_is_that_of_the_session(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "FOLDER", FILES / "texts")
    close = sentences("show", language)["close"]
    assert texts.load("show", environment)("close") == close


def test_a_sentence_that_a_language_lacks_is_given_in_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "show").mkdir()
    (tmp_path / "show/en_US.json").write_text('{"a": "an apple", "b": "{number} pears"}')
    (tmp_path / "show/de_DE.json").write_text('{"a": "ein Apfel"}')
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    german = texts.load("show", {"LANG": "de_DE.UTF-8"})
    assert (german("a"), german("b", number=2)) == ("ein Apfel", "2 pears")
