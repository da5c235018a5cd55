"""Decodes with libzstd in this very process, straight into the buffers that go to the disk.

A zstd process and a pipe would copy every byte twice more, and keep a second program on the
processor (docs/decisions/0006). The live environment always has the library: systemd and kmod need
it. Calls through ctypes let go of Python's lock.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible.module_utils.netspring_install.errors import InstallError

INPUT = 1 << 20
BUILD_AGAIN = "build the image again on the station (netspring image build)"


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer of zstd.h: address, size, position."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("position", ctypes.c_size_t),
    )


def _library() -> ctypes.CDLL:
    try:
        lib = ctypes.CDLL("libzstd.so.1")
    except OSError as error:
        raise InstallError(
            f"libzstd cannot be loaded ({error})",
            hint="the live environment lacks it: build it again (netspring live build)",
        ) from error
    lib.ZSTD_createDStream.restype = ctypes.c_void_p
    lib.ZSTD_freeDStream.argtypes = (ctypes.c_void_p,)
    pointers = (ctypes.c_void_p, ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer))
    lib.ZSTD_decompressStream.argtypes = pointers
    lib.ZSTD_decompressStream.restype = ctypes.c_size_t
    lib.ZSTD_isError.argtypes = (ctypes.c_size_t,)
    lib.ZSTD_getErrorName.argtypes = (ctypes.c_size_t,)
    lib.ZSTD_getErrorName.restype = ctypes.c_char_p
    return lib


class Decoder:
    """Reads a compressed file from its start to its end."""

    def __init__(self, lib: ctypes.CDLL, stream: int, descriptor: int, name: str) -> None:
        """Use :func:`opened`, which also closes."""
        self._lib, self._stream, self._descriptor, self._name = lib, stream, descriptor, name
        self._input = mmap.mmap(-1, INPUT, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._from = _Buffer(_address(self._input), 0, 0)
        # What zstd still expects of the frame at hand; 0 between frames, where a file may end.
        self._expected = 0
        self._ended = False

    def fill(self, buffer: mmap.mmap) -> int:
        """Fill a buffer; returns its bytes, fewer than all only at the end of the file.

        Raises:
            InstallError: the file is damaged or cut off.
        """
        to = _Buffer(_address(buffer), len(buffer), 0)
        while to.position < to.size:
            before = to.position
            if self._from.position == self._from.size and not self._ended:
                self._from.size = os.readv(self._descriptor, [self._input])
                self._from.position = 0
                self._ended = not self._from.size
            if self._ended and not self._expected:
                break
            said = self._lib.ZSTD_decompressStream(
                self._stream, ctypes.byref(to), ctypes.byref(self._from)
            )
            if self._lib.ZSTD_isError(said):
                self._fail(self._lib.ZSTD_getErrorName(said).decode())
            self._expected = said
            if self._ended and said and to.position == before:
                self._fail("it is cut off")
        return int(to.position)

    def _fail(self, why: str) -> None:
        raise InstallError(f"{self._name} cannot be decoded: {why}", BUILD_AGAIN)


def _address(buffer: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


@contextmanager
def opened(source: Path) -> Iterator[Decoder]:
    """A decoder at the start of a file.

    Raises:
        InstallError: no libzstd.
    """
    lib = _library()
    stream = lib.ZSTD_createDStream()
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        yield Decoder(lib, stream, descriptor, source.name)
    finally:
        os.close(descriptor)
        lib.ZSTD_freeDStream(stream)
