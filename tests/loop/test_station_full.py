"""A station whose disk is really full: a clear error, and everything written before is whole."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netspring_provision import consent, content, runner
from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.ledger import Ledger
from netspring_provision.model import Plan

pytestmark = pytest.mark.loop
PLAN = Plan("p", "2026-01-01T00:00:00+00:00", "2026-01-01T00:30:00+00:00", "x", "", "", (), ())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of one megabyte."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", tmp_path], check=True)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def fill(folder: Path) -> Path:
    """Take all the space that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(os.urandom(size)):
                    pass
            except OSError:
                continue
    return path


def append_for_ever(ledger: Ledger) -> None:
    while True:
        ledger.append("wipe", {"pad": "x" * 2000})


def test_the_ledger_is_whole_and_goes_on_when_there_is_space(small: Path) -> None:
    ledger = Ledger(small / "ledger.db")
    for number in range(5):
        ledger.append("wipe", {"n": number})
    filler = fill(small)
    with pytest.raises(StationError, match="cannot be written") as caught:
        append_for_ever(ledger)
    assert "free some space" in (caught.value.hint or "")
    kept = ledger.check()
    assert kept >= 5
    assert [r.body["n"] for r in ledger.records()[:5]] == [0, 1, 2, 3, 4]
    filler.unlink()
    ledger.append("wipe", {})
    assert ledger.check() == kept + 1


def test_a_new_ledger_cannot_be_made(small: Path) -> None:
    fill(small)
    with pytest.raises(StationError, match="ledger"):
        Ledger(small / "ledger.db")


def test_an_old_plan_is_not_lost_and_no_half_plan_is_left(small: Path) -> None:
    path = small / "plan.json"
    consent.write(PLAN, b"key", path)
    fill(small)
    with pytest.raises(StationError, match="cannot write the plan"):
        consent.write(PLAN, b"key", path)
    assert consent.read(path, b"key") == PLAN
    assert sorted(p.name for p in small.iterdir()) == ["filler", "plan.json"]


TASK = """- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command: sleep 2
      register: slept
      until: slept is failed
      retries: 300
      delay: 0
"""


def test_a_run_ends_with_an_error_instead_of_waiting_for_ever(
    tmp_path_factory: pytest.TempPathFactory, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ansible itself waits for ever for an event that it could not write."""
    root = tmp_path_factory.mktemp("content")
    (root / "playbooks").mkdir()
    (root / "playbooks" / "slow.yml").write_text(TASK)
    (root / "roles").mkdir()
    (root / "ansible.cfg").write_text("[defaults]\n")
    monkeypatch.setattr(content, "root", lambda: root)
    looked = threading.Event()

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "runner_retry":
            looked.set()

    def keep_full() -> None:
        looked.wait(60)
        while not done.is_set():
            fill(small)
            time.sleep(0.1)

    done = threading.Event()
    filler = threading.Thread(target=keep_full)
    filler.start()
    begun = time.monotonic()
    try:
        with pytest.raises(StationError, match="cannot be recorded") as caught:
            runner.run_playbook(Station(small), playbook="slow", on_event=on_event)
    finally:
        done.set()
        filler.join()
    assert looked.is_set(), "it was full before it began"
    assert time.monotonic() - begun < 60
    assert "free some space" in (caught.value.hint or "")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.exists():
            assert os.fsencode(root) not in path.read_bytes(), "Ansible was left at work"
