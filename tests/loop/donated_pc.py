"""A donated PC made of this computer, on which the production path runs as it is.

A mount namespace of its own has the marker, the kernel command line, the UUID and the boot of a PC
in the live environment, a ``/dev`` with nothing in it but this test's loop devices, and a ``/sys``
in which these are SATA, virtio or USB disks with a serial. Nothing in the code under test is
replaced: Ansible, role, module, job and writer are those that run on a donated PC. Only systemd is
not process 1 here, so ``systemd-run`` is a script that starts the same command in the background.
"""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from loop_devices import dirty

from netspring_provision import consent

REPOSITORY = Path(__file__).parents[2]
WORD = "a-live-token-of-the-test"
TOKEN_SHA256 = hashlib.sha256(WORD.encode()).hexdigest()
MIB = 1 << 20
# Where a disk of each bus hangs in a kernel's device tree.
TREES = {
    "sata": "pci0000:00/0000:00:1f.2/ata{n}/host{n}/target{n}:0:0/{n}:0:0:0",
    "usb": "pci0000:00/0000:00:14.0/usb1/1-{n}/1-{n}:1.0/host{n}/target{n}:0:0/{n}:0:0:0",
    "virtio": "pci0000:00/0000:00:0{n}.0/virtio{n}",
}
SYSTEMD_RUN = """\
#!/bin/sh
for arg; do
    case "$arg" in
        --setenv=*) export "${arg#--setenv=}" ;;
        --property=StandardError=append:*) err="${arg#*append:}" ;;
        --*) ;;
        *) break ;;
    esac
    shift
done
setsid "$@" </dev/null >/dev/null 2>>"$err" &
echo $! >> @FOLDER@/jobs
"""
# Everything is mounted from the PC's folder; the real /sys stays behind for what the links show.
ENTER = """\
set -e
cd @FOLDER@
mount --rbind /sys real
mount -t tmpfs dev dev
for node in null zero full random urandom tty; do cp -a /dev/$node dev/; done
ln -s /proc/self/fd dev/fd
mkdir dev/shm dev/pts
@NODES@
mount --rbind sys /sys
mount --move dev /dev
mount --bind cmdline /proc/cmdline
mount --bind boot_id /proc/sys/kernel/random/boot_id
mount --bind systemd-run /usr/bin/systemd-run
mount -t tmpfs run /run
touch /run/netspring-live
echo ready
exec sleep infinity
"""


@dataclass
class Disk:
    """One disk of the PC: a loop device under another name.

    Attributes:
        name: kernel name on the PC, such as ``sda``.
        loop: the loop device behind it, such as ``/dev/loop3``.
    """

    file: Path
    name: str
    bus: str
    serial: str
    wwn: str | None
    loop: str

    @property
    def size(self) -> int:
        return self.file.stat().st_size

    @property
    def path(self) -> str:
        return f"/dev/{self.name}"

    @property
    def loop_name(self) -> str:
        return self.loop.removeprefix("/dev/")

    @property
    def number(self) -> str:
        return Path("/sys/block", self.loop_name, "dev").read_text().strip()

    def planned(self, **changes: Any) -> dict[str, Any]:
        """Its part of a plan."""
        return {
            "path": self.path,
            "serial": self.serial,
            "wwn": self.wwn,
            "size_bytes": self.size,
            "native_bytes": None,
            "model": "LOOP",
            "bus": self.bus,
            "medium": "hdd",
            "method": "overwrite",
            "fallback": [],
            "claim": {"level": "Clear", "limits": []},
            "media_claims": {"overwrite": {"level": "Clear", "limits": []}},
            "estimate_seconds": 1,
            "estimates": {"overwrite": 1},
            "verify": {"mode": "full", "pitch_bytes": None, "length_bytes": None},
            "remove_hpa": False,
            "unfreeze": False,
            "opt_in": False,
            "notes": [],
        } | changes

    def sha256(self) -> str:
        os.sync()
        with self.file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def is_zero(self) -> bool:
        data = self.file.read_bytes()
        return data.count(0) == len(data)


@dataclass
class DonatedPc:
    """One PC; its folder holds all that its namespace is made of."""

    name: str
    folder: Path
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    disks: list[Disk] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    def add(
        self,
        serial: str,
        bus: str = "sata",
        size: int = 12 * MIB,
        wwn: str | None = None,
        folder: Path | None = None,
        name: str | None = None,
    ) -> Disk:
        """Put a dirty disk in; before the PC is switched on."""
        number = len(self.disks)
        file = (folder or self.folder) / f"{self.name}-{number}.img"
        if not file.exists():
            dirty(file, size)
        argv = ["losetup", "--find", "--show", str(file)]
        loop = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
        letter = "uvwxyz"[number]  # this computer's own mounts are in the PC's table too
        disk = Disk(
            file, name or ("vd" if bus == "virtio" else "sd") + letter, bus, serial, wwn, loop
        )
        self.disks.append(disk)
        self._sysfs(disk, number + 1)
        return disk

    def _sysfs(self, disk: Disk, number: int) -> None:
        """The disk in the PC's device tree; what changes is a link to the real loop device."""
        real, shown = Path("/sys/block", disk.loop_name), self.folder / "real/block"
        device = self.folder / "sys/devices" / TREES[disk.bus].format(n=number)
        block = self.block(disk)
        block.mkdir(parents=True)
        for entry in real.iterdir():
            if entry.name not in ("subsystem", "device", "serial", "holders"):
                (block / entry.name).symlink_to(shown / disk.loop_name / entry.name)
        (block / "device").symlink_to(device)
        (block / "holders").mkdir()
        if disk.wwn:
            (block / "wwid").write_text("naa." + disk.wwn[2:])
        self.set_serial(disk, disk.serial)
        for place, name in (("block", disk.name), ("dev/block", disk.number)):
            link = self.folder / "sys" / place / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(block)

    def block(self, disk: Disk) -> Path:
        """The disk's folder in the PC's device tree, as it lies on this computer."""
        tree = TREES[disk.bus].format(n=self.disks.index(disk) + 1)
        return self.folder / "sys/devices" / tree / "block" / disk.name

    def set_serial(self, disk: Disk, serial: str) -> None:
        """What the disk answers when it is asked who it is."""
        if disk.bus == "virtio":
            (self.block(disk) / "serial").write_text(serial)
        else:  # SCSI VPD page 80h
            page = bytes([0, 0x80, 0, len(serial)]) + serial.encode()
            (self.block(disk) / "device/vpd_pg80").write_bytes(page)

    def hold(self, disk: Disk, mapping: str) -> None:
        """Something of device-mapper holds the disk, as its sysfs tells."""
        holder = self.block(disk) / "holders/dm-0/dm"
        holder.mkdir(parents=True)
        (holder / "uuid").write_text(f"{mapping}\n")
        (holder / "name").write_text("mapped\n")

    def on(self) -> DonatedPc:
        """Switch it on: its namespace is there when this returns."""
        for name in ("real", "dev", "sys/class/dmi/id"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "sys/class/dmi/id/product_uuid").write_text(self.uuid + "\n")
        (self.folder / "cmdline").write_text(f"quiet netspring.token={WORD}\n")
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        fake = self.folder / "systemd-run"
        fake.write_text(SYSTEMD_RUN.replace("@FOLDER@", str(self.folder)))
        fake.chmod(0o755)
        (self.folder / "jobs").touch()
        nodes = [
            f"mknod -m 660 dev/{name} b {disk.number.replace(':', ' ')}"
            for disk in self.disks
            for name in (disk.name, disk.loop_name)
        ]
        script = ENTER.replace("@FOLDER@", str(self.folder)).replace("@NODES@", "\n".join(nodes))
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"
        python = self.folder / "python"
        enter = f"nsenter --mount=/proc/{self.process.pid}/ns/mnt -- /usr/bin/python3"
        python.write_text(f'#!/bin/sh\nexec {enter} "$@"\n')
        python.chmod(0o755)
        return self

    def run(self, command: str) -> str:
        """Run a shell command on the PC; returns what it printed."""
        assert self.process
        argv = ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", "--", "sh", "-ec", command]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> list[int]:
        """Process groups of the jobs that were ever started on it."""
        return [int(line) for line in (self.folder / "jobs").read_text().split()]

    def power_cut(self) -> None:
        """Everything that runs on it ends at once, and what was in its RAM is gone."""
        self.run("umount --lazy /run && mount -t tmpfs run /run && touch /run/netspring-live")
        for group in self.jobs():
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")

    def off(self) -> None:
        if self.process:
            self.power_cut()
            self.process.kill()
            self.process.communicate()
        for disk in self.disks:
            # A loop device that was made read-only stays so for whoever gets it next.
            subprocess.run(["blockdev", "--setrw", disk.loop], check=True)
            subprocess.run(["losetup", "-d", disk.loop], check=True)

    def part(self, *disks: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The PC's part of a plan, for these disks or all."""
        return {
            "host": self.name,
            "uuid": self.uuid,
            "serial": None,
            "boot_id": "the-boot-of-the-plan",
            "install_disk": None,
            "disks": list(disks) or [disk.planned() for disk in self.disks],
            "refused": [],
        } | changes


@dataclass(frozen=True)
class Played:
    """How one run of ``playbooks/wipe.yml`` by plain ansible-playbook ended.

    Attributes:
        code: exit code of ansible-playbook.
        results: the last ``netspring_result`` of each kind, by machine.
        said: the message of each machine's failed task.
        changed: machines on which something was changed.
    """

    code: int
    results: dict[str, dict[str, Any]]
    said: dict[str, str]
    changed: set[str]

    def outcomes(self, host: str) -> list[str]:
        """How the machine's disks ended."""
        return [disk["outcome"] for disk in self.results[host]["wipe"]["disks"]]


class Workshop:
    """The PCs of one test, their plans, and the way in which a person plays them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pcs: list[DonatedPc] = []
        self.code = REPOSITORY

    def without(self, path: str, *functions: str) -> None:
        """From now on play a copy of the roles in which these functions find nothing to say."""
        if self.code == REPOSITORY:
            self.code = self.folder / "code"
            for name in ("roles/disk_wipe", "roles/disk_tools", "playbooks"):
                shutil.copytree(REPOSITORY / name, self.code / name)
            shutil.copy(REPOSITORY / "ansible.cfg", self.code)
        file = self.code / path
        lines = file.read_text().splitlines()
        found = {
            node.name: node
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        for node in sorted((found[name] for name in functions), key=lambda n: -n.lineno):
            first = node.body[0]
            lines.insert(first.end_lineno or first.lineno, " " * first.col_offset + "return None")
        file.write_text("\n".join(lines) + "\n")

    def pc(self, name: str) -> DonatedPc:
        """A new PC; put disks in, then switch it on."""
        folder = self.folder / name
        folder.mkdir()
        self.pcs.append(DonatedPc(name, folder))
        return self.pcs[-1]

    def plan(self, *parts: dict[str, Any], minutes: float = 30, **changes: Any) -> Path:
        """A plan file for these parts, or for all PCs; sealed like one of the station."""
        parts = parts or tuple(pc.part() for pc in self.pcs)
        now = dt.datetime.now(dt.UTC)
        body = {
            "schema": 2,
            "plan_id": f"p{len(list(self.folder.glob('plan-*')))}",
            "created": now.isoformat(timespec="seconds"),
            "expires": (now + dt.timedelta(minutes=minutes)).isoformat(timespec="seconds"),
            "inventory": "workshop",
            "confirm": f"ERASE {sum(len(p['disks']) for p in parts)} DISKS OF THE TEST 4F2A",
            "token_sha256": TOKEN_SHA256,
            "machines": list(parts),
            "refused": [],
        } | changes
        digest = hashlib.sha256(consent.canonical(body)).hexdigest()
        path = self.folder / f"plan-{body['plan_id']}.json"
        path.write_text(json.dumps({"body": body, "sha256": digest, "hmac": ""}))
        return path

    def argv(self, plan: Path, phrase: str | None = None, **extra: Any) -> list[str]:
        """The command that a person types."""
        confirm = json.loads(plan.read_text())["body"]["confirm"]
        given = {
            "disk_wipe_plan_file": str(plan),
            "disk_wipe_confirm": confirm if phrase is None else phrase,
            "disk_wipe_poll_seconds": 1,
        } | extra
        hosts = {
            pc.name: {
                "ansible_connection": "local",
                # The modules ask for python3, the name of this variable follows from that.
                "ansible_python3_interpreter": str(pc.folder / "python"),
            }
            if pc.process
            else {"ansible_host": "127.0.0.1", "ansible_port": 1}  # nobody answers there
            for pc in self.pcs
        }
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return [program, "-i", str(inventory), "-e", json.dumps(given), "playbooks/wipe.yml"]

    def env(self) -> dict[str, str]:
        """The repository's own settings; only the output is in JSON, to be read here."""
        return os.environ | {
            "ANSIBLE_CONFIG": str(self.code / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_REMOTE_TMP": str(self.folder / "remote"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
        }

    def play(self, plan: Path, phrase: str | None = None, **extra: Any) -> Played:
        """Run ``playbooks/wipe.yml`` on all PCs as plain ansible-playbook does."""
        done = subprocess.run(
            self.argv(plan, phrase, **extra),
            cwd=self.code,
            env=self.env(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "{\n" in done.stdout, done.stdout + done.stderr
        start = done.stdout.index("{\n")
        told = json.JSONDecoder().raw_decode(done.stdout[start:])[0]
        results: dict[str, dict[str, Any]] = {pc.name: {} for pc in self.pcs}
        said: dict[str, str] = {}
        for task in told["plays"][0]["tasks"]:
            for host, result in task["hosts"].items():
                found = result.get("netspring_result")
                if found:
                    results[host][found["kind"]] = found
                if result.get("failed") or result.get("unreachable"):
                    said.setdefault(host, result["msg"])
        changed = {host for host, count in told["stats"].items() if count["changed"]}
        return Played(done.returncode, results, said, changed)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose PCs are switched off at the end, whatever happened."""
    made = Workshop(tmp_path)
    yield made
    for pc in made.pcs:
        pc.off()
