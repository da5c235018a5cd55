"""The serial console: bytes both ways, and two ways to end."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, UsageError
from netspring_provision.lab import console
from netspring_provision.lab.model import Pc


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Keyboard (read, write) and screen (read, write)."""
    keyboard, screen = os.pipe(), os.pipe()
    yield *keyboard, *screen
    for descriptor in (*keyboard, *screen):
        os.close(descriptor)


@pytest.fixture
def guest(
    make_pc: Callable[..., Pc], switch_on: Callable[..., Pc], monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    pc = switch_on(make_pc())
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(pc.folder)
        listener.bind("serial.sock")
        listener.listen()
        yield listener


def test_what_is_typed_reaches_the_guest_and_comes_back(
    station: Station, guest: socket.socket, pipes: tuple[int, int, int, int]
) -> None:
    key_in, key_out, screen_in, screen_out = pipes
    heard = b""

    def echo() -> None:
        nonlocal heard
        line, _ = guest.accept()
        with line:
            heard = line.recv(100)
            line.sendall(b"login: " + heard)
            os.write(key_out, b"bye\x1dnot sent")
            heard += line.recv(100)

    thread = threading.Thread(target=echo)
    thread.start()
    os.write(key_out, b"root\n")
    assert console.attach(station, "pc-1", key_in, screen_out) == "left"
    thread.join(5)
    assert os.read(screen_in, 100) == b"login: root\n"
    assert heard == b"root\nbye"


def test_the_guest_goes_off(
    station: Station, guest: socket.socket, pipes: tuple[int, int, int, int]
) -> None:
    def off() -> None:
        line, _ = guest.accept()
        line.close()

    thread = threading.Thread(target=off)
    thread.start()
    assert console.attach(station, "pc-1", pipes[0], pipes[3]) == "off"
    thread.join(5)


def test_off_and_silent(
    station: Station,
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
    pipes: tuple[int, int, int, int],
) -> None:
    pc = make_pc()
    with pytest.raises(UsageError, match="is off"):
        console.attach(station, "pc-1", pipes[0], pipes[3])
    switch_on(pc)
    with pytest.raises(MachineFailedError, match="serial port of lab PC pc-1"):
        console.attach(station, "pc-1", pipes[0], pipes[3])
