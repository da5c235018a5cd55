"""What the engine understands of the tools' words, and its arithmetic: no disk needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import identity, mmc, nvme, scsi, smart
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import (
    content,
    guard,
    health,
    methods,
    nvme_sanitize,
    sampling,
    scsi_sanitize,
)
from ansible.module_utils.netspring_erase.registry import FIRMWARE
from hypothesis import given
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "recorded"
NVME, SG3 = RECORDED / "nvme-cli-2.13", RECORDED / "sg3-utils-1.48"
G = sampling.GRAIN


def log(name: str) -> str:
    return (NVME / f"log-{name}.json").read_text()


@pytest.mark.parametrize(
    ("name", "action", "state", "percent"),
    [
        ("never", 2, methods.IDLE, None),
        ("zeroed", 2, methods.IDLE, None),
        ("running-1", 2, methods.RUNNING, 100 * 655 / 65536),
        ("running-1", 4, methods.RUNNING, 100 * 655 / 65536),  # whichever it is, it runs
        ("running-50", 2, methods.RUNNING, 50.0),
        ("done-block", 2, methods.DONE, None),
        ("done-block", 4, methods.IDLE, None),
        ("done-crypto", 4, methods.DONE, None),
        ("done-overwrite", 3, methods.DONE, None),
        ("kept", 2, methods.DONE, None),
        ("failed", 2, methods.FAILED, None),
    ],
)
def test_the_sanitize_log_of_nvme(
    name: str, action: int, state: str, percent: float | None
) -> None:
    found = nvme_sanitize.status_of(log(name), "", action)
    assert (found.state, found.percent) == (state, percent)
    record = found.record()
    assert record is not None
    assert record["state"] == state
    assert record["log"]["sstat"]["status"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"nvme0": 1}',
        '{"nvme0": {"sprog": 1, "cdw10_info": 2}}',
        '{"nvme0": {"sprog": 1, "cdw10_info": 2, "sstat": {"status": "done"}}}',
        '{"nvme0": {"sprog": 1, "cdw10_info": 2, "sstat": {"status": "(7) Unknown"}}}',
        '{"nvme0": {"sprog": 1, "sstat": {"status": "(1) Most Recent"}}}',
        '{"nvme0": {"sprog": "x", "cdw10_info": 2, "sstat": {"status": "(1) Most Recent"}}}',
    ],
)
def test_what_is_no_sanitize_log_is_unknown(text: str) -> None:
    found = nvme_sanitize.status_of(text, "identify failed", 2)
    assert (found.state, found.detail) == (methods.UNKNOWN, "identify failed")


def test_older_nvme_cli_prints_the_status_under_another_name() -> None:
    """nvme-print-json.c of 2.9: ``obj_add_str(sstat, status_str, str)``, by mistake."""
    words = "Most Recent Sanitize Command Completed Successfully."
    text = re.sub(r'"status":', f'"{words}":', log("done-block"))
    assert nvme_sanitize.status_of(text, "", 2).state == methods.DONE
    flat = '{"sprog": 65535, "cdw10_info": 2, "sstat": {"status": "(1) Most Recent"}}'
    assert nvme_sanitize.status_of(flat, "", 2).state == methods.DONE


@pytest.mark.parametrize(
    ("sanicap", "kinds"),
    [
        (None, (False, False, False)),
        (0, (False, False, False)),
        (0x60000003, (True, False, True)),  # WZS4C8T1TDSP303, seen in the field
        (0b010, (True, False, False)),
        (0b100, (False, True, False)),
        ("7", (False, False, False)),
    ],
)
def test_sanicap(sanicap: object, kinds: tuple[bool, bool, bool]) -> None:
    value = "null" if sanicap is None else f'"{sanicap}"' if isinstance(sanicap, str) else sanicap
    found = nvme.formatting(
        "/dev/nvme0", 1, f'{{"oacs": 2, "fna": 0, "sanicap": {value}}}', '{"flbas": 0}'
    )
    assert found is not None
    assert (found.sanitize_block, found.sanitize_overwrite, found.sanitize_crypto) == kinds


def said(name: str) -> Said:
    out, err = (SG3 / f"sense-{name}.{kind}" for kind in ("out", "err"))
    return Said(("sg_requests", "/dev/sdb"), 0, out.read_text(), err.read_text())


@pytest.mark.parametrize(
    ("name", "state", "percent"),
    [
        ("idle", methods.IDLE, None),
        ("low-power", methods.IDLE, None),
        ("running", methods.RUNNING, 24.31),
        ("running-descriptor", methods.RUNNING, None),
        ("failed", methods.FAILED, None),
        ("becoming-ready", methods.UNKNOWN, None),
    ],
)
def test_the_sense_of_scsi(name: str, state: str, percent: float | None) -> None:
    found = scsi_sanitize.status_of(said(name))
    assert (found.state, found.percent) == (state, percent)


def test_a_disk_that_gives_no_sense_is_unknown() -> None:
    refused = Said(("sg_requests",), 15, "", "sg_requests: error opening file: /dev/sdb\n")
    found = scsi_sanitize.status_of(refused)
    assert found.state == methods.UNKNOWN
    assert "error opening file" in found.detail


def test_which_sanitize_a_scsi_disk_lists() -> None:
    every = scsi.sanitize((SG3 / "opcodes-all.out").read_text())
    assert every == scsi.Sanitize(block=True, overwrite=True, crypto=True)
    one = scsi.sanitize((SG3 / "opcodes-overwrite.out").read_text())
    assert one == scsi.Sanitize(block=False, overwrite=True, crypto=False)
    assert scsi.sanitize("") is None
    assert scsi.sanitize("Report supported operation codes: operation not supported\n") is None


EXTCSD = (RECORDED / "mmc-utils/extcsd-SLD64G.txt").read_text()


@pytest.mark.parametrize(
    ("register", "able"),
    [
        (EXTCSD, True),
        (EXTCSD.replace("SUPPORT: 0x55]\nBoot", "SUPPORT: 0x54]\nBoot"), False),
        ("", False),
        ("Could not open /dev/mmcblk0\n", False),
    ],
)
def test_secure_erase_of_an_emmc(register: str, able: bool) -> None:
    assert mmc.secure_discard(register) is able


def ask(argv: list[str]) -> Said:
    """mmc-utils on a real card."""
    assert argv == ["mmc", "extcsd", "read", "/dev/mmcblk0"]
    return Said(tuple(argv), 0, EXTCSD, "")


def card(root: Path, kind: str, areas: tuple[str, ...] = ()) -> Path:
    """sysfs of a card, laid out as Linux 6.12 does."""
    device = root / "devices/mmc0/mmc0:0001"
    device.mkdir(parents=True)
    (device / "type").write_text(f"{kind}\n")
    for name in ("mmcblk0", *areas):
        (root / "block" / name).mkdir(parents=True)
    (root / "block/mmcblk0/device").symlink_to(device)
    return root


def test_a_card_and_its_areas(tmp_path: Path) -> None:
    root = card(tmp_path, "MMC", ("mmcblk0boot0", "mmcblk0boot1", "mmcblk0gp0", "mmcblk01"))
    whole = {
        "type": "MMC",
        "secure_discard": True,
        "boot_areas": ["/dev/mmcblk0boot0", "/dev/mmcblk0boot1", "/dev/mmcblk0gp0"],
    }
    assert mmc.read("mmcblk0", root, ask) == whole
    assert mmc.read("mmcblk0boot1", root, ask) == whole
    assert mmc.read("sda", root, ask) is None
    (root / "block/sdb/device").mkdir(parents=True)
    (root / "block/sdb/device/type").write_text("0\n")  # a SCSI disk
    assert mmc.read("sdb", root, ask) is None


@pytest.mark.parametrize(
    ("name", "lock", "read_only"),
    [
        ("mmcblk0boot0", "0", False),  # kept read-only by the switch alone: the eraser lifts it
        ("mmcblk0boot0", None, False),  # a card without a lock
        ("mmcblk0boot0", "1", True),
        ("mmcblk0boot0", "2", True),
        ("mmcblk0", None, True),  # the main area has the same switch; there its state counts
    ],
)
def test_a_boot_area_is_a_disk_of_its_own(
    tmp_path: Path, name: str, lock: str | None, read_only: bool
) -> None:
    root = card(tmp_path, "MMC", ("mmcblk0boot0",))
    (root / "devices/mmc0/mmc0:0001/serial").write_text("0x1234abcd\n")
    (root / "block/mmcblk0boot0/device").symlink_to(root / "block/mmcblk0")
    block = root / "block" / name
    for file, text in (("size", "8192"), ("dev", "179:8"), ("ro", "1"), ("force_ro", "1")):
        (block / file).write_text(f"{text}\n")
    if lock is not None:
        (block / "ro_lock_until_next_power_on").write_text(f"{lock}\n")
    found = identity.identify(name, root)
    assert found.serial == ("0x1234abcd" if name == "mmcblk0" else "0x1234abcd-boot0")
    assert (found.read_only, found.size_bytes) == (read_only, 4 << 20)


def test_an_sd_card_never_has_secure_discard(tmp_path: Path) -> None:
    found = mmc.read("mmcblk0", card(tmp_path, "SD"), ask)
    assert found == {"type": "SD", "secure_discard": False, "boot_areas": []}


def test_every_method_of_a_plan_is_known_to_the_engine() -> None:
    assert {*FIRMWARE, methods.OVERWRITE} == set(guard.METHODS)
    buses = {name: method.bus for name, method in FIRMWARE.items()}
    assert buses["nvme_format"] == "nvme"
    assert buses["scsi_sanitize_crypto"] == "scsi"
    assert buses["ata_security_erase"] == buses["ata_sanitize_block"] == "sata"
    assert buses["discard_secure"] == "mmc"


@pytest.mark.parametrize(
    ("code", "out", "err", "words"),
    [
        (0, "fine", "", None),
        (1, "", "no\n such thing", "x failed with code 1: no such thing"),
        (2, "said here", "", "x failed with code 2: said here"),
        (None, "", "x is not installed", "x is not installed"),
        # hdparm on a disk that did not understand: exit code 0.
        (0, "", "SG_IO: bad/missing sense data, sb[]:  70 00", "did not understand"),
    ],
)
def test_what_is_wrong_with_an_answer(
    code: int | None, out: str, err: str, words: str | None
) -> None:
    found = methods.complaint(Said(("x", "y"), code, out, err))
    assert (found is None) if words is None else (found is not None and words in found)


@pytest.mark.parametrize(
    ("bytes_", "kind"),
    [
        (bytes(8192), "zero"),
        (b"\xff" * 8192, "ff"),
        (b"\x33\xcc\x55\xaa" * 2048, "periodic"),
        (b"\x01" * 8192, "periodic"),
        (bytes(range(256)) * 32, "periodic"),
        (bytes(4095) + b"\1" + bytes(4095) + b"\1", "periodic"),
        (bytes(8191) + b"\1", "random"),
        (b"\xff" * 8191 + b"\0", "random"),
    ],
)
def test_what_lies_where_a_canary_was(bytes_: bytes, kind: str) -> None:
    assert content.classify(bytes_) == kind


grids = st.builds(
    lambda pitch, length, phase: sampling.Grid(
        pitch * G, min(length, pitch) * G, phase % pitch * G
    ),
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(0, 63),
)


@given(at=grids, size=st.integers(2 * G, 1 << 21), place=st.integers(0, 1 << 21))
def test_no_residue_of_the_promised_length_escapes(
    at: sampling.Grid, size: int, place: int
) -> None:
    """Wherever it lies, and it is only a byte longer than the widest gap."""
    size = size // 512 * 512
    reads = list(sampling.places(size, at, 16 * G))
    end = 0
    for offset, length in reads:
        assert offset >= end  # in order, and no byte twice
        assert offset % G == 0
        assert 0 < length <= 16 * G
        end = offset + length
    assert (reads[0][0], end) == (0, size)
    assert sum(length for _, length in reads) == sampling.size_of(size, at)
    begin = place % size
    residue_end = begin + at.detectable
    if residue_end <= size:
        assert any(offset < residue_end and begin < offset + length for offset, length in reads)


@given(at=grids, size=st.integers(2 * G, 1 << 21))
def test_the_grid_itself_is_all_read(at: sampling.Grid, size: int) -> None:
    size = size // 512 * 512
    read = sampling.size_of(size, at)
    alone = sum(min(at.length, size - begin) for begin in range(at.phase, size, at.pitch))
    assert alone <= read <= size


def test_the_phase_lies_on_the_disk_and_is_drawn_anew() -> None:
    wanted = {"mode": "sampled", "pitch_bytes": 1 << 30, "length_bytes": 1 << 20}
    found = [sampling.grid(wanted, 64 << 20) for _ in range(40)]
    phases = {grid.phase for grid in found if grid}
    assert len(phases) > 10
    assert all(phase < 64 << 20 and phase % G == 0 for phase in phases)
    assert sampling.grid(None, 1 << 30) is None
    assert sampling.grid({"mode": "full"}, 1 << 30) is None


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (None, None),
        ({"mode": "full", "pitch_bytes": None, "length_bytes": None}, None),
        ({"mode": "sampled", "pitch_bytes": 8 * G, "length_bytes": G}, None),
        ({"mode": "sampled", "pitch_bytes": G, "length_bytes": G}, None),
        ({"mode": "sampled", "pitch_bytes": True, "length_bytes": G}, "no pitch"),
        ({"mode": "sampled", "pitch_bytes": G, "length_bytes": 2 * G}, "no grid"),
        ({"mode": "sampled", "pitch_bytes": G, "length_bytes": 512}, "no grid"),
        ({"mode": "some"}, "unknown"),
        ("full", "unknown"),
    ],
)
def test_which_grids_are_none(wanted: object, word: str | None) -> None:
    found = sampling.fault(wanted)
    assert (found is None) if word is None else (found is not None and word in found)


def test_health_is_only_judged_by_what_was_told_before() -> None:
    assert health.fault(None, {"pending": 5}) is None
    assert health.fault({"pending": None}, {"pending": 5}) is None
    assert health.fault({"pending": 5}, {"pending": 5}) is None
    assert health.fault({"pending": 5}, {"pending": 6}) is not None
    assert health.fault({"uncorrectable": 0}, {}) is not None
    assert health.replaced({"reallocated": 3}, None) == "3 sectors had been replaced by spares"
    assert health.replaced({"reallocated": 0}, {"reallocated": 0}) is None


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        ({"value": 72, "string": "72"}, 72),
        ({"value": 3 | 2 << 16, "string": "3 (2 0)"}, 3),  # raw16(raw16) of smartmontools
        ({"value": 131075, "string": "3 (2, 0)"}, 3),
        ({"value": 5}, 5),
        ({"value": 5, "string": "0x05"}, 5),
        ({}, None),
    ],
)
def test_packed_counters_of_smart(raw: dict[str, object], count: int | None) -> None:
    row = {"id": 5, "name": "Reallocated_Sector_Ct", "raw": raw}
    text = json.dumps({"smart_status": {"passed": True}, "ata_smart_attributes": {"table": [row]}})
    found = smart.health(text)
    assert found is not None
    assert found.reallocated == count
