"""At login the desktop is laid out once, by rsvg-convert; a teacher's form is left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from netspring_desktop import __main__ as program

from tests.roles.desktop.test_desktop_layout import CARDS, PANEL

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A child's home on a PC with a screen of 1024 by 768."""
    if shutil.which("rsvg-convert") is None:
        pytest.fail("the cards are drawn by rsvg-convert: apt-get install librsvg2-bin")
    home = tmp_path / "home"
    (home / "Desktop").mkdir(parents=True)
    for name in ("tuxpaint", "scratch", "works"):
        (home / "Desktop" / f"{name}.desktop").write_text("[Desktop Entry]\n")
    (home / program.SETTINGS).parent.mkdir(parents=True)
    (home / program.SETTINGS).write_text("[Desktop]\nBgColor=#123456\n")
    texts = tmp_path / "texts"
    texts.mkdir()
    for language in CARDS[0]["names"]:
        heads = {card["kind"]: card["names"][language] for card in CARDS}
        (texts / f"{language}.json").write_text(json.dumps(heads, ensure_ascii=False), "utf-8")
    cards = tmp_path / "cards.json"
    cards.write_text(json.dumps({"panel": PANEL, "cards": CARDS}))
    locked = tmp_path / "desktop-locked"
    locked.touch()
    monkeypatch.setattr(program, "CARDS", cards)
    monkeypatch.setattr(program, "TEXTS", texts)
    monkeypatch.setattr(program, "LOCKED", locked)
    monkeypatch.setattr(program, "TEACHERS", tmp_path / "teachers")
    monkeypatch.setattr(program, "primary", lambda: (1024, 768))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    return home


def pictures(home: Path) -> list[Path]:
    return sorted((home / ".cache/netspring").iterdir())


def test_the_desktop_is_laid_out_and_a_second_login_writes_nothing(home: Path) -> None:
    assert program.main() == 0
    (picture,) = pictures(home)
    assert picture.read_bytes().startswith(b"\x89PNG")
    settings = (home / program.SETTINGS).read_text()
    assert "BgColor=#123456" in settings
    assert f"Wallpaper={picture}" in settings
    places = home / program.SETTINGS.parent / program.PLACES
    assert places.read_text().count("pos=@Point") == 3
    before = [(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in home.rglob("*")]
    assert program.main() == 0
    assert before == [
        (path, path.stat().st_mtime_ns, path.stat().st_ino) for path in home.rglob("*")
    ]


def test_another_language_draws_another_picture_and_removes_the_old_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.main()
    (chinese,) = pictures(home)
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert program.main() == 0
    (french,) = pictures(home)
    assert french != chinese
    monkeypatch.setenv("LANG", "eo.UTF-8")
    assert program.main() == 0
    assert len(pictures(home)) == 1


@pytest.mark.parametrize("why", ["teacher is changing it", "teacher has given it a form"])
def test_a_teachers_desktop_is_left_alone(home: Path, why: str) -> None:
    program.main()
    places = home / program.SETTINGS.parent / program.PLACES
    places.write_text("[tuxpaint.desktop]\npos=@Point(5 5)\n")
    if why == "teacher is changing it":
        program.LOCKED.unlink()
    else:
        program.TEACHERS.mkdir()
    assert program.main() == 0
    assert "@Point(5 5)" in places.read_text()


def test_a_new_account_gets_cards_also_while_the_desktop_is_unlocked(home: Path) -> None:
    program.LOCKED.unlink()
    assert program.main() == 0
    assert pictures(home)


def test_what_goes_wrong_is_said_and_leaves_the_desktop_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_screen() -> tuple[int, int]:
        raise OSError("no screen answers")

    before = (home / program.SETTINGS).read_text()
    monkeypatch.setattr(program, "primary", no_screen)
    assert program.main() == 1
    assert "not laid out for this screen: no screen answers" in capsys.readouterr().err
    program.CARDS.write_text("{")
    assert program.main() == 1
    assert (home / program.SETTINGS).read_text() == before
