"""What of Tux Paint's pictures Scratch's libraries show, and under which names."""

import hashlib
from pathlib import Path

from tests.on_target import load_module

module = load_module("scratch", "netspring_scratch_library")


def stamp(path: Path, size: int = 10, text: str | None = None) -> None:
    """A stamp of that many bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode().ljust(size, b"."))
    if text is not None:
        path.with_suffix(".txt").write_text(text, encoding="utf-8")


def test_a_picture_is_called_what_tux_paint_calls_it(tmp_path: Path) -> None:
    stamp(
        tmp_path / "a.png", text="A fish.\n\nzh_cn.utf8=鱼。\nFR.UTF8=Un poisson !\nde.utf8=Fisch\n"
    )
    assert module.names(tmp_path / "a.png") == {"en": "A fish", "zh-cn": "鱼", "fr": "Un poisson"}


def test_a_picture_without_text_is_called_after_its_file(tmp_path: Path) -> None:
    stamp(tmp_path / "reef_at-dusk-back.png")
    assert module.names(tmp_path / "reef_at-dusk-back.png") == {"en": "reef at dusk"}


def test_wanted_folders_with_small_pictures_are_listed_each_once(tmp_path: Path) -> None:
    stamp(tmp_path / "animals/birds/owl.png")
    stamp(tmp_path / "animals/whale.svg", size=101)
    stamp(tmp_path / "animals/owl_desc.ogg")
    stamp(tmp_path / "town/houses/hut.svg", size=100)
    stamp(tmp_path / "military/sword.svg")
    (tmp_path / "town/houses/same.svg").write_bytes((tmp_path / "town/houses/hut.svg").read_bytes())
    found = module.sprites(tmp_path, {"animals": "animals", "town/houses": "", "none": "x"}, 100)
    assert [(Path(one["file"]).name, one["tags"]) for one in found] == [
        ("owl.png", ["animals"]),
        ("hut.svg", []),
    ]
    owl = (tmp_path / "animals/birds/owl.png").read_bytes()
    assert found[0]["id"] == hashlib.md5(owl, usedforsecurity=False).hexdigest()
    assert found[0]["file"].startswith("file:///")


def test_without_tux_paint_nothing_is_listed(tmp_path: Path) -> None:
    assert module.sprites(tmp_path / "not there", {"animals": "animals"}, 100) == []
