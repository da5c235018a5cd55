"""The lab itself, with real QEMU: buttons, cables, screens, firmware, and a power cut."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netspring_provision import lab, live, ssh
from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.lab.model import Pc
from tests.vm.conftest import GIB, Lab, kept_station

pytestmark = pytest.mark.vm

DATA = b"WRITTEN-BY-THE-GUEST"
# What a network boot loads, at 0:7c00: writes "NET" to the first serial port and halts.
BOOT_FILE = bytes.fromhex("baf803 b04e ee b045 ee b054 ee f4 ebfd".replace(" ", ""))


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


def enrolled(station_lab: Lab, pc: Pc) -> Pc:
    assert pc.ssh_port
    assert ssh.enrol(station_lab.station, "127.0.0.1", pc.ssh_port) is not None
    return pc


def until(seconds: float, path: Path, words: bytes) -> bytes:
    """What is in the file as soon as ``words`` are in it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = path.read_bytes() if path.exists() else b""
        if words in data:
            return data
        time.sleep(0.5)
    raise AssertionError(f"{words!r} did not come within {seconds} s:\n{data[-2000:]!r}")


def test_buttons_screen_and_power_cut(station_lab: Lab, tmp_path: Path) -> None:
    """By the commands: each is a process of its own, so the PC outlives it."""
    pc = station_lab.pc("pc-1", "sata:64M", "nvme:64M")
    started = station_lab.json("lab", "start", "pc-1", "--boot", "live", "--wait", "300")
    assert (started["state"], started["boot"]) == ("running live", "live")
    pc = enrolled(station_lab, lab.load(station_lab.station, "pc-1"))
    first = on(station_lab, pc, "cat /proc/sys/kernel/random/boot_id")
    assert on(station_lab, pc, "cat /sys/class/dmi/id/product_uuid").strip().lower() == pc.uuid
    assert on(station_lab, pc, "cat /sys/class/dmi/id/product_serial").strip() == pc.serial
    assert pc.mac in on(station_lab, pc, "cat /sys/class/net/*/address")

    shot = station_lab.json("lab", "screenshot", "pc-1", "--out", str(tmp_path / "screen.png"))
    assert Path(shot["path"]).read_bytes().startswith(b"\x89PNG")
    console = subprocess.run(
        [sys.executable, "-m", "netspring_provision", "lab", "console", "pc-1"],
        input=b"\n\x1d",
        env=station_lab.env(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert console.returncode == 0, console.stderr

    # The reset button: another boot, of the same PC, at the same port.
    station_lab.json("lab", "reset", "pc-1")
    time.sleep(5)
    lab.wait_for_ssh(pc, 300)
    enrolled(station_lab, pc)
    second = on(station_lab, pc, "cat /proc/sys/kernel/random/boot_id")
    assert second != first

    # The power cut: what was written is on the disk, and the disk is free at once.
    on(
        station_lab,
        pc,
        f"printf {DATA.decode()} | dd of=/dev/nvme0n1 seek=4096 conv=fsync status=none",
    )
    station_lab.json("lab", "stop", "pc-1", "--now")
    disk = pc.disks[1].path
    with disk.open("rb") as file:
        file.seek(4096 * 512)
        assert file.read(len(DATA)) == DATA
    again = lab.start(station_lab.station, "pc-1", "live", live.show(station_lab.station))
    assert again.ssh_port == pc.ssh_port, "known_hosts would not hold any more"

    # Switching off: the guest itself ends in order, long before the power is taken from it.
    lab.wait_for_ssh(again, 300)
    begun = time.monotonic()
    assert station_lab.json("lab", "stop", "pc-1", "--timeout", "120")["state"] == "stopped"
    assert time.monotonic() - begun < 100
    assert b"reboot: " in pc.serial_log.read_bytes()[-200:]


@pytest.mark.parametrize("firmware", ["uefi", "secureboot"])
def test_firmware(station_lab: Lab, firmware: str) -> None:
    station_lab.pc("pc-2", "sata:64M", firmware=firmware)  # type: ignore[arg-type]
    pc = enrolled(station_lab, station_lab.live("pc-2"))
    assert on(station_lab, pc, "test -d /sys/firmware/efi && echo yes") == "yes\n"
    variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    mount = "mount -t efivarfs none /sys/firmware/efi/efivars 2>/dev/null"
    said = on(station_lab, pc, f"test -e {variable} || {mount}; od -An -t u1 -j 4 {variable}")
    assert said.split() == ["1" if firmware == "secureboot" else "0"]


def test_a_port_that_a_stranger_took(station_lab: Lab) -> None:
    station_lab.pc("pc-3", "sata:16M")
    first = lab.start(station_lab.station, "pc-3", "disk").ssh_port
    lab.kill(station_lab.station, "pc-3")
    assert first
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", first))
        stranger.listen()
        second = lab.start(station_lab.station, "pc-3", "disk").ssh_port
    assert second not in (None, first)


def test_a_donors_disk_does_not_boot_and_stays_as_it_is(station_lab: Lab) -> None:
    pc = station_lab.pc("pc-4", "sata:16M")
    before = pc.disks[0].path.read_bytes()
    lab.start(station_lab.station, "pc-4", "disk")
    time.sleep(10)
    assert lab.load(station_lab.station, "pc-4").state == "running disk"
    assert station_lab.json("lab", "stop", "pc-4", "--timeout", "1")["state"] == "stopped"
    assert pc.disks[0].path.read_bytes() == before


def test_own_arguments(station_lab: Lab, tmp_path: Path) -> None:
    """A network of one's own carries a boot from the network; nonsense is QEMU's to refuse."""
    (tmp_path / "boot").write_bytes(BOOT_FILE.ljust(512, b"\xf4"))
    pc = station_lab.pc("pc-5", "sata:16M", memory=GIB // 4)
    network = f"user,id=net0,tftp={tmp_path},bootfile=boot"
    words = ("lab", "start", "pc-5", "--boot", "network", "--json", "--", "-netdev", network)
    started = station_lab.run(*words)
    assert started.returncode == 0, started.stderr
    assert json.loads(started.stdout)["ssh_port"] is None
    assert until(60, pc.serial_log, b"NET")
    lab.kill(station_lab.station, "pc-5")

    done = station_lab.run("lab", "start", "pc-5", "--boot", "disk", "--", "-no-such-option")
    assert done.returncode == 4
    assert "-no-such-option: invalid option" in done.stderr
    with pytest.raises(StationError, match="invalid option"):
        lab.start(station_lab.station, "pc-5", "disk", extra_args=["-no-such-option"])
    assert lab.load(station_lab.station, "pc-5").state == "stopped"


def test_spoiled_disks(station_lab: Lab) -> None:
    """QEMU takes every fault, past the host's cache too; those who play the liars end with it."""
    spoiled = ["sata:16M,unreadable=9", "nvme:16M,fake-erase", "scsi:16M,read-only"]
    spoiled += ["virtio:16M,stuck=9,unwritable=5,rate=1M", "usb:16M,wraps=1M,flush-fails", "sd:16M"]
    pc = station_lab.pc("pc-7", *spoiled, memory=GIB // 4)
    lab.start(station_lab.station, "pc-7", "disk")
    with lab.open_qmp(station_lab.station, "pc-7") as qmp:
        nodes = [node["inserted"] for node in qmp.execute("query-block") if "inserted" in node]
        drivers = {node["drv"] for node in qmp.execute("query-named-block-nodes")}
    assert [node["cache"]["direct"] for node in nodes] == [True] * 6
    assert [node["ro"] for node in nodes] == [False, False, True, False, False, False]
    assert [node["bps"] for node in nodes] == [0, 0, 0, 1 << 20, 0, 0]
    assert drivers >= {"blkdebug", "nbd", "file"}
    liars = {disk.path for disk in pc.disks if disk.faults.lies}
    assert open_files(liars) == liars
    lab.kill(station_lab.station, "pc-7")
    deadline = time.monotonic() + 10
    while open_files(liars) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not open_files(liars)


def open_files(files: set[Path]) -> set[Path]:
    """Which of these files some process has open."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            found.add(link.readlink())
    return found & files


def test_a_deep_home(tmp_path: Path) -> None:
    """A Unix socket has 107 characters for its name; a home may have more, and a comma too."""
    home = tmp_path.joinpath(*["a folder, with a long name"] * 5)
    home.mkdir(parents=True)
    deep = Lab(Station(home))
    deep.pc("pc-6", "sata:16M", memory=GIB // 4)
    try:
        lab.start(deep.station, "pc-6", "disk")
        assert lab.reset(deep.station, "pc-6").state == "running disk"
        picture = lab.screenshot(deep.station, "pc-6", home / "screen.png")
        assert picture.stat().st_size > 1000
    finally:
        deep.throw_away("pc-6")
