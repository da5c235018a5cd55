"""Ways to make a live PC unfit for a wipe, and to prove on the host that nothing was done to it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from netspring_provision import consent, lab, live, ssh
from netspring_provision.errors import MachineFailedError
from netspring_provision.image import manifest
from netspring_provision.image.manifest import Manifest
from netspring_provision.lab.dirt import make_disk
from netspring_provision.lab.model import LabDisk, Pc
from netspring_provision.ledger import Ledger
from netspring_provision.model import Plan
from netspring_provision.plan import confirm_phrase
from tests.vm.conftest import Lab

MIB = 1 << 20
GIB = 1 << 30
Done = subprocess.CompletedProcess[str]
# The disks of `main`, by their place.
SATA, NVME, SCSI = 0, 1, 2


def digests(*pcs: Pc) -> dict[Path, str]:
    """SHA-256 of every raw disk of these PCs, read on the host."""
    found = {}
    for disk in (disk for pc in pcs for disk in pc.disks):
        with disk.path.open("rb") as file:
            found[disk.path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@contextmanager
def untouched(*pcs: Pc) -> Iterator[None]:
    """Every byte of these PCs' disks is the same after the block as before it."""
    before = digests(*pcs)
    yield
    assert digests(*pcs) == before, "a disk was changed by what should have been refused"


def on(station_lab: Lab, pc: Pc, command: str) -> str:
    """Run a command on the live PC as root."""
    port = lab.load(station_lab.station, pc.name).ssh_port
    assert port
    return ssh.run_command(station_lab.station, "127.0.0.1", port, "root", None, command)


@contextmanager
def made_so(station_lab: Lab, pc: Pc, begin: str, end: str) -> Iterator[None]:
    """Bring the live PC into a state by one command, and out of it by another."""
    on(station_lab, pc, begin)
    try:
        yield
    finally:
        on(station_lab, pc, end)


def said(done: Done, code: int, *words: str) -> str:
    """What the command told; it ended with ``code`` and named all of these, and a way out."""
    text = " ".join(f"{done.stderr} {done.stdout}".replace("│", " ").split())
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    missing = [word for word in words if word not in text]
    assert not missing, f"{missing} not in: {text}"
    assert "Traceback" not in text
    return text


class Plans:
    """Plan files of a station: as the command made them, or changed and sealed with its key."""

    def __init__(self, station_lab: Lab) -> None:
        self.lab = station_lab
        self.key = station_lab.station.plan_key_file.read_text().strip().encode()

    def make(self, *names: str, code: int = 0) -> tuple[Path, Plan]:
        """Plan these machines by the command."""
        path = Path(self.lab.plan(*names, code=code)["file"])
        return path, self.read(path)

    def read(self, path: Path) -> Plan:
        """A plan file of this station."""
        return consent.read(path, self.key)

    def seal(self, plan: Plan, **changes: Any) -> tuple[Path, Plan]:
        """A plan of its own, whole and signed by the station, but with other content."""
        named = f"{plan.plan_id[:20]}-{secrets.token_hex(4)}"
        machines = changes.get("machines", plan.machines)
        phrase = confirm_phrase(machines, named)
        made = dataclasses.replace(plan, **{"plan_id": named, "confirm": phrase, **changes})
        path = self.lab.station.plans / f"{made.plan_id}.json"
        consent.write(made, self.key, path)
        with closing(Ledger(self.lab.station.ledger)) as ledger:
            ledger.append("plan", consent.body_of(made))
        return path, made

    def only(self, plan: Plan, serial: str) -> tuple[Path, Plan]:
        """The same for one disk alone."""
        machine = plan.machines[0]
        disks = tuple(disk for disk in machine.disks if disk.serial == serial)
        assert disks
        return self.seal(plan, machines=(dataclasses.replace(machine, disks=disks),))

    def aged(self, plan: Plan, age: dt.timedelta) -> tuple[Path, Plan]:
        """The same, made that much earlier."""

        def earlier(time: str) -> str:
            return (dt.datetime.fromisoformat(time) - age).isoformat(timespec="seconds")

        return self.seal(plan, created=earlier(plan.created), expires=earlier(plan.expires))

    def wipe(self, limit: str, plan: tuple[Path, Plan], *more: str) -> Done:
        """``netspring wipe`` with the plan's own phrase."""
        path, made = plan
        where = ("-i", "inventories/lab", "--limit", limit)
        return self.lab.run("wipe", *where, "--plan", str(path), "--confirm", made.confirm, *more)


@contextmanager
def plugged_in(
    station_lab: Lab, pc: Pc, folder: Path, serial: str, bus: Literal["scsi", "usb"] = "scsi"
) -> Iterator[Path]:
    """A dirty disk put into the running PC, taken out at the end of the block; yields its file.

    Nothing may have happened to it either.
    """
    name = f"hot{secrets.token_hex(4)}"
    disk = LabDisk(90, bus, 32 * MIB, serial, None, folder / f"{name}.img")
    make_disk(disk, dirty=True)
    before = disk.path.read_bytes()
    disks = _disk_count(station_lab, pc)
    with lab.open_qmp(station_lab.station, pc.name) as qmp:
        file = {"driver": "file", "filename": str(disk.path)}
        qmp.execute("blockdev-add", node_name=name, driver="raw", file=file)
        driver, place = {"scsi": ("scsi-hd", "scsi.0"), "usb": ("usb-storage", "xhci.0")}[bus]
        options = {"driver": driver, "bus": place, "drive": name, "serial": serial}
        qmp.execute("device_add", id=name, **options)
    _wait_for_disks(station_lab, pc, disks + 1)
    try:
        yield disk.path
    finally:
        with lab.open_qmp(station_lab.station, pc.name) as qmp:
            qmp.execute("device_del", id=name)
        _wait_for_disks(station_lab, pc, disks)
        _let_go(station_lab, pc, name)
    assert disk.path.read_bytes() == before


def _disk_count(station_lab: Lab, pc: Pc) -> int:
    return int(on(station_lab, pc, "udevadm settle; ls -d /sys/block/*/device | wc -l"))


def _wait_for_disks(station_lab: Lab, pc: Pc, count: int) -> None:
    deadline = time.monotonic() + 30
    while _disk_count(station_lab, pc) != count:
        assert time.monotonic() < deadline, f"the PC does not come to {count} disks"
        time.sleep(0.3)


def _let_go(station_lab: Lab, pc: Pc, name: str) -> None:
    """Let QEMU close the file, once its device is really gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with lab.open_qmp(station_lab.station, pc.name) as qmp:
                qmp.execute("blockdev-del", node_name=name)
            return
        except MachineFailedError:
            assert time.monotonic() < deadline
            time.sleep(0.3)


def throttle(station_lab: Lab, pc: Pc, index: int, bytes_per_second: int) -> None:
    """Make a disk of the running PC slow; 0 makes it fast again."""
    with lab.open_qmp(station_lab.station, pc.name) as qmp:
        line = f"block_set_io_throttle drive{index} {bytes_per_second} 0 0 0 0 0"
        told = qmp.execute("human-monitor-command", command_line=line)
    assert not told.strip(), told


def tiny_image(folder: Path, station_lab: Lab, name: str, **needs: int) -> Path:
    """A small, whole image signed by this station: 16 MiB of ext4 in zstd."""
    where = folder / name
    where.mkdir(parents=True)
    raw = folder / f"{name}.ext4"
    tree = folder / f"{name}.tree"
    tree.mkdir()
    noise = b"".join(hashlib.sha512(str(n).encode()).digest() for n in range(10 * MIB // 64))
    (tree / "noise").write_bytes(noise)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, raw, "16M"], check=True)
    packed = where / "rootfs.ext4.zst"
    subprocess.run(["zstd", "-q", "-1", raw, "-o", packed], check=True)
    data = packed.read_bytes()
    chunk = 4 * MIB
    made = Manifest(
        schema=1,
        name=name,
        profile="core",
        locale="zh_CN",
        created="2026-01-01T00:00:00+00:00",
        inputs_sha256="0" * 64,
        suite="trixie",
        packages={},
        file=packed.name,
        compressed_bytes=len(data),
        raw_bytes=raw.stat().st_size,
        raw_sha256=hashlib.sha256(raw.read_bytes()).hexdigest(),
        chunk_bytes=chunk,
        chunks=tuple(
            hashlib.sha256(data[at : at + chunk]).hexdigest() for at in range(0, len(data), chunk)
        ),
        minimum_disk_bytes=needs.get("disk", GIB),
        minimum_memory_bytes=needs.get("memory", 256 * MIB),
    )
    manifest.write(made, where, station_lab.station)
    return where


def partition_start(disk: Path, label: str) -> tuple[int, int]:
    """Offset and length in bytes of the partition with this GPT label, on the host's raw file."""
    done = subprocess.run(["sfdisk", "--json", disk], check=True, capture_output=True, text=True)
    table = json.loads(done.stdout)["partitiontable"]
    (part,) = [p for p in table["partitions"] if p.get("name") == label]
    return part["start"] * 512, part["size"] * 512


def is_zero(path: Path, start: int, size: int) -> bool:
    """Whether a part of a raw disk holds nothing but zeros."""
    with path.open("rb") as file:
        file.seek(start)
        while size > 0:
            piece = file.read(min(size, 4 * MIB))
            if not piece or piece.count(0) != len(piece):
                return False
            size -= len(piece)
    return True


@dataclasses.dataclass(frozen=True)
class Shop:
    """A workshop: two PCs in our live environment, and one in that of another station."""

    lab: Lab
    main: Pc
    other: Pc
    alien: Pc
    plans: Plans
    base: tuple[Path, Plan]

    def disk(self, index: int) -> str:
        """Serial of a disk of `main`."""
        return self.main.disks[index].serial

    def path(self, index: int) -> str:
        """Device node of a disk of `main`, as its plan names it."""
        serial = self.disk(index)
        return next(d.path for d in self.base[1].machines[0].disks if d.serial == serial)


def open_shop(station_lab: Lab) -> Shop:
    """Boot the three PCs at once and plan the wipe of `main`."""
    main = station_lab.pc("main", "sata:64M", "nvme:32M", "scsi:32M", memory=GIB)
    other = station_lab.pc("other", "sata:1200M", memory=GIB)
    alien = station_lab.pc("alien", "sata:32M", memory=GIB)
    ours = live.show(station_lab.station)
    theirs = dataclasses.replace(ours, cmdline=live.cmdline("0" * 64))
    started = [
        lab.start(station_lab.station, pc.name, boot="live", live=environment)
        for pc, environment in ((main, ours), (other, ours), (alien, theirs))
    ]
    for pc in started:
        lab.wait_for_ssh(pc, 300)
    plans = Plans(station_lab)
    return Shop(station_lab, main, other, alien, plans, plans.make("main"))
