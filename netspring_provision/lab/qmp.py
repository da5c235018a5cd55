"""A small client of QEMU's machine protocol: JSON lines over the PC's own Unix socket."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from netspring_provision.errors import MachineFailedError

_LINE_LIMIT = 16 * 1024**2  # far above any answer; keeps a broken peer from filling memory


@contextmanager
def short_path(socket_path: Path) -> Iterator[str]:
    """A name of the socket that fits in the 108 bytes that Linux has for it.

    The folder is opened and named by its descriptor, so it may lie as deep as it likes.
    """
    folder = os.open(socket_path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{socket_path.name}"
    finally:
        os.close(folder)


class Qmp:
    """One conversation with a running QEMU.

    Args:
        socket_path: the PC's ``qmp.sock``.
        timeout_seconds: limit for each answer.

    Raises:
        MachineFailedError: QEMU does not answer, closes the line, or says no.
    """

    def __init__(self, socket_path: Path, timeout_seconds: float = 10.0) -> None:
        """Connect and leave negotiation mode."""
        self._path = socket_path
        self._timeout = timeout_seconds
        self._buffer = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_seconds)
        try:
            with short_path(socket_path) as path:
                self._socket.connect(path)
            greeting = self._read(time.monotonic() + timeout_seconds)
            if "QMP" not in greeting:
                raise self._failed(f"unexpected greeting {greeting}")
            self.execute("qmp_capabilities")
        except OSError as error:
            self._socket.close()
            raise self._failed(error.strerror or str(error)) from error
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Qmp:
        """Itself; closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the line; QEMU goes on."""
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """Run one command and return what QEMU answers; events that come between are dropped."""
        message: dict[str, object] = {"execute": command}
        if arguments:
            # Python names have no dashes, QEMU's have no underscores in arguments.
            message["arguments"] = {key.replace("_", "-"): arguments[key] for key in arguments}
        deadline = time.monotonic() + self._timeout
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            while True:
                answer = self._read(deadline)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise self._failed(f"{command}: {answer['error'].get('desc', answer)}")
        except OSError as error:
            raise self._failed(f"{command}: {error.strerror or error}") from error

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._failed(f"no answer within {self._timeout:g} s")
            self._socket.settimeout(left)
            try:
                received = self._socket.recv(65536)
            except TimeoutError:
                continue
            if not received:
                raise self._failed("it closed the line")
            self._buffer += received
            if len(self._buffer) > _LINE_LIMIT:
                raise self._failed("it sent a line without end")
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise self._failed(f"it sent {line[:80]!r}, which is not JSON") from error
        if not isinstance(answer, dict):
            raise self._failed(f"it sent {line[:80]!r}")
        return answer

    def _failed(self, why: str) -> MachineFailedError:
        name = self._path.parent.name
        return MachineFailedError(
            f"QEMU of lab PC {name} ({self._path}): {why}",
            hint=f"see whether it is on: netspring lab list; start it: netspring lab start {name}",
        )
