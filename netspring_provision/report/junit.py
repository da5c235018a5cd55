"""JUnit XML: reads what pytest wrote for one machine, writes one file for the whole room."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from netspring_provision.verdict import Case, MachineVerdict, Standing

REACHED = "machine_was_checked"


def read_cases(path: Path) -> tuple[Case, ...]:
    """The test cases of a JUnit file.

    Raises:
        ValueError: the file is missing, empty or not whole XML.
    """
    try:
        # Our own pytest wrote this file; expat refuses entities that would grow without end.
        root = ET.parse(path).getroot()  # noqa: S314
    except (OSError, ET.ParseError) as error:
        raise ValueError(f"{path} cannot be read as JUnit: {error}") from error
    return tuple(_case(element) for element in root.iter("testcase"))


def _case(element: ET.Element) -> Case:
    outcome, message = "passed", ""
    for kind, word in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = element.find(kind)
        if found is not None:
            outcome, message = word, _message(found)
            break
    return Case(
        name=element.get("name", ""),
        outcome=outcome,
        message=message,
        seconds=float(element.get("time", "0")),
        properties={
            entry.get("name", ""): entry.get("value", "") for entry in element.iter("property")
        },
    )


def _message(element: ET.Element) -> str:
    """The sentence of a failure, without the words that pytest puts before it."""
    text = element.get("message") or (element.text or "").strip().splitlines()[-1:] or ""
    said = text if isinstance(text, str) else text[0]
    for prefix in ("failed on setup with ", "failed on teardown with "):
        said = said.removeprefix(prefix)
    return said.strip('"').removeprefix("Failed: ")


def render(verdicts: Sequence[MachineVerdict], suite: str = "netspring") -> str:
    """One suite for each machine, one case for each check, and one for the machine itself.

    The last makes a machine that could not be reached at all count as an error.
    """
    root = ET.Element("testsuites", name=suite)
    for verdict in verdicts:
        root.append(_suite(verdict))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def write(verdicts: Sequence[MachineVerdict], path: Path) -> None:
    """Write :func:`render` to a file."""
    path.write_text(render(verdicts), encoding="utf-8")


def _suite(verdict: MachineVerdict) -> ET.Element:
    broken = verdict.standing in (Standing.UNREACHABLE, Standing.BROKEN)
    counts = [check.outcome for check in verdict.checks]
    suite = ET.Element(
        "testsuite",
        name=verdict.host,
        tests=str(len(counts) + 1),
        failures=str(counts.count("failed") + counts.count("skipped")),
        errors=str(counts.count("error") + counts.count("missing") + int(broken)),
        skipped="0",
        time=f"{verdict.seconds:.1f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("profile", verdict.profile),
        ("standing", verdict.standing),
        *sorted(verdict.machine.items()),
    ):
        ET.SubElement(properties, "property", name=name, value=_plain(str(value)))
    case = ET.SubElement(suite, "testcase", classname=verdict.host, name=REACHED, time="0")
    if broken and verdict.reason is not None:
        words = f"{verdict.reason.zh} {verdict.reason.en}"
        ET.SubElement(case, "error", message=_plain(words), type=str(verdict.standing))
    for check in verdict.checks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=verdict.host,
            name=check.name,
            time=f"{check.seconds:.2f}",
        )
        properties = ET.SubElement(case, "properties")
        for name, value in (
            ("ask_zh", check.ask.zh),
            ("ask_en", check.ask.en),
            ("mend_zh", check.mend.zh),
            ("mend_en", check.mend.en),
            ("seen", check.seen),
        ):
            ET.SubElement(properties, "property", name=name, value=_plain(value))
        if not check.passed:
            kind = "error" if check.outcome in ("error", "missing") else "failure"
            found = ET.SubElement(
                case, kind, message=_plain(check.message), type=f"netspring.{check.outcome}"
            )
            found.text = _plain(f"{check.mend.zh}\n{check.mend.en}")
    return suite


def _plain(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(
        sign if sign in "\t\n" or (sign >= " " and sign not in "\ufffe\uffff") else "?"
        for sign in text
    )
