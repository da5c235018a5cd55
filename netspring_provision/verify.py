"""Runs the shipped checks against machines that booted their own disk, all at once.

Each machine gets a pytest process of its own, which reaches it over one SSH connection with the
station's strict known_hosts. What counts is the JUnit file and the machine's own proof in it,
never the exit code alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from netspring_provision.checks import catalogue, connection
from netspring_provision.checks.catalogue import Words
from netspring_provision.checks.expectation import Expectation
from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.hosts import Host
from netspring_provision.report import junit
from netspring_provision.verdict import MachineVerdict, Standing, judge, told_apart

CHECKS = catalogue.HERE
AT_ONCE = 16
REACH_SECONDS = 90
# A good PC needs 3 minutes. An emulated one of `studio` on a busy station needs ten times that.
LIMIT_SECONDS = 2600


@dataclass(frozen=True)
class Progress:
    """One check of one machine has ended.

    Attributes:
        done: checks of this machine that have ended.
        total: checks of this machine.
    """

    host: str
    check: str
    ask: Words
    outcome: str
    done: int
    total: int


OnProgress = Callable[[Progress], None]


def verify(
    station: Station,
    hosts: Sequence[Host],
    expectations: Mapping[str, Expectation],
    run_folder: Path,
    on_progress: OnProgress | None = None,
    *,
    reach_seconds: float = REACH_SECONDS,
    limit_seconds: float = LIMIT_SECONDS,
) -> tuple[MachineVerdict, ...]:
    """Check all machines at once; one verdict for each, in the order of ``hosts``.

    Args:
        station: its key and known_hosts are used.
        hosts: the machines.
        expectations: what each must be, by inventory name.
        run_folder: gets ``verify/<machine>/`` with JUnit, facts, log and pictures, and
            ``verify/junit.xml`` for all.
        on_progress: called after each check, from several threads but never twice at a time.
        reach_seconds: how long a machine may take to answer SSH.
        limit_seconds: how long the checks of one machine may take.

    Raises:
        StationError: ssh is not installed.
        KeyError: a machine has no expectation.
    """
    if shutil.which("ssh") is None:
        raise StationError("ssh is not installed", hint="apt-get install openssh-client")
    wanted = [(host, expectations[host.name]) for host in hosts]
    lock = threading.Lock()
    running = _Running()

    def one_by_one(progress: Progress) -> None:
        if on_progress is not None:
            with lock:
                on_progress(progress)

    def check(pair: tuple[Host, Expectation]) -> MachineVerdict:
        host, expected = pair
        folder = run_folder / "verify" / host.name
        attempt = _Attempt(station, host, expected, folder, one_by_one, running)
        return attempt.verdict(reach_seconds, limit_seconds)

    with ThreadPoolExecutor(max_workers=max(1, min(AT_ONCE, len(wanted)))) as pool:
        try:
            verdicts = told_apart(pool.map(check, wanted))
        except BaseException:  # Ctrl-C: nothing of ours goes on running behind the person's back
            running.end_all()
            pool.shutdown(cancel_futures=True)
            raise
    (run_folder / "verify").mkdir(parents=True, exist_ok=True)
    junit.write(verdicts, run_folder / "verify" / "junit.xml")
    return verdicts


class _Running:
    """The pytest processes that run now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self.stop = threading.Event()

    @contextlib.contextmanager
    def hold(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        with self._lock:
            self._processes.add(process)
        try:
            yield
        finally:
            with self._lock:
                self._processes.discard(process)

    def end_all(self) -> None:
        self.stop.set()
        with self._lock:
            for process in self._processes:
                process.terminate()


@dataclass(frozen=True)
class _Attempt:
    """The verification of one machine."""

    station: Station
    host: Host
    expected: Expectation
    folder: Path
    on_progress: OnProgress
    running: _Running

    def verdict(self, reach_seconds: float, limit_seconds: float) -> MachineVerdict:
        began = time.monotonic()
        # What an earlier run left must not be taken for the result of this one.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        # Socket names may have 104 letters only, so the control socket is not in the run folder.
        with tempfile.TemporaryDirectory(prefix="netspring-") as sockets:
            config = self.folder / "ssh_config"
            socket = Path(sockets) / "master"
            config.write_text(connection.ssh_config(self.station, self.host, socket))
            try:
                trouble = connection.reach(config, reach_seconds, self.running.stop)
                if trouble is not None:
                    return self._ended(Standing.UNREACHABLE, trouble, began)
                return self._checked(config, limit_seconds, began)
            finally:
                connection.run(config, "-O", "exit", connection.ALIAS)

    def _checked(self, config: Path, limit_seconds: float, began: float) -> MachineVerdict:
        nonce = secrets.token_hex(16)
        expectation = self.folder / "expectation.json"
        self.expected.save(expectation)
        results = self.folder / "junit.xml"
        code = self._pytest(
            checks_argv(config, expectation, results, nonce, self.folder), limit_seconds
        )
        if code is None:
            words = catalogue.reason("too_long", minutes=round(limit_seconds / 60))
            return self._ended(Standing.BROKEN, words, began)
        try:
            cases = junit.read_cases(results)
        except ValueError:
            words = catalogue.reason("broke_off", code=code, log=self.folder / "pytest.log")
            return self._ended(Standing.BROKEN, words, began)
        standing, reason, checks = judge(self.expected, cases, code, nonce)
        machine = {
            name: value
            for case in cases
            for name, value in case.properties.items()
            if name.startswith("machine_")
        }
        screenshot = self.folder / "screenshot.png"
        pictures = (
            (app.name, self.folder / f"{app.name}.png") for app in self.expected.features.apps
        )
        kept = self.folder / "facts.json"
        facts = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
        return MachineVerdict(
            host=self.host.name,
            profile=self.expected.profile,
            standing=standing,
            reason=reason,
            checks=checks,
            seconds=round(time.monotonic() - began, 1),
            folder=self.folder,
            screenshot=screenshot if screenshot.is_file() else None,
            pictures=tuple((name, path) for name, path in pictures if path.is_file()),
            machine=machine,
            image=(facts.get("image") or {}).get("name"),
            facts=facts,
        )

    def _ended(self, standing: Standing, reason: Words, began: float) -> MachineVerdict:
        seconds = round(time.monotonic() - began, 1)
        return MachineVerdict(
            self.host.name, self.expected.profile, standing, reason, (), seconds, self.folder
        )

    def _pytest(self, argv: list[str], limit_seconds: float) -> int | None:
        """Run pytest and pass its progress on; its exit code, or ``None`` if it took too long."""
        reader, writer = os.pipe()
        total = len(self.expected.required)
        with (self.folder / "pytest.log").open("wb") as log, os.fdopen(reader) as lines:
            try:
                process = subprocess.Popen(  # noqa: S603
                    [*argv, f"--netspring-progress-fd={writer}"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    pass_fds=(writer,), env=checks_environment(), cwd=self.folder,
                )  # fmt: skip
            finally:
                os.close(writer)
            with self.running.hold(process):
                timer = threading.Timer(limit_seconds, process.kill)
                timer.start()
                try:
                    for done, line in enumerate(lines, 1):
                        self._tell(line, done, total)
                    code = process.wait()
                finally:
                    late = not timer.is_alive()
                    timer.cancel()
        return None if late else code

    def _tell(self, line: str, done: int, total: int) -> None:
        entry = json.loads(line)
        ask = catalogue.text_for(entry["check"], self.expected.profile).ask
        self.on_progress(
            Progress(self.host.name, entry["check"], ask, entry["outcome"], done, total)
        )


def checks_argv(config: Path, expectation: Path, results: Path, nonce: str, out: Path) -> list[str]:
    """The command that checks one machine."""
    return [
        sys.executable, "-m", "pytest", "-c", str(CHECKS / "pytest.ini"),
        "--rootdir", str(CHECKS), "-p", "testinfra.plugin", "-v",
        f"--hosts=ssh://{connection.ALIAS}", f"--ssh-config={config}", f"--junit-xml={results}",
        f"--netspring-expectation={expectation}", f"--netspring-nonce={nonce}",
        f"--netspring-out={out}", str(CHECKS),
    ]  # fmt: skip


def checks_environment() -> dict[str, str]:
    """The station's environment without what would change pytest's ways."""
    kept = {name: val for name, val in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
