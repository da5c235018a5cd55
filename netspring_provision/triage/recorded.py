"""Judge recorded files: tell by their content what they are, and which belong to one machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netspring_provision.errors import UsageError
from netspring_provision.triage import facts, hdparm, lsblk, lshw, nvme, smartctl
from netspring_provision.triage.documents import Content, decode, split
from netspring_provision.triage.judge import judge_disk, judge_machine
from netspring_provision.triage.model import (
    DiskVerdict,
    MachineReading,
    MachineVerdict,
    Reading,
    Verdict,
)
from netspring_provision.triage.values import rows

MAXIMUM_BYTES = 8 << 20  # the largest record of a real machine is below 1 MiB
ACCEPTED = (
    "record one of these: smartctl -j -x DISK, lshw -json, nvme id-ctrl DISK -o json, "
    "nvme smart-log DISK -o json, hdparm -I DISK, lsblk -J, netspring inspect --json"
)


@dataclass
class Found:
    """What one file holds.

    Attributes:
        machines: machines with the disks that the same record lists, ``None`` if it lists none.
        disks: disks of records that are about disks alone.
        lists: disks that a list of the machine's disks has, not a record of one disk.
        kinds: names of the tools whose output was recognised.
    """

    file: str
    machines: list[tuple[MachineReading, tuple[Reading, ...] | None]] = field(default_factory=list)
    disks: list[Reading] = field(default_factory=list)
    lists: list[Reading] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Triage:
    """The verdicts over all files: machines, and disks that belong to none of them."""

    machines: tuple[MachineVerdict, ...]
    disks: tuple[DiskVerdict, ...]
    files: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def all_keep(self) -> bool:
        """Whether nothing has to be set aside."""
        verdicts = [one.verdict for one in self.machines] + [one.verdict for one in self.disks]
        return all(verdict is Verdict.KEEP for verdict in verdicts)


def triage_files(paths: Sequence[Path]) -> Triage:
    """Judge recorded files.

    Raises:
        UsageError: a file cannot be read, or is none of the records that are understood.
    """
    found, wrong = [], []
    for path in paths:
        one = _read(path)
        if isinstance(one, Found):
            found.append(one)
        else:
            wrong.append(one)
    if wrong:
        raise UsageError("; ".join(wrong), hint=ACCEPTED)
    return judge(found)


def _read(path: Path) -> Found | str:
    """What a file holds, or what is wrong with it."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    if len(raw) > MAXIMUM_BYTES:
        return f"{path} is larger than {MAXIMUM_BYTES >> 20} MiB"
    found = recognise(raw, str(path))
    if found.kinds:
        return found
    return f"{path} " + ("is no record that triage understands" if raw.strip() else "is empty")


def recognise(raw: bytes, file: str) -> Found:
    """What stands in a file, by its content. Raises nothing."""
    best = Found(file)
    for written in decode(raw):
        found = _recognise(split(written), file)
        if len(found.kinds) > len(best.kinds):
            best = found
    return best


def _recognise(content: Content, file: str) -> Found:
    found = Found(file)
    loose: list[Mapping[str, Any]] = []
    loose_cut = False
    for document in content.documents:
        for value in _unpacked(document.value):
            if lshw.is_lshw(value):
                loose.append(value)
                loose_cut = loose_cut or document.cut_off
            else:
                _one(value, found, cut_off=document.cut_off)
    for roots in _machines(loose):
        machine, disks = lshw.read(roots, Path(file).stem, file)
        if loose_cut:
            machine = replace(machine, gaps=machine.gaps | {"cut_off"})
        found.machines.append((machine, disks))
        found.kinds.append("lshw")
    if hdparm.is_hdparm(content.text):
        disks = hdparm.read_all(content.text, file)
        found.disks += disks
        found.kinds += ["hdparm"] * len(disks)
    return found


def _unpacked(value: object) -> Iterable[Mapping[str, Any]]:
    """The documents in a document: itself, or each in a list of them (``jq -s``, lshw)."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, Mapping):
            yield one


def _machines(loose: list[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Devices of lshw as machines: each system is one; devices without one are one together."""
    systems = [[node] for node in loose if _is_whole(node)]
    return systems or ([loose] if loose else [])


def _is_whole(node: Mapping[str, Any]) -> bool:
    """A system, also of a version that did not write its class."""
    if node.get("class") == "system":
        return True
    inside = {str(child.get("id", "")).partition(":")[0] for child in rows(node.get("children"))}
    return "core" in inside or ("class" not in node and bool(inside))


def _one(value: Mapping[str, Any], found: Found, *, cut_off: bool) -> None:
    """Add what one document says."""
    if facts.is_inspection(value):
        for name, raw in value["machines"].items():
            found.machines.append(facts.read(raw, str(name), found.file))
        found.kinds.append("netspring inspect")
    elif facts.is_facts(value):
        found.machines.append(facts.read(value, None, found.file))
        found.kinds.append("netspring inspect")
    elif lsblk.is_lsblk(value):
        found.lists += lsblk.read(value, found.file)
        found.kinds.append("lsblk")
    elif smartctl.is_smartctl(value):
        _add_disk(smartctl.read(value, found.file), "smartctl", found, cut_off)
    elif nvme.is_smart_log(value):
        _add_disk(nvme.read_smart_log(value, found.file), "nvme smart-log", found, cut_off)
    elif nvme.is_id_ctrl(value):
        _add_disk(nvme.read_id_ctrl(value, found.file), "nvme id-ctrl", found, cut_off)


def _add_disk(disk: Reading, kind: str, found: Found, cut_off: bool) -> None:
    found.disks.append(replace(disk, gaps=disk.gaps | {"cut_off"}) if cut_off else disk)
    found.kinds.append(kind)


def judge(found: Sequence[Found]) -> Triage:
    """Put together what belongs together, and judge it.

    A disk belongs to the machine whose record lists its serial number, or else to the only
    machine described in the same folder. Without a machine's record each disk stands for itself.
    """
    disks = _joined(found)
    machines: list[tuple[MachineReading, list[Reading] | None, str]] = []
    for one in found:
        folder = str(Path(one.file).parent)
        for machine, own in one.machines:
            machines.append((machine, None if own is None else list(own), folder))
    alone: list[Reading] = []
    for disk in disks:
        place = _owner(disk, machines)
        if place is None:
            alone.append(disk)
            continue
        machine, known, folder = machines[place]
        machine = replace(machine, files=tuple(dict.fromkeys((*machine.files, *disk.files))))
        machines[place] = (machine, _with(known or [], disk), folder)
    return Triage(
        machines=tuple(judge_machine(machine, own) for machine, own, _ in machines),
        disks=tuple(judge_disk(disk) for disk in alone),
        files=tuple((one.file, tuple(dict.fromkeys(one.kinds))) for one in found),
    )


def _joined(found: Sequence[Found]) -> list[Reading]:
    """All disks, with the records of the same disk joined: by serial, or by device node."""
    disks: list[Reading] = []
    folders: list[str] = []
    everything = [(one, disk) for one in found for disk in one.disks]
    everything += [(one, disk) for one in found for disk in one.lists]
    for one, disk in everything:
        folder = str(Path(one.file).parent)
        near = [place for place, name in enumerate(folders) if name == folder]
        place = next((p for p in near if _same(disks[p], disk)), None)
        if place is None:
            disks.append(disk)
            folders.append(folder)
        else:
            disks[place] = disks[place].merged(disk)
    return _smart_logs_named(disks, folders)


def _smart_logs_named(disks: list[Reading], folders: list[str]) -> list[Reading]:
    """An NVMe SMART log names no disk: it is of the one NVMe disk of its folder without health."""
    nameless = [p for p, disk in enumerate(disks) if disk.bus == "nvme" and not _names(disk)]
    gone: set[int] = set()
    for place in nameless:
        beside = [p for p in nameless if folders[p] == folders[place]]
        named = [
            p
            for p, disk in enumerate(disks)
            if folders[p] == folders[place]
            and disk.bus == "nvme"
            and _names(disk)
            and not disk.numbers
        ]
        if len(beside) == 1 and len(named) == 1:
            disks[named[0]] = disks[named[0]].merged(disks[place])
            gone.add(place)
    return [disk for place, disk in enumerate(disks) if place not in gone]


def _names(disk: Reading) -> bool:
    return bool(disk.serial or disk.model or disk.path)


def _same(one: Reading, other: Reading) -> bool:
    """Whether two records are of the same disk."""
    if one.serial and other.serial:
        return _bare(one.serial) == _bare(other.serial)
    if not one.path or _node(one.path) != _node(other.path or ""):
        return False
    # Without a serial number two full answers may well come from two machines.
    if one.numbers and other.numbers:
        return False
    # The kernel knows only the first 16 characters of an ATA disk's model.
    models = _bare(one.model), _bare(other.model)
    return models[0].startswith(models[1]) or models[1].startswith(models[0])


def _node(path: str) -> str:
    """A device node; the controller of an NVMe disk and its first namespace are the same disk."""
    return re.sub(r"(nvme\d+)n1$", r"\1", path)


def _bare(name: str | None) -> str:
    """A serial or model without what the tools write differently: blanks and underlines."""
    return (name or "").replace(" ", "").replace("_", "").lower()


def _owner(
    disk: Reading, machines: Sequence[tuple[MachineReading, list[Reading] | None, str]]
) -> int | None:
    folders = {str(Path(file).parent) for file in disk.files}
    near: list[int] = [place for place, (_, _, at) in enumerate(machines) if at in folders]
    order: list[int] = [*near, *range(len(machines))]
    for place in order:
        own = machines[place][1] or []
        if disk.serial and any(_bare(disk.serial) == _bare(one.serial) for one in own):
            return place
    return near[0] if len(near) == 1 else None


def _with(own: list[Reading], disk: Reading) -> list[Reading]:
    """The machine's disks with one more record."""
    for place, one in enumerate(own):
        if _same(one, disk):
            return [*own[:place], disk.merged(one), *own[place + 1 :]]  # it says more of it
    return [*own, disk]
