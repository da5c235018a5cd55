"""Homes follow the language of the PC, and nothing of a child is lost."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.roles.base_system.conftest import PROGRAM, everything, language, run, set_to, write


def test_a_home_follows_with_everything_in_it(pc: Path, home: Path) -> None:
    write(home / "我的作品/a/cat.sb3", "cat")
    write(home / "下载/song.ogg", "song")
    changed = set_to(pc, "fr_FR")
    assert (home / "Mes créations/a/cat.sb3").read_text() == "cat"
    assert (home / "Téléchargements/song.ogg").read_text() == "song"
    assert (home / ".works/a/cat.sb3").read_text() == "cat"
    assert not (home / "我的作品").exists()
    assert "language = fr_FR" in (home / ".config/Thonny/configuration.ini").read_text()
    assert "/home/pupil/Mes créations" in changed
    assert set_to(pc, "fr_FR") == []
    set_to(pc, "zh_CN")
    assert (home / "我的作品/a/cat.sb3").read_text() == "cat"


def test_a_home_of_another_language_that_outlived_a_reset_follows_too(pc: Path, home: Path) -> None:
    """The image that was put on again speaks English; the home knows nothing of it."""
    set_to(pc, "en_US")
    for path in sorted(home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    write(home / "Mes créations/dessin.png", "dessin")
    (home / ".works").symlink_to("Mes créations")
    subprocess.run(["chown", "-R", "1000:1000", home], check=os.geteuid() == 0)
    set_to(pc, "en_US")
    assert (home / ".works/dessin.png").read_text() == "dessin"
    assert str((home / ".works").readlink()) == "My works"


def test_what_a_child_changed_stays(pc: Path, home: Path) -> None:
    mine = home / ".config/Thonny/configuration.ini"
    mine.write_text("language = zh_CN\nfont_size = 20\n")
    (home / ".works").unlink()
    (home / ".works").symlink_to("elsewhere")
    set_to(pc, "fr_FR")
    assert "font_size = 20" in mine.read_text()
    assert str((home / ".works").readlink()) == "elsewhere"


def test_examples_follow_and_those_that_a_child_changed_stay(pc: Path, home: Path) -> None:
    (home / "我的作品/示例/dog.py").write_text("print('mine')\n")
    set_to(pc, "fr_FR")
    works = home / "Mes créations"
    assert everything(works) == {
        "示例": "folder",
        "示例/dog.py": b"print('mine')\n",
        "Exemples": "folder",
        "Exemples/cat.py": b"print('fr_FR')\n",
        "Exemples/dog.py": b"print('same')\n",
    }
    set_to(pc, "en_US")
    assert sorted(path.name for path in (home / "My works").iterdir()) == ["Examples", "示例"]
    assert set_to(pc, "en_US") == []


def test_two_folders_of_works_become_one_and_no_work_covers_another(pc: Path, home: Path) -> None:
    write(home / "我的作品/cat.png", "chinese cat")
    write(home / "Mes créations/cat.png", "french cat")
    write(home / "Mes créations/dog.png", "dog")
    write(home / "My works/cat.png", "english cat")
    subprocess.run(["chown", "-R", "1000:1000", home], check=os.geteuid() == 0)
    set_to(pc, "fr_FR")
    works = {path.name: path.read_text() for path in (home / "Mes créations").glob("*.png")}
    assert sorted(works.values()) == ["chinese cat", "dog", "english cat", "french cat"]
    assert works["cat.png"] == "french cat"
    assert set(works) == {"cat.png", "cat (2).png", "cat (3).png", "dog.png"}


def test_a_folder_that_cannot_have_its_name_keeps_the_old_one(pc: Path, home: Path) -> None:
    write(home / "我的作品/cat.png", "cat")
    write(home / "Mes créations", "a file of that name")
    subprocess.run(["chown", "-R", "1000:1000", home], check=os.geteuid() == 0)
    set_to(pc, "fr_FR")
    assert (home / ".works/cat.png").read_text() == "cat"
    assert (home / "我的作品/cat.png").read_text() == "cat"
    assert (home / "Mes créations").read_text() == "a file of that name"


def test_a_disk_without_room_for_a_file_leaves_no_work_out_of_sight(pc: Path, home: Path) -> None:
    """The kernel refuses every regular file; what is renamed is found under its stable name."""
    write(home / "我的作品/cat.png", "cat")
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@" fr_FR', "sh", sys.executable, PROGRAM, "--root", pc],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the home of pupil: " in done.stderr
    assert (home / ".works/cat.png").read_text() == "cat"
    assert str((home / ".works").readlink()) == "Mes créations"
    assert not [path for path in home.rglob("*") if path.name.endswith(".netspring-half")]
    set_to(pc, "fr_FR")
    assert "language = fr_FR" in (home / ".config/Thonny/configuration.ini").read_text()
    assert set_to(pc, "fr_FR") == []


def test_one_path_that_cannot_follow_does_not_stop_the_others(tmp_path: Path) -> None:
    """The folder first, then the link to it, then files: so also a power cut finds the works."""
    skeleton = language.SKELETON
    trees = [
        {
            skeleton + language.USER_DIRS: language.Entry(
                data=f'XDG_DOCUMENTS_DIR="$HOME/{works}"\n'.encode()
            ),
            f"{skeleton}.a": language.Entry(data=works.encode()),
            f"{skeleton}.b": language.Entry(data=works.encode()),
            f"{skeleton}.works": language.Entry(target=works),
        }
        for works in ("Mes créations", "My works")
    ]
    write(tmp_path / "My works/cat.png", "cat")
    (tmp_path / ".works").symlink_to("My works")
    write(tmp_path / ".b", "My works")
    (tmp_path / ".a.netspring-half").mkdir()  # in the way of the new .a
    home = language.Home(tmp_path)
    home.bring(trees[0], trees[1:])
    assert home.changed == ["Mes créations", ".works", language.USER_DIRS, ".b"]
    assert [failed.partition(":")[0] for failed in home.failed] == [".a"]
    assert (tmp_path / ".works/cat.png").read_text() == "cat"


def test_what_programs_made_again_under_the_old_name_comes_along(pc: Path, home: Path) -> None:
    """A session that ran through the change goes on to write where the works were."""
    write(home / "我的作品/cat.png", "cat")
    set_to(pc, "fr_FR")
    write(home / "我的作品/late.png", "late")
    subprocess.run(["chown", "-R", "1000:1000", home], check=os.geteuid() == 0)
    set_to(pc)
    assert (home / ".works/late.png").read_text() == "late"
    assert (home / ".works/cat.png").read_text() == "cat"
    assert not (home / "我的作品").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could be led to other people's files")
def test_a_link_of_the_childs_leads_root_nowhere(pc: Path, home: Path) -> None:
    secret = write(pc / "secret/Thonny/configuration.ini", "language = zh_CN\n")
    config = home / ".config"
    for path in sorted(config.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    config.rmdir()
    config.symlink_to(pc / "secret")
    set_to(pc, "fr_FR")
    assert secret.read_text() == "language = zh_CN\n"
    assert sorted(path.name for path in (pc / "secret").iterdir()) == ["Thonny"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other people's homes")
def test_what_is_written_belongs_to_the_child(pc: Path, home: Path) -> None:
    (home / ".config/user-dirs.dirs").unlink()
    set_to(pc, "fr_FR")
    owners = {path.lstat().st_uid for path in home.rglob("*")}
    assert owners == {1000}
    assert stat.S_IMODE((pc / "etc/locale.conf").stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="root makes a home that its owner cannot write")
def test_a_home_that_cannot_follow_is_named_and_the_pc_gets_its_language(
    pc: Path, home: Path
) -> None:
    write(home / "我的作品/cat.png", "cat")
    subprocess.run(["chown", "-R", "0:0", home], check=True)
    done = run(pc, "fr_FR")
    assert done.returncode == 3
    assert "the home of pupil" in done.stderr
    assert language.current(pc) == "fr_FR"
    assert (home / "我的作品/cat.png").read_text() == "cat"
