"""The locks are what pyproject.toml asks for, have a hash for everything and no address."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
DEV = [*RUN, *(word for word in PROJECT["dependency-groups"]["dev"] if isinstance(word, str))]


def pins(lock: str) -> dict[str, set[str]]:
    """Pinned versions by name; a name may have more than one, with markers."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if match := re.match(r"(\S+)==(\S+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


@pytest.mark.parametrize(
    ("lock", "wanted"), [("requirements.lock", RUN), ("requirements-dev.lock", DEV)]
)
def test_every_dependency_is_pinned_as_asked(lock: str, wanted: list[str]) -> None:
    pinned = pins(lock)
    wrong = [
        word
        for word in wanted
        for requirement in [Requirement(word)]
        if not (versions := pinned.get(canonicalize_name(requirement.name)))
        or not all(requirement.specifier.contains(version) for version in versions)
    ]
    assert wrong == [], "make lock"


def test_the_tools_of_development_change_no_pin() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: dev.get(name) for name in run} == run


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_has_hashes_and_no_address_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(i|f|-index|-find|-extra|-trusted)", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text[text.index("\nansible==") :].strip())
    assert len(entries) > 40
    assert [e for e in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", e)] == []
