"""The live environment on virtual PCs: starts in 1 GB, sees the hardware, touches no disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from netspring_provision import lab, live, ssh
from netspring_provision.config import Station
from netspring_provision.lab.model import Firmware, Pc
from tests.vm.conftest import GIB, Lab, kept_station

pytestmark = pytest.mark.vm

DISKS = ("sata:64M", "nvme:64M", "virtio:64M", "scsi:64M", "usb:64M", "sd:64M")
# Drivers e1000, 8139too, virtio_net, e100 (which asks for firmware), tulip and vmxnet3.
CARDS = ("e1000", "rtl8139", "virtio-net-pci", "i82559c", "tulip", "vmxnet3")
TOOLS = "hdparm nvme smartctl sg_sanitize sg_requests sg_opcodes mmc blkdiscard rtcwake"
DRIVERS = {"e1000e", "e1000", "8139cp", "virtio_net", "e100", "tulip", "vmxnet3"}


@pytest.fixture(scope="session")
def builds() -> Station:
    """These tests need no image: instead of the fixture of that name that builds one."""
    station = kept_station()
    live.build(station)
    station.images.mkdir(exist_ok=True)
    return station


def on(station_lab: Lab, pc: Pc, command: str) -> str:
    assert pc.ssh_port
    return ssh.run_command(station_lab.station, "127.0.0.1", pc.ssh_port, "root", None, command)


def started(station_lab: Lab, name: str, cards: list[str]) -> Pc:
    """Boot the live environment on a PC and learn its host key.

    How long that takes is measured by benchmarks/live_boot.py.
    """
    found = live.show(station_lab.station)
    pc = lab.start(station_lab.station, name, boot="live", live=found, extra_args=cards)
    lab.wait_for_ssh(pc, 300)
    assert pc.ssh_port
    assert ssh.enrol(station_lab.station, "127.0.0.1", pc.ssh_port) is not None
    return pc


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_pc_with_1_gb_answers(station_lab: Lab, firmware: Firmware) -> None:
    name = f"live-{firmware}"
    station_lab.pc(name, "sata:64M", firmware=firmware, memory=GIB)
    pc = started(station_lab, name, [])
    said = on(station_lab, pc, "cat /run/netspring-live").strip()
    assert said == live.show(station_lab.station).inputs_sha256
    assert on(station_lab, pc, "systemctl --failed --no-legend") == ""
    said = on(station_lab, pc, f"for tool in {TOOLS}; do command -v $tool || echo NO $tool; done")
    assert "NO" not in said
    gmp = on(station_lab, pc, "python3 -c 'import ctypes; ctypes.CDLL(\"libgmp.so.10\")' 2>&1")
    assert gmp == ""
    free = int(on(station_lab, pc, "awk '/MemAvailable/{print $2}' /proc/meminfo")) * 1024
    assert free > 400_000_000, f"only {free} bytes of memory left of 1 GiB"
    python = "python3 -c 'import ctypes, mmap, json, hashlib, ssl, lzma, urllib.request; print(1)'"
    assert on(station_lab, pc, python) == "1\n"


def test_every_disk_and_card_is_seen_and_no_disk_touched(station_lab: Lab) -> None:
    station_lab.pc("live-all", *DISKS, memory=GIB)
    cards: list[str] = []
    for number, card in enumerate(CARDS):
        # A network of its own for each: the same address on two would confuse anyone.
        cards += ["-netdev", f"user,id=n{number},net=10.0.{10 + number}.0/24"]
        cards += ["-device", f"{card},netdev=n{number},romfile="]
    before = [content_sha256(disk.path) for disk in lab.load(station_lab.station, "live-all").disks]
    pc = started(station_lab, "live-all", cards)

    listed = json.loads(on(station_lab, pc, "lsblk --json --nodeps -o NAME,SERIAL,MOUNTPOINTS"))
    serials = {disk["serial"] for disk in listed["blockdevices"]}
    assert {disk.serial for disk in pc.disks} <= serials
    mounted = on(station_lab, pc, "grep ' - [^ ]* /dev/' /proc/self/mountinfo; cat /proc/swaps")
    assert len(mounted.splitlines()) == 1, mounted
    assert on(station_lab, pc, "ls /sys/block | grep -E '^(dm-|md)' || echo none") == "none\n"

    drivers = on(station_lab, pc, "basename -a $(readlink -f /sys/class/net/*/device/driver)")
    assert set(drivers.split()) >= DRIVERS
    addresses = on(station_lab, pc, "ip -4 -o address show scope global")
    for number, card in enumerate(CARDS):
        assert f" 10.0.{10 + number}.15/" in addresses, card
    failed_firmware = on(station_lab, pc, "dmesg | grep -i firmware | grep -ic fail || true")
    assert failed_firmware == "0\n"

    assert [content_sha256(disk.path) for disk in pc.disks] == before


def content_sha256(path: Path) -> str:
    """Fingerprint of every byte of a disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_it_is_small_and_a_second_build_does_no_work(station_lab: Lab) -> None:
    first = station_lab.json("live", "build")
    assert first["total_bytes"] <= 110_000_000
    assert first["built"] is False


def test_an_unreachable_mirror_leaves_the_one_in_use(station_lab: Lab) -> None:
    before = station_lab.json("live", "show")
    done = station_lab.run("live", "build", "--mirror", "http://127.0.0.1:9/debian")
    assert done.returncode == 4
    assert "127.0.0.1:9" in done.stderr
    assert "--mirror" in done.stderr
    assert station_lab.json("live", "show") == before


def test_without_the_token_there_is_no_marker_and_no_proof(station_lab: Lab) -> None:
    name = "live-stranger"
    station_lab.pc(name, "sata:64M", memory=GIB)
    found = live.show(station_lab.station)
    strange = live.Live(
        kernel=found.kernel,
        initrd=found.initrd,
        cmdline=live.cmdline("0" * 63),
        inputs_sha256=found.inputs_sha256,
        mirror=found.mirror,
        unpacked_bytes=found.unpacked_bytes,
    )
    pc = lab.start(station_lab.station, name, boot="live", live=strange)
    lab.wait_for_ssh(pc, 300)
    assert pc.ssh_port
    assert ssh.enrol(station_lab.station, "127.0.0.1", pc.ssh_port) is None
    assert "NOT READY" in lab.serial_tail(pc)
