"""The whole job on virtual PCs: build what is missing, make dirty PCs, go the one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from netspring_provision import lab, live
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, UsageError
from netspring_provision.image.build import build as build_image
from netspring_provision.image.manifest import Manifest
from netspring_provision.image.profiles import locale
from netspring_provision.image.profiles import profile as profile_named
from netspring_provision.lab.model import DiskSpec, Firmware
from netspring_provision.methods import Policy
from netspring_provision.model import Plan
from netspring_provision.progress import Display
from netspring_provision.steps.images import requirements_of
from netspring_provision.steps.inspect import inspect_machines
from netspring_provision.steps.job import Job, open_job
from netspring_provision.steps.plan import keep, plan_machines
from netspring_provision.steps.provision import Progressed, provision_machines
from netspring_provision.steps.report import write_report

PREFIX = "labrun-"  # PCs of this name belong to this command, which makes them anew each time
LIVE_SECONDS = 300.0
GIB = 1 << 30


@dataclass(frozen=True)
class Wanted:
    """What a person asked for.

    Attributes:
        locale: language of the PCs; the image is the same for all.
        memory_bytes: of each PC; the profile's minimum, rounded up to 1 GiB, when ``None``.
        disks: of each PC; one SATA disk of the profile's minimum size when empty.
    """

    machines: int
    profile: str
    locale: str
    firmware: Firmware
    memory_bytes: int | None = None
    disks: tuple[DiskSpec, ...] = ()


@dataclass(frozen=True)
class LabRun:
    """How it went.

    Attributes:
        leftovers: occurrences of the donor's pattern on the raw disk files after the wipe, by PC,
            counted on the host.
        screenshots: picture of the screen at the end, by PC.
    """

    rows: tuple[Progressed, ...]
    leftovers: Mapping[str, int]
    screenshots: Mapping[str, Path]
    report: Path
    run_id: str


def run(
    station: Station, wanted: Wanted, shown: Display, show_plan: Callable[[Plan], None]
) -> LabRun:
    """Take ``wanted.machines`` new dirty PCs to verified classroom PCs.

    Raises:
        NetspringError: a build failed, this station lacks something, or a PC did not start.
    """
    station.ensure()
    profile_named(wanted.profile)
    if not 1 <= wanted.machines <= 60:
        raise UsageError(
            "--machines takes 1 to 60", hint="each PC needs its memory on this station"
        )
    shown.say("live environment: built if anything in it changed (about two minutes)")
    environment = live.build(station, on_event=shown.on_event)
    shown.say("live environment ready")
    image, built = build_image(station, wanted.profile, on_step=shown.say, on_event=shown.on_event)
    shown.say(f"image {image.name} {'built' if built else 'ready'}")
    names = [f"{PREFIX}{number}" for number in range(1, wanted.machines + 1)]
    for name in names:
        _make(station, name, wanted, image, shown)
    for name in names:
        lab.start(station, name, boot="live", live=environment)
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        pcs = [lab.load(station, name) for name in names]
        for pc, seconds in zip(
            pcs, pool.map(lambda p: lab.wait_for_ssh(p, LIVE_SECONDS), pcs), strict=True
        ):
            shown.say(f"{pc.name}: live environment answers after {seconds:.0f} s")
    with open_job(
        station, "inventories/lab", ",".join(names), on_event=shown.on_event, say=shown.say
    ) as job:
        return _provision(_speaking(job, locale(wanted.locale)), image, shown, show_plan)


def _speaking(job: Job, name: str) -> Job:
    """The same job in a room of that language."""
    hosts = (replace(host, vars={**host.vars, "netspring_locale": name}) for host in job.hosts)
    return replace(job, hosts=tuple(hosts))


def _make(station: Station, name: str, wanted: Wanted, image: Manifest, shown: Display) -> None:
    """A new dirty PC of that name; an earlier run's is thrown away."""
    if any(pc.name == name for pc in lab.list_pcs(station)):
        if lab.load(station, name).running:
            lab.kill(station, name)
        lab.destroy(station, name)
    memory = wanted.memory_bytes or -(-image.minimum_memory_bytes // GIB) * GIB
    disks = wanted.disks or (DiskSpec("sata", -(-image.minimum_disk_bytes // GIB) * GIB),)
    shown.say(f"{name}: a new virtual PC with {len(disks)} disk(s) full of a donor's data")
    lab.create(station, name, wanted.firmware, memory, disks)


def _provision(
    job: Job, image: Manifest, shown: Display, show_plan: Callable[[Plan], None]
) -> LabRun:
    images = {host.name: image for host in job.hosts}
    inspection = inspect_machines(job)
    if not inspection.facts:
        reasons = "; ".join(f"{m.host}: {m.reason}" for m in inspection.missing)
        raise MachineFailedError(f"no virtual PC could be inspected: {reasons}")
    # These PCs were made by this very command: their USB disks are nobody's, and all are new.
    serials = frozenset(d.serial for f in inspection.facts for d in f.disks if d.serial)
    usb = (d.serial for f in inspection.facts for d in f.disks if d.bus == "usb" and d.serial)
    policy = Policy(usb_serials=frozenset(usb), retry_failed=serials)
    plan = plan_machines(job, inspection, requirements=requirements_of(images), policy=policy)
    keep(job, plan)
    show_plan(plan)
    leftovers: dict[str, int] = {}

    def scan(names: tuple[str, ...]) -> None:
        for name in names:
            disks = lab.load(job.station, name).disks
            leftovers[name] = sum(lab.count_pattern(disk.path) for disk in disks)
            shown.say(
                f"{name}: the host finds the donor's pattern {leftovers[name]} times "
                f"on {len(disks)} raw disk file(s)"
            )
            if leftovers[name]:
                raise MachineFailedError(
                    f"{name}: reported as erased, but the donor's pattern is still on its disks",
                    hint="this is a defect of netspring: keep the lab folder and report it",
                )

    rows = provision_machines(job, plan, plan.confirm, images, after_wipe=scan)
    pictures = {row.host: job.folder / f"{row.host}-screen.png" for row in rows}
    taken = {}
    for name, path in pictures.items():
        if lab.load(job.station, name).running:
            taken[name] = lab.screenshot(job.station, name, path)
    report = write_report(job, rows, screens=taken)
    return LabRun(rows, leftovers, taken, report, job.run_id)
