"""One PC with every kind of disk for the matrix of a wipe: sound ones, failing ones, liars."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_erase import canaries

from netspring_provision import lab, live, ssh
from netspring_provision.lab.dirt import BLOCK_BYTES, RECORD_BYTES, record
from netspring_provision.lab.model import LabDisk, Pc
from netspring_provision.ledger import Ledger
from tests.vm.conftest import GIB, INVENTORY, Lab
from tests.vm.refusal_kit import on

# Of this size, 128 KiB before the last canary are the place of no canary: only a writer or reader
# of every byte comes there.
SIZE = 65664 * 1024
BARE = 130660  # a sector in the midst of it
GOOD = (
    "sata:64M:GOOD-SATA",
    "nvme:64M:GOOD-NVME",
    "scsi:64M:GOOD-SCSI",
    "virtio:64M:GOOD-VIRTIO",
    "usb:64M:GOOD-USB",
    "sd:32M",
)
BAD = (
    f"sata:65664K:BAD-READ,unreadable={BARE}",
    f"sata:65664K:BAD-WRITE,unwritable={BARE}",
    f"scsi:65664K:BAD-MEDIUM,unreadable={BARE}",
    "virtio:64M:BAD-FLUSH,flush-fails",
    f"scsi:65664K:LIES-SECTOR,stuck={BARE}",
    "usb:64M:LIES-SIZE,wraps=32M",
    "nvme:64M:LIES-FORMAT,fake-erase",
    "scsi:64M:PROTECTED,read-only",
    "sata:64M:SOUND",
)
# One more, in the PC's own memory: the kernel's SCSI test disk with an unreadable sector.
SCSI_DEBUG = (
    f"modprobe scsi_debug dev_size_mb=64 opts=2 medium_error_start={BARE} medium_error_count=1"
)


@dataclass(frozen=True)
class Matrix:
    """The PC after its one wipe.

    Attributes:
        plan: as ``plan --json`` printed it.
        told: what ``wipe --json`` said of each disk, by serial.
        done: how the wipe itself ended.
        protected: what the write-protected disk held before.
    """

    lab: Lab
    pc: Pc
    plan: Mapping[str, Any]
    told: Mapping[str, Mapping[str, Any]]
    done: subprocess.CompletedProcess[str]
    protected: bytes

    def disk(self, serial: str) -> LabDisk:
        """The disk with this serial."""
        (found,) = (d for d in self.pc.disks if d.serial == serial)
        return found

    def planned(self, serial: str) -> Mapping[str, Any]:
        """What the plan says of it."""
        (found,) = (d for m in self.plan["machines"] for d in m["disks"] if d["serial"] == serial)
        return dict(found)

    def scsi_debug(self) -> str:
        """Serial of the kernel's SCSI test disk."""
        (found,) = (
            str(disk["serial"])
            for machine in self.plan["machines"]
            for disk in machine["disks"]
            if "scsi_debug" in disk["model"]
        )
        return found

    def failed(self, serial: str, *words: str) -> Mapping[str, Any]:
        """The evidence of a disk that has failed, for a reason with these words."""
        entry = self.told[serial]
        assert entry["outcome"] == "failed", entry
        missing = [word for word in words if word not in entry["reason"]]
        assert not missing, entry["reason"]
        return dict(entry["evidence"])

    def records(self, *kinds: str) -> list[Any]:
        """What the ledger holds of the PC."""
        with closing(Ledger(self.lab.station.ledger)) as ledger:
            assert ledger.check() > 0
            return [r for r in ledger.records(machine=self.pc.uuid) if r.kind in kinds]

    def on(self, command: str) -> str:
        """What a command prints on the PC."""
        return on(self.lab, self.pc, command)

    def path(self, serial: str) -> str:
        """The device node of a disk on the running PC."""
        listed = self.on("lsblk -Jdno PATH,SERIAL")
        (path,) = [d["path"] for d in json.loads(listed)["blockdevices"] if d["serial"] == serial]
        return str(path)


def open_matrix(station_lab: Lab) -> Matrix:
    """Boot the PC, plan it with its USB disks named, and wipe it by one command."""
    assert not covered(SIZE, BARE), "a canary lies on the spoiled sector: choose another"
    # A process and 16 MiB of buffers for each disk.
    pc = station_lab.pc("mixed", *GOOD, *BAD, memory=2 * GIB)
    before = next(d for d in pc.disks if d.serial == "PROTECTED").path.read_bytes()
    pc = lab.start(station_lab.station, pc.name, boot="live", live=live.show(station_lab.station))
    lab.wait_for_ssh(pc, 600)
    assert pc.ssh_port
    assert ssh.enrol(station_lab.station, "127.0.0.1", pc.ssh_port) is not None
    on(station_lab, pc, SCSI_DEBUG)
    plan = station_lab.plan(pc.name, code=1, usb=("GOOD-USB", "LIES-SIZE"))
    done = station_lab.run(*wipe_words(plan, pc.name), "--json")
    told = {disk["serial"]: disk for disk in json.loads(done.stdout)[pc.name]}
    return Matrix(station_lab, pc, plan, told, done, before)


def wipe_words(plan: Mapping[str, Any], limit: str) -> tuple[str, ...]:
    """The arguments of ``netspring wipe`` with the plan's own phrase."""
    words = ("--limit", limit, "--plan", plan["file"], "--confirm", plan["confirm"])
    return ("wipe", *INVENTORY, *words)


def covered(size: int, sector: int) -> bool:
    """Whether a canary may ever lie on a sector of a disk of ``size`` bytes."""
    at, rng = sector * 512, random.Random(1)  # noqa: S311
    return any(
        place <= at < place + length
        for _ in range(200)
        for place, length in canaries.positions(size, rng)
    )


def dirty(disk: LabDisk) -> int:
    """Put a donor's data on every byte of a disk, behind its PC's back; how often it is there."""
    with disk.path.open("r+b") as raw:
        for block in range(disk.size_bytes // BLOCK_BYTES):
            raw.write(record(disk.serial, block) * (BLOCK_BYTES // RECORD_BYTES))
    return lab.count_pattern(disk.path)


def certificates(station_lab: Lab) -> dict[str, Path]:
    """The newest certificate of each disk, by serial, in the order of their issue."""
    listed = station_lab.json("report", "list")["records"]
    return {one["serial"]: Path(one["path"]) for one in listed}
