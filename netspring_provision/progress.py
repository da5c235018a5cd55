"""Draws what happens: a bar per disk with bytes, rate and time left; plain lines off a terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from netspring_provision.events import payload_of

PLAIN_EVERY = 10.0  # seconds between two lines for one disk where there is no terminal


@dataclass(frozen=True)
class Item:
    """Progress of one disk or file on one machine: bytes, bytes/s, seconds."""

    key: str
    label: str
    phase: str
    offset: int
    size: int
    rate: float
    eta: float | None

    def line(self) -> str:
        """One plain line."""
        percent = 100 * self.offset // self.size if self.size else 0
        left = f", {_clock(self.eta)} left" if self.eta is not None else ""
        return f"{self.label} {self.phase}: {percent} %, {self.rate / 1e6:.0f} MB/s{left}"


def items(event: Mapping[str, Any]) -> tuple[Item, ...]:
    """The progress that an event carries; empty for all other events."""
    payload = payload_of(event)
    if payload is None or not str(payload["kind"]).endswith("_progress"):
        return ()
    host = str((event.get("event_data") or {}).get("host", "?"))
    listed = payload.get("items")
    found = []
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, Mapping):
            continue
        name = str(entry.get("id", "?"))
        found.append(
            Item(
                key=f"{host}/{name}",
                label=f"{host} {name}",
                phase=str(entry.get("phase", "")),
                offset=int(_number(entry.get("offset")) or 0),
                size=int(_number(entry.get("size")) or 0),
                rate=_number(entry.get("rate_bps")) or 0.0,
                eta=_number(entry.get("eta_s")),
            )
        )
    return tuple(found)


def _number(value: object) -> float | None:
    """A finite count; anything else that a machine says is drawn as nothing."""
    try:
        number = float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
    return number if number is not None and math.isfinite(number) else None


class Display:
    """Takes events and sentences; shows them live on a terminal, as lines elsewhere."""

    def __init__(self, console: Console) -> None:
        """Draw on this console."""
        self._console = console
        self._live = console.is_terminal
        self._bars: dict[str, TaskID] = {}
        self._printed: dict[str, tuple[str, float]] = {}
        self._started = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not self._live,
        )

    def __enter__(self) -> Display:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing; what was said stays on the screen."""
        self._progress.stop()

    def say(self, sentence: str) -> None:
        """One plain sentence about what happens now, with the time since the start."""
        self._console.print(f"[dim]{self._clock()}[/dim] {escape(sentence)}", soft_wrap=True)
        self._clear()

    def _clock(self) -> str:
        return _clock(time.monotonic() - self._started)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Take one Ansible event."""
        for item in items(event):
            if self._live:
                self._draw(item)
            else:
                self._print(item)
        name = event.get("event")
        if name == "playbook_on_task_start":
            task = str((event.get("event_data") or {}).get("task", ""))
            if task and not task.startswith("Validating arguments"):
                self._console.print(f"  [dim]{self._clock()} {escape(task)}[/dim]")
        if name in ("runner_on_failed", "runner_on_unreachable"):
            data = event.get("event_data") or {}
            if not data.get("ignore_errors"):
                host, task = str(data.get("host", "?")), str(data.get("task", "a task"))
                self._console.print(f"[red]{escape(host)}[/red]: {escape(task)} failed")

    def _draw(self, item: Item) -> None:
        left = f"{_clock(item.eta)} left" if item.eta is not None else ""
        if item.key not in self._bars:
            self._bars[item.key] = self._progress.add_task("", total=None, left="")
        self._progress.update(
            self._bars[item.key],
            description=escape(f"{item.label} {item.phase}"),
            total=item.size or None,
            completed=item.offset,
            left=left,
        )

    def _print(self, item: Item) -> None:
        phase, when = self._printed.get(item.key, ("", 0.0))
        now = time.monotonic()
        if phase != item.phase or now - when >= PLAIN_EVERY:
            self._printed[item.key] = (item.phase, now)
            self._console.print(escape(item.line()), soft_wrap=True)

    def _clear(self) -> None:
        for bar in self._bars.values():
            self._progress.remove_task(bar)
        self._bars.clear()


@contextmanager
def display(console: Console) -> Iterator[Display]:
    """A display for the length of the block."""
    with Display(console) as shown:
        yield shown


def _clock(seconds: float | None) -> str:
    whole = round(seconds or 0)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"
