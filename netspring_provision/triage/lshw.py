"""Read the JSON of ``lshw -json``: one object, a list, or only some classes of devices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from netspring_provision.triage.model import Battery, MachineReading, Reading
from netspring_provision.triage.values import at, number, text, yes

Node = Mapping[str, Any]
PORTABLE = {"notebook", "laptop", "portable", "sub-notebook", "sub notebook", "convertible"}
# Features that only processors of the PC family have; lshw lists them as capabilities.
X86 = {"fpu", "mmx", "sse", "sse2", "cx8", "tsc", "pae", "vme", "mtrr"}
FOREIGN = {"asimd", "neon", "vfpv3", "fphp"}  # of ARM: another family, whatever its width
X86_MAKERS = re.compile(r"intel|advanced micro|\bamd\b|via |centaur|zhaoxin", re.IGNORECASE)
CLASSES = {
    "system", "bus", "memory", "processor", "bridge", "disk", "storage", "volume", "power",
    "network", "display", "multimedia", "generic", "input", "communication", "printer", "tape",
}  # fmt: skip
DISK = re.compile(r"disk|namespace|virtio\d*")
DEEPEST = 60  # no machine nests its devices deeper; a made-up file may


def is_lshw(document: object) -> bool:
    """Whether this is a device of lshw: it has an ``id`` and a class, or devices inside it."""
    if not isinstance(document, Mapping) or not isinstance(document.get("id"), str):
        return False
    return text(document.get("class")) in CLASSES or isinstance(document.get("children"), list)


def _nodes(roots: Iterable[Node]) -> list[Node]:
    """All devices, each before those inside it."""
    found: list[Node] = []
    waiting: list[tuple[Node, int]] = [(root, 0) for root in roots][::-1]
    while waiting:
        node, depth = waiting.pop()
        found.append(node)
        children = node.get("children")
        if isinstance(children, list) and depth < DEEPEST:
            inside = [child for child in children if isinstance(child, Mapping)]
            waiting += [(child, depth + 1) for child in reversed(inside)]
    return found


def read(
    roots: list[Node], name: str, file: str | None = None
) -> tuple[MachineReading, tuple[Reading, ...] | None]:
    """What lshw said of one machine and its disks.

    Args:
        roots: the outermost devices of one record.
        name: what to call the machine if it does not say.
        file: where it stands.

    Returns:
        The machine, and its disks: ``None`` where it lists none, since lshw does so for root only.
    """
    nodes = _nodes(roots)
    files = (file,) if file else ()
    system = next((node for node in nodes if node.get("class") == "system"), roots[0])
    is_whole = system.get("class") == "system" or isinstance(system.get("children"), list)
    chassis = (text(at(system, "configuration", "chassis")) or "").lower()
    processors = [node for node in nodes if node.get("class") == "processor"]
    cpu = next((node for node in processors if text(node.get("product"))), None)
    clocks = [number(node.get(key)) or 0 for node in processors for key in ("size", "capacity")]
    clock = max(clocks, default=0)
    title = " ".join(word for key in ("vendor", "product") if (word := text(system.get(key))))
    serial = text(system.get("serial"))
    machine = MachineReading(
        name=f"{title} ({serial})" if title and serial else title or name,
        memory_bytes=_memory(nodes),
        cpu=text(cpu.get("product")) if cpu else None,
        x86_64=_x86_64(processors),
        # Some boards report nonsense; a clock below 100 MHz is none.
        clock_hz=clock if clock >= 100_000_000 else None,
        portable=chassis in PORTABLE if chassis else None,
        batteries=_batteries(nodes) if is_whole else None,
        files=files,
    )
    disks = tuple(_disks(nodes, files))
    return machine, disks or None


def _memory(nodes: list[Node]) -> int | None:
    """Installed memory in bytes: what the boards say, or the sum of their banks."""
    total = 0
    for node in nodes:
        identity = str(node.get("id", "")).partition(":")[0]
        if node.get("class") == "memory" and identity == "memory":
            banks = (
                [
                    number(bank.get("size")) or 0
                    for bank in node.get("children") or []
                    if isinstance(bank, Mapping) and str(bank.get("id", "")).startswith("bank")
                ]
                if isinstance(node.get("children"), list)
                else []
            )
            total += number(node.get("size")) or sum(banks)
    if not total:  # `lshw -class memory` may list the banks alone
        total = sum(
            number(node.get("size")) or 0
            for node in nodes
            if node.get("class") == "memory" and str(node.get("id", "")).startswith("bank")
        )
    return total or None


def _x86_64(processors: list[Node]) -> bool | None:
    """Whether it runs 64-bit Linux for PCs; ``None`` where the record does not tell."""
    verdicts: set[bool] = set()
    for node in processors:
        raw = node.get("capabilities")
        abilities = set(raw) if isinstance(raw, Mapping) else set()
        maker = f"{node.get('vendor')} {node.get('product')}"
        is_x86 = bool(X86 & abilities) or bool(X86_MAKERS.search(maker))
        if "x86-64" in abilities or "lm" in abilities:
            return True
        if is_x86 and number(node.get("width")) == 64:
            verdicts.add(True)
        elif (X86 & abilities and number(node.get("width")) == 32) or FOREIGN & abilities:
            verdicts.add(False)
    return True if True in verdicts else False if verdicts else None


def _batteries(nodes: list[Node]) -> tuple[Battery, ...]:
    """Batteries. lshw knows what they held when new, and never what they hold now."""
    return tuple(
        Battery(text(node.get("product")) or "BAT", None, number(node.get("capacity")))
        for node in nodes
        if node.get("class") == "power" and str(node.get("id", "")).startswith("battery")
    )


def _disks(nodes: list[Node], files: tuple[str, ...]) -> Iterable[Reading]:
    for node in nodes:
        identity = str(node.get("id", "")).partition(":")[0]
        is_disk = node.get("class") == "disk" and bool(DISK.fullmatch(identity))
        is_nvme = node.get("class") == "storage" and identity == "nvme"
        if not (is_disk or is_nvme):
            continue
        where = _path(node.get("logicalname"))
        said = text(node.get("description"), 300) or ""
        bus = _bus(node, said)
        if bus == "nvme" and is_disk:
            continue  # its controller has the model and serial
        raw = node.get("capabilities")
        abilities = {str(key) for key in raw} if isinstance(raw, Mapping) else set()
        removable = yes(at(node, "capabilities", "removable")) is True or "removable" in abilities
        yield Reading(
            path=where,
            model=text(node.get("product")),
            serial=text(node.get("serial")),
            medium="ssd" if bus == "nvme" else _medium(abilities),
            bus=bus,
            size_bytes=number(node.get("size")) or _inside(node),
            gaps=frozenset({"not_asked"}),
            removable=removable or bus == "usb",
            files=files,
        )


def _path(raw: object) -> str | None:
    """Device node; lshw gives one name or a list of them."""
    names = raw if isinstance(raw, list) else [raw]
    shown = [text(one) or "" for one in names]
    return next((name for name in shown if name.startswith("/dev/")), None)


def _bus(node: Node, said: str) -> str:
    where = (text(node.get("businfo")) or "").partition("@")[0]
    path = _path(node.get("logicalname")) or ""
    if "nvme" in path or where == "nvme" or str(node.get("id")).startswith("nvme"):
        return "nvme"
    if where == "virtio":
        return "virtio"
    if where == "usb" or "usb" in said.lower():
        return "usb"
    if "ATA" in said:
        return "sata"
    return "mmc" if where == "mmc" else "scsi" if "SCSI" in said else "unknown"


def _medium(abilities: set[str]) -> str:
    """Medium: it is told only that a disk turns (``15000rpm``), never that not."""
    return "hdd" if any(re.fullmatch(r"\d+rpm", ability) for ability in abilities) else "unknown"


def _inside(node: Node) -> int | None:
    """Size of the namespace inside an NVMe controller."""
    sizes = (
        [
            number(child.get("size")) or 0
            for child in node.get("children") or []
            if isinstance(child, Mapping)
        ]
        if isinstance(node.get("children"), list)
        else []
    )
    return max(sizes, default=0) or None
