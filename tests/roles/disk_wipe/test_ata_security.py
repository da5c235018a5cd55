"""ATA Security Erase against recorded answers: exact commands, and nothing left locked."""

from __future__ import annotations

import threading
from itertools import product
from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_erase import ata_security, firmware
from ansible.module_utils.netspring_erase.evidence import Evidence
from ansible.module_utils.netspring_erase.failures import (
    AbortedError,
    DiskError,
    RefusedError,
)

from tests.roles.disk_wipe.hdparm_replay import (
    BAD_SENSE,
    DEV,
    RECORDED,
    SANDISK,
    SIZE,
    Play,
    Step,
    flags,
    identify,
    text,
    version,
)

USER = ["hdparm", "--user-master", "u"]
SET = [*USER, "--security-set-pass", "netspring", DEV]
ERASE = [*USER, "--security-erase", "netspring", DEV]
ENHANCED = [*USER, "--security-erase-enhanced", "netspring", DEV]
UNLOCK = [*USER, "--security-unlock", "netspring", DEV]
DISABLE = [*USER, "--security-disable", "netspring", DEV]
ENABLED = flags(enabled=True)
LOCKED = flags(enabled=True, locked=True)
EXPIRED = flags(LOCKED, **{"expired: security count": True})
# As recorded: martynas' notes on a Samsung SSD (mrtcode.github.io/ssd) and Ubuntu Forums, 2017.
WRONG = "SECURITY_UNLOCK: Input/output error\n"


def words(command: str) -> str:
    """hdparm's own words for a command, whether the drive took it or not."""
    mode = ", mode=high" if command == "SET_PASS" else ""
    return (
        'security_password: "netspring"\n\n/dev/sda:\n '
        f'Issuing SECURITY_{command} command, password="netspring", user=user{mode}\n'
    )


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path / "disk")


def suitable_and_before() -> list[Step]:
    """Suitable, status before, version, and how long the erase may take."""
    return [identify(), identify(), version(), identify()]


@pytest.mark.parametrize(
    ("method", "command"),
    [("ata_security_erase", ERASE), ("ata_security_erase_enhanced", ENHANCED)],
)
def test_a_drive_that_keeps_its_word(play: Play, method: str, command: list[str]) -> None:
    play.steps = [
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(ENABLED),  # the drive itself says that the password is set
        Step(command, words("ERASE"), deed=play.erase, longest=(2 + 90) * 60 + 1800),
        identify(),  # status after: no password any more
        identify(),  # and nothing to tidy
    ]
    with play.work(method=method) as work:
        assert firmware.first_that_works(work) == method
    (attempt,) = work.evidence.attempts
    assert attempt["argv"] == command
    assert [each["argv"] for each in attempt["commands_before"]] == [
        SET,
        ["hdparm", "-I", DEV],
    ]
    assert attempt["error"] is None
    assert attempt["status_before"]["enabled"] is False
    assert attempt["status_after"]["enabled"] is False
    assert attempt["status_after"]["state"] == "completed"
    assert attempt["canaries_changed"] == len(work.planted)


def fault_of(play: Play, *steps: Step, method: str = "ata_security_erase") -> str:
    """Why the method did not work; the plan goes on to overwrite."""
    play.steps = list(steps)
    with play.work(method=method, fallback=["overwrite"]) as work:
        assert firmware.first_that_works(work) == "overwrite"
    (attempt,) = work.evidence.attempts
    return str(attempt["error"])


LAB = RECORDED / "qemu-7.2-linux-6.12"


def lab(name: str, argv: list[str]) -> Step:
    """What hdparm really said in a lab PC, whose disk knows no ATA Security; it exited 0."""
    out, err = ((LAB / f"{name}.{end}").read_text() for end in ("txt", "err"))
    return Step(argv, out, err, 0)


@pytest.mark.parametrize("recorded", [True, False])
def test_set_pass_that_the_drive_did_not_take_though_hdparm_exits_0(
    play: Play, recorded: bool
) -> None:
    """QEMU's ide-hd, recorded in a lab PC, and the real drives of recorded/hdparm: rc 0."""
    other = Step(SET, words("SET_PASS"), BAD_SENSE)
    fault = fault_of(
        play,
        *suitable_and_before(),
        lab("security-set-pass", SET) if recorded else other,
        identify(),
        identify(),
    )
    assert "did not understand" in fault
    assert ERASE not in play.seen, "no erase without a password that is really set"


def test_stopped_between_password_and_erase(play: Play) -> None:
    """The erase would take hours and cannot be stopped; so it is not begun, and nothing is left."""
    stop = threading.Event()
    play.steps = [
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        Step(["hdparm", "-I", DEV], ENABLED, deed=stop.set),
        identify(ENABLED),  # status after
        identify(ENABLED),  # tidy: the password is taken off
        Step(DISABLE, words("DISABLE")),
        identify(),
    ]
    with play.work(stop, method="ata_security_erase") as work, pytest.raises(AbortedError):
        firmware.first_that_works(work)
    assert ERASE not in play.seen


def test_set_pass_without_any_complaint_that_left_no_password(play: Play) -> None:
    fault = fault_of(
        play,
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(),
        identify(),
        identify(),
    )
    assert fault == "the drive did not take the password, though hdparm reported success"
    assert ERASE not in play.seen


def test_the_words_used_here_are_those_of_hdparm() -> None:
    for command in ("SET_PASS", "ERASE", "UNLOCK", "DISABLE"):
        name = f"security-{command.lower().replace('_', '-')}.txt"
        assert words(command) == (LAB / name).read_text()


def test_erase_that_was_refused_is_not_left_locked(play: Play) -> None:
    fault = fault_of(
        play,
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(ENABLED),
        lab("security-erase", ERASE),
        identify(ENABLED),  # status after
        identify(ENABLED),  # tidy: still enabled
        Step(DISABLE, words("DISABLE")),
        identify(),
    )
    assert "did not understand" in fault


def test_erase_reported_done_with_the_password_still_set(play: Play) -> None:
    """A drive that erased itself has no password; one that still has it has not."""
    fault = fault_of(
        play,
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(ENABLED),
        Step(ERASE, words("ERASE")),
        identify(ENABLED),
        identify(ENABLED),
        Step(DISABLE, words("DISABLE")),
        identify(),
    )
    assert fault == "the device says that it failed (its password is still set)"


def test_erase_reported_done_with_the_data_left(play: Play) -> None:
    fault = fault_of(
        play,
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(ENABLED),
        Step(ERASE, words("ERASE")),
        identify(),
        identify(),
    )
    assert "but only 0 of" in fault


def test_a_password_that_cannot_be_taken_off_fails_the_disk(play: Play) -> None:
    """After the erase the drive is locked and refuses our password (Arch forum 221957)."""
    play.steps = [
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(ENABLED),
        Step(ERASE, words("ERASE"), BAD_SENSE),
        identify(LOCKED),
        identify(LOCKED),
        Step(UNLOCK, words("UNLOCK"), WRONG, 5),
        identify(LOCKED),
        Step(UNLOCK, words("UNLOCK"), WRONG, 5),
        identify(LOCKED),
        Step(UNLOCK, words("UNLOCK"), WRONG, 5),
        identify(LOCKED),
    ]
    with (
        play.work(method="ata_security_erase", fallback=["overwrite"]) as work,
        pytest.raises(DiskError, match="ours \\(netspring\\) does not take it off"),
    ):
        firmware.first_that_works(work)
    assert DISABLE not in play.seen, "it would count a wrong password twice"


def test_stopped_during_the_erase_it_is_tidied_all_the_same(play: Play) -> None:
    stop = threading.Event()
    play.steps = [
        *suitable_and_before(),
        Step(SET, words("SET_PASS")),
        identify(ENABLED),
        Step(ERASE, words("ERASE"), BAD_SENSE, deed=stop.set),
        identify(ENABLED),
        identify(ENABLED),
        Step(DISABLE, words("DISABLE")),
        identify(),
    ]
    with play.work(stop, method="ata_security_erase") as work, pytest.raises(AbortedError):
        firmware.first_that_works(work)


FROZEN = flags(frozen=True)


@pytest.mark.parametrize(
    ("identity", "method", "says"),
    [
        (FROZEN, "ata_security_erase", "--unfreeze"),
        (LOCKED, "ata_security_erase", "PSID"),
        (ENABLED, "ata_security_erase", "PSID"),
        (EXPIRED, "ata_security_erase", "too many wrong ones"),
        (
            flags(**{"supported: enhanced erase": False}),
            "ata_security_erase_enhanced",
            "no enhanced",
        ),
        ((RECORDED / "qemu-7.2/hdparm-I-sda.txt").read_text(), "ata_security_erase", "no ATA Sec"),
        ("\n/dev/sda:\n", "ata_security_erase", "does not identify itself"),
    ],
)
def test_drives_to_which_nothing_is_sent(play: Play, identity: str, method: str, says: str) -> None:
    assert says in fault_of(play, identify(identity), method=method)


def test_not_on_battery(play: Play) -> None:
    play.battery = True
    assert "mains adapter" in fault_of(play)


@pytest.mark.parametrize("bits", list(product([True, False], repeat=4)))
def test_every_security_word_but_one_is_unsuitable(play: Play, bits: tuple[bool, ...]) -> None:
    names = ("enabled", "locked", "frozen", "expired: security count")
    play.steps = [identify(flags(**dict(zip(names, bits, strict=True))))]
    method = ata_security.METHODS[0]
    fault = method.unsuitable(play.target(method=method.name))
    assert (fault is None) is (not any(bits))


# --- a drive that was left with our password ---------------------------------------------------


def recovered(play: Play, *steps: Step, method: str = "ata_security_erase") -> Evidence:
    play.steps = list(steps)
    planned = {"serial": "S1", "path": DEV, "method": method, "fallback": ["overwrite"]}
    evidence = Evidence(planned)
    ata_security.recover(planned, play.disk, play.probe(), evidence)
    assert play.steps == []
    return evidence


def test_interrupted_after_set_pass_and_power_lost(play: Play) -> None:
    evidence = recovered(
        play,
        identify(LOCKED),
        identify(LOCKED),
        Step(UNLOCK, words("UNLOCK")),
        identify(ENABLED),
        Step(DISABLE, words("DISABLE")),
        identify(),
    )
    assert [each["argv"] for each in evidence.attempts] == [UNLOCK, DISABLE]
    assert {each["method"] for each in evidence.attempts} == {"ata_unlock"}
    assert evidence.attempts[0]["status_before"]["locked"] is True
    assert evidence.attempts[0]["status_after"]["enabled"] is False


def test_interrupted_after_set_pass_with_the_power_on(play: Play) -> None:
    evidence = recovered(
        play, identify(ENABLED), identify(ENABLED), Step(DISABLE, words("DISABLE")), identify()
    )
    assert [each["argv"] for each in evidence.attempts] == [DISABLE]


def test_unlocks_at_the_third_try(play: Play) -> None:
    recovered(
        play,
        identify(LOCKED),
        identify(LOCKED),
        Step(UNLOCK, err=WRONG, code=5),
        identify(LOCKED),
        Step(UNLOCK, err=BAD_SENSE),
        identify(LOCKED),
        Step(UNLOCK, words("UNLOCK")),
        identify(ENABLED),
        Step(DISABLE, words("DISABLE")),
        identify(),
    )


def refused(play: Play, *steps: Step) -> str:
    with pytest.raises(RefusedError) as refusal:
        recovered(play, *steps)
    assert play.steps == []
    return str(refusal.value)


def test_wrong_password_is_tried_three_times_and_no_more(play: Play) -> None:
    tries = [Step(UNLOCK, words("UNLOCK"), WRONG, 5), identify(LOCKED)] * 3
    reason = refused(play, identify(LOCKED), identify(LOCKED), *tries)
    assert play.seen.count(UNLOCK) == 3
    assert "/dev/sda (serial S1)" in reason
    assert "PSID" in reason


def test_a_drive_that_counts_to_its_end_earlier_is_left_alone(play: Play) -> None:
    tries = [Step(UNLOCK, words("UNLOCK"), WRONG, 5), identify(EXPIRED)]
    reason = refused(play, identify(LOCKED), identify(LOCKED), *tries)
    assert play.seen.count(UNLOCK) == 1
    assert "switch the PC off and on, then run: hdparm --user-master u" in reason


@pytest.mark.parametrize(
    ("identity", "says"),
    [
        (text("crucial-m4-locked-I.txt"), "too many wrong ones"),
        (flags(LOCKED, frozen=True), "pull its power"),
        (flags(ENABLED, frozen=True), "pull its power"),
    ],
)
def test_nothing_is_sent_where_it_cannot_help(play: Play, identity: str, says: str) -> None:
    assert says in refused(play, identify(identity), identify(identity))


def test_somebody_elses_password_on_an_open_drive(play: Play) -> None:
    steps = [identify(ENABLED), identify(ENABLED), Step(DISABLE, err=BAD_SENSE), identify(ENABLED)]
    assert "ours (netspring)" in refused(play, *steps)


@pytest.mark.parametrize("identity", [SANDISK, "\n/dev/sda:\n", FROZEN])
def test_nothing_is_sent_to_a_drive_without_a_password(play: Play, identity: str) -> None:
    assert recovered(play, identify(identity)).attempts == []


@pytest.mark.parametrize("method", ["overwrite", "ata_sanitize_block"])
def test_nothing_is_even_asked_where_the_plan_has_no_ata_security(play: Play, method: str) -> None:
    assert recovered(play, method=method).attempts == []
    assert play.seen == []


def test_an_answer_that_stops_coming_is_no_open_drive(play: Play) -> None:
    steps = [identify(LOCKED), identify(LOCKED), Step(UNLOCK), identify("")]
    assert "does not identify itself any more" in refused(play, *steps)


def test_longest_time_by_what_the_drive_says_or_by_its_size(play: Play) -> None:
    method = ata_security.METHODS[0]
    by_size = SIZE / ata_security.SLOWEST + 2 * ata_security.HALF_HOUR
    for line, seconds in (
        ("160min for SECURITY ERASE UNIT.", (160 + 90) * 60 + 1800),
        ("more than 508min for SECURITY ERASE UNIT.", (508 + 90) * 60 + 1800),
        ("", by_size),
    ):
        old = "2min for SECURITY ERASE UNIT. 2min for ENHANCED SECURITY ERASE UNIT."
        play.steps = [identify(SANDISK.replace(old, line))]
        assert method.command_limit(play.target(method=method.name)) == pytest.approx(seconds)
    assert ata.security(SANDISK) is not None
