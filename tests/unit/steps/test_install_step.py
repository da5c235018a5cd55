"""No machine is installed beside a disk that is not on record as erased."""

import dataclasses
from typing import Any

import playing
import pytest
import samples

from netspring_provision.errors import RefusedError, StationError
from netspring_provision.image.manifest import Manifest
from netspring_provision.model import Facts
from netspring_provision.steps.install import KINDS, gate, install_machines
from netspring_provision.steps.job import Job
from netspring_provision.steps.wipe import wipe_machines

GIB = 1 << 30
TWO_DISKS = samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb"))
IMAGE = Manifest(
    schema=1,
    name="lite-zh_CN-01234567",
    profile="lite",
    locale="zh_CN",
    created="2026-01-01T00:00:00+00:00",
    inputs_sha256="0" * 64,
    suite="trixie",
    packages={},
    file="rootfs.ext4.zst",
    compressed_bytes=1,
    raw_bytes=1,
    raw_sha256="0" * 64,
    chunk_bytes=1,
    chunks=("0" * 64,),
    minimum_disk_bytes=8 * GIB,
    minimum_memory_bytes=GIB,
)


@pytest.fixture
def room(netspring_home: Any, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    made = playing.room(netspring_home, monkeypatch)
    made.install = installed
    playing.images_and_live(made, monkeypatch)
    return made


def installed(name: str, *kinds: str) -> list[dict[str, Any]]:
    told = [samples.event(name, result={"kind": kind, "of": name}) for kind in kinds or KINDS]
    return [*told, samples.stats((name,))]


def install(room: playing.Room, *machines: Facts) -> dict[str, str | None]:
    found = machines or tuple(room.facts.values())
    results = install_machines(room.job(), found, {m.host: IMAGE for m in found})
    assert sorted(r.host for r in results) == sorted(m.host for m in found)
    return {r.host: r.reason for r in results}


def wipe(room: playing.Room, *machines: Facts) -> None:
    plan = room.plan(*machines)
    wipe_machines(room.job(*(m.host for m in machines)), plan, plan.confirm)


def installs(room: playing.Room) -> list[list[str]]:
    return [names for playbook, names in room.played if playbook == "install"]


def test_a_wiped_machine_is_installed_and_on_record(room: playing.Room) -> None:
    wipe(room, samples.facts())
    assert install(room) == {"pc1": None}
    assert installs(room) == [["pc1"]]
    kinds = [r.kind for r in room.ledger.records(machine=samples.UUIDS["pc1"])]
    wiped = ["wipe_started", "wipe", "erasure"]
    assert kinds == [*wiped, "install_started", "image", "identity", "bootloader"]
    given = room.hostvars[-1]["pc1"]
    assert given["image_deploy_disk"] == {"serial": "WD-pc1", "size_bytes": 160 * samples.GB}
    assert given["image_deploy_url"].endswith("/images/lite-zh_CN-01234567")
    assert given["machine_identity_hostname"] == "pc1"


def test_a_clock_that_was_off_is_said(room: playing.Room) -> None:
    def with_clock(name: str) -> list[dict[str, Any]]:
        events = installed(name)
        clock = {"was_off_seconds": 0, "rtc_was_off_seconds": 28800 if name == "pc1" else -60}
        image = {"kind": "image", "of": name, "clock": clock | {"system": "right", "rtc": "set"}}
        return [samples.event(name, result=image), *events[1:]]

    room.install = with_clock
    machines = (samples.facts(), samples.facts(host="pc2"))
    wipe(room, *machines)
    said: list[str] = []
    job = dataclasses.replace(room.job(), say=said.append)
    done = install_machines(job, machines, {m.host: IMAGE for m in machines})
    assert [result.reason for result in done] == [None, None]
    said = [line for line in said if "its clock was" in line]
    assert len(said) == 1
    assert "pc1: its clock was +28800 s off the station's (system right, rtc set)" in said[0]


def speaking(room: playing.Room, **variables: str) -> Job:
    job = room.job()
    hosts = (dataclasses.replace(host, vars={**host.vars, **variables}) for host in job.hosts)
    return dataclasses.replace(job, hosts=tuple(hosts))


def test_the_room_says_language_time_zone_and_keys(room: playing.Room) -> None:
    wipe(room, samples.facts())
    image = dataclasses.replace(IMAGE, locales=("fr_FR", "zh_CN"))
    job = speaking(
        room,
        netspring_locale="fr_FR",
        netspring_timezone="Africa/Bujumbura",
        netspring_keyboard="us:intl",
    )
    (done,) = install_machines(job, (samples.facts(),), {"pc1": image})
    assert done.reason is None
    given = room.hostvars[-1]["pc1"]
    assert given["machine_identity_locale"] == "fr_FR"
    assert given["machine_identity_timezone"] == "Africa/Bujumbura"
    assert given["machine_identity_keyboard"] == "us:intl"


def test_a_language_that_the_image_does_not_hold_is_refused(room: playing.Room) -> None:
    wipe(room, samples.facts())
    job = speaking(room, netspring_locale="fr_FR")
    (done,) = install_machines(job, (samples.facts(),), {"pc1": IMAGE})
    assert done.refused
    assert "is to speak fr_FR, and the image lite-zh_CN-01234567 holds zh_CN" in (done.reason or "")
    assert installs(room) == []


def bootloader(room: playing.Room, serial: str, machine: str = "pc1") -> None:
    body = {"disk": {"serial": serial, "path": "/dev/sda"}}
    room.ledger.append("bootloader", body, machine=samples.UUIDS[machine], run_id="r")


def kept(room: playing.Room, machine: Facts) -> str | None:
    (result,) = install_machines(room.job(), (machine,), {"pc1": IMAGE}, keep_home=True)
    return result.reason


def test_a_reset_puts_the_system_on_anew_and_leaves_the_childrens_files(room: playing.Room) -> None:
    wipe(room, samples.facts())
    bootloader(room, "WD-pc1")
    room.ledger.append("seal", {"sealed": True}, machine=samples.UUIDS["pc1"], run_id="r")
    (result,) = install_machines(room.job(), (samples.facts(),), {"pc1": IMAGE}, keep_home=True)
    assert (result.reason, result.was_sealed) == (None, True)
    given = room.hostvars[-1]["pc1"]
    assert (given["image_deploy_keep_home"], given["image_deploy_force"]) == (True, True)
    bootloader(room, "WD-pc1")
    assert kept(room, samples.facts()) is None, "a second reset is one, too"


def test_a_usual_installation_keeps_nothing(room: playing.Room) -> None:
    wipe(room, samples.facts())
    assert install(room) == {"pc1": None}
    assert not {"image_deploy_keep_home", "image_deploy_force"} & set(room.hostvars[-1]["pc1"])


@pytest.mark.parametrize(
    ("serials", "then"),
    [
        ((), ()),
        (("WD-other",), ()),
        (("WD-pc1",), ("wipe_started",)),
        (("WD-pc1", "WD-other"), ()),
    ],
    ids=["never installed", "on another disk", "wiped since", "on another disk since"],
)
def test_no_files_are_kept_that_this_station_did_not_leave_there(
    room: playing.Room, serials: tuple[str, ...], then: tuple[str, ...]
) -> None:
    for serial in serials:
        bootloader(room, serial)
    for kind in then:
        room.ledger.append(kind, {"disks": []}, machine=samples.UUIDS["pc1"], run_id="r")
    said = kept(room, samples.facts())
    assert "must be the one it was installed on" in (said or "")
    assert "nothing was changed" in (said or "")
    assert installs(room) == []


def test_no_files_are_kept_beside_a_second_disk(room: playing.Room) -> None:
    bootloader(room, "A")
    assert "serial B" in (kept(room, TWO_DISKS) or "")
    assert installs(room) == []


def refused(room: playing.Room, machine: Facts, words: str) -> None:
    """This machine is refused and never played; a good one beside it is installed."""
    good = samples.facts(host="pc3")
    wipe(room, good)
    results = install(room, machine, good)
    assert words in (results[machine.host] or "")
    assert results["pc3"] is None
    assert installs(room) == [["pc3"]]
    with pytest.raises(RefusedError):
        gate(room.job(), machine)
    started = room.ledger.records(kind="install_started")
    assert [r.body["host"] for r in started] == ["pc3"]


def test_no_record_no_install(room: playing.Room) -> None:
    refused(room, samples.facts(), "WD-pc1) is not on record as erased")


def test_one_disk_without_record_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts(samples.disk("A")))
    refused(room, TWO_DISKS, "/dev/sdb (serial B)")


def test_one_disk_that_failed_no_install(room: playing.Room) -> None:
    room.answers["pc1"] = playing.with_disks(A="erased", B="EIO")
    wipe(room, TWO_DISKS)
    refused(room, TWO_DISKS, "/dev/sdb (serial B)")


@pytest.mark.parametrize(
    ("kind", "body"), [("verify", {"passed": True}), ("seal_started", {}), ("seal", {})]
)
def test_handed_over_since_no_install(room: playing.Room, kind: str, body: dict[str, Any]) -> None:
    machine = samples.facts()
    wipe(room, machine)
    room.ledger.append(kind, body, machine=samples.UUIDS["pc1"])
    refused(room, machine, "/dev/sda (serial WD-pc1) is not on record as erased since its PC was")
    wipe(room, machine)
    assert install(room, machine) == {"pc1": None}


def test_checks_that_failed_do_not_hand_over(room: playing.Room) -> None:
    wipe(room, samples.facts())
    room.ledger.append("verify", {"passed": False}, machine=samples.UUIDS["pc1"])
    assert install(room) == {"pc1": None}


def test_a_later_failed_wipe_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts())
    room.answers["pc1"] = playing.with_disks(**{"WD-pc1": "EIO"})
    wipe(room, samples.facts())
    refused(room, samples.facts(), "not on record as erased")


def test_a_later_wipe_without_end_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts())
    room.answers["pc1"] = playing.unreachable
    wipe(room, samples.facts())
    refused(room, samples.facts(), "not on record as erased")


def test_a_disk_put_in_after_the_wipe_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts(samples.disk("A")))
    stick = samples.disk("STICK", path="/dev/sdc", bus="usb", removable=True)
    refused(room, samples.facts(samples.disk("A"), stick), "STICK")


def test_a_disk_without_serial_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts(samples.disk("A")))
    refused(
        room, samples.facts(samples.disk("A"), samples.disk(None, path="/dev/sdb")), "serial none"
    )


def test_a_disk_erased_in_another_pc_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts(samples.disk("A"), host="pc2"))
    refused(room, samples.facts(samples.disk("A")), "not on record as erased")


@pytest.mark.parametrize(
    "change", [{"live_marker": False}, {"live_token_sha256": None}, {"live_token_sha256": "f" * 64}]
)
def test_outside_the_live_environment_no_install(
    room: playing.Room, change: dict[str, Any]
) -> None:
    wipe(room, samples.facts())
    refused(room, dataclasses.replace(samples.facts(), **change), "live environment")


@pytest.mark.parametrize("kind", ["remapped_nvme", "no_driver"])
def test_beside_a_disk_that_cannot_be_seen_no_install(room: playing.Room, kind: str) -> None:
    """All that is seen is erased, and still a donor's disk may be in there."""
    wipe(room, samples.facts())
    hiding = samples.facts(hidden_disks=[{"kind": kind, "count": 1, "detail": "PCI 0:17.0"}])
    refused(room, hiding, "cannot be seen (PCI 0:17.0)" if kind == "no_driver" else "PCI 0:17.0")


def test_without_uuid_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts())
    refused(room, dataclasses.replace(samples.facts(), uuid=None), "not on record as erased")


def test_without_any_disk_no_install(room: playing.Room) -> None:
    wipe(room, samples.facts())
    bare = dataclasses.replace(samples.facts(), disks=())
    assert "no disk" in (install(room, bare)["pc1"] or "")
    assert installs(room) == []


def test_without_a_live_environment_to_send_nothing_begins(
    room: playing.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: object) -> None:
        raise StationError("the live environment is not built yet")

    wipe(room, samples.facts())
    monkeypatch.setattr("netspring_provision.live.show", missing)
    with pytest.raises(StationError):
        install(room)
    assert installs(room) == []
    assert room.ledger.records(kind="install_started") == []


def test_a_machine_that_stops_answering_fails_and_the_others_are_installed(
    room: playing.Room,
) -> None:
    both = (samples.facts(), samples.facts(host="pc2"))
    wipe(room, *both)
    room.install = lambda name: (
        installed(name)
        if name == "pc2"
        else [samples.event(name, "runner_on_unreachable", msg="timed out")]
    )
    assert install(room, *both) == {"pc1": "stopped answering: timed out", "pc2": None}


@pytest.mark.parametrize("missing", KINDS)
def test_a_good_end_without_a_report_of_each_part_is_a_failure(
    room: playing.Room, missing: str
) -> None:
    wipe(room, samples.facts())
    kinds = [kind for kind in KINDS if kind != missing]
    room.install = lambda name: installed(name, *kinds)
    assert install(room) == {"pc1": f"it reported nothing about its {missing}"}
