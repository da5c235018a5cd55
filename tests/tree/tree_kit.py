"""The child's session of an image, in a tree on this computer, with a screen that nobody sees.

The image's root is the lower layer of an overlay; what a test spoils is in the upper one and thrown
away. Processes and mounts live in namespaces of their own, which end with the session.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from netspring_provision.checks import asking
from netspring_provision.checks.expectation import Expectation
from netspring_provision.checks.on_machine.sound import SINK

ENTER = Path(__file__).with_name("enter.sh")
SESSION_SECONDS = 90
SCREEN = "1024x768x24"


class Tree:
    """One session; ``spoil`` the tree before it is entered, or while it runs."""

    def __init__(self, lower: Path, work: Path, locale: str = "zh_CN") -> None:
        """``lower`` is the image's root, ``work`` an empty folder not on an overlay itself."""
        self.lower, self.work, self.locale = lower, work, locale
        self.root = work / "root"

    def __enter__(self) -> Self:
        """Start a screen and the session on it."""
        assert shutil.which("Xvfb"), "needed for these tests: apt-get install xvfb"
        readable, writable = os.pipe()
        self._screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writable), "-screen", "0", SCREEN, "-nolisten", "tcp"],
            pass_fds=(writable,),
            stderr=subprocess.DEVNULL,
        )
        os.close(writable)
        # To its end: a screen that is still writing its number would die of a closed pipe.
        with os.fdopen(readable) as told:
            self.display = f":{told.readline().strip()}"
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        with (self.work / "session.log").open("wb") as log:
            self._session = subprocess.Popen(
                [*apart, "sh", ENTER, self.lower, self.work, self.display, self.locale],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + SESSION_SECONDS
        while self.run("sh", "-c", "[ -e /run/netspring-tree ] && pidof lxqt-panel").returncode:
            assert self._session.poll() is None, "the session has ended"
            assert time.monotonic() < deadline, "no panel"
            time.sleep(0.5)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End both."""
        for process in (self._session, self._screen):
            process.kill()
            process.wait()

    def _inside(self) -> int | None:
        """The number of the first process in the namespaces, as seen from here."""
        children = Path(f"/proc/{self._session.pid}/task/{self._session.pid}/children")
        found = children.read_text().split()
        return int(found[0]) if found else None

    def run(
        self, *argv: str, user: str = "root", check: bool = False, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the tree, as root or as the child in its session."""
        inside = self._inside()
        if inside is None:
            return subprocess.CompletedProcess(argv, 255, "", "not there yet")
        enter = ["nsenter", "--target", str(inside), "--mount", "--pid", "--"]
        as_child = []
        if user != "root":
            as_child = ["runuser", "-u", user, "--", "env", "-i", *self._environment()]
        return subprocess.run(
            [*enter, *as_child, *argv], capture_output=True, text=True, check=check, input=stdin
        )

    def _environment(self) -> list[str]:
        panel = self.run("pidof", "lxqt-panel", check=True).stdout.split()[0]
        return self.run("cat", f"/proc/{panel}/environ", check=True).stdout.split("\0")[:-1]

    def loudspeaker(self) -> None:
        """Give the session a sink, as a sound card would."""
        about = (
            "{ factory.name=support.null-audio-sink node.name=test-card"
            " node.description=Loudspeaker media.class=Audio/Sink object.linger=true"
            " audio.position=[FL,FR] }"
        )
        # The panel may be there before the sound is.
        create = ("pw-cli", "create-node", "adapter", about)
        self._until(lambda: self.run(*create, user="pupil").returncode == 0, "no PipeWire")
        look = ("wpctl", "inspect", SINK)
        self._until(lambda: "test-card" in self.run(*look, user="pupil").stdout, "no sink")

    def _until(self, good: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + SESSION_SECONDS
        while not good():
            assert time.monotonic() < deadline, complaint
            time.sleep(0.5)

    @contextlib.contextmanager
    def instead(self, path: str, content: str) -> Iterator[None]:
        """Put a program in the place of another for a while."""
        self.run("cp", "-a", path, f"{path}.kept", check=True)
        self.run("rm", path, check=True)
        self.run("sh", "-c", f"cat > {path}; chmod 755 {path}", stdin=content, check=True)
        try:
            yield
        finally:
            self.run("mv", f"{path}.kept", path, check=True)

    def ask(self, *apps: str, profile: str = "lite") -> dict[str, Any]:
        """The desktop's answer, with these programs tried, by what runs on a delivered PC."""
        question = Expectation("h", "h", profile, self.locale).question("n")
        question["apps"] = [app for app in question["apps"] if app["name"] in apps]
        done = self.run("sh", "-c", asking.command("desktop", question))
        assert done.returncode == 0, done.stderr
        return asking.read_answer(done.stdout, question["nonce"])
