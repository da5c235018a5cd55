"""What the tests of interruptions share: PCs with slow disks, runs in their middle, and a story."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_provision import lab, live, ssh
from netspring_provision.lab.dirt import BLOCK_BYTES, RECORD_BYTES, record
from netspring_provision.lab.model import Pc
from netspring_provision.ledger import Ledger
from netspring_provision.progress import Item, items
from tests.vm.conftest import INVENTORY, Lab

# Bytes per second: 256 MiB take two minutes, in which the first machine's canaries are seen and the
# others begin, also on a busy station.
SLOW = 2 << 20


@dataclass
class Attempt:
    """One run of the command in the background."""

    process: subprocess.Popen[str]
    known: frozenset[Path]
    station_runs: Path

    @property
    def run_id(self) -> str:
        """Name of its run folder; known once its first playbook has begun."""
        new = [f for f in set(self.station_runs.iterdir()) - self.known if any(f.glob("0*-*"))]
        return max(new).name if new else ""

    def until(self, reached: Callable[[Item], bool], count: int = 1, seconds: float = 480) -> None:
        """Wait until ``count`` disks have told by an event that they have got there."""
        deadline = time.monotonic() + seconds
        while True:
            there = {i.key for i in self.items() if reached(i)}
            if len(there) >= count:
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                code, said = self.process.poll(), list(self.items())
                self.signal(signal.SIGKILL)
                raise AssertionError(f"never got there: {code} {said} {self.process.communicate()}")
            time.sleep(0.2)

    def items(self) -> Iterator[Item]:
        """All progress that the run has recorded so far."""
        for path in (self.station_runs / self.run_id).glob("*/artifacts/*/job_events/*.json"):
            if "partial" not in path.name:
                with suppress(ValueError):  # it is just being written
                    yield from items(json.loads(path.read_text()))

    def end(self, code: int, seconds: float = 240) -> tuple[str, str]:
        """What it printed, once it has ended with ``code``."""
        out, err = self.process.communicate(timeout=seconds)
        assert self.process.returncode == code, f"{self.process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err + out
        return out, err

    def signal(self, number: signal.Signals) -> None:
        """To its whole process group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@dataclass
class Bench:
    """A station on a small filesystem of its own, and its PCs."""

    lab: Lab

    @property
    def home(self) -> Path:
        return self.lab.station.home

    def pc(self, name: str) -> Pc:
        return lab.load(self.lab.station, name)

    def power_on(self, *names: str) -> None:
        """Boot the live environment on those that are off, all at once, and wait for them."""
        for name in names:
            if not self.pc(name).running:
                found = live.show(self.lab.station)
                lab.start(self.lab.station, name, boot="live", live=found)
        for name in names:
            lab.wait_for_ssh(self.pc(name), 600)

    def dirty(self, *names: str) -> None:
        """Put a donor's data on every byte of their disks, behind their backs."""
        for disk in (disk for name in names for disk in self.pc(name).disks):
            with disk.path.open("r+b") as raw:
                for block in range(disk.size_bytes // BLOCK_BYTES):
                    raw.write(record(disk.serial, block) * (BLOCK_BYTES // RECORD_BYTES))
            assert lab.count_pattern(disk.path) > 1000

    def is_erased(self, *names: str) -> bool:
        """Whether there is nothing but zeros on all their disks, seen from outside."""
        disks = [disk for name in names for disk in self.pc(name).disks]
        return not any(lab.nonzero_bytes(d.path) or lab.count_pattern(d.path) for d in disks)

    def throttle(self, *names: str, rate: int) -> None:
        """Limit all their disks to ``rate`` bytes per second; 0 is no limit."""
        for name in names:
            with lab.open_qmp(self.lab.station, name) as qmp:
                for disk in self.pc(name).disks:
                    line = f"block_set_io_throttle drive{disk.index} {rate} 0 0 0 0 0"
                    assert qmp.execute("human-monitor-command", command_line=line) == ""

    def link(self, name: str, *, up: bool) -> None:
        """Plug the network cable in or out."""
        with lab.open_qmp(self.lab.station, name) as qmp:
            qmp.execute("set_link", name="net0", up=up)

    def on(self, name: str, command: str) -> str:
        """What a command prints on the PC."""
        port = self.pc(name).ssh_port
        assert port
        return ssh.run_command(self.lab.station, "127.0.0.1", port, "root", None, command).strip()

    def begin(self, *args: str) -> Attempt:
        """The command in the background."""
        runs = self.lab.station.runs
        known = frozenset(runs.iterdir()) if runs.is_dir() else frozenset()
        return Attempt(self.lab.start(*args), known, runs)

    def wipe(self, plan: dict[str, Any], *names: str) -> tuple[str, ...]:
        """The arguments of ``netspring wipe``."""
        where = (*INVENTORY, "--limit", ",".join(names))
        return ("wipe", *where, "--plan", plan["file"], "--confirm", plan["confirm"])

    @contextmanager
    def slow_wipe(self, *names: str) -> Iterator[tuple[dict[str, Any], Attempt]]:
        """Dirty PCs, a plan, and its wipe in the middle of every disk.

        When the test fails, they are switched off: the next one begins with new ones.
        """
        self.power_on(*names)
        self.dirty(*names)
        plan = self.lab.plan(*names)
        self.throttle(*names, rate=SLOW)
        attempt = self.begin(*self.wipe(plan, *names), "--json")
        try:
            disks = sum(len(self.pc(name).disks) for name in names)
            attempt.until(lambda i: i.phase == "overwriting" and 0 < i.offset < i.size, disks)
            assert not self.is_erased(*names)
            yield plan, attempt
        except BaseException:
            if attempt.process.poll() is None:
                attempt.signal(signal.SIGKILL)
                attempt.process.communicate()
            for name in names:
                if self.pc(name).running:
                    lab.kill(self.lab.station, name)
            raise

    def story(self, name: str, plan: dict[str, Any]) -> list[tuple[str, str, Any]]:
        """Kind, outcomes and boot of what the ledger tells of this plan; the chain is whole."""
        ledger = Ledger(self.lab.station.ledger)
        assert ledger.check() > 0
        found = []
        for one in ledger.records(machine=self.pc(name).uuid):
            if one.body.get("plan_id") == plan["plan_id"] and one.kind.startswith("wipe"):
                words = [d.get("outcome", "begun") for d in one.body["disks"]]
                found.append((one.kind, " ".join(words), one.body["boot_id"]))
        ledger.close()
        return found

    def evidence(self, name: str) -> list[dict[str, Any]]:
        """What the machine said of each disk when it was last wiped."""
        ledger = Ledger(self.lab.station.ledger)
        last = ledger.last("wipe", self.pc(name).uuid)
        ledger.close()
        assert last
        return [disk["evidence"] for disk in last.body["disks"]]

    def connections(self, name: str) -> list[int]:
        """Processes of SSH that hold a connection to the PC open."""
        ask = ["ss", "-Htnp", "state", "established", f"dport = :{self.pc(name).ssh_port}"]
        told = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        return [int(pid) for pid in re.findall(r'"ssh",pid=(\d+)', told)]

    def processes(self, program: str) -> list[int]:
        """Processes of this station's runs whose program, or its script, is called so."""
        mark, found = b"\0ANSIBLE_HOME=" + os.fsencode(self.home) + b"/", []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                ours = mark in b"\0" + (folder / "environ").read_bytes()
                argv = os.fsdecode((folder / "cmdline").read_bytes()).split("\0")
            except OSError:
                continue
            if ours and program in {Path(part).name for part in argv[:2]}:
                found.append(int(folder.name))
        return found


@contextmanager
def full(home: Path) -> Iterator[Callable[[], None]]:
    """Take all space there is; call what is yielded to take again what was freed meanwhile."""
    filler = home / "filler"
    with filler.open("wb", buffering=0) as file:

        def fill() -> None:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

        fill()
        yield fill
    filler.unlink()
