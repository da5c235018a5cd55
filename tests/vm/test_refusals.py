"""What a live PC and its station refuse: code, device, reason, way out, and not a byte changed.

The PCs boot once for the file. Every test leaves `main` as it was, but for the last ones.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from netspring_provision import content, lab, live
from netspring_provision.config import Station
from tests.vm.conftest import Lab, kept_station
from tests.vm.refusal_kit import (
    GIB,
    NVME,
    SATA,
    SCSI,
    Shop,
    is_zero,
    made_so,
    on,
    open_shop,
    partition_start,
    plugged_in,
    said,
    throttle,
    tiny_image,
    untouched,
)

pytestmark = pytest.mark.vm

INVENTORY = ("-i", "inventories/lab")


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that break no word."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture(scope="session")
def builds() -> Station:
    """These tests need the live environment only: their images are tiny ones of their own."""
    station = kept_station()
    live.build(station)
    station.images.mkdir(exist_ok=True)
    return station


@pytest.fixture(scope="module")
def shop(module_lab: Lab) -> Shop:
    """The PCs of this file, booted once."""
    return open_shop(module_lab)


def test_plain_ansible_inspects_from_the_repository(shop: Shop) -> None:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    argv = [program, *INVENTORY, "--limit", "main"]
    with untouched(shop.main):
        done = subprocess.run(
            [*argv, "playbooks/inspect.yml"],
            cwd=content.root(),
            env=shop.lab.env(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed=0" in done.stdout
    assert "changed=0" in done.stdout


def test_without_the_phrase_or_with_another(shop: Shop) -> None:
    path, plan = shop.base
    argv = ["wipe", *INVENTORY, "--limit", "main", "--plan", str(path)]
    with untouched(shop.main):
        said(shop.lab.run(*argv), 3, "no phrase was given", "nothing was changed", plan.confirm)
        wrong = plan.confirm[:-4] + "0000"
        for typed in ("yes", plan.confirm.lower(), wrong):
            done = shop.lab.run(*argv, "--confirm", typed)
            said(done, 3, "is not this plan's", "nothing was changed", plan.confirm)


def test_an_altered_plan(shop: Shop, tmp_path: Path) -> None:
    path, plan = shop.base
    altered = tmp_path / "plan.json"
    altered.write_text(path.read_text().replace(shop.disk(SATA), shop.disk(SATA) + "X"))
    assert altered.read_text() != path.read_text()
    with untouched(shop.main):
        done = shop.plans.wipe("main", (altered, plan))
    said(done, 3, str(altered.name), "was altered", "netspring plan")


def test_a_plan_older_than_half_an_hour(shop: Shop) -> None:
    old = shop.plans.aged(shop.base[1], dt.timedelta(minutes=31))
    with untouched(shop.main):
        done = shop.plans.wipe("main", old)
    said(done, 3, old[1].expires, "nothing was changed", "make a new plan")


def test_a_plan_for_another_machine(shop: Shop) -> None:
    plan = shop.base[1]
    wrong = dataclasses.replace(plan.machines[0], uuid="00000000-1111-2222-3333-444444444444")
    with untouched(shop.main):
        done = shop.plans.wipe("main", shop.plans.seal(plan, machines=(wrong,)))
        said(done, 3, shop.path(SATA), shop.main.uuid, wrong.uuid, "plan again")
    done = shop.plans.wipe("other", shop.base)
    said(done, 3, "the plan is for main, not for other", "nothing was changed", "netspring plan")


def test_an_empty_limit_never_means_all(shop: Shop) -> None:
    path, plan = shop.base
    with untouched(shop.main):
        done = shop.plans.wipe("", shop.base)
        said(done, 2, "--limit is empty", "leave --limit out")
        done = shop.lab.run("wipe", *INVENTORY, "--limit", "nobody", "--plan", str(path))
        said(done, 2, "--limit nobody", "main")
    assert plan.machines


def test_unknown_keys_of_a_room(shop: Shop, tmp_path: Path) -> None:
    room = ("--profile", "lite", "--directory", str(tmp_path), "--machine", "main=127.0.0.1")
    said(shop.lab.run("room", "new", "room1", *room), 0)
    (variables,) = [p for p in tmp_path.rglob("*.yml") if "group_vars" in p.parts]
    variables.write_text(variables.read_text() + "netspring_profil: lite\n")
    line = len(variables.read_text().splitlines())
    with untouched(shop.main):
        done = shop.lab.run("plan", "-i", str(tmp_path / "room1"))
    said(done, 2, f"{variables}:{line}: unknown key netspring_profil", "allowed keys: netspring_")


CMDLINE = "mount --bind /run/cmdline /proc/cmdline"
NOT_LIVE = {
    "no marker": (
        "mv /run/netspring-live /run/netspring-live.off",
        "mv /run/netspring-live.off /run/netspring-live",
        ("marker", "marker"),
    ),
    "no token": (
        f"sed 's/netspring.token=[^ ]*//' /proc/cmdline > /run/cmdline; {CMDLINE}",
        "umount /proc/cmdline",
        ("token is missing", "token is missing"),
    ),
    "another token": (
        f"sed 's/netspring.token=[^ ]*/netspring.token={'0' * 64}/' /proc/cmdline > /run/cmdline;"
        f" {CMDLINE}",
        "umount /proc/cmdline",
        ("another station", "another station"),
    ),
}


@pytest.mark.parametrize("how", NOT_LIVE)
def test_a_machine_outside_the_live_environment(shop: Shop, how: str) -> None:
    begin, end, (by_plan, by_wipe) = NOT_LIVE[how]
    plan = shop.plans.seal(shop.base[1])
    with untouched(shop.main), made_so(shop.lab, shop.main, begin, end):
        done = shop.lab.run("plan", *INVENTORY, "--limit", "main")
        said(done, 3, "main", by_plan, "boot it from the live environment")
        done = shop.plans.wipe("main", plan)
        said(done, 3, shop.path(SATA), shop.disk(SATA), by_wipe, "boot it from the live")


def test_the_live_environment_of_another_station(shop: Shop) -> None:
    theirs = dataclasses.replace(shop.base[1].machines[0], host="alien", uuid=shop.alien.uuid)
    with untouched(shop.main, shop.alien):
        done = shop.lab.run("plan", *INVENTORY, "--limit", "alien,main")
        said(done, 1, "alien", "this station did not start", "boot it", "ERASE 3 DISKS OF main")
        done = shop.plans.wipe("alien", shop.plans.seal(shop.base[1], machines=(theirs,)))
        said(done, 3, "alien", "this station did not start", "nothing was changed", "boot it")


def test_in_use_or_read_only_is_refused_by_name(shop: Shop) -> None:
    sata, nvme, scsi = shop.path(SATA), shop.path(NVME), shop.path(SCSI)
    on(shop.lab, shop.main, f"mkswap {scsi} && sync")
    plan = shop.plans.seal(shop.base[1])
    begin = (
        f"mkdir -p /run/donor && mount -o ro,noload {sata}2 /run/donor && swapon {scsi} && "
        f"blockdev --setro {nvme}"
    )
    end = f"umount /run/donor; swapoff {scsi}; blockdev --setrw {nvme}; udevadm settle"
    with untouched(shop.main), made_so(shop.lab, shop.main, begin, end):
        done = shop.lab.run("plan", *INVENTORY, "--limit", "main")
        said(done, 3, f"{sata} ({shop.disk(SATA)}): in use (mounted: {sata}2 on /run/donor)")
        said(done, 3, f"{scsi} ({shop.disk(SCSI)}): in use (swap: {scsi})", "stop what uses it")
        said(done, 3, f"{nvme} ({shop.disk(NVME)}): read-only", "write-protect switch")
        done = shop.plans.wipe("main", plan, "--json")
        said(done, 3, f"{sata} (serial {shop.disk(SATA)}) is in use (mounted: ", "stop what uses")
        said(done, 3, f"{scsi} (serial {shop.disk(SCSI)}) is in use (swap: ", "stop what uses it")
        said(done, 3, f"{nvme} (serial {shop.disk(NVME)}) is read-only", "write-protect switch")


def test_held_by_something_of_the_kernel(shop: Shop) -> None:
    """What LVM, RAID and bcache do to a disk: an exclusive claim, here without their drivers."""
    scsi = shop.path(SCSI)
    hold = f"import os,time; os.open('{scsi}', os.O_RDWR | os.O_EXCL); time.sleep(600)"
    begin = f"systemd-run --quiet --unit=holder python3 -c {shlex.quote(hold)}; sleep 2"
    plan = shop.plans.only(shop.base[1], shop.disk(SCSI))
    with untouched(shop.main), made_so(shop.lab, shop.main, begin, "systemctl stop holder"):
        done = shop.plans.wipe("main", plan, "--json")
        said(done, 3, scsi, "in use by something the kernel holds", "boot the live environment")


@pytest.mark.parametrize("change", [{"size_bytes": 64 * 1024**2 - 512}, {"serial": "ANOTHER"}])
def test_a_disk_that_is_not_as_planned(shop: Shop, change: dict[str, Any]) -> None:
    machine = shop.base[1].machines[0]
    disks = tuple(
        dataclasses.replace(d, **change) if d.serial == shop.disk(SATA) else d
        for d in machine.disks
    )
    plan = shop.plans.seal(shop.base[1], machines=(dataclasses.replace(machine, disks=disks),))
    with untouched(shop.main):
        done = shop.plans.wipe("main", plan, "--json")
        said(done, 3, shop.path(SATA), *(str(v) for v in change.values()), "plan again")


def test_a_disk_swapped_since_the_plan_holds_the_machines_behind_it(
    shop: Shop, tmp_path: Path
) -> None:
    """`main` goes first: refused, and nothing is begun on `other` until it is left out."""
    with plugged_in(shop.lab, shop.main, tmp_path, "BEFORE"):
        plan = shop.plans.make("main", "other")
    with plugged_in(shop.lab, shop.main, tmp_path, "AFTER"), untouched(shop.main):
        with untouched(shop.other):
            done = shop.plans.wipe("main,other", plan, "--json")
            said(done, 3, "disk with serial BEFORE was planned", "plan again")
            said(done, 3, "the first machine of this batch, main, was refused", "leave main out")
        done = shop.plans.wipe("other", plan)
        said(done, 0, "every byte read back")
    disk = shop.other.disks[0]
    assert lab.count_pattern(disk.path) == 0
    assert is_zero(disk.path, 0, disk.size_bytes)


@pytest.mark.parametrize("serial", ["same", ""])
def test_a_duplicate_or_empty_serial(shop: Shop, tmp_path: Path, serial: str) -> None:
    twin = shop.disk(SATA) if serial else ""
    plan = shop.plans.seal(shop.base[1])
    with untouched(shop.main), plugged_in(shop.lab, shop.main, tmp_path, twin):
        done = shop.lab.run("plan", *INVENTORY, "--limit", "main,other")
        reason = f"has the serial {twin}, and so has another" if twin else "reports no serial"
        said(done, 1, "refused: main: /dev/", reason, "by hand", "ERASE 1 DISK OF other")
        if twin:
            done = shop.plans.wipe("main", plan, "--json")
            said(done, 3, f"have the same serial {twin}", "take one out", "by hand")


def test_a_usb_disk_that_nobody_named(shop: Shop, tmp_path: Path) -> None:
    with untouched(shop.main), plugged_in(shop.lab, shop.main, tmp_path, "STICK-1", "usb"):
        done = shop.lab.run("plan", *INVENTORY, "--limit", "main")
        said(done, 1, "(STICK-1): a USB disk", "--usb STICK-1", "ERASE 3 DISKS OF main")
        named = ("--usb", "STICK-1", "--out", str(tmp_path / "plan.json"))
        done = shop.lab.run("plan", *INVENTORY, "--limit", "main", *named)
        said(done, 0, "ERASE 4 DISKS OF main")
        plan = shop.plans.read(tmp_path / "plan.json")
        (stick,) = [d for d in plan.machines[0].disks if d.bus == "usb"]
        forgotten = dataclasses.replace(stick, opt_in=False)
        machine = dataclasses.replace(plan.machines[0], disks=(forgotten,))
        done = shop.plans.wipe("main", shop.plans.seal(plan, machines=(machine,)), "--json")
        said(done, 3, "(serial STICK-1) is a disk on bus usb that nobody named", "--usb STICK-1")


@pytest.fixture(scope="module")
def own_images(module_lab: Lab) -> Path:
    """The images folder of this file's station."""
    return module_lab.station.images


def test_a_machine_below_what_the_image_needs(shop: Shop, own_images: Path, tmp_path: Path) -> None:
    for name, needs in {"big-disk": {"disk": 99 * GIB}, "big-memory": {"memory": 64 * GIB}}.items():
        tiny_image(tmp_path, shop.lab, name, **needs).rename(own_images / name)
    where = (*INVENTORY, "--limit", "main")
    with untouched(shop.main):
        done = shop.lab.run("provision", *where, "--image", "big-disk")
        said(done, 3, "main", "no disk of it is large enough", "big-disk", "99.0 GiB")
        done = shop.lab.run("provision", *where, "--image", "big-memory")
        said(done, 3, "main", "of memory", "big-memory", "64.0 GiB", "add memory")


def test_an_altered_image_manifest(shop: Shop, own_images: Path, tmp_path: Path) -> None:
    image = own_images / "bad-manifest"
    tiny_image(tmp_path, shop.lab, image.name).rename(image)
    file = image / "manifest.json"
    file.write_text(file.read_text().replace('"trixie"', '"bookworm"'))
    with untouched(shop.other):
        done = shop.lab.run("install", *INVENTORY, "--limit", "other", "--image", image.name)
    said(done, 1, image.name, "is bad", "build it again")


def test_an_altered_piece_of_an_image(shop: Shop, own_images: Path, tmp_path: Path) -> None:
    """The station does not see it; the machine does, before it writes to root."""
    image = own_images / "bad-piece"
    tiny_image(tmp_path, shop.lab, image.name).rename(image)
    with (image / "rootfs.ext4.zst").open("r+b") as file:
        file.seek(5 * 1024**2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    done = shop.lab.run("install", *INVENTORY, "--limit", "other", "--image", image.name)
    said(done, 1, "piece 1 of image bad-piece is damaged", "root was not written", "image build")
    disk = shop.other.disks[0].path
    start, size = partition_start(disk, "netspring-root")
    assert is_zero(disk, start, size)
    assert is_zero(disk, 0, 440), "it would boot"


def test_a_second_run_on_a_machine_that_is_worked_on(shop: Shop) -> None:
    """It erases `main`, which also shows that nothing above stood in the way for ever."""
    first = shop.plans.make("main")
    second = shop.plans.seal(first[1])
    throttle(shop.lab, shop.main, SATA, 1024**2)
    where = (*INVENTORY, "--limit", "main", "--plan", str(first[0]))
    at_work = shop.lab.start("wipe", *where, "--confirm", first[1].confirm)
    try:
        _until_begun(shop)
        done = shop.plans.wipe("main", second)
        holder = f"(process {at_work.pid})"
        said(done, 3, "main is being worked on by run 2", holder, "nothing was changed", "Ctrl-C")
    finally:
        os.killpg(at_work.pid, signal.SIGKILL)
        at_work.wait(30)
    third = shop.plans.seal(first[1])
    done = shop.plans.wipe("main", third)
    said(done, 3, f"being worked on by plan {first[1].plan_id}", "wait for it", "systemctl stop")
    throttle(shop.lab, shop.main, SATA, 0)
    done = shop.plans.wipe("main", first)
    said(done, 0, "every byte read back")
    for disk in shop.main.disks:
        assert is_zero(disk.path, 0, disk.size_bytes)


def test_the_limit_keeps_the_other_machine_out_of_it(shop: Shop) -> None:
    plan = shop.plans.make("main", "other")
    with untouched(shop.other):
        done = shop.plans.wipe("main", plan, "--json")
    said(done, 0, "erased")
    assert list(json.loads(done.stdout)) == ["main"]


def _until_begun(shop: Shop) -> None:
    """Wait until the wipe is at work on `main`."""
    deadline = time.monotonic() + 120
    see = "systemctl is-active 'netspring-wipe-*' || true"
    while on(shop.lab, shop.main, see).strip() != "active":
        assert time.monotonic() < deadline, "the wipe did not begin"
        time.sleep(0.5)
