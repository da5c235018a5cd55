"""A hook of ``netspring-classroom apply``: reads the settings, prints what it changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from netspring_classroom.files import read
from netspring_classroom.settings import Settings, mended
from netspring_classroom.system import System

SETTINGS = "/etc/netspring/classroom.json"
OK, FAILED = 0, 1


class PolicyError(Exception):
    """A setting cannot be brought into force; the sentence is for the teacher."""


def hook(words: list[str], apply: Callable[[System, Settings], list[str]]) -> int:
    """Bring one part of the settings into force.

    Args:
        words: the command line; the first word is the file of the settings.
        apply: does it, and tells the paths that it changed.

    Returns:
        Exit code: 0 also when there was nothing to change.
    """
    settings = mended(read(Path(words[0] if words else SETTINGS)))
    try:
        changed = apply(System(), settings)
    except PolicyError as error:
        print(error, file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"not written: {error}", file=sys.stderr)
        return FAILED
    for path in changed:
        print(path)
    return OK
