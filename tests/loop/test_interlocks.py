"""Every interlock of docs/interlocks.md on the production path: plain Ansible, on a PC's own disk.

Each case brings a PC into one state that must stop the wipe, and runs the wipe as a person does. It
is refused with device, reason and way out, and not a byte of the disk has changed. Then the same
run with that one interlock silenced, in a copy of the roles: now the disk is erased, or the next
interlock behind it speaks. So it was this one that stood in the way, it is called where it counts,
and a change that removes or short-circuits it makes its case fail.
"""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from donated_pc import MIB, Disk, DonatedPc, Workshop

pytestmark = pytest.mark.loop

GUARD = "roles/disk_wipe/module_utils/netspring_erase/guard.py"
WWN = "0x5000c500a1b2c3d4"


@dataclass
class Scene:
    """One PC with one disk, and what a person is about to do with it.

    Attributes:
        changes: what the disk's part of the plan says instead.
        body: what the plan says instead.
        phrase: what is typed; None for the plan's own.
    """

    workshop: Workshop
    pc: DonatedPc
    disk: Disk
    changes: dict[str, Any]
    body: dict[str, Any]
    phrase: str | None = None
    more: tuple[dict[str, Any], ...] = ()

    def plan(self) -> Path:
        part = self.pc.part(self.disk.planned(**self.changes), *self.more)
        return self.workshop.plan(part, **self.body)


@dataclass(frozen=True)
class Case:
    """One way in which a wipe must not begin.

    Attributes:
        bus: of the disk.
        make: brings the PC or the plan into that state.
        words: what is told.
        silenced: functions of guard.py that are told to find nothing.
        then: what the next interlock says; empty where the disk is then erased.
        harmed: nothing else stands behind it, and the work ends with canaries on the disk.
    """

    make: Callable[[Scene], object]
    words: tuple[str, ...]
    silenced: tuple[str, ...] = ()
    then: str = ""
    harmed: bool = False
    bus: str = "sata"


def write(name: str, content: str) -> Callable[[Scene], object]:
    return lambda scene: (scene.pc.folder / name).write_text(content)


def on_pc(command: str) -> Callable[[Scene], object]:
    return lambda scene: scene.pc.run(command)


def planned(**changes: Any) -> Callable[[Scene], object]:
    return lambda scene: scene.changes.update(changes)


def twin(scene: Scene, wwn: str | None = None) -> None:
    """Another disk of the same serial beside it; the PC is switched on with both."""
    scene.pc.add(scene.disk.serial, wwn=wwn)


HOLDER = (
    "import os,sys,time; os.open(sys.argv[1], os.O_RDWR | os.O_EXCL); print('held', flush=True); "
    "time.sleep(600)"
)


def claimed(scene: Scene) -> None:
    """What LVM, RAID, ZFS or bcache do: an exclusive claim, of which sysfs tells nothing here."""
    argv = [str(scene.pc.folder / "python"), "-c", HOLDER, scene.disk.path]
    holder = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with (scene.pc.folder / "jobs").open("a") as file:
        file.write(f"{holder.pid}\n")


def mounted(scene: Scene) -> None:
    path = scene.disk.path
    scene.pc.run(f"mkfs.ext4 -q {path} && mkdir -p /run/mnt && mount -o ro {path} /run/mnt")


def swapped_on(scene: Scene) -> None:
    scene.pc.run(f"mkswap -q {scene.disk.path} 2>/dev/null; swapon {scene.disk.path}")


def booted_from(scene: Scene) -> None:
    """The system that runs lies on this very disk: what it sees as / is mounted from it."""
    folder = scene.pc.folder
    links = " ".join(
        f"[ -L /{n} ] && ln -s usr/{n} root/{n};" for n in ("bin", "sbin", "lib", "lib64")
    )
    binds = " ".join(
        f"mkdir -p root/{n}; mount --rbind /{n} root/{n};"
        for n in ("usr", "dev", "proc", "sys", "run", "tmp", "etc")
    )
    scene.pc.run(
        f"cd {folder}; mkdir root; mkfs.ext4 -q {scene.disk.path}; mount {scene.disk.path} root; "
        f"{links} {binds} mount -o remount,ro {scene.disk.path} root; sync"
    )
    python = folder / "python"
    python.write_text(python.read_text().replace("-- /usr", f"-- chroot {folder}/root /usr"))


def age(scene: Scene) -> None:
    """A plan whose half hour is over."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    scene.body["expires"] = past.isoformat(timespec="seconds")


MACHINE, IDENTITY, DISK, PLAN = (
    ("machine_refusal",),
    ("identity_refusal",),
    ("disk_refusal",),
    ("plan_fault",),
)
BOOT = "boot it from the live environment of this station"
CASES = {
    # 1: the live environment of this station
    "no marker": Case(on_pc("rm /run/netspring-live"), ("no marker", BOOT), MACHINE),
    "no token": Case(write("cmdline", "quiet\n"), ("live token is missing", BOOT), MACHINE),
    "another token": Case(
        write("cmdline", "netspring.token=another\n"), ("another station", BOOT), MACHINE
    ),
    # 2: nothing that is in use
    "boot medium": Case(
        booted_from,
        ("is in use (boot: /dev/sdu on /", "stop what uses it"),
        DISK,
        "the kernel holds",
    ),
    "mounted": Case(
        mounted, ("is in use (mounted: /dev/sdu on /run/mnt)", "stop"), DISK, "the kernel holds"
    ),
    "swap": Case(swapped_on, ("is in use (swap: /dev/sdu)", "stop"), DISK, "the kernel holds"),
    "multipath": Case(
        lambda s: s.pc.hold(s.disk, "mpath-3600508b1"), ("is in use (multipath: ", "stop"), DISK
    ),
    "lvm": Case(lambda s: s.pc.hold(s.disk, "LVM-abc"), ("is in use (lvm: ", "stop"), DISK),
    "crypt": Case(lambda s: s.pc.hold(s.disk, "CRYPT-LUKS2"), ("is in use (dm: ", "stop"), DISK),
    "claimed": Case(claimed, ("/dev/sdu is in use by something the kernel holds", "boot the live")),
    "read-only": Case(
        lambda s: s.pc.run(f"blockdev --setro {s.disk.path}"),
        ("/dev/sdu (serial DONOR-1) is read-only", "write-protect switch"),
        DISK,
        "is read-only",
    ),
    # 3: the very machine and disk of the plan
    "another machine": Case(
        write("sys/class/dmi/id/product_uuid", "99999999-2222-3333-4444-555555555555\n"),
        ("has the UUID 99999999-", "plan again"),
        MACHINE,
    ),
    "machine without UUID": Case(
        write("sys/class/dmi/id/product_uuid", "00000000-0000-0000-0000-000000000000\n"),
        ("has the UUID none", "plan again"),
        MACHINE,
    ),
    "disk swapped": Case(
        lambda s: s.pc.set_serial(s.disk, "OTHER"),
        ("/dev/sdu: the disk with serial DONOR-1 was planned", "now has the serial OTHER"),
    ),
    "another size": Case(
        planned(size_bytes=12 * MIB - 512),
        ("its size in bytes is 12582912", "plan again"),
        IDENTITY,
    ),
    "another WWN": Case(
        planned(wwn="0x5000c500ffffffff"), ("its WWN is " + WWN, "plan again"), IDENTITY
    ),
    "another bus": Case(planned(bus="nvme"), ("its bus is sata", "plan again"), IDENTITY),
    # 4: no serial, or one that two disks have
    "no serial in the plan": Case(
        planned(serial=""), ("no serial number", "by hand"), PLAN, "was planned, but"
    ),
    "no serial on the disk": Case(
        lambda s: s.pc.set_serial(s.disk, " "), ("now has the serial none", "plan again")
    ),
    "twins": Case(
        lambda s: twin(s, "0x5000c500eeeeeeee"),
        ("/dev/sdu and /dev/sdv have the same serial DONOR-1; take one out", "by hand"),
        IDENTITY,
    ),
    "two paths": Case(lambda s: twin(s, WWN), ("two paths to one disk (multipath)",), IDENTITY),
    "planned twice": Case(
        lambda s: setattr(s, "more", (s.disk.planned(),)), ("same serial twice", "by hand"), PLAN
    ),
    # 5: what was typed, and when
    "no phrase": Case(lambda s: setattr(s, "phrase", ""), ("the phrase is not the one",)),
    "another phrase": Case(
        lambda s: setattr(s, "phrase", "ERASE 2 DISKS OF THE TEST 4F2A"), ("the phrase is not the",)
    ),
    "expired": Case(age, ("has expired", "make a new one")),
    # 6: USB only by its serial
    "usb not named": Case(
        planned(), ("a disk on bus usb that nobody named", "--usb DONOR-1"), IDENTITY, bus="usb"
    ),
    # and what a plan of another version asks
    "unknown method": Case(
        planned(method="shred"),
        ("'shred' is unknown", "plan again"),
        PLAN,
        "no outcome",
        harmed=True,
    ),
    "unknown word": Case(planned(passes=3), ("passes", "another version", "plan again"), PLAN),
}


@pytest.fixture
def scene(request: pytest.FixtureRequest, workshop: Workshop) -> Scene:
    """The PC of one case, switched on, with the state that must stop the wipe."""
    case: Case = CASES[request.param]
    pc = workshop.pc("pc1")
    disk = pc.add("DONOR-1", case.bus, wwn=WWN)
    found = Scene(workshop, pc, disk, {}, {})
    if case.make.__name__ == "<lambda>" and "twin" in case.make.__code__.co_names:
        case.make(found)  # a second disk is put in before the PC is switched on
        pc.on()
    else:
        pc.on()
        case.make(found)
    return found


@pytest.mark.parametrize(("scene", "name"), [(n, n) for n in CASES], indirect=["scene"], ids=CASES)
def test_it_stands_in_the_way(scene: Scene, name: str) -> None:
    case, plan = CASES[name], scene.plan()
    before = scene.disk.sha256()
    played = scene.workshop.play(plan, scene.phrase)
    assert played.code == 2
    for word in case.words:
        assert word in played.said["pc1"]
    assert scene.disk.sha256() == before
    if "wipe" in played.results["pc1"]:  # what the station itself refuses is not even asked
        assert set(played.outcomes("pc1")) == {"refused"}
    if not case.silenced:
        return
    scene.workshop.without(GUARD, *case.silenced)
    played = scene.workshop.play(scene.plan(), scene.phrase)
    if case.then:
        assert case.then in played.said["pc1"]
        assert case.harmed or scene.disk.sha256() == before
    else:
        assert not any(word in played.said.get("pc1", "") for word in case.words)
        assert scene.disk.is_zero(), f"something else stood in the way as well: {played.said}"
