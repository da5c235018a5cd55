"""The command: every error is a message, a way out and an exit code; no traceback, no deed."""

import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import playing
import pytest
import samples

from netspring_provision import cli, errors
from netspring_provision.cli import VERBS
from netspring_provision.cli import plan as plan_cli
from netspring_provision.cli import wipe as wipe_cli
from netspring_provision.cli.inspect import size
from netspring_provision.config import Station
from netspring_provision.ledger import Ledger
from netspring_provision.model import Outcome, RefusedMachine
from netspring_provision.outcome import DiskOutcome
from netspring_provision.steps import job as job_step
from netspring_provision.steps.wipe import WipeResult

Output = pytest.CaptureFixture[str]


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let ``netspring doctor`` end with this error."""

    @click.command("doctor")
    def command() -> None:
        raise error

    monkeypatch.setattr("netspring_provision.cli.doctor.command", command)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.MachineFailedError("pc1 is broken", "pull it aside"), 1),
        (errors.UsageError("no such room", "make one"), 2),
        (errors.RefusedError("not without a plan", "make a plan"), 3),
        (errors.StationError("zstd is missing", "apt-get install zstd"), 4),
    ],
)
def test_each_kind_of_error_has_its_code_message_and_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, error: errors.NetspringError, code: int
) -> None:
    failing(monkeypatch, error)
    assert cli.run(["doctor"]) == code == error.exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"netspring: {error.message}\n  -> {error.hint}\n"


def test_an_error_without_hint_has_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    failing(monkeypatch, errors.StationError("lacking"))
    assert cli.run(["doctor"]) == 4
    assert capsys.readouterr().err == "netspring: lacking\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort(), EOFError()], ids=repr)
def test_an_interruption_is_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, error: BaseException
) -> None:
    failing(monkeypatch, error)
    assert cli.run(["doctor"]) == 130
    assert "run the same command again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied", "/root/x"),
        OSError(28, "No space left on device", "/x"),
        FileNotFoundError(2, "No such file", "/x"),
    ],
    ids=repr,
)
def test_what_the_system_refuses_is_the_stations_lack(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, error: OSError
) -> None:
    failing(monkeypatch, error)
    assert cli.run(["doctor"]) == 4
    said = capsys.readouterr().err
    assert str(error.filename) in said
    assert str(error.strerror) in said


@pytest.mark.parametrize(
    "error", [KeyError("disks"), ValueError("x"), RecursionError(), AssertionError()], ids=repr
)
def test_a_mistake_of_ours_is_no_success_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, error: Exception
) -> None:
    failing(monkeypatch, error)
    assert cli.run(["doctor"]) == 1
    said = capsys.readouterr().err
    assert type(error).__name__ in said
    assert "--debug" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("error", [KeyError("disks"), errors.StationError("x"), OSError(28, "x")])
def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    failing(monkeypatch, error)
    with pytest.raises(type(error)):
        cli.run(["--debug", "doctor"])


def test_a_reader_that_has_gone_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, BrokenPipeError(32, "Broken pipe"))
    try:
        code: Any = cli.run(["doctor"])
    except SystemExit as gone:  # Click leaves at once
        code = gone.code
    assert code not in (0, None)


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1), (3, 3)])
def test_the_code_that_a_command_returns_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, result: int | None, code: int
) -> None:
    monkeypatch.setattr(
        "netspring_provision.cli.doctor.command", click.Command("doctor", callback=lambda: result)
    )
    assert cli.run(["doctor"]) == code


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["wipe"],
        ["wipe", "-i", "x"],
        ["wipe", "--plan", "x"],
        ["plan"],
        ["inspect"],
        ["inspect", "-i"],
        ["inspect", "-i", "x", "--no-such"],
        ["provision"],
        ["install"],
        ["verify"],
        ["image"],
        ["lab"],
        ["lab", "create"],
        ["--no-such"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(argv: list[str], capsys: Output) -> None:
    assert cli.run(argv) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_names_every_verb_and_the_exit_codes(capsys: Output) -> None:
    assert cli.run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in VERBS)
    assert "3 refused" in said


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: Output) -> None:
    assert cli.run([verb, "--help"]) == 0
    assert f"netspring {verb}" in capsys.readouterr().out


def test_help_imports_no_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(name: str) -> None:
        pytest.fail(f"imported {name}")

    monkeypatch.setattr(cli.importlib, "import_module", never)
    assert cli.run(["--help"]) == 0
    assert cli.run(["--version"]) == 0


@pytest.mark.parametrize("verb", ["inspect", "plan", "wipe", "install", "verify", "provision"])
@pytest.mark.parametrize("limit", ["", " ", ","])
def test_an_empty_limit_is_2_and_never_means_all(
    verb: str, limit: str, capsys: Output, allow_subprocess: Callable[..., None]
) -> None:
    allow_subprocess("ssh-keygen")
    argv = [verb, "-i", "inventories/lab", "--limit", limit]
    argv += ["--plan", "x"] if verb == "wipe" else []
    assert cli.run(argv) == 2
    assert "--limit is empty" in capsys.readouterr().err


@pytest.fixture
def room(netspring_home: Path, monkeypatch: pytest.MonkeyPatch) -> playing.Room:
    """The command's own station, with pc1 and pc2 in an inventory of any name."""
    made = playing.room(netspring_home, monkeypatch, count=2)
    made.facts = {h.name: samples.facts(host=h.name) for h in made.hosts}
    monkeypatch.setattr(Station, "ensure", lambda self: self)
    monkeypatch.setattr(job_step, "load", lambda *_: made.hosts)
    monkeypatch.setattr(job_step, "inventory_path", Path)
    return made


def planned(capsys: Output) -> dict[str, Any]:
    """Run ``netspring plan`` and return what it printed."""
    assert cli.run(["plan", "-i", "x", "--json"]) in (0, 1)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def wipe(plan: dict[str, Any], *more: str) -> int:
    return cli.run(["wipe", "-i", "x", "--plan", plan["file"], *more])


def started(room: playing.Room) -> int:
    return len(Ledger(room.station.ledger).records(kind="wipe_started"))


def test_inspect_shows_every_disk(room: playing.Room, capsys: Output) -> None:
    room.facts["pc1"] = samples.facts(samples.disk("A", model="[/dev/sda] [bold]"))
    assert cli.run(["inspect", "-i", "x"]) == 0
    said = capsys.readouterr().err
    assert "[/dev/sda] [bold]" in said
    assert "WD-pc2" in said


def test_inspect_as_json_is_the_facts(room: playing.Room, capsys: Output) -> None:
    del room.facts["pc2"]
    assert cli.run(["inspect", "-i", "x", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["machines"] == {"pc1": room.facts["pc1"].raw}
    assert [m["host"] for m in data["missing"]] == ["pc2"]
    assert [playbook for playbook, _ in room.played] == ["inspect"]


def test_plan_writes_nothing_to_the_machines(room: playing.Room, capsys: Output) -> None:
    data = planned(capsys)
    assert room.played == [("inspect", ["pc1", "pc2"])]
    assert data["confirm"].startswith("ERASE 2 DISKS OF 2 MACHINES")
    assert data["expires"] > data["created"]
    assert Path(data["file"]).is_file()


def test_plan_says_how_to_carry_it_out(room: playing.Room, capsys: Output) -> None:
    room.facts["pc2"] = samples.facts(samples.disk(None), host="pc2")
    assert cli.run(["plan", "-i", "x"]) == 1
    said = capsys.readouterr()
    assert '--confirm "ERASE 1 DISK OF pc1' in said.out
    assert "WILL BE DESTROYED" in said.err
    assert "pc2" in said.err
    assert "no serial" in said.err


def test_plan_of_nothing_is_refused(room: playing.Room, capsys: Output) -> None:
    for name in ("pc1", "pc2"):
        room.facts[name] = samples.facts(samples.disk(read_only=True, serial=name), host=name)
    assert cli.run(["plan", "-i", "x"]) == 3
    said = capsys.readouterr()
    assert "--confirm" not in said.out
    assert "read-only" in said.err


@pytest.mark.parametrize(
    "confirm", [[], ["--confirm", ""], ["--confirm", "yes"], ["--confirm", "erase 2 disks"]]
)
def test_wipe_without_the_phrase_is_3_and_changes_nothing(
    room: playing.Room, capsys: Output, confirm: list[str]
) -> None:
    plan = planned(capsys)
    room.played.clear()
    assert wipe(plan, *confirm) == 3
    assert "nothing was changed" in capsys.readouterr().err
    assert room.played == []
    assert started(room) == 0


def test_wipe_of_an_altered_plan_is_3_and_changes_nothing(
    room: playing.Room, capsys: Output
) -> None:
    plan = planned(capsys)
    path = Path(plan["file"])
    path.write_text(path.read_text().replace("WD-pc1", "WD-pc9"))
    room.played.clear()
    assert wipe(plan, "--confirm", plan["confirm"]) == 3
    assert "altered" in capsys.readouterr().err
    assert room.played == []
    assert started(room) == 0


def test_wipe_of_an_old_plan_is_3_and_changes_nothing(room: playing.Room, capsys: Output) -> None:
    old = room.plan(age=dt.timedelta(minutes=31))
    path = room.station.plans / f"{old.plan_id}.json"
    assert cli.run(["wipe", "-i", "x", "--plan", str(path), "--confirm", old.confirm]) == 3
    assert "held until" in capsys.readouterr().err
    assert room.played == []
    assert started(room) == 0


def test_wipe_of_no_plan_is_2(room: playing.Room, capsys: Output) -> None:
    assert cli.run(["wipe", "-i", "x", "--plan", "/nowhere.json", "--confirm", "x"]) == 2
    assert "there is no plan file" in capsys.readouterr().err
    assert room.played == []


def test_wipe_with_the_phrase(room: playing.Room, capsys: Output) -> None:
    plan = planned(capsys)
    assert started(room) == 0
    assert wipe(plan, "--confirm", plan["confirm"], "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert {host: [d["outcome"] for d in disks] for host, disks in data.items()} == {
        "pc1": ["erased"],
        "pc2": ["erased"],
    }


def test_wipe_where_one_machine_fails_is_1(room: playing.Room, capsys: Output) -> None:
    room.answers["pc2"] = playing.unreachable
    plan = planned(capsys)
    assert wipe(plan, "--confirm", plan["confirm"]) == 1
    said = capsys.readouterr().err
    assert "stopped answering" in said
    assert said.count("every byte read back") == 1


def test_wipe_where_the_plan_refused_a_machine_is_1(room: playing.Room, capsys: Output) -> None:
    room.facts["pc2"] = samples.facts(samples.disk(None), host="pc2")
    plan = planned(capsys)
    assert wipe(plan, "--confirm", plan["confirm"]) == 1
    said = capsys.readouterr().err
    assert "pc2" in said
    assert "no serial" in said


def test_only_what_is_erased_is_called_read_back(capsys: Output) -> None:
    every = {
        outcome: (DiskOutcome(f"S-{outcome}", "/dev/sda", "[m]", outcome, None),)
        for outcome in Outcome
    }
    wipe_cli.show_wipe(WipeResult({o.value: d for o, d in every.items()}), cli_console())
    lines = [line for line in capsys.readouterr().out.splitlines() if "read back" in line]
    assert len(lines) == 1
    assert "S-erased" in lines[0]


def cli_console() -> Any:
    from rich.console import Console

    return Console(width=160)


def test_the_exit_code_of_a_plan() -> None:
    whole = samples.plan()
    assert plan_cli.plan_exit_code(whole) == 0
    part = dataclasses.replace(whole, refused=(RefusedMachine("pc2", "off", "on"),))
    assert plan_cli.plan_exit_code(part) == 1
    disk = samples.plan(samples.facts(samples.disk("A"), samples.disk("B", read_only=True)))
    assert plan_cli.plan_exit_code(disk) == 1
    assert plan_cli.plan_exit_code(samples.plan(samples.facts(samples.disk(None)))) == 3


def test_sizes_are_as_drives_are_sold() -> None:
    assert size(160_041_885_696) == "160.0 GB"
