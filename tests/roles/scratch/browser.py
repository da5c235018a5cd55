"""Drives a browser through pipes (Chrome DevTools Protocol, ``--remote-debugging-pipe``).

No port is opened for it: the browser reads commands from its file 3 and answers on its file 4, each
message ended by a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWER_SECONDS = 60.0


class Browser:
    """A running browser and its one page."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start it; ``argv`` must hand the flag ``--remote-debugging-pipe`` to the browser."""
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # A shell puts the two ends where the browser looks for them.
        plumbing = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["bash", "-c", plumbing, "bash", *argv],
                env=dict(environment),
                pass_fds=(to_browser, from_browser),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        """Nothing to do: it runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End it, by force if it does not end by itself."""
        os.close(self._write)  # the browser ends when its commands do
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._read)

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command, wait for its answer; events that come before it are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self._message(deadline)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def attach(self) -> None:
        """Turn to the page, as soon as there is one."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            targets = self.call("Target.getTargets")["targetInfos"]
            pages = [target for target in targets if target["type"] == "page"]
            if pages:
                found = self.call(
                    "Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True
                )
                self._session = found["sessionId"]
                for domain in ("Runtime", "Log", "Network", "Page", "DOM"):
                    self.call(f"{domain}.enable")
                return
            time.sleep(0.2)
        raise AssertionError("no page within a minute")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def await_true(self, expression: str, seconds: float) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < deadline, f"not within {seconds} s: {expression}"
            time.sleep(0.2)

    def click(self, expression: str) -> None:
        """Press the mouse on the middle of the element that an expression gives."""
        place = self.ask(
            f"(() => {{ const box = ({expression}).getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", clickCount=1,
            )  # fmt: skip

    def picture(self, path: Path) -> None:
        """Write what the page shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
