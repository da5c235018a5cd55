"""A job that is told to stop in its first moment: every disk still gets an outcome."""

from __future__ import annotations

import os
import signal
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.module_utils.netspring_erase import job, launch
from loop_devices import Loop, probe_of
from test_wipe_job_loop import Forked, start

pytestmark = pytest.mark.loop
MIB = 1 << 20
REAL = job.CONTEXT


class Sudden(REAL.Process):  # type: ignore[name-defined,misc]
    """A disk's process; the job is told to stop as soon as that lives."""

    def start(self) -> None:
        super().start()
        os.kill(os.getpid(), signal.SIGTERM)


class Started(Forked):
    """Under systemd, which stops the job alone (KillMode=mixed) and kills what it leaves behind."""

    def __call__(self, unit: str, folder: Path) -> launch.tools.Said:
        self.units.append(unit)
        self.process = REAL.Process(target=_run, args=(folder, self))
        self.process.start()
        return launch.tools.Said(("fork",), 0, "", "")


def _run(folder: Path, starter: Started) -> None:
    job.run(folder, starter.probe)


def test_a_stop_while_the_disks_are_started_is_passed_on(
    loops: Callable[..., Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "CONTEXT", types.SimpleNamespace(Process=Sudden))
    loop, other = loops(32 * MIB, "A1"), loops(32 * MIB, "A2")
    starter = Started(probe_of(loop, other))
    root = tmp_path / "wipe"
    start(root, "p1", starter, loop, other)
    starter.process.join(60)
    assert starter.process.exitcode == 0, "the job itself was ended by the signal"
    result = launch.wait("p1", 30, root)
    for entry in result["disks"]:
        assert entry["outcome"] == "failed"
        assert entry["reason"].startswith("aborted:")
