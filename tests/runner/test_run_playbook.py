"""The traps of ansible-runner that the wrapper closes, each with the real thing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netspring_provision import content, runner
from netspring_provision.config import Station
from netspring_provision.errors import StationError, UsageError
from netspring_provision.events import host_results

Write = Callable[[str], str]
SAY = "- ansible.builtin.debug:\n    msg: 'said {{ word | default(\"nothing\") }}'\n"


def said(result: runner.RunResult) -> dict[str, Any]:
    """What each host's debug task said."""
    return {
        e["event_data"]["host"]: e["event_data"]["res"]["msg"]
        for e in result.events
        if e["event"] == "runner_on_ok"
    }


def test_a_playbook_runs_on_this_computer(station: Station, playbook: Write) -> None:
    result = runner.run_playbook(station, playbook=playbook(SAY), extravars={"word": "hello"})
    assert (result.status, result.rc) == ("successful", 0)
    assert said(result) == {"localhost": "said hello"}
    assert host_results(result.events, ["localhost"])["localhost"].completed
    assert "said hello" in result.output()


def test_extra_variables_of_an_earlier_run_are_not_replayed(
    station: Station, playbook: Write
) -> None:
    name = playbook(SAY)
    runner.run_playbook(station, playbook=name, run_id="r", extravars={"word": "consent"})
    second = runner.run_playbook(station, playbook=name, run_id="r")
    assert said(second) == {"localhost": "said nothing"}
    assert second.folder.name == "02-small"


@pytest.mark.parametrize("limit", [[], [""], [" "], ["one", ""]])
def test_an_empty_limit_never_means_all(
    station: Station, playbook: Write, inventory: Path, limit: list[str]
) -> None:
    with pytest.raises(UsageError, match="names no machine"):
        runner.run_playbook(
            station, playbook=playbook(SAY), inventory=inventory, limit=limit, run_id="r"
        )
    assert not station.runs.exists()


def test_only_the_limit_is_played(station: Station, playbook: Write, inventory: Path) -> None:
    result = runner.run_playbook(
        station, playbook=playbook(SAY), inventory=inventory, limit=["two"]
    )
    assert list(said(result)) == ["two"]


def test_variables_of_single_machines_reach_them(
    station: Station, playbook: Write, inventory: Path
) -> None:
    result = runner.run_playbook(
        station,
        playbook=playbook(SAY),
        inventory=inventory,
        hostvars={"one": {"word": "first"}, "two": {"word": "second"}},
        limit=["one", "two"],
    )
    assert said(result) == {"one": "said first", "two": "said second"}


def test_the_stations_environment_is_not_left_in_the_run_folder(
    station: Station, playbook: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_STATION", "tell-nobody")
    result = runner.run_playbook(station, playbook=playbook(SAY))
    assert list(result.folder.glob("artifacts/*/job_events/*"))
    assert list(result.folder.glob("artifacts/*/command")) == []
    for path in result.folder.rglob("*"):
        assert not path.is_file() or b"tell-nobody" not in path.read_bytes()


def test_run_folders_are_for_their_owner_only(station: Station, playbook: Write) -> None:
    result = runner.run_playbook(station, playbook=playbook(SAY))
    assert result.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("error", [RuntimeError("drawing failed"), OSError("drawing failed")])
def test_an_error_in_the_display_is_raised_after_the_play_has_ended(
    station: Station, playbook: Write, tmp_path: Path, error: Exception
) -> None:
    tasks = SAY + f"- ansible.builtin.copy:\n    content: done\n    dest: {tmp_path}/proof\n"
    calls: list[str] = []

    def draw(event: runner.Event) -> None:
        calls.append(event["event"])
        raise error

    with pytest.raises(type(error), match="drawing failed"):
        runner.run_playbook(station, playbook=playbook(tasks), on_event=draw, run_id="r")
    assert len(calls) == 1
    assert (tmp_path / "proof").read_text() == "done"
    saved = list((station.runs / "r").glob("*/artifacts/*/job_events/*.json"))
    events = [json.loads(path.read_text())["event"] for path in saved]
    assert "playbook_on_stats" in events


def test_a_failed_task_and_a_host_that_is_not_there(
    station: Station, playbook: Write, tmp_path: Path
) -> None:
    inventory = tmp_path / "mixed.ini"
    inventory.write_text(
        "good ansible_connection=local\n"
        "bad ansible_connection=local word=no\n"
        "gone ansible_host=127.0.0.1 ansible_port=1\n"
        "[all:vars]\nansible_python_interpreter=/usr/bin/python3\n"
    )
    tasks = (
        "- ansible.builtin.command: 'true'\n"
        "- ansible.builtin.assert:\n    that: word is undefined\n"
    )
    result = runner.run_playbook(station, playbook=playbook(tasks), inventory=inventory)
    assert result.rc != 0
    found = host_results(result.events, ["good", "bad", "gone"])
    assert found["good"].reason is None
    assert "Assertion failed" in (found["bad"].reason or "")
    assert (found["gone"].reason or "").startswith("stopped answering:")


def test_a_playbook_that_is_not_there_leaves_nothing(station: Station, playbook: Write) -> None:
    playbook(SAY)
    with pytest.raises(StationError, match="is missing"):
        runner.run_playbook(station, playbook="other", inventory=Path("/x"))


def test_a_playbook_that_cannot_be_read_is_no_success(station: Station, playbook: Write) -> None:
    result = runner.run_playbook(station, playbook=playbook("- no_such_module:"))
    assert result.rc != 0
    assert not host_results(result.events, ["localhost"])["localhost"].completed


def test_where_the_run_folder_cannot_be_made_it_is_a_station_error(
    station: Station, playbook: Write
) -> None:
    station.runs.write_text("a file")
    with pytest.raises(StationError, match="cannot write the run folder"):
        runner.run_playbook(station, playbook=playbook(SAY))


def test_signal_handlers_are_as_before(station: Station, playbook: Write) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    runner.run_playbook(station, playbook=playbook(SAY))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


INTERRUPTED = """
import sys
from pathlib import Path
from netspring_provision import content, runner
from netspring_provision.config import Station
root = Path(sys.argv[2])
content.root = lambda: root
try:
    runner.run_playbook(
        Station(Path(sys.argv[1])), playbook="small",
        on_event=lambda e: print(e["event"], flush=True),
    )
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_run_and_its_children(
    station: Station, playbook: Write, number: signal.Signals
) -> None:
    mark = f"{600 + os.getpid() / 1e6:.6f}"
    playbook(f"- ansible.builtin.command: sleep {mark}")
    argv = [sys.executable, "-c", INTERRUPTED, str(station.home), str(content.root())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "runner_on_start":
                break
        wait_until(lambda: running(mark))
        process.send_signal(number)
        assert process.wait(timeout=30) == 130
    wait_until(lambda: not running(str(station.home)))
    assert list(station.runs.glob("*/*/artifacts/*/command")) == []
    wait_until(lambda: not running(mark))


def test_what_a_killed_run_leaves_is_ended_by_the_next(station: Station, playbook: Write) -> None:
    mark = f"{700 + os.getpid() / 1e6:.6f}"
    playbook(f"- ansible.builtin.command: sleep {mark}")
    argv = [sys.executable, "-c", INTERRUPTED, str(station.home), str(content.root())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: running(mark))
        process.kill()
    assert running(mark), "nothing was left; the test proves nothing"
    (run,) = station.runs.iterdir()
    runner.end_what_is_left(station, run.name)
    wait_until(lambda: not running(mark))
    wait_until(lambda: not running(str(station.home)))
    assert list(station.runs.glob("*/*/artifacts/*/command")) == []
    runner.end_what_is_left(station, "../" + run.name)  # what no run is called is left alone


def running(mark: str) -> list[int]:
    """Processes, other than this one, whose command line holds the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if mark in text and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.usefixtures("playbook")
def test_an_inventory_is_read(inventory: Path) -> None:
    data = runner.inventory_list(inventory)
    assert data["front"]["hosts"] == ["one"]
    assert data["_meta"]["hostvars"]["two"]["ansible_connection"] == "local"


@pytest.mark.usefixtures("playbook")
def test_reading_an_inventory_leaves_no_trace(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    runner.inventory_list(inventory)
    assert list(shared.iterdir()) == []


@pytest.mark.usefixtures("playbook")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("broken.yml", "all: [unclosed"),
        ("wrong.yml", "just a sentence"),
        ("missing.yml", None),
        ("script.py", "#!/bin/sh\necho nonsense\n"),
        ("failing.py", "#!/bin/sh\necho 'it broke' >&2\nexit 1\n"),
    ],
)
def test_an_inventory_that_ansible_cannot_read_is_a_usage_error(
    tmp_path: Path, name: str, text: str | None
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
        path.chmod(0o755)
    with pytest.raises(UsageError, match="cannot read the inventory") as caught:
        runner.inventory_list(path)
    assert "ansible-inventory -i" in (caught.value.hint or "")


def test_known_hosts_of_a_home_with_a_space_is_one_option(station: Station) -> None:
    """As ssh itself understands what Ansible hands on."""
    import shlex

    words = shlex.split(runner.ssh_common_args(station))
    done = subprocess.run(["ssh", "-G", *words, "pc1"], capture_output=True, text=True, check=True)
    options = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert options["userknownhostsfile"].strip('"') == str(station.known_hosts)
    assert options["stricthostkeychecking"] in ("true", "yes")
    assert options["globalknownhostsfile"] == "/dev/null"
