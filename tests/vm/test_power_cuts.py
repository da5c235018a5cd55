"""The plug is pulled at every stage of a wipe; the same command then erases the disk after all.

Three PCs lose their power in one wipe, at a tenth, at half and at nine tenths of a stage.
"""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import canaries

from netspring_provision import lab, live
from netspring_provision.config import Station
from tests.vm.conftest import Lab, kept_station
from tests.vm.interruption import Bench
from tests.vm.matrix_kit import certificates

# Twelve boots, about ten minutes: part of `make test-all`.
pytestmark = [pytest.mark.vm, pytest.mark.slow]

MIB = 1 << 20
SIZE = 128 * MIB
RATE = 4 * MIB  # bytes per second: a stage takes 32 s
CUTS = {"cut-10": 0.1, "cut-50": 0.5, "cut-90": 0.9}
LATE = 0.15  # of a stage: four requests in flight, and the time from a look to the cut
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="session")
def builds() -> Station:
    """These tests need the live environment only."""
    station = kept_station()
    live.build(station)
    station.images.mkdir(exist_ok=True)
    return station


@pytest.fixture
def bench(station_lab: Lab) -> Bench:
    """Three PCs with one dirty disk each, in the live environment."""
    for name in CUTS:
        station_lab.pc(name, "sata:128M")
    made = Bench(station_lab)
    made.power_on(*CUTS)
    return made


@pytest.mark.parametrize("stage", ["overwriting", "verifying"])
def test_power_cut_at_a_tenth_half_and_nine_tenths(bench: Bench, stage: str) -> None:
    plan = bench.lab.plan(*CUTS)
    first = {name: bench.on(name, BOOT_ID) for name in CUTS}
    slow_down(bench, stage)
    before = {name: moved(bench, name, stage) for name in CUTS}
    attempt = bench.begin(*bench.wipe(plan, *CUTS), "--json")
    with ThreadPoolExecutor(len(CUTS)) as pool:
        cuts = {name: pool.submit(cut, bench, name, stage, before[name]) for name in CUTS}
        seen = {name: each.result() for name, each in cuts.items()}
    for name, share in CUTS.items():
        assert share <= seen[name] <= share + LATE, seen
        left = lab.nonzero_bytes(bench.pc(name).disks[0].path) / SIZE
        if stage == "overwriting":
            assert 1 - share - LATE <= left <= 1 - share, (name, left)
        else:
            assert left == 0
    out, _ = attempt.end(1)
    for name, disks in json.loads(out).items():
        assert "stopped answering" in disks[0]["reason"], name
    assert not any(c.get("state") == "erased" for c in records(bench)), "a cut wipe is certified"

    bench.power_on(*CUTS)
    bench.lab.json(*bench.wipe(plan, *CUTS))
    assert bench.is_erased(*CUTS)
    for name in CUTS:
        second = bench.on(name, BOOT_ID)
        story = bench.story(name, plan)
        assert [word for _, word, _ in story] == ["begun", "failed", "begun", "erased"]
        assert story[0][2] == first[name] != second == story[-1][2]
        (evidence,) = bench.evidence(name)
        assert evidence["verify"]["bytes_read"] == SIZE, "it went on where it was cut"
    by_serial = {c["disk"]["serial"]: c for c in records(bench)}
    for name in CUTS:
        record = by_serial[bench.pc(name).disks[0].serial]
        assert record["state"] == "erased"
        boots = [boot["boot_id"] for boot in record["boots"]]
        assert boots == [first[name], bench.on(name, BOOT_ID)]


def slow_down(bench: Bench, stage: str) -> None:
    """Limit all disks to RATE, in the one direction that the stage goes."""
    read, write = (0, RATE) if stage == "overwriting" else (RATE, 0)
    for name in CUTS:
        with lab.open_qmp(bench.lab.station, name) as qmp:
            line = f"block_set_io_throttle drive0 0 {read} {write} 0 0 0"
            assert qmp.execute("human-monitor-command", command_line=line) == ""


def moved(bench: Bench, name: str, stage: str) -> int:
    """Bytes that the disk has written, or read, since its PC was switched on."""
    with lab.open_qmp(bench.lab.station, name) as qmp:
        (stats,) = (s for s in qmp.execute("query-blockstats") if s.get("device") == "drive0")
    return int(stats["stats"]["wr_bytes" if stage == "overwriting" else "rd_bytes"])


def cut(bench: Bench, name: str, stage: str, before: int) -> float:
    """Pull the plug once the stage is as far as CUTS says; which share of it was done.

    Its bytes are counted by the disk itself, behind those of the canaries: written once, and read
    twice before the read-back.
    """
    places = canaries.positions(SIZE, random.Random(1))  # noqa: S311
    planted = sum(length for _, length in places)
    begin = before + planted * (1 if stage == "overwriting" else 2)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        share = (moved(bench, name, stage) - begin) / SIZE
        if share >= CUTS[name]:
            lab.kill(bench.lab.station, name)
            return share
        time.sleep(0.1)
    raise AssertionError(f"{name} never came to {CUTS[name]} of {stage}")


def records(bench: Bench) -> list[dict[str, Any]]:
    """The newest certificate of each disk."""
    return [json.loads(path.read_text()) for path in certificates(bench.lab).values()]
