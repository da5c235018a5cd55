"""Runs the programs of a build and turns what they say into errors that a person can act upon."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from netspring_provision.errors import MachineFailedError, NetspringError, StationError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What apt says when a mirror cannot be reached, or no longer has what its index promised.
_MIRROR = re.compile(
    r"Failed to fetch|Could not resolve|Temporary failure|Could not connect|Cannot initiate"
    r"|Unable to connect|Connection (?:failed|timed out|refused)|Unable to fetch"
    r"|Network is unreachable|404 +Not Found|some index files failed",
    re.IGNORECASE,
)
# What the role scratch says; npm's own words for a broken network follow in the same line.
_NO_NPM = re.compile(r"npm is not installed on this station")
_REGISTRY = re.compile(r"npm could not fetch")
_FULL = re.compile(r"No space left on device|enough free (?:disk )?space", re.IGNORECASE)


def environment(epoch: int | None = None) -> dict[str, str]:
    """The environment of every program of a build: nothing of the person's own gets in."""
    names = {
        "PATH": PATH,
        "LC_ALL": "C.UTF-8",
        "HOME": "/root",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    # What a program of ours would compile for itself on the way holds the time of day.
    names["PYTHONDONTWRITEBYTECODE"] = "1"
    # The initrd is made once, at the end: Debian's kernel hook leaves it out when told so.
    names["INITRD"] = "No"
    if epoch is not None:
        names["SOURCE_DATE_EPOCH"] = str(epoch)
    return names


def run(argv: Sequence[str], env: Mapping[str, str], package: str) -> str:
    """Run a program and return what it printed.

    Args:
        argv: program and arguments.
        env: its whole environment.
        package: Debian package that brings it, for the hint.

    Raises:
        StationError: it is not there, the disk is full or the mirror does not answer.
        MachineFailedError: it failed otherwise.
    """
    try:
        # A process group of its own: mmdebstrap, when it fails, ends all of its group.
        program = subprocess.Popen(  # noqa: S603
            argv,
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        )
    except FileNotFoundError as error:
        raise StationError(
            f"{argv[0]} is not installed", hint=f"apt-get install {package}"
        ) from error
    with program:
        try:
            output, trouble = program.communicate()
        except BaseException:
            _end(program)
            raise
    if program.returncode != 0:
        raise explain(Path(argv[0]).name, trouble or output)
    return output


def _end(program: subprocess.Popen[str]) -> None:
    """End a program and what it started: first let it clean up after itself, then at once."""
    for number, seconds in ((signal.SIGTERM, 15.0), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(seconds)


def explain(what: str, said: str) -> NetspringError:
    """The error behind a program's last words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for pattern, message, hint in (
        (
            _FULL,
            "the disk of this station is full",
            "free some space (df -h), then run the same command again",
        ),
        (
            _NO_NPM,
            "Scratch cannot be fetched",
            "apt-get install npm, then run the same command again",
        ),
        (
            _REGISTRY,
            "the npm registry does not give what the build needs",
            "check the network (npm ping), then run the same command again",
        ),
        (
            _MIRROR,
            "the Debian mirror does not give what the build needs",
            "check the network (apt-get update), then run the same command again: it goes on from"
            " what was downloaded. If the mirror has moved on since, add --force",
        ),
    ):
        telling = [line for line in lines if pattern.search(line)]
        if telling:
            return StationError(f"{message}: {telling[0][:300]}", hint=hint)
    last = "; ".join(_telling(lines))[:900] or "it said nothing"
    return MachineFailedError(f"{what} failed: {last}", hint="run it again with --debug before it")


def _telling(lines: list[str]) -> list[str]:
    """apt, dpkg and mmdebstrap mark their errors; the cause comes before its consequences."""
    marked = [line for line in lines if re.match(r"E:|env: |dpkg: error|fatal:|Traceback", line)]
    return marked[:4] or lines[-3:]


def chroot(root: Path, argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Run a program of the tree inside the tree."""
    return run(["chroot", str(root), *argv], env, "coreutils")


def of_tree(root: Path, program: str) -> list[str]:
    """How to run a program of the tree from outside, with the tree's own libraries.

    So the image does not depend on the versions that this station happens to have.
    """
    return [
        str(root / "usr/lib64/ld-linux-x86-64.so.2"),
        "--library-path",
        str(root / "usr/lib/x86_64-linux-gnu"),
        str(root / program),
    ]
