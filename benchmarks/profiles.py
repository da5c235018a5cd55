"""What each profile costs a PC: memory, disk, seconds to the desktop; and the station: build time.

    benchmarks/profiles.py                     lite and studio: built anew, installed, measured
    benchmarks/profiles.py --profile lite      one of them
    benchmarks/profiles.py --keep              with the images that are there: no build time

Each goes the real way onto a virtual PC with as much memory as its PCs have: wiped, installed, and
started from its own disk. Then a stopwatch runs from power-on until the screen shows a desktop and
has come to rest; memory is what `free -m` calls used, with what lies in the compressed swap added.
The lines can be pasted into README.md. It ends with 1 if a limit is missed.

A station with other work takes longer; what it prints is of this run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from netspring_provision import lab, live
from netspring_provision.config import Station
from netspring_provision.image.build import build, inputs_of, up_to_date
from netspring_provision.image.manifest import Manifest
from netspring_provision.lab.screen import screen_of
from netspring_provision.lab.session import end, open_as_child, shell
from netspring_provision.steps.boot import trust_installed
from netspring_provision.steps.job import open_job

COMMAND = Path(sys.executable).parent / "netspring"
GIB = 1 << 30
MEMORY = {"lite": 2 * GIB, "studio": 4 * GIB}  # of the PCs that a profile is made for
STILL_SECONDS = 15.0
SETTLE_SECONDS = 60.0  # a session goes on starting things after its desktop is drawn
LONGEST_SECONDS = 600.0
FEWEST_COLOURS = 16  # of a program that fills the screen
PROGRAMS = (["netspring-scratch"], ["tuxpaint"])


@dataclass(frozen=True)
class Limit:
    """A line of the table.

    Attributes:
        what: in words.
        unit: of the numbers.
        most: by profile, what it must not exceed; profiles without a limit are left out.
    """

    what: str
    unit: str
    most: dict[str, float]


LIMITS = {
    "idle": Limit("RAM used after login", "MiB", {"lite": 350}),
    "open": Limit("RAM used with Scratch and Tux Paint open", "MiB", {"lite": 1500}),
    "disk": Limit("image on the disk", "GB", {"lite": 3.2}),
    "packed": Limit("image compressed", "GB", {"lite": 1.4}),
    "desktop": Limit("power-on to desktop, two cores", "s", {"lite": 40}),
    "build": Limit("build, two cores", "min", {"lite": 8}),
}


def table(found: dict[str, dict[str, float]]) -> list[str]:
    """The lines of a Markdown table, from measured values by profile and key (pure)."""
    head = ["what", *(word for name in found for word in (f"`{name}`", "limit"))]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for key, limit in LIMITS.items():
        cells = [limit.what]
        for name, values in found.items():
            cells.append(shown(values.get(key), limit.unit))
            cells.append(shown(limit.most.get(name), limit.unit))
        lines.append(" | ".join(cells))
    return [f"| {line} |" for line in lines]


def shown(value: float | None, unit: str) -> str:
    """A number for people (pure)."""
    if value is None:
        return "-"
    return f"{value:.2f} {unit}" if unit == "GB" else f"{value:.1f} {unit}"


def missed(found: dict[str, dict[str, float]]) -> list[str]:
    """The limits that were not kept, in words (pure)."""
    return [
        f"{name}: {limit.what} is {shown(values[key], limit.unit)},"
        f" the limit {shown(limit.most[name], limit.unit)}"
        for name, values in found.items()
        for key, limit in LIMITS.items()
        if key in values and name in limit.most and values[key] > limit.most[name]
    ]


def used_mib(meminfo: str) -> float:
    """Used memory in MiB from the text of /proc/meminfo, swap included (pure; proc(5))."""
    kib = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+) kB$", meminfo, re.M)}
    used = kib["MemTotal"] - kib["MemAvailable"] + kib["SwapTotal"] - kib["SwapFree"]
    return used / 1024


def image_of(station: Station, profile: str, keep: bool) -> tuple[Manifest, float | None]:
    """The image and the minutes its build took; says whether it came out as the one before."""
    before = up_to_date(station, inputs_of(profile, "zh_CN", None))
    begun = time.monotonic()
    image, built = build(station, profile, force=not keep, on_step=lambda step: print(f"  {step}"))
    minutes = (time.monotonic() - begun) / 60
    if built and before and before.created == image.created:
        same = "the same bytes as" if before.raw_sha256 == image.raw_sha256 else "NOT the bytes of"
        print(f"  {same} the build before")
    return image, minutes if built else None


def installed(station: Station, image: Manifest, name: str) -> None:
    """Make a PC, wipe it and put the image on it; it is off afterwards."""
    if any(pc.name == name for pc in lab.list_pcs(station)):
        lab.destroy(station, name)
    disk = lab.parse_disk(f"sata:{-(-image.minimum_disk_bytes // GIB)}G")
    lab.create(station, name, "bios", MEMORY[image.profile], [disk], dirty=False)
    lab.wait_for_ssh(lab.start(station, name, boot="live", live=live.build(station)), 300)
    where = ("-i", "inventories/lab", "--limit", name)
    plan = json.loads(netspring(station, "plan", *where, "--json"))
    netspring(station, "wipe", *where, "--plan", plan["file"], "--confirm", plan["confirm"])
    netspring(station, "install", *where, "--image", image.name)
    if lab.load(station, name).running:
        lab.stop(station, name)


def netspring(station: Station, *words: str) -> str:
    """What the command prints; a failure of it ends the benchmark."""
    home = {"NETSPRING_HOME": str(station.home)}
    done = subprocess.run(  # noqa: S603 - our own command
        [COMMAND, *words], env=os.environ | home, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def trust(station: Station, name: str) -> None:
    """Take the host key that the installation made for the PC in place of the live one."""
    with open_job(station, "inventories/lab", name) as job:
        trust_installed(job, job.host(name), lab.load(station, name).uuid)


def memory(station: Station, name: str) -> float:
    """Used memory in MiB: the middle one of five looks."""
    looks = []
    for _ in range(5):
        looks.append(used_mib(shell(station, name, "cat /proc/meminfo")))
        time.sleep(3)
    return statistics.median(looks)


def measured(station: Station, name: str) -> dict[str, float]:
    """Seconds to the desktop of a PC that is off, and its memory then and with programs open."""
    begun = time.monotonic()
    pc = lab.start(station, name, boot="disk")
    with screen_of(station, name) as screen:
        desktop = screen.settled(STILL_SECONDS, LONGEST_SECONDS) - begun
        lab.wait_for_ssh(pc, 300)
        trust(station, name)
        time.sleep(SETTLE_SECONDS)
        idle = memory(station, name)
        groups = []
        for program in PROGRAMS:
            groups.append(open_as_child(station, name, *program))
            time.sleep(SETTLE_SECONDS)
            screen.settled(STILL_SECONDS, LONGEST_SECONDS, FEWEST_COLOURS)
        both = memory(station, name)
    running = shell(station, name, "ps -C tuxpaint,chromium -o comm=").split()
    if not {"tuxpaint", "chromium"} <= set(running):
        raise SystemExit(f"Scratch and Tux Paint were to run, but only {running} did")
    for group in groups:
        end(station, name, group)
    return {"desktop": desktop, "idle": idle, "open": both}


def main() -> None:
    """Measure, print the table, and end with 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--profile", action="append", choices=list(MEMORY), help="may be repeated")
    parser.add_argument("--keep", action="store_true", help="build nothing that is there")
    arguments = parser.parse_args()
    station = Station.from_environment().ensure()
    found: dict[str, dict[str, float]] = {}
    for profile in arguments.profile or MEMORY:
        print(f"{profile}:", flush=True)
        image, minutes = image_of(station, profile, arguments.keep)
        name = f"bench-{profile}"
        try:
            installed(station, image, name)
            found[profile] = measured(station, name)
        finally:
            if any(pc.name == name for pc in lab.list_pcs(station)):
                lab.destroy(station, name)
        found[profile] |= {"disk": image.raw_bytes / 1e9, "packed": image.compressed_bytes / 1e9}
        if minutes is not None:
            found[profile]["build"] = minutes
    print("\n".join(table(found)))
    if over := missed(found):
        raise SystemExit("\n".join(over))


if __name__ == "__main__":
    main()
