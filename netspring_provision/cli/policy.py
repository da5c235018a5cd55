"""The flags that allow a wipe more, or ask less of it, than the default."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from netspring_provision import sampling
from netspring_provision.methods import Policy

F = TypeVar("F", bound=Callable[..., Any])
OPTIONS = (
    click.option("--usb", multiple=True, metavar="SERIAL", help="Also erase this USB disk."),
    click.option(
        "--ata-secure-erase",
        is_flag=True,
        help="Use ATA Security erase; it sets a password on the drive for its time.",
    ),
    click.option(
        "--hdd-sanitize",
        is_flag=True,
        help="Use the sanitize overwrite of magnetic SATA disks; it takes hours more.",
    ),
    click.option(
        "--remove-hpa",
        is_flag=True,
        help="Unhide and erase hidden areas (HPA); a lasting change of the drive.",
    ),
    click.option(
        "--unfreeze",
        is_flag=True,
        help="Suspend the machine once, about 10 seconds, to thaw drives that the firmware froze.",
    ),
    click.option(
        "--retry-failed",
        multiple=True,
        metavar="SERIAL",
        help="Try this disk again though its wipe failed: a cable or a dock was to blame.",
    ),
    click.option(
        "--sampled",
        type=click.FloatRange(sampling.MINIMUM_PERCENT, 100, max_open=True),
        metavar="PERCENT",
        help="Read back only this part of each disk, in an even grid; the claim says so.",
    ),
)


def policy_options(function: F) -> F:
    """Add the flags; the command gets them as one ``policy``."""

    @functools.wraps(function)
    def with_policy(
        *args: Any,
        usb: tuple[str, ...],
        ata_secure_erase: bool,
        hdd_sanitize: bool,
        remove_hpa: bool,
        unfreeze: bool,
        retry_failed: tuple[str, ...],
        sampled: float | None,
        **kwargs: Any,
    ) -> Any:
        policy = Policy(
            usb_serials=frozenset(usb),
            ata_secure_erase=ata_secure_erase,
            hdd_sanitize=hdd_sanitize,
            remove_hpa=remove_hpa,
            unfreeze=unfreeze,
            retry_failed=frozenset(retry_failed),
            sampled_percent=sampled,
        )
        try:
            policy.read_back()
        except ValueError as error:  # not a number, which no range keeps out
            raise click.BadParameter(str(error), param_hint="--sampled") from error
        return function(*args, policy=policy, **kwargs)

    decorated: Any = with_policy
    for option in reversed(OPTIONS):
        decorated = option(decorated)
    return cast("F", decorated)
