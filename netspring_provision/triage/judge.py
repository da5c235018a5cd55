"""The verdicts: pure rules over what was read. Nothing here opens a file or asks a machine.

What could not be read never makes a verdict better: a disk without evidence is ``unknown``, and a
machine with anything essential unread is set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspring_provision.checks.catalogue import Words
from netspring_provision.triage import rules
from netspring_provision.triage.model import (
    DiskVerdict,
    Finding,
    Health,
    MachineReading,
    MachineVerdict,
    Reading,
    Verdict,
    Weight,
)

GIB = 1 << 30
HEAVIEST_FIRST = (Weight.BAD, Weight.OPEN, Weight.NOTE)


def judge_disk(disk: Reading) -> DiskVerdict:
    """The verdict over one disk. More of any number never gives a better one."""
    findings = _sorted([*_weighed(disk), *_unread(disk)])
    bad = _clauses(findings, Weight.BAD)
    if bad:
        return DiskVerdict(
            disk, Health.FAILING, rules.say("disk_failing", why=rules.joined(bad)), findings
        )
    left_open = _clauses(findings, Weight.OPEN)
    if left_open:
        reason = rules.say("disk_unknown", why=rules.joined(left_open))
        return DiskVerdict(disk, Health.UNKNOWN, reason, findings)
    notes = _clauses(findings, Weight.NOTE)
    if notes:
        reason = rules.say("disk_healthy_note", why=rules.joined(notes))
    else:
        reason = rules.say("disk_healthy")
    return DiskVerdict(disk, Health.HEALTHY, reason, findings)


def _weighed(disk: Reading) -> Iterable[Finding]:
    """What the numbers say."""
    numbers = dict(disk.numbers)
    if disk.passed is False:
        numbers["own_verdict"] = 1
    for name, rule in rules.disk_rules().items():
        number = numbers.get(name)
        weight = None if number is None else rule.weigh(number, disk.medium)
        if number is not None and weight is not None:
            yield Finding(name, weight, rule.clause(number))


def _unread(disk: Reading) -> Iterable[Finding]:
    """What is missing: it leaves the verdict open, or is said."""
    gaps = set(disk.gaps)
    proven = disk.passed is not None and bool(rules.evidence() & set(disk.numbers))
    if proven:
        # A record that is cut off may lack the very line that condemns the disk.
        gaps &= {"cut_off"}
    elif not gaps - {"answers_failed"}:
        gaps.add("no_verdict" if disk.passed is None else "no_counters")
    for name, words in rules.gaps().items():
        if name in gaps:
            yield Finding(name, Weight.OPEN, words)
            break
    if proven:
        # SCSI counts the same under other names.
        for name in rules.expected(disk.medium) if disk.bus != "scsi" else ():
            if name not in disk.numbers:
                yield Finding(
                    f"no_{name}", Weight.NOTE, rules.say("not_reported", what=rules.say(name))
                )
        if "answers_failed" in disk.gaps:
            yield Finding("answers_failed", Weight.NOTE, rules.gaps()["answers_failed"])


def judge_machine(machine: MachineReading, disks: Sequence[Reading] | None) -> MachineVerdict:
    """The verdict over one machine.

    Args:
        machine: what surrounds the disks.
        disks: its disks, sticks and cards included; ``None`` where nobody looked for disks.
    """
    judged = tuple(judge_disk(disk) for disk in disks or ())
    own = [disk for disk in judged if not disk.disk.removable]
    findings = _sorted(
        [
            *_cpu(machine),
            *_memory(machine),
            *_disks(own, told=disks is not None),
            *_battery(machine),
            *_record(machine),
        ]
    )
    bad = [finding for finding in findings if finding.weight is Weight.BAD]
    kinds = {finding.rule for finding in bad}
    why = [finding.words for finding in findings if finding.weight is not Weight.NOTE]
    if any(finding.parts for finding in bad) or len(kinds) >= rules.machine_rules().parts_when_bad:
        return MachineVerdict(
            machine, Verdict.PARTS, rules.say("parts", why=rules.joined(why)), findings, judged
        )
    if why:
        reason = rules.say("repair", why=rules.joined(why))
        return MachineVerdict(machine, Verdict.REPAIR, reason, findings, judged)
    good = rules.say("good", memory=_gib(machine.memory_bytes or 0))
    notes = _clauses(findings, Weight.NOTE)
    if notes:
        reason = rules.say("keep_note", why=good, note=rules.joined(notes))
    else:
        reason = rules.say("keep", why=good)
    return MachineVerdict(machine, Verdict.KEEP, reason, findings, judged)


def _cpu(machine: MachineReading) -> Iterable[Finding]:
    if machine.x86_64 is False:
        yield Finding("cpu", Weight.BAD, rules.say("cpu_32"), parts=True)
    elif machine.x86_64 is None:
        yield Finding("cpu", Weight.OPEN, rules.say("cpu_not_told"))
    if machine.clock_hz and machine.clock_hz < rules.machine_rules().slow_hz:
        have = f"{machine.clock_hz / 1e6:.0f} MHz"
        yield Finding("clock", Weight.NOTE, rules.say("slow_cpu", have=have))


def _memory(machine: MachineReading) -> Iterable[Finding]:
    need = rules.machine_rules().memory_bytes
    if not machine.memory_bytes:
        yield Finding("memory", Weight.OPEN, rules.say("memory_not_told"))
    elif machine.memory_bytes < need:
        words = rules.say("low_memory", have=_gib(machine.memory_bytes), need=_gib(need))
        yield Finding("memory", Weight.BAD, words)


def _disks(disks: Sequence[DiskVerdict], *, told: bool) -> Iterable[Finding]:
    if not disks:
        if told:
            yield Finding("disk", Weight.BAD, rules.say("no_disk"))
        else:
            yield Finding("disk", Weight.OPEN, rules.say("disks_not_told"))
        return
    for disk in disks:
        name = disk.disk.name
        for weight, sentence in zip(
            HEAVIEST_FIRST, ("bad_disk", "open_disk", "note_disk"), strict=True
        ):
            clauses = _clauses(disk.findings, weight)
            if clauses:
                words = rules.say(sentence, name=name, why=rules.joined(clauses))
                yield Finding("disk", weight, words)
                break
    sizes = [disk.disk.size_bytes for disk in disks]
    need = rules.machine_rules().disk_bytes
    largest = max(size or 0 for size in sizes)
    if largest < need and None in sizes:
        yield Finding("disk_size", Weight.OPEN, rules.say("disk_size_not_told"))
    elif largest < need:
        words = rules.say("small_disk", have=_gb(largest), need=_gb(need))
        yield Finding("disk", Weight.BAD, words)


def _battery(machine: MachineReading) -> Iterable[Finding]:
    limits = rules.machine_rules()
    if machine.batteries is None:
        if machine.portable:
            yield Finding("battery", Weight.NOTE, rules.say("batteries_not_told"))
        return
    if machine.portable and not machine.batteries:
        yield Finding("battery", Weight.NOTE, rules.say("no_battery"))
    for battery in machine.batteries:
        percent = battery.percent
        if percent is None:
            words = rules.say("battery_not_told", name=battery.name)
            yield Finding("battery", Weight.NOTE, words)
        elif percent < limits.bad_battery_percent:
            words = rules.say("bad_battery", name=battery.name, n=str(percent))
            yield Finding("battery", Weight.BAD, words)
        elif percent < limits.weak_battery_percent:
            words = rules.say("weak_battery", name=battery.name, n=str(percent))
            yield Finding("battery", Weight.NOTE, words)


def _record(machine: MachineReading) -> Iterable[Finding]:
    if "cut_off" in machine.gaps:
        yield Finding("cut_off", Weight.OPEN, rules.say("record_cut_off"))


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: HEAVIEST_FIRST.index(finding.weight)))


def _clauses(findings: Iterable[Finding], weight: Weight) -> list[Words]:
    return [finding.words for finding in findings if finding.weight is weight]


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB"


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
