"""Collecting: what an earlier run left in the teacher's home takes no room from the next."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from netspring_classroom import collect


class Line:
    """A line to a PC whose child has no works yet."""

    stream = io.BytesIO()

    def ask(self, _: str) -> dict[str, Any]:
        return {"works": []}


def test_what_a_power_cut_left_is_removed_before_works_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(collect.getpass, "getuser", lambda: "teacher")
    left = tmp_path / ".cache/netspring-works-abc"
    left.mkdir(parents=True)
    (left / "painting.png").write_bytes(b"a child's")
    (tmp_path / ".cache/other").mkdir()
    line: Any = Line()
    with collect.found(line, lambda *_: None) as (works, unreadable):
        assert (works, unreadable) == ([], [])
        assert not left.exists()
        assert len(list((tmp_path / ".cache").iterdir())) == 2  # the new one, and another program's
    assert [path.name for path in (tmp_path / ".cache").iterdir()] == ["other"]
