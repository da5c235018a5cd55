"""The lying disk, spoken to as QEMU does: over its socket, by the protocol's own numbers."""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netspring_provision.errors import StationError
from netspring_provision.lab import liar
from netspring_provision.lab.faults import Faults
from netspring_provision.lab.qmp import short_path

MIB = 1 << 20
SIZE = 4 * MIB
READ, WRITE, FLUSH, TRIM, ZEROES = 0, 1, 3, 4, 6


class Client:
    """The half of the protocol that is not under test."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        with short_path(path) as short:
            self.socket.connect(short)
        assert self.receive(18)[:16] == b"NBDMAGICIHAVEOPT"
        self.socket.sendall(struct.pack(">I", 3))
        # QEMU asks for structured replies first and takes no for an answer.
        assert self.option(8, b"") == ((1 << 31) + 1, b"")
        kind, data = self.option(7, struct.pack(">IH", 0, 0))
        assert kind == 3
        _, self.size, self.flags = struct.unpack(">HQH", data)
        assert self.reply() == (1, b"")

    def option(self, number: int, data: bytes) -> tuple[int, bytes]:
        self.socket.sendall(struct.pack(">8sII", b"IHAVEOPT", number, len(data)) + data)
        return self.reply()

    def reply(self) -> tuple[int, bytes]:
        magic, _, kind, length = struct.unpack(">QIII", self.receive(20))
        assert magic == 0x3E889045565A9
        return kind, self.receive(length)

    def receive(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            piece = self.socket.recv(length - len(found))
            assert piece, "the liar closed the line"
            found += piece
        return found

    def ask(self, kind: int, offset: int, length: int, data: bytes = b"") -> tuple[int, bytes]:
        request = struct.pack(">IHHQQI", 0x25609513, 0, kind, 42, offset, length)
        self.socket.sendall(request + data)
        magic, trouble, handle = struct.unpack(">IIQ", self.receive(16))
        assert (magic, handle) == (0x67446698, 42)
        return trouble, self.receive(length) if kind == READ and not trouble else b""

    def write(self, offset: int, data: bytes) -> None:
        assert self.ask(WRITE, offset, len(data), data) == (0, b"")

    def read(self, offset: int, length: int) -> bytes:
        trouble, data = self.ask(READ, offset, length)
        assert trouble == 0
        return data


@pytest.fixture
def play(tmp_path: Path, allow_subprocess: Callable[..., None]) -> Iterator[Callable[..., Client]]:
    """Starts the server of a disk of 4 MiB full of 0xAA, and connects."""
    allow_subprocess(Path(sys.executable).name)
    (tmp_path / "disk0.img").write_bytes(b"\xaa" * SIZE)
    clients: list[Client] = []

    def start(**wrong: object) -> Client:
        path = tmp_path / "liar0.sock"
        liar.start(tmp_path / "disk0.img", SIZE, Faults(**wrong), path)  # type: ignore[arg-type]
        clients.append(Client(path))
        return clients[-1]

    yield start
    for client in clients:
        client.socket.close()


def raw(folder: Path) -> bytes:
    return (folder / "disk0.img").read_bytes()


def test_without_a_lie_it_is_an_honest_disk(play: Callable[..., Client], tmp_path: Path) -> None:
    disk = play()
    assert disk.size == SIZE
    # NBD_FLAG_*: has flags, flush, trim, write zeroes; not read-only.
    assert disk.flags & 0b1100111 == 0b1100101
    assert disk.read(0, SIZE) == b"\xaa" * SIZE
    disk.write(MIB + 512, b"\x55" * 1024)
    assert disk.ask(FLUSH, 0, 0) == (0, b"")
    assert disk.ask(ZEROES, 2 * MIB, 512) == (0, b"")
    data = raw(tmp_path)
    assert data[MIB + 512 : MIB + 1536] == b"\x55" * 1024
    assert data[2 * MIB : 2 * MIB + 512] == bytes(512)
    assert data.count(0xAA) == SIZE - 1536


def test_trim_erases_nothing(play: Callable[..., Client]) -> None:
    disk = play()
    assert disk.ask(TRIM, 0, SIZE) == (0, b"")
    assert disk.read(0, SIZE) == b"\xaa" * SIZE


def test_a_fake_erase_reports_success_and_keeps_everything(play: Callable[..., Client]) -> None:
    disk = play(fake_erase=True)
    assert disk.ask(ZEROES, 0, SIZE) == (0, b"")
    assert disk.read(0, SIZE) == b"\xaa" * SIZE
    disk.write(0, bytes(512))
    assert disk.read(0, 1024) == bytes(512) + b"\xaa" * 512


@pytest.mark.parametrize("offset", [0, 7 * 512, 6 * 512 + 100, 7 * 512 + 100])
def test_a_stuck_sector_keeps_its_bytes_alone(play: Callable[..., Client], offset: int) -> None:
    disk = play(stuck=(7,))
    disk.write(offset, bytes(8 * 512))
    assert disk.ask(ZEROES, 0, 9 * 512) == (0, b"")
    seen = disk.read(0, 9 * 512)
    assert seen == bytes(7 * 512) + b"\xaa" * 512 + bytes(512)


def test_what_lies_behind_the_real_size_goes_to_the_beginning(play: Callable[..., Client]) -> None:
    disk = play(wraps=MIB)
    assert disk.size == SIZE
    disk.write(MIB - 512, b"1" * 512 + b"2" * 512)
    assert disk.read(0, 512) == b"2" * 512
    assert disk.read(3 * MIB - 512, 1024) == b"1" * 512 + b"2" * 512


def test_beyond_the_end_and_unknown_requests(play: Callable[..., Client]) -> None:
    disk = play()
    assert disk.ask(READ, SIZE - 512, 1024) == (22, b"")
    assert disk.ask(WRITE, SIZE, 512, bytes(512)) == (22, b"")
    assert disk.ask(99, 0, 0) == (22, b"")
    assert disk.read(0, 512) == b"\xaa" * 512


def test_it_ends_with_its_client_and_can_be_started_again(
    play: Callable[..., Client], tmp_path: Path
) -> None:
    first = play()
    first.write(0, b"\x01" * 512)
    first.socket.close()
    second = play()
    assert second.read(0, 512) == b"\x01" * 512
    second.socket.close()
    mark = os.fsencode(tmp_path / "disk0.img")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        commands = [command(folder) for folder in Path("/proc").glob("[0-9]*")]
        if not any(mark in words for words in commands):
            return
        time.sleep(0.1)
    raise AssertionError("the liar outlived its client")


def command(folder: Path) -> list[bytes]:
    try:
        return (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_a_missing_file_is_told(tmp_path: Path, allow_subprocess: Callable[..., None]) -> None:
    allow_subprocess(Path(sys.executable).name)
    with pytest.raises(StationError, match=r"gone\.img could not be started: .*No such file") as e:
        liar.start(tmp_path / "gone.img", SIZE, Faults(), tmp_path / "liar0.sock")
    assert e.value.hint == f"see {tmp_path / 'liar0.log'}"
