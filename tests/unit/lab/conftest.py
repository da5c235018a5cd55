"""Virtual PCs without QEMU: made for real, 'switched on' by a process that has their pid file."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.lab import store
from netspring_provision.lab.model import Boot, Pc, Running


@pytest.fixture
def station(netspring_home: Path) -> Station:
    return Station(netspring_home)


@pytest.fixture
def make_pc(station: Station) -> Callable[..., Pc]:
    """Makes a PC with clean, sparse disks."""

    def make(name: str = "pc-1", *disks: str, firmware: str = "bios") -> Pc:
        wanted = [lab.parse_disk(text) for text in disks or ("sata:16M",)]
        return lab.create(station, name, firmware, 128 * 1024**2, wanted, dirty=False)  # type: ignore[arg-type]

    return make


@pytest.fixture
def switch_on(allow_subprocess: Callable[..., None]) -> Iterator[Callable[..., Pc]]:
    """Gives a PC a process that looks like its QEMU: it has the path of the pid file."""
    allow_subprocess(Path(sys.executable).name)
    processes: list[subprocess.Popen[bytes]] = []

    def on(pc: Pc, boot: Boot = "disk", ssh_port: int | None = 2222) -> Pc:
        pid_file = pc.folder / "qemu.pid"
        code = "print(flush=True); import time; time.sleep(600)"
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(pid_file)], stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()  # by now it is Python with these arguments
        pid_file.write_text(f"{process.pid}\n")
        pc = pc.on(Running(process.pid, boot, "tcg", ssh_port, time.time()))
        store.save(pc)
        return pc

    yield on
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
