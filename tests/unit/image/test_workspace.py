"""One build at a time; nothing half-made keeps a name; nothing is removed through a mount."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import RefusedError, StationError
from netspring_provision.image import workspace


def test_a_second_build_is_refused_and_names_the_first(station: Station) -> None:
    refused = pytest.raises(RefusedError, match=f"process {os.getpid()}")
    with workspace.only_one(station), refused:
        workspace.only_one(station).__enter__()
    with workspace.only_one(station):
        pass


def test_a_work_folder_goes_whatever_happens_but_its_packages_stay(station: Station) -> None:
    seen: list[Path] = []

    def interrupted() -> None:
        with workspace.work_folder(station) as work:
            seen.append(work)
            archives = work / "root/var/cache/apt/archives"
            (archives / "partial").mkdir(parents=True)
            (archives / "dash_1_amd64.deb").write_bytes(b"whole")
            (archives / "partial/big_1_amd64.deb").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not seen[0].exists()
    assert [p.name for p in workspace.debs(station).iterdir()] == ["dash_1_amd64.deb"]


def test_packages_are_lent_to_the_next_build(station: Station, tmp_path: Path) -> None:
    workspace.debs(station).mkdir(parents=True)
    (workspace.debs(station) / "dash_1_amd64.deb").write_bytes(b"whole")
    workspace.lend_debs(station, tmp_path / "archives")
    lent = tmp_path / "archives/dash_1_amd64.deb"
    assert lent.read_bytes() == b"whole"
    lent.unlink()
    assert (workspace.debs(station) / "dash_1_amd64.deb").exists()


def test_leftovers_of_dead_builds_are_cleared(station: Station) -> None:
    work = workspace.folder(station) / f"{workspace.WORK}dead"
    half = station.images / f"{workspace.HALF}dead"
    (work / "root/var/cache/apt/archives").mkdir(parents=True)
    (work / "root/var/cache/apt/archives/dash_1_amd64.deb").touch()
    half.mkdir(parents=True)
    (half / "rootfs.ext4.zst").touch()
    good = station.images / "core-zh_CN-11111111"
    good.mkdir()
    assert set(workspace.clear_leftovers(station)) == {work, half}
    assert [p.name for p in station.images.iterdir()] == [good.name]
    assert (workspace.debs(station) / "dash_1_amd64.deb").exists()


def test_an_image_that_was_being_replaced_comes_back(station: Station) -> None:
    old = station.images / f"{workspace.OLD}core-zh_CN-11111111"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("good")
    workspace.clear_leftovers(station)
    assert (station.images / "core-zh_CN-11111111/manifest.json").read_text() == "good"


def test_an_image_that_was_replaced_goes(station: Station) -> None:
    (station.images / "core-zh_CN-11111111").mkdir(parents=True)
    (station.images / f"{workspace.OLD}core-zh_CN-11111111").mkdir()
    workspace.clear_leftovers(station)
    assert [p.name for p in station.images.iterdir()] == ["core-zh_CN-11111111"]


def test_nothing_is_removed_through_a_mount(
    station: Station, monkeypatch: pytest.MonkeyPatch, allow_subprocess: Callable[..., None]
) -> None:
    allow_subprocess("umount")  # it fails: nothing is really mounted there
    work = workspace.folder(station) / f"{workspace.WORK}dead"
    (work / "root/dev").mkdir(parents=True)
    (work / "root/dev/precious").write_text("of the station")
    monkeypatch.setattr(workspace, "mounted_below", lambda _path: [work / "root/dev"])
    with pytest.raises(StationError, match="still mounted") as caught:
        workspace.clear_leftovers(station)
    assert caught.value.hint == f"umount {work}/root/dev"
    assert (work / "root/dev/precious").read_text() == "of the station"


def test_put_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    for name, text in (("image", "old"), ("half", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
    workspace.put(tmp_path / "half", tmp_path / "image")
    assert (tmp_path / "image/manifest.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["image"]


def test_programs_of_others_are_not_ended(station: Station) -> None:
    work = workspace.folder(station) / f"{workspace.WORK}dead"
    (work / "root").mkdir(parents=True)
    assert workspace.end_programs_in(work) == []
