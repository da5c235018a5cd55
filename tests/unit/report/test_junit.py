"""JUnit: what pytest writes is read whole, what we write counts every bad machine."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from netspring_provision.checks.catalogue import Words
from netspring_provision.report import junit
from netspring_provision.verdict import CheckResult, MachineVerdict, Standing, unchecked

WRITTEN = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="4">
<testcase classname="c" name="test_a" time="0.25"><properties>
<property name="seen" value="4 &amp; 5"/></properties></testcase>
<testcase name="test_b" time="0"><failure message="Failed: it is off">E   x</failure></testcase>
<testcase name="test_c"><error message='failed on setup with "Failed: no answer"'>E
</error></testcase>
<testcase name="test_d"><skipped type="pytest.skip" message="why">x</skipped></testcase>
</testsuite></testsuites>
"""


def test_cases_are_read_with_outcome_message_and_properties(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(WRITTEN)
    cases = junit.read_cases(path)
    assert [case.outcome for case in cases] == ["passed", "failed", "error", "skipped"]
    assert [case.message for case in cases] == ["", "it is off", "no answer", "why"]
    assert cases[0].properties == {"seen": "4 & 5"}
    assert cases[0].seconds == 0.25


@pytest.mark.parametrize("text", [None, "", "<testsuites><testcase", WRITTEN[:200]])
def test_a_file_that_is_missing_or_cut_off_is_an_error(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "junit.xml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match="cannot be read as JUnit"):
        junit.read_cases(path)


def check(outcome: str, message: str = "") -> CheckResult:
    words = Words("问", "Asked?")
    return CheckResult("a", outcome, "seen <it>", message, 0.5, words, Words("修", "Mend it."))


def verdict(standing: Standing, *checks: CheckResult) -> MachineVerdict:
    reason = None if standing is Standing.PASSED else Words("坏", "bad")
    return MachineVerdict("pc <1>", "core", standing, reason, checks, 2.0, Path("/x"))


def suite(*verdicts: MachineVerdict) -> list[ET.Element]:
    return list(ET.fromstring(junit.render(verdicts)).iter("testsuite"))  # noqa: S314


def test_counts_and_names() -> None:
    (found,) = suite(
        verdict(Standing.FAILED, check("passed"), check("failed", "x"), check("missing", "y"))
    )
    assert found.get("name") == "pc <1>"
    assert [found.get(key) for key in ("tests", "failures", "errors", "skipped")] == list("4110")
    failure = found.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "x"
    assert "Mend it." in (failure.text or "")
    assert "修" in (failure.text or "")


@pytest.mark.parametrize("standing", [Standing.UNREACHABLE, Standing.BROKEN])
def test_a_machine_without_checks_is_an_error_not_an_empty_success(standing: Standing) -> None:
    (found,) = suite(verdict(standing))
    assert found.get("errors") == "1"
    error = found.find(".//error")
    assert error is not None
    assert "bad" in str(error.get("message"))


def test_a_machine_that_never_came_to_its_checks_is_an_error(tmp_path: Path) -> None:
    (found,) = suite(unchecked("pc-9", "wipe: /dev/sda failed", tmp_path))
    error = found.find(".//error")
    assert error is not None
    assert "/dev/sda failed" in str(error.get("message"))


def test_a_left_out_check_counts_as_failure() -> None:
    (found,) = suite(verdict(Standing.FAILED, check("skipped", "left out")))
    assert found.get("failures") == "1"
    assert found.find(".//failure") is not None


def test_control_characters_of_a_machine_do_not_break_the_file() -> None:
    (found,) = suite(verdict(Standing.FAILED, check("failed", "a\x00b\x1b[31mc")))
    failure = found.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "a?b?[31mc"
