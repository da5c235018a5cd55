"""Are services, disks, clock and memory well?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspring_provision.checks.asking import Facts, Seen, part, require
from netspring_provision.checks.expectation import Expectation

CLOCK_SECONDS = 300
# The kernel keeps a part of the RAM that an image asks for to itself.
MEMORY_SHARE = 0.95
GOOD_STATES = ("running",)


def test_services_are_well(facts: Facts, seen: Seen) -> None:
    """Systemd has finished starting and no unit failed."""
    units = part(facts, "units")
    seen(units["state"])
    problems = [f"failed: {name}" for name in units["failed"]]
    if units["state"] not in GOOD_STATES:
        problems.append(f"systemd says {units['state']!r}")
    require(problems)


def test_kernel_has_no_disk_errors(facts: Facts, seen: Seen) -> None:
    """No complaint about any disk since it was switched on."""
    kernel = part(facts, "kernel")
    seen(f"{kernel['lines']} lines read")
    errors = kernel["disk_errors"]
    require([f"{len(errors)} lines like: {errors[0]}"] if errors else [])


def test_clock_is_right(facts: Facts, seen: Seen) -> None:
    """Within five minutes of the station's clock."""
    clock = part(facts, "clock")
    station = part(facts, "station")
    # The machine looked at its clock somewhere between our question and its answer.
    off = min(0.0, clock["epoch"] - station["asked"]) or max(
        0.0, clock["epoch"] - station["answered"]
    )
    seen(f"{off:+.0f} s, {clock['timezone']}")
    if abs(off) > CLOCK_SECONDS:
        require([f"it is {off:+.0f} s off the station's clock"])


def test_memory_is_enough(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """What the image asks for, less the kernel's share."""
    memory = part(facts, "memory")
    found = memory["bytes"]
    asked = expected.minimum_memory_bytes or expected.features.minimum_memory_bytes
    seen(f"{found / 1e9:.2f} GB, {memory['used'] / 1e6:.0f} MB of it in use after login")
    if found < asked * MEMORY_SHARE:
        require([f"it has {found / 1e9:.2f} GB, the image asks for {asked / 1e9:.2f} GB"])


def test_swap_is_compressed_memory(facts: Facts, seen: Seen) -> None:
    """Zram is in use, and no swap on a disk holds the children's memory."""
    swaps = part(facts, "memory")["swaps"]
    seen(", ".join(swaps) or "-")
    problems = [f"swap on {name}" for name in swaps if not name.startswith("/dev/zram")]
    if not any(name.startswith("/dev/zram") for name in swaps):
        problems.append("no zram swap is in use")
    require(problems)


def test_disks_are_healthy(facts: Facts, seen: Seen) -> None:
    """No disk says of itself that it fails; one that tells nothing is reported as such."""
    drives = part(facts, "drives")
    seen("; ".join(_judged(drive) for drive in drives) or "-")
    problems = [] if drives else ["no disk is known to udisks"]
    for drive in drives:
        if drive.get("failing") or drive.get("failing_now", 0) > 0:
            problems.append(f"{drive['path']} ({drive['model']}) says that it is failing (SMART)")
        if drive.get("warnings"):
            problems.append(f"{drive['path']} warns: {', '.join(drive['warnings'])}")
        if drive.get("supported") and drive.get("enabled") and not drive.get("updated"):
            problems.append(f"{drive['path']} does not give its record of its own health")
    require(problems)


def _judged(drive: Mapping[str, Any]) -> str:
    """One disk in short."""
    words = [f"{drive['path']} {drive['model']}"]
    if not drive.get("updated"):
        return words[0] + " tells nothing of its health"
    hours = drive.get("hours", drive.get("seconds", 0) // 3600)
    words.append(f"{hours} h in use")
    if drive.get("bad_sectors", -1) >= 0:
        words.append(f"{drive['bad_sectors']} bad sectors")
    return ", ".join(words)


def test_parts_are_known(facts: Facts, seen: Seen) -> None:
    """Battery, camera and Wi-Fi: told, not judged. A PC may go without any of them."""
    found = part(facts, "hardware")
    told = []
    for battery in found["batteries"]:
        holds = "?" if battery["of_new"] is None else f"{battery['of_new']:.0%}"
        charge = "?" if battery["percent"] is None else f"{battery['percent']}%"
        told.append(
            f"battery {battery['name']}: {charge} charged, holds {holds} of what it did new"
        )
    told += [] if found["batteries"] else ["no battery"]
    told += [f"camera {name}" for name in found["cameras"]] or ["no camera"]
    for card in found["wifi"]:
        off = "switched off by its switch" if card["off_by_switch"] else "ready"
        off = "switched off in the settings" if card["off_by_setting"] else off
        told.append(f"Wi-Fi {card['name']} ({card['driver']}): {off}")
    told += [f"Wi-Fi card {name} has no driver" for name in found["wifi_without_driver"]]
    told += [] if found["wifi"] or found["wifi_without_driver"] else ["no Wi-Fi"]
    seen("; ".join(told))
