"""Profiles and languages that an image can be built with; the data is ``profiles.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from netspring_provision.errors import UsageError

MIB = 1024 * 1024
DEFAULT_LOCALE = "zh_CN"
LOCALES: Mapping[str, str] = {
    "zh_CN": "zh_CN",
    "zh": "zh_CN",
    "en_US": "en_US",
    "en": "en_US",
    "fr_FR": "fr_FR",
    "fr": "fr_FR",
}


@dataclass(frozen=True)
class Profile:
    """What an image contains.

    Attributes:
        name: as typed after ``--profile``.
        summary: one line for people.
        roles: Ansible roles, in the order in which they are applied.
        variables: role variables that differ from the roles' defaults.
        minimum_disk_bytes: smallest disk it may be installed on.
        minimum_memory_bytes: smallest RAM it runs in.
        build_bytes: free space that the station needs to build it.
    """

    name: str
    summary: str
    roles: tuple[str, ...]
    variables: Mapping[str, Any]
    minimum_disk_bytes: int
    minimum_memory_bytes: int
    build_bytes: int


@cache
def profiles() -> Mapping[str, Profile]:
    """All profiles by name, in the order of the data file."""
    data = yaml.safe_load(Path(__file__).with_name("profiles.yml").read_text("utf-8"))
    return {
        name: Profile(
            name=name,
            summary=entry["summary"],
            roles=tuple(entry["roles"]),
            variables=entry["variables"],
            minimum_disk_bytes=entry["minimum_disk_mib"] * MIB,
            minimum_memory_bytes=entry["minimum_memory_mib"] * MIB,
            build_bytes=entry["build_mib"] * MIB,
        )
        for name, entry in data.items()
    }


def profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        UsageError: there is none.
    """
    found = profiles().get(name)
    if found is None:
        raise UsageError(f"there is no profile {name!r}", hint=f"profiles: {', '.join(profiles())}")
    return found


def locale(name: str) -> str:
    """The full name of a language, e.g. ``fr_FR`` for ``fr``; ``.UTF-8`` may be left on.

    Raises:
        UsageError: images are not made in that language.
    """
    found = LOCALES.get(name.removesuffix(".UTF-8"))
    if found is None:
        known = ", ".join(sorted(set(LOCALES.values())))
        raise UsageError(
            f"images are not made in the language {name!r}", hint=f"languages: {known}"
        )
    return found
