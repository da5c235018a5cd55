"""The role's own values and its starter, as Ansible would write them."""

from __future__ import annotations

import json
from typing import Any

import jinja2
import yaml

from tests.on_target import ROLES

PAGES = ROLES / "scratch" / "files" / "app"


def defaults() -> dict[str, Any]:
    """The role's defaults."""
    values: dict[str, Any] = yaml.safe_load((ROLES / "scratch/defaults/main.yml").read_text())
    return values


def starter(folder: str, ident: str) -> str:
    """The text of ``/usr/bin/netspring-scratch``."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    template = (ROLES / "scratch/templates/netspring-scratch.py.j2").read_text()
    values = {**defaults(), "scratch_folder": folder, "scratch_bundle": {"id": ident}}
    return environment.from_string(template).render(values)
