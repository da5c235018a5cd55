"""Entry of the zip on the machine: ``system`` or ``desktop``, question in, answer out, as JSON."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any


def main() -> None:
    """Answer one question; the child's part reads its question from stdin."""
    what = sys.argv[1]
    answer: dict[str, Any]
    if what == "system":
        from netspring_provision.checks.on_machine import system

        answer = system.gather(json.loads(base64.b64decode(sys.argv[2])))
    else:
        # Only here: a machine without a desktop need not have what this imports.
        from netspring_provision.checks.on_machine import desktop

        if what == "session":
            answer = desktop.session(json.load(sys.stdin))
        else:
            answer = desktop.gather(json.loads(base64.b64decode(sys.argv[2])))
    json.dump(answer, sys.stdout)


main()
