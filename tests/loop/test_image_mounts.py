"""The mounts of a build are seen by nobody else and end with it, whatever ends it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netspring_provision.config import Station
from netspring_provision.image import mounts, workspace

pytestmark = pytest.mark.loop


def seen_by_others(folder: Path) -> bool:
    """Whether process 1 sees anything mounted there; it shares no private namespace."""
    return bool(mounts.mounted_below(folder, Path("/proc/1/mountinfo").read_text()))


def test_a_tree_gets_what_its_programs_need_and_nobody_sees_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    shown = tmp_path / "mirror"
    shown.mkdir()
    (shown / "dists").write_text("x")
    here = Path.cwd()
    with mounts.private_mounts(), mounts.bound(root, [shown]):
        assert mounts.mounted_below(root)
        assert not seen_by_others(root)
        with (root / "dev/zero").open("rb") as zero:
            assert zero.read(3) == bytes(3)
        assert sorted(p.name for p in (root / "dev").iterdir()) == sorted(
            [*mounts.DEVICES, "fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm"]
        )
        assert (root / "proc/self").is_dir()
        assert (root / str(shown).lstrip("/") / "dists").read_text() == "x"
        with pytest.raises(OSError, match="Read-only"):
            (root / str(shown).lstrip("/") / "dists").write_text("y")
    assert mounts.mounted_below(root) == []
    assert Path.cwd() == here
    assert list((root / "dev").iterdir()) == []
    assert (shown / "dists").read_text() == "x"


def test_an_exception_takes_the_mounts_along(tmp_path: Path) -> None:
    def fail() -> None:
        with mounts.private_mounts(), mounts.bound(tmp_path / "root"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert mounts.mounted_below(tmp_path) == []


KILLED = """
import sys, time
from pathlib import Path
from netspring_provision.image import mounts
with mounts.private_mounts(), mounts.bound(Path(sys.argv[1])):
    print("mounted", flush=True)
    time.sleep(600)
"""


def test_a_killed_build_leaves_no_mount_and_its_folder_can_go(tmp_path: Path) -> None:
    station = Station(tmp_path / "home")
    work = workspace.folder(station) / f"{workspace.WORK}killed"
    work.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(work / "root")], stdout=subprocess.PIPE, text=True
    ) as build:
        assert build.stdout
        assert build.stdout.readline() == "mounted\n"
        assert not seen_by_others(work)
        build.send_signal(signal.SIGKILL)
    assert mounts.mounted_below(work) == []
    assert workspace.clear_leftovers(station) == [work]
    assert not work.exists()
    assert Path("/dev/null").is_char_device()


IN_TREE = """
import os, sys, time
os.chroot(sys.argv[1])
print("in", flush=True)
time.sleep(600)
"""


def test_programs_that_still_run_in_the_tree_are_ended_and_no_others(tmp_path: Path) -> None:
    station = Station(tmp_path / "home")
    work = workspace.folder(station) / f"{workspace.WORK}killed"
    (work / "root").mkdir(parents=True)
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other,
        subprocess.Popen(
            [sys.executable, "-c", IN_TREE, str(work / "root")], stdout=subprocess.PIPE, text=True
        ) as orphan,
    ):
        assert orphan.stdout
        assert orphan.stdout.readline() == "in\n"
        try:
            workspace.clear(station, work)
            assert orphan.wait(10) == -signal.SIGKILL
            assert other.poll() is None
        finally:
            other.kill()
            orphan.kill()
    assert not work.exists()


def test_a_visible_mount_of_an_older_build_is_taken_away_first(tmp_path: Path) -> None:
    station = Station(tmp_path / "home")
    work = workspace.folder(station) / f"{workspace.WORK}old"
    inside = work / "root/mnt"
    precious = tmp_path / "precious"
    inside.mkdir(parents=True)
    precious.mkdir()
    (precious / "file").write_text("mine")
    subprocess.run(["mount", "--bind", precious, inside], check=True)
    try:
        workspace.clear(station, work)
    finally:
        subprocess.run(["umount", "--lazy", inside], check=False, capture_output=True)
    assert (precious / "file").read_text() == "mine"
    assert not work.exists()
