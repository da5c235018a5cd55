"""Is the software complete, tidy, and in the language of the room?"""

from __future__ import annotations

from netspring_provision.checks.asking import Facts, Seen, part, require, some
from netspring_provision.checks.expectation import Expectation

STATION_KEYS = "/root/.ssh/authorized_keys"


def test_packages_are_the_images(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """Every package of the manifest in its version, none besides, none half installed."""
    packages = part(facts, "packages")
    installed = packages["installed"]
    seen(f"{len(installed)} packages")
    problems = [f"half installed: {name}" for name in packages["half_done"]]
    if expected.packages is None:
        problems.append("the image's manifest is not known to the station")
    else:
        missing = sorted(set(expected.packages) - set(installed))
        added = sorted(set(installed) - set(expected.packages))
        other = sorted(
            f"{name} {installed[name]}"
            for name, version in expected.packages.items()
            if name in installed and installed[name] != version
        )
        for word, names in (("missing", missing), ("added", added), ("other version", other)):
            if names:
                problems.append(f"{word}: {some(names)}")
        if not expected.packages:
            problems.append("the image's manifest lists no packages")
    require(problems)


def test_language_is_the_rooms(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """LANG is the room's locale, that locale is really there, and every file is in it."""
    locale = part(facts, "locale")
    seen(f"{locale['lang']}, {len(locale['unlike'])} files are not")
    problems = []
    if expected.locale is None:
        problems.append("neither inventory nor image says which language the room has")
    elif (locale["lang"] or "").split(".")[0] != expected.locale.split(".")[0]:
        problems.append(f"LANG is {locale['lang']!r}, expected {expected.locale}.UTF-8")
    spoken = {name.lower().replace("-", "") for name in locale["available"]}
    if (locale["lang"] or "").lower().replace("-", "") not in spoken:
        problems.append(f"the locale {locale['lang']!r} is not generated")
    if locale["unlike"]:
        problems.append(f"not in this language: {some(locale['unlike'])}")
    require(problems)


def test_nothing_half_done_is_left(facts: Facts, seen: Seen) -> None:
    """No chroot tools, package caches, proxies of the build, or marks of the live environment."""
    found = part(facts, "leftovers")
    seen(", ".join(found["settings"]) or "-")
    problems = [f"{path} is there" for path in found["traces"]]
    problems += [f"{path} was written by the build" for path in found["logs"]]
    for key, what in (
        ("archives", "downloaded packages"),
        ("lists", "package lists"),
        ("proxies", "a proxy of the build"),
    ):
        if found[key]:
            problems.append(f"{what}: {some(found[key])}")
    require(problems)


def test_no_secrets_of_the_station(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """No private key, no token, and nobody's key lets in but the station's own, as root."""
    found = part(facts, "leftovers")
    seen(f"{len(found['settings'])} files in /etc/netspring, {len(found['keys'])} keys let in")
    problems = [f"a secret in {path}" for path in found["secrets"]]
    if expected.station_key is None:
        problems.append("the station's own key is not known to the check")
    problems += [
        f"a key that is not the station's in {entry['path']}"
        for entry in found["keys"]
        if entry != {"path": STATION_KEYS, "key": expected.station_key}
    ]
    require(problems)
