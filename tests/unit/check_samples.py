"""What a good machine answers (recorded from a virtual PC), and how to put a check to it."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netspring_provision.checks import catalogue
from netspring_provision.checks.expectation import Expectation

RECORDED = Path(__file__).parents[1] / "fixtures" / "verify"
MODULES = sorted(path.stem for path in catalogue.HERE.glob("test_*.py"))


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return copy.deepcopy(found)


def expectation(name: str) -> Expectation:
    return Expectation.read(RECORDED / f"{name}-expectation.json")


def functions() -> dict[str, Callable[..., None]]:
    """Every check function by its name without ``test_``."""
    found = {}
    for module in MODULES:
        loaded = importlib.import_module(f"netspring_provision.checks.{module}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            if name.startswith("test_"):
                found[name.removeprefix("test_")] = function
    return found


def put(
    name: str,
    expected: Expectation,
    facts: dict[str, Any],
    desktop: dict[str, Any],
) -> dict[str, object]:
    """Call one check as pytest would; returns what it recorded. Fails as the check fails."""
    base, _, argument = name.partition("[")
    function = functions()[base]
    properties: dict[str, object] = {}
    offered: dict[str, Any] = {
        "facts": facts,
        "desktop": desktop,
        "expected": expected,
        "seen": lambda text: properties.update(seen=text),
        "record_property": lambda key, value: properties.update({key: value}),
        "app": next((a for a in expected.features.apps if f"{a.name}]" == argument), None),
    }
    function(**{key: offered[key] for key in inspect.signature(function).parameters})
    return properties
