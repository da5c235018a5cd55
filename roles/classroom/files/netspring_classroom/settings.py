"""The settings of the classroom: their form, their defaults, and what is wrong with others.

They lie in /etc/netspring/classroom.json. Whoever reads them there finds every key, of the right
kind.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

SCHEMA = 1
Settings = dict[str, Any]
# locale(7): language and country.
_LANGUAGE = re.compile(r"[a-z]{2,3}_[A-Z]{2}")
# Below this nothing is heard in a class; 100 is what the sound card gives without distortion.
QUIETEST_PERCENT = 10
LOUDEST_PERCENT = 100
LONGEST_ADDRESS = 2000

DEFAULTS: Settings = {
    "schema": SCHEMA,
    # Language of the PC, as locale(7) names it without the character set.
    "language": "zh_CN",
    # The loudest that a child can make it.
    "volume_limit_percent": 70,
    # Page that the browser opens; empty is the one on the PC.
    "start_page": "",
    # False, true (the family filter of the image), or addresses of DNS servers.
    "family_filter": False,
    # Whether the guest may log in.
    "guest": True,
    # From when to when the PC may install updates, full hours of its clock: never during class.
    # Two equal ones are never.
    "update_hours": [17, 22],
    # Whether the teacher's PC may watch the screens (role classroom_policy, netspring-screens).
    "screens": False,
    # Whether the child's desktop is put in order at each login.
    "desktop_locked": True,
}


class SettingsError(ValueError):
    """A setting that is none; ``key`` says which."""

    def __init__(self, key: str, value: object) -> None:
        """Keep the key: the window shows its name in the teacher's language."""
        super().__init__(f"{key} cannot be {value!r}")
        self.key = key


def checked(given: Mapping[str, object]) -> Settings:
    """Settings with every key; unknown ones stay, so that a newer program's are not lost.

    Raises:
        SettingsError: a key has a value that it cannot have.
    """
    settings: Settings = {**DEFAULTS, **given, "schema": SCHEMA}
    for key, right in _RIGHT.items():
        if not right(settings[key]):
            raise SettingsError(key, settings[key])
    return settings


def parse(text: str) -> Settings:
    """Settings as they lie on the disk.

    Raises:
        SettingsError: they are not JSON, no object, or a key has a wrong value.
    """
    try:
        data = json.loads(text)
    except ValueError:
        raise SettingsError("classroom.json", text[:40]) from None
    if not isinstance(data, dict):
        raise SettingsError("classroom.json", text[:40])
    return checked(data)


def mended(text: str | None) -> Settings:
    """Settings from a file that may be damaged: each wrong or missing key gets its default."""
    try:
        data = json.loads(text or "{}")
    except ValueError:
        data = {}
    good: Settings = {}
    for key, value in (data if isinstance(data, dict) else {}).items():
        right = _RIGHT.get(key)
        if right is None or right(value):
            good[key] = value
    return checked(good)


def dump(settings: Settings) -> str:
    """The file's text; the same settings give the same bytes."""
    return json.dumps(settings, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_percent(value: object) -> bool:
    return type(value) is int and QUIETEST_PERCENT <= value <= LOUDEST_PERCENT


def _is_language(value: object) -> bool:
    return isinstance(value, str) and bool(_LANGUAGE.fullmatch(value))


def _is_hours(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(hour) is int and 0 <= hour <= 23 for hour in value)
    )


def _is_page(value: object) -> bool:
    """Empty, or an address that a browser takes: a control character would break its rules."""
    if value == "":
        return True
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS or not value.isprintable():
        return False
    if " " in value:
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return (parts.scheme in ("http", "https") and bool(parts.hostname)) or (
        parts.scheme == "file" and parts.path.startswith("/")
    )


def _is_filter(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) and _is_ip(one) for one in value)
    return isinstance(value, bool)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    # What follows a % names an interface, may hold anything, and a DNS server needs none.
    return "%" not in text


_RIGHT: Mapping[str, Callable[[object], bool]] = {
    "language": _is_language,
    "volume_limit_percent": _is_percent,
    "start_page": _is_page,
    "family_filter": _is_filter,
    "guest": _is_flag,
    "update_hours": _is_hours,
    "screens": _is_flag,
    "desktop_locked": _is_flag,
}
