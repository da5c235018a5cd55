"""The rule of the verdict: nothing passes unless every check ran, passed, and was proven."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from netspring_provision import verdict
from netspring_provision.checks.catalogue import Words
from netspring_provision.checks.expectation import Expectation
from netspring_provision.verdict import Case, MachineVerdict, Standing, judge

NONCE = "5" * 32
UUID = "11112222-3333-4444-5555-666677778888"
EXPECTED = Expectation("pc-1", "pc-1", "core", "zh_CN", uuid=UUID)


def good_cases(uuid: str = UUID, nonce: str = NONCE) -> list[Case]:
    sentinel = {"machine_uuid": uuid, "machine_proof": verdict.proof_of(nonce, uuid)}
    return [
        Case(
            f"test_{name}",
            "passed",
            "",
            0.1,
            sentinel if name == verdict.SENTINEL else {"seen": "x"},
        )
        for name in EXPECTED.required
    ]


def changed(name: str, **changes: str) -> list[Case]:
    return [
        dataclasses.replace(case, **changes) if case.name == f"test_{name}" else case
        for case in good_cases()
    ]


def test_all_passed_and_proven_is_passed() -> None:
    standing, reason, checks = judge(EXPECTED, good_cases(), 0, NONCE)
    assert standing is Standing.PASSED
    assert reason is None
    assert [check.name for check in checks] == list(EXPECTED.required)


def test_a_failed_check_fails_the_machine_with_its_sentence() -> None:
    cases = changed("clock_is_right", outcome="failed", message="it is 9000 s off")
    standing, reason, checks = judge(EXPECTED, cases, 1, NONCE)
    assert standing is Standing.FAILED
    assert reason is not None
    assert f"1 of {len(checks)}" in reason.en
    (bad,) = [check for check in checks if not check.passed]
    assert bad.message == "it is 9000 s off"
    assert "CR2032" in bad.mend.en
    assert "CR2032" in bad.mend.zh


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped"])
def test_exit_code_nought_does_not_hide_what_the_cases_say(outcome: str) -> None:
    cases = changed("clock_is_right", outcome=outcome)
    assert judge(EXPECTED, cases, 0, NONCE)[0] is Standing.FAILED


def test_nothing_collected_is_broken() -> None:
    standing, reason, _ = judge(EXPECTED, [], 5, NONCE)
    assert standing is Standing.BROKEN
    assert reason is not None
    assert reason.en == "No check was made."


def test_a_check_that_did_not_run_is_broken_even_if_all_others_passed() -> None:
    standing, _, checks = judge(EXPECTED, good_cases()[:-1], 0, NONCE)
    assert standing is Standing.BROKEN
    assert checks[-1].outcome == "missing"


@pytest.mark.parametrize("code", [2, 3, 4, 5, -15, -9])
def test_a_pytest_that_broke_off_is_broken(code: int) -> None:
    assert judge(EXPECTED, good_cases(), code, NONCE)[0] is Standing.BROKEN


def test_all_passed_but_exit_code_one_is_broken() -> None:
    assert judge(EXPECTED, good_cases(), 1, NONCE)[0] is Standing.BROKEN


def test_a_case_that_nobody_asked_for_is_broken() -> None:
    stray = Case("test_something", "passed", "", 0.0, {})
    assert judge(EXPECTED, [*good_cases(), stray], 0, NONCE)[0] is Standing.BROKEN


def test_a_check_written_twice_counts_by_its_worse_half() -> None:
    twice = Case("test_clock_is_right", "error", "broke in clean-up", 0.0, {})
    standing, _, checks = judge(EXPECTED, [*good_cases(), twice], 1, NONCE)
    assert standing is Standing.FAILED
    assert "broke in clean-up" in {check.message for check in checks}


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(good_cases(nonce="6" * 32), id="an answer to another question"),
        pytest.param(good_cases(uuid="another-machine"), id="another machine"),
        pytest.param(
            [dataclasses.replace(c, properties={"seen": "x"}) for c in good_cases()], id="no proof"
        ),
    ],
)
def test_without_the_machines_own_proof_nothing_has_passed(cases: list[Case]) -> None:
    standing, reason, _ = judge(EXPECTED, cases, 0, NONCE)
    assert standing is Standing.BROKEN
    assert reason is not None
    assert "very PC" in reason.en


def machine(host: str, machine_id: str, standing: Standing = Standing.PASSED) -> MachineVerdict:
    checks = judge(EXPECTED, good_cases(), 0, NONCE)[2]
    own = {"machine_machine_id": machine_id, "machine_ssh_host_keys": f"ssh-ed25519 {host}"}
    reason = None if standing is Standing.PASSED else Words("坏", "bad")
    return MachineVerdict(
        host, "core", standing, reason, checks, 1.0, Path("/nowhere"), machine=own
    )


def test_two_machines_with_one_machine_id_both_fail_and_name_each_other() -> None:
    verdicts = verdict.told_apart([machine("a", "1"), machine("b", "2"), machine("c", "1")])
    assert [v.passed for v in verdicts] == [False, True, False]
    (bad,) = verdicts[0].failures
    assert bad.name == "machine_id_is_its_own"
    assert bad.message == "the same as on c"
    assert "1 of" in (verdicts[0].reason or Words("", "")).en


def test_machines_that_said_nothing_are_not_the_same() -> None:
    silent = dataclasses.replace(machine("a", ""), machine={}, standing=Standing.UNREACHABLE)
    verdicts = verdict.told_apart([silent, dataclasses.replace(silent, host="b")])
    assert [v.standing for v in verdicts] == [Standing.UNREACHABLE] * 2


def test_a_verdict_comes_back_from_the_record_as_it_was() -> None:
    for standing in Standing:
        before = machine("a", "1", standing)
        after = MachineVerdict.from_data(json.loads(json.dumps(before.as_data())))
        assert after == dataclasses.replace(before, facts={})


def test_as_data_is_plain_and_says_whether_it_passed() -> None:
    data = machine("a", "1").as_data()
    assert data["passed"] is True
    assert data["standing"] == "passed"
    assert "facts" not in data
    assert data["folder"] == "/nowhere"
