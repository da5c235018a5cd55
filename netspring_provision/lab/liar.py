"""A disk that lies: a small NBD server for QEMU, which has no such disk of its own.

It reports success for what it does not do (see ``faults.Faults``). It speaks the part of the
protocol that QEMU's client uses: the fixed newstyle handshake with NBD_OPT_GO and simple replies
(doc/proto.md of the NetworkBlockDevice/nbd project). One process per disk, started before QEMU; it
ends when QEMU does, or if QEMU never comes.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netspring_provision.errors import StationError
from netspring_provision.lab import faults
from netspring_provision.lab.faults import SECTOR, Faults

PATIENCE_SECONDS = 60.0  # for QEMU to come after the server was started
_START_SECONDS = 30.0
# Not by -m: the package has imported this module before it would be run as the main one.
_PROGRAM = f"import sys; from {__name__} import main; main(*sys.argv[1:])"

_HELLO = struct.pack(">8s8sH", b"NBDMAGIC", b"IHAVEOPT", 0b11)  # fixed newstyle, no zeroes
_OPTION_REPLY = 0x3E889045565A9
_OPTION_ABORT, _OPTION_GO = 2, 7
_ACK, _INFO, _UNSUPPORTED = 1, 3, (1 << 31) + 1
_REQUEST, _REPLY = 0x25609513, 0x67446698
_READ, _WRITE, _DISCONNECT, _FLUSH, _TRIM, _WRITE_ZEROES = 0, 1, 2, 3, 4, 6
# Has flags, sends flush, FUA, trim and write zeroes.
_FLAGS = 0b0110_1101
_EINVAL = 22
_LONGEST = 32 * 1024**2  # of a read or write, as QEMU's client keeps to
_CHUNK = 4 * 1024**2


@dataclass(frozen=True)
class Medium:
    """What really happens to the bytes of the raw file behind ``descriptor``."""

    descriptor: int
    size_bytes: int
    faults: Faults

    def read(self, offset: int, length: int) -> bytes:
        """The bytes that lie there."""
        return b"".join(os.pread(self.descriptor, n, at) for at, n in self._places(offset, length))

    def write(self, offset: int, data: bytes) -> None:
        """Keep the bytes, but in the sectors that are stuck."""
        done = 0
        for at, length in self._places(offset, len(data)):
            piece = bytearray(data[done : done + length])
            for sector in self.faults.stuck:
                start, end = sector * SECTOR - at, (sector + 1) * SECTOR - at
                if start < length and end > 0:
                    start, end = max(0, start), min(length, end)
                    piece[start:end] = os.pread(self.descriptor, end - start, at + start)
            os.pwrite(self.descriptor, piece, at)
            done += length

    def zero(self, offset: int, length: int) -> None:
        """What a command does that only names the place."""
        if self.faults.fake_erase:
            return
        for at in range(offset, offset + length, _CHUNK):
            self.write(at, bytes(min(_CHUNK, offset + length - at)))

    def flush(self) -> None:
        """Bring everything to the station's own disk."""
        os.fdatasync(self.descriptor)

    def _places(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """Where the bytes of a request really lie: (offset, length) in the file, in order."""
        real = self.faults.wraps or self.size_bytes
        while length:
            at = offset % real
            piece = min(length, real - at)
            yield at, piece
            offset, length = offset + piece, length - piece


def start(file: Path, size_bytes: int, wrong: Faults, socket_path: Path) -> None:
    """Start the server of one disk in the background; it listens when this returns.

    Raises:
        StationError: it could not be started; its log lies beside the socket.
    """
    log = socket_path.with_suffix(".log")
    words = [str(file), str(size_bytes), json.dumps(faults.to_json(wrong)), socket_path.name]
    try:
        with log.open("wb") as said:
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-P", "-c", _PROGRAM, *words],
                cwd=socket_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=_START_SECONDS,
                check=False,
            )
        # Its last line names the error; the whole traceback stays in the log.
        trouble = log.read_text(errors="replace").strip().rpartition("\n")[2]
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble, done = str(error), None
    if done is None or done.returncode != 0:
        raise StationError(
            f"the lying disk {file} could not be started: {trouble or 'no reason given'}",
            hint=f"see {log}",
        )


def serve(listener: socket.socket, medium: Medium) -> None:
    """Wait for QEMU, then answer it until it goes."""
    listener.settimeout(PATIENCE_SECONDS)
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return
    # After a power cut the server of the QEMU before may still have its last write in hand.
    fcntl.flock(medium.descriptor, fcntl.LOCK_EX)
    with connection:
        connection.settimeout(None)
        try:
            if _agree(connection, medium.size_bytes):
                _answer(connection, medium)
        except (EOFError, ConnectionError):
            return  # the PC was switched off


def _agree(connection: socket.socket, size_bytes: int) -> bool:
    """The handshake; whether the client wants the disk."""
    connection.sendall(_HELLO)
    _receive(connection, 4)  # the client's flags
    while True:
        _, option, length = struct.unpack(">QII", _receive(connection, 16))
        _receive(connection, length)  # the name of the export; we have one only
        if option == _OPTION_GO:
            info = struct.pack(">HQH", 0, size_bytes, _FLAGS)
            connection.sendall(_option_reply(option, _INFO, info) + _option_reply(option, _ACK))
            return True
        if option == _OPTION_ABORT:
            connection.sendall(_option_reply(option, _ACK))
            return False
        connection.sendall(_option_reply(option, _UNSUPPORTED))


def _option_reply(option: int, kind: int, data: bytes = b"") -> bytes:
    return struct.pack(">QIII", _OPTION_REPLY, option, kind, len(data)) + data


def _answer(connection: socket.socket, medium: Medium) -> None:
    """Requests one after another, until the client goes."""
    while True:
        magic, _, kind, handle, offset, length = struct.unpack(">IHHQQI", _receive(connection, 28))
        if magic != _REQUEST or kind == _DISCONNECT:
            return
        trouble, data = 0, b""
        if kind in (_READ, _WRITE) and length > _LONGEST:
            return
        payload = _receive(connection, length) if kind == _WRITE else b""
        try:
            if offset + length > medium.size_bytes:
                trouble = _EINVAL
            elif kind == _READ:
                data = medium.read(offset, length)
            elif kind == _WRITE:
                medium.write(offset, payload)
            elif kind == _FLUSH:
                medium.flush()
            elif kind == _WRITE_ZEROES:
                medium.zero(offset, length)
            elif kind != _TRIM:  # TRIM never erases anything in the lab
                trouble = _EINVAL
        except OSError as error:
            trouble = error.errno or _EINVAL
        connection.sendall(struct.pack(">IIQ", _REPLY, trouble, handle))
        if not trouble and kind == _READ:
            connection.sendall(data)


def _receive(connection: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        piece = connection.recv(min(length - len(found), 1 << 20))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)


def main(file: str, size_bytes: str, wrong: str, socket_name: str) -> None:
    """Listen, go into the background, serve. ``socket_name`` is relative: its path may be long."""
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    medium = Medium(descriptor, int(size_bytes), faults.from_json(json.loads(wrong)))
    Path(socket_name).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(socket_name)
        listener.listen(1)
        if os.fork() != 0:
            os._exit(0)  # who started us waits for this
        os.setsid()
        serve(listener, medium)
