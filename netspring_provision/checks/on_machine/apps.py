"""Starts a program the way its launcher does, waits for its window, and closes it again."""

from __future__ import annotations

import base64
import configparser
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from netspring_provision.checks.on_machine import acts
from netspring_provision.checks.on_machine.hand import Hand
from netspring_provision.checks.on_machine.pixels import Picture
from netspring_provision.checks.on_machine.session import emulated
from netspring_provision.checks.on_machine.x11 import Display, Window

MENUS = ("/usr/local/share/applications", "/usr/share/applications")
SMALLEST_WINDOW = 150  # pixels; anything smaller is a hint or a splash
FEWEST_COLOURS = 16  # in a window that shows something; a blank one has three at most
PAINT_SECONDS = 120  # for a window to fill with content; several emulated PCs share the cores
LOOK_SECONDS = 1.0
# A window counts as filled when at least this share of its area differs from the screen before.
FILLED_SHARE = 0.25
# A blinking cursor or a clock is no reason to go on waiting.
STILL_SHARE = 0.01
# Some programs ask whether one is sure when their window is closed, and again when they are told
# to end (Tux Paint does). They show something new on the screen: they are well, and are ended by
# force. A program that neither closes nor shows anything new hangs.
CLOSE_SECONDS = 5
END_SECONDS = 15
ANSWER_SHARE = 0.002
POLL_SECONDS = 0.5
# A virtual PC without KVM, on a busy station, showed Scratch's window after 19 s and was still
# reading the page a minute later.
EMULATED_PATIENCE = 4.0


def launcher(candidates: list[str], folders: list[str], *, menu: bool) -> Path | None:
    """The first of these .desktop files on the child's desktop, or else, if ``menu``, there."""
    for folder in (*folders, *(MENUS if menu else ())):
        for name in candidates:
            path = Path(folder) / name
            if path.is_file():
                return path
    return None


def command(path: Path, *, linked: bool = False) -> list[str]:
    """The program and its arguments of a .desktop file, as for a start without any file.

    A launcher on the desktop may be a link (``linked``) to an entry of the menu, which may then be
    hidden there.

    Raises:
        RuntimeError: the entry is hidden, starts nothing, or leads nowhere.
    """
    entry = configparser.ConfigParser(interpolation=None, strict=False)
    entry.read_string(path.read_text(errors="replace"))
    section = entry["Desktop Entry"]
    if section.get("Type", "").strip() == "Link":
        target = Path(section.get("URL", "").strip().removeprefix("file://"))
        if target.suffix != ".desktop" or not target.is_file() or target == path:
            raise RuntimeError(f"{path.name} leads to {target}, which is no program")
        return command(target, linked=True)
    if not linked and section.get("NoDisplay", "false").strip() == "true":
        raise RuntimeError(f"{path.name} is hidden from the menu")
    if "Exec" not in section:
        raise RuntimeError(f"{path.name} starts nothing")
    # Field codes of the Desktop Entry Specification: %c is the name, %k the file, the others stand
    # for files, addresses and icons, of which there are none.
    named = {"%c": section.get("Name", path.stem), "%k": str(path)}
    words = [named.get(word, word) for word in shlex.split(section["Exec"])]
    return [word for word in words if not (len(word) == 2 and word.startswith("%"))]


def descendants(pid: int) -> set[int]:
    """A process and all that came from it, by /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def try_app(display: Display, app: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Start, watch and close one program.

    Args:
        display: where its window must appear.
        app: ``name``, ``launchers`` (file names), ``folders`` (of the child's desktop),
            ``seconds`` (how long it may take), ``act`` (what is then done in it; see acts) and
            ``opens`` (what is added to its command, the names of samples as their paths).
        environment: of the child's session.

    Returns:
        What was seen; ``error`` says what went wrong, empty if nothing did.
    """
    seen: dict[str, Any] = {"name": app["name"], "error": "", "window": None, "closed": False}
    path = launcher(app["launchers"], app["folders"], menu=app["menu"])
    if path is None:
        where = "on the desktop or in the menu" if app["menu"] else "on the child's desktop"
        seen["error"] = f"there is no launcher {where}: " + " or ".join(app["launchers"])
        return seen
    seen["launcher"] = str(path)
    argv = command(path) + acts.prepare(app.get("opens", []), Path(environment["HOME"]))
    seen["argv"] = argv
    if shutil.which(argv[0], path=environment.get("PATH")) is None:
        seen["error"] = f"its program {argv[0]} is missing"
        return seen
    before = {window.number for window in display.windows()}
    empty = display.picture().halved()
    began = time.monotonic()
    log = Path(environment["HOME"]) / f"{app['name']}.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603
            argv, env=environment, cwd=environment["HOME"], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
        )  # fmt: skip
    try:
        window = _await_window(display, before, process, began + app["seconds"])
        seen["seconds"] = round(time.monotonic() - began, 1)
        if window is None:
            state = process.poll()
            seen["error"] = (
                f"no window within {app['seconds']} s"
                if state is None
                else f"it ended with {state} and showed no window"
            ) + _tail(log)
            return seen
        seen["window"] = _told(window)
        seen.update(_filled(display, before, process, empty))
        # A first window may give way to another; what counts is that one is there.
        windows = _new(display, before)
        if windows:
            seen["window"] = _told(windows[0])
        else:
            seen["error"] = f"its window went away, it ended with {process.poll()}" + _tail(log)
            return seen
        if not seen["filled"]:
            seen["error"] = f"its window stayed empty for {PAINT_SECONDS} s" + _tail(log)
        elif app.get("act"):
            seen.update(_act(app["act"], display, windows[0], environment))
        seen["closing"] = _closing(display, before, process, asks=app["asks"])
        seen["closed"] = seen["closing"] is not None
        if not seen["closed"] and not seen["error"]:
            seen["error"] = (
                "it hangs: its window stayed open although it was closed and told to end"
            )
    finally:
        _end(process)
    return seen


def _told(window: Window) -> dict[str, Any]:
    return {"title": window.title, "size": [window.width, window.height]}


def _new(display: Display, before: set[int]) -> list[Window]:
    """The windows that were not there before, the largest first."""
    found = [
        window
        for window in display.windows()
        if window.number not in before and min(window.width, window.height) >= SMALLEST_WINDOW
    ]
    return sorted(found, key=lambda window: -window.width * window.height)


def _await_window(
    display: Display, before: set[int], process: subprocess.Popen[bytes], deadline: float
) -> Window | None:
    """The program's window; some starters end at once and leave the window to a child."""
    while time.monotonic() < deadline:
        family = descendants(process.pid)
        for window in _new(display, before):
            if window.pid is None or window.pid in family or process.poll() is not None:
                return window
        if process.poll() not in (None, 0):
            return None
        time.sleep(POLL_SECONDS)
    return None


def _filled(
    display: Display, before: set[int], process: subprocess.Popen[bytes], empty: Picture
) -> dict[str, Any]:
    """A picture of the screen once the window has content and has come to rest, or time is up.

    Args:
        display: the screen.
        before: windows that were there before the program was started.
        process: the program. While it runs, its next window is waited for.
        empty: the screen before the program was started, halved.
    """
    deadline = time.monotonic() + PAINT_SECONDS
    last = empty
    while True:
        time.sleep(LOOK_SECONDS)
        windows = _new(display, before)
        now = display.picture().halved()
        filled = bool(windows) and now.changed(empty) >= _enough(windows[0], empty)
        shown = _inside(now, windows[0]) if windows else now
        still = filled and now.changed(last) < STILL_SHARE
        if still and shown.variety()["colours"] >= FEWEST_COLOURS:
            break
        if time.monotonic() > deadline or (not windows and process.poll() is not None):
            break
        last = now
    png = base64.b64encode(now.png()).decode()
    return {"filled": filled, "variety": shown.variety(), "png": png}


def _inside(screen: Picture, window: Window) -> Picture:
    """What a window shows, of a picture of the screen that was halved."""
    return screen.part(window.x // 2, window.y // 2, window.width // 2, window.height // 2)


def _enough(window: Window, screen: Picture) -> float:
    """Share of the screen, halved, that must have changed for this window to have content."""
    share = window.width * window.height / (4 * screen.width * screen.height)
    return min(1.0, share) * FILLED_SHARE


def _act(
    name: str, display: Display, window: Window, environment: dict[str, str]
) -> dict[str, Any]:
    """Do what a child does first in this program; a picture of the screen after it."""
    try:
        patience = EMULATED_PATIENCE if emulated() else 1.0
        home = Path(environment["HOME"])
        came = acts.ACTS[name](acts.Scene(display, Hand(environment), window, home, patience))
    except Exception as error:  # noqa: BLE001  (it must not keep the program from being closed)
        came = {"unobserved": f"{type(error).__name__}: {error}"}
    return {"act": came, "png": base64.b64encode(display.picture().halved().png()).decode()}


def _closing(
    display: Display, before: set[int], process: subprocess.Popen[bytes], *, asks: bool
) -> str | None:
    """Close every new window as a person would: how the program took it, ``None`` if not at all.

    It goes, or it asks a question in a window more. Only a program of which that is known
    (``asks``) may ask inside its own window: another one whose picture moves while it stays hangs.
    """

    def left() -> list[Window]:
        return [window for window in display.windows() if window.number not in before]

    shown = display.picture().halved()
    patience = END_SECONDS * (EMULATED_PATIENCE if emulated() else 1)
    began = time.monotonic()
    asked: set[int] = set()
    told = False
    while found := left():
        waited = time.monotonic() - began
        new = [window for window in found if window.number not in asked]
        if asked and new:
            return "asks in a window more"
        for window in new:
            asked.add(window.number)
            display.close(window)
        if waited > CLOSE_SECONDS + patience:
            return None
        if waited > CLOSE_SECONDS:
            if asks and display.picture().halved().changed(shown) > ANSWER_SHARE:
                return "asks in its window"
            if not told:
                _signal(process, signal.SIGTERM)
                told = True
        time.sleep(POLL_SECONDS)
    return "goes"


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-3:]
    return (": " + " / ".join(lines))[:400] if lines else ""


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To a program and all that came from it."""
    for pid in descendants(process.pid) - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it stays behind: not even what ignores a polite request."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(process, number)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
        return
