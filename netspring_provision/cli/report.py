"""``netspring report``: erasure records, checked, listed, issued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from netspring_provision import claims, signing
from netspring_provision.cli.output import console, emit, json_option
from netspring_provision.config import Station
from netspring_provision.erasure import Checked, State, check_files, form, records
from netspring_provision.errors import MACHINE_FAILED, OK, StationError, UsageError
from netspring_provision.model import Limit

COLOUR = {
    State.ERASED: "green",
    State.REFUSED: "yellow",
    State.INTERRUPTED: "red",
    State.FAILED_DESTROY: "red",
}
DEMAND = {
    "wipe-again-or-destroy": "wipe it again, or destroy it physically",
    "physical-destruction-record": "destroy it physically, and keep a record of that",
}


@click.group(name="report")
def command() -> None:
    """Erasure records: one signed file per disk, which anybody can check."""


@command.command(name="verify")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--allowed-signers",
    "signers_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Whose signatures count: an allowed-signers file of ssh-keygen, or a public key (.pub); "
    "this station's own key when left out.",
)
@json_option
def verify(files: tuple[Path, ...], signers_file: Path | None, as_json: bool) -> int:
    """Check records: signature, form, chain, and that nothing more is said than was proven.

    Neither the network nor the ledger is asked. The signature of FILE is FILE.sig. Several files
    must follow one another in the chain.

    Exit code 0 when all is good, 1 when something does not hold, 2 for what is no record.
    """
    checked = check_files(files, _signers(signers_file))
    good = all(one.good for one in checked)
    if as_json:
        emit({"good": good, "files": [_data(one) for one in checked]}, as_json, "")
    else:
        for one in checked:
            _show(one)
    return OK if good else MACHINE_FAILED


@command.command(name="list")
@json_option
def list_records(as_json: bool) -> int:
    """All records that this station has issued, oldest first."""
    listed = records.listed(Station.from_environment())
    if as_json:
        emit({"records": [one.as_data() for one in listed]}, as_json, "")
        return OK
    table = Table(title="erasure records", title_justify="left")
    for heading in ("record", "machine", "disk", "state", "claim"):
        table.add_column(heading, overflow="fold")
    for one in listed:
        colour = COLOUR[State(one.state)]
        table.add_row(
            one.cert_id,
            escape(one.host),
            escape(one.serial or "-"),
            f"[{colour}]{one.state}[/{colour}]",
            escape(one.level),
        )
    console().print(table)
    for state, count in records.summary(listed).items():
        click.echo(f"{state}: {count}")
    return OK


@command.command(name="issue")
@click.option(
    "-i",
    "--inventory",
    help="Room of the machines: its site, operator, donor and asset tags go into the records.",
)
@json_option
def issue(inventory: str | None, as_json: bool) -> int:
    """Issue records that a full disk held up, and write files that are missing.

    A file that is there is never changed.
    """
    made, held = records.issue_missing(Station.from_environment(), inventory)
    text = [f"{one.state}: {one.path}" for one in made]
    text += [f"no record: {why}" for why in held]
    data: dict[str, Any] = {
        "issued": [{"cert_id": m.cert_id, "path": str(m.path), "state": m.state} for m in made],
        "held": list(held),
    }
    emit(data, as_json, "\n".join(text) or "every disk that was wiped has its record")
    return MACHINE_FAILED if held else OK


def _signers(path: Path | None) -> str:
    if path is None:
        key = Station.from_environment().signing_key
        try:
            public = signing.public_key(key)
        except StationError as error:
            raise UsageError(
                "this station has no key of its own, so it does not know whom to believe",
                hint="name the key that the workshop gave you: --allowed-signers FILE",
            ) from error
        return signing.signer_line(public, form.NAMESPACE)
    try:
        return signing.signers_of(path.read_text(encoding="utf-8"), form.NAMESPACE)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the signers {path} cannot be read: {error}") from error


def _show(one: Checked) -> None:
    verdict = "good" if one.good else "does not hold"
    click.secho(f"{one.path}: {verdict}", fg="green" if one.good else "red")
    for problem in one.problems:
        click.echo(f"  {problem}")
    if not one.good or one.record is None:
        return
    disk, claim = one.record["disk"], one.record["claim"]
    click.echo(
        f"  {disk['model'] or 'disk'}, serial {disk['serial'] or '-'}: {one.record['state']}"
    )
    if one.record["reason"]:
        click.echo(f"  why: {one.record['reason']}")
    if one.record["demands"]:
        click.echo(f"  what it needs: {DEMAND[one.record['demands']]}")
    click.echo(f"  {claims.level_words(claim['level']).en}")
    for limit in claim["limits"]:
        click.echo(f"  limit: {claims.words(Limit(limit['code'], limit['detail'])).en}")
    click.echo(f"  signed by {one.signer}; SHA-256 {one.sha256}")


def _data(one: Checked) -> dict[str, Any]:
    record = one.record or {}
    return {
        "file": str(one.path),
        "good": one.good,
        "sha256": one.sha256,
        "signer": one.signer,
        "problems": [{"field": p.field, "why": p.why} for p in one.problems],
        **{name: record.get(name) for name in ("cert_id", "state", "claim", "reason", "demands")},
    }
