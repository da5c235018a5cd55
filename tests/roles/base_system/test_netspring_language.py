"""One PC, all languages: the chosen one is everywhere, homes follow, nothing of a child is lost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import ROLES

PROGRAM = ROLES / "base_system/files/netspring-language"
WORKS = {"zh_CN": "我的作品", "en_US": "My works", "fr_FR": "Mes créations"}
EXAMPLES = {"zh_CN": "示例", "en_US": "Examples", "fr_FR": "Exemples"}
DOWNLOAD = {"zh_CN": "下载", "en_US": "Downloads", "fr_FR": "Téléchargements"}
ZONES = {"zh_CN": "Asia/Shanghai", "en_US": "Etc/UTC", "fr_FR": "Europe/Paris"}


# Not imported: that would leave a __pycache__ among the files of the image.
language: Any = types.ModuleType("netspring_language")
sys.modules["netspring_language"] = language  # dataclasses look their module up
exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), language.__dict__)  # noqa: S102


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def pc(tmp_path: Path) -> Path:
    """A PC that holds three languages, set to none of them yet, with a child's home."""
    root = tmp_path / "pc"
    for name, works in WORKS.items():
        tree = root / "usr/share/netspring/language" / name
        write(tree / "etc/locale.conf", f"LANG={name}.UTF-8\n")
        write(tree / "etc/tuxpaint/tuxpaint.conf", f"lang={name}\n")
        write(tree / "etc/skel/.config/Thonny/configuration.ini", f"language = {name}\n")
        write(
            tree / "etc/skel/.config/user-dirs.dirs",
            f'XDG_DESKTOP_DIR="$HOME/Desktop"\nXDG_DOCUMENTS_DIR="$HOME/{works}"\n'
            f'XDG_PICTURES_DIR="$HOME/{works}"\nXDG_DOWNLOAD_DIR="$HOME/{DOWNLOAD[name]}"\n',
        )
        write(tree / "etc/skel" / works / EXAMPLES[name] / "cat.py", f"print({name!r})\n")
        write(tree / "etc/skel" / works / EXAMPLES[name] / "dog.py", "print('same')\n")
        (tree / "etc/skel" / DOWNLOAD[name]).mkdir()
        (tree / "etc/skel/.works").symlink_to(works)
        write(root / "usr/share/zoneinfo" / ZONES[name], "zone")
    chinese = root / "usr/share/netspring/language/zh_CN"
    write(chinese / "etc/X11/Xsession.d/72netspring-input", "export XMODIFIERS\n")
    (chinese / "etc/xdg/autostart").mkdir(parents=True)
    (chinese / "etc/xdg/autostart/fcitx.desktop").symlink_to("/usr/share/fcitx.desktop")
    named = {name: {"name": name.lower(), "timezone": zone} for name, zone in ZONES.items()}
    write(root / "usr/share/netspring/languages.json", json.dumps(named))
    write(
        root / "etc/passwd",
        f"root:x:0:0::/root:/bin/sh\npupil:x:{os.getuid() or 1000}:1000::/home/pupil:/bin/sh\n"
        "nobody:x:65534:65534::/nonexistent:/bin/false\n",
    )
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, "--root", root, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def set_to(root: Path, *words: str) -> list[str]:
    done = run(root, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def home(pc: Path) -> Path:
    """The child's home, made from the Chinese skeleton."""
    set_to(pc, "zh_CN")
    folder = pc / "home/pupil"
    folder.parent.mkdir()
    subprocess.run(["cp", "-a", pc / "etc/skel", folder], check=True)
    for path in (pc, *pc.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp") and os.geteuid() == 0:  # noqa: S108
            path.chmod(path.stat().st_mode | 0o755)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
    return folder


def everything(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): (
            str(path.readlink())
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else "folder"
        )
        for path in folder.rglob("*")
    }


def test_the_chosen_language_is_everywhere_and_the_others_are_gone(pc: Path) -> None:
    set_to(pc, "zh_CN")
    assert (pc / "etc/xdg/autostart/fcitx.desktop").is_symlink()
    changed = set_to(pc, "fr_FR")
    assert (pc / "etc/locale.conf").read_text() == "LANG=fr_FR.UTF-8\n"
    assert (pc / "etc/tuxpaint/tuxpaint.conf").read_text() == "lang=fr_FR\n"
    assert not (pc / "etc/X11/Xsession.d/72netspring-input").exists()
    assert not (pc / "etc/xdg/autostart/fcitx.desktop").is_symlink()
    skeleton = {path.name for path in (pc / "etc/skel").iterdir()}
    assert skeleton == {".config", ".works", "Mes créations", "Téléchargements"}
    assert changed[-1] == "/etc/locale.conf"  # what names the language comes last
    assert "/etc/xdg/autostart/fcitx.desktop" in changed


def test_a_second_run_changes_nothing_and_without_a_name_the_language_stays(pc: Path) -> None:
    set_to(pc, "fr_FR", "--timezone", "auto")
    assert set_to(pc, "fr_FR", "--timezone", "auto") == []
    write(pc / "usr/share/netspring/language/fr_FR/etc/tuxpaint/tuxpaint.conf", "lang=neu\n")
    assert set_to(pc) == ["/etc/tuxpaint/tuxpaint.conf"]
    assert set_to(pc) == []


def test_pretending_says_all_and_changes_nothing(pc: Path, home: Path) -> None:
    write(home / "我的作品/cat.png", "cat")
    before = everything(pc)
    told = set_to(pc, "fr_FR", "--timezone", "auto", "--pretend")
    assert everything(pc) == before
    assert set(told) >= {"/etc/localtime", "/etc/locale.conf", "/home/pupil/Mes créations"}
    outside = {path for path in told if not path.startswith("/home/")}
    done = set_to(pc, "fr_FR", "--timezone", "auto")
    assert {path for path in done if not path.startswith("/home/")} == outside


def test_every_way_between_the_languages_ends_in_the_same_pc(pc: Path) -> None:
    fresh = {}
    for name in WORKS:
        set_to(pc, name)
        fresh[name] = everything(pc / "etc")
    for name in reversed(WORKS):
        set_to(pc, name)
        assert everything(pc / "etc") == fresh[name]


def test_a_run_that_was_cut_off_is_completed_by_the_next(pc: Path) -> None:
    set_to(pc, "zh_CN")
    chinese = everything(pc / "etc")
    set_to(pc, "fr_FR")
    french = everything(pc / "etc")
    for broken in ("etc/tuxpaint/tuxpaint.conf", "etc/skel/.works", "etc/locale.conf"):
        (pc / broken).unlink()
        write(pc / f"{broken}.netspring-half", "half")
        set_to(pc, "fr_FR")
        (pc / f"{broken}.netspring-half").unlink(missing_ok=True)
        assert everything(pc / "etc") == french
    set_to(pc, "zh_CN")
    assert everything(pc / "etc") == chinese


@pytest.mark.parametrize("name", ["fr", "fr_FR.UTF-8", "fr_FR"])
def test_short_names_are_understood(pc: Path, name: str) -> None:
    set_to(pc, name)
    assert language.current(pc) == "fr_FR"


@pytest.mark.parametrize("name", ["de_DE", "..", "../../etc", "f"])
def test_a_language_that_it_does_not_hold_changes_nothing(pc: Path, name: str) -> None:
    set_to(pc, "zh_CN")
    before = everything(pc / "etc")
    done = run(pc, name)
    assert done.returncode == 1
    assert f"does not hold the language {name}" in done.stderr
    assert "en_US, fr_FR, zh_CN" in done.stderr
    assert everything(pc / "etc") == before


def test_the_clock_follows_only_when_asked(pc: Path) -> None:
    set_to(pc, "zh_CN", "--timezone", "auto")
    assert str((pc / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Asia/Shanghai"
    assert (pc / "etc/timezone").read_text() == "Asia/Shanghai\n"
    set_to(pc, "fr_FR")
    assert str((pc / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Asia/Shanghai"
    set_to(pc, "fr_FR", "--timezone", "Etc/UTC")
    assert str((pc / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Etc/UTC"
    for wrong in ("Mars/Crater", "../../../etc/passwd", "/etc/passwd"):
        done = run(pc, "fr_FR", "--timezone", wrong)
        assert done.returncode == 1
        assert "there is no time zone" in done.stderr
        assert language.current(pc) == "fr_FR"


def test_the_list_names_every_language_and_the_one_it_has(pc: Path) -> None:
    set_to(pc, "en_US")
    listed = json.loads(run(pc, "--list").stdout)
    assert {name: entry["current"] for name, entry in listed.items()} == {
        "zh_CN": False,
        "en_US": True,
        "fr_FR": False,
    }
    assert listed["fr_FR"]["timezone"] == "Europe/Paris"


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
