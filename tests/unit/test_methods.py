"""Each medium gets the methods its device says it has, and no fallback has a stronger claim."""

from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from netspring_provision.claims import CLEAR, PURGE, RANK, level_of
from netspring_provision.methods import (
    SECURITY,
    Policy,
    estimate_seconds,
    frozen,
    methods_for,
    needs_unfreeze,
    notes_for,
)
from netspring_provision.model import Disk, ReadBack
from netspring_provision.proof import METHODS

ALL = {"block": True, "overwrite": True, "crypto": True}
THAWED = {"supported": True, "enabled": False, "locked": False, "frozen": False, "enhanced": True}
EVERYTHING = Policy(ata_secure_erase=True, hdd_sanitize=True, remove_hpa=True, unfreeze=True)


def disk(**changes: Any) -> Disk:
    return Disk.from_facts(samples.disk("A", **changes))


SATA_SSD = {"bus": "sata", "medium": "ssd"}
NVME = {"bus": "nvme", "medium": "ssd"}
ALL_NVME = {f"sanitize_{kind}": True for kind in ALL} | {"secure_erase": True, "crypto_erase": True}


@pytest.mark.parametrize(
    ("facts", "policy", "methods"),
    [
        pytest.param({"sanitize": ALL, "security": THAWED}, Policy(), [], id="hdd"),
        pytest.param(
            {"sanitize": ALL}, Policy(hdd_sanitize=True), ["ata_sanitize_overwrite"], id="hdd+s"
        ),
        pytest.param(
            {"security": THAWED},
            Policy(ata_secure_erase=True),
            ["ata_security_erase_enhanced"],
            id="hdd+ase",
        ),
        pytest.param(
            SATA_SSD | {"sanitize": ALL, "security": THAWED},
            Policy(),
            ["ata_sanitize_block", "ata_sanitize_crypto"],
            id="ssd",
        ),
        pytest.param(
            SATA_SSD | {"sanitize": ALL, "security": THAWED},
            Policy(ata_secure_erase=True),
            ["ata_sanitize_block", "ata_sanitize_crypto", "ata_security_erase_enhanced"],
            id="ssd+ase",
        ),
        pytest.param(
            SATA_SSD | {"sanitize": None, "security": THAWED | {"enhanced": False}},
            Policy(ata_secure_erase=True),
            ["ata_security_erase"],
            id="ssd without sanitize and enhanced",
        ),
        pytest.param(
            SATA_SSD | {"sanitize": {"block": False, "overwrite": True, "crypto": False}},
            EVERYTHING,
            ["ata_security_erase_enhanced"],
            id="ssd: its sanitize overwrite is not used",
        ),
        pytest.param(SATA_SSD | {"security": None}, EVERYTHING, [], id="ssd without security"),
        pytest.param(
            NVME | {"nvme": ALL_NVME},
            Policy(),
            ["nvme_sanitize_block", "nvme_sanitize_crypto", "nvme_format", "nvme_format_crypto"],
            id="nvme",
        ),
        pytest.param(
            NVME | {"nvme": {"secure_erase": True, "sanitize_crypto": True}},
            Policy(),
            ["nvme_sanitize_crypto", "nvme_format"],
            id="nvme without block erase",
        ),
        pytest.param(NVME | {"nvme": {"secure_erase": "yes"}}, Policy(), [], id="nvme, odd answer"),
        pytest.param(NVME | {"nvme": None}, Policy(), [], id="nvme that does not answer"),
        pytest.param(
            {"bus": "scsi", "medium": "ssd", "sanitize": ALL},
            Policy(),
            ["scsi_sanitize_block", "scsi_sanitize_crypto"],
            id="sas ssd",
        ),
        pytest.param(
            {"bus": "scsi", "medium": "hdd", "sanitize": ALL},
            Policy(),
            ["scsi_sanitize_overwrite"],
            id="sas hdd",
        ),
        pytest.param(
            {"bus": "scsi", "sanitize": None}, Policy(), [], id="sas that does not answer"
        ),
        pytest.param(
            {"bus": "mmc", "medium": "flash", "mmc": {"secure_discard": True}},
            Policy(),
            ["discard_secure"],
            id="emmc",
        ),
        pytest.param({"bus": "mmc", "medium": "flash", "mmc": None}, Policy(), [], id="sd"),
        *(
            pytest.param(
                {"path": path, "bus": "mmc", "medium": "flash", "mmc": {"secure_discard": True}},
                Policy(),
                [],
                id=path,
            )
            for path in ("/dev/mmcblk0boot0", "/dev/mmcblk1boot1", "/dev/mmcblk0gp3")
        ),
        pytest.param(
            {"bus": "usb", "medium": "flash", "sanitize": ALL, "security": THAWED},
            EVERYTHING,
            [],
            id="usb: no password through a bridge, whatever the flags",
        ),
        pytest.param(
            {"bus": "usb", "medium": "ssd", "sanitize": ALL, "security": THAWED, "nvme": ALL_NVME},
            EVERYTHING,
            [],
            id="ssd behind usb",
        ),
        pytest.param({"bus": "virtio", "medium": "unknown"}, EVERYTHING, [], id="virtio"),
    ],
)
def test_methods_of_a_medium(facts: dict[str, Any], policy: Policy, methods: list[str]) -> None:
    assert methods_for(disk(**facts), policy) == (*methods, "overwrite")


bools = st.sampled_from([True, True, False, None])
any_disk = st.builds(
    disk,
    bus=st.sampled_from([*["sata"] * 6, "nvme", "scsi", "virtio", "usb", "mmc", "unknown"]),
    medium=st.sampled_from(["hdd", "ssd", "flash", "unknown"]),
    sanitize=st.none()
    | st.fixed_dictionaries(
        {"block": bools, "overwrite": bools, "crypto": bools}, optional={"frozen": bools}
    ),
    security=st.none()
    | st.fixed_dictionaries(
        dict.fromkeys(("supported", "enabled", "locked", "frozen", "enhanced"), bools)
    ),
    nvme=st.none() | st.fixed_dictionaries(dict.fromkeys(ALL_NVME, bools)),
    mmc=st.none() | st.fixed_dictionaries({"secure_discard": bools}),
)
any_policy = st.builds(
    Policy,
    ata_secure_erase=st.booleans(),
    hdd_sanitize=st.booleans(),
    remove_hpa=st.booleans(),
    unfreeze=st.booleans(),
)


@given(any_disk, any_policy)
def test_a_fallback_never_has_a_stronger_claim_and_overwrite_is_last(
    one: Disk, policy: Policy
) -> None:
    methods = methods_for(one, policy)
    ranks = [RANK[level_of(one.medium, m)] for m in methods]
    assert ranks == sorted(ranks, reverse=True)
    assert methods[-1] == "overwrite"
    assert len(set(methods)) == len(methods)
    assert set(methods) <= METHODS


@given(any_disk, any_policy)
def test_passwords_only_by_flag_on_sata_and_thawed_or_to_be_thawed(
    one: Disk, policy: Policy
) -> None:
    for method in set(methods_for(one, policy)) & set(SECURITY):
        assert policy.ata_secure_erase
        assert one.bus == "sata"
        assert one.security.supported
        assert one.security.frozen is False or needs_unfreeze(one, policy)
        assert any(
            n.code == "password_set" for n in notes_for(one, methods_for(one, policy), policy)
        )
        assert (method == "ata_security_erase_enhanced") == one.security.enhanced


@given(any_disk, any_policy)
def test_a_machine_is_suspended_only_by_flag_and_for_a_frozen_method(
    one: Disk, policy: Policy
) -> None:
    if needs_unfreeze(one, policy):
        assert policy.unfreeze
        assert any(frozen(one, m) for m in methods_for(one, policy))
    else:
        assert not any(frozen(one, m) for m in methods_for(one, policy))


@given(any_disk)
def test_without_flags_no_password_no_suspend_and_nothing_unhidden(one: Disk) -> None:
    methods = methods_for(one, Policy())
    assert not set(methods) & set(SECURITY)
    assert not needs_unfreeze(one, Policy())
    assert {n.code for n in notes_for(one, methods, Policy())} <= {"sanitize_frozen"}


def test_a_frozen_drive_is_told_and_overwritten() -> None:
    one = disk(
        **SATA_SSD,
        sanitize=ALL | {"frozen": True},
        security=THAWED | {"frozen": True},
    )
    policy = Policy(ata_secure_erase=True)
    assert methods_for(one, policy) == ("overwrite",)
    codes = [n.code for n in notes_for(one, ("overwrite",), policy)]
    assert codes == ["security_frozen", "sanitize_frozen"]


def test_with_unfreeze_a_frozen_drive_gets_its_methods() -> None:
    one = disk(**SATA_SSD, sanitize=ALL | {"frozen": True}, security=THAWED | {"frozen": True})
    policy = Policy(ata_secure_erase=True, unfreeze=True)
    methods = methods_for(one, policy)
    assert methods[0] == "ata_sanitize_block"
    assert "ata_security_erase_enhanced" in methods
    assert [n.code for n in notes_for(one, methods, policy)] == ["will_suspend", "password_set"]


def test_a_security_state_that_is_not_known_counts_as_frozen() -> None:
    assert frozen(disk(security=THAWED | {"frozen": None}), "ata_security_erase")
    assert not frozen(disk(security=THAWED | {"frozen": None}), "ata_sanitize_block")


def test_what_is_hidden_is_told_before_it_is_unhidden() -> None:
    one = disk(native_bytes=161 * samples.GB)
    (note,) = notes_for(one, ("overwrite",), Policy(remove_hpa=True))
    assert (note.code, note.detail) == ("will_unhide", "1000000000 bytes")
    assert notes_for(one, ("overwrite",), Policy()) == ()


def test_levels_by_medium_and_method() -> None:
    """The whole table, spelled out: everything that is not named here is Clear."""
    purges = {
        ("ssd", "ata_sanitize_block"),
        ("ssd", "nvme_sanitize_block"),
        ("ssd", "scsi_sanitize_block"),
        ("hdd", "ata_sanitize_overwrite"),
        ("hdd", "scsi_sanitize_overwrite"),
    }
    for medium in ("hdd", "ssd", "flash", "unknown"):
        for method in METHODS:
            assert level_of(medium, method) == (PURGE if (medium, method) in purges else CLEAR)
        assert level_of(medium, "shred") == "none"


@pytest.mark.parametrize(
    ("method", "facts", "seconds"),
    [
        ("overwrite", {}, 200),
        ("ata_sanitize_overwrite", {}, 300),
        ("ata_security_erase_enhanced", {}, 200 + 62 * 60),
        ("ata_security_erase", {}, 200 + 60 * 60),
        ("ata_security_erase", {"security": {"supported": True}}, 300),
        ("ata_sanitize_block", {}, 320),
    ],
    ids=lambda x: str(x)[:40],
)
def test_each_method_has_its_own_estimate(method: str, facts: dict[str, Any], seconds: int) -> None:
    one = disk(size_bytes=6 * samples.GB, native_bytes=None, **facts)
    assert estimate_seconds(one, method) == seconds


def test_samples_take_less_and_hidden_parts_more_time() -> None:
    one = disk(size_bytes=6 * samples.GB, native_bytes=None)
    assert estimate_seconds(one, "overwrite", ReadBack("sampled", 10 << 20, 1 << 20)) == 110
    assert (
        estimate_seconds(disk(size_bytes=6 * samples.GB, native_bytes=12 * samples.GB), "overwrite")
        == 400
    )


@pytest.mark.parametrize(
    ("bus", "medium", "seconds"),
    [
        ("usb", "ssd", 400),
        ("nvme", "ssd", 14),
        ("sata", "ssd", 40),
        ("sata", "hdd", 200),
        ("mmc", "flash", 800),
        ("virtio", "of tomorrow", 200),
    ],
)
def test_how_fast_a_disk_is_follows_bus_and_medium(bus: str, medium: str, seconds: int) -> None:
    one = disk(bus=bus, medium=medium, size_bytes=6 * samples.GB, native_bytes=None)
    assert estimate_seconds(one, "overwrite") == seconds
