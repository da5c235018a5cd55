"""How the checks run a program of the machine: without a shell, and never for ever."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATHS = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    *argv: str,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    data: bytes | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its exit code is for the caller to judge.

    Args:
        argv: program and words, none of them from outside of the checks.
        timeout: how long it may take, in seconds.
        env: its whole environment; ours in the C locale if left out.
        user: whose rights it has, without further groups; ours if left out.
        data: what it reads.

    Raises:
        RuntimeError: it is missing, or has not ended in time.
    """
    rights: dict[str, Any] = {}
    if user is not None:
        rights = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    try:
        done = subprocess.run(  # noqa: S603 - the one place; no shell, no word from outside
            argv,
            env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": PATHS} if env is None else dict(env),
            input=data,
            capture_output=True,
            check=False,
            timeout=timeout,
            **rights,
        )
    except FileNotFoundError:
        raise RuntimeError(f"{argv[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{argv[0]} does not come to its end") from None
    said, complained = (part.decode(errors="replace") for part in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(argv, done.returncode, said, complained)


def output(*argv: str, timeout: float = 60, env: Mapping[str, str] | None = None) -> str:
    """What a program prints; raises RuntimeError also if it did not end well."""
    done = run(*argv, timeout=timeout, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip()[:200]}")
    return done.stdout


def write_as(user: pwd.struct_passwd, folder: Path) -> dict[str, Any]:
    """Whether somebody can write into a folder and read it again, and what stood in the way."""
    probe = folder / f".netspring-check-{os.getpid()}"
    script = 'echo ok > "$1" && cat "$1"'
    try:
        done = run("/bin/sh", "-c", script, "sh", str(probe), user=user, timeout=30)
    finally:
        probe.unlink(missing_ok=True)
    wrote = done.returncode == 0 and done.stdout.strip() == "ok"
    return {"wrote": wrote, "stderr": done.stderr.strip()[:200]}
