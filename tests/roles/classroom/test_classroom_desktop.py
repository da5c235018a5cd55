"""The child's desktop: put in order at each login, and changed by the teacher only."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from netspring_classroom import desktop
from netspring_classroom.system import System

from tests.on_target import ROLES

RESTORE = ROLES / "classroom" / "files" / "programs" / "restore-desktop"


@pytest.fixture
def home(system: System) -> Path:
    """The child's home after a day of class."""
    home = system.at("home/pupil")
    for name, text in {
        "Desktop/tuxpaint.desktop": "[Desktop Entry]\nName=Tux Paint\n",
        "Desktop/game.desktop": "[Desktop Entry]\nName=Game\n",
        "Desktop/picture.png": "mine",
        ".config/lxqt/panel.conf": "panelSize=99\n",
        ".config/lxqt/junk.conf": "junk\n",
        ".config/tuxpaint/tuxpaint.conf": "not the desktop's\n",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


def restore(system: System, home: Path) -> None:
    subprocess.run(
        ["sh", RESTORE, system.skeleton, system.changes],
        env=os.environ | {"HOME": str(home)},
        check=True,
    )


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_login_brings_the_form_back_and_leaves_the_works(system: System, home: Path) -> None:
    (home / "Desktop/tuxpaint.desktop").unlink()
    restore(system, home)
    assert tree(home) == {
        "Desktop/tuxpaint.desktop": "[Desktop Entry]\nName=Tux Paint\n",
        "Desktop/picture.png": "mine",
        ".config/lxqt/panel.conf": "panelSize=44\n",
        ".config/tuxpaint/tuxpaint.conf": "not the desktop's\n",
    }
    before = tree(home)
    restore(system, home)
    assert tree(home) == before


def test_a_login_takes_away_what_would_lock_out_or_stand_for_the_teachers_entry(
    system: System, home: Path
) -> None:
    own = home / ".local/share/applications"
    (own / "netspring").mkdir(parents=True)
    for name in ("netspring-teacher.desktop", "netspring/teacher.desktop", "game.desktop"):
        (own / name).write_text("[Desktop Entry]\nExec=trap\n")
    (home / ".xsessionrc").write_text("exit 1\n")
    restore(system, home)
    assert not (home / ".xsessionrc").exists()
    assert [path.name for path in own.iterdir()] == ["game.desktop"]


def test_the_desktop_is_put_in_order_before_xsession_runs_what_the_child_wrote() -> None:
    """Snippets run by name; 40x11-common_xsessionrc is the child's, 96 builds on what ours did."""
    tasks = (ROLES / "classroom/tasks/main.yml").read_text()
    (own,) = re.findall(r"/etc/X11/Xsession\.d/(\S+)}", tasks)
    assert own < "40x11-common_xsessionrc" < "96netspring-desktop"


def test_a_desktop_that_is_gone_or_a_link_is_made_anew(system: System, home: Path) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "keep.desktop").write_text("keep")
    subprocess.run(["rm", "-rf", home / "Desktop", home / ".config/lxqt"], check=True)
    (home / "Desktop").symlink_to(elsewhere)
    (home / ".config/lxqt").symlink_to(elsewhere)
    restore(system, home)
    assert tree(home / "Desktop") == {"tuxpaint.desktop": "[Desktop Entry]\nName=Tux Paint\n"}
    assert tree(home / ".config/lxqt") == {"panel.conf": "panelSize=44\n"}
    assert tree(elsewhere) == {"keep.desktop": "keep"}


def test_what_the_teacher_changed_becomes_the_form(system: System, home: Path) -> None:
    kept = desktop.keep(system, desktop.pack(home))
    assert kept == [".config/lxqt/junk.conf", ".config/lxqt/panel.conf", "Desktop/game.desktop"]
    assert desktop.changed(system)
    assert all(path.stat().st_mode & 0o022 == 0 for path in system.changes.rglob("*"))
    (home / ".config/lxqt/panel.conf").write_text("broken by a child")
    (home / "Desktop/game.desktop").unlink()
    restore(system, home)
    assert (home / ".config/lxqt/panel.conf").read_text() == "panelSize=99\n"
    assert (home / "Desktop/game.desktop").exists()
    desktop.forget(system)
    assert not desktop.changed(system)
    restore(system, home)
    assert (home / ".config/lxqt/panel.conf").read_text() == "panelSize=44\n"
    assert not (home / "Desktop/game.desktop").exists()


def test_what_is_not_the_desktops_is_not_packed(home: Path) -> None:
    (home / "Desktop/passwd.desktop").symlink_to("/etc/passwd")
    (home / ".config/lxqt/large.conf").write_bytes(b"x" * (desktop.LARGEST_BYTES + 1))
    with tarfile.open(fileobj=io.BytesIO(desktop.pack(home))) as archive:
        names = archive.getnames()
    assert names == [
        ".config/lxqt/junk.conf",
        ".config/lxqt/panel.conf",
        "Desktop/game.desktop",
        "Desktop/tuxpaint.desktop",
    ]


def hostile(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 0 if link else 3
    return info


def test_an_archive_that_a_child_forged_writes_nowhere_else(system: System) -> None:
    packed = hostile(
        member("../../../etc/passwd"),
        member("/etc/shadow"),
        member("Desktop/../../escape.desktop"),
        member("Desktop/link.desktop", tarfile.SYMTYPE, "/etc/shadow"),
        member(".bashrc"),
        member("Desktop/good.desktop"),
    )
    assert desktop.keep(system, packed) == ["Desktop/good.desktop"]
    assert tree(system.changes) == {"Desktop/good.desktop": "xxx"}


def test_a_power_cut_while_a_form_is_replaced_finds_a_whole_one(
    system: System, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removing takes long: whenever it is done, a whole form is in its place."""
    desktop.keep(system, desktop.pack(home))
    before = tree(system.changes)
    (home / ".config/lxqt/panel.conf").write_text("panelSize=55\n")
    seen = []
    rmtree = desktop.shutil.rmtree

    def watched(path: Path, **given: bool) -> None:
        rmtree(path, **given)
        seen.append(tree(system.changes))

    monkeypatch.setattr(desktop.shutil, "rmtree", watched)
    desktop.keep(system, desktop.pack(home))
    after = tree(system.changes)
    assert after == before | {".config/lxqt/panel.conf": "panelSize=55\n"}
    assert seen
    assert all(form in (before, after) for form in seen)
    assert [path.name for path in system.changes.parent.iterdir()] == ["desktop"]


def test_an_archive_that_is_cut_leaves_the_form(system: System, home: Path) -> None:
    desktop.keep(system, desktop.pack(home))
    before = tree(system.changes)
    with pytest.raises(tarfile.TarError):
        desktop.keep(system, b"no archive")
    assert tree(system.changes) == before
    assert [path.name for path in system.changes.parent.iterdir()] == ["desktop"]
