"""Entry of the zip on the machine: ``system`` or ``desktop``, question in, answer out, as JSON."""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import sys
import threading
from typing import Any


def watch(descriptor: int) -> None:
    """Interrupt this program when nobody reads its answer any more: the station has gone.

    Without a terminal sshd tells nobody of a connection that has ended, and the programs that are
    being tried would go on opening windows in front of the child.
    """
    poll = select.poll()
    poll.register(descriptor, 0)  # no event but errors and hang-ups, which need not be asked for
    poll.poll()
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    """Answer one question; the child's part reads its question from stdin."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=watch, args=(sys.stdout.fileno(),), daemon=True).start()
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


if __name__ == "__main__":
    main()
