"""The programs that run on the machine, as far as they can be tried without one."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import signal
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from netspring_provision.checks import asking
from netspring_provision.checks.on_machine import __main__ as program
from netspring_provision.checks.on_machine import (
    apps,
    desktop,
    disks,
    leftovers,
    pixels,
    session,
    system,
)

# Recorded from `ss -H -l -t -u -n -p` on a lite PC, with a print server added.
SOCKETS = """\
udp   UNCONN 0      0      0.0.0.0%eth0:68      0.0.0.0:*    users:(("NetworkManager",pid=6,fd=2))
tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=704,fd=6))
tcp   LISTEN 0      4096       127.0.0.1:631       0.0.0.0:*    users:(("cupsd",pid=711,fd=7))
tcp   LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=704,fd=7))
tcp   LISTEN 0      4096           [::1]:631          [::]:*    users:(("cupsd",pid=711,fd=6))
tcp   LISTEN 0      4096               *:631             *:*    users:(("cupsd",pid=711,fd=8))
"""


def test_listeners_leaves_out_what_only_the_machine_itself_can_reach() -> None:
    found = [(one["program"], one["protocol"], one["port"]) for one in system.listeners(SOCKETS)]
    assert found == [
        ("NetworkManager", "udp", "68"),
        ("sshd", "tcp", "22"),
        ("sshd", "tcp", "22"),
        ("cupsd", "tcp", "631"),
    ]


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("I/O error, dev sda, sector 2048 op 0x0:(READ)", True),
        ("Buffer I/O error on dev sda4, logical block 0", True),
        ("EXT4-fs error (device sda4): ext4_lookup", True),
        ("critical medium error, dev nvme0n1, sector 9", True),
        ("ata1.00: failed command: READ DMA EXT", True),
        ("nvme nvme0: I/O 12 QID 3 timeout, aborting", True),
        ("sd 0:0:0:0: [sda] tag#9 Add. Sense: Unrecovered read error", True),
        ("I/O error, dev sdb, sector 2048 op 0x0:(READ)", False),  # a stick, pulled out
        ("Buffer I/O error on dev mmcblk0p1, logical block 0", False),  # a card
        ("ata5.00: failed command: PACKET", False),  # a disc with scratches
        ("I/O error, dev fd0, sector 0", False),
        ("I/O error, dev sr0, sector 0", False),
        ("EXT4-fs (sda4): mounted filesystem with ordered data mode", False),
        ("ata1: SATA link up 1.5 Gbps", False),
    ],
)
def test_disk_errors_in_the_kernels_log(line: str, bad: bool) -> None:
    assert bool(disks.complaints([line], ["sda", "ata1", "nvme0", "nvme0n1"])) is bad


def test_a_part_that_breaks_is_named_and_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such tool")

    for name in ("units", "kernel", "image", "boot", "grown", "locale", "packages", "network"):
        monkeypatch.setattr(system, name, broken)
    monkeypatch.setattr(system, "identity", lambda: {"uuid": "u-1"})
    monkeypatch.setattr(disks, "all_disks", lambda _marks: [])
    question = {"nonce": "n", "pupil": "nobody-here", "token_sha256": None, "donor_marks": ["x"]}
    answer = system.gather(question)
    assert answer["units"] == {"unobserved": "RuntimeError: no such tool"}
    assert answer["disks"] == []
    assert answer["pupil"] == {"exists": False}
    assert answer["nonce"] == "n"
    assert answer["proof"] == hashlib.sha256(b"n u-1").hexdigest()


def test_sample_finds_data_and_marks_at_both_ends(tmp_path: Path) -> None:
    device = tmp_path / "disk"
    size = 64 << 20
    with device.open("wb") as file:
        file.truncate(size)
    assert disks.sample(device, size, [b"DONOR"])["with_data"] == 0
    with device.open("r+b") as file:
        file.seek(size - 9)
        file.write(b"DONOR")
    found = disks.sample(device, size, [b"DONOR"])
    assert found["with_mark"] >= 1
    assert found["with_data"] >= 1
    assert found["bytes"] > 2 << 20
    assert found["errors"] == 0


def test_sample_of_a_disk_smaller_than_a_sample(tmp_path: Path) -> None:
    device = tmp_path / "disk"
    device.write_bytes(b"\0" * 4096)
    assert disks.sample(device, 4096, [])["with_data"] == 0


def test_leftovers_of_a_tidy_tree_are_none(tmp_path: Path) -> None:
    (tmp_path / "etc/netspring").mkdir(parents=True)
    (tmp_path / "etc/netspring/image.json").write_text('{"inputs_sha256": "' + "a" * 64 + '"}')
    found = leftovers.find(hashlib.sha256(b"b" * 64).hexdigest(), tmp_path)
    assert found.pop("settings") == ["image.json"]
    assert not any(found.values())


@pytest.mark.parametrize(
    ("path", "content", "where"),
    [
        ("usr/sbin/policy-rc.d", "exit 101", "traces"),
        ("var/cache/apt/archives/a_1_all.deb", "x", "archives"),
        ("var/lib/apt/lists/mirror_Packages", "x", "lists"),
        ("etc/apt/apt.conf.d/90proxy", 'Acquire::http::Proxy "http://10.0.2.2:3142";', "proxies"),
        ("etc/netspring/token", "x", "secrets"),
        ("etc/netspring/notes", "b" * 64, "secrets"),
        ("root/notes", "token=" + "b" * 64, "secrets"),
        ("root/.ssh/station", "-----BEGIN OPENSSH PRIVATE KEY-----", "secrets"),
    ],
)
def test_leftovers_are_found(tmp_path: Path, path: str, content: str, where: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(content)
    token = hashlib.sha256(b"b" * 64).hexdigest()
    found = leftovers.find(token, tmp_path)
    assert len(found[where]) == 1


def test_a_launcher_becomes_a_command(tmp_path: Path) -> None:
    entry = tmp_path / "a.desktop"
    entry.write_text(
        "[Desktop Entry]\nName=A\nName[zh_CN]=甲\nExec=env X=1 paint --new %U\n"
        "[Desktop Action New]\nExec=other\n"
    )
    assert apps.command(entry) == ["env", "X=1", "paint", "--new"]


def test_a_hidden_launcher_is_refused(tmp_path: Path) -> None:
    entry = tmp_path / "a.desktop"
    entry.write_text("[Desktop Entry]\nExec=a\nNoDisplay=true\n")
    with pytest.raises(RuntimeError, match="hidden from the menu"):
        apps.command(entry)


def test_a_program_that_is_hidden_in_the_menu_may_be_on_the_desktop(tmp_path: Path) -> None:
    target, link = tmp_path / "menu.desktop", tmp_path / "link.desktop"
    target.write_text("[Desktop Entry]\nExec=a\nNoDisplay=true\n")
    link.write_text(f"[Desktop Entry]\nType=Link\nURL={target}\n")
    assert apps.command(link) == ["a"]


def test_the_name_in_a_command_is_filled_in(tmp_path: Path) -> None:
    entry = tmp_path / "a.desktop"
    entry.write_text("[Desktop Entry]\nName=My Turtle\nExec=kturtle -qwindowtitle %c %U\n")
    assert apps.command(entry) == ["kturtle", "-qwindowtitle", "My Turtle"]


def test_an_environment_that_is_not_there_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = tmp_path / "7" / "environ"
    environ.parent.mkdir()
    environ.write_bytes(b"")
    waits = iter([b"", b"DISPLAY=:0\0LANG=zh_CN.UTF-8\0"])
    monkeypatch.setattr(session.time, "sleep", lambda _s: environ.write_bytes(next(waits)))
    assert session.environment_of(7, tmp_path) == {"DISPLAY": ":0", "LANG": "zh_CN.UTF-8"}


def test_a_station_that_has_gone_interrupts_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        program.watch(writer)
    finally:
        os.close(writer)
    assert killed == [(os.getpid(), signal.SIGINT)]


def test_two_runs_do_not_try_programs_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desktop, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(desktop, "ALONE_SECONDS", 0)
    first = desktop.alone()
    assert first is not None
    assert "another run" in desktop.gather({"nonce": "n"})["error"]
    first.close()
    again = desktop.alone()
    assert again is not None
    again.close()


def test_an_environment_without_display_is_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = tmp_path / "7" / "environ"
    environ.parent.mkdir()
    environ.write_bytes(b"LANG=C\0")
    monkeypatch.setattr(session, "ENVIRONMENT_SECONDS", 0.0)
    with pytest.raises(RuntimeError, match="without a DISPLAY"):
        session.environment_of(7, tmp_path)


def test_a_launcher_may_be_a_link_to_the_menu(tmp_path: Path) -> None:
    target, link = tmp_path / "menu.desktop", tmp_path / "link.desktop"
    target.write_text("[Desktop Entry]\nType=Application\nExec=paint %f\n")
    for url in (str(target), f"file://{target}"):
        link.write_text(f"[Desktop Entry]\nType=Link\nURL={url}\n")
        assert apps.command(link) == ["paint"]


@pytest.mark.parametrize(
    "text",
    [
        "Type=Link\nURL=/nowhere/a.desktop",
        "Type=Link\nURL=/etc/hostname",
        "Type=Link",
        "Type=Application",
    ],
)
def test_a_launcher_that_leads_nowhere_is_refused(tmp_path: Path, text: str) -> None:
    entry = tmp_path / "a.desktop"
    entry.write_text(f"[Desktop Entry]\n{text}\n")
    with pytest.raises(RuntimeError, match=r"a\.desktop"):
        apps.command(entry)


def picture(width: int, height: int) -> pixels.Picture:
    return pixels.Picture(
        width, height, bytes(v for y in range(height) for x in range(width) for v in (x, y, 7))
    )


def test_a_picture_becomes_a_png_that_holds_its_pixels() -> None:
    made = picture(5, 3).png()
    assert made.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", made[16:24]) == (5, 3)
    start = made.index(b"IDAT")
    (length,) = struct.unpack(">I", made[start - 4 : start])
    rows = zlib.decompress(made[start + 4 : start + 4 + length])
    stride = 1 + 5 * 3
    assert rows[stride + 1 + 3 * 2 : stride + 1 + 3 * 3] == bytes((2, 1, 7))
    assert {rows[y * stride] for y in range(3)} == {0}


def test_half_a_picture_keeps_every_second_pixel() -> None:
    half = picture(6, 4).halved()
    assert (half.width, half.height) == (3, 2)
    assert half.rgb[3 * (1 * 3 + 2) :][:3] == bytes((4, 2, 7))


def test_changed_is_the_share_of_pixels_that_differ() -> None:
    black = pixels.Picture(100, 100, bytes(30000))
    half = pixels.Picture(100, 100, b"\xff" * 15000 + bytes(15000))
    assert black.changed(black) == 0
    assert half.changed(black) == pytest.approx(0.5, abs=0.01)
    assert picture(4, 4).changed(black) == 1.0


def test_a_home_in_ram_leaves_no_name_of_the_childs_own() -> None:
    environment = {"XDG_DATA_HOME": "/home/pupil/.local/share", "HOME": "/home/pupil", "LANG": "C"}
    found = desktop.away_from(environment, Path("/run/x"))
    assert found == {"HOME": "/run/x", "LANG": "C"}


def test_variety_tells_a_blank_screen_from_a_picture() -> None:
    assert pixels.Picture(40, 30, bytes(40 * 30 * 3)).variety() == {
        "colours": 1,
        "commonest_share": 1.0,
    }
    assert picture(40, 30).variety()["colours"] == 1200


def test_the_bundle_is_a_program_of_the_standard_library_alone() -> None:
    archive = zipfile.ZipFile(io.BytesIO(asking.bundle()))
    names = archive.namelist()
    assert "__main__.py" in names
    assert "netspring_provision/checks/on_machine/system.py" in names
    for name in names:
        for node in ast.walk(ast.parse(archive.read(name))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                if module.startswith("netspring_provision"):
                    assert module.startswith("netspring_provision.checks.on_machine")
                else:
                    assert module.partition(".")[0] in {*sys.stdlib_module_names, "__future__"}


def test_the_command_fits_the_kernels_limit_for_one_argument() -> None:
    question = {"nonce": "n" * 32, "apps": [{"name": "a"}] * 20}
    assert len(asking.command("system", question)) < 100_000


@pytest.mark.parametrize("stdout", ["", "{}", "[]", '{"nonce": "other"}', "Traceback"])
def test_an_answer_without_our_number_is_no_answer(stdout: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (JSON's own and ours alike)
        asking.read_answer(stdout, "mine")


def test_a_home_is_given_to_the_child_from_the_inside_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the child could put a link where root gives away the next file."""
    (tmp_path / "home/Desktop/deep").mkdir(parents=True)
    (tmp_path / "home/Desktop/deep/a.txt").touch()
    (tmp_path / "home/link").symlink_to("/etc/shadow")
    given: list[Path] = []

    def chown(path: Path, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        assert (uid, gid, follow_symlinks) == (1000, 1001, False)
        assert not [above for above in path.parents if above in given]
        given.append(path)

    monkeypatch.setattr(desktop.os, "chown", chown)
    desktop.give_home(tmp_path / "home", 1000, 1001)
    assert len(given) == 5
    assert given[-1] == tmp_path / "home"
