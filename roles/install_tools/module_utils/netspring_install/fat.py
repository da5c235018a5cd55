"""Puts a few files into a fresh, empty FAT32, and reads them back.

The ESP is written without mounting it: a kernel that does not know FAT writes it as well, and
nothing stays mounted when something fails. mkfs.fat(8) has made the filesystem; here only whole
files with names of 8.3 characters are laid into it, one after the other. The numbers are those of
Microsoft's FAT specification 1.03, to which UEFI 2.10 refers in section 13.3.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from ansible.module_utils.netspring_install.errors import InstallError

_DIRECTORY, _FILE, _LABEL = 0x10, 0x20, 0x08
_ENTRY = struct.Struct("<11sBBBHHHHHHHI")
# 1 January 1980: a PC's clock lies, and the same files give the same bytes.
_DATE = (0 << 9) | (1 << 5) | 1
Folder = dict[str, "Folder | bytes"]


@dataclass(frozen=True)
class _Volume:
    descriptor: int
    device: str
    cluster: int
    fat_at: int
    fat_bytes: int
    fats: int
    data_at: int
    root: int
    info_at: int
    clusters: int

    def offset(self, number: int) -> int:
        return self.data_at + (number - 2) * self.cluster

    def fat(self) -> list[int]:
        raw = os.pread(self.descriptor, self.fat_bytes, self.fat_at)
        return [v & 0x0FFFFFFF for v in struct.unpack(f"<{len(raw) // 4}I", raw)]

    def chain(self, first: int, fat: list[int]) -> bytes:
        parts: list[bytes] = []
        number = first
        while 2 <= number < len(fat) and len(parts) <= self.clusters:
            parts.append(os.pread(self.descriptor, self.cluster, self.offset(number)))
            number = fat[number]
        return b"".join(parts)


def _open(descriptor: int, device: str) -> _Volume:
    boot = os.pread(descriptor, 512, 0)
    sector, per_cluster, reserved, fats = struct.unpack_from("<HBHB", boot, 11)
    total, fat_sectors = struct.unpack_from("<II", boot, 32)
    root, info = struct.unpack_from("<I", boot, 44)[0], struct.unpack_from("<H", boot, 48)[0]
    if boot[510:512] != b"\x55\xaa" or boot[82:87] != b"FAT32" or not sector or not per_cluster:
        raise InstallError(f"{device} holds no FAT32", hint="install this machine again")
    data = reserved + fats * fat_sectors
    return _Volume(
        descriptor=descriptor,
        device=device,
        cluster=sector * per_cluster,
        fat_at=reserved * sector,
        fat_bytes=fat_sectors * sector,
        fats=fats,
        data_at=data * sector,
        root=root,
        info_at=info * sector,
        clusters=(total - data) // per_cluster,
    )


def _short(name: str) -> bytes:
    stem, _, extension = name.partition(".")
    if not (1 <= len(stem) <= 8 and len(extension) <= 3 and name == name.upper()):
        raise ValueError(f"{name} is not a name of 8.3 characters")
    return f"{stem:8}{extension:3}".encode("ascii")


def _entry(name: bytes, kind: int, first: int, size: int) -> bytes:
    high, low = first >> 16, first & 0xFFFF
    return _ENTRY.pack(name, kind, 0, 0, 0, _DATE, _DATE, high, 0, _DATE, low, size)


def _tree(files: dict[str, bytes]) -> Folder:
    tree: Folder = {}
    for path, data in files.items():
        *folders, name = path.split("/")
        here = tree
        for folder in folders:
            below = here.setdefault(folder, {})
            if isinstance(below, bytes):
                raise ValueError(f"{folder} is a file and a folder")
            here = below
        here[name] = data
    return tree


def add(device: str, files: dict[str, bytes]) -> None:
    """Write files, as ``EFI/BOOT/BOOTX64.EFI``, into the empty filesystem on ``device``.

    Contents go first, then both tables, then the root folder: only the last write makes them seen.

    Raises:
        InstallError: no FAT32, not empty, or too little room.
    """
    descriptor = os.open(device, os.O_RDWR)
    try:
        volume = _open(descriptor, device)
        fat = volume.fat()
        used = [n for n in range(3, min(len(fat), volume.clusters + 2)) if fat[n]]
        label = os.pread(descriptor, volume.cluster, volume.offset(volume.root))[:32]
        if used or (label[0] and label[11] != _LABEL):
            raise InstallError(f"{device} is not empty", hint="install this machine again")
        _Writer(volume, fat).write(_tree(files), label if label[0] else b"")
    finally:
        os.close(descriptor)


class _Writer:
    """Lays a tree into clusters, ascending from the first free one."""

    def __init__(self, volume: _Volume, fat: list[int]) -> None:
        self._volume, self._fat, self._next = volume, fat, 3

    def write(self, tree: Folder, label: bytes) -> None:
        volume = self._volume
        entries = label + b"".join(self._children(tree, 0))
        os.fsync(volume.descriptor)
        raw = struct.pack(f"<{len(self._fat)}I", *self._fat)
        for number in range(volume.fats):
            os.pwrite(volume.descriptor, raw, volume.fat_at + number * volume.fat_bytes)
        left = volume.clusters - (self._next - 2)
        os.pwrite(volume.descriptor, struct.pack("<II", left, self._next), volume.info_at + 488)
        os.fsync(volume.descriptor)
        self._put(volume.root, entries)
        os.fsync(volume.descriptor)

    def _children(self, tree: Folder, parent: int) -> list[bytes]:
        entries = []
        for name, what in sorted(tree.items()):
            if isinstance(what, bytes):
                first = self._take(len(what)) if what else 0
                if what:
                    self._put(first, what)
                entries.append(_entry(_short(name), _FILE, first, len(what)))
                continue
            first = self._take(1)
            dots = _entry(b".          ", _DIRECTORY, first, 0)
            dots += _entry(b"..         ", _DIRECTORY, parent, 0)
            self._put(first, dots + b"".join(self._children(what, first)), one_cluster=True)
            entries.append(_entry(_short(name), _DIRECTORY, first, 0))
        return entries

    def _take(self, size: int) -> int:
        """Reserve clusters for ``size`` bytes, one after the other; returns the first."""
        first, count = self._next, -(-size // self._volume.cluster)
        self._next += count
        if self._next > self._volume.clusters + 2:
            raise InstallError(f"{self._volume.device} is too small", "install this machine again")
        for number in range(first, self._next - 1):
            self._fat[number] = number + 1
        self._fat[self._next - 1] = 0x0FFFFFFF
        return first

    def _put(self, first: int, data: bytes, *, one_cluster: bool = False) -> None:
        cluster = self._volume.cluster
        if one_cluster and len(data) > cluster:
            raise ValueError("a folder holds more files than fit into one cluster")
        padded = data + bytes(-len(data) % cluster)
        os.pwrite(self._volume.descriptor, padded, self._volume.offset(first))


def read(device: str, path: str) -> bytes | None:
    """A file as it lies on the disk now, past the page cache's copy; None if it is not there."""
    descriptor = os.open(device, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        volume = _open(descriptor, device)
        fat = volume.fat()
        first, size, kind = volume.root, 0, _DIRECTORY
        for part in path.split("/"):
            found = None
            for entry in _ENTRY.iter_unpack(volume.chain(first, fat)):
                if entry[0] == _short(part) and entry[1] != _LABEL:
                    found = entry
            if found is None or kind != _DIRECTORY:
                return None
            kind, first, size = found[1], found[7] << 16 | found[10], found[11]
        return volume.chain(first, fat)[:size]
    finally:
        os.close(descriptor)
