"""What a wipe makes of sound, failing and lying disks, on every bus that QEMU has.

One PC, one boot, one wipe of sixteen disks: a disk is erased when the host finds nothing left on
it, and whatever fails or lies is named as failed. All tests of the file look at that wipe.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netspring_provision import lab, live
from netspring_provision.config import Station
from tests.vm.conftest import Lab, kept_station
from tests.vm.matrix_kit import (
    BARE,
    INVENTORY,
    SIZE,
    Matrix,
    certificates,
    dirty,
    open_matrix,
)
from tests.vm.refusal_kit import said, tiny_image

pytestmark = pytest.mark.vm

GOOD = ("GOOD-SATA", "GOOD-NVME", "GOOD-SCSI", "GOOD-VIRTIO", "GOOD-USB", "0xdeadbeef")
FAILED = ("BAD-READ", "BAD-WRITE", "BAD-MEDIUM", "BAD-FLUSH", "LIES-SECTOR", "LIES-SIZE")


@pytest.fixture(scope="session")
def builds() -> Station:
    """These tests need the live environment only."""
    station = kept_station()
    live.build(station)
    station.images.mkdir(exist_ok=True)
    return station


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that break no word."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture(scope="module")
def matrix(module_lab: Lab) -> Matrix:
    """The PC, wiped once."""
    return open_matrix(module_lab)


@pytest.mark.parametrize("serial", GOOD)
def test_a_sound_disk_is_erased_on_every_bus(matrix: Matrix, serial: str) -> None:
    entry, disk = matrix.told[serial], matrix.disk(serial)
    assert entry["outcome"] == "erased", entry["reason"]
    assert lab.count_pattern(disk.path) == 0
    assert lab.nonzero_bytes(disk.path) == 0
    evidence = entry["evidence"]
    assert evidence["size_bytes"] == evidence["verify"]["bytes_read"] == disk.size_bytes
    assert evidence["canaries"]["n"] == evidence["canaries"]["changed"] > 10
    assert evidence["method"] == ("nvme_format" if disk.bus == "nvme" else "overwrite")


def test_the_wipe_says_that_not_all_went_well(matrix: Matrix) -> None:
    assert matrix.done.returncode == 1, matrix.done.stderr
    outcomes = {serial: entry["outcome"] for serial, entry in matrix.told.items()}
    erased = {*GOOD, "SOUND", "LIES-FORMAT"}
    assert {s for s, o in outcomes.items() if o == "erased"} == erased
    assert {s for s, o in outcomes.items() if o == "failed"} == {*FAILED, matrix.scsi_debug()}
    assert {s for s, o in outcomes.items() if o == "refused"} == {"PROTECTED"}


def test_one_unreadable_sector_fails_its_disk(matrix: Matrix) -> None:
    """Writing went well everywhere; the read-back does not come through."""
    evidence = matrix.failed("BAD-READ", "read error", "destroy")
    assert evidence["verify"]["read_errors"] >= 1
    assert evidence["attempts"][-1]["rc"] == 0
    assert lab.count_pattern(matrix.disk("BAD-READ").path) == 0


def test_one_unwritable_sector_fails_its_disk(matrix: Matrix) -> None:
    evidence = matrix.failed("BAD-WRITE", "write error", "destroy")
    assert evidence["attempts"][-1]["rc"] != 0
    with matrix.disk("BAD-WRITE").path.open("rb") as raw:
        raw.seek(BARE * 512)
        assert b"NETSPRING-LAB-DONOR-DATA" in raw.read(512), "it was not unwritable"


def test_a_medium_error_fails_its_disk(matrix: Matrix) -> None:
    """As a SCSI drive tells of it, once by QEMU and once by the kernel's own test disk."""
    matrix.failed("BAD-MEDIUM", "read error", "destroy")
    matrix.failed(matrix.scsi_debug(), "read error", "destroy")
    kernel = matrix.on("dmesg")
    assert "Sense Key : Medium Error" in kernel
    assert "Unrecovered read error" in kernel


def test_a_write_cache_that_cannot_be_emptied_fails_its_disk(matrix: Matrix) -> None:
    matrix.failed("BAD-FLUSH", "flush error", "destroy")


def test_a_sector_that_keeps_its_data_and_says_otherwise(matrix: Matrix) -> None:
    """No canary lies there: only the read-back of every byte finds these 512."""
    evidence = matrix.failed("LIES-SECTOR", "512 bytes are not zero", "destroy")
    assert evidence["verify"]["bytes_read"] == SIZE
    assert evidence["verify"]["nonzero"] == 512
    assert evidence["canaries"]["n"] == evidence["canaries"]["changed"]
    assert lab.nonzero_bytes(matrix.disk("LIES-SECTOR").path) == 512


def test_a_stick_that_is_smaller_than_it_says(matrix: Matrix) -> None:
    """What is written behind its real end lands on its beginning."""
    matrix.failed("LIES-SIZE", "does not give back what was written", "destroy")


def test_a_format_that_did_nothing_is_not_believed(matrix: Matrix) -> None:
    """The drive reports success and keeps every byte: found by canaries, then overwritten."""
    planned, entry = matrix.planned("LIES-FORMAT"), matrix.told["LIES-FORMAT"]
    assert planned["method"] == "nvme_format"
    assert entry["outcome"] == "erased", entry["reason"]
    evidence = entry["evidence"]
    first, last = evidence["attempts"][0], evidence["attempts"][-1]
    assert (first["method"], first["rc"], first["canaries_changed"]) == ("nvme_format", 0, 0)
    assert first["error"]
    assert (last["method"], last["rc"]) == ("overwrite", 0)
    assert evidence["method"] == "overwrite", "the claim is that of the format that never was"
    assert "fallback" in json.dumps(evidence["limits"])
    disk = matrix.disk("LIES-FORMAT")
    assert lab.nonzero_bytes(disk.path) == 0


def test_a_write_protected_disk_is_refused_by_the_plan(matrix: Matrix) -> None:
    (machine,) = matrix.plan["machines"]
    (refused,) = machine["refused"]
    assert (refused["serial"], refused["reason"]) == ("PROTECTED", "read-only")
    assert "write-protect switch" in refused["hint"]
    assert matrix.disk("PROTECTED").path.read_bytes() == matrix.protected


def test_a_sound_disk_beside_bad_ones_is_erased_all_the_same(matrix: Matrix) -> None:
    assert matrix.told["SOUND"]["outcome"] == "erased"
    assert lab.nonzero_bytes(matrix.disk("SOUND").path) == 0


def test_a_pc_with_one_disk_that_is_not_erased_is_not_imaged(
    matrix: Matrix, tmp_path: Path
) -> None:
    """The disk the image would go to is erased; another is not."""
    image = tiny_image(tmp_path, matrix.lab, "small", disk=16 << 20)
    image.rename(matrix.lab.station.images / image.name)
    before = {disk.serial: lab.nonzero_bytes(disk.path) for disk in matrix.pc.disks}
    done = matrix.lab.run("install", *INVENTORY, "--limit", "mixed", "--image", "small")
    said(done, 3, "mixed", "is not on record as erased")
    assert {disk.serial: lab.nonzero_bytes(disk.path) for disk in matrix.pc.disks} == before
    assert matrix.records("install_started") == []


def test_what_is_on_record(matrix: Matrix) -> None:
    """Begin and end in a whole chain, in the one boot that there was."""
    begun, ended = matrix.records("wipe_started", "wipe")
    assert (begun.kind, ended.kind) == ("wipe_started", "wipe")
    boot = matrix.on("cat /proc/sys/kernel/random/boot_id").strip()
    assert begun.body["boot_id"] == ended.body["boot_id"] == boot
    assert {d["serial"] for d in ended.body["disks"]} >= {d.serial for d in matrix.pc.disks}


# Commands of other tools that report success and erase nothing in QEMU.
LIES = {
    "FORMAT UNIT": ("GOOD-SCSI", ["sg_format", "--format", "--quick", "--wait"]),
    "TRIM": ("GOOD-SATA", ["blkdiscard", "--force"]),
}
# Runs on the PC, on the writer that its wipe left there, as the wipe itself does it.
PROVE = """
import json, os, subprocess, sys, threading
path, argv = sys.argv[1], sys.argv[2:]
from ansible.module_utils.netspring_erase import blocks, canaries
from ansible.module_utils.netspring_erase.progress import Progress
disk = os.open(path, os.O_RDWR | os.O_DIRECT)
size = os.lseek(disk, 0, os.SEEK_END)
planted = canaries.plant(disk, size)
done = subprocess.run([*argv, path], capture_output=True, text=True)
changed = canaries.look(disk, planted).changed
seen = blocks.read_back(disk, size, Progress(), threading.Event())
print(json.dumps({"rc": done.returncode, "said": done.stdout + done.stderr, "size": size,
                  "planted": len(planted), "changed": changed, "nonzero": seen.nonzero}))
"""


@pytest.mark.parametrize("lie", LIES)
def test_commands_that_lie_do_not_pass_the_proof(matrix: Matrix, lie: str) -> None:
    """Success, and the donor's data are all there: canaries and read-back both say so."""
    serial, argv = LIES[lie]
    disk, path = matrix.disk(serial), matrix.path(serial)
    before = dirty(disk)
    program = f"/run/netspring/wipe/{matrix.plan['plan_id']}/program"
    words = " ".join([path, *argv])
    prove = f"cd / && PYTHONPATH={program} python3 - {words} <<'PROGRAM'\n{PROVE}\nPROGRAM"
    seen = json.loads(matrix.on(prove))
    assert seen["rc"] == 0, seen
    assert seen["planted"] > 10
    assert seen["changed"] == 0, seen
    assert seen["nonzero"] > disk.size_bytes // 2
    # Only the canaries lie where the donor's data were.
    assert lab.count_pattern(disk.path) > before // 2


def test_a_certificate_with_one_digit_changed(matrix: Matrix, tmp_path: Path) -> None:
    """Each disk has its own, which says how it ended; a changed one is told from a true one."""
    found = certificates(matrix.lab)
    states = {serial: json.loads(path.read_text())["state"] for serial, path in found.items()}
    assert states == {
        **dict.fromkeys((*GOOD, "SOUND", "LIES-FORMAT"), "erased"),
        **dict.fromkeys((*FAILED, matrix.scsi_debug()), "failed-destroy"),
        "PROTECTED": "refused",
    }
    claim = json.loads(found["LIES-FORMAT"].read_text())["claim"]
    assert claim["level"] == "Clear"
    assert "fallback" in {limit["code"] for limit in claim["limits"]}
    true = found["GOOD-SATA"]
    said(matrix.lab.run("report", "verify", *(str(path) for path in found.values())), 0)
    text = true.read_text()
    size = str(matrix.disk("GOOD-SATA").size_bytes)
    assert size in text
    false = tmp_path / true.name
    false.write_text(text.replace(size, size[:-1] + "5", 1))
    false.with_name(false.name + ".sig").write_bytes(
        true.with_name(true.name + ".sig").read_bytes()
    )
    done = matrix.lab.run("report", "verify", str(false))
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    assert false.name in done.stderr + done.stdout
