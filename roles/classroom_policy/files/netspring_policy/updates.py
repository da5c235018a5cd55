"""``netspring-updates``: security updates when there is internet, and never during class.

netspring-updates        what the timer runs: only in the hours that the classroom's settings allow
netspring-updates now    a teacher asks for it, whatever the hour

It works with Debian's unattended-upgrades. Sources, lists and packages are there only while it
runs. When the PC is switched off, or the hours end, the package at work is brought to its end and
no other is begun. /var/lib/netspring/updates.json tells how the last run ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from netspring_classroom.files import read, write
from netspring_classroom.settings import mended
from netspring_classroom.system import System, run

from netspring_policy.sources import DEBIAN, Mirrors, SourcesError, apt_conf, codename, lines

FOLDER = "var/cache/netspring-updates"
MIRRORS = "etc/netspring/updates.json"
RESULT = "var/lib/netspring/updates.json"
LOCK = "run/netspring-updates.lock"
# A kernel and its initrd, twice, beside what is being unpacked.
ROOM_BYTES = 1 << 30
OK, FAILED, USAGE = 0, 1, 2


class UpdateError(Exception):
    """No updates; the sentence is for the teacher."""


@dataclass
class Run:
    """One run.

    Attributes:
        system: the PC.
        until: when the hours end; ``None`` where a teacher asked for it.
        stopped: whether the PC is being switched off.
    """

    system: System
    until: datetime | None = None
    stopped: bool = False
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def stop(self, *_: object) -> None:
        """Begin nothing new; unattended-upgrade ends after the package at work."""
        self.stopped = True
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)

    def call(self, *argv: str) -> int:
        """Run a program of apt with our sources, and stop it when the time is over."""
        if self.stopped or (self.until and datetime.now().astimezone() >= self.until):
            raise UpdateError("stopped before it was done; it goes on another day")
        conf = self.system.at(FOLDER) / "apt.conf"
        env = os.environ | {"APT_CONFIG": str(conf), "LC_ALL": "C.UTF-8"}
        # A session of its own: only this program decides when it is stopped.
        self.child = subprocess.Popen(argv, env=env, start_new_session=True)  # noqa: S603 - apt's own
        while True:
            try:
                return self.child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                if self.until and not self.stopped and datetime.now().astimezone() >= self.until:
                    self.stop()


def end_of_hours(hours: list[int], now: datetime) -> datetime | None:
    """When the hours that hold ``now`` end; ``None`` outside of them.

    Args:
        hours: from and to, full hours of the PC's clock; over midnight where the first is later,
            never where both are equal.
        now: of the PC's clock.
    """
    begin, end = hours
    inside = begin <= now.hour < end if begin <= end else now.hour >= begin or now.hour < end
    if not inside:
        return None
    ends = now.replace(hour=end, minute=0, second=0, microsecond=0)
    return ends if ends > now else ends + timedelta(days=1)


def update(run: Run) -> str:
    """Fetch and install; returns what was done, in a sentence.

    Raises:
        UpdateError: nothing, or not all, was installed.
        OSError: the disk is full or broken.
    """
    system = run.system
    if shutil.disk_usage(system.root).free < ROOM_BYTES:
        raise UpdateError("the disk is too full for updates (1 GB is needed)")
    folder = system.at(FOLDER)
    try:
        given = json.loads(read(system.at(MIRRORS)) or "{}")
        mirrors = Mirrors(str(given.get("mirror", "")), str(given.get("security_mirror", "")))
        name = codename(read(system.at("etc/os-release")) or "")
        sources = lines(mirrors, name, read(system.at(DEBIAN)) or "")
    except (SourcesError, ValueError, AttributeError) as error:
        raise UpdateError(str(error)) from error
    with emptied(folder):
        write(folder / "sources.list", "\n".join(sources) + "\n")
        write(folder / "apt.conf", apt_conf(folder))
        if run.call("/usr/bin/apt-get", "-q", "update") != 0:
            raise UpdateError("no server for updates can be reached; is there internet?")
        before = versions()
        code = run.call("/usr/bin/unattended-upgrade", "-v")
        installed = sum(1 for package, version in versions().items() if before[package] != version)
        if run.stopped:
            raise UpdateError(f"stopped after {installed} packages; it goes on another day")
        if code != 0:
            raise UpdateError("see /var/log/unattended-upgrades/unattended-upgrades.log")
        return f"{installed} packages were brought up to date"


def versions() -> dict[str, str]:
    """Version of each package that is installed; of others an empty one."""
    done = run("/usr/bin/dpkg-query", "-W", "-f", "${Package}:${Architecture} ${Version}\n")
    done.check_returncode()
    found = _Versions()
    found.update(line.split(" ", 1) for line in done.stdout.splitlines())
    return found


class _Versions(dict[str, str]):
    def __missing__(self, package: str) -> str:
        return ""


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Apt's folder, empty before and gone after, whatever happens."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one at a time.

    Raises:
        UpdateError: another one is at work.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpdateError("updates are being installed already") from None
        yield


def main(
    words: list[str],
    system: System | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
) -> int:
    """Run the program; returns its exit code."""
    if words not in ([], ["now"]):
        print((__doc__ or "").partition("\n\n")[2], file=sys.stderr)
        return USAGE
    system = system or System()
    until = None
    if not words:
        until = end_of_hours(mended(read(system.settings))["update_hours"], clock())
        if until is None:
            return OK
    run = Run(system, until)
    signal.signal(signal.SIGTERM, run.stop)
    try:
        with alone(system.at(LOCK)):
            said, good = update(run), True
    except UpdateError as error:
        said, good = str(error), False
    except OSError as error:
        said, good = f"the disk is full or broken: {error}", False
    print(f"netspring-updates: {said}", file=sys.stdout if good else sys.stderr)
    _remember(system, said, good=good)
    # A room without internet is no failure; a teacher who asked wants to know.
    return OK if good or not words else FAILED


def _remember(system: System, said: str, *, good: bool) -> None:
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    told = {"schema": 1, "when": when, "good": good, "said": said}
    try:
        write(system.at(RESULT), json.dumps(told, indent=1) + "\n")
    except OSError as error:
        print(f"netspring-updates: {RESULT}: {error}", file=sys.stderr)
