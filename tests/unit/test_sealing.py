"""Who may be sealed, and what counts as sealed: everything else is told with a way out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from netspring_provision import sealing
from netspring_provision.door import Door
from netspring_provision.ledger import Record
from netspring_provision.sealing import Heard, Leave, Sealed, Seen, Standing, decide, judge

UUID = "4c4c4544-0000-1000-8000-000000000001"
TAG, IMAGE = "NS-0001", "core-zh_CN-1"
VERIFIED: dict[str, Any] = {
    "host": "pc1",
    "passed": True,
    "image": IMAGE,
    "machine": {"machine_uuid": UUID, "machine_asset_tag": TAG},
}
GOOD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("wipe", {}),
    ("install_started", {"host": "pc1", "image": IMAGE}),
    ("image", {}),
    ("identity", {"hostname": "pc1", "asset_tag": TAG}),
    ("bootloader", {}),
    ("verify", VERIFIED),
)


def records(*entries: tuple[str, Mapping[str, Any]]) -> list[Record]:
    return [
        Record(seq, f"2026-11-24T10:00:0{seq % 10}", "r", UUID, kind, body, "0", "0")
        for seq, (kind, body) in enumerate(entries, 1)
    ]


def decided(*entries: tuple[str, Mapping[str, Any]], host: str = "pc1") -> Leave | Sealed:
    return decide(host, UUID, TAG, records(*entries))


def test_a_machine_that_passed_after_its_newest_installation_may_be_sealed() -> None:
    assert decided(*GOOD) == Leave(UUID, TAG, IMAGE, 6, begun=False)


def changed(**changes: Any) -> tuple[str, dict[str, Any]]:
    return ("verify", VERIFIED | changes)


MACHINE = VERIFIED["machine"]
REFUSALS = {
    "nothing on record": ((), "no installation"),
    "only wiped": (GOOD[:1], "no installation"),
    "no bootloader": (GOOD[:4], "no installation"),
    "installed, not checked": (GOOD[:5], "not checked after its newest installation"),
    "wiped after the checks": ((*GOOD, ("wipe_started", {})), "did not come to its end"),
    "a new install began": ((*GOOD, GOOD[1]), "did not come to its end"),
    "a new install broke off": ((*GOOD, *GOOD[1:4]), "did not come to its end"),
    "installed anew": ((*GOOD, *GOOD[1:5]), "not checked after its newest installation"),
    "checks failed": ((*GOOD, changed(passed=False)), "did not pass"),
    "checks failed, passed before": ((*GOOD[:5], changed(passed=False)), "did not pass"),
    "passed is no word": ((*GOOD[:5], changed(passed="yes")), "did not pass"),
    "passed by another host": ((*GOOD[:5], changed(host="pc2")), "did not pass"),
    "with another image": ((*GOOD[:5], changed(image="lite-zh_CN-1")), "did not pass"),
    "machine said nothing": ((*GOOD[:5], changed(machine={})), "did not pass"),
    "machine is no mapping": ((*GOOD[:5], changed(machine=None)), "did not pass"),
    "another uuid": (
        (*GOOD[:5], changed(machine=MACHINE | {"machine_uuid": "x"})),
        "did not pass",
    ),
    "another tag on it": (
        (*GOOD[:5], changed(machine=MACHINE | {"machine_asset_tag": "NS-2"})),
        "did not pass",
    ),
    "installed under another name": (
        (*GOOD[:3], ("identity", {"hostname": "pc9", "asset_tag": TAG}), *GOOD[4:]),
        "called pc9",
    ),
    "installed with another tag": (
        (*GOOD[:3], ("identity", {"hostname": "pc1", "asset_tag": "NS-9"}), *GOOD[4:]),
        "asset tag NS-9",
    ),
}


@pytest.mark.parametrize(("entries", "said"), REFUSALS.values(), ids=list(REFUSALS))
def test_what_is_missing_is_named_with_the_way_out(
    entries: tuple[tuple[str, dict[str, Any]], ...], said: str
) -> None:
    found = decided(*entries)
    assert isinstance(found, Sealed)
    assert found.standing is Standing.REFUSED
    assert not found.good
    assert found.reason
    assert found.mend
    assert said in found.reason.en
    assert "nothing was changed" in found.reason.en
    assert "没有做任何改动" in found.reason.zh
    assert found.mend.en
    assert found.mend.zh


def test_an_unknown_machine_is_refused() -> None:
    found = decide("pc1", None, TAG, [])
    assert isinstance(found, Sealed)
    assert found.standing is Standing.REFUSED


def test_a_sealed_machine_is_known_by_the_ledger() -> None:
    found = decided(*GOOD, ("seal_started", {}), ("seal", {"sealed": True}))
    assert isinstance(found, Sealed)
    assert (found.standing, found.good, found.asset_tag) == (Standing.ALREADY, True, TAG)
    assert found.time == "2026-11-24T10:00:08"


def test_an_attempt_that_did_not_end_well_may_be_made_again() -> None:
    answer = {"outcome": "sealed"}
    begun = decided(*GOOD, ("seal_started", {}))
    ended = decided(*GOOD, ("seal_started", {}), ("seal", {"sealed": False, "machine": answer}))
    anew = decided(*GOOD, ("seal_started", {}), ("seal", {"sealed": False, "machine": answer}),
                   ("seal_started", {}))  # fmt: skip
    assert isinstance(begun, Leave)
    assert isinstance(ended, Leave)
    assert isinstance(anew, Leave)
    assert (begun.begun, begun.answer) == (True, None)
    assert (ended.begun, ended.answer) == (True, answer)
    assert (anew.begun, anew.answer) == (True, None), "its word was about an earlier attempt"


def test_a_seal_of_an_earlier_installation_counts_no_more() -> None:
    sealed = (*GOOD, ("seal_started", {}), ("seal", {"sealed": True}))
    found = decided(*sealed, *GOOD)
    assert isinstance(found, Leave)
    assert not found.begun


def test_sealed_ends_with_the_first_deed_of_a_new_installation() -> None:
    sealed = (*GOOD, ("seal_started", {}), ("seal", {"sealed": True}))
    assert not sealing.is_sealed(records(*GOOD))
    assert sealing.is_sealed(records(*sealed))
    assert not sealing.is_sealed(records(*sealed[:-1], ("seal", {"sealed": "yes"})))
    for kind in sealing.ANEW:
        assert not sealing.is_sealed(records(*sealed, (kind, {})))
    assert sealing.is_sealed(records(*sealed, ("verify", {})))


LEAVE = Leave(UUID, TAG, IMAGE, 6, begun=False)
ANSWER = {"kind": "seal", "outcome": "sealed", "uuid": UUID, "asset_tag": TAG}
CLOSED = Seen(Door.CLOSED, key_login=False)


def test_sealed_is_the_machines_word_and_the_look_from_outside() -> None:
    found = judge(LEAVE, "pc1", Heard(ANSWER, None), CLOSED)
    assert (found.standing, found.good, found.reason) == (Standing.SEALED, True, None)
    data = found.as_data()
    assert (data["sealed"], data["asset_tag"], data["door"]) == (True, TAG, "closed")
    assert data["key_login"] is False
    assert data["machine"] == ANSWER


REFUSAL = {"kind": "seal", "outcome": "refused", "reason": "port 80 is open"}
FAILURE = {"kind": "seal", "outcome": "failed", "reason": "disk is full"}
ENDINGS = {
    "no answer, closed": (None, CLOSED, "unknown", "not known"),
    "no answer, silent": (None, Seen(Door.SILENT, False), "unknown", "not known"),
    "no answer, still open": (None, Seen(Door.OPEN, False), "unknown", "not known"),
    "no answer, still enters": (None, Seen(Door.OPEN, True), "failed", "can still enter"),
    "refused": (REFUSAL, Seen(Door.OPEN, True), "refused", "the PC refused"),
    "failed": (FAILURE, Seen(Door.OPEN, True), "failed", "can still enter"),
    "failed, closed": (FAILURE, CLOSED, "failed", "did not come to its end"),
    "refused, closed": (REFUSAL, CLOSED, "failed", "did not come to its end"),
    "sealed, still enters": (ANSWER, Seen(Door.OPEN, True), "failed", "still answers"),
    "sealed, closed, enters": (ANSWER, Seen(Door.CLOSED, True), "failed", "still answers"),
    "sealed, still open": (ANSWER, Seen(Door.OPEN, False), "failed", "still answers"),
    "sealed, silent": (ANSWER, Seen(Door.SILENT, False), "unknown", "only silence"),
    "another uuid": (ANSWER | {"uuid": "x"}, CLOSED, "unknown", "another PC"),
    "another tag": (ANSWER | {"asset_tag": "x"}, CLOSED, "unknown", "another PC"),
    "an answer without outcome": ({"kind": "seal"}, CLOSED, "failed", "did not come"),
    "would be": (ANSWER | {"outcome": "would be sealed"}, CLOSED, "failed", "did not come"),
}


@pytest.mark.parametrize(
    ("answer", "seen", "standing", "said"), ENDINGS.values(), ids=list(ENDINGS)
)
def test_everything_else_is_not_sealed(
    answer: dict[str, Any] | None, seen: Seen, standing: str, said: str
) -> None:
    detail = None if answer and answer.get("outcome") == "sealed" else "what was said"
    found = judge(LEAVE, "pc1", Heard(answer, detail), seen)
    assert not found.good
    assert found.standing == standing
    assert found.reason
    assert found.mend
    assert said in found.reason.en
    assert found.as_data()["sealed"] is False


def test_a_word_with_trouble_after_it_is_not_enough() -> None:
    found = judge(LEAVE, "pc1", Heard(ANSWER, "the play broke"), CLOSED)
    assert found.standing is Standing.FAILED
    assert found.detail == "the play broke"


def test_every_sentence_is_there_in_both_languages() -> None:
    texts = yaml.safe_load(Path(sealing.WORDS).read_text(encoding="utf-8"))
    source = Path(sealing.__file__).read_text(encoding="utf-8")
    for name, entry in texts.items():
        assert set(entry) == {"zh", "en"}, name
        assert all(entry.values()), name
    named = {n for n in texts if f'"{n}"' in source}
    spoken = named | {f"{n}_mend" for n in named} | {"not_reached", "not_reached_mend"}
    assert set(texts) - spoken - {"sealed", "already_sealed"} == set(), "nobody says it"


def test_a_result_is_data_throughout() -> None:
    told = dataclasses.replace(judge(LEAVE, "pc1", Heard(None, "x"), CLOSED), time="t").as_data()
    assert told["reason"].keys() == {"zh", "en"}
    assert told["machine"] is None
