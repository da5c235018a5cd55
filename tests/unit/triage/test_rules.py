"""The data file itself: each rule with its source, each threshold where it begins."""

from __future__ import annotations

import pytest
import yaml

from netspring_provision.image.profiles import profile
from netspring_provision.triage import rules
from netspring_provision.triage.judge import judge_disk, judge_machine
from netspring_provision.triage.model import (
    Battery,
    Health,
    MachineReading,
    MachineVerdict,
    Reading,
    Verdict,
    Weight,
)

GOOD = Reading(
    path="/dev/sda",
    medium="hdd",
    bus="sata",
    size_bytes=160 * 10**9,
    passed=True,
    numbers={"reallocated": 0, "pending": 0},
)
MACHINE = MachineReading("pc1", memory_bytes=2 << 30, x86_64=True, batteries=())


def health(**numbers: int) -> Health:
    return judge_disk(Reading(**{**vars(GOOD), "numbers": {**GOOD.numbers, **numbers}})).health


def machine(**changes: object) -> MachineVerdict:
    return judge_machine(MachineReading(**{**vars(MACHINE), **changes}), [GOOD])


def test_every_rule_names_its_sources_and_they_are_described() -> None:
    data = rules.data()
    named = [name for rule in data["disk"].values() for name in rule["source"]]
    named += [n for r in data["machine"].values() if isinstance(r, dict) for n in r["source"]]
    assert set(named) == set(data["sources"]), "unknown or unused sources"
    for name, source in data["sources"].items():
        assert set(source) == {"title", "where", "says"}, name
        assert all(source.values()), name


@pytest.mark.parametrize("name", rules.disk_rules())
def test_every_rule_begins_where_it_says(name: str) -> None:
    rule = rules.disk_rules()[name]
    steps = [(rule.note, Weight.NOTE), (rule.open, Weight.OPEN), (rule.bad, Weight.BAD)]
    known = [(begin, weight) for begin, weight in steps if begin is not None]
    assert known, "a rule without a threshold"
    assert all(begin > 0 for begin, _ in known)
    assert [begin for begin, _ in known] == sorted(begin for begin, _ in known)
    medium = sorted(rule.bad_on)[0] if rule.bad_on else "hdd"
    assert rule.weigh(0, medium) is None
    assert rule.weigh(known[0][0] - 1, medium) is None
    assert rule.weigh(known[-1][0], medium) is known[-1][1]
    words = rule.clause(known[0][0])
    for text in (words.zh, words.en):
        assert text
        assert "{" not in text
        assert not text.endswith((".", "。"))


def test_where_failing_begins() -> None:
    """The numbers as the sources give them; whoever changes one, changes it here too."""
    begins = {name: rule.bad for name, rule in rules.disk_rules().items() if rule.bad is not None}
    assert begins == {
        "own_verdict": 1,
        "attribute_now": 1,
        "pending": 1,
        "uncorrectable": 1,
        "reported_uncorrectable": 1,
        "reallocated": 16,
        "grown_defects": 16,
        "scsi_uncorrected": 1,
        "media_errors": 1,
        "spare_low": 1,
        "degraded": 1,
        "read_only_media": 1,
        "backup_failed": 1,
        "temperature_now": 1,
        "worn_percent": 100,
        "self_test": 1,
    }


def test_thresholds_at_the_edge() -> None:
    assert health() is Health.HEALTHY
    assert health(reallocated=15) is Health.HEALTHY
    assert health(reallocated=16) is Health.FAILING
    assert health(worn_percent=99) is Health.HEALTHY
    assert health(worn_percent=100) is Health.FAILING
    assert health(hours=200_000, cable_errors=10_000, timeouts=10**9) is Health.HEALTHY
    assert health(locked=1) is Health.UNKNOWN
    assert health(pending=1, locked=1) is Health.FAILING


def test_an_ssd_may_retire_blocks() -> None:
    ssd = Reading(**{**vars(GOOD), "medium": "ssd", "numbers": {"reallocated": 500}})
    assert judge_disk(ssd).health is Health.HEALTHY
    unknown = Reading(**{**vars(ssd), "medium": "unknown"})
    assert judge_disk(unknown).health is Health.FAILING


def test_what_a_disk_does_not_report_is_said() -> None:
    judged = judge_disk(Reading(**{**vars(GOOD), "numbers": {"reallocated": 0}}))
    assert judged.health is Health.HEALTHY
    assert judged.reason.en == (
        "The disk is healthy, but note: it does not report unreadable sectors."
    )
    assert judged.reason.zh.endswith("它不报告读不出的扇区数。")


def test_no_counts_are_no_health() -> None:
    silent = Reading(**{**vars(GOOD), "numbers": {"hours": 3}})
    assert judge_disk(silent).health is Health.UNKNOWN
    assert "no error counts" in judge_disk(silent).reason.en


def test_a_good_machine() -> None:
    verdict = machine()
    assert verdict.verdict is Verdict.KEEP
    assert verdict.reason.en == "Keep: 64-bit processor, 2.0 GiB of memory, healthy disk."
    assert verdict.reason.zh.startswith("可以留用")
    assert verdict.reason.zh.endswith("硬盘健康。")


def test_memory_is_that_of_the_image() -> None:
    need = profile("lite").minimum_memory_bytes
    assert rules.machine_rules().memory_bytes == need
    assert machine(memory_bytes=need).verdict is Verdict.KEEP
    assert machine(memory_bytes=need - 1).verdict is Verdict.REPAIR
    assert machine(memory_bytes=None).verdict is Verdict.REPAIR


def test_the_disk_must_hold_the_image() -> None:
    need = profile("lite").minimum_disk_bytes

    def verdict(*sizes: int | None) -> Verdict:
        disks = [Reading(**{**vars(GOOD), "size_bytes": size}) for size in sizes]
        return judge_machine(MACHINE, disks).verdict

    assert verdict(need) is Verdict.KEEP
    assert verdict(need - 1) is Verdict.REPAIR
    assert verdict(None) is Verdict.REPAIR
    assert verdict(None, need) is Verdict.KEEP


def test_a_stick_is_not_the_machines_disk() -> None:
    stick = Reading(**{**vars(GOOD), "removable": True})
    assert judge_machine(MACHINE, [stick]).verdict is Verdict.REPAIR
    bad = Reading(removable=True, passed=False)
    assert judge_machine(MACHINE, [GOOD, bad]).verdict is Verdict.KEEP


def test_processor() -> None:
    assert machine(x86_64=False).verdict is Verdict.PARTS
    assert machine(x86_64=None).verdict is Verdict.REPAIR
    slow = machine(clock_hz=800_000_000)
    assert slow.verdict is Verdict.KEEP
    assert "800 MHz" in slow.reason.en
    assert machine(clock_hz=1_000_000_000).findings == ()


@pytest.mark.parametrize(
    ("full", "design", "verdict", "said"),
    [
        (60, 100, Verdict.KEEP, None),
        (59, 100, Verdict.KEEP, "use it on mains"),
        (20, 100, Verdict.KEEP, "use it on mains"),
        (19, 100, Verdict.REPAIR, "replace it"),
        (0, 100, Verdict.REPAIR, "replace it"),
        (None, 100, Verdict.KEEP, "cannot be told"),
        (50, None, Verdict.KEEP, "cannot be told"),
        (50, 0, Verdict.KEEP, "cannot be told"),
        (110, 100, Verdict.KEEP, None),
    ],
)
def test_battery(full: int | None, design: int | None, verdict: Verdict, said: str | None) -> None:
    judged = machine(batteries=(Battery("BAT0", full, design),))
    assert judged.verdict is verdict
    assert (said or "") in judged.reason.en
    assert ("BAT0" in judged.reason.en) == (said is not None)


def test_a_notebook_without_battery_is_told() -> None:
    assert "no battery" in machine(portable=True).reason.en
    assert "nothing was recorded" in machine(portable=True, batteries=None).reason.en
    assert machine(portable=False, batteries=None).findings == ()


def test_too_much_to_buy_makes_parts() -> None:
    bad = Reading(**{**vars(GOOD), "passed": False})
    worn = (Battery("BAT0", 5, 100),)
    poor = MachineReading("pc", memory_bytes=1 << 30, x86_64=True, batteries=())
    assert judge_machine(poor, [bad]).verdict is Verdict.REPAIR
    poor = MachineReading("pc", memory_bytes=1 << 30, x86_64=True, batteries=worn)
    verdict = judge_machine(poor, [bad])
    assert verdict.verdict is Verdict.PARTS
    assert "failing" in verdict.reason.en
    # Two bad disks are one thing to buy.
    mild = MachineReading("pc", memory_bytes=1 << 30, x86_64=True, batteries=())
    assert judge_machine(mild, [bad, bad]).verdict is Verdict.REPAIR


def test_sentences_are_in_both_languages() -> None:
    for name, entry in yaml.safe_load((rules.HERE / "words.yml").read_text("utf-8")).items():
        assert set(entry) == {"zh", "en"}, name
        braces = [sorted(part.split("}")[0] for part in entry[k].split("{")[1:]) for k in entry]
        assert braces[0] == braces[1], f"{name}: other words in braces"
        assert any("\u4e00" <= letter <= "\u9fff" for letter in entry["zh"]) or name == "between"
    for name, words in rules.gaps().items():
        assert words.zh, name
        assert words.en, name
