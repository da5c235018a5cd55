from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from netspring_provision.cli import run
from netspring_provision.config import Station
from netspring_provision.doctor import mend, probe
from netspring_provision.doctor.needs import (
    HOME_BYTES,
    MEMORY_BYTES,
    NEEDS,
    TMP_BYTES,
    Facts,
    Finding,
    State,
    install_command,
    judge,
    lacking,
    missing_packages,
)
from netspring_provision.errors import StationError

GOOD = Facts(
    programs=frozenset(program for need in NEEDS for program in need.programs),
    files=frozenset(group[0] for need in NEEDS for group in need.files),
    architecture="x86_64",
    has_apt=True,
    is_root=True,
    has_sudo=False,
    home="/srv/netspring",
    home_problem=None,
    home_free=HOME_BYTES,
    tmp="/tmp",  # noqa: S108
    tmp_free=TMP_BYTES,
    memory=MEMORY_BYTES,
    ansible="/venv/bin/ansible-playbook",
    kvm_usable=True,
    kvm_reason="a guest ran",
)


def named(facts: Facts, name: str) -> Finding:
    return next(finding for finding in judge(facts) if finding.name == name)


def test_a_good_station_lacks_nothing() -> None:
    assert lacking(judge(GOOD)) == ()
    assert missing_packages(judge(GOOD)) == ()
    assert {finding.state for finding in judge(GOOD)} == {State.OK}


@pytest.mark.parametrize(
    ("program", "package"), [(program, need.package) for need in NEEDS for program in need.programs]
)
def test_each_missing_program_names_the_command_that_mends_it(program: str, package: str) -> None:
    findings = lacking(judge(replace(GOOD, programs=GOOD.programs - {program})))
    assert [finding.package for finding in findings] == [package]
    assert findings[0].mend == f"apt-get install -y --no-install-recommends {package}"
    assert program in findings[0].detail


@pytest.mark.parametrize(
    ("file", "package"), [(group[0], need.package) for need in NEEDS for group in need.files]
)
def test_each_missing_file_names_the_command_that_mends_it(file: str, package: str) -> None:
    findings = lacking(judge(replace(GOOD, files=GOOD.files - {file})))
    assert missing_packages(findings) == (package,)
    assert file in findings[0].detail


def test_one_file_of_a_group_is_enough() -> None:
    others = frozenset(group[-1] for need in NEEDS for group in need.files)
    assert lacking(judge(replace(GOOD, files=others))) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"home_problem": "Read-only file system"},
        {"home_free": HOME_BYTES - 1},
        {"home_free": None},
        {"tmp_free": TMP_BYTES - 1},
        {"tmp_free": None},
        {"memory": MEMORY_BYTES - 1},
        {"memory": None},
        {"ansible": None},
        {"has_apt": False},
        {"architecture": "aarch64"},
        {"is_root": False, "has_sudo": False},
    ],
    ids=str,
)
def test_what_is_lacking_or_unknown_stops_the_station(change: dict[str, object]) -> None:
    findings = lacking(judge(replace(GOOD, **change)))
    assert len(findings) == 1
    assert findings[0].mend


def test_not_being_root_is_a_note_where_sudo_is() -> None:
    facts = replace(GOOD, is_root=False, has_sudo=True, programs=GOOD.programs - {"cpio"})
    assert named(facts, "rights of root").state == State.NOTE
    assert named(facts, "cpio").mend == "sudo apt-get install -y --no-install-recommends cpio"


@pytest.mark.parametrize(
    "reason", ["/dev/kvm is not there", "/dev/kvm is there, but a guest did not run on it"]
)
def test_no_kvm_is_a_note_that_gives_the_reason(reason: str) -> None:
    finding = named(replace(GOOD, kvm_usable=False, kvm_reason=reason), "KVM")
    assert finding.state == State.NOTE
    assert reason in finding.detail
    assert "slower" in finding.detail


def test_packages_are_installed_once_each_and_not_without_sudo() -> None:
    findings = judge(replace(GOOD, programs=frozenset()))
    packages = missing_packages(findings)
    assert len(set(packages)) == len(packages)
    assert set(packages) == {need.package for need in NEEDS if need.programs}
    assert install_command(packages, is_root=False).startswith("sudo apt-get install -y ")


def program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_probe_finds_programs_on_the_given_path_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = SimpleNamespace(usable=False, reason="no guest ran")
    monkeypatch.setattr(probe.kvm, "verdict", lambda: verdict)
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    program(bin_dir, "zstd")
    program(bin_dir, "cpio").chmod(0o644)
    root = tmp_path / "root"
    key = root / NEEDS[-1].files[0][1].lstrip("/")
    key.parent.mkdir(parents=True)
    key.write_text("key")
    (root / "proc").mkdir()
    (root / "proc/meminfo").write_text("MemTotal:        2048 kB\nMemFree: 1 kB\n")
    seen = probe.facts(Station(tmp_path / "home"), path=str(bin_dir), root=root)
    assert seen.programs == {"zstd"}
    assert seen.files == {f"/{key.relative_to(root)}"}
    assert seen.memory == 2048 * 1024
    assert not seen.has_apt
    assert (seen.kvm_usable, seen.kvm_reason) == (False, "no guest ran")
    assert seen.home_problem is None
    assert not (tmp_path / "home").exists()


def test_the_administrators_folders_are_searched_too() -> None:
    assert probe.search_path("/usr/bin").split(os.pathsep) == [
        "/usr/bin",
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
    ]


@pytest.mark.parametrize("text", ["", "MemTotal:\n", "MemTotal: many kB\n"])
def test_unreadable_memory_is_unknown(tmp_path: Path, text: str) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert probe.memory_bytes(tmp_path / "meminfo") is None
    assert probe.memory_bytes(tmp_path / "nothing") is None


def test_a_file_in_the_way_of_the_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert probe.write_problem(tmp_path / "file" / "home") == "Not a directory"
    assert probe.write_problem(tmp_path / "new" / "home") is None
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_ansible_counts_only_beside_this_python(tmp_path: Path) -> None:
    assert probe.ansible_playbook(str(tmp_path / "python")) is None
    found = program(tmp_path, "ansible-playbook")
    assert probe.ansible_playbook(str(tmp_path / "python")) == str(found)


class Apt:
    """Answers as apt would; remembers what was asked."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.asked: list[str] = []

    def __call__(self, argv: Sequence[str]) -> int:
        self.asked.append(" ".join(argv))
        return self.codes.pop(0)


INSTALL_CPIO = "apt-get install -y --no-install-recommends cpio"


def lists(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).write_text("")
    return tmp_path


def test_install_fetches_missing_lists_first(tmp_path: Path) -> None:
    apt = Apt(0, 0)
    mend.install(["cpio"], is_root=True, run=apt, lists=lists(tmp_path, "lock", "x_InRelease"))
    assert apt.asked == ["apt-get update", INSTALL_CPIO]


def test_install_leaves_present_lists_alone(tmp_path: Path) -> None:
    apt = Apt(0)
    mend.install(["cpio"], is_root=True, run=apt, lists=lists(tmp_path, "x_Packages.lz4"))
    assert apt.asked == [INSTALL_CPIO]


def test_install_fetches_lists_that_proved_too_old_and_tries_once_more(tmp_path: Path) -> None:
    apt = Apt(100, 0, 0)
    mend.install(["cpio"], is_root=True, run=apt, lists=lists(tmp_path, "x_Packages"))
    assert apt.asked == [INSTALL_CPIO, "apt-get update", INSTALL_CPIO]
    refusing = Apt(100, 0, 100)
    with pytest.raises(StationError, match="could not install cpio"):
        mend.install(["cpio"], is_root=True, run=refusing, lists=tmp_path)


def test_an_unreachable_mirror_is_told(tmp_path: Path) -> None:
    with pytest.raises(StationError, match="mirror") as caught:
        mend.install(["cpio"], is_root=True, run=Apt(100), lists=tmp_path)
    assert caught.value.hint is not None
    assert "apt-get update" in caught.value.hint


def test_without_root_nothing_is_run(tmp_path: Path) -> None:
    apt = Apt()
    with pytest.raises(StationError) as caught:
        mend.install(["cpio", "zstd"], is_root=False, run=apt, lists=tmp_path)
    assert caught.value.hint == "sudo apt-get install -y --no-install-recommends cpio zstd"
    assert apt.asked == []


def test_apt_asks_nothing_and_leaves_stdout_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    allow_subprocess: Callable[..., None],
) -> None:
    program(tmp_path, "apt-get", '#!/bin/sh\necho "$DEBIAN_FRONTEND $*"\nexit 7\n')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    allow_subprocess("apt-get")
    monkeypatch.setattr(mend.sys, "stderr", mend.sys.__stderr__)
    assert mend.run_apt(["apt-get", "update"]) == 7
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "noninteractive -o DPkg::Lock::Timeout=300 update\n"


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The command on a made-up station: ``facts`` is what the probe sees, install adds to it."""
    state = SimpleNamespace(facts=GOOD, installed=[])

    def install(packages: Sequence[str], *, is_root: bool) -> None:
        mend_needs = [need for need in NEEDS if need.package in packages]
        if not is_root:
            raise StationError("needs root", hint="sudo apt-get ...")
        state.installed.append(tuple(packages))
        names = {program for need in mend_needs for program in need.programs}
        state.facts = replace(state.facts, programs=state.facts.programs | names)

    monkeypatch.setattr(probe, "facts", lambda _station: state.facts)
    monkeypatch.setattr(mend, "install", install)
    return state


def test_the_command_ends_0_when_all_is_there(
    station: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--fix", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"] is True
    assert result["mend"] is None
    assert station.installed == []


def test_the_command_ends_4_and_prints_what_mends_it(
    station: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    station.facts = replace(GOOD, programs=GOOD.programs - {"cpio", "zstd"})
    assert run(["doctor"]) == 4
    out = capsys.readouterr().out
    assert "apt-get install -y --no-install-recommends zstd cpio" in out
    assert "missing: cpio" in out
    assert station.installed == []


def test_fix_installs_what_is_missing_and_looks_again(
    station: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    station.facts = replace(GOOD, programs=GOOD.programs - {"cpio", "zstd"})
    assert run(["doctor", "--fix", "--json"]) == 0
    assert station.installed == [("zstd", "cpio")]
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_fix_without_root_ends_4(
    station: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    station.facts = replace(GOOD, is_root=False, has_sudo=True, programs=frozenset())
    assert run(["doctor", "--fix"]) == 4
    assert "sudo apt-get" in capsys.readouterr().err
    assert station.installed == []


def test_fix_that_did_not_help_is_not_success(
    station: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.facts = replace(GOOD, files=frozenset())
    updates: list[str] = []
    monkeypatch.setattr(mend, "update", lambda: updates.append("update"))
    assert run(["doctor", "--fix"]) == 4
    assert updates == ["update"]
    assert len(station.installed) == 2
