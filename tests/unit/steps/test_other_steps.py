"""Inspect, plan, boot and job: each machine gets facts or a reason, and one never stops another."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import playing
import pytest
import samples

from netspring_provision import claims, consent, ssh
from netspring_provision.config import Station
from netspring_provision.errors import (
    MachineFailedError,
    RefusedError,
    StationError,
    UsageError,
)
from netspring_provision.lab import power
from netspring_provision.ledger import Ledger
from netspring_provision.steps import boot
from netspring_provision.steps import job as job_step
from netspring_provision.steps.inspect import enrol_machines, inspect_machines
from netspring_provision.steps.plan import keep, plan_key, plan_machines

UUID = samples.UUIDS["pc1"]


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    made = playing.room(netspring_home, monkeypatch)
    made.facts = {h.name: samples.facts(host=h.name) for h in made.hosts}
    monkeypatch.setattr(ssh, "enrol", lambda *_: None)
    return made


def test_every_machine_is_inspected(room: playing.Room) -> None:
    found = inspect_machines(room.job())
    assert [f.host for f in found.facts] == ["pc1", "pc2", "pc3"]
    assert found.missing == ()
    assert room.played == [("inspect", ["pc1", "pc2", "pc3"])]


def test_a_machine_that_does_not_enrol_is_not_played_and_the_others_are(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enrol(_: Station, address: str, *__: object) -> None:
        if address.endswith("2"):
            raise MachineFailedError("does not answer SSH", "is it switched on?")
        if address.endswith("3"):
            raise RefusedError("this station did not start it")

    monkeypatch.setattr(ssh, "enrol", enrol)
    found = inspect_machines(room.job())
    assert room.played == [("inspect", ["pc1"])]
    assert [f.host for f in found.facts] == ["pc1"]
    assert {m.host: m.reason for m in found.missing} == {
        "pc2": "does not answer SSH",
        "pc3": "this station did not start it",
    }


def test_where_none_answers_nothing_is_played(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enrol(*_: object) -> None:
        raise MachineFailedError("does not answer SSH")

    monkeypatch.setattr(ssh, "enrol", enrol)
    found = inspect_machines(room.job())
    assert room.played == []
    assert [m.host for m in found.missing] == ["pc1", "pc2", "pc3"]


def test_a_machine_that_is_lost_in_the_play_is_missing(room: playing.Room) -> None:
    del room.facts["pc2"]
    found = inspect_machines(room.job())
    assert [f.host for f in found.facts] == ["pc1", "pc3"]
    assert [m.reason for m in found.missing] == ["stopped answering: no route"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"system": None},
        {"system": []},
        {"live": "yes"},
        {"disks": None},
        {"disks": [{}]},
        {"disks": [None]},
        {"disks": {"sda": 1}},
        {"memory_bytes": "lots"},
        {"memory_bytes": None},
    ],
    ids=str,
)
def test_facts_that_cannot_be_understood_set_one_machine_aside(
    room: playing.Room, spoil: dict[str, Any]
) -> None:
    odd = dataclasses.replace(samples.facts(host="pc2"), raw=samples.payload(host="pc2") | spoil)
    room.facts["pc2"] = odd
    found = inspect_machines(room.job())
    assert [f.host for f in found.facts] == ["pc1", "pc3"]
    (missing,) = found.missing
    assert missing.host == "pc2"
    assert "cannot be understood" in missing.reason


def test_nobody_to_enrol_is_no_error(room: playing.Room) -> None:
    assert enrol_machines(dataclasses.replace(room.job(), hosts=())) == ()


def test_a_plan_is_kept_as_a_file_and_on_record(room: playing.Room) -> None:
    job = room.job()
    plan = plan_machines(job, inspect_machines(job))
    path = keep(job, plan)
    assert path.parent == room.station.plans
    assert consent.read(path, plan_key(job)) == plan
    (record,) = room.ledger.records(kind="plan")
    assert record.body["confirm"] == plan.confirm


def test_a_drive_that_is_failing_is_told_in_the_plan(room: playing.Room) -> None:
    room.facts["pc1"] = samples.facts(samples.disk("BAD", smart={"passed": False}))
    job = room.job()
    machines = {m.host: m for m in plan_machines(job, inspect_machines(job)).machines}
    (note,) = machines["pc1"].disks[0].notes
    assert note.code == "failing"
    assert "failing" in claims.words(note).en
    assert "快坏了" in claims.words(note).zh
    assert machines["pc2"].disks[0].notes == ()


def test_the_inventory_may_name_the_uuid(room: playing.Room) -> None:
    hosts = tuple(playing.host(h.name, netspring_uuid=UUID) for h in room.hosts)
    job = dataclasses.replace(room.job(), hosts=hosts)
    plan = plan_machines(job, inspect_machines(job))
    assert [m.host for m in plan.machines] == ["pc1"]
    assert [m.host for m in plan.refused] == ["pc2", "pc3"]


def identity(room: playing.Room, key: str = "ssh-ed25519 AAAA root@pc1") -> None:
    room.ledger.append("identity", {"ssh_host_keys": [key]}, machine=UUID)


@pytest.fixture
def rebooted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked for at which address; each machine says its name once it is up again."""
    asked: list[str] = []
    monkeypatch.setattr(
        ssh, "run_command", lambda _, address, *words: asked.append(f"{address}: {words[-1]}")
    )
    monkeypatch.setattr(ssh, "wait_for", lambda _, address, *__: f"pc{address[-1]}")
    return asked


def test_after_the_boot_the_recorded_key_is_the_known_one(
    room: playing.Room, rebooted: list[str]
) -> None:
    identity(room)
    after, troubles = boot.boot_own_disk(room.job(), {"pc1": UUID})
    assert troubles == {}
    assert rebooted == ["10.0.0.1: systemctl reboot --no-block"]
    assert room.station.known_hosts.read_text() == "10.0.0.1 ssh-ed25519 AAAA\n"
    assert [h.name for h in after.hosts] == ["pc1", "pc2", "pc3"]


@pytest.mark.usefixtures("rebooted")
def test_a_machine_without_install_on_record_is_not_trusted(room: playing.Room) -> None:
    _, troubles = boot.boot_own_disk(room.job(), {"pc1": UUID})
    assert "no install of this machine is on record" in troubles["pc1"]
    assert not room.station.known_hosts.exists()


@pytest.mark.usefixtures("rebooted")
@pytest.mark.parametrize("keys", [["rsa"], [""], [None], [{}]], ids=str)
def test_a_recorded_key_that_is_none_is_that_machines_trouble(
    room: playing.Room, keys: list[Any]
) -> None:
    room.ledger.append("identity", {"ssh_host_keys": keys}, machine=UUID)
    _, troubles = boot.boot_own_disk(room.job(), {"pc1": UUID})
    assert "pc1" in troubles


@pytest.mark.usefixtures("rebooted")
def test_another_machine_at_its_address_is_not_it(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity(room)
    monkeypatch.setattr(ssh, "wait_for", lambda *_: "pc9")
    _, troubles = boot.boot_own_disk(room.job(), {"pc1": UUID})
    assert "calls itself 'pc9'" in troubles["pc1"]


@pytest.mark.usefixtures("rebooted")
def test_one_machine_that_does_not_come_back_stops_no_other(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pc1", "pc2"):
        room.ledger.append(
            "identity", {"ssh_host_keys": ["ssh-ed25519 AA"]}, machine=samples.UUIDS[name]
        )

    def wait(_: Station, address: str, *__: object) -> str:
        if address.endswith("1"):
            raise MachineFailedError("did not let the station in within 420 s")
        return "pc2"

    monkeypatch.setattr(ssh, "wait_for", wait)
    both = {name: samples.UUIDS[name] for name in ("pc1", "pc2")}
    _, troubles = boot.boot_own_disk(room.job(), both)
    assert troubles == {"pc1": "did not let the station in within 420 s"}


def test_a_virtual_pc_is_switched_off_and_on_and_has_another_port(
    room: playing.Room, rebooted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity(room)
    told: list[str] = []
    monkeypatch.setattr(power, "stop", lambda *_, **__: told.append("off"))
    monkeypatch.setattr(
        power, "start", lambda *_, boot: told.append(boot) or SimpleNamespace(ssh_port=2209)
    )
    virtual = (playing.host("pc1", netspring_lab=True),)
    after, troubles = boot.boot_own_disk(
        dataclasses.replace(room.job(), hosts=virtual), {"pc1": UUID}
    )
    assert troubles == {}
    assert told == ["off", "disk"]
    assert rebooted == ["10.0.0.1: systemctl poweroff --no-block"]
    assert after.hosts[0].port == 2209
    assert room.station.known_hosts.read_text().startswith("[10.0.0.1]:2209 ")


def test_nobody_to_boot_is_no_error(room: playing.Room) -> None:
    job = room.job()
    assert boot.boot_own_disk(job, {}) == (job, {})


@pytest.fixture
def opened(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station whose inventory holds pc1 and pc2."""
    monkeypatch.setattr(Station, "ensure", lambda self: self)
    monkeypatch.setattr(job_step, "load", lambda *_: (playing.host("pc1"), playing.host("pc2")))
    monkeypatch.setattr(job_step, "inventory_path", Path)
    return Station(netspring_home)


def test_a_job_holds_its_machines_whatever_they_are_called(
    opened: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    with job_step.open_job(opened, "x", None) as first:
        same = (dataclasses.replace(playing.host("pc1"), name="donor-7"),)
        monkeypatch.setattr(job_step, "load", lambda *_: same)
        with (
            pytest.raises(RefusedError, match=f"donor-7 is being worked on by run {first.run_id}"),
            job_step.open_job(opened, "y", None),
        ):
            pytest.fail("held twice")
        with job_step.open_job(opened, "y", None, exclusive=False) as reading:
            assert reading.hosts == same


def test_a_virtual_pc_is_held_by_its_name(opened: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    virtual = playing.host("pc1", netspring_lab=True)
    monkeypatch.setattr(job_step, "load", lambda *_: (virtual,))
    with job_step.open_job(opened, "x", None):
        moved = (dataclasses.replace(virtual, port=2299),)
        monkeypatch.setattr(job_step, "load", lambda *_: moved)
        with pytest.raises(RefusedError), job_step.open_job(opened, "x", None):
            pytest.fail("held twice")


def test_with_an_altered_ledger_nothing_is_begun(
    opened: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def altered(_: Ledger) -> int:
        raise MachineFailedError("the ledger was altered at record 2")

    monkeypatch.setattr(Ledger, "check", altered)
    with (
        pytest.raises(MachineFailedError, match="altered at record 2"),
        job_step.open_job(opened, "x", None),
    ):
        pytest.fail("opened")


def test_a_bad_limit_opens_no_ledger(opened: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad(*_: object) -> None:
        raise UsageError("--limit is empty")

    monkeypatch.setattr(job_step, "load", bad)
    with pytest.raises(UsageError), job_step.open_job(opened, "x", ""):
        pytest.fail("opened")
    assert not opened.ledger.exists()


def test_a_home_that_cannot_be_written_is_a_station_error(opened: Station) -> None:
    opened.home.write_text("a file")
    with pytest.raises(StationError), job_step.open_job(opened, "x", None):
        pytest.fail("opened")


def test_a_job_knows_its_machines(room: playing.Room) -> None:
    assert room.job().host("pc2").address == "10.0.0.2"
    with pytest.raises(KeyError):
        room.job().host("pc9")
