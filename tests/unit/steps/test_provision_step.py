"""The whole job: resumable after any step, and no machine of it is forgotten."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import playing
import pytest
import samples
from test_install_step import IMAGE, installed

from netspring_provision import ssh
from netspring_provision.errors import MachineFailedError, RefusedError
from netspring_provision.model import Plan, Step
from netspring_provision.ssh import HostKey
from netspring_provision.steps import provision
from netspring_provision.steps.provision import Progressed, provision_machines
from netspring_provision.steps.wipe import wipe_machines


class Workshop:
    """What happens to machines after the install, as far as the job can see it."""

    def __init__(self, room: playing.Room) -> None:
        self.room = room
        self.live = {host.address for host in room.hosts}
        self.off: set[str] = set()
        self.booted: list[str] = []
        self.checked: list[str] = []
        self.passes = True

    def enrol(self, _: Any, address: str, *__: Any) -> HostKey | None:
        if address in self.off:
            raise MachineFailedError(f"{address} does not answer SSH")
        return HostKey("ssh-ed25519", "LIVE") if address in self.live else None

    def boot(self, job: Any, uuids: dict[str, str]) -> tuple[Any, dict[str, str]]:
        self.booted += uuids
        self.live -= {job.host(name).address for name in uuids}
        return job, {}

    def verify(self, job: Any, names: tuple[str, ...], uuids: dict[str, str], _: Any) -> Any:
        self.checked += names
        for name in names:
            job.ledger.append("verify", {"passed": self.passes}, machine=uuids[name])
        return [SimpleNamespace(host=n, passed=self.passes, reason=None) for n in names]


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    made = playing.room(netspring_home, monkeypatch, count=2)
    made.install = good_install
    playing.images_and_live(made, monkeypatch)
    return made


def good_install(name: str) -> list[dict[str, Any]]:
    told = installed(name)
    told[1]["event_data"]["res"]["netspring_result"]["ssh_host_keys"] = ["ssh-ed25519 AAAA"]
    return told


@pytest.fixture
def workshop(room: playing.Room, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop(room)
    monkeypatch.setattr(ssh, "enrol", made.enrol)
    monkeypatch.setattr(provision, "boot_own_disk", made.boot)
    monkeypatch.setattr(provision, "verify_machines", made.verify)
    return made


def run(room: playing.Room, plan: Plan) -> dict[str, Progressed]:
    images = {host.name: IMAGE for host in room.hosts}
    return {r.host: r for r in provision_machines(room.job(), plan, plan.confirm, images)}


def playbooks(room: playing.Room) -> list[str]:
    return [playbook for playbook, _ in room.played]


def test_all_of_it(room: playing.Room, workshop: Workshop) -> None:
    rows = run(room, room.plan())
    assert all(row.good for row in rows.values())
    assert playbooks(room) == ["wipe", "inspect", "install"]
    assert workshop.booted == workshop.checked == ["pc1", "pc2"]


def test_a_second_run_on_finished_machines_is_refused(
    room: playing.Room, workshop: Workshop
) -> None:
    plan = room.plan()
    run(room, plan)
    room.played.clear()
    workshop.checked.clear()
    with pytest.raises(RefusedError, match="carried out in full"):
        run(room, plan)
    assert room.played == []
    assert workshop.checked == []


def test_a_machine_that_the_plan_refused_is_not_forgotten(
    room: playing.Room, workshop: Workshop
) -> None:
    plan = room.plan(samples.facts(), samples.facts(samples.disk(None), host="pc2"))
    rows = run(room, plan)
    assert rows["pc1"].good
    assert not rows["pc2"].good
    assert "no serial" in (rows["pc2"].reason or "")
    assert workshop.checked == ["pc1"]


def test_a_disk_that_failed_keeps_its_machine_from_the_install(
    room: playing.Room, workshop: Workshop
) -> None:
    room.answers["pc2"] = playing.with_disks(**{"WD-pc2": "EIO"})
    rows = run(room, room.plan())
    assert rows["pc2"].reason == "wipe: /dev/sda failed: EIO"
    assert ("install", ["pc1"]) in room.played
    assert Step.INSTALL not in rows["pc2"].steps
    assert workshop.checked == ["pc1"]


def test_after_a_wipe_only_the_install_is_left(room: playing.Room, workshop: Workshop) -> None:
    plan = room.plan()
    wipe_machines(room.job(), plan, plan.confirm)
    room.played.clear()
    assert all(row.good for row in run(room, plan).values())
    assert playbooks(room) == ["inspect", "install"]
    assert workshop.checked == ["pc1", "pc2"]


@pytest.mark.parametrize("still_live", [True, False])
def test_after_an_install_a_machine_is_booted_only_if_it_was_not(
    room: playing.Room, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, still_live: bool
) -> None:
    plan = room.plan()

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(provision, "boot_own_disk", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(room, plan)
    if not still_live:
        workshop.live.clear()
    room.played.clear()
    rows = run(room, plan)
    assert all(row.good for row in rows.values())
    assert room.played == []
    assert workshop.booted == (["pc1", "pc2"] if still_live else [])
    assert room.station.known_hosts.exists() is not still_live


def test_an_installed_machine_that_is_silent_now_stops_no_other(
    room: playing.Room, workshop: Workshop
) -> None:
    plan = room.plan()
    workshop.passes = False
    run(room, plan)
    workshop.passes = True
    workshop.off = {"10.0.0.1"}
    rows = run(room, plan)
    assert rows["pc1"].reason == "verify: 10.0.0.1 does not answer SSH"
    assert rows["pc2"].good


def test_another_machine_at_the_address_after_the_wipe_is_not_installed(
    room: playing.Room, workshop: Workshop
) -> None:
    plan = room.plan()
    raw = samples.payload(host="pc1")
    room.facts["pc1"] = samples.Facts.from_payload(
        "pc1", raw | {"system": raw["system"] | {"uuid": samples.UUIDS["pc9"]}}
    )
    rows = run(room, plan)
    assert "another machine answers there" in (rows["pc1"].reason or "")
    assert ("install", ["pc2"]) in room.played
    assert workshop.checked == ["pc2"]


def test_a_failed_check_is_no_success(room: playing.Room, workshop: Workshop) -> None:
    workshop.passes = False
    rows = run(room, room.plan())
    assert not any(row.good for row in rows.values())


@pytest.mark.usefixtures("workshop")
def test_without_the_phrase_nothing_happens(room: playing.Room) -> None:
    plan = room.plan()
    before = room.ledger.records()
    for typed in (None, "", "yes"):
        with pytest.raises(RefusedError):
            provision_machines(room.job(), plan, typed, {})
    assert room.played == []
    assert room.ledger.records() == before
