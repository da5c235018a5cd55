"""The filesystem is as small as it can be, and made the same way each time."""

import hashlib
from pathlib import Path
from uuid import UUID

from netspring_provision.image.pack import (
    CHUNK_BYTES,
    ZSTD,
    chunk_hashes,
    filesystem_bytes,
    mke2fs_argv,
)
from netspring_provision.image.profiles import MIB

UUID_ = UUID("12345678-1234-5678-1234-567812345678")


def test_the_filesystem_is_made_by_the_trees_own_program_with_fixed_numbers() -> None:
    argv = mke2fs_argv(Path("/w/root"), Path("/w/rootfs.ext4"), UUID_)
    assert argv[:4] == [
        "/w/root/usr/lib64/ld-linux-x86-64.so.2",
        "--library-path",
        "/w/root/usr/lib/x86_64-linux-gnu",
        "/w/root/usr/sbin/mke2fs",
    ]
    assert argv[argv.index("-U") + 1] == str(UUID_)
    assert f"hash_seed={UUID_}" in argv[argv.index("-E") + 1]
    assert argv[argv.index("-d") + 1] == "/w/root"
    assert argv[-1] == "/w/rootfs.ext4"


def test_compression_does_not_depend_on_the_number_of_processors() -> None:
    """One thread or several compress alike only where zstd is told to use its threaded way."""
    assert "-T0" in ZSTD
    assert "--single-thread" not in ZSTD


def test_chunks_are_hashed_to_the_last_byte(tmp_path: Path) -> None:
    data = bytes(range(256)) * (CHUNK_BYTES // 256) + b"rest"
    (tmp_path / "f").write_bytes(data)
    assert chunk_hashes(tmp_path / "f") == (
        hashlib.sha256(data[:CHUNK_BYTES]).hexdigest(),
        hashlib.sha256(b"rest").hexdigest(),
    )
    (tmp_path / "empty").touch()
    assert chunk_hashes(tmp_path / "empty") == ()


def test_the_size_holds_the_tree_in_whole_mebibytes(tmp_path: Path) -> None:
    small = filesystem_bytes(tmp_path)
    assert small % MIB == 0
    with (tmp_path / "big").open("wb") as file:
        file.truncate(100 * MIB)
    (tmp_path / "same").hardlink_to(tmp_path / "big")
    size = filesystem_bytes(tmp_path)
    assert small + 100 * MIB < size < small + 120 * MIB
    assert size % MIB == 0


def test_many_small_files_get_enough_inodes(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"f{number}").symlink_to("x")
    assert filesystem_bytes(tmp_path) // 16384 > 2000
