"""The examples are programs in every language, and lie in the child's works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from tests.on_target import ROLES

CODING = ROLES / "coding"
VARS: dict[str, Any] = yaml.safe_load((CODING / "vars/main.yml").read_text("utf-8"))
WORDS: dict[str, Any] = VARS["coding_words"]
EXAMPLES = sorted((CODING / "templates/examples").glob("*.j2"))
FOLDERS = yaml.safe_load((ROLES / "desktop/defaults/main.yml").read_text("utf-8"))[
    "desktop_folders"
]
DEFAULTS = yaml.safe_load((CODING / "defaults/main.yml").read_text("utf-8"))


def render(path: Path, language: str) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - programs, not web pages
    )
    return environment.from_string(path.read_text("utf-8")).render(words=WORDS[language])


def test_every_language_has_every_word_and_the_folder_lies_in_its_works() -> None:
    assert list(WORDS) == DEFAULTS["coding_locales"]
    assert all(sorted(words) == sorted(WORDS["en_US"]) for words in WORDS.values())
    for language, words in WORDS.items():
        assert words["folder"].split("/")[0] == FOLDERS[language]["works"]


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_each_example_is_a_program(path: Path, language: str) -> None:
    text = render(path, language)
    if path.stem.endswith(".py"):
        compile(text, path.stem, "exec")
    else:
        assert text.startswith("kturtle-script-v1.0\n")
        assert text.count("{") == text.count("}") > 0
        bare = re.sub(r"@\([^)]*\)|#.*|\$\w+|petal", "", text.partition("\n")[2])
        assert not re.search(r"[a-z]", bare), "a command without @() is English in every language"


def test_each_example_is_put_into_the_works() -> None:
    assert VARS["coding_example_names"] == [path.stem for path in EXAMPLES]
    for path in EXAMPLES:
        assert path.stem.partition(".")[0] in WORDS["en_US"]


def test_no_two_commands_of_the_turtle_are_the_same_word() -> None:
    words = list(DEFAULTS["coding_turtle_chinese"].values())
    assert len(words) == len(set(words))
    assert all(word.isalpha() for word in words)


@pytest.mark.parametrize(
    ("given", "handed"),
    [
        ([], ""),
        (["file:///home/a%20b.turtle"], "-i file:///home/a%20b.turtle"),
        (["/home/作品/花.turtle"], "-i file:///home/作品/花.turtle"),
        (["花.turtle"], "-i file://{here}/花.turtle"),
    ],
    ids=["none", "address", "path", "name"],
)
def test_kturtle_is_told_what_to_open(tmp_path: Path, given: list[str], handed: str) -> None:
    kturtle = tmp_path / "kturtle"
    kturtle.write_text('#!/bin/sh\nprintf "%s" "$*"\n')
    kturtle.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(CODING / "files/netspring-kturtle"), *given],
        env={"PATH": str(tmp_path), "PWD": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == handed.format(here=tmp_path)
