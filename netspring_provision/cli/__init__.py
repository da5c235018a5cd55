"""The ``netspring`` command: a group that loads one file per verb, and the one error boundary."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from netspring_provision import __version__
from netspring_provision.errors import (
    INTERRUPTED,
    MACHINE_FAILED,
    STATION_LACKS,
    USAGE,
    NetspringError,
)

# Verb -> one line of help; the verb's file is imported only when it is used.
VERBS = {
    "doctor": "What this station lacks, and the command that mends it.",
    "live": "The live environment that machines run while they are worked on.",
    "image": "Golden images: build, list, show.",
    "room": "Rooms: the machines of one classroom.",
    "inspect": "Read-only: hardware, disks, what lies on them.",
    "triage": "Keep, repair or parts: machines, or recorded output of tools.",
    "plan": "What would be destroyed, how, how long, and what may be claimed.",
    "wipe": "Carry out a wipe plan.",
    "install": "Put the image on wiped machines.",
    "verify": "Check machines that booted their own disk.",
    "provision": "All of it, resumable: inspect, wipe, install, verify.",
    "seal": "Take the station's access and all traces away from verified machines.",
    "report": "Erasure records: check, list, issue.",
    "lab": "Virtual PCs that go through exactly the same path.",
}


class VerbGroup(click.Group):
    """A group whose commands live in ``cli/<verb>.py`` under the name ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order in which a job goes."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's file and return its command."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"netspring_provision.cli.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"cli/{cmd_name}.py has no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Help without importing every verb."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netspring")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Wipe donated PCs and prove it, install a light Linux, verify each one.

    Exit codes: 0 all good, 1 some machine failed, 2 usage, 3 refused by an interlock,
    4 this station lacks something, 130 interrupted.
    """
    ctx.obj = {"debug": debug}


def main(argv: list[str] | None = None) -> None:
    """Entry point: turns every error into a message, a hint and an exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str]) -> int:
    """Run the command and return its exit code; never shows a traceback without ``--debug``."""
    debug = "--debug" in argv
    try:
        result: Any = cli.main(args=argv, prog_name="netspring", standalone_mode=False)
    except NetspringError as error:
        if debug:
            raise
        _say(error.message, error.hint)
        return error.exit_code
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return USAGE
    except KeyboardInterrupt:
        return _interrupted()
    except OSError as error:
        if debug:
            raise
        where = f": {error.filename}" if error.filename else ""
        _say(
            f"this station could not do it{where}: {error.strerror or error}",
            "check free space (df -h) and rights; netspring doctor shows what is lacking",
        )
        return STATION_LACKS
    except Exception as error:
        if debug:
            raise
        _say(
            f"a mistake of this program: {type(error).__name__}: {error}",
            "run the same command with --debug after netspring, and report what it prints",
        )
        return MACHINE_FAILED
    return result if isinstance(result, int) else 0


def _interrupted() -> int:
    _say(
        "interrupted",
        "run the same command again: it goes on where it was, and no record is lost",
    )
    return INTERRUPTED


def _say(message: str, hint: str | None) -> None:
    click.secho(f"netspring: {message}", err=True, fg="red")
    if hint:
        click.echo(f"  -> {hint}", err=True)
