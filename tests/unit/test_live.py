"""What is built anew, what is kept, and what a failed build means."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netspring_provision import live, mirror
from netspring_provision.cli import run
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, StationError
from netspring_provision.runner import RunResult

MIRROR = "http://m.example/debian"
pytestmark = pytest.mark.usefixtures("station", "builder")


@pytest.fixture
def station(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    keys = netspring_home / "keys"
    keys.mkdir(parents=True)
    (keys / "station_ed25519.pub").write_text("ssh-ed25519 AAAAkey netspring-station\n")
    (keys / "live_token").write_text("ab" * 32 + "\n")
    monkeypatch.setattr(Station, "ensure", lambda self: self)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(mirror, "station_mirror", lambda: MIRROR)
    monkeypatch.setattr(mirror, "sources", lambda **_: (f"deb {MIRROR} trixie main",))
    monkeypatch.setattr(mirror, "apt_options", lambda: ())
    monkeypatch.setattr(live, "NEEDED_SPACE", 0)
    return Station(netspring_home)


class Builder:
    """Stands in for the playbook: writes what the role would have written."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, Any]] = []
        self.broken: dict[str, Any] | None = None

    def __call__(self, station: Station, **asked: Any) -> RunResult:
        assert asked["playbook"] == "build_live"
        given = asked["extravars"]
        self.calls.append(given)
        if self.broken is not None:
            event = {"event": "runner_on_failed", "event_data": {"res": self.broken}}
            return RunResult("r", station.runs, "failed", 2, (event,))
        folder = Path(given["live_environment_output"])
        folder.mkdir()
        files = {}
        for name in ("vmlinuz", "initrd.img"):
            content = f"{name} {len(self.calls)}".encode()
            (folder / name).write_bytes(content)
            files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        said = {
            "inputs_sha256": given["live_environment_inputs"],
            "mirror": given["live_environment_mirror"],
            "unpacked_bytes": 5,
            "files": files,
        }
        (folder / "build.json").write_text(json.dumps(said))
        return RunResult("r", station.runs, "successful", 0, ())


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    made = Builder()
    monkeypatch.setattr(live, "run_playbook", made)
    return made


def test_a_second_build_does_no_work(station: Station, builder: Builder) -> None:
    first, second = live.build(station), live.build(station)
    assert (first.built, second.built, len(builder.calls)) == (True, False, 1)
    assert first.kernel == second.kernel == station.live / first.inputs_sha256[:12] / "vmlinuz"
    assert (station.live / "current").resolve() == first.kernel.parent


def test_force_builds_again_and_replaces(station: Station) -> None:
    live.build(station)
    again = live.build(station, force=True)
    assert again.built
    assert again.kernel.read_text() == "vmlinuz 2"
    assert not list(station.live.glob(".partial-*"))


def test_a_damaged_build_is_built_again(station: Station) -> None:
    found = live.build(station)
    found.initrd.write_text("initrd.img X")
    assert live.build(station).built


def test_another_key_another_build(station: Station) -> None:
    first = live.build(station)
    station.ssh_key.with_suffix(".pub").write_text("ssh-ed25519 AAAAother x\n")
    second = live.build(station)
    assert first.inputs_sha256 != second.inputs_sha256
    assert live.show(station).inputs_sha256 == second.inputs_sha256


def test_the_comment_of_the_key_does_not_count() -> None:
    one, two = ("ssh-ed25519 AAAA one", "ssh-ed25519 AAAA")
    assert live.inputs_sha256(one, MIRROR) == live.inputs_sha256(two, MIRROR)


def test_a_named_mirror_counts_and_is_kept_when_none_is_named(station: Station) -> None:
    live.build(station)
    other = live.build(station, mirror_uri="http://usb.example/debian/")
    assert other.built
    kept = live.build(station)
    assert not kept.built
    assert kept.mirror == "http://usb.example/debian"


def test_what_is_there_needs_no_mirror_no_root_no_network(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.build(station)

    def gone(**_: object) -> str:
        raise StationError("no mirror")

    monkeypatch.setattr(mirror, "station_mirror", gone)
    monkeypatch.setattr(mirror, "sources", gone)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not live.build(station).built


def test_leftovers_of_a_killed_build_are_removed(station: Station) -> None:
    half = station.live / ".partial-x" / "root"
    half.mkdir(parents=True)
    live.build(station)
    assert not half.parent.exists()


def test_only_the_last_two_builds_stay(station: Station) -> None:
    folders = []
    for number in range(4):
        found = live.build(station, mirror_uri=f"http://m{number}.example/debian")
        os.utime(found.kernel.parent / "build.json", (number, number))
        folders.append(found.kernel.parent)
    assert [folder.exists() for folder in folders] == [False, False, True, True]


def test_a_build_that_fails_leaves_the_one_in_use(station: Station, builder: Builder) -> None:
    before = live.build(station)
    builder.broken = {"msg": "m.example: no route", "netspring_error": {"kind": "mirror"}}
    with pytest.raises(StationError, match="no route") as caught:
        live.build(station, force=True)
    assert "--mirror" in str(caught.value.hint)
    assert live.show(station).kernel == before.kernel
    assert before.kernel.read_text() == "vmlinuz 1"


@pytest.mark.parametrize("kind", ["root", "tool", "space", "mirror", "packages"])
def test_what_the_station_lacks_says_how_to_mend_it(kind: str, tmp_path: Path) -> None:
    res = {"msg": "what happened", "netspring_error": {"kind": kind, "hint": ""}}
    event = {"event": "runner_on_failed", "event_data": {"res": res}}
    error = live.failure(RunResult("r", tmp_path, "failed", 2, (event,)))
    assert isinstance(error, StationError)
    assert "what happened" in error.message
    assert error.hint


def test_any_other_failure_is_a_failed_build(tmp_path: Path) -> None:
    event = {"event": "runner_on_failed", "event_data": {"res": {"msg": "x"}}, "stdout": "depmod"}
    error = live.failure(RunResult("r", tmp_path, "failed", 2, (event,)))
    assert isinstance(error, MachineFailedError)
    assert "depmod" in error.message
    assert str(tmp_path) in str(error.hint)


def test_no_success_without_the_files(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    done = RunResult("r", station.runs, "successful", 0, ())
    monkeypatch.setattr(live, "run_playbook", lambda *_, **__: done)
    with pytest.raises(MachineFailedError):
        live.build(station)


def test_not_root_is_refused_before_the_mirror_is_asked(
    station: Station, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(mirror, "sources", lambda **_: pytest.fail("asked the mirror"))
    with pytest.raises(StationError, match="root"):
        live.build(station)
    assert not builder.calls


def test_too_little_space_is_said_at_once(
    station: Station, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "NEEDED_SPACE", 1 << 60)
    with pytest.raises(StationError, match="MB free") as caught:
        live.build(station)
    assert "NETSPRING_HOME" in str(caught.value.hint)
    assert not builder.calls


def test_show_before_any_build(station: Station) -> None:
    with pytest.raises(StationError, match="not built") as caught:
        live.show(station)
    assert caught.value.hint == "netspring live build"


def test_show_of_a_truncated_initrd(station: Station) -> None:
    live.build(station).initrd.write_text("")
    with pytest.raises(StationError, match=r"initrd\.img has another size"):
        live.show(station)


def test_the_command_line_carries_the_token_and_keeps_off_the_disks(station: Station) -> None:
    words = live.build(station).cmdline.split()
    assert f"netspring.token={'ab' * 32}" in words
    assert {"raid=noautodetect", "noresume", "systemd.gpt_auto=0"} <= set(words)
    assert not [word for word in words if word.startswith("root=")]


def test_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["live", "build", "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert run(["live", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (built.pop("built"), shown.pop("built")) == (True, False)
    assert built == shown
    assert {"kernel", "initrd", "cmdline", "inputs_sha256"} <= shown.keys()


def test_command_without_a_build_exits_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["live", "show"]) == 4
    assert "netspring live build" in capsys.readouterr().err
