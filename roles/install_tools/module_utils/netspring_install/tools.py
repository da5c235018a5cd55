"""Runs the system's tools, and says in full what went wrong when one fails."""

from __future__ import annotations

import shlex
import subprocess

from ansible.module_utils.netspring_install.errors import InstallError


def run(
    argv: list[str],
    *,
    what: str,
    stdin: bytes | None = None,
    accept: tuple[int, ...] = (0,),
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool and return its result if its exit code is one of ``accept``.

    Args:
        argv: command and arguments; no shell is involved.
        what: what this was for, with the device, as the start of an error message.
        stdin: bytes for its standard input.
        accept: exit codes that are not errors; e2fsck's 1 means "repaired".

    Raises:
        InstallError: it could not be started, or ended with another code.
    """
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise InstallError(
            f"{what}: {argv[0]} could not be started ({error.strerror})",
            hint="the live environment lacks this tool: build it again (netspring live build)",
        ) from error
    if done.returncode not in accept:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise InstallError(
            f"{what}: `{shlex.join(argv)}` ended with {done.returncode}: {said[-600:]}",
            hint="run the installation again; if it fails the same way, replace this disk",
        )
    return done
