"""Switching on: what is missing is told before QEMU is asked; what QEMU says is passed on."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.errors import StationError, UsageError
from netspring_provision.lab import kvm, power, process, qemu
from netspring_provision.lab.kvm import KvmVerdict
from netspring_provision.lab.model import LiveFiles, Pc

TAKEN = "qemu-system-x86_64: -netdev user,id=net0: Could not set up host forwarding rule 'tcp:...'"


@pytest.fixture(autouse=True)
def _no_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm, "verdict", lambda: KvmVerdict(False, "not here"))
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/usr/bin/{name}")


class Qemu:
    """Stands in for running QEMU: each start takes the next answer, and 'goes on' if it is ''."""

    def __init__(self, switch_on: Callable[..., Pc], *answers: str) -> None:
        self.answers = list(answers)
        self.started: list[list[str]] = []
        self.switch_on = switch_on

    def run(self, argv: list[str], **named: object) -> subprocess.CompletedProcess[str]:
        self.started.append(argv)
        answer = self.answers.pop(0)
        if answer:
            return subprocess.CompletedProcess(argv, 1, "", answer + "\n")
        folder = named["cwd"]
        assert isinstance(folder, Path)
        station = Station(folder.parent.parent)
        self.switch_on(lab.load(station, folder.name))
        return subprocess.CompletedProcess(argv, 0, "", "qemu: warning: something\n")

    def ports(self) -> list[int]:
        forward = [a for argv in self.started for a in argv if "hostfwd=" in a]
        return [int(text.split("127.0.0.1:")[1].split("-")[0]) for text in forward]


@pytest.fixture
def fake_qemu(monkeypatch: pytest.MonkeyPatch, switch_on: Callable[..., Pc]) -> Callable[..., Qemu]:
    def make(*answers: str) -> Qemu:
        fake = Qemu(switch_on, *answers)
        monkeypatch.setattr(power, "subprocess", SimpleNamespace(
            run=fake.run, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
        ))  # fmt: skip
        return fake

    return make


def test_start(
    station: Station, make_pc: Callable[..., Pc], fake_qemu: Callable[..., Qemu]
) -> None:
    make_pc()
    fake = fake_qemu("")
    pc = lab.start(station, "pc-1", "disk")
    assert pc.running is not None
    assert (pc.state, pc.running.accel, pc.ssh_port) == ("running disk", "tcg", fake.ports()[0])
    assert lab.load(station, "pc-1") == pc


def test_a_port_that_is_taken_meanwhile_is_replaced(
    station: Station, make_pc: Callable[..., Pc], fake_qemu: Callable[..., Qemu]
) -> None:
    make_pc()
    fake = fake_qemu(TAKEN, TAKEN, "")
    pc = lab.start(station, "pc-1", "disk")
    assert len(set(fake.ports())) == 3
    assert pc.ssh_port == fake.ports()[-1]


def test_ports_that_are_always_taken(
    station: Station, make_pc: Callable[..., Pc], fake_qemu: Callable[..., Qemu]
) -> None:
    make_pc()
    fake_qemu(*[TAKEN] * 9)
    with pytest.raises(StationError, match="taken by others") as caught:
        lab.start(station, "pc-1", "disk")
    assert "ss -tanp" in (caught.value.hint or "")
    assert lab.load(station, "pc-1").running is None


def test_the_port_of_last_time_unless_it_is_anothers(
    station: Station, make_pc: Callable[..., Pc], fake_qemu: Callable[..., Qemu]
) -> None:
    make_pc()
    fake = fake_qemu("", "", "")
    first = lab.start(station, "pc-1", "disk").ssh_port
    lab.kill(station, "pc-1")
    assert lab.start(station, "pc-1", "disk").ssh_port == first
    lab.kill(station, "pc-1")
    assert first is not None
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", first))
        stranger.listen()
        assert lab.start(station, "pc-1", "disk").ssh_port != first
    assert len(fake.started) == 3


def test_what_qemu_says_is_passed_on(
    station: Station, make_pc: Callable[..., Pc], fake_qemu: Callable[..., Qemu]
) -> None:
    make_pc()
    fake_qemu("qemu: warning: noise\nqemu: -foo: invalid option")
    with pytest.raises(StationError, match="-foo: invalid option") as caught:
        lab.start(station, "pc-1", "disk", extra_args=["-foo"])
    assert "noise" not in caught.value.message
    assert lab.load(station, "pc-1").running is None


def test_on_already(
    station: Station, make_pc: Callable[..., Pc], switch_on: Callable[..., Pc]
) -> None:
    switch_on(make_pc())
    with pytest.raises(UsageError, match="is on already"):
        lab.start(station, "pc-1", "disk")


@pytest.mark.parametrize("deed", [lab.stop, lab.kill, lab.reset, lab.open_qmp])
def test_off_already(
    station: Station, make_pc: Callable[..., Pc], deed: Callable[[Station, str], object]
) -> None:
    make_pc()
    with pytest.raises(UsageError, match="pc-1 is off"):
        deed(station, "pc-1")


def test_qemu_missing(
    station: Station, make_pc: Callable[..., Pc], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pc()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(StationError, match="not installed") as caught:
        lab.start(station, "pc-1", "disk")
    assert caught.value.hint == "apt-get install qemu-system-x86"


def test_firmware_missing(
    station: Station,
    make_pc: Callable[..., Pc],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    make_pc("pc-1", firmware="uefi")
    monkeypatch.setattr(power, "OVMF_FOLDER", tmp_path)
    with pytest.raises(StationError, match=r"OVMF_CODE_4M\.fd is not installed") as caught:
        lab.start(station, "pc-1", "disk")
    assert caught.value.hint == "apt-get install ovmf"


GONE = SimpleNamespace(kernel=Path("/no"), initrd=Path("/no"), cmdline="")


@pytest.mark.parametrize("live", [None, GONE])
def test_live_missing(station: Station, make_pc: Callable[..., Pc], live: LiveFiles | None) -> None:
    make_pc()
    with pytest.raises(StationError) as caught:
        lab.start(station, "pc-1", "live", live)
    assert "netspring live build" in (caught.value.hint or "")


def test_disk_file_missing(station: Station, make_pc: Callable[..., Pc]) -> None:
    make_pc().disks[0].path.unlink()
    with pytest.raises(StationError, match=r"disk0\.img is missing"):
        lab.start(station, "pc-1", "disk")


def test_unknown_boot(station: Station, make_pc: Callable[..., Pc]) -> None:
    make_pc()
    with pytest.raises(UsageError, match="floppy"):
        lab.start(station, "pc-1", "floppy")  # type: ignore[arg-type]


def test_uefi_variables_are_the_pcs_own_and_stay(
    station: Station,
    make_pc: Callable[..., Pc],
    fake_qemu: Callable[..., Qemu],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for file in power.OVMF_FILES["uefi"]:
        (tmp_path / file).write_text(file)
    monkeypatch.setattr(power, "OVMF_FOLDER", tmp_path)
    pc = make_pc("pc-1", firmware="uefi")
    fake_qemu("", "")
    lab.start(station, "pc-1", "disk")
    own = pc.folder / qemu.VARS_FILE
    assert own.read_text() == "OVMF_VARS_4M.fd"
    own.write_text("a boot entry")
    lab.kill(station, "pc-1")
    lab.start(station, "pc-1", "disk")
    assert own.read_text() == "a boot entry"


def test_stop_ends_a_qemu_that_does_not_answer(
    station: Station, make_pc: Callable[..., Pc], switch_on: Callable[..., Pc]
) -> None:
    pc = switch_on(make_pc())
    assert lab.stop(station, "pc-1", 60).state == "stopped"
    assert lab.load(station, "pc-1").running is None
    assert not (pc.folder / "qemu.pid").exists()


@pytest.mark.parametrize(
    ("boot", "commands"),
    [
        ("disk", ["system_powerdown"]),
        ("live", ["set-action reboot", "send-key keys", "system_powerdown"]),
    ],
)
def test_the_live_environment_hears_keys_but_no_button(
    station: Station,
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
    monkeypatch: pytest.MonkeyPatch,
    boot: str,
    commands: list[str],
) -> None:
    heard: list[str] = []

    class Line:
        def __init__(self, path: Path) -> None:
            self.folder = path.parent

        def __enter__(self) -> Line:
            return self

        def __exit__(self, *_: object) -> None:
            process.end(self.folder)

        def execute(self, command: str, **arguments: object) -> None:
            heard.append(" ".join([command, *arguments]))

    monkeypatch.setattr(power, "Qmp", Line)
    switch_on(make_pc(), boot)
    assert lab.stop(station, "pc-1", 60).state == "stopped"
    assert heard == commands


def test_direct_io_is_found_out_by_trying(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(b"")
    assert power._takes_direct_io(tmp_path / "disk.img")
    assert power._takes_direct_io(tmp_path / "missing")
    assert not power._takes_direct_io(Path("/proc/version"))
