"""A PC that is put to sleep to thaw its drives comes back: same boot, same disks.

QEMU's disks are never frozen, so the program is told once that they are; the sleep, the waking by
the clock, and everything after it are real.
"""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import lab, live, ssh
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab.model import Firmware
from tests.vm.conftest import GIB, Lab, kept_station

pytestmark = [pytest.mark.vm, pytest.mark.slow]

ROLES = Path(__file__).parents[2] / "roles"
PACKAGES = ("disk_tools/module_utils", "disk_wipe/module_utils")
PROGRAM = r"""
import json, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, "/run/program.zip")
from ansible.module_utils.netspring_disks import tools
from ansible.module_utils.netspring_erase import probe, unfreeze
slept = []
def run(argv, seconds):
    said = tools.run(argv, seconds)
    if argv[0] == "rtcwake":
        slept.append(argv)
    if argv[:2] == ["hdparm", "-I"] and not slept:
        return replace(said, out=said.out + "Security: \n\t\tsupported\n\t\tfrozen\n")
    return said
folder = Path("/run/sleep-test")
folder.mkdir()
plan = {"method": "ata_security_erase", "fallback": ["overwrite"], "unfreeze": True}
machine = {"disks": [{**plan, "serial": serial} for serial in SERIALS]}
waiting = []
told = unfreeze.thaw(machine, folder, replace(probe.KERNEL, run=run), waiting.append)
answer = Path("/run/sleep-test/answer.new")
answer.write_text(json.dumps({"told": told, "waiting": waiting, "slept": slept}))
answer.rename("/run/sleep-test/answer")
"""


@pytest.fixture(scope="session")
def builds() -> Station:
    """These tests need no image."""
    station = kept_station()
    live.build(station)
    station.images.mkdir(exist_ok=True)
    return station


def program() -> str:
    """The role's own packages as a zip file that Python can import from, in base64."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for package in ("ansible", "ansible/module_utils"):
            file.writestr(f"{package}/__init__.py", "")
        for folder in PACKAGES:
            for path in sorted((ROLES / folder).rglob("*.py")):
                name = path.relative_to(ROLES / folder)
                file.write(path, f"ansible/module_utils/{name}")
    return base64.b64encode(packed.getvalue()).decode()


def patiently(on: Callable[[str], str], command: str) -> str:
    """Ask again until it answers, as the station does with a machine that sleeps."""
    deadline = time.monotonic() + 180
    while True:
        try:
            return on(command)
        except MachineFailedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_pc_sleeps_once_and_comes_back(station_lab: Lab, firmware: Firmware) -> None:
    name = f"sleep-{firmware}"
    pc = station_lab.pc(name, "sata:64M", "sata:64M", "nvme:64M", firmware=firmware, memory=GIB)
    pc = station_lab.live(name)
    assert pc.ssh_port
    assert ssh.enrol(station_lab.station, "127.0.0.1", pc.ssh_port) is not None

    def on(command: str) -> str:
        return ssh.run_command(
            station_lab.station, "127.0.0.1", pc.ssh_port or 0, "root", None, command
        )

    boot = on("cat /proc/sys/kernel/random/boot_id")
    before = on("lsblk -d -n -o NAME,SERIAL,SIZE")
    sata = [disk.serial for disk in pc.disks if disk.bus == "sata"]
    on(f"echo {program()} | base64 -d > /run/program.zip")
    on(f"cat > /run/program.py <<'END'\n{PROGRAM.replace('SERIALS', repr(sata))}\nEND")
    on("systemd-run --unit=sleep-test --quiet python3 -B /run/program.py")
    said = json.loads(patiently(on, "cat /run/sleep-test/answer"))

    assert said["slept"] == [["rtcwake", "-m", "mem", "-s", "10"]], "both drives, one sleep"
    assert said["waiting"] == sata
    for serial in sata:
        attempt = said["told"][serial]
        assert attempt["error"] is None
        assert attempt["rc"] == 0
        assert attempt["status_before"]["security"] is True
        assert attempt["status_after"]["security"] is False
    assert "PM: suspend entry (deep)" in on("dmesg")
    assert on("cat /proc/sys/kernel/random/boot_id") == boot
    assert sorted(on("lsblk -d -n -o NAME,SERIAL,SIZE").split()) == sorted(before.split())
    for device in ("sda", "sdb", "nvme0n1"):
        on(f"dd if=/dev/{device} of=/dev/null bs=1M iflag=direct status=none")
    assert on("systemctl --failed --no-legend") == ""
    assert lab.load(station_lab.station, name).running
