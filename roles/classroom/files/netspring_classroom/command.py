"""``netspring-classroom``: the settings of the classroom, for the system's administrator.

netspring-classroom show       the settings in force, as JSON
netspring-classroom apply      bring /etc/netspring/classroom.json into force
netspring-classroom set KEY=VALUE…   change settings (values as in JSON) and bring them into force
netspring-classroom session    what the teacher's window talks to
"""

from __future__ import annotations

import json
import os
import sys

from netspring_classroom import applying, session
from netspring_classroom.settings import Settings, SettingsError, dump
from netspring_classroom.system import System

PROGRAM = "/usr/local/sbin/netspring-classroom"
OK, FAILED, USAGE = 0, 1, 2


def main(words: list[str]) -> int:
    """Run one verb; returns the exit code."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb not in ("show", "apply", "set", "session") or (rest and verb != "set"):
        print((__doc__ or "").partition("\n\n")[2], file=sys.stderr)
        return USAGE
    if verb == "show":
        print(dump(applying.current(System())), end="")
        return OK
    if os.geteuid() != 0:
        # The teacher has this right in /etc/sudoers.d/netspring; others are told so by sudo.
        os.execv("/usr/bin/sudo", ["sudo", "-n", PROGRAM, *words])  # noqa: S606
    if verb == "session":
        session.main()
        return OK
    try:
        applied = applying.change(System(), _wished(rest)) if rest else applying.apply(System())
    except SettingsError as error:
        print(f"netspring-classroom: {error}; nothing was changed", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"netspring-classroom: not written: {error}", file=sys.stderr)
        return FAILED
    for path in applied.changed:
        print(path)
    for failure in applied.failures:
        print(f"netspring-classroom: {failure.part}: {failure.sentence}", file=sys.stderr)
    return FAILED if applied.failures else OK


def _wished(words: list[str]) -> Settings:
    wished: Settings = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            wished[key] = json.loads(value)
        except ValueError:
            wished[key] = value  # text needs no quotes
    return wished
