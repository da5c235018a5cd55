"""A real build of ``core``: same bytes twice, nothing to do the third time, killed and gone on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision.config import Station
from netspring_provision.image import manifest, store, workspace
from netspring_provision.image.build import build
from netspring_provision.image.manifest import Manifest

pytestmark = [pytest.mark.loop, pytest.mark.slow]
MINUTES = 60
COMMAND = [sys.executable, "-m", "netspring_provision", "image", "build", "--profile", "core"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all: base layer and packages are asked from the mirror once."""
    return tmp_path_factory.mktemp("image-home")


@pytest.fixture(scope="module")
def first(home: Path) -> Manifest:
    image, worked = build(Station(home), "core")
    assert worked
    return image


def started(home: Path, said: str) -> subprocess.Popen[str]:
    """A build as a person starts it, that has said some words on its console."""
    process = subprocess.Popen(
        [*COMMAND, "--force"],
        env=os.environ | {"NETSPRING_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr
    for line in process.stderr:
        if said in line:
            return process
    raise AssertionError(f"the build ended without saying {said!r}")


def half_made(station: Station) -> list[str]:
    """What a build has not finished."""
    places = (station.images.glob(".*"), workspace.folder(station).glob(f"{workspace.WORK}*"))
    return [path.name for place in places for path in place]


def test_the_image_is_whole_and_small(home: Path, first: Manifest) -> None:
    station = Station(home)
    folder = store.find(station, "core-zh_CN")
    assert manifest.verified(folder, station) == first
    assert first.compressed_bytes < 350 * 10**6
    assert first.raw_bytes * 3 < first.minimum_disk_bytes
    assert "linux-image-amd64" in first.packages
    assert half_made(station) == []


def test_a_second_build_does_no_work(home: Path, first: Manifest) -> None:
    began = time.monotonic()
    again, worked = build(Station(home), "core")
    assert (again, worked) == (first, False)
    assert time.monotonic() - began < 10


def test_the_same_inputs_give_the_same_bytes(home: Path, first: Manifest) -> None:
    again, worked = build(Station(home), "core", force=True)
    assert worked
    assert again.packages == first.packages, "the mirror changed in the meantime"
    assert again.raw_sha256 == first.raw_sha256
    assert again.chunks == first.chunks


@pytest.mark.parametrize(
    ("number", "target"),
    [(signal.SIGKILL, os.killpg), (signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)],
    ids=["killed", "ctrl-c", "terminated"],
)
def test_an_ended_build_leaves_the_image_and_the_next_one_works(
    home: Path, first: Manifest, number: int, target: Callable[[int, int], None]
) -> None:
    station = Station(home)
    process = started(home, "Install the packages")
    time.sleep(3)
    target(process.pid, number)
    process.communicate(timeout=2 * MINUTES)
    assert process.returncode != 0
    assert manifest.verified(station.images / first.name, station) == first
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert half_made(station) == []
    again, worked = build(station, "core", force=True)
    assert worked
    assert again.raw_sha256 == first.raw_sha256
    assert half_made(station) == []
