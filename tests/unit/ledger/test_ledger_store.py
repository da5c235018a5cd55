"""The ledger only grows, shows every tampering, and loses nothing that was said to be written."""

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netspring_provision.errors import MachineFailedError, StationError
from netspring_provision.ledger import Ledger
from netspring_provision.ledger.store import FIRST, digest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return Ledger(path)


def fill(ledger: Ledger, count: int = 4) -> None:
    for number in range(count):
        ledger.append("wipe", {"n": number}, machine="uuid-1", run_id="r1")


def raw(path: Path, *statements: str) -> None:
    """What somebody with the file in hands could do, past our code."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_record_comes_back_as_it_was_written(ledger: Ledger) -> None:
    body = {"disks": [{"serial": "A", "outcome": "erased"}], "名": "教室"}
    written = ledger.append("wipe", body, machine="uuid-1", run_id="r1")
    assert ledger.records() == [written]
    assert written.body == body
    assert (written.seq, written.prev_sha256) == (1, FIRST)
    assert written.time.endswith("+00:00")


def test_records_are_chained(ledger: Ledger) -> None:
    fill(ledger)
    records = ledger.records()
    assert [r.seq for r in records] == [1, 2, 3, 4]
    assert [r.prev_sha256 for r in records] == [FIRST, *(r.sha256 for r in records[:-1])]
    assert ledger.check() == 4


def test_an_empty_ledger_is_whole(ledger: Ledger) -> None:
    assert ledger.check() == 0
    assert ledger.last("wipe", "uuid-1") is None


def test_records_are_found_by_machine_and_kind(ledger: Ledger) -> None:
    for kind, machine in (("plan", ""), ("wipe", "a"), ("wipe", "b"), ("install", "a")):
        ledger.append(kind, {}, machine=machine)
    assert [r.seq for r in ledger.records(machine="a")] == [2, 4]
    assert [r.seq for r in ledger.records(kind="wipe")] == [2, 3]
    assert [r.seq for r in ledger.records(machine="")] == [1]
    last = ledger.last("wipe", "a")
    assert last is not None
    assert last.seq == 2


def test_it_outlives_the_program(path: Path, ledger: Ledger) -> None:
    fill(ledger)
    ledger.close()
    again = Ledger(path)
    fill(again, 2)
    assert again.check() == 6


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    body=st.dictionaries(
        st.text(st.characters(codec=None), max_size=5), st.text(st.characters(codec=None))
    )
)
def test_any_text_of_a_machine_can_be_recorded(tmp_path: Path, body: dict[str, str]) -> None:
    ledger = Ledger(tmp_path / "any.db")
    record = ledger.append("facts", body)
    assert ledger.last("facts", "") == record
    assert record.body == body
    ledger.check()
    ledger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET body = '{}' WHERE seq = 2",
        "UPDATE records SET seq = 9 WHERE seq = 4",
        "DELETE FROM records WHERE seq = 4",
        "DELETE FROM records",
        "INSERT OR REPLACE INTO records VALUES (2,'t','r','m','wipe','{}','p','s')",
        "REPLACE INTO records SELECT 5,time,run_id,machine,kind,'{}',prev_sha256,sha256"
        " FROM records WHERE seq = 2",
        "INSERT INTO records VALUES (7,'t','r','m','wipe','{}','p','s')",
        "INSERT INTO records VALUES (0,'t','r','m','wipe','{}','p','s')",
        "UPDATE OR REPLACE records SET seq = 1 WHERE seq = 2",
    ],
)
def test_the_file_itself_refuses_all_but_appending(
    path: Path, ledger: Ledger, statement: str
) -> None:
    fill(ledger)
    before = ledger.records()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw(path, statement)
    assert ledger.records() == before
    assert ledger.check() == 4


DROP = [f"DROP TRIGGER records_{name}" for name in ("no_update", "no_delete", "only_append")]


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("UPDATE records SET body = '{\"n\": 9}' WHERE seq = 2", 2),
        ("UPDATE records SET body = X'00ff' WHERE seq = 2", 2),
        ("UPDATE records SET time = '2020-01-01' WHERE seq = 3", 3),
        ("UPDATE records SET machine = 'other' WHERE seq = 1", 1),
        ("UPDATE records SET kind = 'plan' WHERE seq = 4", 4),
        ("UPDATE records SET run_id = '' WHERE seq = 4", 4),
        ("UPDATE records SET prev_sha256 = 'x' WHERE seq = 3", 3),
        ("UPDATE records SET sha256 = 'x' WHERE seq = 4", 4),
        ("UPDATE records SET seq = 9 WHERE seq = 4", 4),
        ("DELETE FROM records WHERE seq = 1", 1),
        ("DELETE FROM records WHERE seq = 2", 2),
        ("INSERT INTO records VALUES (5,'t','r','m','wipe','{}','p','s')", 5),
        ("INSERT INTO records VALUES (0,'t','r','m','wipe','{}','p','s')", 1),
    ],
)
def test_going_around_the_triggers_shows(
    path: Path, ledger: Ledger, statement: str, at: int
) -> None:
    fill(ledger)
    raw(path, *DROP, statement)
    with pytest.raises(MachineFailedError, match=f"altered at record {at}"):
        ledger.check()


def test_a_record_changed_with_its_own_digest_shows_at_the_next(path: Path, ledger: Ledger) -> None:
    fill(ledger)
    old = ledger.records()[1]
    body = json.dumps({"n": 9})
    forged = digest(old.prev_sha256, old.time, old.run_id, old.machine, old.kind, body)
    raw(path, *DROP)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        change = "UPDATE records SET body = ?, sha256 = ? WHERE seq = 2"
        connection.execute(change, (body, forged))
    with pytest.raises(MachineFailedError, match="altered at record 3"):
        ledger.check()


def test_a_record_that_is_no_json_is_an_error_not_a_traceback(path: Path, ledger: Ledger) -> None:
    fill(ledger)
    raw(path, *DROP, "UPDATE records SET body = 'erased' WHERE seq = 2")
    with pytest.raises(MachineFailedError, match="altered at record 2"):
        ledger.records()


def test_two_ledgers_in_two_threads_do_not_fork_the_chain(path: Path) -> None:
    trouble: list[BaseException] = []

    def work(name: str) -> None:
        try:
            mine = Ledger(path)
            for _ in range(25):
                mine.append("wipe", {"by": name})
            mine.close()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            trouble.append(error)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert Ledger(path).check() == 100


APPENDER = """
import sys
from pathlib import Path
from netspring_provision.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    print(ledger.append("wipe", {"n": number, "pad": "x" * 2000}).seq, flush=True)
"""


def test_processes_at_once_do_not_fork_the_chain(
    path: Path, allow_subprocess: Callable[..., None]
) -> None:
    python = Path(sys.executable).name
    allow_subprocess(python)
    argv = [sys.executable, "-c", APPENDER, str(path), "20"]
    at_work = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[0].split() for process in at_work]
    assert [process.returncode for process in at_work] == [0, 0, 0]
    numbers = sorted(int(word) for words in said for word in words[1:])
    assert numbers == list(range(1, 61))
    assert Ledger(path).check() == 60


def test_a_killed_writer_leaves_a_whole_ledger(
    path: Path, allow_subprocess: Callable[..., None]
) -> None:
    allow_subprocess(Path(sys.executable).name)
    argv = [sys.executable, "-c", APPENDER, str(path), "100000"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = 0
        for line in process.stdout:
            last = int(line) if line.strip().isdigit() else last
            if last == 30:
                process.kill()
                break
    assert Ledger(path).check() >= last


def limited(limit: int) -> Callable[[], None]:
    def set_limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return set_limit


FULL = """
import signal, sys
from pathlib import Path
from netspring_provision.errors import StationError
from netspring_provision.ledger import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
done = 0
try:
    ledger = Ledger(Path(sys.argv[1]))
    for number in range(10000):
        ledger.append("wipe", {"n": number, "pad": "x" * 2000})
        done += 1
except StationError as error:
    print(done, error.message, "->", error.hint)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("limit", [0, 100_000, 300_000])
def test_where_the_disk_is_full_the_station_lacks_space_and_the_ledger_is_whole(
    path: Path, allow_subprocess: Callable[..., None], limit: int
) -> None:
    allow_subprocess(Path(sys.executable).name)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited(limit),
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 4, done.stderr
    assert "free some space" in done.stdout
    again = Ledger(path)
    assert again.check() == int(done.stdout.split()[0])
    again.append("wipe", {})  # and once there is space it goes on
    again.check()


@pytest.mark.parametrize(
    "content", [b"this is not a ledger" * 100, b"SQLite format 3\0" + b"x" * 99]
)
def test_a_file_that_is_no_ledger_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StationError, match="ledger"):
        Ledger(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_a_station_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StationError, match=r"ledger\.db"):
        Ledger(tmp_path / "file" / "ledger.db")


def test_a_lost_table_is_a_station_error(path: Path, ledger: Ledger) -> None:
    raw(path, *DROP, "DROP TABLE records")
    calls: list[Callable[[], Any]] = [
        ledger.check,
        ledger.records,
        lambda: ledger.append("wipe", {}),
    ]
    for call in calls:
        with pytest.raises(StationError):
            call()


def test_a_record_is_on_the_disk_when_append_returns(ledger: Ledger) -> None:
    with ledger._engine.connect() as connection:
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"


def test_the_newest_of_a_kind_and_how_many_there_are(ledger: Ledger, path: Path) -> None:
    assert ledger.newest("wipe") == (0, None)
    fill(ledger)
    last = ledger.append("wipe", {"n": "last"})
    ledger.append("plan", {})
    assert ledger.newest("wipe") == (5, last)
    raw(path, "DROP TABLE records")
    with pytest.raises(StationError, match="cannot be written"):
        ledger.newest("wipe")
