"""Whose files and accounts are on a PC, found in trees that this test makes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from netspring_provision.checks.on_machine import homes, leftovers, parts

INSTALLED = 1_800_000_000.0
ACCOUNTS = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
pupil:x:{uid}:{uid}::/home/pupil:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A PC just installed: one child, whose home begins with the skeleton's files."""
    uid = os.getuid() or 1000
    (tmp_path / "etc/skel/Desktop").mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(ACCOUNTS.format(uid=uid))
    (tmp_path / "etc/shadow").write_text("root:*:1::::::\npupil:!:1::::::\n")
    (tmp_path / "etc/group").write_text("sudo:x:27:\nadm:x:4:root\naudio:x:29:pupil\n")
    (tmp_path / "etc/skel/Desktop/a.desktop").write_text("x")
    put(tmp_path, "home/pupil/Desktop/a.desktop", days=-900)
    put(tmp_path, "home/pupil/我的作品/画.png", days=1)
    (tmp_path / "home/lost+found").mkdir()
    return tmp_path


def put(root: Path, name: str, days: float, text: str = "x") -> Path:
    """A file of the child, so many days after the installation, with its folders."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (INSTALLED + days * 86400,) * 2)
    if os.getuid() == 0:
        for each in (path, *path.parents):
            if each.is_relative_to(root / "home") and each != root / "home":
                os.chown(each, 1000, 1000)
    return path


def test_a_new_pc_has_nothing_of_anybody_else(root: Path) -> None:
    found = homes.foreign(["pupil", "teacher"], INSTALLED, root)
    assert found == {"folders": [], "owners": [], "old": [], "elsewhere": []}


@pytest.mark.parametrize(
    ("path", "days", "kind"),
    [
        ("home/pupil/Documents/steuer-2011.doc", -5000, "old"),
        ("home/pupil/.mozilla/cookies.sqlite", -1, "old"),
        ("home/annette/letter.txt", 1, "folders"),
        ("home/picture.jpg", 1, "folders"),
        ("srv/share/film.avi", 1, "elsewhere"),
        ("home/lost+found/#123", 1, "elsewhere"),
    ],
)
def test_old_files_are_found(root: Path, path: str, days: float, kind: str) -> None:
    put(root, path, days)
    found = homes.foreign(["pupil", "teacher"], INSTALLED, root)
    named = found.pop(kind)
    assert len(named) == 1
    assert ("/" + path).startswith(named[0])
    assert not any(found.values())


def test_a_copy_that_kept_its_date_is_the_childs(root: Path) -> None:
    put(root, "home/pupil/我的作品/photo.jpg", -9000)
    found = homes.foreign(["pupil"], time.time() - 3600, root)
    assert found == {"folders": [], "owners": [], "old": [], "elsewhere": []}


def test_a_file_of_somebody_else_in_a_home_is_found(root: Path) -> None:
    path = put(root, "home/pupil/planted.txt", 1)
    other = root / "etc/passwd"
    other.write_text(other.read_text().replace("pupil:x:", "pupil:x:4", 1))
    found = homes.foreign(["pupil"], INSTALLED, root)
    assert "/" + str(path.relative_to(root)) in found["owners"]


def test_a_home_that_is_a_link_is_not_gone_into(root: Path) -> None:
    put(root, "elsewhere/old.txt", -900)
    (root / "home/teacher").symlink_to(root / "elsewhere")
    found = homes.foreign(["pupil", "teacher"], INSTALLED, root)
    assert found["folders"] == ["/home/teacher"]
    assert found["old"] == []


def test_people_and_their_rights(root: Path) -> None:
    with (root / "etc/passwd").open("a") as file:
        file.write("toor:x:0:0::/root:/bin/sh\nbob:x:1007:1007::/home/bob:/bin/bash\n")
    (root / "etc/shadow").write_text("root:*:1:\npupil::1:\nbob:$y$j9T$x:1:\n")
    (root / "etc/group").write_text("sudo:x:27:bob,pupil\nadm:x:4:\nbob:x:1007:\n")
    found = homes.people(root)
    assert set(found["persons"]) == {"pupil", "bob"}
    assert found["roots"] == ["root", "toor"]
    assert found["by_password"] == ["bob"]
    assert found["without_password"] == ["pupil"]
    assert found["admin_groups"] == {"pupil": ["sudo"], "bob": ["sudo"]}


def test_when_a_file_system_was_made_is_in_its_superblock() -> None:
    header = "Filesystem OS type:       Linux\nFilesystem created:       Tue Nov 24 13:09:01 2026\n"
    made = homes.made("/dev/sda5", lambda *_argv: header)
    assert made == pytest.approx(1795525741, abs=14 * 3600)  # by the clock of wherever this runs
    with pytest.raises(RuntimeError, match="does not say"):
        homes.made("/dev/sda5", lambda *_argv: "")


def test_logs_of_the_build_are_told_from_those_of_the_pc(root: Path) -> None:
    put(root, "etc/netspring/machine.json", 0, "{}")
    put(root, "var/log/apt/history.log", -3)
    put(root, "var/log/empty.log", -3, "")
    put(root, "var/log/journal/a.journal", 1)
    put(root, "root/.bash_history", 1)
    put(root, "home/pupil/.python_history", 1)
    put(root, "var/tmp/netspring-x/y", 1)
    found = leftovers.find(None, root)
    assert found["logs"] == ["/var/log/apt/history.log"]
    assert found["traces"] == ["/root/.bash_history", "/var/tmp/netspring-x"]  # noqa: S108


def test_keys_that_let_in_are_read_without_their_comments(root: Path) -> None:
    put(root, "root/.ssh/authorized_keys", 1, "# ours\nssh-ed25519 AAAA netspring\n\n")
    put(root, "home/pupil/.ssh/authorized_keys", 1, 'command="x" ssh-rsa B c\n')
    assert leftovers.find(None, root)["keys"] == [
        {"path": "/root/.ssh/authorized_keys", "key": "ssh-ed25519 AAAA"},
        {"path": "/home/pupil/.ssh/authorized_keys", "key": 'command="x" ssh-rsa B c'},
    ]


def sysfs(root: Path, folder: str, **files: str) -> Path:
    path = root / "sys" / folder
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text + "\n")
    return path


def test_the_parts_of_a_laptop(tmp_path: Path) -> None:
    # As a ThinkPad X200 shows them: a worn battery, a mouse's battery, mains, a camera, Wi-Fi.
    sysfs(
        tmp_path, "class/power_supply/BAT0", type="Battery", model_name="42T4536", status="Full",
        capacity="100", energy_full="20110000", energy_full_design="56160000",
    )  # fmt: skip
    sysfs(tmp_path, "class/power_supply/hidpp_0", type="Battery", scope="Device", capacity="40")
    sysfs(tmp_path, "class/power_supply/AC", type="Mains", online="1")
    sysfs(tmp_path, "class/video4linux/video0", name="Integrated Camera: Integrated C")
    sysfs(tmp_path, "class/video4linux/video1", name="Integrated Camera: Integrated C")
    sysfs(tmp_path, "class/net/eth0")
    card = sysfs(tmp_path, "class/net/wlan0")
    sysfs(tmp_path, "class/net/wlan0/phy80211/rfkill0", hard="1", soft="0")
    driver = sysfs(tmp_path, "bus/pci/drivers/iwlwifi")
    (card / "device").mkdir()
    (card / "device/driver").symlink_to(driver)
    used = sysfs(tmp_path, "bus/pci/devices/0000:03:00.0", **{"class": "0x028000"})
    (used / "driver").symlink_to(driver)
    sysfs(
        tmp_path, "bus/pci/devices/0000:05:00.0",
        **{"class": "0x028000", "vendor": "0x14e4", "device": "0x4315"},
    )  # fmt: skip
    assert parts.hardware(tmp_path) == {
        "batteries": [{"name": "42T4536", "status": "Full", "percent": 100, "of_new": 0.36}],
        "cameras": ["Integrated Camera: Integrated C"],
        "wifi": [
            {
                "name": "wlan0",
                "driver": "iwlwifi",
                "off_by_switch": True,
                "off_by_setting": False,
            }
        ],
        "wifi_without_driver": ["14e4:4315"],
    }


def test_a_battery_that_gives_no_numbers_is_still_told(tmp_path: Path) -> None:
    sysfs(tmp_path, "class/power_supply/BAT1", type="Battery", charge_full="0")
    (battery,) = parts.hardware(tmp_path)["batteries"]
    assert battery == {"name": "BAT1", "status": None, "percent": None, "of_new": None}
