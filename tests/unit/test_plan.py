"""Every disk and every machine ends exactly once: planned, or refused with a way out."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from netspring_provision.methods import Policy, estimate_seconds
from netspring_provision.model import (
    Disk,
    Facts,
    Plan,
    RefusedMachine,
    Requirement,
)
from netspring_provision.plan import (
    LIFETIME,
    confirm_phrase,
    install_target,
    make_plan,
)

GIB = 1 << 30
BUSES = ("sata", "nvme", "scsi", "virtio", "usb", "mmc", "unknown")
USES = [{"kind": kind, "detail": "x"} for kind in ("mounted", "swap", "lvm", "raid", "boot")]


def mostly(good: Any, *odd: Any) -> st.SearchStrategy[Any]:
    """One thing wrong at a time, as a rule: else nothing would ever be planned."""
    return st.sampled_from([good] * 20 + list(odd))


SIZE = 160 * samples.GB
serials = st.sampled_from([f"S{n}" for n in range(1, 300)]) | mostly("S30", None, "", "0", "S1")
disks = st.builds(
    samples.disk,
    serials,
    path=st.sampled_from(["/dev/sda", "/dev/sdb", "/dev/nvme0n1", "/dev/vda"]),
    bus=mostly("sata", *BUSES),
    medium=st.sampled_from(["hdd", "ssd", "flash", "unknown"]),
    size_bytes=mostly(SIZE, 0, 1, 8 * GIB),
    native_bytes=mostly(SIZE, None, 8 * GIB),
    read_only=mostly(False, True, None),
    removable=st.booleans(),
    uses=mostly([], USES[:1], USES),
    hpa=mostly({"present": False}, None, {"present": True}, {"present": None}),
    security=mostly(None, {"locked": True}, {"locked": None}, {"enabled": True}),
    sanitize=st.sampled_from([None, {"block": True}, {"overwrite": True, "crypto": True}]),
    nvme=st.sampled_from([None, {"secure_erase": True}, {"crypto_erase": False}]),
)


@st.composite
def machines(draw: st.DrawFn) -> Facts:
    """A machine that may be anything, named anew by the caller."""
    raw = samples.payload(token=draw(mostly(samples.TOKEN, "another")))
    raw["disks"] = draw(st.lists(disks, min_size=draw(mostly(1, 0)), max_size=4))
    raw["live"]["marker"] = draw(mostly(True, False))
    raw["system"]["firmware"] = draw(st.sampled_from(["bios", "uefi"]))
    raw["memory_bytes"] = draw(mostly(4 * GIB, GIB))
    return Facts.from_payload("anybody", raw)


@st.composite
def rooms(draw: st.DrawFn) -> tuple[Facts, ...]:
    found = []
    for n, machine in enumerate(draw(st.lists(machines(), min_size=1, max_size=5)), 1):
        uuid = draw(mostly(samples.UUIDS[f"pc{n}"], None, samples.UUIDS["pc1"]))
        system = machine.raw["system"] | {"uuid": uuid}
        found.append(Facts.from_payload(f"pc{n}", {**machine.raw, "system": system}))
    return tuple(found)


needs = st.sampled_from([None, Requirement("lite", 8 * GIB, 2 * GIB)])


def planned(room: tuple[Facts, ...], need: Requirement | None, usb: tuple[str, ...] = ()) -> Plan:
    return make_plan(
        room,
        now=samples.NOW,
        plan_id="p",
        inventory="lab",
        token_sha256=samples.TOKEN_SHA256,
        requirements={m.host: need for m in room} if need else None,
        policy=Policy(usb_serials=frozenset(usb)),
    )


@given(rooms(), needs)
def test_every_machine_ends_exactly_once(room: tuple[Facts, ...], need: Requirement | None) -> None:
    plan = planned(room, need)
    ended = [m.host for m in plan.machines] + [m.host for m in plan.refused]
    assert Counter(ended) == Counter(m.host for m in room)


@given(rooms(), needs, st.sampled_from([(), ("S1", "S2", "S3")]))
def test_every_disk_of_a_planned_machine_ends_exactly_once(
    room: tuple[Facts, ...], need: Requirement | None, usb: tuple[str, ...]
) -> None:
    plan = planned(room, need, usb)
    by_host = {m.host: m for m in room}
    for machine in plan.machines:
        ended = [(d.path, d.serial) for d in machine.disks]
        ended += [(d.path, d.serial) for d in machine.refused]
        assert Counter(ended) == Counter((d.path, d.serial) for d in by_host[machine.host].disks)


@given(rooms(), needs, st.sampled_from([(), ("S1", "S2", "S3")]))
def test_what_is_planned_may_be_destroyed(
    room: tuple[Facts, ...], need: Requirement | None, usb: tuple[str, ...]
) -> None:
    plan = planned(room, need, usb)
    by_host = {m.host: m for m in room}
    everywhere = Counter(d.serial for m in room for d in m.disks)
    for machine in plan.machines:
        origin = by_host[machine.host]
        assert origin.live_marker
        assert origin.live_token_sha256 == samples.TOKEN_SHA256
        assert machine.uuid == origin.uuid
        assert sum(1 for m in room if m.uuid == machine.uuid) == 1
        for disk in machine.disks:
            (raw,) = [d.raw for d in origin.disks if d.serial == disk.serial]
            for field in ("path", "wwn", "size_bytes", "native_bytes", "model", "bus", "medium"):
                assert getattr(disk, field) == raw[field]
            assert disk.serial.strip(" 0")
            assert everywhere[disk.serial] == 1
            assert not raw["uses"]
            assert raw["read_only"] is False
            assert disk.size_bytes == raw["size_bytes"] > 0
            assert raw["native_bytes"] in (None, raw["size_bytes"])
            assert (raw["security"] or {}).get("enabled") is not True
            assert (raw["hpa"] or {}).get("present") is not True
            assert (raw["security"] or {}).get("locked") is not True
            assert disk.bus not in ("usb", "unknown") or disk.serial in usb


def test_these_rooms_do_have_disks_to_erase() -> None:
    """Rules for what is planned are worth nothing where nothing ever is."""
    planned_disks = []

    @settings(max_examples=100, database=None, derandomize=True)
    @given(rooms())
    def look(room: tuple[Facts, ...]) -> None:
        planned_disks.append(sum(len(m.disks) for m in planned(room, None).machines))

    look()
    assert sum(1 for count in planned_disks if count) >= 20


@given(rooms(), needs)
def test_every_refusal_says_why_and_the_way_out(
    room: tuple[Facts, ...], need: Requirement | None
) -> None:
    plan = planned(room, need)
    for refused in (*plan.refused, *(d for m in plan.machines for d in m.refused)):
        assert refused.reason
        assert refused.hint


@given(rooms(), needs)
def test_there_is_a_phrase_exactly_when_something_is_destroyed(
    room: tuple[Facts, ...], need: Requirement | None
) -> None:
    plan = planned(room, need)
    assert bool(plan.confirm) == any(m.disks for m in plan.machines)


@given(rooms(), needs)
def test_the_image_goes_only_to_a_disk_that_is_erased_and_fits(
    room: tuple[Facts, ...], need: Requirement | None
) -> None:
    for machine in planned(room, need).machines:
        if machine.install_disk is not None:
            (disk,) = [d for d in machine.disks if d.serial == machine.install_disk]
            assert disk.size_bytes >= (need.minimum_disk_bytes if need else 0)


def refusal(machine: Facts, **options: Any) -> RefusedMachine:
    plan = samples.plan(machine, **options)
    assert plan.machines == ()
    assert plan.confirm == ""
    (refused,) = plan.refused
    assert refused.host == machine.host
    return refused


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"marker": False}, "not running the live environment"),
        ({"token_sha256": None}, "not running the live environment"),
        ({"token_sha256": "f" * 64}, "another station"),
    ],
    ids=str,
)
def test_a_machine_not_in_our_live_environment_is_refused(live: dict[str, Any], words: str) -> None:
    raw = samples.payload()
    machine = Facts.from_payload("pc1", raw | {"live": raw["live"] | live})
    refused = refusal(machine)
    assert words in refused.reason
    assert "boot it from the live environment" in refused.hint


def test_a_machine_without_uuid_is_refused() -> None:
    raw = samples.payload()
    machine = Facts.from_payload("pc1", raw | {"system": raw["system"] | {"uuid": None}})
    assert "no UUID" in refusal(machine).reason


def test_two_machines_with_one_uuid_are_both_refused_and_a_third_goes_on() -> None:
    raw = samples.payload(host="pc2")
    twin = raw | {"system": raw["system"] | {"uuid": samples.UUIDS["pc1"]}}
    plan = samples.plan(samples.facts(), Facts.from_payload("pc2", twin), samples.facts(host="pc3"))
    assert [m.host for m in plan.refused] == ["pc1", "pc2"]
    assert [m.host for m in plan.machines] == ["pc3"]


def test_another_pc_than_the_inventory_expects_is_refused() -> None:
    refused = refusal(samples.facts(), expected_uuids={"pc1": samples.UUIDS["pc2"]})
    assert samples.UUIDS["pc2"] in refused.reason
    assert samples.UUIDS["pc1"] in refused.reason


def test_the_expected_uuid_may_be_in_capitals() -> None:
    plan = samples.plan(samples.facts(), expected_uuids={"pc1": samples.UUIDS["pc1"].upper()})
    assert plan.refused == ()


def test_a_disk_without_serial_refuses_its_whole_machine_and_no_other() -> None:
    plan = samples.plan(
        samples.facts(samples.disk("A"), samples.disk(None, path="/dev/sdb")),
        samples.facts(host="pc2"),
    )
    assert [m.host for m in plan.machines] == ["pc2"]
    assert "/dev/sdb" in plan.refused[0].reason
    assert "no serial" in plan.refused[0].reason


def test_one_serial_twice_refuses_both_machines_and_no_third() -> None:
    plan = samples.plan(
        samples.facts(samples.disk("SAME")),
        samples.facts(samples.disk("SAME"), host="pc2"),
        samples.facts(host="pc3"),
    )
    assert [m.host for m in plan.refused] == ["pc1", "pc2"]
    assert all("SAME" in m.reason for m in plan.refused)
    assert [m.host for m in plan.machines] == ["pc3"]


def test_a_serial_is_a_duplicate_even_of_a_disk_that_is_refused_itself() -> None:
    raw = samples.payload(samples.disk("SAME"), host="pc2")
    dead = Facts.from_payload("pc2", raw | {"live": raw["live"] | {"marker": False}})
    plan = samples.plan(samples.facts(samples.disk("SAME")), dead)
    assert plan.machines == ()


def test_too_little_memory_is_refused_before_any_wipe() -> None:
    need = {"pc1": Requirement("studio", GIB, 4 * GIB)}
    refused = refusal(samples.facts(), requirements=need)
    assert "2.0 GiB of memory" in refused.reason
    assert "studio" in refused.reason


def test_too_small_a_disk_is_refused_before_any_wipe() -> None:
    need = {"pc1": Requirement("lite", 200 * samples.GB, GIB)}
    assert "no disk of it is large enough" in refusal(samples.facts(), requirements=need).reason


def test_a_machine_without_disks_is_refused() -> None:
    assert "no disk" in refusal(Facts.from_payload("pc1", samples.payload() | {"disks": []})).reason


def test_a_plan_lives_thirty_minutes_by_the_stations_clock() -> None:
    plan = samples.plan()
    assert dt.timedelta(minutes=30) == LIFETIME
    assert plan.created == "2026-03-01T09:00:00+00:00"
    assert plan.expires == "2026-03-01T09:30:00+00:00"


def test_a_plan_says_whose_it_is() -> None:
    plan = samples.plan(plan_id="p", inventory="lab")
    assert (plan.plan_id, plan.inventory) == ("p", "lab")
    assert plan.token_sha256 == samples.TOKEN_SHA256


def test_the_plan_promises_what_each_method_can_prove() -> None:
    ssd = samples.disk("SSD", medium="ssd", sanitize={"block": True, "crypto": True})
    (machine,) = samples.plan(samples.facts(ssd)).machines
    (disk,) = machine.disks
    promised = {method: claim.limits[0].code for method, claim in disk.media_claims.items()}
    assert promised == {
        "ata_sanitize_block": "device_word",
        "ata_sanitize_crypto": "crypto_unproven",
        "overwrite": "spare_area",
    }


def test_the_image_never_goes_to_a_usb_disk_even_one_that_is_erased() -> None:
    usb = Policy(usb_serials=frozenset({"STICK"}))
    assert install_target(samples.facts(samples.disk("STICK", bus="usb")), policy=usb) is None


def test_the_phrase_names_the_machine_and_counts_the_disks() -> None:
    one = samples.plan().confirm
    assert one.startswith("ERASE 1 DISK OF pc1 ")
    two = samples.plan(samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb")))
    assert two.confirm.startswith("ERASE 2 DISKS OF pc1 ")
    room = samples.plan(samples.facts(), samples.facts(host="pc2"))
    assert room.confirm.startswith("ERASE 2 DISKS OF 2 MACHINES ")


@settings(derandomize=True)  # four digits of a hash may be equal for two plans, once in 65536
@given(st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=1, max_size=5, unique=True))
def test_the_phrase_is_bound_to_the_serials_and_the_plan(serials: list[str]) -> None:
    def phrase(chosen: list[str], plan_id: str) -> str:
        disks = [samples.disk(s, path=f"/dev/sd{n}") for n, s in enumerate(chosen)]
        return samples.plan(samples.facts(*disks), plan_id=plan_id).confirm

    assert phrase(serials, "p1") == phrase(serials[::-1], "p1")
    assert phrase(serials, "p1") != phrase(serials, "p2")
    assert phrase(serials, "p1") != phrase([*serials[:-1], "Z" + serials[-1]], "p1")


def test_no_machine_no_phrase() -> None:
    assert confirm_phrase((), "p") == ""


@pytest.mark.parametrize(
    ("firmware", "chosen"), [("bios", "SATA-SSD"), ("uefi", "NVME")], ids=["bios", "uefi"]
)
def test_the_image_goes_where_the_firmware_can_boot(firmware: str, chosen: str) -> None:
    raw = samples.payload(
        samples.disk("STICK", bus="usb", removable=True),
        samples.disk("HDD", path="/dev/sdb"),
        samples.disk("SATA-SSD", path="/dev/sdc", medium="ssd"),
        samples.disk("NVME", path="/dev/nvme0n1", bus="nvme", medium="ssd"),
    )
    raw["system"]["firmware"] = firmware
    target = install_target(Facts.from_payload("pc1", raw))
    assert target is not None
    assert target.serial == chosen


def test_the_estimate_counts_a_write_and_a_read_pass() -> None:
    disk = Disk.from_facts(samples.disk(size_bytes=60_000_000 * 100, native_bytes=None))
    assert estimate_seconds(disk, "overwrite") == 200
    tiny = Disk.from_facts(samples.disk(size_bytes=1, native_bytes=None))
    assert estimate_seconds(tiny, "overwrite") == 1
