"""The guest: what it leaves is found and gone, and nothing of anybody else."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from netspring_classroom import guest
from netspring_classroom.system import System

from tests.on_target import ROLES

# No account of a station has this number, and no other run of these tests.
UID = 61000 + os.getpid() % 4000
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def user() -> pwd.struct_passwd:
    return pwd.struct_passwd(("guest", "x", UID, UID, "", "/run/guest", "/bin/bash"))


def test_only_what_is_mounted_for_the_guest_is_let_go(system: System) -> None:
    system.at("proc/self/mounts").write_text(
        "/dev/sda4 / ext4 rw 0 0\n"
        "tmpfs /run tmpfs rw 0 0\n"
        "netspring-guest /run/guest tmpfs rw 0 0\n"
        "gvfsd-fuse /run/guest/.cache/gvfs fuse rw 0 0\n"
        "/dev/sdb1 /run/media/guest/MY\\040STICK vfat rw 0 0\n"
        "/dev/sdb2 /run/media/guest/A\\134B\\011\\012优盘 vfat rw 0 0\n"
        "/dev/sdc1 /run/media/guest2/OTHER vfat rw 0 0\n"
        "/dev/sdd1 /run/media/pupil/STICK vfat rw 0 0\n"
        "none /run/guests tmpfs rw 0 0\n"
    )
    assert guest.mounts(system, "guest") == [
        "/run/guest",
        "/run/guest/.cache/gvfs",
        "/run/media/guest/MY STICK",
        "/run/media/guest/A\\B\t\n优盘",
    ]


@AS_ROOT
def test_what_the_guest_wrote_outside_of_its_home_is_found(system: System) -> None:
    shared = system.at("var/tmp")
    (shared / "theirs/deep").mkdir(parents=True)
    for name in ("mine", "theirs/deep/mine", "theirs/pupils"):
        (shared / name).write_text(name)
    (shared / "link").symlink_to("/etc/passwd")
    for name in ("mine", "theirs/deep/mine", "link"):
        os.chown(shared / name, UID, UID, follow_symlinks=False)
    found = [str(path.relative_to(shared)) for path in guest.owned(shared, UID)]
    assert found == ["link", "mine", "theirs/deep/mine"]


@AS_ROOT
def test_a_folder_that_becomes_a_link_leads_the_removal_nowhere(
    system: System, user: pwd.struct_passwd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child's program that is still running swaps a folder between the search and the removal."""
    shared = system.at("tmp")
    (shared / "theirs/deep").mkdir(parents=True)
    (shared / "secret").mkdir()
    for folder in (shared, shared / "theirs", shared / "theirs/deep"):
        folder.chmod(0o777)
    for name in ("theirs/deep/mine", "secret/mine", "mine"):
        (shared / name).write_text(name)
    for name in ("theirs/deep/mine", "mine"):
        os.chown(shared / name, UID, UID)
    remove = guest._remove

    def swapped(path: Path) -> None:
        if path.parent.name == "deep":
            path.parent.rename(path.parent.parent / "away")
            path.parent.symlink_to("../secret")
        remove(path)

    monkeypatch.setattr(guest, "_remove", swapped)
    guest.forget_common(system, user)
    assert (shared / "theirs/deep").is_symlink()  # the swap did take place
    assert (shared / "secret/mine").read_text() == "secret/mine"
    assert not (shared / "mine").exists()


@AS_ROOT
def test_a_folder_that_the_guest_closed_goes_too(system: System, user: pwd.struct_passwd) -> None:
    shared = system.at("tmp")
    closed = shared / "a/b"
    closed.mkdir(parents=True)
    (closed / "c").write_text("trace")
    shared.chmod(0o1777)
    for path in (closed / "c", closed, closed.parent):
        os.chown(path, UID, UID)
        path.chmod(0)
    guest.forget_common(system, user)
    assert list(shared.iterdir()) == []


@AS_ROOT
def test_programs_of_the_guest_are_ended_and_no_others(user: pwd.struct_passwd) -> None:
    """One that does not listen to a polite word, in a session of its own."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM HUP; exec sleep 60"],
        user=UID,
        group=UID,
        start_new_session=True,
    )
    try:
        assert guest.processes(user.pw_uid) == [process.pid]
        assert os.getpid() not in guest.processes(user.pw_uid)
        guest.end(user.pw_uid)
        assert process.wait(timeout=10) == -9
        assert guest.processes(user.pw_uid) == []
    finally:
        process.kill()


def test_a_name_that_the_kernel_cut_within_a_sign_is_read_over() -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", r"printf '\344\275\240\345' > /proc/$$/comm; echo; read end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    with process:
        assert process.pid in guest.processes(os.getuid())
        assert process.stdin
        process.stdin.close()


def test_settings_come_into_force_also_where_the_guest_was_not_forgotten() -> None:
    unit = (ROLES / "classroom/templates/classroom.service.j2").read_text()
    starts = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert starts
    assert all(line.startswith("ExecStart=-") for line in starts)


@pytest.fixture
def pc(system: System) -> Iterator[System]:
    """The PC in a folder, with the mounts that the kernel really has."""
    shutil.rmtree(system.at("proc"))
    system.at("run").mkdir()
    yield system
    subprocess.run(["umount", "--lazy", system.at(guest.HOME)], check=False, capture_output=True)


@pytest.mark.loop
@AS_ROOT
def test_a_guest_has_a_home_in_memory_and_leaves_nothing(
    pc: System, user: pwd.struct_passwd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        guest,
        "mounts",
        lambda system, _: [m for m in [str(system.at(guest.HOME))] if os.path.ismount(m)],
    )
    for folder in ("var/tmp", "var/lib/lightdm-data/guest", "var/log/journal/0123"):
        pc.at(folder).mkdir(parents=True)
    pc.at("var/tmp").chmod(0o1777)
    journal = pc.at(f"var/log/journal/0123/user-{UID}.journal")
    for _ in range(2):  # the second guest finds nothing of the first
        assert guest.add(pc, user, guest.NOTICE) == "guest"
        home = pc.at(guest.HOME)
        assert os.path.ismount(home)
        state = home.stat()
        assert (state.st_uid, state.st_mode & 0o777) == (UID, 0o700)
        assert {path.stat().st_uid for path in home.rglob("*")} == {UID}
        assert sorted(p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()) == [
            ".config/autostart/netspring-guest.desktop",
            ".config/lxqt/panel.conf",
            "Desktop/tuxpaint.desktop",
        ]
        (home / "painting.png").write_bytes(b"a guest made this")
        (pc.at("var/tmp") / "trace").write_text("trace")
        os.chown(pc.at("var/tmp") / "trace", UID, UID)
        journal.write_text("log")
        guest.forget(pc, user)
        assert not os.path.ismount(home)
        assert list(home.iterdir()) == []
        assert list(pc.at("var/tmp").iterdir()) == []
        assert not journal.exists()
        assert not pc.at("var/lib/lightdm-data/guest").exists()


def test_a_word_that_is_none_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert guest.main([]) == 2
    assert guest.main(["clean"]) == 2
    assert "add | remove" in capsys.readouterr().err
