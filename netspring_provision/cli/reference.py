"""Writes ``docs/cli.md`` from the commands themselves (``make docs``), so that it cannot rot."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from netspring_provision.cli import cli

_HEAD = """\
# Commands

Generated from the code by `make docs`; changes made here by hand are lost.
"""


def walk(group: click.Command, context: click.Context) -> Iterator[click.Context]:
    """The command itself and all below it that are not hidden, in the order of the help."""
    yield context
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None and not command.hidden:
                yield from walk(command, click.Context(command, info_name=name, parent=context))


def contexts() -> list[click.Context]:
    """One context per command, ``netspring`` itself first."""
    return list(walk(cli, click.Context(cli, info_name="netspring")))


def markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(context) for context in contexts())])


def _section(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"## {context.command_path}", "", f"    {usage}", ""]
    text = inspect.cleandoc(command.help or "").partition("\f")[0].replace("\b\n", "")
    if text:
        lines += [text, ""]
    records = [
        record
        for parameter in command.get_params(context)
        if not isinstance(parameter, click.Argument)
        and (record := parameter.get_help_record(context)) is not None
        and record[0] != "-h, --help"
        and record[0] != "--help"
    ]
    if records:
        lines += ["| option | meaning |", "| --- | --- |"]
        lines += [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in records]
        lines += [""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


@click.command()
@click.argument("page", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", is_flag=True, help="Only look whether the page is current.")
def main(page: Path, check: bool) -> None:
    """Write PAGE; with --check end with 1 if it is not what would be written."""
    text = markdown()
    if not check:
        page.write_text(text)
    elif not page.is_file() or page.read_text() != text:
        raise click.ClickException(f"{page} is not current; write it again: make docs")


if __name__ == "__main__":
    main()
