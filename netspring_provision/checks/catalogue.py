"""The texts of the checks and what each profile must be able to do, from the YAML files here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from netspring_provision.errors import UsageError

HERE = Path(__file__).resolve().parent
APP_CHECK = "app_opens"
WORK_CHECK = "app_works"


@dataclass(frozen=True)
class Words:
    """The same sentence in Chinese and English."""

    zh: str
    en: str

    def about(self, app: App) -> Words:
        """The sentence with the program's name for ``{app}`` and what it can for ``{does}``."""
        does = app.does or Words("", "")
        return Words(
            self.zh.replace("{app}", app.label.zh).replace("{does}", does.zh),
            self.en.replace("{app}", app.label.en).replace("{does}", does.en),
        )


@dataclass(frozen=True)
class CheckText:
    """What one check asks, and what to do if the answer is no.

    Attributes:
        needs: feature of a profile without which the check does not apply.
    """

    ask: Words
    mend: Words
    needs: str | None


@dataclass(frozen=True)
class App:
    """A program that the child must be able to open.

    Attributes:
        launchers: names of .desktop files, any one of them.
        seconds: how long it may take to its first window.
        act: what is done in it once it is open (``on_machine/acts.py``), if anything.
        opens: words added to its command for that, samples (``on_machine/samples.py``) among them.
        menu: it is looked for in the menu, too; else it must be on the child's desktop.
        asks: when it is closed, it asks a question inside its own window.
        least: width and height of its window, in pixels; a message is smaller than a program.
        does: what it must be able to do, in words; its act proves it. ``None`` where a check of its
            own speaks of that.
    """

    name: str
    label: Words
    launchers: tuple[str, ...]
    seconds: int
    act: str | None = None
    opens: tuple[str, ...] = ()
    menu: bool = False
    asks: bool = False
    least: tuple[int, int] = (600, 400)
    does: Words | None = None


@dataclass(frozen=True)
class Profile:
    """What a machine of this profile must be able to do.

    Attributes:
        desktop_seconds: within which the desktop must have come up after power-on.
    """

    name: str
    features: frozenset[str]
    minimum_memory_bytes: int
    panels: tuple[str, ...]
    desktop_seconds: int
    apps: tuple[App, ...]


@cache
def texts() -> Mapping[str, CheckText]:
    """All checks by name, in the order in which they are shown."""
    raw = _load("texts.yml")
    return {
        name: CheckText(Words(**entry["ask"]), Words(**entry["mend"]), entry.get("needs"))
        for name, entry in raw.items()
    }


@cache
def profiles() -> Mapping[str, Profile]:
    """All profiles by name."""
    return {name: _profile(name, entry) for name, entry in _load("profiles.yml").items()}


def profile(name: str) -> Profile:
    """One profile; raises UsageError naming those there are."""
    try:
        return profiles()[name]
    except KeyError:
        raise UsageError(
            f"there is no profile {name!r} to check against",
            hint="profiles are: " + ", ".join(profiles()),
        ) from None


def required(profile_name: str, locale: str | None) -> tuple[str, ...]:
    """The names of all checks that a machine must have passed.

    The checks for programs count once for each program: ``app_opens[tuxpaint]``.

    Args:
        profile_name: of the image.
        locale: language of the room; Chinese input is asked for only where Chinese is spoken.
    """
    wanted = profile(profile_name)
    features = set(wanted.features)
    if locale is not None and not locale.startswith("zh"):
        features.discard("chinese")
    names: list[str] = []
    for name, text in texts().items():
        if text.needs is not None and text.needs not in features:
            continue
        if name == APP_CHECK:
            names += [f"{name}[{app.name}]" for app in wanted.apps]
        elif name == WORK_CHECK:
            names += [f"{name}[{app.name}]" for app in wanted.apps if app.does]
        else:
            names.append(name)
    return tuple(names)


def text_for(name: str, profile_name: str) -> CheckText:
    """The text of a check by its full name, with the program's label filled in.

    Raises:
        KeyError: there is no such check.
    """
    base, _, argument = name.partition("[")
    text = texts()[base]
    for app in profile(profile_name).apps:
        if argument == f"{app.name}]":
            return CheckText(text.ask.about(app), text.mend.about(app), text.needs)
    return text


def reason(name: str, **values: object) -> Words:
    """Why a machine did not pass, with the words in braces filled in; KeyError if unknown."""
    entry = _reasons()[name]
    return Words(entry["zh"].format(**values), entry["en"].format(**values))


@cache
def _reasons() -> Mapping[str, Mapping[str, str]]:
    return _load("reasons.yml")


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return loaded


def _profile(name: str, entry: Mapping[str, Any]) -> Profile:
    return Profile(
        name=name,
        features=frozenset(entry["features"]),
        minimum_memory_bytes=int(entry["minimum_memory_bytes"]),
        panels=tuple(entry["panels"]),
        desktop_seconds=int(entry.get("desktop_seconds", 0)),
        apps=tuple(
            App(
                name=app["name"],
                label=Words(**app["label"]),
                launchers=tuple(app["launchers"]),
                seconds=int(app["seconds"]),
                act=app.get("act"),
                opens=tuple(app.get("opens", ())),
                menu=bool(app.get("menu", False)),
                asks=bool(app.get("asks", False)),
                least=tuple(app.get("least", App.least)),
                does=Words(**app["does"]) if "does" in app else None,
            )
            for app in entry["apps"]
        ),
    )
