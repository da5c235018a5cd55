"""What the teacher's window asks of the system, line by line, after sudo has let it in.

A request is a line of JSON with the key ``ask``; the answer is one line with ``ok``. ``works`` is
answered with a stream (see works.py). The end of the input ends the program.
"""

from __future__ import annotations

import io
import json
import os
import pwd
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from netspring_classroom import applying, desktop, files
from netspring_classroom.pupil import UNREADABLE_HOME
from netspring_classroom.settings import SettingsError
from netspring_classroom.system import PUPIL, TEACHER, System, run

Answer = dict[str, Any]
# A password shorter than this is guessed by a class in an afternoon.
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128


def serve(system: System, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    _say(answers, {"ok": True, "hello": 1})
    for line in requests:
        try:
            request = json.loads(line)
            ask = _ANSWERS[request.get("ask")]
        except (ValueError, AttributeError, KeyError, TypeError):
            _say(
                answers,
                {
                    "ok": False,
                    "key": "not_understood",
                    "detail": line[:60].decode(errors="replace"),
                },
            )
            continue
        try:
            answer = ask(system, request)
            if answer is None:
                # The child's program answers by itself, on the same output.
                _works(answers)
                continue
        except SettingsError as error:
            answer = {"ok": False, "key": "bad_setting", "detail": error.key}
        except (OSError, subprocess.SubprocessError, tarfile.TarError, KeyError) as error:
            # KeyError: an account that is gone.
            detail = getattr(error, "strerror", None) or str(error)
            answer = {"ok": False, "key": "not_written", "detail": detail}
        _say(answers, {"ok": True, **answer})


def _say(answers: BinaryIO, answer: Mapping[str, Any]) -> None:
    answers.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
    answers.flush()


def _state(system: System, _: Mapping[str, Any]) -> Answer:
    return {
        "settings": applying.current(system),
        "languages": applying.languages(system),
        "desktop_changed": desktop.changed(system),
        "machine": machine(system),
    }


def machine(system: System) -> dict[str, str]:
    """Name and asset tag of this PC, as the installation wrote them."""
    try:
        data = json.loads(files.read(system.at("etc/netspring/machine.json")) or "{}")
    except ValueError:
        data = {}
    name = str(data.get("hostname") or os.uname().nodename)
    return {"hostname": name, "asset_tag": str(data.get("asset_tag") or name)}


def _set(system: System, request: Mapping[str, Any]) -> Answer:
    wished = request.get("settings")
    if not isinstance(wished, dict):
        raise SettingsError("settings", wished)
    applied = applying.change(system, wished)
    return _state(system, request) | {"failures": [asdict(one) for one in applied.failures]}


def _lock(system: System, _: Mapping[str, Any]) -> Answer:
    """Keep the desktop as it is on the child's screen now, and lock it."""
    packed = as_pupil("pack")
    if packed.returncode != 0:
        last = packed.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return {"ok": False, "key": "desktop_unreadable", "detail": "".join(last)}
    kept = desktop.keep(system, packed.stdout)
    return _set(system, {"settings": {"desktop_locked": True}}) | {"kept": kept}


def _unlock(system: System, _: Mapping[str, Any]) -> Answer:
    return _set(system, {"settings": {"desktop_locked": False}})


def _original(system: System, _: Mapping[str, Any]) -> Answer:
    desktop.forget(system)
    return _set(system, {"settings": {"desktop_locked": True}})


def _password(system: System, request: Mapping[str, Any]) -> Answer:
    wished = str(request.get("new", ""))
    if problem := password_problem(wished):
        return {"ok": False, "key": problem, "detail": ""}
    done = run("/usr/sbin/chpasswd", "--root", system.root, stdin=f"{TEACHER}:{wished}\n")
    if done.returncode != 0:
        return {"ok": False, "key": "not_written", "detail": done.stderr.strip()}
    return {}


def password_problem(password: str) -> str | None:
    """Why a password cannot be the teacher's: every keyboard must be able to type it."""
    if len(password) < SHORTEST_PASSWORD:
        return "password_short"
    if len(password) > LONGEST_PASSWORD or not (password.isascii() and password.isprintable()):
        return "password_signs"
    return None


def _hand_over(_: System, __: Mapping[str, Any]) -> None:
    return None


def _works(answers: BinaryIO) -> None:
    answers.flush()
    done = as_pupil("send", output=answers)
    if done.returncode == UNREADABLE_HOME:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        _say(answers, {"ok": False, "key": "collect_unreadable", "detail": "".join(last)})
    elif done.returncode != 0:
        # Half a stream was sent: the receiver must find it cut, and not more words in it.
        sys.exit(1)


def as_pupil(deed: str, output: BinaryIO | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a deed of this package with the child's rights, in the child's home."""
    pupil = pwd.getpwnam(PUPIL)
    return subprocess.run(  # noqa: S603 - this very package
        # -s, -P: nothing of the child's own Python packages is loaded (usercustomize).
        [sys.executable, "-s", "-P", "-m", "netspring_classroom.pupil", deed, pupil.pw_dir],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if output is None else output,
        stderr=subprocess.PIPE,
        user=pupil.pw_uid,
        group=pupil.pw_gid,
        extra_groups=[],
        cwd="/",
        env={
            "HOME": pupil.pw_dir,
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(sys.path[:1]),
        },
        check=False,
    )


_ANSWERS: Mapping[str, Callable[[System, Mapping[str, Any]], Answer | None]] = {
    "state": _state,
    "set": _set,
    "lock": _lock,
    "unlock": _unlock,
    "original": _original,
    "password": _password,
    "works": _hand_over,
}


def main() -> None:
    """Serve on the standard streams."""
    output = io.BufferedWriter(io.FileIO(1, "w", closefd=False))
    serve(System(), io.BufferedReader(io.FileIO(0, "r", closefd=False)), output)
