"""The report for people: one HTML file in Chinese and English that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from netspring_provision import claims
from netspring_provision.checks import catalogue
from netspring_provision.checks.catalogue import Words
from netspring_provision.outcome import DiskOutcome
from netspring_provision.report.model import Certificate, MachineReport, Picture, RoomReport

HERE = Path(__file__).resolve().parent
# Pictures of every program of every PC of a big room would make the file too heavy for a phone.
MACHINES_WITH_PROGRAMS = 8
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


@cache
def words() -> Mapping[str, Words]:
    """All words of the report."""
    raw = yaml.safe_load((HERE / "words.yml").read_text(encoding="utf-8"))
    return {name: Words(entry["zh"], entry["en"]) for name, entry in raw.items()}


def say(name: str, **values: object) -> Words:
    """Words by name, with the ones in braces filled in; KeyError if there are none."""
    found = words()[name]
    return Words(found.zh.format(**values), found.en.format(**values))


def data_uri(path: Path) -> str | None:
    """A picture as a data: URI; ``None`` if it is missing or neither PNG nor JPEG."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    for magic, kind in _KINDS:
        if content.startswith(magic):
            return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return None


def proven(disk: DiskOutcome) -> bool:
    """Whether it is erased and the proof of it is here."""
    count = (disk.evidence.get("verify") or {}).get("bytes_read")
    return disk.outcome == "erased" and disk.claim is not None and bool(count)


def claim(disk: DiskOutcome) -> Words:
    """What may be said about old data on this disk; nothing, unless it is erased with proof."""
    if not proven(disk) or disk.claim is None or disk.claim.level == claims.NONE:
        return say("no_claim")
    shown = f"{disk.evidence['verify']['bytes_read']:,}"
    if disk.evidence["verify"].get("mode") != "full":
        return say("claim_sampled", level=disk.claim.level, bytes=shown)
    if disk.claim.level == claims.CLEAR:
        return say("claim_clear", bytes=shown)
    return say("claim_other", level=disk.claim.level, bytes=shown)


def limits(disk: DiskOutcome) -> list[Words]:
    """What must be said together with the claim."""
    return [claims.words(limit) for limit in disk.claim.limits] if disk.claim else []


def method(disk: DiskOutcome) -> Words:
    """How it was erased, in words."""
    return claims.method_words(disk.method or "-")


def certificate(machine: MachineReport, disk: DiskOutcome) -> Certificate | None:
    """The erasure record of a disk, if one was issued."""
    return machine.certificates.get(str(disk.serial or disk.path))


def size(count: object) -> str:
    """Bytes as people read them on a disk's label: decimal."""
    if not isinstance(count, int | float) or isinstance(count, bool):
        return "-"
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def hardware(machine: MachineReport) -> list[tuple[Words, str]]:
    """Lines of the hardware table: as inspected, else as the machine said in its checks."""
    facts: Mapping[str, Any] = machine.facts or {}
    system = facts.get("system") or {}
    processor = facts.get("cpu") or {}
    checked = machine.verdict.facts if machine.verdict else {}
    identity = checked.get("identity") or {}
    model = " ".join(
        str(system.get(key) or identity.get(key) or "") for key in ("vendor", "product")
    )
    firmware = system.get("firmware") or (checked.get("boot") or {}).get("firmware")
    cores = f" x {processor['cores']}" if processor.get("cores") else ""
    memory = facts.get("memory_bytes") or (checked.get("memory") or {}).get("bytes")
    rows = [
        ("model", model.strip()),
        ("asset_tag", identity.get("asset_tag")),
        ("serial", system.get("serial") or identity.get("serial")),
        ("processor", f"{processor.get('model') or ''}{cores}"),
        ("memory", size(memory)),
        ("firmware", str(firmware or "-").upper()),
    ]
    return [(say(name), str(value or "-")) for name, value in rows]


def pictures(machine: MachineReport, programs: bool) -> list[tuple[str, Words, bool]]:
    """Pictures as data URI, caption, and whether it is a big one; the desktop comes first."""
    listed: list[tuple[Picture, bool]] = []
    verdict = machine.verdict
    if verdict is not None and verdict.screenshot is not None:
        listed.append((Picture(verdict.screenshot, say("screen")), True))
    listed += [(picture, not listed) for picture in machine.pictures]
    if verdict is not None and programs:
        labels = {app.name: app.label for app in catalogue.profile(verdict.profile).apps}
        for name, path in verdict.pictures:
            listed.append((Picture(path, labels.get(name, Words(name, name))), False))
    found = ((data_uri(picture.path), picture.caption, big) for picture, big in listed)
    return [(uri, caption, big) for uri, caption, big in found if uri is not None]


def render(report: RoomReport) -> str:
    """The HTML file. All that came from machines or room files is escaped."""
    # The templates are HTML whatever their names end in.
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        say=say,
        proven=proven,
        claim=claim,
        limits=limits,
        method=method,
        size=size,
        certificate=certificate,
        hardware=hardware,
    )
    few = len(report.machines) <= MACHINES_WITH_PROGRAMS
    return environment.get_template("report.html.j2").render(
        report=report,
        pictures={machine.host: pictures(machine, few) for machine in report.machines},
    )


def write(report: RoomReport, path: Path) -> Path:
    """Write the report; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(report), encoding="utf-8")
    return path
