"""The pure parts of the eraser: which bytes, which places, which command, which words."""

from __future__ import annotations

import errno
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks.nvme import Formatting
from ansible.module_utils.netspring_erase import blocks, canaries, evidence, launch, nvme_format
from ansible.module_utils.netspring_erase.failures import DiskError, io_error
from ansible.module_utils.netspring_erase.progress import Progress, last_line, write_whole
from ansible.module_utils.netspring_erase.registry import FIRMWARE
from hypothesis import given
from hypothesis import strategies as st

from tests.on_target import load_module

sectors = st.integers(min_value=0, max_value=1 << 20)


@given(size=sectors.map(lambda count: count * 512), chunk=st.sampled_from([512, 4096, 1 << 20]))
def test_spans_cover_each_byte_once_and_in_order(size: int, chunk: int) -> None:
    size %= 4096 * 512  # some thousand spans at most
    end = 0
    for offset, length in blocks.spans(size, chunk):
        assert offset == end
        assert 0 < length <= chunk
        end = offset + length
    assert end == size


@given(count=st.integers(min_value=0, max_value=1 << 33), seed=st.integers())
def test_canaries_lie_inside_apart_and_aligned(count: int, seed: int) -> None:
    size = count * 512
    places = canaries.positions(size, random.Random(seed))  # noqa: S311
    if size < 2 * canaries.GRAIN:
        assert places == []
        return
    end = 0
    for offset, length in places:
        assert offset >= end
        assert offset % canaries.GRAIN == 0
        assert length % canaries.GRAIN == 0
        end = offset + length
    assert places[0][0] == 0
    assert size - canaries.GRAIN < end <= size
    if size >= 256 << 20:
        assert len(places) == 66
        assert places[0][1] == 1 << 20


def test_canaries_survive_in_part_is_not_changed(tmp_path: Path) -> None:
    """One grain of one canary left behind is enough to say that it was not erased."""
    file = tmp_path / "disk"
    file.write_bytes(bytes(4 << 20))
    with file.open("r+b") as stream:
        planted = canaries.plant(stream.fileno(), 4 << 20)
        assert canaries.look(stream.fileno(), planted).changed == 0
        kept = planted[7]
        stream.write(bytes(4 << 20))
        stream.seek(kept.offset + kept.length - canaries.GRAIN)
        stream.write(kept.content()[-canaries.GRAIN :])
        stream.flush()
        assert canaries.look(stream.fileno(), planted).changed == len(planted) - 1


def test_a_disk_that_does_not_give_back_a_canary_is_failed_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick that claims more than it has: writes beyond its end come back as something else."""
    file = tmp_path / "stick"
    file.write_bytes(bytes(4 << 20))
    real = canaries.read_at

    def smaller(descriptor: int, into: memoryview, offset: int) -> None:
        real(descriptor, into, offset % (2 << 20))

    monkeypatch.setattr(canaries, "read_at", smaller)
    with (
        file.open("r+b") as stream,
        pytest.raises(DiskError, match="does not give back what was written at byte") as caught,
    ):
        canaries.plant(stream.fileno(), 4 << 20)
    assert caught.value.offset is not None
    assert caught.value.offset >= 2 << 20


@pytest.mark.parametrize("length", [1, 63, 64, 65, 512, 4096, 4097])
def test_every_single_byte_is_looked_at(length: int) -> None:
    buffer = blocks.Buffer(8192)
    buffer.view[length] = 1  # one behind the end does not count
    assert buffer.is_zero(length)
    assert buffer.count_nonzero(length) == 0
    for place in {0, length // 2, length - 1}:
        buffer.view[place] = 0x80
        assert not buffer.is_zero(length)
        assert buffer.count_nonzero(length) == 1
        buffer.view[place] = 0
    buffer.view[:length] = b"x" * length  # all the same, but not zero
    assert not buffer.is_zero(length)
    assert buffer.count_nonzero(length) == length


@pytest.mark.parametrize("failing", range(blocks.IN_FLIGHT))
def test_a_stop_does_not_hide_that_the_disk_has_failed(
    failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while one request of four meets an I/O error: the error is what is told."""
    stop, all_there = threading.Event(), threading.Barrier(blocks.IN_FLIGHT, timeout=10)

    def write_at(_descriptor: int, _data: memoryview, offset: int) -> None:
        all_there.wait()
        stop.set()
        if offset == failing * blocks.CHUNK:
            time.sleep(0.1)  # the others have seen the stop by then
            raise io_error("write", offset, OSError(errno.EIO, ""))

    monkeypatch.setattr(blocks, "write_at", write_at)
    size = 2 * blocks.IN_FLIGHT * blocks.CHUNK
    with pytest.raises(DiskError, match="write error at byte") as caught:
        blocks.write_zeros(-1, size, Progress(), stop)
    assert caught.value.offset == failing * blocks.CHUNK


HOW = Formatting(
    controller="/dev/nvme0",
    nsid=1,
    format_supported=True,
    secure_erase=True,
    crypto_erase=False,
    format_all_ns=False,
    lbaf=2,
    ms=1,
)


def test_nvme_format_erases_and_keeps_the_layout() -> None:
    assert nvme_format.argv("/dev/nvme0n1", HOW) == [
        "nvme",
        "format",
        "/dev/nvme0n1",
        "--ses=1",
        "--lbaf=2",
        "--ms=1",
        "--timeout=3600000",
        "--force",
    ]


def test_nvme_format_is_not_used_where_it_would_do_something_else() -> None:
    everything = Formatting(**{**HOW.__dict__, "format_all_ns": True})
    none = Formatting(**{**HOW.__dict__, "secure_erase": False, "format_supported": False})
    assert nvme_format.unsuitable(HOW, 3) is None
    assert nvme_format.unsuitable(everything, 1) is None
    assert "the other 2 namespaces" in str(nvme_format.unsuitable(everything, 3))
    assert "no Format command" in str(nvme_format.unsuitable(none, 1))
    assert "does not tell" in str(nvme_format.unsuitable(None, 1))


def test_evidence_is_failed_until_proven_and_claims_nothing() -> None:
    planned = {"serial": "A", "path": "/dev/sda", "claim": {"level": "Clear", "limits": []}}
    entry = evidence.Evidence(planned)
    assert entry.as_dict()["outcome"] == "failed"
    assert "no outcome" in entry.as_dict()["reason"]
    attempt = entry.attempt("nvme_format")
    assert (attempt["rc"], attempt["error"]) == (None, evidence.NO_OUTCOME)
    entry.limit("spare_area", "b")
    entry.erased()
    told = entry.as_dict()
    assert (told["outcome"], told["reason"]) == ("erased", None)
    assert told["limits"] == [{"code": "spare_area", "detail": "b"}]
    assert "claim" not in told
    # The station tells what is missing from what is not known: every key is always there.
    keys = {"native_bytes", "serial_end", "security_before", "security_after", "hpa_before", "dco"}
    assert keys <= set(told)


def test_last_line_is_the_last_whole_one(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    assert last_line(file) is None
    lines = [json.dumps({"offset": n, "pad": "x" * 90}) for n in range(200)]
    file.write_text("\n".join(lines) + '\n{"offset": 2')
    found = last_line(file)
    assert found is not None
    assert found["offset"] == 199


def test_progress_counts_and_foresees_the_read_back(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    progress = Progress(file)
    progress.begin("overwriting", 1000, passes_left=1)
    time.sleep(0.01)
    progress.advance(400)
    progress.advance(600)
    progress.close()
    line = last_line(file)
    assert line is not None
    assert (line["phase"], line["offset"], line["size"]) == ("overwriting", 1000, 1000)
    assert line["eta_s"] == round(1000 / line["rate_bps"])


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_whole(path, {"a": 1})
    with pytest.raises(TypeError):
        write_whole(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_the_program_stands_alone_in_the_jobs_folder(tmp_path: Path) -> None:
    """What the unit runs is complete: it is loaded whole by a Python that has nothing else."""
    load_module("disk_wipe", "netspring_wipe")  # as on the machine: it brings the rest
    launch.write_program(tmp_path)
    roles = Path(__file__).parents[3] / "roles"
    sources = roles / "disk_wipe/module_utils/netspring_erase"
    package = tmp_path / "ansible/module_utils"
    for source in sources.glob("*.py"):
        assert (package / "netspring_erase" / source.name).read_text() == source.read_text()
    for laid in (package / "netspring_disks").glob("*.py"):
        source = roles / "disk_tools/module_utils/netspring_disks" / laid.name
        assert laid.read_text() == source.read_text()
    assert (tmp_path / "ansible/__init__.py").read_text() == ""
    tell = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        "import ansible.module_utils.netspring_erase.job as job; "
        "from ansible.module_utils.netspring_erase.registry import FIRMWARE; "
        "print(job.__file__, len(FIRMWARE))"
    )
    argv = [sys.executable, "-I", "-S", "-c", tell, str(tmp_path)]  # no packages but Python's own
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(package / "netspring_erase/job.py"), str(len(FIRMWARE))]


def test_unit_is_named_after_the_plan_and_outlives_the_session() -> None:
    argv = launch.unit_argv("netspring-wipe-p1", Path("/run/netspring/wipe/p1"))
    assert argv[:3] == ["systemd-run", "--unit=netspring-wipe-p1", "--collect"]
    assert "--scope" not in argv
    # `systemctl stop` asks the job alone, and waits: no tool is cut off, no password is left set.
    assert {"--property=KillMode=mixed", "--property=TimeoutStopSec=infinity"} <= set(argv)
    assert argv[-3:] == [
        "-m",
        "ansible.module_utils.netspring_erase.job",
        "/run/netspring/wipe/p1",
    ]
