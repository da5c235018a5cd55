"""The root of a `lite` image on this computer, for the child's session in it.

Where the tests of virtual PCs keep their builds, the image is built if it is missing, and unpacked
once. NETSPRING_TEST_TREE names a folder that holds such a root already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspring_provision.image.build import build as build_image
from tests.tree.tree_kit import Tree
from tests.vm.conftest import kept_station


@pytest.fixture(scope="session")
def lower() -> Iterator[Path]:
    """The image's root, read only."""
    named = os.environ.get("NETSPRING_TEST_TREE")
    if named:
        yield Path(named)
        return
    station = kept_station()
    image = build_image(station, "lite")[0].name
    folder = Path(tempfile.mkdtemp(prefix="netspring-tree-", dir="/var/tmp"))
    root, disk = folder / "root", folder / "root.ext4"
    root.mkdir()
    packed = station.images / image / "rootfs.ext4.zst"
    subprocess.run(["zstd", "-q", "-d", "--sparse", packed, "-o", disk], check=True)
    subprocess.run(["mount", "-o", "ro,loop", disk, root], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", root], check=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def tree(lower: Path) -> Iterator[Tree]:
    """A child's session with a loudspeaker that is really there."""
    work = Path(tempfile.mkdtemp(prefix="netspring-session-", dir="/var/tmp"))
    try:
        with Tree(lower, work) as made:
            made.loudspeaker()
            yield made
    finally:
        shutil.rmtree(work)
