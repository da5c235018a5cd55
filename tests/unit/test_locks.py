"""One run at a time on a machine, held by the kernel, naming the run."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import locks
from netspring_provision.config import Station
from netspring_provision.errors import RefusedError, StationError


@pytest.fixture
def station(netspring_home: Path) -> Station:
    return Station(netspring_home)


def test_a_second_run_is_refused_and_told_which_run_holds_it(station: Station) -> None:
    with (
        locks.hold(station, {"10.0.0.5:22": "pc1"}, "run-one"),
        pytest.raises(RefusedError, match=r"pc1 is being worked on by run run-one \(process \d+\)"),
        locks.hold(station, {"10.0.0.5:22": "pc1"}, "run-two"),
    ):
        pytest.fail("held twice")


def test_another_machine_is_free(station: Station) -> None:
    with locks.hold(station, {"a": "pc1"}, "one"), locks.hold(station, {"b": "pc1"}, "two"):
        pass


def test_after_the_end_it_is_free_and_names_the_new_run(station: Station) -> None:
    with locks.hold(station, {"a": "pc1"}, "a-run-with-a-very-long-name"):
        pass
    with (
        locks.hold(station, {"a": "pc1"}, "two"),
        pytest.raises(RefusedError, match="run two "),
        locks.hold(station, {"a": "pc1"}, "three"),
    ):
        pytest.fail("held twice")


def test_an_error_inside_frees_it(station: Station) -> None:
    with pytest.raises(RuntimeError), locks.hold(station, {"a": "pc1"}, "one"):
        raise RuntimeError
    with locks.hold(station, {"a": "pc1"}, "two"):
        pass


def test_where_one_is_held_none_of_the_others_stays_held(station: Station) -> None:
    with locks.hold(station, {"b": "pc2"}, "one"):
        with (
            pytest.raises(RefusedError, match="pc2"),
            locks.hold(station, {"a": "pc1", "b": "pc2", "c": "pc3"}, "two"),
        ):
            pytest.fail("held twice")
        with locks.hold(station, {"a": "pc1", "c": "pc3"}, "three"):
            pass


def test_names_that_look_alike_as_files_are_two_machines(station: Station) -> None:
    names = ["机一", "机二", "pc 1", "pc_1", "pc/1", "x" * 300 + "1", "x" * 300 + "2"]
    assert len({locks.lock_name(name) for name in names}) == len(names)
    with locks.hold(station, {name: name for name in names}, "one"):
        pass


def test_a_lock_file_of_another_kind_still_refuses(station: Station) -> None:
    with locks.hold(station, {"a": "pc1"}, "one"):
        (station.locks / locks.lock_name("a")).write_text("{")
        with (
            pytest.raises(RefusedError, match="another run"),
            locks.hold(station, {"a": "pc1"}, "two"),
        ):
            pytest.fail("held twice")


def test_a_folder_that_cannot_be_written_is_a_station_error(station: Station) -> None:
    station.home.write_text("a file where the folder should be")
    with (
        pytest.raises(StationError, match="cannot write the lock"),
        locks.hold(station, {"a": "pc1"}, "one"),
    ):
        pytest.fail("held")


def test_a_full_disk_is_a_station_error(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with (
        pytest.raises(StationError, match="No space left"),
        locks.hold(station, {"a": "pc1"}, "one"),
    ):
        pytest.fail("held")


HOLDER = """
import sys, time
from pathlib import Path
from netspring_provision import locks
from netspring_provision.config import Station
with locks.hold(Station(Path(sys.argv[1])), {"a": "pc1"}, "doomed"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_kernel_frees_it_when_the_holder_is_killed(
    station: Station, allow_subprocess: Callable[..., None]
) -> None:
    allow_subprocess(Path(sys.executable).name)
    argv = [sys.executable, "-c", HOLDER, str(station.home)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(RefusedError, match=rf"run doomed \(process {holder.pid}\)"),
            locks.hold(station, {"a": "pc1"}, "mine"),
        ):
            pytest.fail("held twice")
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(timeout=10) == -signal.SIGKILL
    with locks.hold(station, {"a": "pc1", "b": "pc2"}, "mine") as killed:
        assert killed == {"doomed"}
    with locks.hold(station, {"a": "pc1", "b": "pc2"}, "next") as killed:
        assert killed == frozenset(), "a run that ended by itself counts as killed"
