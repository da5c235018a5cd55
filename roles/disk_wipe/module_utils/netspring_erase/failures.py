"""The three ways in which a disk does not end as erased."""

from __future__ import annotations

import os


class RefusedError(Exception):
    """An interlock said no before anything was written; the text is reason and way out."""


class AbortedError(Exception):
    """Somebody stopped the work (SIGTERM, SIGINT) while it was under way."""


class DiskError(Exception):
    """The disk failed, vanished or lied; the text is reason and what to do with it.

    Attributes:
        offset: where on the disk, in bytes; None where it is not one place.
    """

    def __init__(self, text: str, offset: int | None = None) -> None:
        """``text`` is shown as it is."""
        super().__init__(text)
        self.offset = offset


def io_error(doing: str, offset: int, error: OSError) -> DiskError:
    """A read or write error at ``offset`` bytes: such a disk is not to be trusted again."""
    why = os.strerror(error.errno) if error.errno else str(error)
    text = f"{doing} error at byte {offset} ({why}): destroy this disk physically"
    return DiskError(text, offset)
