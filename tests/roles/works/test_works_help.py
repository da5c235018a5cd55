"""Help opens the page of the session's language, from files of the PC only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from netspring_works import folder
from netspring_works import help as pages


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages as the role writes them."""
    for language in ("zh_CN", "en_US", "fr_FR"):
        (tmp_path / language).mkdir()
        for name in ("index", "teacher"):
            (tmp_path / language / f"{name}.html").write_text(f"{language} {name}")
    monkeypatch.setattr(pages, "PAGES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("language", "found"),
    [("fr_FR.UTF-8", "fr_FR"), ("fr_CA", "fr_FR"), ("zh_CN.UTF-8", "zh_CN"), ("C", "en_US")],
)
def test_the_page_is_that_of_the_session(there: Path, language: str, found: str) -> None:
    assert pages.page({"LANG": language}, "teacher") == there / found / "teacher.html"


@pytest.mark.parametrize("name", ["../../etc/passwd", "none", ""])
@pytest.mark.usefixtures("there")
def test_only_pages_of_the_help_are_opened(name: str) -> None:
    with pytest.raises(ValueError, match="no help page"):
        pages.page({"LANG": "zh_CN.UTF-8"}, name)


def test_the_browser_is_one_of_its_own_that_reaches_nothing(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _program, argv: ran.append(argv))
    monkeypatch.setattr(sys, "argv", ["netspring-help"])
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    pages.main()
    (argv,) = ran
    assert f"--app={(there / 'zh_CN' / 'index.html').as_uri()}" in argv
    assert f"--user-data-dir={tmp_path}/home/.local/share/netspring-help" in argv
    assert {"--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>"} <= set(argv)


def test_the_file_manager_opens_the_folder_of_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, argv: ran.append(argv))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".works").symlink_to("My works")
    folder.main()
    assert ran == [["pcmanfm-qt", str(tmp_path / "My works")]]
    assert (tmp_path / "My works").is_dir(), "it was lost, and is made anew"
