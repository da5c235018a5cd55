"""Sealing: on record before and after, nobody begun who may not be, nothing claimed unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import playing
import pytest
import samples

from netspring_provision import door, ssh
from netspring_provision.door import Door
from netspring_provision.errors import MachineFailedError, StationError
from netspring_provision.ledger import Ledger
from netspring_provision.steps import seal as step

Told = Callable[[str], list[dict[str, Any]]]


class Bench:
    """A station with three installed and verified machines, each by its port and its answers."""

    def __init__(self, room: playing.Room) -> None:
        self.room = room
        self.closed: set[str] = set()
        self.silent: set[str] = set()
        self.off: set[str] = set()
        self.told: dict[str, Told] = {}
        for host in room.hosts:
            self.verified(host.name)

    def verified(self, name: str) -> None:
        uuid, add = samples.UUIDS[name], self.room.ledger.append
        key = {"ssh_host_keys": ["ssh-ed25519 AAAA root"]}
        add("install_started", {"host": name, "image": "core-1"}, machine=uuid)
        add("identity", {"hostname": name, "asset_tag": name, **key}, machine=uuid)
        add("bootloader", {}, machine=uuid)
        machine = {"machine_uuid": uuid, "machine_asset_tag": name}
        body = {"host": name, "passed": True, "image": "core-1", "machine": machine}
        add("verify", body, machine=uuid)

    def answer(self, name: str, **changes: Any) -> dict[str, Any]:
        told = {"kind": "seal", "outcome": "sealed", "uuid": samples.UUIDS[name], "asset_tag": name}
        return told | changes

    def seals(self, name: str) -> list[dict[str, Any]]:
        """It seals itself and says so."""
        self.closed.add(name)
        return [samples.event(name, result=self.answer(name)), samples.stats((name,))]

    def breaks_off(self, name: str) -> list[dict[str, Any]]:
        """It seals itself, and the connection ends before its answer."""
        self.closed.add(name)
        gone = samples.event(name, "runner_on_unreachable", msg="Connection refused")
        return [gone, samples.stats(dark={name: 1})]

    def refuses(self, name: str) -> list[dict[str, Any]]:
        """It refuses on the machine."""
        result = {"kind": "seal", "outcome": "refused", "reason": "port 80 is open"}
        failed = samples.event(name, "runner_on_failed", msg="refused: port 80", result=result)
        return [failed, samples.stats(failures={name: 1})]

    def enters(self, address: str) -> bool:
        name = f"pc{address[-1]}"
        return not {name} & (self.closed | self.silent | self.off)

    def knock(self, address: str, _: int) -> Door:
        name = f"pc{address[-1]}"
        if name in self.off | self.silent:
            return Door.SILENT
        return Door.CLOSED if name in self.closed else Door.OPEN

    def kinds(self, name: str) -> list[str]:
        found = self.room.ledger.records(machine=samples.UUIDS[name])
        return [record.kind for record in found][4:]


@pytest.fixture
def bench(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(playing.room(netspring_home, monkeypatch))

    def said(_: playing.Room, playbook: str, name: str, __: Any) -> list[dict[str, Any]]:
        assert playbook == "seal"
        return made.told.get(name, made.seals)(name)

    def wait_for(_: object, address: str, *__: object) -> str:
        if not made.enters(address):
            raise MachineFailedError(f"{address} did not let the station in")
        return f"pc{address[-1]}"

    def run_command(_: object, address: str, *__: object) -> str:
        if not made.enters(address):
            raise MachineFailedError("refused")
        return ""

    monkeypatch.setattr(playing.Room, "_said", said)
    monkeypatch.setattr(ssh, "wait_for", wait_for)
    monkeypatch.setattr(ssh, "run_command", run_command)
    monkeypatch.setattr(door, "knock", made.knock)
    monkeypatch.setattr(step, "PAUSE_SECONDS", 0)
    return made


def standings(bench: Bench, *names: str) -> dict[str, str]:
    return {one.host: str(one.standing) for one in step.seal_machines(bench.room.job(*names))}


def test_all_are_sealed_and_on_record(bench: Bench) -> None:
    assert standings(bench) == dict.fromkeys(("pc1", "pc2", "pc3"), "sealed")
    assert bench.room.played == [("seal", ["pc1", "pc2", "pc3"])]
    assert bench.kinds("pc1") == ["seal_started", "seal"]
    record = bench.room.ledger.last("seal", samples.UUIDS["pc1"])
    assert record
    assert record.body["sealed"] is True
    assert record.body["asset_tag"] == "pc1"
    assert (record.body["door"], record.body["key_login"]) == ("closed", False)
    assert bench.room.given == [{"seal_station_key": "ssh-ed25519 AAAA station"}]
    assert bench.room.hostvars[0]["pc2"] == {
        "seal_uuid": samples.UUIDS["pc2"],
        "seal_hostname": "pc2",
        "seal_asset_tag": "pc2",
    }


def test_a_second_run_does_nothing(bench: Bench) -> None:
    standings(bench)
    count = bench.room.ledger.check()
    assert standings(bench) == dict.fromkeys(("pc1", "pc2", "pc3"), "already sealed")
    assert bench.room.ledger.check() == count
    assert len(bench.room.played) == 1


def test_who_may_not_be_sealed_is_not_touched_and_the_others_are(bench: Bench) -> None:
    bench.room.ledger.append("wipe_started", {"disks": []}, machine=samples.UUIDS["pc2"])
    assert standings(bench) == {"pc1": "sealed", "pc2": "refused", "pc3": "sealed"}
    assert bench.room.played == [("seal", ["pc1", "pc3"])]
    assert bench.kinds("pc2") == ["wipe_started"]


def test_a_machine_that_is_off_is_not_begun(bench: Bench) -> None:
    bench.off = {"pc1"}
    (found,) = step.seal_machines(bench.room.job("pc1"))
    assert found.standing == "failed"
    assert found.reason
    assert "nothing was changed" in found.reason.en
    assert found.detail == "10.0.0.1 did not let the station in"
    assert bench.room.played == []
    assert bench.kinds("pc1") == []


def test_no_answer_is_never_sealed_however_often_it_is_asked(bench: Bench) -> None:
    bench.told["pc1"] = bench.breaks_off
    assert standings(bench, "pc1") == {"pc1": "unknown"}
    assert bench.kinds("pc1") == ["seal_started", "seal"]
    assert standings(bench, "pc1") == {"pc1": "unknown"}
    (found,) = step.seal_machines(bench.room.job("pc1"))
    assert found.mend
    assert "Ctrl+Alt+F2" in found.mend.en
    assert [name for _, name in bench.room.played] == [["pc1"]]


def test_killed_before_the_end_was_on_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(step, "_play", killed)
        with pytest.raises(KeyboardInterrupt):
            step.seal_machines(bench.room.job("pc1"))
    assert bench.kinds("pc1") == ["seal_started"]
    assert standings(bench, "pc1") == {"pc1": "sealed"}, "it still lets the station in"
    assert bench.kinds("pc1") == ["seal_started", "seal_started", "seal"]


def test_its_word_and_silence_are_not_enough_but_count_once_it_is_heard(bench: Bench) -> None:
    def seals_and_loses_its_cable(name: str) -> list[dict[str, Any]]:
        bench.silent = {name}
        return bench.seals(name)

    bench.told["pc1"] = seals_and_loses_its_cable
    assert standings(bench, "pc1") == {"pc1": "unknown"}
    bench.silent = set()
    assert standings(bench, "pc1") == {"pc1": "sealed"}
    assert len(bench.room.played) == 1
    assert standings(bench, "pc1") == {"pc1": "already sealed"}


def test_a_refusal_of_the_machine_changes_nothing(bench: Bench) -> None:
    bench.told["pc1"] = bench.refuses
    (found,) = step.seal_machines(bench.room.job("pc1"))
    assert found.standing == "refused"
    assert found.detail == "refused: port 80"
    assert standings(bench, "pc1") == {"pc1": "refused"}


def test_a_machine_that_lies_is_found_out(bench: Bench) -> None:
    bench.told["pc1"] = lambda name: [
        samples.event(name, result=bench.answer(name)),
        samples.stats((name,)),
    ]
    assert standings(bench, "pc1") == {"pc1": "failed"}


def test_what_cannot_be_put_on_record_is_not_begun(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StationError("the ledger cannot be written")

    monkeypatch.setattr(Ledger, "append", full)
    with pytest.raises(StationError):
        step.seal_machines(bench.room.job("pc1"))
    assert bench.room.played == []
