"""When a build works, when it does nothing, and what a failed one leaves: nothing."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import (
    MachineFailedError,
    NetspringError,
    RefusedError,
    StationError,
)
from netspring_provision.image import base, build, manifest, mounts, store, workspace
from netspring_provision.image.inputs import Inputs
from netspring_provision.image.manifest import Manifest
from netspring_provision.image.pack import Packed
from netspring_provision.runner import RunResult

EPOCH = 1_790_000_000
DATA = b"compressed filesystem"


class Tree:
    """Stands in for the programs that need root: base layer, mounts, roles and packing."""

    def __init__(self) -> None:
        self.roles: list[dict[str, Any]] = []
        self.said: RunResult | None = None
        self.pack_error: Exception | None = None
        self.languages: tuple[str, ...] = ()

    def unpack(self, _station: Station, _inputs: Inputs, root: Path) -> None:
        for name in ("etc/ssh", "usr/sbin", "usr/lib/modules", "boot", "var/lib/dpkg", "tmp"):
            (root / name).mkdir(parents=True)
        for name in ("etc/apt", "var/cache/apt/archives", "var/log", "usr/share"):
            (root / name).mkdir(parents=True)
        (root / "etc/shadow").write_text("root:*:20780:0:99999:7:::\n")
        (root / "var/lib/dpkg/status").write_text(
            "Package: dash\nStatus: install ok installed\nVersion: 0.5\n"
        )

    def run_playbook(self, station: Station, **asked: Any) -> RunResult:
        self.roles.append(asked)
        root = Path(asked["inventory"]).parent / "root"
        assert (root / "usr/sbin/policy-rc.d").read_text().endswith("exit 101\n")
        (root / "var/cache/apt/archives/dash_0.5_amd64.deb").touch()
        for name in self.languages:
            (root / build.LANGUAGES / name).mkdir(parents=True)
        return self.said or RunResult("r", station.runs, "successful", 0, ())

    def pack(self, root: Path, _work: Path, target: Path, _uuid: object, epoch: int) -> Packed:
        assert epoch == EPOCH
        assert not (root / "usr/sbin/policy-rc.d").exists()
        assert '"core"' in (root / "etc/netspring/image.json").read_text()
        target.write_bytes(DATA)
        if self.pack_error:
            raise self.pack_error
        return Packed(8192, "aa" * 32, len(DATA), ("bb" * 32,))


@contextmanager
def nothing(*_: object) -> Iterator[None]:
    yield


@pytest.fixture
def tree(station: Station, monkeypatch: pytest.MonkeyPatch) -> Tree:
    assert station.home.is_dir()
    fake = Tree()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(base, "ensure", lambda *_: False)
    monkeypatch.setattr(base, "unpack", fake.unpack)
    monkeypatch.setattr(base, "epoch", lambda _root: EPOCH)
    monkeypatch.setattr(mounts, "private_mounts", nothing)
    monkeypatch.setattr(mounts, "bound", nothing)
    monkeypatch.setattr(build, "run_playbook", fake.run_playbook)
    monkeypatch.setattr(build, "pack", fake.pack)
    return fake


def entries(station: Station) -> list[str]:
    found = [*station.images.iterdir(), *workspace.folder(station).iterdir()]
    return sorted(path.name for path in found)


def test_a_build_gives_a_signed_image_and_makes_it_current(station: Station, tree: Tree) -> None:
    image, worked = build.build(station, "core", "fr")
    assert worked
    assert len(tree.roles) == 1
    assert tree.roles[0]["extravars"]["build_image_roles"] == ["base_system", "firewall"]
    assert tree.roles[0]["extravars"]["build_image_locale"] == "fr_FR"
    assert manifest.verified(station.images / image.name, station) == image
    assert image.packages == {"dash": "0.5"}
    assert image.created == "2026-09-21T14:13:20+00:00"
    assert store.current(station, "core-fr_FR") == image.name
    assert entries(station) == ["core-fr_FR", image.name]
    assert (workspace.debs(station) / "dash_0.5_amd64.deb").exists()


def test_an_image_says_which_languages_it_holds(station: Station, tree: Tree) -> None:
    tree.languages = ("fr_FR", "zh_CN")
    image, _ = build.build(station, "core")
    assert image.locales == ("fr_FR", "zh_CN")
    assert manifest.read(station.images / image.name).locales == ("fr_FR", "zh_CN")
    assert [image.holds(name) for name in ("zh_CN", "fr_FR", "en_US")] == [True, True, False]
    older = replace(image, locales=())
    assert [older.holds(name) for name in ("zh_CN", "fr_FR")] == [True, False]


def test_a_second_build_does_no_work(
    station: Station, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = build.build(station, "core")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # nothing to do needs no root either
    steps: list[str] = []
    second, worked = build.build(station, "core", "zh", on_step=steps.append)
    assert (second, worked, steps) == (first, False, [])
    assert len(tree.roles) == 1


def test_force_builds_again_in_place(station: Station, tree: Tree) -> None:
    first, _ = build.build(station, "core")
    second, worked = build.build(station, "core", force=True)
    assert worked
    assert second.name == first.name
    assert len(tree.roles) == 2
    assert entries(station) == ["core-zh_CN", first.name]


@pytest.mark.parametrize("damage", ["shorten", "alter", "unsign"])
def test_a_damaged_image_is_built_again(station: Station, tree: Tree, damage: str) -> None:
    image, _ = build.build(station, "core")
    folder = station.images / image.name
    if damage == "shorten":
        (folder / image.file).write_bytes(b"")
    elif damage == "alter":
        path = folder / manifest.MANIFEST
        path.write_text(path.read_text().replace("trixie", "bookworm"))
    else:
        (folder / manifest.SIGNATURE).unlink()
    _, worked = build.build(station, "core")
    assert worked
    assert len(tree.roles) == 2
    assert manifest.verified(folder, station).suite == "trixie"


FAILED = {
    "event": "runner_on_failed",
    "event_data": {
        "task": "Install the packages of every PC",
        "res": {"msg": "E: Failed to fetch http://m.example/x.deb  Could not connect"},
    },
}


def test_a_mirror_lost_in_the_middle_keeps_the_packages(station: Station, tree: Tree) -> None:
    tree.said = RunResult("r", station.runs, "failed", 2, (FAILED,))
    with pytest.raises(StationError, match="mirror"):
        build.build(station, "core")
    assert entries(station) == []
    assert (workspace.debs(station) / "dash_0.5_amd64.deb").exists()
    tree.said = None
    assert build.build(station, "core")[1]


def test_a_playbook_that_did_not_end_well_is_no_image(station: Station, tree: Tree) -> None:
    tree.said = RunResult("r", station.runs, "timeout", 254, ())
    with pytest.raises(MachineFailedError, match="applying the roles"):
        build.build(station, "core")
    assert entries(station) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), StationError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MachineFailedError("mke2fs failed"), MachineFailedError),
    ],
    ids=["full", "interrupted", "failed"],
)
def test_nothing_half_made_stays(
    station: Station, tree: Tree, error: Exception, expected: type[BaseException]
) -> None:
    image, _ = build.build(station, "core")
    before = entries(station)
    tree.pack_error = error
    with pytest.raises(expected):
        build.build(station, "core", force=True)
    assert entries(station) == before
    assert manifest.verified(station.images / image.name, station) == image


def test_what_a_killed_build_left_is_removed(station: Station, tree: Tree) -> None:
    (workspace.folder(station) / "work-dead/root").mkdir(parents=True)
    station.images.mkdir()
    (station.images / ".half-dead").mkdir()
    steps: list[str] = []
    image, _ = build.build(station, "core", on_step=steps.append)
    assert entries(station) == ["core-zh_CN", image.name]
    assert len([step for step in steps if "interrupted build" in step]) == 2
    assert len(tree.roles) == 1


def refused(station: Station, tree: Tree, expected: type[NetspringError], words: str) -> None:
    with pytest.raises(expected, match=words) as caught:
        build.build(station, "core")
    assert caught.value.hint
    assert tree.roles == []
    assert not list(station.images.glob("*"))


def test_not_root_is_refused(station: Station, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refused(station, tree, StationError, "needs root")


def test_too_little_space_is_refused_before_the_work(
    station: Station, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=10**12, used=10**12 - 10**9, free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    refused(station, tree, StationError, "953 MiB free")


def test_two_builds_at_once_are_refused(station: Station, tree: Tree) -> None:
    with workspace.only_one(station):
        refused(station, tree, RefusedError, "is building an image")


def test_the_failed_task_is_named() -> None:
    done = RunResult("r", Path("/r"), "failed", 2, (FAILED,))
    assert build.failure(done).startswith("Install the packages of every PC: E: Failed to fetch")


def test_a_failure_that_was_allowed_is_not_blamed() -> None:
    data = FAILED["event_data"] | {"ignore_errors": True}  # type: ignore[operator]
    event = {"event": "runner_on_failed", "event_data": data, "stdout": "the end"}
    assert build.failure(RunResult("r", Path("/r"), "failed", 2, (event,))) == "the end"


def test_an_image_of_other_inputs_is_not_taken(
    station: Station, put_image: Callable[..., Manifest]
) -> None:
    image = put_image("core")
    inputs = build.inputs_of("core", "zh_CN", "http://other.example/debian")
    (station.images / image.name).rename(station.images / inputs.name)
    assert build.up_to_date(station, inputs) is None
