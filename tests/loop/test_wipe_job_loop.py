"""A whole job in real processes: several disks, signals, a second run, another plan."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import blocks, job, launch, progress
from ansible.module_utils.netspring_erase.failures import RefusedError
from ansible.module_utils.netspring_erase.probe import Probe
from loop_devices import TOKEN, UUID, Loop, probe_of

pytestmark = pytest.mark.loop
MIB = 1 << 20
Make = Callable[..., Loop]


class Forked:
    """Stands in for systemd: starts the job in a process of its own, with the test's probe."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.process: Any = None
        self.units: list[str] = []

    def __call__(self, unit: str, folder: Path) -> Said:
        self.units.append(unit)
        self.process = job.CONTEXT.Process(target=_run_and_exit, args=(folder, self.probe))
        self.process.start()
        return Said(("fork",), 0, "", "")

    def family(self) -> list[int]:
        """The job's process, then those of its disks."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [parent, *map(int, children.split())]


def _run_and_exit(folder: Path, probe: Probe) -> None:
    sys.exit(job.run(folder, probe))


def machine_of(*loops: Loop) -> dict[str, Any]:
    return {
        "host": "pc1",
        "uuid": UUID,
        "boot_id": "boot",
        "disks": [loop.planned() for loop in loops],
    }


def start(root: Path, plan_id: str, starter: Forked, *loops: Loop, begin: bool = True) -> bool:
    return launch.start(
        plan_id,
        machine_of(*loops),
        TOKEN,
        may_begin=begin,
        root=root,
        probe=starter.probe,
        starter=starter,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "wipe"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write takes a little longer, so that there is a middle to interrupt."""
    write = blocks.write_at

    def slowly(descriptor: int, data: memoryview, offset: int) -> None:
        time.sleep(0.2)
        write(descriptor, data, offset)

    monkeypatch.setattr(blocks, "write_at", slowly)
    monkeypatch.setattr(progress, "INTERVAL", 0.05)


def until_phase(root: Path, plan_id: str, phase: str) -> dict[str, Any]:
    """Wait until every disk is in ``phase`` and has moved on in it."""
    for _ in range(600):
        found = launch.snapshot(plan_id, root)
        assert not found["finished"], found
        if all(item["phase"] == phase and item["offset"] for item in found["items"]):
            return found
        time.sleep(0.05)
    raise AssertionError(f"never {phase}: {found}")


def test_two_disks_at_once_one_refused(loops: Make, root: Path) -> None:
    """A disk that is refused does not stop the other."""
    good, shut = loops(48 * MIB, "GOOD"), loops(32 * MIB, "SHUT")
    before = shut.sha256()
    uses = {shut.name: [{"kind": "raid", "detail": "held by md0"}]}
    starter = Forked(probe_of(good, shut, uses=lambda name: uses.get(name, [])))
    assert start(root, "p1", starter, good, shut) is True
    result = launch.wait("p1", 60, root)
    assert result["kind"] == "wipe"
    assert [disk["outcome"] for disk in result["disks"]] == ["erased", "refused"]
    assert "raid: held by md0" in result["disks"][1]["reason"]
    assert good.is_zero()
    assert shut.sha256() == before
    starter.process.join()
    assert starter.process.exitcode == 1
    # The same plan again in the same boot: the same result, and nothing begun.
    assert start(root, "p1", starter, good, shut, begin=False) is False
    assert launch.snapshot("p1", root) == result
    assert starter.units == ["netspring-wipe-p1"]


def test_a_disk_that_was_not_erased_is_tried_again_in_the_same_boot(
    loops: Make, root: Path
) -> None:
    """What was proven is not done again; a refusal of then is not given back from memory."""
    good, shut = loops(16 * MIB, "GOOD"), loops(16 * MIB, "SHUT")
    uses = {shut.name: [{"kind": "mounted", "detail": "on /mnt"}]}
    starter = Forked(probe_of(good, shut, uses=lambda name: uses.get(name, [])))
    assert start(root, "p1", starter, good, shut) is True
    first = launch.wait("p1", 60, root)["disks"]
    assert [disk["outcome"] for disk in first] == ["erased", "refused"]
    starter.process.join()
    uses.clear()
    assert start(root, "p1", starter, good, shut) is True
    again = launch.wait("p1", 60, root)["disks"]
    assert [disk["outcome"] for disk in again] == ["erased", "erased"]
    assert again[0] == first[0]
    assert shut.is_zero()
    starter.process.join()
    assert start(root, "p1", starter, good, shut) is False
    assert len(starter.units) == 2


def test_a_disk_that_is_gone_keeps_the_outcomes_of_then(loops: Make, root: Path) -> None:
    """The other disk's proof is not lost because this one has been taken out meanwhile."""
    good, shut = loops(16 * MIB, "GOOD"), loops(16 * MIB, "SHUT")
    uses = {shut.name: [{"kind": "mounted", "detail": "on /mnt"}]}
    starter = Forked(probe_of(good, shut, uses=lambda name: uses.get(name, [])))
    start(root, "p1", starter, good, shut)
    first = launch.wait("p1", 60, root)
    starter.process.join()
    alone = Forked(probe_of(good))
    assert start(root, "p1", alone, good, shut) is False
    assert alone.units == []
    assert launch.snapshot("p1", root) == first


@pytest.mark.usefixtures("slow")
def test_progress_pick_up_and_another_plan(loops: Make, root: Path) -> None:
    loop = loops(64 * MIB)
    starter = Forked(probe_of(loop))
    assert start(root, "p1", starter, loop) is True
    item = until_phase(root, "p1", "overwriting")["items"][0]
    assert item["id"] == loop.serial
    assert item["size"] == loop.size
    assert item["rate_bps"] > 0
    # A second run of the same plan picks it up, even when the plan has expired meanwhile.
    assert start(root, "p1", starter, loop, begin=False) is False
    with pytest.raises(RefusedError, match="worked on by plan p1"):
        start(root, "p2", starter, loop)
    assert not (root / "p2").exists()
    assert launch.wait("p1", 60, root)["disks"][0]["outcome"] == "erased"
    assert loop.is_zero()


@pytest.mark.usefixtures("slow")
def test_sigterm_in_the_middle_is_failed(loops: Make, root: Path) -> None:
    loop = loops(96 * MIB)
    starter = Forked(probe_of(loop))
    start(root, "p1", starter, loop)
    until_phase(root, "p1", "overwriting")
    starter.process.terminate()
    entry = launch.wait("p1", 60, root)["disks"][0]
    assert entry["outcome"] == "failed"
    assert "aborted" in entry["reason"]
    assert not loop.is_zero()


@pytest.mark.usefixtures("slow")
def test_sigkill_has_no_outcome_and_a_second_run_ends_well(loops: Make, root: Path) -> None:
    loop, done = loops(96 * MIB, "LONG"), loops(8 * MIB, "SHORT")
    starter = Forked(probe_of(loop, done))
    start(root, "p1", starter, loop, done)
    finished = job.result_file(root / "p1", "SHORT")
    while not finished.exists():
        time.sleep(0.05)
    for pid in starter.family():
        os.kill(pid, signal.SIGKILL)
    starter.process.join()
    entries = launch.wait("p1", 30, root)["disks"]
    assert [entry["outcome"] for entry in entries] == ["failed", "erased"]
    assert "no outcome" in entries[0]["reason"]
    assert not loop.is_zero()
    first = finished.read_text()
    assert start(root, "p1", starter, loop, done) is True
    result = launch.wait("p1", 60, root)
    assert [entry["outcome"] for entry in result["disks"]] == ["erased", "erased"]
    assert loop.is_zero()
    assert finished.read_text() == first  # what was proven is not done again


@pytest.mark.usefixtures("slow")
def test_second_run_may_name_only_what_is_left(loops: Make, root: Path) -> None:
    """The station leaves out what its ledger holds as erased."""
    done, loop = loops(8 * MIB, "SHORT"), loops(96 * MIB, "LONG")
    starter = Forked(probe_of(done, loop))
    start(root, "p1", starter, done, loop)
    while not job.result_file(root / "p1", "SHORT").exists():
        time.sleep(0.05)
    for pid in starter.family():
        os.kill(pid, signal.SIGKILL)
    starter.process.join()
    launch.wait("p1", 30, root)
    assert start(root, "p1", starter, loop) is True
    result = launch.wait("p1", 60, root)
    assert [(e["serial"], e["outcome"]) for e in result["disks"]] == [("LONG", "erased")]
    assert loop.is_zero()


@pytest.mark.usefixtures("slow")
def test_killed_disk_process_is_failed(loops: Make, root: Path) -> None:
    """The job itself lives on and reports the disk whose process died."""
    loop = loops(96 * MIB)
    starter = Forked(probe_of(loop))
    start(root, "p1", starter, loop)
    until_phase(root, "p1", "overwriting")
    os.kill(starter.family()[1], signal.SIGKILL)
    entry = launch.wait("p1", 60, root)["disks"][0]
    assert entry["outcome"] == "failed"
    assert "no outcome" in entry["reason"]
    assert json.loads((root / "p1/result.json").read_text())["disks"] == [entry]


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        ({"disks": []}, "no disk"),
        ({"uuid": "99999999-2222-3333-4444-555555555555"}, "the plan is for"),
        ({"disks": [{"path": "/dev/x", "size_bytes": 1, "method": "overwrite"}]}, "no serial"),
        ({"disks": [{"path": "/dev/x", "size_bytes": 1, "method": "shred"}]}, "method"),
    ],
)
def test_a_bad_plan_starts_nothing(
    loops: Make, root: Path, plan: dict[str, Any], word: str
) -> None:
    loop = loops(16 * MIB)
    before, starter = loop.sha256(), Forked(probe_of(loop))
    with pytest.raises(RefusedError, match=word):
        launch.start(
            "p1",
            machine_of(loop) | plan,
            TOKEN,
            may_begin=True,
            root=root,
            probe=starter.probe,
            starter=starter,
        )
    assert starter.units == []
    assert loop.sha256() == before


@pytest.mark.parametrize("plan_id", ["../p1", "", "a b", ".hidden", "x" * 65])
def test_a_plan_id_is_a_plain_word(loops: Make, root: Path, plan_id: str) -> None:
    starter = Forked(probe_of())
    with pytest.raises(RefusedError, match="plain word"):
        start(root, plan_id, starter, loops(16 * MIB))
    assert starter.units == []


def test_expired_plan_starts_nothing(loops: Make, root: Path) -> None:
    loop = loops(16 * MIB)
    before, starter = loop.sha256(), Forked(probe_of(loop))
    with pytest.raises(RefusedError, match="expired"):
        start(root, "p1", starter, loop, begin=False)
    assert starter.units == []
    assert loop.sha256() == before


def test_one_changed_disk_refuses_the_whole_machine(loops: Make, root: Path) -> None:
    one, two = loops(16 * MIB, "ONE"), loops(16 * MIB, "TWO")
    before = (one.sha256(), two.sha256())
    machine = machine_of(one, two)
    machine["disks"][1]["serial"] = "GONE"
    starter = Forked(probe_of(one, two))
    with pytest.raises(RefusedError, match="GONE was planned"):
        launch.start(
            "p1", machine, TOKEN, may_begin=True, root=root, probe=starter.probe, starter=starter
        )
    assert starter.units == []
    assert (one.sha256(), two.sha256()) == before


def test_nothing_is_known_of_a_plan_that_was_never_begun(root: Path) -> None:
    with pytest.raises(RefusedError, match="not begun"):
        launch.snapshot("p1", root)


def test_memory_does_not_grow_with_the_disk(loops: Make, root: Path) -> None:
    """Peak memory of the disk's process, in KiB, is the same for 32 and for 256 MiB."""
    peaks = []
    for size in (32, 256):
        loop = loops(size * MIB, f"S{size}")
        order = {"plan_id": f"p{size}", "boot_id": "b", "token_sha256": TOKEN}
        folder = root / f"p{size}"
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps(order | {"machine": machine_of(loop)}))
        told = folder / "peak"
        process = job.CONTEXT.Process(target=_peak, args=(folder, probe_of(loop), told))
        process.start()
        process.join()
        peaks.append(int(told.read_text()))
    assert abs(peaks[1] - peaks[0]) < 16 * 1024


def _peak(folder: Path, probe: Probe, told: Path) -> None:
    import resource

    planned = json.loads((folder / "job.json").read_text())["machine"]
    from ansible.module_utils.netspring_erase import disk
    from ansible.module_utils.netspring_erase.progress import Progress

    order = disk.Order(planned, planned["disks"][0], TOKEN)
    entry = disk.erase(order, probe, Progress(), threading.Event())
    assert entry["outcome"] == "erased"
    told.write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
