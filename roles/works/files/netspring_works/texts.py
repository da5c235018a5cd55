"""Texts that a child sees, in the language of its session.

They lie in /usr/share/netspring/texts/PROGRAM/LANGUAGE.json, one flat object of names and
sentences; a further language is one more file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("/usr/share/netspring/texts")
FALLBACK = "en_US"


def locale(environment: Mapping[str, str]) -> str:
    """Which language the session speaks, without the character set: zh_CN, fr_FR."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            found = environment[name].partition(".")[0].partition("@")[0]
            return FALLBACK if found in ("C", "POSIX") else found
    return FALLBACK


def nearest(wanted: str, there: list[str]) -> str:
    """The language itself, else one that is spoken elsewhere (fr_CA: fr_FR), else English."""
    if wanted in there:
        return wanted
    language = wanted.partition("_")[0]
    cousins = sorted(name for name in there if name.partition("_")[0] == language)
    return cousins[0] if cousins else FALLBACK


class Texts:
    """The sentences of one program; one that a language lacks is given in English."""

    def __init__(self, sentences: Mapping[str, str], fallback: Mapping[str, str]) -> None:
        """``fallback`` holds every sentence."""
        self._sentences = {**fallback, **sentences}

    def __call__(self, name: str, /, **values: object) -> str:
        """A sentence with its values filled in.

        Raises:
            KeyError: no language has it.
        """
        return self._sentences[name].format(**values)

    def count(self, name: str, number: int, /, **values: object) -> str:
        """The sentence ``name_one`` or ``name_many``, with ``number`` filled in."""
        ending = "one" if number == 1 else "many"
        return self(f"{name}_{ending}", number=number, **values)


def load(program: str, environment: Mapping[str, str] | None = None) -> Texts:
    """The texts of a program.

    Raises:
        OSError: they are not there: the image is broken.
    """
    folder = FOLDER / program
    there = [path.stem for path in folder.glob("*.json")]
    language = nearest(locale(os.environ if environment is None else environment), there)
    fallback = json.loads((folder / f"{FALLBACK}.json").read_text(encoding="utf-8"))
    chosen = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
    return Texts(chosen, fallback)
