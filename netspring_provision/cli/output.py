"""What the verbs share: options that mean the same everywhere, and the two ways to print."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])


def console() -> Console:
    """The console for people: stderr, so that ``--json`` on stdout stays pure."""
    return Console(stderr=True, highlight=False)


def emit(data: object, as_json: bool, text: str) -> None:
    """Print one result: JSON for programs, or text for people."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True, default=str))
    else:
        click.echo(text)


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(
        function
    )


def inventory_options(function: F) -> F:
    """Add ``-i/--inventory`` and ``--limit``."""
    function = click.option(
        "--limit",
        default=None,
        help="Only these machines or groups of the inventory, separated by commas.",
    )(function)
    return click.option(
        "-i",
        "--inventory",
        required=True,
        help="Inventory: a room's folder, or inventories/lab for the virtual PCs.",
    )(function)
