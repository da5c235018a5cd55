"""Attaches a person's terminal to the serial port of a virtual PC."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, UsageError
from netspring_provision.lab import qemu, store
from netspring_provision.lab.qmp import short_path

LEAVE = b"\x1d"  # Ctrl-], as in telnet and virsh


def attach(station: Station, name: str, keyboard: int, screen: int) -> str:
    """Carry bytes both ways until the person leaves by Ctrl-] or the PC goes off.

    Args:
        station: whose PC it is.
        name: of the PC, which must be on.
        keyboard: descriptor that is read; a terminal is put into raw mode meanwhile. When it
            ends (a pipe), only the PC is listened to.
        screen: descriptor that is written.

    Returns:
        How it ended: ``left`` or ``off``.
    """
    pc = store.load(station, name)
    if not pc.running:
        raise UsageError(
            f"lab PC {name} is off", hint=f"switch it on: netspring lab start {name} --boot live"
        )
    with _connected(pc.folder / qemu.SERIAL_SOCKET) as line, _raw(keyboard):
        watched = [line.fileno(), keyboard]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if line.fileno() in ready:
                received = _receive(line)
                if not received:
                    return "off"
                _write_all(screen, received)
            if keyboard in ready:
                typed = os.read(keyboard, 1024)
                if not typed:
                    watched.remove(keyboard)
                before, leave, _ = typed.partition(LEAVE)
                try:
                    line.sendall(before)
                except BrokenPipeError:
                    return "off"
                if leave:
                    return "left"


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            with short_path(path) as short:
                line.connect(short)
        except OSError as error:
            raise MachineFailedError(
                f"the serial port of lab PC {path.parent.name} does not answer: {error.strerror}",
                hint=f"what it wrote so far: {path.parent / 'serial.log'}",
            ) from error
        yield line


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Raw mode for a terminal, so that Ctrl-C reaches the guest; the old mode comes back."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _receive(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except ConnectionResetError:
        return b""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
