"""What the engine understands of the tools' words: no disk needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import identity, mmc, nvme, scsi
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import (
    guard,
    methods,
    nvme_sanitize,
    scsi_sanitize,
)
from ansible.module_utils.netspring_erase.registry import FIRMWARE

RECORDED = Path(__file__).parent / "recorded"
NVME, SG3 = RECORDED / "nvme-cli-2.13", RECORDED / "sg3-utils-1.48"


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
