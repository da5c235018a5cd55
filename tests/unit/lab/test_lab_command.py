"""``netspring lab``: results for people and programs, and the exit codes of the contract."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from netspring_provision import lab
from netspring_provision.cli import run
from netspring_provision.config import Station
from netspring_provision.lab.model import Pc


@pytest.fixture(autouse=True)
def _keys(allow_subprocess: Callable[..., None]) -> None:
    allow_subprocess("ssh-keygen", "sfdisk", "mke2fs")


def test_create_list_destroy(
    station: Station,
    switch_on: Callable[..., Pc],
    capsys: pytest.CaptureFixture[str],
) -> None:
    disks = ["--disk", "sata:16M", "--disk", "nvme:17M:SAME", "--disk", "usb:16M:SAME"]
    assert run(["lab", "create", "pc-1", "--firmware", "uefi", "--memory", "1G", *disks]) == 0
    printed = capsys.readouterr()
    assert "pc-1: stopped, uefi, 1G, sata 16M LAB-PC-1-0, nvme 17M SAME" in printed.out
    assert "2 disks share the serial SAME" in printed.err
    pc = switch_on(lab.load(station, "pc-1"), "live", 2345)
    assert all(lab.count_pattern(disk.path) > 1000 for disk in pc.disks)

    assert run(["lab", "list"]) == 0
    assert "running live" in capsys.readouterr().out
    assert run(["lab", "list", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["name"], found["state"], found["ssh_port"]) == ("pc-1", "running live", 2345)
    assert [disk["path"] for disk in found["disks"]] == [str(disk.path) for disk in pc.disks]

    assert run(["lab", "destroy", "pc-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "pc-1", "destroyed": True}
    assert not pc.folder.exists()


def test_list_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["lab", "list"]) == 0
    assert "netspring lab create" in capsys.readouterr().out


def test_stop_now(
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
    capsys: pytest.CaptureFixture[str],
) -> None:
    switch_on(make_pc())
    assert run(["lab", "stop", "pc-1", "--now", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "stopped"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "pc-1", "--disk", "floppy:2G"], 2, "sata, nvme, scsi, virtio, usb, sd"),
        (["create", "../x"], 2, "cannot be the name"),
        (["create", "pc-1", "--memory", "lots"], 2, "is not a size"),
        (["create", "pc-1", "--firmware", "efi"], 2, "bios, uefi, secureboot"),
        (["start", "pc-1"], 2, "no lab PC named pc-1"),
        (["start", "pc-1", "--boot", "floppy"], 2, "floppy"),
        (["stop", "pc-1"], 2, "no lab PC named pc-1"),
        (["reset", "pc-1"], 2, "no lab PC named pc-1"),
        (["screenshot", "pc-1"], 2, "no lab PC named pc-1"),
        (["console", "pc-1"], 2, "no lab PC named pc-1"),
        (["destroy", "pc-1"], 2, "no lab PC named pc-1"),
        (["destroy", "../keys"], 2, "cannot be the name"),
    ],
)
def test_mistakes(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run(["lab", *arguments]) == code
    assert said in capsys.readouterr().err


def test_live_not_built(make_pc: Callable[..., Pc], capsys: pytest.CaptureFixture[str]) -> None:
    make_pc()
    assert run(["lab", "start", "pc-1"]) == 4
    assert "netspring live build" in capsys.readouterr().err


def test_a_pc_that_is_on_is_told_before_a_missing_live_environment(
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
    capsys: pytest.CaptureFixture[str],
) -> None:
    switch_on(make_pc())
    assert run(["lab", "start", "pc-1"]) == 2
    assert "is on already" in capsys.readouterr().err


def test_list_names_a_damaged_pc(
    make_pc: Callable[..., Pc], capsys: pytest.CaptureFixture[str]
) -> None:
    (make_pc().folder / "machine.json").write_text("{}")
    assert run(["lab", "list"]) == 0
    assert "netspring lab destroy pc-1" in capsys.readouterr().err
