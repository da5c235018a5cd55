"""What a program says at its end becomes an error that a person can act upon."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from netspring_provision.errors import MachineFailedError, StationError
from netspring_provision.image import command

# As apt 3.0 and mmdebstrap 1.3 said it here, with the mirror's name changed.
UNREACHABLE = """\
Err:1 http://m.example/debian trixie InRelease
  Could not connect to m.example:80 (192.0.2.1). - connect (111: Connection refused)
E: Failed to fetch http://m.example/debian/dists/trixie/InRelease  Could not connect to m.example:80
E: Some index files failed to download. They have been ignored, or old ones used instead.
E: mmdebstrap failed to run
"""
GONE = (
    "E: Failed to fetch http://m.example/debian/pool/main/d/dash/dash_0.5_amd64.deb"
    "  404  Not Found [IP: 192.0.2.1 80]\n"
)
FULL = """\
dpkg: error processing archive /var/cache/apt/archives/chromium_156_amd64.deb (--unpack):
 cannot copy extracted data for './usr/lib/x': failed to write (No space left on device)
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""
FULL_BEFORE = """\
E: You don't have enough free space in /home/s/cache/image/work-a/root/var/cache/apt/archives/.
E: apt download failed: E: apt-get --yes install failed
"""
DPKG = """\
Setting up lightdm (1.32.0-6+b2) ...
dpkg: error processing package lightdm (--configure):
 installed lightdm package post-installation script subprocess returned error exit status 1
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""


@pytest.mark.parametrize("said", [UNREACHABLE, GONE], ids=["unreachable", "gone"])
def test_a_mirror_that_fails_is_the_stations_lack(said: str) -> None:
    error = command.explain("mmdebstrap", said)
    assert isinstance(error, StationError)
    assert "mirror" in error.message
    assert "m.example" in error.message
    assert "goes on from what was downloaded" in str(error.hint)


@pytest.mark.parametrize("said", [FULL, FULL_BEFORE], ids=["unpacking", "downloading"])
def test_a_full_disk_is_told_as_such_and_not_as_a_broken_package(said: str) -> None:
    error = command.explain("applying the roles", said)
    assert isinstance(error, StationError)
    assert "full" in error.message
    assert "df -h" in str(error.hint)


# As the role scratch says it, with npm 11's words after the colon.
NO_REGISTRY = """\
Fetch Scratch on the station and take out what a child does not need: npm could not fetch \
@scratch/scratch-gui@15.2.0: npm error code ENOTFOUND npm error syscall getaddrinfo
E: Failed to fetch
"""
NO_NPM = (
    "Fetch Scratch: npm is not installed on this station, @scratch/scratch-gui cannot be fetched"
)


@pytest.mark.parametrize(
    ("said", "words", "mend"),
    [
        (NO_REGISTRY, ("npm registry", "ENOTFOUND"), "npm ping"),
        (NO_NPM, ("Scratch cannot be fetched",), "apt-get install npm"),
    ],
    ids=["registry", "npm"],
)
def test_scratch_that_cannot_be_fetched_is_the_stations_lack(
    said: str, words: tuple[str, ...], mend: str
) -> None:
    error = command.explain("applying the roles", said)
    assert isinstance(error, StationError)
    assert [word for word in words if word not in error.message] == []
    assert mend in str(error.hint)


def test_other_failures_tell_the_cause_before_its_consequences() -> None:
    error = command.explain("applying the roles", DPKG)
    assert isinstance(error, MachineFailedError)
    assert "dpkg: error processing package lightdm" in error.message


def test_silence_is_told_too() -> None:
    assert "it said nothing" in command.explain("mke2fs", " \n").message


def test_a_missing_program_names_its_package(allow_subprocess: Callable[..., None]) -> None:
    allow_subprocess("mmdebstrap")
    with pytest.raises(StationError) as caught:
        command.run(["/nowhere/mmdebstrap"], {}, "mmdebstrap")
    assert caught.value.hint == "apt-get install mmdebstrap"


def test_nothing_of_the_persons_own_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_SECRET", "x")
    env = command.environment(7)
    assert env["SOURCE_DATE_EPOCH"] == "7"
    assert env["LC_ALL"] == "C.UTF-8"
    assert "HTTP_SECRET" not in env


def test_a_program_that_ends_its_whole_group_does_not_end_us(
    allow_subprocess: Callable[..., None],
) -> None:
    """As mmdebstrap does when it fails; it was seen to take the build along.

    It sends SIGHUP, which nobody gets below nohup(1); a test must end there too.
    """
    allow_subprocess("sh")
    with pytest.raises(MachineFailedError, match="sh failed: E: first"):
        command.run(["sh", "-c", "echo E: first >&2; kill -TERM 0"], command.environment(), "dash")


def wait_until(true: Callable[[], bool]) -> None:
    """A busy computer may take long to start a shell."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def test_an_interrupt_ends_the_program_and_what_it_started(
    allow_subprocess: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    allow_subprocess("sh")
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    script = f"(trap 'echo > {ended}; exit' TERM; echo > {ready}; sleep 60 & wait) & wait"

    def interrupted(*_: object, **__: object) -> NoReturn:
        wait_until(ready.exists)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.run(["sh", "-c", script], command.environment(), "dash")
    wait_until(ended.exists)
