"""Secure discard of an eMMC: it purges blocks and copies of them (JESD84-B51, 6.6.11)."""

from __future__ import annotations

from dataclasses import dataclass

from ansible.module_utils.netspring_erase.methods import IDLE, Method, Status, Target

HOUR = 3600.0  # seconds; the card works through its erase groups one by one


@dataclass(frozen=True)
class SecureDiscard(Method):
    """``blkdiscard --secure`` over the whole card.

    Without ``--secure`` it is only advice to the card: it may answer "good" and keep the data. The
    card keeps no status of it.
    """

    version: tuple[str, ...] = ("blkdiscard", "--version")
    tells_success: bool = False
    blocks: bool = True

    def unsuitable(self, at: Target) -> str | None:
        """On anything but an eMMC that says it can."""
        card = at.probe.card(at.disk.name)
        if card is None:
            return "it is no eMMC"
        return None if card["secure_discard"] else "the card has no secure discard"

    def argv(self, at: Target) -> list[str]:
        """``--force`` because we hold it open exclusively ourselves, so that nobody else can."""
        return ["blkdiscard", "--secure", "--force", at.disk.path]

    def status(self, at: Target) -> Status:
        """There is none."""
        del at
        return Status(IDLE)

    def command_limit(self, at: Target) -> float:
        """It blocks until the end."""
        del at
        return HOUR


METHODS = (SecureDiscard("discard_secure"),)
