"""The window's line to the program that may change the system; sudo lets it in.

In the teacher's own session no password is asked. In a child's session sudo wants that of the
teacher's account (/etc/sudoers.d/netspring); the window hands it over without keeping it.
"""

from __future__ import annotations

import getpass
import json
import subprocess
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from netspring_classroom.system import TEACHER

PROGRAM = "/usr/local/sbin/netspring-classroom"


class LinkError(Exception):
    """The line is not there: ``wrong_password``, ``no_right`` or ``lost``."""

    def __init__(self, key: str, detail: str = "") -> None:
        """``detail`` is for a technician."""
        super().__init__(f"{key} {detail}".strip())
        self.key = key
        self.detail = detail


class RefusedError(Exception):
    """The system did not do what it was asked; ``key`` names the sentence."""

    def __init__(self, key: str, detail: str) -> None:
        """Keep both for the window."""
        super().__init__(f"{key} {detail}".strip())
        self.key = key
        self.detail = detail


def password_needed() -> bool:
    """Whether somebody else than the teacher is logged in."""
    return getpass.getuser() != TEACHER


def argv(*, password: bool) -> list[str]:
    """What is run."""
    if password:
        # Read from the input, ask nothing, and take no ticket of an earlier answer.
        return ["/usr/bin/sudo", "-S", "-k", "-p", "", "-u", TEACHER, "--", PROGRAM, "session"]
    return ["/usr/bin/sudo", "-n", "--", PROGRAM, "session"]


class Link:
    """One line, for as long as the window is open; one call at a time, from any thread."""

    def __init__(self, password: str | None = None) -> None:
        """Open it.

        Raises:
            LinkError: the password is wrong, or the program is not there.
        """
        self._lock = threading.RLock()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program
                argv(password=password is not None),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            )
        except OSError as error:
            raise LinkError("lost", str(error)) from error
        self._input = cast(BinaryIO, self._process.stdin)
        self._output = cast(BinaryIO, self._process.stdout)
        try:
            if password is not None:
                self._input.write(password.encode() + b"\n")
                self._input.flush()
            hello = self._output.readline()
        except OSError:
            hello = b""
        if not hello:
            raise self._refusal()

    def _refusal(self) -> LinkError:
        said = cast(BinaryIO, self._process.stderr).read().decode(errors="replace").strip()
        self.close()
        last = said.splitlines()[-1] if said else ""
        if "password" in said:
            return LinkError("wrong_password", last)
        return LinkError("no_right" if "not allowed" in said else "lost", last)

    def ask(self, ask: str, **values: Any) -> dict[str, Any]:
        """Ask and wait for the answer.

        Raises:
            RefusedError: it was not done.
            LinkError: the program ended.
        """
        with self._lock:
            try:
                self._input.write(json.dumps({"ask": ask, **values}).encode() + b"\n")
                self._input.flush()
                line = self._output.readline()
            except (OSError, ValueError) as error:
                raise LinkError("lost", str(error)) from error
            return answer_of(line)

    @property
    def stream(self) -> BinaryIO:
        """What follows the answer to ``works``; to be read to its end."""
        return self._output

    def close(self) -> None:
        """Let the program end."""
        for end in (self._process.stdin, self._process.stdout, self._process.stderr):
            if end is not None:
                try:
                    end.close()
                except OSError:
                    continue
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return  # it ends by itself once it has done what it does now


def answer_of(line: bytes) -> dict[str, Any]:
    """A line of the program.

    Raises:
        RefusedError: it says no.
        LinkError: it is not one: the program ended.
    """
    try:
        answer: Mapping[str, Any] = json.loads(line)
    except ValueError:
        raise LinkError("lost", line[:60].decode(errors="replace")) from None
    if not answer.get("ok"):
        raise RefusedError(str(answer.get("key", "")), str(answer.get("detail", "")))
    return dict(answer)
