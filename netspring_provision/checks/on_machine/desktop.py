"""The child's desktop: is the session up, does Chinese input run, do the programs open a window.

Started as root; finds the child's session and goes on as the child, in that session's environment.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from netspring_provision.checks.on_machine import apps, sound
from netspring_provision.checks.on_machine.programs import output, run
from netspring_provision.checks.on_machine.session import (
    SESSION_SECONDS,
    await_session,
    emulated,
    environment_of,
    named,
    processes,
    seconds_to,
)
from netspring_provision.checks.on_machine.x11 import Display

DRAWN_COLOURS = 100  # of a desktop with its icons; a bare panel on a bare screen has about 20
DRAWN_SECONDS = 120  # on a station with much else to do, an emulated PC took over 30
INPUT_SECONDS = 60
ALONE_SECONDS = 40
LOCK = Path("/run/netspring-check.lock")
CLOSING_SECONDS = 2400


def away_from(environment: dict[str, str], home: Path) -> dict[str, str]:
    """The environment with another home, and without the names of folders in the child's own."""
    own = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    return {key: val for key, val in environment.items() if key not in own} | {"HOME": str(home)}


def give_home(home: Path, uid: int, gid: int) -> None:
    """Make a folder the child's, from the inside out.

    As long as the folders above are root's, the child cannot put a link where a file is about to
    be given away by its path.
    """
    for path in (*sorted(home.rglob("*"), reverse=True), home):
        os.chown(path, uid, gid, follow_symlinks=False)


def alone() -> IO[str] | None:
    """Hold this machine for one run; ``None`` if another run holds it.

    A run that was broken off needs some seconds to end. Keep the file as long as the run lasts.
    """
    held = LOCK.open("w")
    deadline = time.monotonic() + ALONE_SECONDS
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
            time.sleep(1)
        else:
            return held


def as_child(
    user: pwd.struct_passwd, question: dict[str, Any], environment: dict[str, str]
) -> tuple[int, str, str]:
    """Run the part ``session`` as the child; exit code, answer, and what it complained of.

    If this program is interrupted, so is that one, and it is given time to end what it started.
    """
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, sys.argv[0], "session"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment, cwd="/", user=user.pw_uid, group=user.pw_gid,
        extra_groups=os.getgrouplist(user.pw_name, user.pw_gid),
    )  # fmt: skip
    try:
        said, complained = process.communicate(json.dumps(question), timeout=CLOSING_SECONDS)
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=ALONE_SECONDS)
        finally:
            process.kill()
        raise
    return process.returncode, said, complained


def gather(question: dict[str, Any]) -> dict[str, Any]:
    """As root: the session, then everything that only the child may see."""
    answer: dict[str, Any] = {"schema": 1, "nonce": question["nonce"]}
    held = alone()
    if held is None:
        answer["error"] = "another run is trying programs on this PC just now"
        return answer
    answer["display_manager"] = run(
        "systemctl", "is-active", "display-manager.service"
    ).stdout.strip()
    try:
        user = pwd.getpwnam(question["pupil"])
    except KeyError:
        answer["error"] = f"there is no user {question['pupil']}"
        return answer
    running, panel = await_session(user.pw_uid, question["panels"])
    answer["processes"] = sorted(running)
    answer["xserver"] = bool(named(("Xorg", "X")))
    answer["panel"] = next((name for name in question["panels"] if name[:15] in running), None)
    if panel is None:
        answer["error"] = f"no panel of the desktop within {SESSION_SECONDS} s"
        return answer
    try:
        environment = environment_of(panel)
    except (OSError, RuntimeError) as error:
        answer["error"] = str(error)
        return answer
    answer["seconds"] = seconds_to(panel)
    answer["emulated"] = emulated()
    answer["environment"] = {
        key: environment.get(key) for key in ("DISPLAY", "LANG", "LANGUAGE", "GTK_IM_MODULE",
                                              "QT_IM_MODULE", "XMODIFIERS", "XDG_CURRENT_DESKTOP")
    }  # fmt: skip
    # A home of its own in RAM: the programs' settings must not end up in the child's home.
    home = Path(tempfile.mkdtemp(prefix="netspring-check-home-", dir="/run"))
    try:
        shutil.copytree("/etc/skel", home, dirs_exist_ok=True, symlinks=True)
        give_home(home, user.pw_uid, user.pw_gid)
        environment.setdefault("XAUTHORITY", f"{user.pw_dir}/.Xauthority")
        asked = question | {"folders": [f"{user.pw_dir}/Desktop"]}
        code, said, complained = as_child(user, asked, away_from(environment, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if code != 0:
        answer["error"] = f"the session could not be looked at: {complained.strip()[-400:]}"
        return answer
    answer.update(json.loads(said))
    # Once more, since the desktop goes on starting things after its panel.
    answer["processes"] = sorted(processes(user.pw_uid))
    return answer


def session(question: dict[str, Any]) -> dict[str, Any]:
    """As the child: the screen, fonts, Chinese input, and each program one after the other."""
    environment = dict(os.environ)
    display = Display(environment.get("DISPLAY", ":0"))
    picture = _settled(display)
    answer: dict[str, Any] = {
        "screen": {
            "size": [picture.width, picture.height],
            "variety": picture.variety(),
            "png": base64.b64encode(picture.png()).decode(),
        },
        "fonts": _lines("fc-list", ":lang=zh-cn", "family"),
        "font": _lines("fc-match", "-f", "%{family}\n", ":lang=zh-cn"),
        "fcitx": _input_state() if question["chinese"] else [],
        "input_methods": _input_methods() if question["chinese"] else [],
        "sound": _observed(sound.listen, environment),
        "apps": {},
    }
    for app in question["apps"]:
        try:
            answer["apps"][app["name"]] = apps.try_app(
                display, app | {"folders": question["folders"]}, environment
            )
        except Exception as error:  # noqa: BLE001  (the check must get to see whatever it is)
            answer["apps"][app["name"]] = {"error": f"{type(error).__name__}: {error}"}
    return answer


def _observed(look: Callable[[dict[str, str]], Any], environment: dict[str, str]) -> Any:
    """What a look gives, or why it could not be had."""
    try:
        return look(environment)
    except Exception as error:  # noqa: BLE001  (the check must get to see whatever it is)
        return {"unobserved": f"{type(error).__name__}: {error}"}


def _settled(display: Display) -> Any:
    """The screen once the desktop has drawn itself: two like looks, 2 s apart, or after 2 min."""
    deadline = time.monotonic() + DRAWN_SECONDS
    last = display.picture()
    while time.monotonic() < deadline:
        time.sleep(2)
        now = display.picture()
        if now.changed(last) < apps.STILL_SHARE and now.variety()["colours"] >= DRAWN_COLOURS:
            return now
        last = now
    return last


def _lines(*argv: str) -> list[str]:
    """What a program prints, or nothing if it is missing or fails."""
    try:
        return output(*argv, env=os.environ).split("\n")[:-1]  # fonts are the language's
    except RuntimeError:
        return []


def _input_state() -> list[str]:
    """What fcitx5 answers; waits for the session to start it, and must not start it by asking."""
    deadline = time.monotonic() + INPUT_SECONDS
    while "fcitx5" not in processes(os.getuid()) and time.monotonic() < deadline:
        time.sleep(1)
    return _lines("fcitx5-remote") if "fcitx5" in processes(os.getuid()) else []


def _input_methods() -> list[str]:
    """Input methods that fcitx5 has loaded for the child, by name.

    Asking over D-Bus would start a fcitx5 that does not run, so it is asked only if it does.
    """
    if "fcitx5" not in processes(os.getuid()):
        return []
    listed = _lines(
        "busctl", "--user", "--json=short", "call", "org.fcitx.Fcitx5", "/controller",
        "org.fcitx.Fcitx.Controller1", "InputMethodGroupInfo", "s", _group(),
    )  # fmt: skip
    if not listed:
        return []
    return [entry[0] for entry in json.loads(listed[0])["data"][1]]


def _group() -> str:
    current = _lines(
        "busctl", "--user", "--json=short", "call", "org.fcitx.Fcitx5", "/controller",
        "org.fcitx.Fcitx.Controller1", "CurrentInputMethodGroup",
    )  # fmt: skip
    return str(json.loads(current[0])["data"][0]) if current else ""
