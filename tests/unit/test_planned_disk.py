"""What the plan says of each disk: methods, claims, estimates, notes; all of it sealed."""

import dataclasses
import json

import entries
import pytest
import samples

from netspring_provision import consent
from netspring_provision.methods import Policy
from netspring_provision.model import Limit, ReadBack, Requirement


def test_samples_only_by_policy_and_in_the_plan() -> None:
    (full,) = samples.plan().machines[0].disks
    assert (full.verify.mode, full.verify.pitch_bytes) == ("full", None)
    (some,) = samples.plan(policy=Policy(sampled_percent=10)).machines[0].disks
    assert some.verify == ReadBack("sampled", 10 << 20, 1 << 20)
    assert [limit.code for limit in some.claim.limits] == ["reallocated", "sampled"]
    with pytest.raises(ValueError, match="percent"):
        samples.plan(policy=Policy(sampled_percent=0.1))


def test_every_method_of_the_plan_has_its_claim_and_its_estimate() -> None:
    ssd = samples.disk("S", medium="ssd", sanitize={"block": True, "crypto": True})
    (disk,) = samples.plan(samples.facts(ssd)).machines[0].disks
    assert (disk.method, *disk.fallback) == tuple(disk.media_claims) == tuple(disk.estimates)
    assert disk.claim == disk.media_claims["ata_sanitize_block"]
    assert disk.claim.level == "Purge technique (device-reported)"
    assert {disk.media_claims[m].level for m in disk.fallback} == {"Clear"}
    assert disk.estimate_seconds == disk.estimates["ata_sanitize_block"]


def test_a_warning_stands_first_among_the_notes_of_its_disk() -> None:
    warnings = {"A": Limit("failing", "197: 12 sectors")}
    (machine,) = samples.plan(
        samples.facts(samples.disk("A"), samples.disk("B", path="/dev/sdb")), warnings=warnings
    ).machines
    assert machine.disks[0].notes == (Limit("failing", "197: 12 sectors"),)
    assert machine.disks[1].notes == ()


def test_the_boot_areas_of_an_emmc_are_erased_and_never_installed_to() -> None:
    parts = [
        samples.disk(f"M{end}", path=f"/dev/mmcblk0{end}", bus="mmc", medium="flash", hpa=None)
        for end in ("boot0", "boot1", "")
    ]
    (machine,) = samples.plan(samples.facts(*parts)).machines
    assert len(machine.disks) == 3
    assert machine.install_disk == "M"


def test_nvme_is_formatted_only_where_it_says_it_can() -> None:
    able = samples.disk("A", bus="nvme", medium="ssd", nvme={"secure_erase": True})
    unable = samples.disk("B", bus="nvme", medium="ssd", nvme={"secure_erase": False})
    unknown = samples.disk("C", bus="nvme", medium="ssd", nvme=None)
    (machine,) = samples.plan(samples.facts(able, unable, unknown)).machines
    assert [(d.method, d.fallback) for d in machine.disks] == [
        ("nvme_format", ("overwrite",)),
        ("overwrite", ()),
        ("overwrite", ()),
    ]


def test_no_more_is_claimed_than_the_method_reaches() -> None:
    (machine,) = samples.plan(
        samples.facts(
            samples.disk("A"),
            samples.disk("B", medium="ssd"),
            samples.disk("C", medium="unknown"),
            samples.disk("D", hpa=None, native_bytes=None),
        )
    ).machines
    assert [d.claim.level for d in machine.disks] == ["Clear"] * 4
    assert [[limit.code for limit in d.claim.limits] for d in machine.disks] == [
        ["reallocated"],
        ["spare_area", "reallocated"],
        ["spare_area", "reallocated"],
        ["reallocated", "hpa_unknown"],
    ]


def test_all_that_is_planned_is_sealed_and_read_again() -> None:
    """Every word of a plan stands in its body, which the seal covers, and comes back the same."""
    policy = Policy(
        usb_serials=frozenset({"stick"}),
        ata_secure_erase=True,
        hdd_sanitize=True,
        remove_hpa=True,
        unfreeze=True,
        sampled_percent=10,
    )
    disks = [
        samples.disk(name, **({"path": f"/dev/{name}"} | facts))
        for name, facts in entries.FACTS.items()
    ]
    plan = samples.plan(
        samples.facts(*disks), policy=policy, warnings={"hdd": Limit("failing", "x")}
    )
    body = consent.body_of(plan)
    for raw, disk in zip(body["machines"][0]["disks"], plan.machines[0].disks, strict=True):
        assert set(raw) == {field.name for field in dataclasses.fields(disk)}
        assert set(raw["media_claims"]) == {disk.method, *disk.fallback}
    assert consent.plan_from(json.loads(consent.canonical(body))) == plan


def test_a_planned_disk_is_the_disk_of_the_facts() -> None:
    raw = samples.disk("S", medium="ssd", native_bytes=161 * samples.GB, logical_block=4096)
    raw |= {"dco": {"revision": 2, "real_sectors": 40_000_000}}
    policy = Policy(remove_hpa=True, sampled_percent=50)
    (disk,) = samples.plan(samples.facts(raw), policy=policy).machines[0].disks
    for field in ("path", "serial", "wwn", "size_bytes", "native_bytes", "model", "bus", "medium"):
        assert getattr(disk, field) == raw[field]
    assert disk.unfreeze is False
    assert disk.opt_in is False
    # The overlay is held against what is erased, hidden part included, in the drive's own sectors.
    (limit,) = [x for x in disk.claim.limits if x.code == "dco_hidden"]
    assert limit.detail == f"{40_000_000 * 4096 - 161 * samples.GB} bytes"
    in_full = samples.plan(samples.facts(raw), policy=Policy(remove_hpa=True)).machines[0].disks[0]
    assert disk.estimates["overwrite"] < in_full.estimates["overwrite"]


def test_a_frozen_drive_is_planned_to_be_thawed_only_by_flag() -> None:
    frozen = {"block": True, "overwrite": False, "crypto": False, "frozen": True}
    raw = samples.disk("S", medium="ssd", sanitize=frozen)
    for unfreeze in (False, True):
        policy = Policy(unfreeze=unfreeze)
        (disk,) = samples.plan(samples.facts(raw), policy=policy).machines[0].disks
        assert disk.unfreeze is unfreeze
        assert (disk.method == "ata_sanitize_block") is unfreeze


def test_a_planned_machine_is_the_machine_of_the_facts() -> None:
    facts = samples.facts(samples.disk("RO", read_only=True), samples.disk("A", path="/dev/sdb"))
    (machine,) = samples.plan(facts).machines
    assert (machine.host, machine.uuid, machine.serial) == ("pc1", facts.uuid, facts.serial)
    assert (machine.vendor, machine.product) == ("LENOVO", "2082CTO")
    assert machine.boot_id == "boot-pc1"
    assert [d.serial for d in machine.disks] == ["A"]  # the one refused before it stops nothing
    assert [d.serial for d in machine.refused] == ["RO"]


def test_the_image_goes_to_a_disk_that_is_large_enough_when_all_of_it_is_shown() -> None:
    hidden = samples.disk("H", native_bytes=161 * samples.GB)
    small = samples.disk("S", path="/dev/sdb", medium="ssd", size_bytes=samples.GB, hpa=None)
    small |= {"native_bytes": None}
    need = {"pc1": Requirement("lite", 161 * samples.GB, 1)}
    facts = samples.facts(small, hidden)
    (machine,) = samples.plan(facts, policy=Policy(remove_hpa=True), requirements=need).machines
    assert machine.install_disk == "H"
    assert samples.plan(facts, requirements=need).machines == ()
