"""The whole way of ``verify``: real pytest, real testinfra, and an ssh that plays the machine.

The ssh on PATH answers with what a virtual PC answered to the very same command, so that every
way in which a machine or a connection can go wrong is tried without one.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import check_samples as samples
import pytest

from netspring_provision import verify
from netspring_provision.checks import connection
from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.hosts import Host
from netspring_provision.verdict import MachineVerdict, Standing

FAKE_SSH = '''#!{python}
"""Plays the machine: reads the question out of the command, sends back what was recorded."""
import base64, hashlib, json, os, re, sys
from pathlib import Path

recorded, folder = Path({recorded!r}), Path(__file__).parent
mode = (folder / "mode").read_text()
command = sys.argv[-1]
with (folder / "log").open("a") as log:
    log.write(" ".join(sys.argv[1:])[:200] + "\\n")
if "exit" in sys.argv:
    sys.exit(0)
if mode in ("Connection refused", "Permission denied", "Host key verification failed."):
    sys.exit(print(mode, file=sys.stderr) or 255)
if command == "true":
    if mode == "hang":
        __import__("time").sleep(15)
    sys.exit(0)
what, asked = re.search(r"check.pyz.* (system|desktop) ([A-Za-z0-9+/=]+)", command).groups()
question = json.loads(base64.b64decode(asked))
profile = "lite" if question["apps"] else "core"
name = "facts" if what == "system" else "desktop"
answer = json.loads((recorded / f"{{profile}}-{{name}}.json").read_text())
answer["nonce"] = "stale" if mode == "stale" else question["nonce"]
if what == "system":
    if mode == "other":
        answer["identity"]["uuid"] = "0000"
    if mode == "sick":
        answer["units"]["failed"] = ["cron.service"]
    answer["clock"]["epoch"] = __import__("time").time()
    proof = f"{{answer['nonce']}} {{answer['identity']['uuid']}}"
    answer["proof"] = hashlib.sha256(proof.encode()).hexdigest()
elif "screen" in answer:
    answer["screen"]["png"] = base64.b64encode(b"\\x89PNG\\r\\n\\x1a\\n").decode()
if mode == "slow":
    __import__("time").sleep(15)
if mode == "crash":
    sys.exit(print("Traceback: no python", file=sys.stderr) or 1)
print("half an ans" if mode == "garbage" else json.dumps(answer))
'''


@pytest.fixture
def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allow_subprocess: Callable[..., None]
) -> Callable[..., MachineVerdict]:
    """``play("lite", "sick")``: the verdict over a machine that behaves in this way."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "ssh"
    fake.write_text(FAKE_SSH.format(python=sys.executable, recorded=str(samples.RECORDED)))
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    allow_subprocess("ssh", Path(sys.executable).name)

    def one(profile: str, mode: str, **options: Any) -> MachineVerdict:
        (folder / "mode").write_text(mode)
        host = Host("pc-01", "192.0.2.9", 22, "root", None, {})
        expected = {host.name: samples.expectation(profile)}
        station = Station.from_environment()
        options.setdefault("reach_seconds", 0)
        (found,) = verify.verify(station, [host], expected, tmp_path / "run", **options)
        return found

    return one


def test_a_good_machine_passes_with_pictures_and_junit(
    play: Callable[..., MachineVerdict], tmp_path: Path
) -> None:
    told: list[verify.Progress] = []
    found = play("lite", "good", on_progress=told.append)
    assert found.reason is None
    assert found.standing is Standing.PASSED
    assert found.screenshot == tmp_path / "run/verify/pc-01/screenshot.png"
    assert [p.check for p in told] == list(samples.expectation("lite").required)
    assert {p.outcome for p in told} == {"passed"}
    assert (told[-1].done, told[-1].total) == (len(told), len(told))
    properties = {
        entry.get("name"): entry.get("value")
        for case in ET.parse(found.folder / "junit.xml").iter("testcase")  # noqa: S314
        if case.get("name") == "test_clock_is_right"
        for entry in case.iter("property")
    }
    assert {"ask_zh", "ask_en", "mend_zh", "mend_en", "seen"} <= set(properties)
    merged = ET.parse(tmp_path / "run/verify/junit.xml").getroot()  # noqa: S314
    assert len(list(merged.iter("testcase"))) == len(told) + 1
    assert merged.find(".//failure") is None


def test_the_connection_is_shared_and_each_question_is_put_once(
    play: Callable[..., MachineVerdict], tmp_path: Path
) -> None:
    play("lite", "good")
    lines = (tmp_path / "bin/log").read_text().splitlines()
    assert len(lines) == 4  # true, system, desktop, exit


def test_a_core_machine_is_not_asked_about_a_desktop(
    play: Callable[..., MachineVerdict], tmp_path: Path
) -> None:
    found = play("core", "good")
    assert found.passed
    assert not [check for check in found.checks if "desktop" in check.name]
    assert len((tmp_path / "bin/log").read_text().splitlines()) == 3


def test_a_sick_machine_fails_and_the_sentence_is_in_the_junit(
    play: Callable[..., MachineVerdict], tmp_path: Path
) -> None:
    found = play("core", "sick")
    assert found.standing is Standing.FAILED
    (bad,) = found.failures
    assert bad.name == "services_are_well"
    assert "cron.service" in bad.message
    text = (tmp_path / "run/verify/junit.xml").read_text(encoding="utf-8")
    assert bad.mend.zh in text
    assert bad.mend.en in text


@pytest.mark.parametrize(
    ("mode", "standing", "words"),
    [
        ("Connection refused", Standing.UNREACHABLE, "Connection refused"),
        ("Permission denied", Standing.UNREACHABLE, "station's key"),
        (
            "Host key verification failed.",
            Standing.UNREACHABLE,
            "host key is not the one on record",
        ),
        ("other", Standing.FAILED, "very PC"),
        ("stale", Standing.FAILED, "very PC"),
        ("garbage", Standing.FAILED, "very PC"),
        ("crash", Standing.FAILED, "very PC"),
    ],
)
def test_what_goes_wrong_is_never_a_pass(
    play: Callable[..., MachineVerdict], tmp_path: Path, mode: str, standing: Standing, words: str
) -> None:
    found = play("core", mode)
    assert found.standing is standing
    assert not found.passed
    assert found.reason is not None
    assert words in found.reason.en
    root = ET.parse(tmp_path / "run/verify/junit.xml").getroot()  # noqa: S314
    assert root.find(".//error") is not None or root.find(".//failure") is not None


def test_a_machine_that_hangs_is_unreachable(
    play: Callable[..., MachineVerdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HUNG_SECONDS", 1)
    found = play("core", "hang")
    assert found.standing is Standing.UNREACHABLE
    assert "did not end" in (found.reason.en if found.reason else "")


def test_a_machine_that_takes_too_long_is_broken(play: Callable[..., MachineVerdict]) -> None:
    found = play("core", "slow", limit_seconds=2)
    assert found.standing is Standing.BROKEN
    assert found.reason is not None
    assert "minutes" in found.reason.en


def test_the_result_of_an_earlier_run_is_not_taken_for_this_ones(
    play: Callable[..., MachineVerdict],
) -> None:
    assert play("core", "good").passed
    assert not play("core", "Connection refused").passed
    assert not play("core", "slow", limit_seconds=2).passed


def test_what_the_environment_says_to_pytest_does_not_reach_the_checks(
    play: Callable[..., MachineVerdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    assert play("core", "good").passed


def test_without_ssh_the_station_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StationError) as error:
        verify.verify(Station.from_environment(), [], {}, tmp_path)
    assert "openssh-client" in str(error.value.hint)


def test_ssh_is_strict_and_asks_nothing(tmp_path: Path) -> None:
    station = Station(tmp_path / "my 100% station")
    host = Host("pc-01", "192.0.2.9", 2222, "root", None, {})
    text = connection.ssh_config(station, host, tmp_path / "s")
    lines = dict(line.strip().split(" ", 1) for line in text.splitlines()[1:])
    assert lines["StrictHostKeyChecking"] == "yes"
    assert lines["GlobalKnownHostsFile"] == "/dev/null"
    assert lines["UserKnownHostsFile"] == f'"{tmp_path}/my 100%% station/known_hosts"'
    assert lines["IdentitiesOnly"] == "yes"
    assert lines["BatchMode"] == "yes"
    assert lines["Port"] == "2222"
    own = dataclasses.replace(host, key_file=tmp_path / "k")
    assert f'IdentityFile "{tmp_path}/k"' in connection.ssh_config(station, own, tmp_path / "s")
