from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from netspring_provision.cli import run
from netspring_provision.errors import StationError, UsageError
from netspring_provision.room import new, validate_room
from netspring_provision.room.new import new_room


def make(folder: Path, name: str = "room-1", **changes: object) -> Path:
    values: dict[str, object] = {
        "profile": "lite",
        "locale": "zh_CN",
        "machines": {"pc-01": "10.0.0.1"},
    }
    return new_room(folder, name, **{**values, **changes})


def test_a_new_room_is_valid_and_holds_what_was_asked(tmp_path: Path) -> None:
    folder = make(tmp_path, machines={"pc-01": "10.0.0.1", "pc-02": "1234"})
    validate_room(folder)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["all.yml", "hosts.yml"]
    assert yaml.safe_load((folder / "hosts.yml").read_text()) == {
        "all": {
            "hosts": {
                "pc-01": {"ansible_host": "10.0.0.1", "netspring_asset_tag": "PC-01"},
                "pc-02": {"ansible_host": "1234", "netspring_asset_tag": "PC-02"},
            }
        }
    }
    assert yaml.safe_load((folder / "group_vars/all.yml").read_text()) == {
        "netspring_profile": "lite",
        "netspring_locale": "zh_CN",
    }
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_room_without_machines_is_valid(tmp_path: Path) -> None:
    validate_room(make(tmp_path, machines={}))


@pytest.mark.parametrize("kind", ["room", "empty folder", "file", "dangling link"])
def test_what_is_there_is_never_changed(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "room-1"
    if kind == "room":
        make(tmp_path)
        (target / "hosts.yml").write_text("mine\n")
    elif kind == "empty folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine\n")
    else:
        target.symlink_to(tmp_path / "nowhere")
    before = sorted((p, p.is_file() and p.read_text()) for p in tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is there already"):
        make(tmp_path)
    assert sorted((p, p.is_file() and p.read_text()) for p in tmp_path.rglob("*")) == before


def test_a_room_that_appears_meanwhile_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "room-1"

    def appear(_folder: Path) -> None:
        target.mkdir()
        (target / "hosts.yml").write_text("theirs\n")

    monkeypatch.setattr(new, "validate_room", appear)
    with pytest.raises(UsageError, match="is there already"):
        make(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["room-1"]
    assert (target / "hosts.yml").read_text() == "theirs\n"


@pytest.mark.parametrize("name", ["", "../up", "Room", "a/b", ".hidden", "-x", "a" * 64, "房间"])
def test_a_bad_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a room's name"):
        make(tmp_path / "inventories", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("machine", ["PC 1", "pc\n01", "a: b", "-x"])
def test_a_bad_machine_is_refused_and_nothing_is_left(tmp_path: Path, machine: str) -> None:
    with pytest.raises(UsageError):
        make(tmp_path, machines={machine: "10.0.0.1"})
    assert list(tmp_path.iterdir()) == []


def test_addresses_cannot_write_yaml_of_their_own(tmp_path: Path) -> None:
    address = "x' \n      netspring_profile: core"
    folder = make(tmp_path, machines={"pc-01": address.replace("\n", " ")})
    data = yaml.safe_load((folder / "hosts.yml").read_text())
    assert set(data["all"]["hosts"]["pc-01"]) == {"ansible_host", "netspring_asset_tag"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StationError, match="cannot write"):
        make(tmp_path / "file")


def test_the_command_writes_below_inventories_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    argv = ["room", "new", "room-1", "--profile", "lite", "--machine", "pc-01=10.0.0.1", "--json"]
    assert run(argv) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["path"] == str(tmp_path / "inventories" / "room-1")
    validate_room(tmp_path / "inventories" / "room-1")
    assert run(argv) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [
        ["--machine", "pc-01"],
        ["--machine", "=10.0.0.1"],
        ["--machine", "a=1", "--machine", "a=2"],
        ["--profile", "heavy"],
        ["--locale", "zh"],
    ],
)
def test_a_wrong_option_ends_2_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["room", "new", "room-1", "--profile", "lite", *more]) == 2
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - also what is hidden
