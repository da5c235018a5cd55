"""Two promises: nothing that anybody feeds in raises, and worse numbers never judge better."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from netspring_provision.triage import disk_verdict, machine_verdict, rules
from netspring_provision.triage.documents import split
from netspring_provision.triage.judge import judge_disk, judge_machine
from netspring_provision.triage.model import (
    Battery,
    Health,
    MachineReading,
    Reading,
    Verdict,
)
from netspring_provision.triage.recorded import judge, recognise
from netspring_provision.triage.smartctl import read

FIXTURES = Path(__file__).parents[2] / "fixtures/triage"
BADNESS = {Health.HEALTHY: 0, Health.UNKNOWN: 1, Health.FAILING: 2}
HARM = {Verdict.KEEP: 0, Verdict.REPAIR: 1, Verdict.PARTS: 2}

# Keys that the readers look for, so that odd values land where they are read.
KEY_LINES = (
    "smartctl exit_status messages string argv device name info_name type protocol model_name",
    "serial_number smart_status passed ata_smart_attributes table id raw value worst thresh",
    "flags when_failed prefailure nvme_smart_health_information_log critical_warning",
    "percentage_used available_spare available_spare_threshold media_errors",
    "scsi_grown_defect_list rotation_rate scsi_error_counter_log read write",
    "total_uncorrected_errors power_on_time hours user_capacity bytes ata_smart_self_test_log",
    "standard status nvme_self_test_log self_test_result smart_support class children",
    "capabilities product vendor size width configuration chassis logicalname capacity businfo",
    "description blockdevices kname tran rota rm sn mn vid avail_spare percent_used",
    "spare_thresh disks system cpu smart security locked batteries full design present machines",
    "endurance_used current_percent spare_available memory_bytes x86_64 medium bus path serial",
)
KEYS = [key for line in KEY_LINES for key in line.split()]
KEY = st.sampled_from(KEYS) | st.text(max_size=6)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["system", "disk", "memory", "processor", "power", "storage", "battery", "core"]
    )
    | st.sampled_from(["now", "12 (3, 0)", "1,975", "0x0a", "7%", "/dev/sda", "nvme", "notebook"])
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=6),
    max_leaves=40,
)
OBJECT = st.dictionaries(KEY, JSON, max_size=10)


@settings(max_examples=150, deadline=None)
@given(document=JSON)
def test_no_json_raises(document: Any) -> None:
    raw = json.dumps(document).encode()
    result = judge([recognise(raw, "folder/file.json")])
    for machine in result.machines:
        json.dumps(machine.as_data())
    for disk in result.disks:
        json.dumps(disk.as_data())
        assert disk.reason.zh
        assert disk.reason.en


@settings(max_examples=100, deadline=None)
@given(document=OBJECT)
def test_no_facts_raise(document: dict[str, Any]) -> None:
    json.dumps(disk_verdict(document).as_data())
    json.dumps(machine_verdict(document, "pc1").as_data())
    read(document)
    judge_disk(read({"smartctl": document, "device": document, **document}))


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    judge([recognise(raw, "a"), recognise(raw, "b")])


@settings(max_examples=100, deadline=None)
@given(document=OBJECT, cut=st.integers(0, 400))
def test_no_cut_off_document_raises(document: dict[str, Any], cut: int) -> None:
    judge([recognise(json.dumps(document)[:cut].encode(), "a")])


RECORDS = [
    json.loads(path.read_text())
    for path in sorted((FIXTURES / "found").glob("*.json"))
    + sorted((FIXTURES / "composed").glob("laptop-*/*.json"))
    + sorted((FIXTURES / "composed").glob("nvme-*.json"))
]
FACTS = samples.payload(samples.disk(), batteries=[{"name": "BAT0", "full": 1, "design": 2}])


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, as the steps that lead to it."""
    found = [path]
    steps = value.items() if isinstance(value, dict) else ()
    steps = enumerate(value) if isinstance(value, list) else steps
    for step, inner in steps:
        found += _places(inner, (*path, step))
    return found


@settings(max_examples=250, deadline=None)
@given(data=st.data(), odd=JSON | st.sampled_from([[], {}, [[]], "", -1, 10**30, [1], True]))
def test_no_damaged_record_raises(data: st.DataObject, odd: Any) -> None:
    """A real record in which one place holds something that does not belong there."""
    document = copy.deepcopy(data.draw(st.sampled_from([*RECORDS, FACTS])))
    place = data.draw(st.sampled_from(_places(document)))
    if place:
        target = document
        for step in place[:-1]:
            target = target[step]
        target[place[-1]] = odd
    result = judge([recognise(json.dumps(document).encode(), "a")])
    for verdict in (*result.machines, *result.disks):
        json.dumps(verdict.as_data())
    if document.keys() >= {"disks"} if isinstance(document, dict) else False:
        machine_verdict(document)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{" * 50_000, '{"a":' * 20_000, "{x}" * 40_000, '[{"a":1},' * 30_000, "\0" * 9],
)
def test_documents_made_to_hurt(text: str) -> None:
    split(text)


NUMBERS = sorted({name for name in rules.disk_rules() if name != "own_verdict"})
COUNTS = st.integers(0, 30) | st.integers(0, 10**6)
READINGS = st.builds(
    Reading,
    medium=st.sampled_from(["hdd", "ssd", "flash", "unknown"]),
    bus=st.sampled_from(["sata", "nvme", "scsi", "usb", "unknown"]),
    passed=st.sampled_from([True, False, None]),
    numbers=st.dictionaries(st.sampled_from(NUMBERS), COUNTS),
    gaps=st.frozensets(st.sampled_from(sorted(rules.gaps()))),
    size_bytes=st.none() | st.integers(0, 10**12),
)


@settings(max_examples=200, deadline=None)
@given(disk=READINGS, name=st.sampled_from(NUMBERS), more=st.integers(1, 10**6))
def test_more_of_any_number_is_never_better(disk: Reading, name: str, more: int) -> None:
    numbers = {**disk.numbers, name: disk.numbers.get(name, 0) + more}
    base = {**disk.numbers, name: disk.numbers.get(name, 0)}
    before = judge_disk(_with(disk, base))
    after = judge_disk(_with(disk, numbers))
    assert BADNESS[after.health] >= BADNESS[before.health]


@settings(max_examples=100, deadline=None)
@given(disk=READINGS)
def test_the_own_verdict_failing_is_never_better(disk: Reading) -> None:
    told = judge_disk(_with(disk, disk.numbers, passed=True))
    failed = judge_disk(_with(disk, disk.numbers, passed=False))
    assert failed.health == Health.FAILING
    assert BADNESS[told.health] <= BADNESS[failed.health]
    untold = judge_disk(_with(disk, disk.numbers, passed=None))
    assert untold.health != Health.HEALTHY


@settings(max_examples=100, deadline=None)
@given(disk=READINGS, name=st.sampled_from(NUMBERS))
def test_a_number_that_is_left_out_never_makes_healthy(disk: Reading, name: str) -> None:
    """Silence may hide an error that was told, but what was unknown does not become healthy."""
    if judge_disk(disk).health is Health.UNKNOWN and name != "locked":
        fewer = {key: value for key, value in disk.numbers.items() if key != name}
        assert judge_disk(_with(disk, fewer)).health is not Health.HEALTHY


@settings(max_examples=100, deadline=None)
@given(
    disks=st.lists(READINGS, max_size=3),
    memory=st.integers(0, 8 << 30),
    less=st.integers(0, 8 << 30),
    percent=st.integers(0, 120),
    x86_64=st.sampled_from([True, False, None]),
)
def test_less_of_a_machine_is_never_better(
    disks: list[Reading], memory: int, less: int, percent: int, x86_64: bool | None
) -> None:
    def machine(ram: int, battery: int, cpu: bool | None) -> Verdict:
        batteries = (Battery("BAT0", battery, 100),)
        return judge_machine(
            MachineReading("pc", memory_bytes=ram, x86_64=cpu, batteries=batteries), disks
        ).verdict

    good = machine(memory, percent, True)
    if memory - less > 0:  # no number at all is unknown, which is less than a low one
        assert HARM[machine(memory - less, percent, True)] >= HARM[good]
    assert HARM[machine(memory, percent // 2, True)] >= HARM[good]
    assert HARM[machine(memory, percent, x86_64)] >= HARM[good]


@settings(max_examples=100, deadline=None)
@given(disks=st.lists(READINGS, min_size=1, max_size=3))
def test_nothing_unread_is_kept(disks: list[Reading]) -> None:
    whole = MachineReading("pc", memory_bytes=4 << 30, x86_64=True, batteries=())
    verdict = judge_machine(whole, disks)
    healths = {disk.health for disk in verdict.disks}
    if verdict.verdict is Verdict.KEEP:
        assert healths == {Health.HEALTHY}
    for gap in (
        MachineReading("pc", memory_bytes=None, x86_64=True, batteries=()),
        MachineReading("pc", memory_bytes=4 << 30, x86_64=None, batteries=()),
    ):
        assert judge_machine(gap, disks).verdict is not Verdict.KEEP
    assert judge_machine(whole, None).verdict is not Verdict.KEEP
    assert judge_machine(whole, []).verdict is not Verdict.KEEP


@settings(max_examples=200, deadline=None)
@given(one=READINGS, other=READINGS)
def test_two_records_of_a_disk_are_never_better_than_the_failing_one(
    one: Reading, other: Reading
) -> None:
    failing = {judge_disk(one).health, judge_disk(other).health} & {Health.FAILING}
    if failing and one.medium == other.medium:
        assert judge_disk(one.merged(other)).health is Health.FAILING


def _with(disk: Reading, numbers: Any, passed: Any = ...) -> Reading:
    values = {**vars(disk), "numbers": dict(numbers)}
    if passed is not ...:
        values["passed"] = passed
    return Reading(**values)


ATTRIBUTES = [rule.ata for rule in rules.disk_rules().values() if rule.ata is not None]


@settings(max_examples=100, deadline=None)
@given(
    raws=st.dictionaries(st.sampled_from(ATTRIBUTES), st.integers(0, 200), min_size=1),
    name=st.sampled_from(ATTRIBUTES),
    more=st.integers(1, 10**6),
    turns=st.sampled_from([0, 7200, None]),
    value=st.integers(1, 100),
    drop=st.integers(0, 99),
)
def test_worse_smartctl_output_is_never_better(
    raws: dict[int, int], name: int, more: int, turns: int | None, value: int, drop: int
) -> None:
    """The same through the reader: higher raw counts, and a normalised value that sinks."""

    def health(counts: dict[int, int], normal: int) -> Health:
        table = [
            {
                "id": number,
                "name": "x",
                "value": normal,
                "thresh": 36,
                "when_failed": "",
                "flags": {"prefailure": True},
                "raw": {"value": count, "string": str(count)},
            }
            for number, count in counts.items()
        ]
        document = {
            "device": {"protocol": "ATA", "type": "sat"},
            "smart_status": {"passed": True},
            "rotation_rate": turns,
            "ata_smart_attributes": {"table": table},
        }
        return judge_disk(read(document)).health

    before = {**raws, name: raws.get(name, 0)}
    worse = {**before, name: before[name] + more}
    assert BADNESS[health(worse, value)] >= BADNESS[health(before, value)]
    assert BADNESS[health(before, max(1, value - drop))] >= BADNESS[health(before, value)]
