"""Brings the settings of the classroom into force; a second time changes nothing."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import SubprocessError

from netspring_classroom import desktop, files
from netspring_classroom.settings import Settings, checked, dump, mended
from netspring_classroom.system import PUPIL, TEACHER, System, run

LANGUAGE = "usr/local/sbin/netspring-language"
# While this file is there, homes are brought along at the next start (netspring-language.service).
LANGUAGE_CHANGED = "var/lib/netspring/language-changed"
VOLUME = "usr/local/sbin/netspring-volume-limit"
TEXTS = "usr/share/netspring/texts/teacher"
LANGUAGES = "usr/share/netspring/language"
LOCKED = "While this file is there, the child's desktop is put in order at each login.\n"
GREETER = "etc/lightdm/lightdm.conf.d/60-netspring-classroom.conf"


@dataclass(frozen=True)
class Failure:
    """A part of the settings that is not in force; the others are."""

    part: str
    sentence: str


@dataclass(frozen=True)
class Applied:
    """What was done: files that were written, and parts that are not in force."""

    changed: tuple[str, ...]
    failures: tuple[Failure, ...]


def current(system: System) -> Settings:
    """The settings as they are; the language is that of the system, whoever set it."""
    settings = mended(files.read(system.settings))
    return {**settings, "language": language(system) or settings["language"]}


def language(system: System) -> str | None:
    """The PC's language, as zh_CN (locale.conf(5))."""
    for line in (files.read(system.at("etc/locale.conf")) or "").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "LANG":
            name = value.strip().strip("\"'").partition(".")[0]
            return None if name in ("", "C", "POSIX") else name
    return None


def languages(system: System) -> list[str]:
    """Languages that this PC can be switched to."""
    folder = system.at(LANGUAGES)
    there = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(there) or [str(current(system)["language"])]


def change(system: System, wished: Settings) -> Applied:
    """Keep other settings and bring them into force.

    Raises:
        SettingsError: a value is none; nothing was changed.
        OSError: the disk is full; the settings are as they were.
    """
    before = current(system)
    settings = checked({**before, **wished})
    failure = None
    if settings["language"] != before["language"]:
        # A session that runs goes on to write where the works were.
        files.write(system.at(LANGUAGE_CHANGED), f"{settings['language']}\n")
        failure = _done("language", system.at(LANGUAGE), str(settings["language"]))
        settings["language"] = language(system) or before["language"]
        if settings["language"] != before["language"]:
            desktop.forget_pictures(system)
    files.write(system.settings, dump(settings))
    applied = apply(system)
    return replace(applied, failures=((failure,) if failure else ()) + applied.failures)


def apply(system: System) -> Applied:
    """Bring into force what the file says; a damaged one is mended first.

    Raises:
        OSError: the disk is full; what was in force stays.
    """
    settings = current(system)
    wanted: dict[Path, str | None] = {
        system.settings: dump(settings),
        system.locked: LOCKED if settings["desktop_locked"] else None,
    }
    if system.at("etc/lightdm").is_dir():
        wanted[system.at(GREETER)] = greeter(guest=bool(settings["guest"]))
    changed = []
    for path, text in wanted.items():
        if text is None:
            differs = path.exists()
            path.unlink(missing_ok=True)
        else:
            differs = files.write(path, text)
        if differs:
            changed.append(f"/{path.relative_to(system.root)}")
    deeds: list[tuple[str, list[str | Path]]] = []
    for account, shown in names(system, str(settings["language"])).items():
        person = system.person(account)
        if person is not None and person[4] != shown:
            prefix = [] if system.root == Path("/") else ["--prefix", system.root]
            deeds.append(("names", ["/usr/sbin/usermod", *prefix, "--comment", shown, account]))
            changed.append("/etc/passwd")
    if (volume := system.at(VOLUME)).is_file():
        deeds.append(("volume", [volume, str(settings["volume_limit_percent"])]))
    deeds += [(hook.name, [hook, system.settings]) for hook in hooks(system.hooks)]
    failures = [failure for part, argv in deeds if (failure := _done(part, *argv))]
    return Applied(tuple(changed), tuple(failures))


def names(system: System, spoken: str) -> dict[str, str]:
    """How the greeter calls the accounts, in the PC's language."""
    for known in (spoken, "en_US"):
        try:
            words = json.loads(files.read(system.at(f"{TEXTS}/{known}.json")) or "{}")
            return {name: str(words[f"account_{name}"]) for name in (PUPIL, TEACHER)}
        except (ValueError, KeyError):
            continue
    return {}


def greeter(*, guest: bool) -> str:
    """Settings of the greeter (lightdm.conf): who is offered there.

    A child that logged out chooses its name and needs no password; the teacher has one.
    """
    return (
        "# Written by netspring-classroom: who is offered. Valid from the next start.\n"
        "[LightDM]\n"
        "guest-account-script=/usr/local/sbin/netspring-guest\n"
        "[Seat:*]\n"
        "greeter-hide-users=false\n"
        f"allow-guest={str(guest).lower()}\n"
        f"greeter-allow-guest={str(guest).lower()}\n"
    )


def hooks(folder: Path) -> list[Path]:
    """The programs of other roles, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and os.access(path, os.X_OK))


def _done(part: str, *argv: str | Path) -> Failure | None:
    """Run a program that brings a part into force; what it says last is for the teacher."""
    try:
        done = run(*argv)
    except (OSError, SubprocessError) as error:
        return Failure(part, str(error))
    if done.returncode == 0:
        return None
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return Failure(part, said[-1] if said else f"exit {done.returncode}")
