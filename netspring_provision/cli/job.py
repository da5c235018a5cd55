"""A job with its progress on the screen: what every verb that works on machines begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netspring_provision.cli.output import console
from netspring_provision.config import Station
from netspring_provision.progress import display
from netspring_provision.steps.job import Job, open_job


@contextmanager
def shown_job(inventory: str, limit: str | None, *, exclusive: bool = True) -> Iterator[Job]:
    """Open a job over the machines of an inventory and show how far it is.

    Args:
        inventory: as given to ``-i``.
        limit: as given to ``--limit``.
        exclusive: whether the machines are held against other runs.

    Raises:
        NetspringError: what :func:`netspring_provision.steps.job.open_job` raises.
    """
    with (
        display(console()) as shown,
        open_job(
            Station.from_environment(),
            inventory,
            limit,
            on_event=shown.on_event,
            say=shown.say,
            exclusive=exclusive,
        ) as job,
    ):
        yield job
