"""What hdparm says, read from recordings of real drives (recorded/hdparm/README.md names them)."""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_disks.tools import Said

RECORDED = Path(__file__).parent / "recorded"
QEMU = (RECORDED / "qemu-7.2/hdparm-I-sda.txt").read_text()


def text(name: str) -> str:
    return (RECORDED / "hdparm" / name).read_text()


def status(out: str = "", err: str = "", code: int | None = 0) -> ata.SanitizeState:
    return ata.sanitize_state(Said(tuple(ata.sanitize_argv("/dev/sda")), code, out, err))


def test_security_of_a_healthy_drive() -> None:
    assert ata.security(text("sandisk-I.txt")) == ata.Security(
        supported=True,
        enabled=False,
        locked=False,
        frozen=False,
        expired=False,
        enhanced=True,
        erase_minutes=2,
        enhanced_minutes=2,
    )


def test_security_of_a_locked_drive_that_takes_no_more_passwords() -> None:
    found = ata.security(text("crucial-m4-locked-I.txt"))
    assert found is not None
    assert (found.enabled, found.locked, found.frozen, found.expired) == (True, True, False, True)


FLAGS = ("supported", "enabled", "locked", "frozen", "expired: security count")
FLAGS += ("supported: enhanced erase",)


@pytest.mark.parametrize("bits", list(product([True, False], repeat=len(FLAGS))))
def test_every_security_word(bits: tuple[bool, ...]) -> None:
    """All 64: hdparm prints "not" and a tab where a bit is clear, two tabs where it is set."""
    lines = [f"\t{'' if bit else 'not'}\t{flag}" for flag, bit in zip(FLAGS, bits, strict=True)]
    found = ata.security("\n".join([QEMU + "Security: ", *lines, "Checksum: correct", ""]))
    assert found is not None
    assert dataclasses.astuple(found)[: len(FLAGS)] == bits


@pytest.mark.parametrize(
    ("line", "normal", "enhanced"),
    [
        ("98min for SECURITY ERASE UNIT. 92min for ENHANCED SECURITY ERASE UNIT.", 98, 92),
        ("160min for SECURITY ERASE UNIT.", 160, None),
        ("2min for ENHANCED SECURITY ERASE UNIT.", None, 2),
        ("more than 508min for SECURITY ERASE UNIT.", 508, None),
        ("more than 65532min for SECURITY ERASE UNIT.", 65532, None),
        ("", None, None),
    ],
)
def test_how_long_an_erase_takes(line: str, normal: int | None, enhanced: int | None) -> None:
    found = ata.security(f"{QEMU}Security:\n\t\tsupported\n\t{line}\n")
    assert found is not None
    assert (found.erase_minutes, found.enhanced_minutes) == (normal, enhanced)


def test_sanitize_of_real_drives() -> None:
    assert ata.sanitize(text("sandisk-I.txt")) == ata.Sanitize(True, False, False)
    assert ata.sanitize(text("crucial-m4-locked-I.txt")) == ata.Sanitize(False, False, False)
    micron = QEMU + text("micron-frozen-I-part.txt")
    assert ata.sanitize(micron) == ata.Sanitize(True, True, True)
    assert ata.sanitize(QEMU) == ata.Sanitize(False, False, False)


def test_sanitize_without_the_feature_set_means_nothing() -> None:
    without = text("sandisk-I.txt").replace(
        "   *\tSANITIZE feature set", "    \tSANITIZE feature set"
    )
    assert ata.sanitize(without) == ata.Sanitize(False, False, False)


def test_no_identity_is_unknown() -> None:
    for empty in ("", "\n/dev/sdb:\n", "\n/dev/sdb:\n\nATA device\n\tModel Number:       \n"):
        assert ata.security(empty) is None
        assert ata.sanitize(empty) is None


def test_sanitize_status_as_recorded() -> None:
    assert status(text("sanitize-done.txt")) == ata.SanitizeState("idle", succeeded=True)
    assert status(text("sanitize-running.txt")) == ata.SanitizeState("running", percent=25.69)
    unsupported = status("\n/dev/sda:\n", text("sanitize-unsupported.err"), 22)
    assert unsupported.state == "unsupported"


def test_sanitize_status_of_a_drive_that_never_understood_the_question() -> None:
    """hdparm exits 0 and prints SD0: what a failed disk would look like as well."""
    found = status(text("sanitize-mx500.txt"), text("sanitize-mx500.err"))
    assert (found.state, found.succeeded) == ("unknown", False)
    assert "bad/missing sense data" in (found.reason or "")
    # Even with the success line: what was not understood is not read.
    found = status(text("sanitize-done.txt"), text("sanitize-mx500.err"))
    assert (found.state, found.succeeded) == ("unknown", False)


@pytest.mark.parametrize(
    ("out", "err", "code", "state"),
    [
        # The rest is composed from the source of hdparm 9.65 (do_sanitize_cmd), not recorded.
        ("    State:    SD1 Sanitize Frozen\n", "", 0, "frozen"),
        ("    State:    SD0 Sanitize Idle\n    Antifreeze bit set\n", "", 0, "idle"),
        ("    State:    SD3 Sanitize Operation Failed\n", "", 0, "failed"),
        ("    State:    SD9 something new\n", "", 0, "unknown"),
        ("    State:    SD0 Sanitize Idle\n", "", 5, "unknown"),
        ("    State:    SD0 Sanitize Idle\n", "", None, "unknown"),
        ("", "", 0, "unknown"),
        ("", "SANITIZE failed: Input/output error\n", 5, "unknown"),
        (
            "",
            "SANITIZE failed: Input/output error\n"
            "SANITIZE device error reason: Last Sanitize Command completed unsuccessfully\n"
            "Drive in SD3 Sanitize Operation Failed state\n",
            5,
            "failed",
        ),
        (
            "",
            "SANITIZE failed: Input/output error\n"
            "SANITIZE device error reason: Device in FROZEN state\n",
            5,
            "frozen",
        ),
        ("", "hdparm is not installed", None, "unknown"),
        ("", "/dev/sda: No such file or directory", 2, "unknown"),
    ],
)
def test_every_other_sanitize_status(out: str, err: str, code: int | None, state: str) -> None:
    found = status(out, err, code)
    assert found.state == state
    assert not found.succeeded
    assert found.antifreeze == ("Antifreeze" in out)


@pytest.mark.parametrize(
    ("progress", "percent"), [("0x0", 0.0), ("0x8000", 50.0), ("0xffff", 100.0)]
)
def test_sanitize_progress(progress: str, percent: float) -> None:
    running = text("sanitize-running.txt").replace("0x41c2", progress)
    assert status(running).percent == pytest.approx(percent, abs=0.01)


def test_overlay_as_recorded() -> None:
    answer = text("dco-seagate.txt")
    found = ata.Overlay(revision=2, real_sectors=5860533168)
    assert ata.overlay(answer, "", 5860533168) == found
    assert ata.overlay(answer, "", 5860531055) == found, "it may hide sectors"
    assert ata.overlay(answer, "", 5860533169) is None, "less than the disk shows is nonsense"
    assert ata.overlay(answer, "", None) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5860533168", "1"),  # what hdparm prints for an answer that never came (shredos #301)
        ("5860533168", "18446744072635809792"),  # a sign extended (nwipe #448)
        ("0x0002", "0x0000 -- unknown, treating as 0002"),
        ("0x0002", "0x0000"),
        ("0x0002", "0x0003"),
        ("DCO Checksum verified.", "DCO Checksum FAILED!"),
        ("Real max sectors", "Real sectors"),
    ],
)
def test_overlay_that_is_not_believed(old: str, new: str) -> None:
    assert old in text("dco-seagate.txt")
    assert ata.overlay(text("dco-seagate.txt").replace(old, new), "", 976773168) is None


def test_overlay_with_any_complaint_is_not_believed() -> None:
    complaint = text("security-rejected-intenso.err")
    assert ata.overlay(text("dco-seagate.txt"), complaint, 976773168) is None
    assert ata.overlay(text("dco-seagate.txt"), "?", 976773168) is None


def test_answers_of_a_lab_pc_are_no_answers() -> None:
    """Linux 6.12 and QEMU: every exit code is 0, and not one of these disks has what it says."""
    lab = RECORDED / "qemu-7.2-linux-6.12"
    for shown in (1, 524288):
        dco = (lab / "dco-identify.txt").read_text()
        assert ata.overlay(dco, (lab / "dco-identify.err").read_text(), shown) is None
        assert ata.overlay(dco, "", shown) is None
    asked = (lab / "sanitize-status.txt").read_text(), (lab / "sanitize-status.err").read_text()
    assert status(*asked, 22).state == "unsupported"
    assert ata.hidden_area((lab / "Np.txt").read_text(), (lab / "Np.err").read_text()) is None


def test_hidden_areas_as_recorded() -> None:
    assert ata.hidden_area(text("hpa-hidden.txt"), "") == ata.HiddenArea(True, 976771055, 976773168)
    assert ata.hidden_area(text("hpa-shown.txt"), "") == ata.HiddenArea(False, 976773168, 976773168)
    amax = ata.hidden_area(text("hpa-amax.txt"), "")
    assert amax is not None
    assert amax.present is True


def test_rotation() -> None:
    assert ata.rotation_rpm(text("sandisk-I.txt")) == 0
    assert ata.rotation_rpm(QEMU) is None, "recorded before lab disks were told to turn"
    rate = "\tNominal Media Rotation Rate: {}\n"
    for said, rpm in (("7200", 7200), ("5400 ", 5400), ("unknown (0x0002]", None), ("", None)):
        assert ata.rotation_rpm(QEMU + rate.format(said)) == rpm


def test_shown_sectors() -> None:
    assert ata.shown_sectors(text("sandisk-I.txt")) == 976773168
    assert ata.shown_sectors(QEMU) == 2097152
    assert ata.shown_sectors(QEMU.replace("LBA48 ", "CHS ")) == 2097152
    assert ata.shown_sectors("") is None


def read_with(monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, Said]]) -> dict[str, Any]:
    """``ata.read`` with these answers to exactly these questions, in this order."""
    left = list(answers)

    def run(argv: list[str], seconds: float = 60) -> Said:
        del seconds
        question, said = left.pop(0)
        assert argv == ["hdparm", *question.split(), "/dev/sda"]
        return said

    monkeypatch.setattr(ata.tools, "run", run)
    found = ata.read("/dev/sda")
    assert left == []
    return found


def told(out: str = "", err: str = "", code: int = 0) -> Said:
    return Said(("hdparm",), code, out, err)


def test_facts_of_a_drive_with_sanitize(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_with(
        monkeypatch,
        [
            ("-I", told(text("sandisk-I.txt"))),
            ("-N", told(text("hpa-hidden.txt"))),
            ("--dco-identify", told(text("dco-seagate.txt"))),
            ("--sanitize-status", told(text("sanitize-done.txt"))),
        ],
    )
    assert found["sanitize"] == {
        "block": True,
        "overwrite": False,
        "crypto": False,
        "frozen": False,
    }
    assert found["dco"] == {"revision": 2, "real_sectors": 5860533168}
    assert found["hpa"] == {
        "present": True,
        "current_sectors": 976771055,
        "native_sectors": 976773168,
    }
    assert found["security"]["enhanced_minutes"] == 2


@pytest.mark.parametrize(
    ("status_", "frozen"),
    [
        (told("    State:    SD1 Sanitize Frozen\n"), True),
        (told(text("sanitize-mx500.txt"), text("sanitize-mx500.err")), None),
    ],
)
def test_facts_tell_whether_sanitize_is_frozen(
    monkeypatch: pytest.MonkeyPatch, status_: Said, frozen: bool | None
) -> None:
    answers = [("-I", told(text("sandisk-I.txt"))), ("-N", told()), ("--dco-identify", told())]
    found = read_with(monkeypatch, [*answers, ("--sanitize-status", status_)])
    assert found["sanitize"]["frozen"] is frozen
    assert (found["hpa"], found["dco"]) == (None, None)


def test_facts_of_a_drive_without_sanitize_do_not_ask_for_its_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [("-I", told(QEMU)), ("-N", told()), ("--dco-identify", told())]
    found = read_with(monkeypatch, answers)
    assert found["sanitize"] == {
        "block": False,
        "overwrite": False,
        "crypto": False,
        "frozen": None,
    }


def test_facts_of_a_disk_that_is_no_ata_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [("-I", told("\n/dev/sda:\n")), ("-N", told()), ("--dco-identify", told())]
    assert read_with(monkeypatch, answers) == dict.fromkeys(
        ("security", "sanitize", "hpa", "dco", "rotation_rpm")
    )
