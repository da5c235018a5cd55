"""Folders of PCs: is it on, is it whole, does somebody hold it?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, StationError, UsageError
from netspring_provision.lab import process, store
from netspring_provision.lab.model import Pc


def test_a_pc_that_was_never_started_is_off(station: Station, make_pc: Callable[..., Pc]) -> None:
    assert lab.load(station, make_pc().name).state == "stopped"


def test_a_running_pc(
    station: Station, make_pc: Callable[..., Pc], switch_on: Callable[..., Pc]
) -> None:
    switch_on(make_pc(), "live", 2345)
    pc = lab.load(station, "pc-1")
    assert (pc.state, pc.ssh_port, pc.last_port) == ("running live", 2345, 2345)
    assert pc.running is not None
    assert store.pid_of(pc.folder) == pc.running.pid


@pytest.mark.parametrize("content", [str(os.getpid()), "999999999999", "0", "-5", "no", ""])
def test_a_stale_or_reused_number_is_not_the_pc(
    station: Station, make_pc: Callable[..., Pc], content: str
) -> None:
    pc = make_pc()
    (pc.folder / "qemu.pid").write_text(content)
    assert lab.load(station, "pc-1").running is None
    with process.of(pc.folder) as found:
        assert found is None
    process.end(pc.folder)  # and it harms nobody: this test is still running


def test_on_but_nobody_wrote_down_how(
    station: Station, make_pc: Callable[..., Pc], switch_on: Callable[..., Pc]
) -> None:
    pc = switch_on(make_pc())
    (pc.folder / "state.json").unlink()
    again = lab.load(station, "pc-1")
    assert again.running is not None
    assert again.ssh_port is None


def test_after_the_end_it_is_off_and_its_port_is_remembered(
    station: Station, make_pc: Callable[..., Pc], switch_on: Callable[..., Pc]
) -> None:
    pc = switch_on(make_pc(), ssh_port=2345)
    process.end(pc.folder)
    again = lab.load(station, "pc-1")
    assert (again.running, again.last_port) == (None, 2345)


def test_no_such_pc_names_those_there_are(station: Station, make_pc: Callable[..., Pc]) -> None:
    make_pc("pc-7")
    with pytest.raises(UsageError, match=r"no lab PC named pc-1 \(there are: pc-7\)") as caught:
        lab.load(station, "pc-1")
    assert "lab create pc-1" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 2}', "nonsense"])
def test_a_damaged_pc_can_be_seen_and_destroyed(
    station: Station, make_pc: Callable[..., Pc], text: str
) -> None:
    pc = make_pc()
    make_pc("pc-2")
    (pc.folder / "machine.json").write_text(text)
    with pytest.raises(MachineFailedError, match="cannot be read"):
        lab.load(station, "pc-1")
    assert [other.name for other in lab.list_pcs(station)] == ["pc-2"]
    assert store.broken(station) == ("pc-1",)
    lab.destroy(station, "pc-1")
    assert store.broken(station) == ()


def test_only_one_at_a_time(station: Station, make_pc: Callable[..., Pc]) -> None:
    make_pc()
    with store.locked(station, "pc-1"):
        with pytest.raises(StationError, match="another netspring"):
            lab.destroy(station, "pc-1")
        with store.locked(station, "pc-2"):
            pass
    assert lab.load(station, "pc-1").name == "pc-1"
    lab.destroy(station, "pc-1")


def test_destroy_ends_the_process_and_deletes_only_its_folder(
    station: Station, make_pc: Callable[..., Pc], switch_on: Callable[..., Pc]
) -> None:
    pc = switch_on(make_pc())
    make_pc("pc-2")
    lab.destroy(station, "pc-1")
    assert not pc.folder.exists()
    assert [other.name for other in lab.list_pcs(station)] == ["pc-2"]


@pytest.mark.parametrize("name", ["../keys", "/etc", ".", "..", "a/b", ".locks", ""])
def test_destroy_refuses_names_that_lead_elsewhere(station: Station, name: str) -> None:
    station.keys.mkdir(parents=True)
    station.ssh_key.touch()
    with pytest.raises(UsageError, match="cannot be the name"):
        lab.destroy(station, name)
    assert station.ssh_key.exists()


def test_destroy_does_not_follow_a_link(
    station: Station, make_pc: Callable[..., Pc], tmp_path: Path
) -> None:
    make_pc()
    precious = tmp_path / "precious"
    (station.lab / "pc-1").rename(precious)
    (station.lab / "pc-1").symlink_to(precious)
    with pytest.raises(UsageError, match="a link"):
        lab.destroy(station, "pc-1")
    assert (precious / "disk0.img").exists()


def test_destroy_of_nothing(station: Station) -> None:
    with pytest.raises(UsageError, match="no lab PC named pc-1"):
        lab.destroy(station, "pc-1")


def test_a_name_is_given_once(station: Station, make_pc: Callable[..., Pc]) -> None:
    before = make_pc()
    with pytest.raises(UsageError, match="already"):
        make_pc()
    assert lab.load(station, "pc-1") == before


def test_more_sata_disks_than_ports(make_pc: Callable[..., Pc], station: Station) -> None:
    with pytest.raises(UsageError, match="6 SATA ports"):
        make_pc("pc-1", *["sata:16M"] * 7)
    assert not station.lab.exists()
