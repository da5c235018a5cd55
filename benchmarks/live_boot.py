"""Power-on to SSH of the live environment, and its size, beside their limits.

    benchmarks/live_boot.py       a virtual PC with 1 GB of RAM, by BIOS and by UEFI

A station with other work takes longer; what it prints is the time of this run.
"""

from __future__ import annotations

import time

from netspring_provision import lab, live
from netspring_provision.config import Station

LIMIT_SECONDS = 45.0  # under TCG on two cores
LIMIT_BYTES = 110_000_000
GIB = 1 << 30
NAME = "bench-live"


def seconds_to_ssh(station: Station, found: live.Live, firmware: lab.model.Firmware) -> float:
    """Seconds from power-on to the greeting of SSH."""
    lab.create(station, NAME, firmware, GIB, [lab.parse_disk("sata:64M")])
    try:
        begun = time.monotonic()
        lab.wait_for_ssh(lab.start(station, NAME, boot="live", live=found), 300)
        return time.monotonic() - begun
    finally:
        if lab.load(station, NAME).running:
            lab.kill(station, NAME)
        lab.destroy(station, NAME)


def main() -> None:
    """Print both, with the ratio to the limit."""
    station = Station.from_environment().ensure()
    found = live.build(station)
    size = found.kernel.stat().st_size + found.initrd.stat().st_size
    print(f"kernel + initrd  {size / 1e6:6.1f} MB  limit 110.0 MB  ratio {size / LIMIT_BYTES:.2f}")
    for firmware in ("bios", "uefi"):
        took = seconds_to_ssh(station, found, firmware)
        ratio = took / LIMIT_SECONDS
        print(
            f"SSH, {firmware:<4}        {took:6.1f} s   limit {LIMIT_SECONDS} s  ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
