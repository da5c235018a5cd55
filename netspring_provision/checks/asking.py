"""How checks put questions: sends the programs to the machine, and says plainly what was wrong."""

from __future__ import annotations

import base64
import io
import json
import shlex
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

Facts = Mapping[str, Any]
Seen = Callable[[str], None]

ON_MACHINE = Path(__file__).resolve().parent / "on_machine"
SHOWN = 5
_FOLDERS = ("netspring_provision", "netspring_provision/checks")


def bundle() -> bytes:
    """The programs of ``on_machine`` as a zip that Python runs."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in _FOLDERS:
            archive.writestr(f"{folder}/__init__.py", "")
        for path in sorted(ON_MACHINE.glob("*.py")):
            source = path.read_text(encoding="utf-8")
            if path.name == "__main__.py":
                archive.writestr("__main__.py", source)
            else:
                archive.writestr(f"{_FOLDERS[-1]}/on_machine/{path.name}", source)
    return memory.getvalue()


def command(what: str, question: Mapping[str, Any]) -> str:
    """Shell command for the machine: unpack into RAM, run, take away again.

    Args:
        what: ``system`` or ``desktop``.
        question: see :meth:`Expectation.question`.
    """
    program = base64.b64encode(bundle()).decode()
    asked = base64.b64encode(json.dumps(question).encode()).decode()
    return (
        "set -e; d=$(mktemp -d /run/netspring-check.XXXXXX); trap 'rm -rf \"$d\"' EXIT; "
        f'chmod 755 "$d"; echo {program} | base64 -d > "$d/check.pyz"; '
        f'/usr/bin/python3 "$d/check.pyz" {shlex.quote(what)} {asked}'
    )


def read_answer(stdout: str, nonce: str) -> dict[str, Any]:
    """The answer of the programs.

    Raises:
        ValueError: it is not JSON, or does not carry the nonce of this question.
    """
    answer = json.loads(stdout)
    if not isinstance(answer, dict) or answer.get("nonce") != nonce:
        raise ValueError("the answer does not carry the number of this question")
    return answer


def part(facts: Facts, name: str) -> Any:
    """One part of the facts; a part that could not be observed fails the check."""
    value = facts.get(name)
    if value is None:
        why = facts.get("error") or f"the machine said nothing about {name}"
        pytest.fail(str(why), pytrace=False)
    if isinstance(value, Mapping) and "unobserved" in value:
        pytest.fail(f"could not be observed: {name}: {value['unobserved']}", pytrace=False)
    return value


def require(problems: Iterable[str]) -> None:
    """Fail with all problems in one line, or go on if there are none."""
    found = list(problems)
    if found:
        pytest.fail("; ".join(found), pytrace=False)


def some(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
