"""From a tree to ``rootfs.ext4.zst``: the smallest filesystem that holds it, the same each time."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from netspring_provision.image import command
from netspring_provision.image.profiles import MIB

FILE = "rootfs.ext4.zst"
CHUNK_BYTES = 4 * MIB
BLOCK = 4096
INODE_BYTES = 256
# Level 3 decodes as fast as higher ones; a window over 8 MiB would cost RAM on every PC.
ZSTD = ("-T0", "-6", "--quiet")


@dataclass(frozen=True)
class Packed:
    """Sizes and hashes of a packed image, all of the whole file unless said otherwise.

    Attributes:
        raw_bytes: size of the filesystem.
        raw_sha256: its hash.
        compressed_bytes: size of the compressed file.
        chunks: hashes of each ``CHUNK_BYTES`` of the compressed file, the last one shorter.
    """

    raw_bytes: int
    raw_sha256: str
    compressed_bytes: int
    chunks: tuple[str, ...]


def filesystem_bytes(root: Path) -> int:
    """Size of an ext4 that holds the tree: data, inode tables, journal, some slack; whole MiB."""
    blocks = inodes = 0
    seen: set[int] = set()
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            state = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - 100,000 of them
            if state.st_ino in seen:
                continue
            seen.add(state.st_ino)
            inodes += 1
            if stat.S_ISREG(state.st_mode):
                blocks += -(-state.st_size // BLOCK)
            elif stat.S_ISDIR(state.st_mode):
                blocks += max(1, -(-state.st_size // BLOCK))
    # One inode per 16 KiB of the filesystem (mke2fs.conf(5)), 256 bytes each; a journal of 1/64 at
    # least 16 MiB; group descriptors reserved for growing; the rest keeps big files in one piece.
    data = blocks * BLOCK
    journal = max(32 * MIB, data // 40)
    tables = max(inodes * INODE_BYTES, data * INODE_BYTES // 16384)
    return -(-int((data + tables) * 1.03 + journal + 16 * MIB) // MIB) * MIB


def mke2fs_argv(root: Path, target: Path, uuid: UUID) -> list[str]:
    """The mke2fs command (pure).

    ``metadata_csum_seed`` lets the installation give the filesystem a UUID of its own at once.
    """
    return [
        *command.of_tree(root, "usr/sbin/mke2fs"),
        *("-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-m", "1", "-L", "netspring-root"),
        *("-O", "metadata_csum,metadata_csum_seed", "-U", str(uuid)),
        *("-E", f"hash_seed={uuid},root_owner=0:0,assume_storage_prezeroed=1"),
        *("-d", str(root)),
        str(target),
    ]


def pack(root: Path, work: Path, target: Path, uuid: UUID, epoch: int) -> Packed:
    """Make the filesystem, compress it, hash both.

    Args:
        root: stripped tree without mounts.
        work: folder for the uncompressed filesystem.
        target: file to write.
        uuid: of the filesystem.
        epoch: date of the filesystem, seconds since 1970.
    """
    raw = work / "rootfs.ext4"
    env = command.environment(epoch) | {"MKE2FS_CONFIG": str(root / "etc/mke2fs.conf")}
    with raw.open("wb") as file:
        file.truncate(filesystem_bytes(root))
    command.run(mke2fs_argv(root, raw, uuid), env, "e2fsprogs")
    check = [*command.of_tree(root, "usr/sbin/e2fsck"), "-f", "-n", str(raw)]
    command.run(check, env, "e2fsprogs")
    zstd = [*command.of_tree(root, "usr/bin/zstd"), *ZSTD, "-f", str(raw), "-o", str(target)]
    command.run(zstd, env, "zstd")
    with raw.open("rb") as file:
        raw_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Packed(
        raw_bytes=raw.stat().st_size,
        raw_sha256=raw_sha256,
        compressed_bytes=target.stat().st_size,
        chunks=chunk_hashes(target),
    )


def chunk_hashes(path: Path) -> tuple[str, ...]:
    """sha256 of each ``CHUNK_BYTES`` of a file; one chunk of memory at a time."""
    hashes = []
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            hashes.append(hashlib.sha256(chunk).hexdigest())
    return tuple(hashes)
