"""Erasure records of disks that were really erased; a station whose disk is full or that dies."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loop_devices import UUID, Loop, erase, probe_of

from netspring_provision import consent, signing
from netspring_provision.config import Station
from netspring_provision.erasure import Issued, check_files, form, issuing, missing, store
from netspring_provision.errors import StationError
from netspring_provision.ledger import Ledger
from netspring_provision.model import MachinePlan, Plan, PlannedDisk
from netspring_provision.outcome import DiskOutcome, disk_outcomes

pytestmark = pytest.mark.loop
MIB = 1 << 20
DOCS = Path(__file__).parents[2] / "docs"
NOTHING = issuing.room_words({})
BOOTS = ({"boot_id": "boot", "seen_at": "2026-03-01T09:00:00+00:00"},)


def planned(loop: Loop, **changes: Any) -> PlannedDisk:
    """The loop device as the station plans it."""
    return PlannedDisk.from_plain(
        {
            "native_bytes": None,
            "media_claims": {},
            "estimate_seconds": 1,
            "estimates": {},
            "verify": {"mode": "full", "pitch_bytes": None, "length_bytes": None},
            "remove_hpa": False,
            "unfreeze": False,
            "notes": [],
        }
        | loop.planned()
        | changes
    )


def plan_of(*disks: PlannedDisk) -> Plan:
    machine = MachinePlan("pc1", UUID, "SN1", "LENOVO", "2082CTO", "boot", None, disks, ())
    times = ("2026-03-01T09:00:00+00:00", "2026-03-01T09:30:00+00:00")
    return Plan("plan-1", *times, "inventories/x", "c", "t", (machine,), ())


def judged(plan: Plan, *entries: dict[str, Any]) -> tuple[DiskOutcome, ...]:
    report = {"kind": "wipe", "plan_id": plan.plan_id, "finished": True, "disks": list(entries)}
    return disk_outcomes(plan.machines[0], report, plan.plan_id, None)


def issue(
    station: Station, ledger: Ledger, plan: Plan, outcomes: tuple[DiskOutcome, ...], run_id: str
) -> tuple[Issued, ...]:
    """As the wipe step does it: the wipe on record first."""
    body = {
        "plan_id": plan.plan_id,
        "host": "pc1",
        "disks": [dataclasses.asdict(o) for o in outcomes],
    }
    ledger.append("wipe", body, machine=UUID, run_id=run_id)
    return issuing.issue_for(
        station, ledger, plan, plan.machines[0], outcomes, BOOTS, run_id=run_id, told=NOTHING
    )


def signers(station: Station) -> str:
    return signing.signer_line(signing.public_key(station.signing_key), form.NAMESPACE)


def test_real_disks_get_records_that_hold(loops: Callable[..., Loop], tmp_path: Path) -> None:
    """One erased, one refused, one stopped: what the program on the machine really reports."""
    station = Station(tmp_path / "home").ensure()
    good, used, stopped = (loops(8 * MIB, serial) for serial in ("G1", "U1", "S1"))
    probe = probe_of(used, uses=lambda _name: [{"kind": "mounted", "detail": "/mnt"}])

    class Stopping:
        """A request to stop, which comes while the writer is at work."""

        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 1

    entries = [erase(good), erase(used, probe), erase(stopped, stop=Stopping())]  # type: ignore[arg-type]
    plan = plan_of(*(planned(loop) for loop in (good, used, stopped)))
    made = issue(station, Ledger(station.ledger), plan, judged(plan, *entries), "run-1")
    assert [one.state for one in made] == ["erased", "refused", "interrupted"]
    checked = check_files([one.path for one in made], signers(station))
    assert [one.problems for one in checked] == [(), (), ()]
    record = json.loads(made[0].path.read_bytes())
    assert record["disk"]["bytes"] == record["verify"]["bytes_read"] == good.size
    assert record["attempts"][-1]["end"] >= record["attempts"][-1]["start"] >= 0
    assert record["tool"].startswith("netspring_erase ")


def test_the_page_for_donors_works_as_written(loops: Callable[..., Loop], tmp_path: Path) -> None:
    """Every command of docs/erasure-records.md, with nothing but ssh-keygen and sha256sum."""
    station = Station(tmp_path / "home").ensure()
    ledger = Ledger(station.ledger)
    for number in range(2):
        loop = loops(4 * MIB, f"D{number}")
        plan = plan_of(planned(loop))
        issue(station, ledger, plan, judged(plan, erase(loop)), f"run-{number}")
    first, second = sorted(store.folder(station).glob("*/*.json"))
    text = (DOCS / "erasure-records.md").read_text()
    section = text.split("## For the donor")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    script = block.replace("NEXT", second.stem).replace("CERT_ID", first.stem)
    folder = tmp_path / "donor"
    folder.mkdir()
    for path in (first, second):
        for file in (path, Path(f"{path}.sig")):
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "allowed_signers").write_text((store.folder(station) / "allowed_signers").read_text())
    run = ["env", "-i", "PATH=/usr/bin:/bin", "sh", "-exc", script]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f'Good "{form.NAMESPACE}" signature for netspring-station' in done.stdout
    digest = form.digest(first.read_bytes())
    assert digest in done.stdout
    assert f'"prev_sha256":"{digest}"' in done.stdout
    record = (folder / first.name).read_text()
    (folder / first.name).write_text(record.replace(f'"bytes":{4 * MIB}', f'"bytes":{8 * MIB}'))
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def leave(folder: Path, pages: int) -> None:
    """Fill all but so many pages of 4 KiB."""
    filler = folder / "filler"
    filler.unlink(missing_ok=True)
    state = os.statvfs(folder)
    with filler.open("wb") as file:
        file.write(os.urandom(max(0, state.f_bavail - pages) * 4096))


def whole(station: Station, ledger: Ledger) -> list[Path]:
    """The files that are there; none is half, unsigned or of a record that is not on record."""
    folder = store.folder(station)
    files = sorted(folder.glob("*/*.json"))
    on_record = {line.body["sha256"] for line in ledger.records(kind="erasure")}
    for path in files:
        (checked,) = check_files([path], signers(station))
        assert checked.problems == ()
        assert checked.sha256 in on_record
    assert [p.name for p in folder.glob("*/.*")] == []
    ledger.check()
    return files


def test_a_full_disk_gives_an_error_and_no_half_record(
    loops: Callable[..., Loop], small: Path
) -> None:
    station = Station(small).ensure()
    ledger = Ledger(station.ledger)
    loop = loops(4 * MIB)
    plan = plan_of(planned(loop))
    ledger.append("plan", consent.body_of(plan))
    outcomes = judged(plan, erase(loop))
    issue(station, ledger, plan, outcomes, "run-before")
    troubles = []
    wipes = 1
    for pages in (0, 1, 2, 3, 4, 6, 8, 12):
        leave(small, pages)
        try:
            issue(station, ledger, plan, outcomes, f"run-{pages}")
        except StationError as error:
            troubles.append(error)
        whole(station, ledger)
        wipes = len(ledger.records(kind="wipe"))
    assert len(troubles) > 2
    for error in troubles:
        assert "cannot be written" in error.message
        assert "free some space" in (error.hint or "")
    (small / "filler").unlink()
    _, held = missing.issue_missing(station, ledger, {})
    assert held == ()
    files = whole(station, ledger)
    assert len(files) == wipes == len(ledger.records(kind="erasure"))
    assert all(one.good for one in check_files(files, signers(station)))


ENDLESS = """
import sys
sys.path[:0] = {paths!r}
from tests.on_target import add_module_utils
add_module_utils()
from test_erasure_records import *
station, ledger = Station(Path({home!r})), Ledger(Path({home!r}) / "ledger.db")
plan, outcomes = pickle.loads(Path({given!r}).read_bytes())
for number in range(10_000):
    issue(station, ledger, plan, outcomes, f"{run}-{{number}}")
    print(number, flush=True)
"""


def test_a_station_that_dies_leaves_whole_records(
    loops: Callable[..., Loop], tmp_path: Path
) -> None:
    """SIGKILL while it issues, again and again; then all is made up for and one chain."""
    station = Station(tmp_path / "home").ensure()
    ledger = Ledger(station.ledger)
    loop = loops(4 * MIB)
    plan = plan_of(planned(loop))
    ledger.append("plan", consent.body_of(plan))
    given = tmp_path / "given"
    given.write_bytes(pickle.dumps((plan, judged(plan, erase(loop)))))
    for run in range(4):
        script = ENDLESS.format(
            paths=[str(DOCS.parent), *sys.path],
            home=str(station.home),
            given=str(given),
            run=f"r{run}",
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout
        for _ in range(2):
            assert process.stdout.readline()
        time.sleep(0.03 + 0.05 * run)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        folder = store.folder(station)
        for path in folder.glob("*/*.json"):
            assert check_files([path], signers(station))[0].problems == ()
        ledger.check()
    _, held = missing.issue_missing(station, ledger, {})
    assert held == ()
    files = sorted(store.folder(station).glob("*/*.json"))
    assert len(files) == len(ledger.records(kind="wipe")) == len(ledger.records(kind="erasure"))
    assert len(files) >= 8
    assert all(one.good for one in check_files(files, signers(station)))
