"""Never more is said than the evidence holds, and less evidence never says more."""

import itertools
import re
from pathlib import Path
from typing import Any

import entries
import pytest
import samples
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netspring_provision import claims
from netspring_provision.checks.catalogue import Words
from netspring_provision.claims import CLEAR, NONE, PURGE, RANK, claim_of, level_of, weaker
from netspring_provision.model import Claim, Limit, PlannedDisk
from netspring_provision.outcome import evidence_gap
from netspring_provision.proof import FIRMWARE, METHODS, WITH_STATUS

SSD = entries.PLANNED["ssd"]
NVME = entries.PLANNED["nvme"]


def said(planned: PlannedDisk, entry: dict[str, Any], method: str | None = None) -> Claim:
    return claim_of(planned.medium, planned.bus, method or str(entry.get("method")), entry)


def codes(claim: Claim) -> list[str]:
    return [limit.code for limit in claim.limits]


@pytest.mark.parametrize("kind", entries.PLANNED)
def test_what_is_proven_as_planned_is_said_as_planned(kind: str) -> None:
    planned = entries.PLANNED[kind]
    claim = said(planned, samples.erased(planned))
    assert claim == planned.claim == planned.media_claims[planned.method]
    assert not weaker(claim, planned.claim)


@pytest.mark.parametrize("kind", entries.PLANNED)
def test_a_fallback_gets_its_own_claim_and_says_why(kind: str) -> None:
    planned = entries.PLANNED[kind]
    for method in planned.fallback:
        failed = samples.attempt(planned.method, rc=5, error="the drive said no")
        entry = samples.erased(planned, method=method, attempts=[failed, *samples.attempts(method)])
        assert evidence_gap(planned, entry) is None
        claim = said(planned, entry)
        assert claim.level == planned.media_claims[method].level
        assert RANK[claim.level] <= RANK[planned.claim.level]
        assert set(planned.media_claims[method].limits) < set(claim.limits)
        (why,) = [limit for limit in claim.limits if limit.code == "fallback"]
        assert why.detail == f"{planned.method}: the drive said no"
        assert weaker(claim, planned.claim)


STATES = ["completed", "in_progress", "failed", "never", "unknown", "COMPLETED", True, None]


@pytest.mark.parametrize("medium", ["hdd", "ssd", "flash", "unknown"])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_rung_of_the_evidence(medium: str, method: str) -> None:
    """Each combination of what may be wrong with an attempt, against the rule spelled out here."""
    firmware, told = method in FIRMWARE, method in WITH_STATUS
    bus = claims.BUSES.get(method.split("_")[0], "sata")
    for state, changed, rc, error, passed, read in itertools.product(
        STATES, (33, 32, None, True), (0, 1, None), (None, "no"), (True, False), (True, False)
    ):
        attempt = samples.attempt(
            method, rc=rc, error=error, canaries_changed=changed, status_after={"state": state}
        )
        closing = samples.attempt("overwrite", rc=0 if passed else 1)
        entry = samples.erased(
            SSD,
            bus=bus,
            medium=medium,
            method=method,
            attempts=[attempt, closing] if firmware else [attempt],
            verify=samples.read_back(SSD) | ({} if read else {"nonzero": 1}),
        )
        good = rc == 0 and error is None and read
        good = good and (changed is not True and changed == 33 and passed if firmware else True)
        good = good and (state == "completed" if told else True)
        level = claim_of(medium, bus, method, entry).level
        assert level == (level_of(medium, method) if good else NONE)


def test_a_purge_needs_the_drives_own_word_afterwards() -> None:
    for status in (None, "completed", [], {}, {"State": "completed"}, {"state": ["completed"]}):
        attempts = [
            samples.attempt(SSD.method, status_after=status),
            samples.attempt("overwrite"),
        ]
        claim = said(SSD, samples.erased(SSD, attempts=attempts))
        assert claim.level == NONE


def test_a_success_of_before_is_no_success_of_now() -> None:
    stale = samples.attempt(SSD.method, rc=0, status_before={"state": "completed"})
    stale["canaries_changed"] = 0
    entry = samples.erased(SSD, attempts=[stale, samples.attempt("overwrite")])
    assert said(SSD, entry).level == NONE
    assert said(SSD, entry | {"method": "overwrite"}).level == CLEAR


def test_a_firmware_erase_without_the_pass_of_zeros_says_nothing() -> None:
    assert said(SSD, samples.erased(SSD, attempts=[samples.attempt(SSD.method)])).level == NONE
    turned = [samples.attempt("overwrite"), samples.attempt(SSD.method)]
    assert said(SSD, samples.erased(SSD, attempts=turned)).level == NONE


def test_an_overwrite_is_never_sold_as_a_purge() -> None:
    entry = samples.erased(SSD, method="overwrite", attempts=samples.attempts("overwrite"))
    assert said(SSD, entry).level == CLEAR
    assert claim_of("ssd", "sata", SSD.method, entry).level == NONE


def test_the_claim_is_for_the_medium_that_was_planned() -> None:
    entry = samples.erased(SSD)
    assert claim_of("hdd", "sata", SSD.method, entry).level == NONE
    assert claim_of("ssd", "nvme", SSD.method, entry).level == NONE


def test_a_method_of_another_bus_is_not_believed() -> None:
    own = {"ata": "sata", "nvme": "nvme", "scsi": "scsi", "discard": "mmc"}
    for method in METHODS:
        for bus in ("sata", "nvme", "scsi", "mmc", "usb", "virtio", "unknown"):
            entry = samples.erased(SSD, bus=bus, method=method, attempts=samples.attempts(method))
            fits = own.get(method.split("_")[0], bus) == bus
            level = claim_of("ssd", bus, method, entry).level
            assert level == (level_of("ssd", method) if fits else NONE)


@pytest.mark.parametrize("medium", ["hdd", "ssd", "flash", "unknown"])
def test_behind_usb_everything_may_be_flash(medium: str) -> None:
    stick = entries.PLANNED["stick"]
    claim = claim_of(medium, "usb", "overwrite", samples.erased(stick, medium=medium))
    assert codes(claim) == ["spare_area", "reallocated", "usb_bridge"]


@pytest.mark.parametrize(
    ("bus", "method", "limit"),
    [
        ("sata", "overwrite", "hpa_unknown"),
        ("scsi", "overwrite", "hpa_unknown"),
        ("scsi", "scsi_sanitize_block", "hpa_unknown"),
        ("unknown", "overwrite", "hpa_unknown"),
        ("nvme", "overwrite", "nvme_unallocated"),
        ("nvme", "nvme_format", "nvme_unallocated"),
        ("nvme", "nvme_sanitize_block", None),
        ("virtio", "overwrite", None),
        ("mmc", "overwrite", None),
        ("usb", "overwrite", "usb_bridge"),
    ],
)
def test_what_may_be_out_of_sight_is_said(bus: str, method: str, limit: str | None) -> None:
    sights = {"hpa_unknown", "nvme_unallocated", "usb_bridge"}
    made = {"bus": bus, "method": method, "attempts": samples.attempts(method)}
    unknown = claim_of("ssd", bus, method, samples.erased(SSD, native_bytes=None, **made))
    assert [c for c in codes(unknown) if c in sights] == ([limit] if limit else [])
    known = claim_of("ssd", bus, method, samples.erased(SSD, **made))
    assert not set(codes(known)) & (sights - {"usb_bridge"})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", entries.PLANNED)
@given(data=st.data())
def test_no_other_value_anywhere_says_more(kind: str, data: st.DataObject) -> None:
    """Whatever stands anywhere in the report, beside evidence too, no level rises by it."""
    planned = entries.PLANNED[kind]
    good = samples.erased(planned)
    path = data.draw(st.sampled_from([p for p in entries.places(good) if p != ("attempts",)]))
    claim = said(planned, entries.with_value(good, path, data.draw(anything)), planned.method)
    assert RANK[claim.level] <= RANK[planned.claim.level]


@pytest.mark.parametrize("kind", entries.PLANNED)
@pytest.mark.parametrize("rise", [False, True])
def test_less_evidence_never_says_more(kind: str, rise: bool) -> None:
    """Take anything out, or leave it unknown: the level falls or stays, and no limit goes away."""
    planned = entries.PLANNED[kind]
    good = samples.erased(planned)
    if rise:
        good["smart_after"]["reallocated"] = 5
    before = said(planned, good)
    assert before.level == planned.claim.level
    for path in entries.places(good):
        if path[0] == "limits":
            continue  # no evidence, but what is to be said
        for less in (entries.without(good, path), entries.with_value(good, path, None)):
            after = said(planned, less, planned.method)
            assert RANK[after.level] <= RANK[before.level], path
            if after.level != NONE:
                assert set(codes(before)) <= set(codes(after)), path


@given(anything)
def test_a_report_that_is_none_says_nothing(odd: Any) -> None:
    for entry in ({}, {"outcome": "erased"}, odd if isinstance(odd, dict) else {"x": odd}):
        claim = claim_of("hdd", "sata", "overwrite", entry)
        assert claim.level == NONE
        assert codes(claim) == ["not_proven"]
        assert claim.limits[0].detail


def test_what_the_machine_met_on_the_way_is_said() -> None:
    disk = entries.PLANNED["hdd"]
    limits: list[Any] = [{"code": "mmc_boot", "detail": "boot0"}, "an odd one", {}]
    limits += [{"code": "reallocated", "detail": "in other words"}]
    claim = said(disk, samples.erased(disk, limits=limits))
    assert claim.limits == (
        Limit("reallocated"),
        Limit("mmc_boot", "boot0"),
        Limit("other", "an odd one; {}"),
    )
    purge = said(SSD, samples.erased(SSD, limits=limits))
    assert codes(purge) == ["device_word", "mmc_boot", "other"]


@pytest.mark.parametrize("code", [c for c in claims.DERIVED if c != "reallocated"])
def test_a_limit_that_only_the_machine_met_is_said(code: str) -> None:
    disk = entries.PLANNED["hdd"]
    claim = said(disk, samples.erased(disk, limits=[{"code": code, "detail": "in other words"}]))
    assert claim.limits == (Limit("reallocated"), Limit(code))


@pytest.mark.parametrize("changes", [{"bus": "usb"}, {"medium": "flash"}], ids=str)
def test_the_report_of_another_kind_of_disk_says_nothing(changes: dict[str, Any]) -> None:
    claim = claim_of("hdd", "sata", "overwrite", samples.erased(entries.PLANNED["hdd"], **changes))
    assert (claim.level, codes(claim)) == (NONE, ["not_proven"])


@pytest.mark.parametrize(("medium", "withdrawn"), [("hdd", True), ("ssd", False)])
def test_what_revision_1_called_a_purge_is_said(medium: str, withdrawn: bool) -> None:
    for method in ("ata_security_erase_enhanced", "ata_security_erase"):
        found = {limit.code for limit in claims.limits_of(medium, "sata", method, {})}
        assert ("rev1_purge" in found) is (withdrawn and method.endswith("enhanced"))


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (0, 0, ""),
        (7, 7, "replaced sectors: 7 before, 7 after"),
        (0, 8, "replaced sectors: 0 before, 8 after"),
        (None, 8, "replaced sectors: not told before, 8 after"),
        (8, None, "replaced sectors: 8 before, not told after"),
        (None, None, ""),
        (None, 0, ""),
    ],
)
def test_sectors_set_aside_are_said(before: int | None, after: int | None, detail: str) -> None:
    health = [{"reallocated": n, "pending": 0, "uncorrectable": 0} for n in (before, after)]
    told = {"smart_before": health[0], "smart_after": health[1]}
    disk = entries.PLANNED["hdd"]
    assert said(disk, samples.erased(disk, **told)).limits == (Limit("reallocated", detail),)
    # A sanitize reaches them too, by the drive's own word.
    claim = said(SSD, samples.erased(SSD, **told))
    assert (claim.level, claim.limits) == (PURGE, (Limit("device_word", detail),))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"dco": {"revision": 2, "real_sectors": 320_000_000}}, "dco_hidden"),
        ({"dco": {"real_sectors": 320_000_000}, "logical_block": 0}, "dco_hidden"),
        ({"dco": None}, "dco_unknown"),
        ({"dco": {"real_sectors": True}}, "dco_unknown"),
        ({"dco": "odd"}, "dco_unknown"),
        ({"dco": {"real_sectors": 312_500_000}}, None),
        ({"dco": {"real_sectors": 39_062_500}, "logical_block": 4096}, None),
        ({"dco": {"real_sectors": 312_500_000}, "logical_block": "odd"}, None),
    ],
)
def test_an_overlay_is_reported_as_a_limit(known: dict[str, Any], expected: str | None) -> None:
    disk = entries.PLANNED["hdd"]
    claim = said(disk, samples.erased(disk, **known))
    assert [c for c in codes(claim) if c.startswith("dco")] == ([expected] if expected else [])
    if expected == "dco_hidden":
        assert Limit("dco_hidden", "3840000000 bytes") in claim.limits


def test_samples_are_said_with_what_they_find() -> None:
    disk = entries.PLANNED["hdd-sampled"]
    (limit,) = [x for x in said(disk, samples.erased(disk)).limits if x.code == "sampled"]
    assert "every contiguous residue of 9437185 bytes or more" in limit.detail


def test_less_than_planned_is_told() -> None:
    plain, more = Claim(CLEAR, (Limit("a"),)), Claim(CLEAR, (Limit("a", "x"), Limit("b")))
    assert weaker(more, plain)
    assert not weaker(plain, more)
    assert not weaker(plain, plain)
    assert weaker(Claim(CLEAR, ()), Claim(PURGE, (Limit("a"),)))
    assert not weaker(Claim(PURGE, (Limit("a"),)), Claim(CLEAR, ()))
    assert weaker(Claim(NONE, ()), plain)
    assert not weaker(Claim(PURGE, (Limit("a"),)), Claim(PURGE, (Limit("a"),)))


WORDS = yaml.safe_load(claims.WORDS.read_text(encoding="utf-8"))


def test_everything_has_words_in_both_languages() -> None:
    sources = Path(claims.__file__).parent.glob("*.py")
    text = "\n".join(p.read_text(encoding="utf-8") for p in sources)
    used = set(re.findall(r'Limit\("([a-z0-9_]+)"', text))
    assert {"spare_area", "sampled", "not_proven", "password_set"} <= used
    wanted = used | {f"method_{m}" for m in METHODS} | {f"level_{n}" for n in RANK} | {"mmc_boot"}
    assert wanted <= set(WORDS)
    for name, entry in WORDS.items():
        assert set(entry) == {"zh", "en"}, name
        assert re.search(r"[\u4e00-\u9fff]", entry["zh"]), name
        assert entry["en"].isascii(), name


def test_words_carry_the_detail() -> None:
    assert claims.words(Limit("spare_area")).en.startswith("spare area not reached")
    assert claims.words(Limit("fallback", "EIO")).en.endswith("(EIO)")
    assert claims.words(Limit("fallback", "EIO")).zh.endswith("(EIO)")
    told = claims.words(Limit("failing", "197: 3 sectors · 3 个扇区"))
    assert told.en.endswith("(197: 3 sectors)")
    assert told.zh.endswith("(3 个扇区)")
    assert claims.words(Limit("of_tomorrow", "x")).en == "of_tomorrow (x)"
    assert "清除" in claims.level_words(CLEAR).zh
    assert "ATA" in claims.method_words("ata_security_erase").zh
    assert claims.method_words("shred") == Words("shred", "shred")
    assert claims.level_words("Destroy") == Words("Destroy", "Destroy")
    assert claims.words(Limit("of_tomorrow")) == Words("of_tomorrow", "of_tomorrow")
    parts = claims.words(Limit("failing", "a · 甲 · 乙"))
    assert (parts.en[-3:], parts.zh[-7:]) == ("(a)", "(甲 · 乙)")
