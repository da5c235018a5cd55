"""Every file that a page of the documentation points to, or shows, is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netspring_provision import content

ROOT = content.root()
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("roles/*/*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


def test_the_look_finds_links() -> None:
    found = LINK.findall("[a](b.md#c), ![d](images/e.png) and `x[0](y z)`")
    assert found == ["b.md", "images/e.png"]
