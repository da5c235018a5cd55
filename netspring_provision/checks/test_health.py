"""Are services, disks, clock and memory well?"""

from __future__ import annotations

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
    found = part(facts, "memory")["bytes"]
    asked = expected.minimum_memory_bytes or expected.features.minimum_memory_bytes
    seen(f"{found / 1e9:.2f} GB")
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
