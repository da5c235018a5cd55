"""Run a tool of the live environment and give back what it said."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """What a tool answered.

    Attributes:
        argv: the command as it was run.
        code: its exit code; None where it is not installed or did not end in time.
        out: standard output.
        err: standard error, or why there is no exit code.
    """

    argv: tuple[str, ...]
    code: int | None
    out: str
    err: str


def run(argv: list[str], seconds: float = 60) -> Said:
    """Run ``argv`` without a shell, in the C locale, for at most ``seconds`` seconds.

    Raises nothing: a dying disk makes tools hang or fail, and that is an answer too.
    """
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return Said(tuple(argv), None, "", f"{argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Said(tuple(argv), None, "", f"{argv[0]} did not answer within {seconds:.0f} s")
    return Said(tuple(argv), done.returncode, done.stdout, done.stderr)
