"""What counts as a work, where works lie, and what they are called on a stick."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netspring_works import export, inventory, names, show_job
from netspring_works.inventory import Work


def test_works_are_found_and_what_is_none_is_not(works: Path) -> None:
    found = {work.name for work in inventory.find_works(works)}
    assert found == {
        "猫.png", "Cat.png", "cat.png", "跳舞?.sb3", "saved/20261124.png", "empty.txt",
    }  # fmt: skip


def test_the_newest_work_is_the_first(works: Path) -> None:
    os.utime(works / "猫.png", (2_000_000_000, 2_000_000_000))
    assert inventory.find_works(works)[0].name == "猫.png"


def test_the_folder_is_the_one_that_the_link_leads_to(works: Path) -> None:
    home = works.parent
    (home / ".works").symlink_to("我的作品")
    assert inventory.works_folder(home) == works.resolve()


def test_a_folder_that_was_thrown_away_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".works").symlink_to("My works")
    assert inventory.works_folder(tmp_path) == tmp_path / "My works"
    assert (tmp_path / "My works").is_dir()


def test_a_link_out_of_the_home_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "documents_folder", lambda: tmp_path / "home" / "Documents")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".works").symlink_to(tmp_path / "elsewhere")
    assert inventory.works_folder(home) == home / "Documents"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("我的画.png", "我的画.png"),
        ("What? A <cat>: yes.png", "What_ A _cat__ yes.png"),
        ("con.png", "_con.png"),
        ("end. ", "end"),
        ("...", "_"),
        ("e\u0301te\u0301.png", "\u00e9t\u00e9.png"),
        ("a\udcff.png", "a\ufffd.png"),
    ],
)
def test_a_name_that_sticks_do_not_take_is_changed(name: str, wanted: str) -> None:
    assert names.safe(name) == wanted


def test_a_long_name_keeps_its_ending() -> None:
    short = names.safe("画" * 200 + ".png")
    assert short.endswith("画.png")
    assert len(short.encode()) <= names.LONGEST_BYTES


def test_a_file_and_a_folder_of_one_name_do_not_meet() -> None:
    assert names.targets(["Cat", "cat/a.png", "cat/A.png"]) == {
        "Cat": "Cat",
        "cat/A.png": "cat (2)/A.png",
        "cat/a.png": "cat (2)/a (2).png",
    }


PART = st.text(min_size=1, max_size=30).filter(lambda part: "/" not in part and "\0" not in part)


@given(st.sets(st.lists(PART, min_size=1, max_size=3).map("/".join), max_size=8))
def test_no_two_works_meet_on_a_stick_and_every_name_is_taken(wanted: set[str]) -> None:
    found = names.targets(wanted)
    assert found.keys() == wanted
    folded = [path.casefold() for path in found.values()]
    assert len(set(folded)) == len(folded)
    folders = {
        "/".join(path.split("/")[:at]) for path in folded for at in range(1, path.count("/") + 1)
    }
    assert not folders & set(folded)
    for path in found.values():
        for part in path.split("/"):
            assert not names.FORBIDDEN.search(part)
            assert part == part.rstrip(" .")
            assert part
            assert len(part.encode()) <= 255


def test_the_folder_on_a_stick_says_whose_where_and_when() -> None:
    when = (2026, 11, 24, 14, 35, 0, 1, 328, 0)
    assert (
        show_job.folder_name("我的作品", "PC-07", time.struct_time(when))
        == "我的作品 PC-07 2026-11-24 14.35"
    )
    # A clock whose battery is empty says nothing that is true.
    wrong = (1970, 1, 1, 0, 3, 0, 3, 1, 0)
    assert show_job.folder_name("My works", "PC/07", time.struct_time(wrong)) == "My works PC_07"


def test_room_is_counted_in_whole_pieces_of_the_stick() -> None:
    works = [Work(Path("a"), "a", 1, 0), Work(Path("b"), "c/b", 4097, 0)]
    assert export.needed(works, 4096) == (1 + 2 + 0 + 4 * 3) * 4096
