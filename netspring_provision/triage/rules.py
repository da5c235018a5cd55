"""The rules of triage, from the two data files beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from netspring_provision.checks.catalogue import Words
from netspring_provision.image.profiles import profile
from netspring_provision.triage.model import Weight

HERE = Path(__file__).resolve().parent
HOURS_OF_A_YEAR = 8766  # 365.25 days


@dataclass(frozen=True)
class DiskRule:
    """One rule about one number of a disk; ``None`` is a threshold it does not have.

    Attributes:
        ata: number of the ATA attribute whose raw value it is.
        nvme: names of the field in smartctl's and in nvme-cli's JSON.
        bad_on: media for which ``bad`` counts; ``None`` is all of them.
        source: names of sources.
    """

    name: str
    bad: int | None
    open: int | None
    note: int | None
    ata: int | None
    nvme: tuple[str, ...]
    bad_on: frozenset[str] | None
    source: tuple[str, ...]
    words: Words

    def weigh(self, number: int, medium: str) -> Weight | None:
        """How much this number weighs; ``None`` where it is nothing to speak of."""
        if self.bad is not None and number >= self.bad:
            return Weight.BAD if self.bad_on is None or medium in self.bad_on else Weight.NOTE
        if self.open is not None and number >= self.open:
            return Weight.OPEN
        return Weight.NOTE if self.note is not None and number >= self.note else None

    def clause(self, number: int) -> Words:
        """What to say of this number."""
        years = f"{number / HOURS_OF_A_YEAR:.1f}" if number < 10**9 else "?"
        values = {"{n}": str(number), "{years}": years}
        zh, en = self.words.zh, self.words.en
        for key, value in values.items():
            zh, en = zh.replace(key, value), en.replace(key, value)
        return Words(zh, en.replace("(s)", "" if number == 1 else "s"))


@dataclass(frozen=True)
class MachineRules:
    """What a machine must have, in bytes, Hz and percent."""

    memory_bytes: int
    disk_bytes: int
    slow_hz: int
    weak_battery_percent: int
    bad_battery_percent: int
    parts_when_bad: int


@cache
def disk_rules() -> Mapping[str, DiskRule]:
    """All rules about disks by name, the most telling first."""
    return {
        name: DiskRule(
            name=name,
            bad=entry.get("bad"),
            open=entry.get("open"),
            note=entry.get("note"),
            ata=entry.get("ata"),
            nvme=tuple(entry.get("nvme", ())),
            bad_on=frozenset(entry["bad_on"]) if "bad_on" in entry else None,
            source=tuple(entry["source"]),
            words=Words(entry["zh"], entry["en"]),
        )
        for name, entry in data()["disk"].items()
    }


@cache
def gaps() -> Mapping[str, Words]:
    """Why a disk's health could not be read, by name, the most telling first."""
    return {name: Words(**entry) for name, entry in data()["gaps"].items()}


@cache
def machine_rules() -> MachineRules:
    """What a machine must have; memory and disk are those of the image's profile."""
    entry = data()["machine"]
    return MachineRules(
        memory_bytes=profile(entry["memory"]["profile"]).minimum_memory_bytes,
        disk_bytes=profile(entry["disk_size"]["profile"]).minimum_disk_bytes,
        slow_hz=entry["clock"]["note_below_hz"],
        weak_battery_percent=entry["battery"]["note_below_percent"],
        bad_battery_percent=entry["battery"]["bad_below_percent"],
        parts_when_bad=entry["parts_when_bad"],
    )


def evidence() -> frozenset[str]:
    """The numbers of which a healthy disk must have given at least one."""
    return frozenset(data()["evidence"])


def expected(medium: str) -> tuple[str, ...]:
    """The numbers that a disk of this medium is expected to give."""
    return tuple(data()["expected"].get(medium, ()))


def life_left() -> frozenset[str]:
    """Names of ATA attributes whose normalised value is the life left in percent."""
    return frozenset(data()["life_left"])


def say(sentence: str, **values: Words | str) -> Words:
    """A sentence of words.yml with the words in braces filled in; KeyError if unknown."""
    entry = _load("words.yml")[sentence]
    zh, en = str(entry["zh"]), str(entry["en"])
    for key, value in values.items():
        both = value if isinstance(value, Words) else Words(value, value)
        zh, en = zh.replace(f"{{{key}}}", both.zh), en.replace(f"{{{key}}}", both.en)
    return Words(zh, en)


def joined(clauses: list[Words]) -> Words:
    """Several clauses as one."""
    between = say("between")
    return Words(
        between.zh.join(one.zh for one in clauses), between.en.join(one.en for one in clauses)
    )


def data() -> Mapping[str, Any]:
    """rules.yml as it stands."""
    return _load("rules.yml")


@cache
def _load(name: str) -> Mapping[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return loaded
