"""Claims on the screen: levels in tables, and what must be said with them as footnotes."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from netspring_provision import claims
from netspring_provision.checks.catalogue import Words
from netspring_provision.model import Claim, Limit


class Footnotes:
    """Numbers for limits, each said once below the tables however often it is met."""

    def __init__(self) -> None:
        """No footnote yet."""
        self._known: list[Limit] = []

    def mark(self, limits: Iterable[Limit]) -> str:
        """The numbers of these limits, as ``(1, 3)``; empty when there are none."""
        numbers = []
        for limit in limits:
            if limit not in self._known:
                self._known.append(limit)
            numbers.append(str(self._known.index(limit) + 1))
        return f"({', '.join(numbers)})" if numbers else ""

    def called(self, claim: Claim) -> str:
        """A level with the numbers of what must be said with it."""
        return escape(f"{claim.level} {self.mark(claim.limits)}".strip())

    def show(self, out: Console) -> None:
        """What the numbers stand for, in English and Chinese."""
        for number, limit in enumerate(self._known, 1):
            out.print(f"  ({number}) {both(claims.words(limit))}", soft_wrap=True)


def both(said: Words) -> str:
    """English and Chinese in one line, safe for the console."""
    return escape(said.en if said.en == said.zh else f"{said.en} · {said.zh}")
