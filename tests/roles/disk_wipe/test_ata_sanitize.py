"""ATA Sanitize against recorded answers: exact commands, and no success but the drive's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks.ata import SanitizeState
from ansible.module_utils.netspring_erase import ata_sanitize, firmware, methods
from ansible.module_utils.netspring_erase.failures import DiskError

from tests.roles.disk_wipe.hdparm_replay import (
    ALL_SANITIZE,
    DEV,
    SANDISK,
    STATUS,
    Play,
    Step,
    flags,
    identify,
    text,
    version,
)

KNOWING = ["hdparm", "--yes-i-know-what-i-am-doing"]
BLOCK = [*KNOWING, "--sanitize-block-erase", DEV]
CRYPTO = [*KNOWING, "--sanitize-crypto-scramble", DEV]
OVERWRITE = [*KNOWING, "--sanitize-overwrite-passes", "1", "--sanitize-overwrite"]
OVERWRITE += ["hex:00000000", DEV]
STARTED = "\n/dev/sda:\nIssuing SANITIZE_BLOCK_ERASE command\nOperation started in background\n"
# Composed from hdparm's source (do_sanitize_cmd): a drive that never sanitized itself.
NEVER = "\n/dev/sda:\nIssuing SANITIZE_STATUS command\nSanitize status:\n"
NEVER += "    State:    SD0 Sanitize Idle\n"
FAILED = "SANITIZE failed: Input/output error\n"
FAILED += "SANITIZE device error reason: Last Sanitize Command completed unsuccessfully\n"
FAILED += "Drive in SD3 Sanitize Operation Failed state\n"


def idle() -> Step:
    return Step(STATUS, NEVER)


def done() -> Step:
    return Step(STATUS, text("sanitize-done.txt"))


def running() -> Step:
    return Step(STATUS, text("sanitize-running.txt"))


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path / "disk")


@pytest.mark.parametrize(
    ("method", "command"),
    [
        ("ata_sanitize_block", BLOCK),
        ("ata_sanitize_crypto", CRYPTO),
        ("ata_sanitize_overwrite", OVERWRITE),
    ],
)
def test_a_drive_that_keeps_its_word(play: Play, method: str, command: list[str]) -> None:
    play.steps = [
        identify(ALL_SANITIZE),
        idle(),  # suitable
        idle(),  # before
        version(),
        Step(command, STARTED, deed=play.erase),
        running(),
        running(),
        done(),
    ]
    with play.work(method=method) as work:
        assert firmware.first_that_works(work) == method
    (attempt,) = work.evidence.attempts
    assert attempt["argv"] == command
    assert attempt["error"] is None
    assert attempt["tool"] == "hdparm v9.65"
    assert attempt["status_before"]["state"] == "never"
    assert attempt["status_after"]["state"] == "completed"
    assert attempt["status_after"]["succeeded"] is True
    assert attempt["canaries_changed"] == len(work.planted)
    assert play.seconds == 2 * methods.POLL_SECONDS


def fault_of(play: Play, *steps: Step, method: str = "ata_sanitize_block") -> str:
    """Why the method did not work; the plan goes on to overwrite."""
    play.steps = list(steps)
    with play.work(method=method, fallback=["overwrite"]) as work:
        assert firmware.first_that_works(work) == "overwrite"
    (attempt,) = work.evidence.attempts
    assert work.evidence.limits == [{"code": "fallback", "detail": f"{method}: {attempt['error']}"}]
    return str(attempt["error"])


def test_unsupported(play: Play) -> None:
    fault = fault_of(play, identify(), method="ata_sanitize_crypto")
    assert fault == "the drive has no Sanitize by new encryption key"


def test_a_drive_that_says_it_has_it_but_does_not_tell_its_status(play: Play) -> None:
    nothing = Step(STATUS, "\n/dev/sda:\n", text("sanitize-unsupported.err"), 22)
    assert "does not tell where its Sanitize stands" in fault_of(play, identify(), nothing)


def test_frozen(play: Play) -> None:
    frozen = Step(STATUS, NEVER.replace("SD0 Sanitize Idle", "SD1 Sanitize Frozen"))
    fault = fault_of(play, identify(), frozen)
    assert fault == ata_sanitize.FROZEN
    assert "--unfreeze" in fault


def test_locked(play: Play) -> None:
    locked = identify(flags(enabled=True, locked=True))
    assert fault_of(play, locked) == "the drive is locked by a password"


def test_hdparm_says_started_and_exits_0_but_the_drive_aborted_it(play: Play) -> None:
    """Recorded from a Crucial MX500: nothing was erased, and hdparm saw no fault."""
    fault = fault_of(
        play,
        identify(),
        idle(),
        idle(),
        version(),
        Step(BLOCK, text("sanitize-start-mx500.txt"), text("sanitize-start-mx500.err")),
        Step(STATUS, text("sanitize-mx500.txt"), text("sanitize-mx500.err")),
    )
    assert "did not understand" in fault
    assert "bad/missing sense data" in fault


def test_stale_success_is_told_apart(play: Play) -> None:
    """The bit of years ago is still there, the command was taken, and nothing happened."""
    steps = [identify(), done(), done(), version(), Step(BLOCK, STARTED)]
    fault = fault_of(play, *steps, done(), done())  # asked twice: some tell a moment later
    assert "earlier erase" in fault


def test_fast_success_over_a_stale_one_is_proven_by_the_canaries(play: Play) -> None:
    """A crypto scramble may end before the first look; then only the canaries tell."""
    play.steps = [
        *(identify(ALL_SANITIZE), done(), done(), version()),
        *(Step(CRYPTO, STARTED, deed=play.erase), done(), done()),
    ]
    with play.work(method="ata_sanitize_crypto") as work:
        assert firmware.first_that_works(work) == "ata_sanitize_crypto"
    assert work.evidence.attempts[0]["status_before"]["state"] == "completed"


def test_reported_success_that_left_the_data(play: Play) -> None:
    steps = (identify(), idle(), idle(), version(), Step(BLOCK, STARTED), running(), done())
    fault = fault_of(play, *steps)
    assert "reported success, but only 0 of" in fault


def test_failed(play: Play) -> None:
    failed = Step(STATUS, "\n/dev/sda:\nIssuing SANITIZE_STATUS command\n", FAILED, 5)
    steps = (identify(), idle(), idle(), version(), Step(BLOCK, STARTED), running(), failed)
    fault = fault_of(play, *steps)
    assert "the device says that it failed" in fault
    assert "SD3" in fault


def test_idle_without_success_is_no_success(play: Play) -> None:
    steps = [identify(), idle(), idle(), version(), Step(BLOCK, STARTED, deed=play.erase)]
    steps += [idle(), idle()]
    assert "knows nothing of it" in fault_of(play, *steps)


def test_stuck(play: Play) -> None:
    """It says "25 %" for hours: the disk has failed, and nothing else is tried on it."""
    limit = 2 * ata_sanitize.HOUR
    looks = int(limit / methods.POLL_SECONDS) + 2
    play.steps = [identify(), idle(), idle(), version(), Step(BLOCK, STARTED)]
    play.steps += [running() for _ in range(looks)]
    with (
        play.work(method="ata_sanitize_block", fallback=["overwrite"]) as work,
        pytest.raises(DiskError, match="for more than 2 h"),
    ):
        firmware.first_that_works(work)
    assert play.seconds > limit


def test_a_sanitize_that_a_power_cut_did_not_stop_is_polled_first(play: Play) -> None:
    play.steps = [running(), version(), running(), done()]
    at = play.target(method="ata_sanitize_block")
    with play.work(method="ata_sanitize_block") as work:
        play.seen.clear()
        firmware.finish_running(at, work.evidence)
    assert BLOCK not in play.seen, "it is not sent again"
    (attempt,) = work.evidence.attempts
    assert attempt["rc"] is None
    assert "under way" in attempt["error"]
    assert attempt["status_after"]["state"] == "completed"


def test_a_usb_box_is_never_asked(play: Play) -> None:
    at = play.target(method="ata_sanitize_block")
    usb = methods.Target(
        at.disk.__class__(**{**at.disk.__dict__, "bus": "usb"}),
        *(at.planned, at.probe, at.progress, at.stop),
    )
    assert "own SATA" in (ata_sanitize.METHODS[0].unsuitable(usb) or "")
    assert play.seen == []


def test_no_identity(play: Play) -> None:
    assert fault_of(play, identify("\n/dev/sda:\n")) == "the drive does not identify itself"


@pytest.mark.parametrize(
    ("state", "fits"),
    [("idle", True), ("running", True), ("failed", True)]
    + [(state, False) for state in ("frozen", "unsupported", "unknown")],
)
@pytest.mark.parametrize("succeeded", [True, False])
def test_every_state_that_a_sanitize_may_start_from(
    state: str, succeeded: bool, fits: bool
) -> None:
    assert (ata_sanitize.unready(SanitizeState(state, succeeded)) is None) is fits


def test_limits_grow_with_the_disk_only_where_it_is_rewritten(play: Play) -> None:
    at = play.target(method="ata_sanitize_block")
    by_name = {method.name: method for method in ata_sanitize.METHODS}
    assert by_name["ata_sanitize_block"].limit(at) == 2 * ata_sanitize.HOUR
    assert by_name["ata_sanitize_overwrite"].limit(at) > 2 * ata_sanitize.HOUR
    assert flags() == SANDISK
