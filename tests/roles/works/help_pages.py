"""The help pages, rendered as Ansible would render them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import yaml

from tests.on_target import ROLES

ROLE = ROLES / "works"


def defaults() -> dict[str, Any]:
    """The role's defaults."""
    values: dict[str, Any] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    return values


def help_page(language: str, name: str) -> str:
    """The HTML of one page."""

    def lookup(_plugin: str, path: str) -> str:
        return (ROLE / "files" / path).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Ansible does not escape either
        trim_blocks=True,
    )
    environment.filters["from_json"] = json.loads
    environment.globals["lookup"] = lookup
    template = (ROLE / "templates/help.html.j2").read_text()
    return environment.from_string(template).render(
        works_language=language, works_page=name, **defaults()
    )


def write(folder: Path, language: str, name: str) -> Path:
    """Write a page where it finds its pictures; its path."""
    (folder / language).mkdir(parents=True, exist_ok=True)
    for part in ("help.css", "pictures"):
        if not (folder / part).exists():
            (folder / part).symlink_to(ROLE / "files/help" / part)
    path = folder / language / f"{name}.html"
    path.write_text(help_page(language, name), encoding="utf-8")
    return path
