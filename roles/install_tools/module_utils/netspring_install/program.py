"""``python3 -m netspring_install FOLDER``: carries out ``FOLDER/order.json``.

Progress goes to ``progress.jsonl`` and the end to ``result.json`` beside it, so that whoever asks,
over whichever connection, sees the same.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from ansible.module_utils.netspring_install import job, rescue
from ansible.module_utils.netspring_install.clock import PcClock
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.host import Host
from ansible.module_utils.netspring_install.progress import Progress

RUN_AGAIN = "run the installation again: it goes on from what is there"


def main(folder: Path, host: Host) -> int:
    """Run the order; always leaves a result, whatever happens. Returns the exit code."""
    order = job.Order(**json.loads((folder / "order.json").read_text(encoding="utf-8")))
    progress = Progress(folder / "progress.jsonl", order.serial)
    result: dict[str, Any] = {"outcome": "failed", "changed": True}
    result["disk"] = {"serial": order.serial, "size_bytes": order.size}
    try:
        result = job.run(order, host, progress)
    except InstallError as error:
        result |= {"outcome": error.outcome, "reason": error.reason, "hint": error.hint}
        result["changed"] = error.changed
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        result |= {"reason": f"{what}{error.strerror or error}", "hint": RUN_AGAIN}
    except Stopped as error:
        result |= {"reason": str(error), "hint": RUN_AGAIN}
    finally:
        # Also after an error nobody foresaw; its traceback is in the journal.
        progress.end()
        result.setdefault("reason", None if result["outcome"] in OK else "the program broke off")
        result.setdefault("hint", None if result["outcome"] in OK else RUN_AGAIN)
        result["seconds"] = progress.seconds
        rescue.write_json(folder / "result.json", {"kind": "image", "finished": True, **result})
    return 0 if result["outcome"] in OK else 1


OK = ("deployed", "unchanged")


class Stopped(Exception):
    """Someone asked the program to end."""


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(f"the installation was stopped ({signal.Signals(number).name})")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    where = Path(sys.argv[1])
    sys.exit(main(where, Host(run=where, clock=PcClock())))
