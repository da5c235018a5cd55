"""One PC, all languages: the chosen one is everywhere, homes follow, nothing of a child is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.roles.base_system.conftest import WORKS, everything, language, run, set_to, write


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
