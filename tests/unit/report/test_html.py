"""The HTML report: both languages, nothing from outside, nothing unescaped, no claim unproven."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from netspring_provision.checks import catalogue
from netspring_provision.checks.catalogue import Words
from netspring_provision.model import Claim, Limit, Outcome
from netspring_provision.outcome import DiskOutcome
from netspring_provision.report import html
from netspring_provision.report.model import Certificate, MachineReport, Picture, RoomReport
from netspring_provision.verdict import CheckResult, MachineVerdict, Standing

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
EVIDENCE = {
    "size_bytes": 160041885696,
    "verify": {"mode": "full", "bytes_read": 160041885696},
    "canaries": {"n": 66},
}
CLAIM = Claim("Clear", (Limit("reallocated"), Limit("a new limit", "of tomorrow")))
ERASED = DiskOutcome("WD-1", "/dev/sda", "WDC", Outcome.ERASED, None, "overwrite", EVIDENCE, CLAIM)
FAILED = DiskOutcome("WD-2", "/dev/sdb", "Bad", Outcome.FAILED, "read error at 9", "overwrite", {})


def checks(bad: str | None = None) -> tuple[CheckResult, ...]:
    found = []
    for name in catalogue.required("lite", "zh_CN"):
        text = catalogue.text_for(name, "lite")
        outcome, message = ("failed", "<script>boo</script>") if name == bad else ("passed", "")
        found.append(CheckResult(name, outcome, "seen", message, 0.1, text.ask, text.mend))
    return tuple(found)


def verdict(folder: Path, bad: str | None = None) -> MachineVerdict:
    picture = folder / "screenshot.png"
    picture.write_bytes(PNG)
    standing = Standing.FAILED if bad else Standing.PASSED
    reason = catalogue.reason("some_failed", bad=1, all=9) if bad else None
    return MachineVerdict(
        "pc-01", "lite", standing, reason, checks(bad), 83.0, folder,
        screenshot=picture, pictures=(("tuxpaint", picture),),
    )  # fmt: skip


def render(*machines: MachineReport) -> str:
    return html.render(RoomReport("my <room>", "run-1", "2026-11-24 15:00:00+08:00", machines))


class Outline(HTMLParser):
    """Tags and attributes, and whether every tag is closed in its turn."""

    VOID = frozenset({"meta", "input", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    assert found.open == []
    return found


def test_a_good_machine_shows_both_languages_and_its_pictures(tmp_path: Path) -> None:
    text = render(MachineReport("pc-01", verdict(tmp_path), (ERASED,), image="lite-zh_CN-1"))
    outline(text)
    assert "可以交付" in text
    assert "Ready to hand over" in text
    assert text.count("data:image/png;base64,") == 2
    for check in checks():
        assert check.ask.zh in text
    assert "160,041,885,696" in text
    assert "硬盘早先停用的坏扇区没有覆盖到" in text
    assert text.count("a new limit") == 2


def test_nothing_is_fetched_from_anywhere(tmp_path: Path) -> None:
    found = outline(render(MachineReport("pc-01", verdict(tmp_path), (ERASED,))))
    targets = [v for _, name, v in found.attributes if name in ("src", "href")]
    assert targets
    assert all(target.startswith(("data:image/", "#")) for target in targets)
    assert not [tag for tag, _, _ in found.attributes if tag in ("script", "link", "iframe")]
    policy = [v for tag, name, v in found.attributes if (tag, name) == ("meta", "content")]
    assert any(value.startswith("default-src 'none'") for value in policy)


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    disk = dataclasses.replace(FAILED, model="<b>disk</b>", reason="<i>why</i>")
    text = render(
        MachineReport("pc-01", verdict(tmp_path, "clock_is_right"), (disk,), trouble="<u>t</u>")
    )
    assert not re.search(r"<(script|b>disk|i>why|u>t|room)", text)
    assert "&lt;script&gt;boo" in text
    assert "my &lt;room&gt;" in text


def test_a_failed_check_says_what_to_do_in_both_languages(tmp_path: Path) -> None:
    text = render(MachineReport("pc-01", verdict(tmp_path, "clock_is_right")))
    mend = catalogue.texts()["clock_is_right"].mend
    assert mend.zh in text
    assert mend.en in text
    assert "<b>1</b>" in text  # one to pull aside
    assert "<b>0</b>" in text


@pytest.mark.parametrize(
    "disk",
    [
        FAILED,
        dataclasses.replace(ERASED, evidence={}),
        dataclasses.replace(ERASED, claim=None),
        dataclasses.replace(ERASED, claim=Claim("none", ())),
        dataclasses.replace(ERASED, outcome=Outcome.REFUSED),
    ],
)
def test_nothing_is_claimed_without_proof(disk: DiskOutcome) -> None:
    assert html.claim(disk) == html.say("no_claim")


def test_another_level_is_named_as_it_is() -> None:
    disk = dataclasses.replace(ERASED, claim=Claim("Purge technique (device-reported)", ()))
    assert "Purge technique (device-reported)" in html.claim(disk).zh


def test_samples_are_not_sold_as_every_byte() -> None:
    evidence = EVIDENCE | {"verify": {"mode": "sampled", "bytes_read": 12345678}}
    said = html.claim(dataclasses.replace(ERASED, evidence=evidence))
    assert "12,345,678" in said.en
    assert "Only samples" in said.en
    assert "抽样" in said.zh


@pytest.mark.parametrize(
    "machine",
    [
        MachineReport("a"),
        MachineReport("a", trouble="wipe: it broke", disks=(FAILED,)),
    ],
)
def test_a_machine_without_verdict_is_never_good(machine: MachineReport) -> None:
    assert not machine.good
    text = render(machine)
    outline(text)
    assert "没有检查" in text


def test_a_machine_whose_disk_failed_is_not_good_whatever_its_checks_say(tmp_path: Path) -> None:
    assert not MachineReport("a", verdict(tmp_path), (FAILED,)).good
    assert not MachineReport("a", verdict(tmp_path), (ERASED,), trouble="x").good
    assert MachineReport("a", verdict(tmp_path), (ERASED,)).good


@pytest.mark.parametrize("content", [None, b"", b"<svg onload=x>"])
def test_a_picture_that_is_none_is_left_out(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "p.png"
    if content is not None:
        path.write_bytes(content)
    assert "data:image" not in render(
        MachineReport("a", pictures=(Picture(path, Words("图", "P")),))
    )


def test_a_big_room_carries_desktops_but_not_every_program(tmp_path: Path) -> None:
    machines = [MachineReport(f"pc-{n}", verdict(tmp_path)) for n in range(9)]
    assert render(*machines).count("data:image/png") == 9


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (160041885696, "160.0 GB"), (2 * 10**12, "2.0 TB"), (None, "-"), (True, "-")],
)
def test_sizes_are_decimal_as_on_the_label(count: object, words: str) -> None:
    assert html.size(count) == words


@pytest.mark.parametrize("name", html.words())
def test_every_word_is_there_in_both_languages(name: str) -> None:
    found = html.words()[name]
    assert re.search(r"[\u4e00-\u9fff]", found.zh)
    assert found.en
    assert set(re.findall(r"{(\w+)}", found.zh)) == set(re.findall(r"{(\w+)}", found.en))


PAPER = Certificate("20260301T090000Z-000001-0badcafe", "ab" * 32, None)


def test_a_disk_is_shown_with_its_erasure_record() -> None:
    text = render(MachineReport("pc-01", disks=(ERASED,), certificates={"WD-1": PAPER}))
    assert PAPER.cert_id in text
    assert PAPER.sha256 in text
    assert html.say("no_certificate").zh not in text


@pytest.mark.parametrize("demands", ["wipe-again-or-destroy", "physical-destruction-record"])
def test_what_a_disk_still_needs_is_said_in_both_languages(demands: str) -> None:
    paper = dataclasses.replace(PAPER, demands=demands)
    text = render(MachineReport("pc-01", disks=(FAILED,), certificates={"WD-2": paper}))
    assert html.say(demands).zh in text
    assert html.say(demands).en in text


def test_a_disk_without_a_record_says_so() -> None:
    text = render(MachineReport("pc-01", disks=(ERASED,), certificates={"WD-2": PAPER}))
    assert html.say("no_certificate").en in text
    assert PAPER.cert_id not in text
