"""``netspring image``: build, list and show golden images."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from netspring_provision.cli.output import console, emit, json_option
from netspring_provision.config import Station
from netspring_provision.image import manifest, store
from netspring_provision.image.manifest import Manifest
from netspring_provision.image.profiles import DEFAULT_LOCALE, LOCALES, profiles

MB = 1_000_000


@click.group(name="image")
def command() -> None:
    """Golden images: build, list, show."""


@command.command()
@click.option("--profile", required=True, help=f"What it contains: {', '.join(profiles())}.")
@click.option(
    "--locale",
    default=DEFAULT_LOCALE,
    show_default=True,
    help="Language that a PC speaks until its room says otherwise; the image holds all of "
    f"{', '.join(sorted(set(LOCALES.values())))}.",
)
@click.option("--mirror", default=None, help="Debian mirror instead of this station's own.")
@click.option("--force", is_flag=True, help="Build even if nothing changed; takes new updates.")
@json_option
def build(profile: str, locale: str, mirror: str | None, force: bool, as_json: bool) -> None:
    """Build a golden image; with the same inputs as before there is nothing to do."""
    from netspring_provision.image.build import build as build_image

    screen = console()
    task = ""

    def on_event(event: dict[str, Any]) -> None:
        nonlocal task
        name = str((event.get("event_data") or {}).get("task") or "")
        if name and name != task:
            task = name
            screen.print(f"  {task}", markup=False)

    found, worked = build_image(
        Station.from_environment(),
        profile,
        locale,
        mirror=mirror,
        force=force,
        on_step=lambda words: screen.print(words, markup=False),
        on_event=on_event,
    )
    first = f"built {found.name}" if worked else f"{found.name} is up to date, nothing to do"
    emit(
        _short(found) | {"built": worked},
        as_json,
        f"{first}: {found.compressed_bytes // MB} MB compressed,"
        f" {found.raw_bytes // MB} MB on disk, {len(found.packages)} packages",
    )


@command.command(name="list")
@json_option
def list_images(as_json: bool) -> None:
    """List the images of this station; * marks the newest of its kind."""
    station = Station.from_environment()
    found = store.images(station)
    rows = [
        _short(image)
        | {"current": store.current(station, f"{image.profile}-{image.locale}") == image.name}
        for image in found
    ]
    lines = [
        f"{'*' if row['current'] else ' '} {row['name']:<28} {row['compressed_bytes'] // MB:>6} MB"
        f"   {row['created'][:10]}   {profiles()[row['profile']].summary}"
        if row["profile"] in profiles()
        else f"  {row['name']}"
        for row in rows
    ]
    nothing = "no images yet: netspring image build --profile lite"
    emit(rows, as_json, "\n".join(lines) or nothing)


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show an image after checking its signature; NAME may be short, e.g. lite-zh_CN."""
    station = Station.from_environment().ensure()
    folder = store.find(station, name)
    found = manifest.verified(folder, station)
    lines = [
        f"name            {found.name}",
        f"profile         {found.profile}",
        f"languages       {', '.join(found.locales or (found.locale,))}; first {found.locale}",
        f"packages from   {found.created}",
        f"packages        {len(found.packages)}",
        f"compressed      {found.compressed_bytes // MB} MB in {len(found.chunks)} chunks",
        f"on disk         {found.raw_bytes // MB} MB",
        f"needs           disk {found.minimum_disk_bytes // MB} MB,"
        f" memory {found.minimum_memory_bytes // MB} MB",
        f"folder          {folder}",
        "signature       good",
    ]
    emit(asdict(found) | {"folder": str(folder)}, as_json, "\n".join(lines))


def _short(image: Manifest) -> dict[str, Any]:
    data = asdict(image)
    del data["packages"], data["chunks"]
    return data
