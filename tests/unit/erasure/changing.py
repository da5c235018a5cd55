"""Ways to change one thing in a record: every leaf, every field, every digit."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Where = tuple[str | int, ...]


def leaves(data: Any, where: Where = ()) -> Iterator[Where]:
    """Where something stands that holds nothing else."""
    if isinstance(data, dict | list) and data:
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(value, (*where, key))
    else:
        yield where


def objects(data: Any, where: Where = ()) -> Iterator[Where]:
    """Where a mapping stands."""
    if isinstance(data, dict):
        yield where
    if isinstance(data, dict | list):
        inner = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in inner:
            yield from objects(value, (*where, key))


def at(data: Any, where: Where) -> Any:
    """What stands there."""
    for key in where:
        data = data[key]
    return data


def put(data: Any, where: Where, value: Any) -> Any:
    """A copy with something else there."""
    changed = copy.deepcopy(data)
    at(changed, where[:-1])[where[-1]] = value
    return changed


def without(data: Any, where: Where) -> Any:
    """A copy without that field."""
    changed = copy.deepcopy(data)
    del at(changed, where[:-1])[where[-1]]
    return changed
