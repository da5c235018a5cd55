"""Checking a room by itself: which machine is meant, and what it is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import playing
import pytest

from netspring_provision.errors import StationError
from netspring_provision.image.manifest import Manifest
from netspring_provision.steps import room as step
from netspring_provision.verdict import MachineVerdict

UUID = "4c4c4544-0000-1000-8000-000000000001"


def manifest(name: str) -> Manifest:
    return Manifest(
        1, name, "core", "zh_CN", "2026-01-01", "0" * 64, "trixie", {"bash": "1"}, "rootfs.zst",
        1, 1, "0" * 64, 4194304, ("0" * 64,), 1, 1,
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the checks were asked to compare with; the station has the image ``newest``."""
    found: dict[str, Any] = {}

    def verify_machines(_job: Any, names: Any, uuids: Any, images: Any) -> tuple[MachineVerdict]:
        found.update(names=names, uuids=uuids, images={n: i.name for n, i in images.items()})
        return ()  # type: ignore[return-value]

    def choice(job: Any, name: str | None, *, must_exist: bool = True) -> dict[str, Manifest]:
        found.update(must_exist=must_exist)
        return {h.name: manifest(name or "newest") for h in job.hosts if h.name != "pc3"}

    def find(_station: Any, name: str) -> Path:
        if name == "gone":
            raise StationError("no such image")
        return Path(name)

    monkeypatch.setattr(step, "verify_machines", verify_machines)
    monkeypatch.setattr(step, "image_choice", choice)
    monkeypatch.setattr(step.store, "find", find)
    monkeypatch.setattr(step.manifest, "verified", lambda path, _station: manifest(path.name))
    return found


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    made = playing.room(netspring_home, monkeypatch, count=2)
    made.ledger.append("identity", {"hostname": "pc1"}, machine=UUID, run_id="r")
    return made


def installed(room: playing.Room, image: str) -> None:
    room.ledger.append("install_started", {"image": image}, machine=UUID, run_id="r")


def test_a_machine_is_compared_with_the_image_it_was_given(
    room: playing.Room, asked: dict[str, Any]
) -> None:
    installed(room, "older")
    step.verify_room(room.job(), None)
    assert asked["images"] == {"pc1": "older", "pc2": "newest"}
    assert asked["uuids"] == {"pc1": UUID}
    assert asked["names"] == ("pc1", "pc2")
    assert asked["must_exist"] is False


def test_a_named_image_holds_for_all(room: playing.Room, asked: dict[str, Any]) -> None:
    installed(room, "older")
    step.verify_room(room.job(), "mine")
    assert asked["images"] == {"pc1": "mine", "pc2": "mine"}
    assert asked["must_exist"] is True


def test_an_image_that_is_gone_leaves_the_inventorys_choice(
    room: playing.Room, asked: dict[str, Any]
) -> None:
    installed(room, "gone")
    step.verify_room(room.job(), None)
    assert asked["images"]["pc1"] == "newest"


def test_nothing_to_compare_with_is_refused_by_name(
    netspring_home: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    made = playing.room(netspring_home, monkeypatch, count=3)
    with pytest.raises(StationError, match="pc3") as error:
        step.verify_room(made.job(), None)
    assert "--image" in str(error.value.hint)
    assert "names" not in asked


def test_the_inventorys_uuid_wins_over_the_record(room: playing.Room) -> None:
    host = playing.host("pc1", netspring_uuid="ABCD")
    assert step.uuid_of(room.job(), host) == "abcd"
    assert step.uuid_of(room.job(), playing.host("pc9")) is None
