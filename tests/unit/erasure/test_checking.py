"""What is altered, forged, unsigned, out of place or says too much does not hold."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import samples
from changing import at, leaves, put, without
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workshop_kit import Workshop, check, fields

from netspring_provision import signing
from netspring_provision.config import Station
from netspring_provision.erasure import check_files, derive, form
from netspring_provision.erasure.checking import follows
from netspring_provision.errors import UsageError

PLAN = samples.plan()
(DISK,) = PLAN.machines[0].disks
PURGE = "Purge technique (device-reported)"
ONE_STATION = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
OTHER = st.none() | st.booleans() | st.integers(0, 9) | st.text("abc0", max_size=3)


def altered(path: Path, data: bytes) -> Path:
    """A copy with other content and the signature of the first."""
    copy = path.with_name(f"altered-{path.name}")
    copy.write_bytes(data)
    shutil.copy(f"{path}.sig", f"{copy}.sig")
    return copy


@ONE_STATION
@given(data=st.data())
def test_any_changed_leaf_breaks_the_record(workshop: Workshop, data: st.DataObject) -> None:
    if not workshop.issued:
        workshop.wiped()
    record, path = workshop.record(), workshop.issued[0].path
    where = data.draw(st.sampled_from(list(leaves(record))))
    value = data.draw(OTHER.filter(lambda v: v != at(record, where) or v is False))
    if (value, type(value)) == (at(record, where), type(at(record, where))):
        return
    (checked,) = check(workshop, altered(path, form.canonical(put(record, where, value))))
    assert "signature" in fields(checked)


def test_any_changed_digit_breaks_the_record(workshop: Workshop) -> None:
    """Every digit of the file, one after the other; ssh-keygen is asked about each tenth."""
    (issued,) = workshop.wiped()
    text = issued.path.read_bytes()
    places = [match.start() for match in re.finditer(rb"[0-9]", text)]
    assert len(places) > 300
    for number, place in enumerate(places):
        digit = b"%d" % ((int(text[place : place + 1]) + 1 + number % 9) % 10)
        changed = text[:place] + digit + text[place + 1 :]
        assert form.digest(changed) != issued.sha256
        if number % 10 == 0:
            (checked,) = check(workshop, altered(issued.path, changed))
            assert "signature" in fields(checked), (place, digit)


def test_any_changed_digit_of_the_signature_breaks_it(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    signature = Path(f"{issued.path}.sig")
    text = signature.read_text()
    body = text.index("\n") + 1
    for match in list(re.finditer(r"[0-9]", text[body:]))[::3]:
        place = body + match.start()
        signature.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
        assert fields(check(workshop, issued.path)[0]) == {"signature"}


Change = Callable[[dict[str, Any]], Any]
FORGERIES: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    ("a canary lived", ("canaries", "changed"), 32, "only 32 of 33 canaries"),
    ("no canaries", ("canaries",), {"n": 0, "written": 0, "changed": 0}, "no canaries"),
    ("a byte was left", ("verify", "nonzero"), 1, "1 bytes were not zero"),
    ("a read error", ("verify", "read_errors"), 1, "met 1 errors"),
    ("not all was read", ("verify", "bytes_read"), 160 * samples.GB - 1, "bytes were read back"),
    ("only sampled", ("verify", "mode"), "sampled", "samples"),
    ("another serial at the end", ("disk", "serial_end"), "WD-2", "at the end"),
    ("another serial", ("disk", "serial"), "WD-2", "planned was WD-pc1"),
    ("another serial planned", ("plan", "serial"), "WD-2", "planned was WD-2"),
    ("another WWN", ("disk", "wwn"), "0x1", "WWN"),
    ("smaller than planned", ("disk", "bytes"), 5, "planned were"),
    ("a part hidden", ("disk", "native_bytes"), 161 * samples.GB, "are visible"),
    ("the pass failed", ("attempts", 0, "rc"), 1, "no attempt with overwrite ended well"),
    ("the pass had an error", ("attempts", 0, "error"), "EIO", "no attempt with overwrite"),
    ("no attempt", ("attempts",), [], "no attempt"),
    ("an unplanned method", ("method",), "nvme_format", "no attempt with nvme_format"),
    ("sectors died", ("smart_after", "pending"), 3, "pending sectors went from 0 to 3"),
    ("health not told any more", ("smart_after", "uncorrectable"), None, "uncorrectable"),
    ("the machine said failed", ("reported", "outcome"), "failed", "no more than failed-destroy"),
    ("the machine gave a reason", ("reported", "reason"), "x", "gives a reason"),
    ("nobody reported", ("reported", "by"), "station", "evidence"),
    ("only the plan spoke", ("reported", "by"), "plan", "evidence"),
    ("a fraction that does not follow", ("verify", "f_detectable"), 0.5, "f_detectable"),
    ("another medium", ("disk", "media"), "ssd", "medium"),
    ("a method not planned", ("plan", "method"), "nvme_format", "was not planned"),
]


@pytest.mark.parametrize(
    ("where", "value", "why"),
    [case[1:] for case in FORGERIES],
    ids=[case[0].replace(" ", "-") for case in FORGERIES],
)
def test_a_forged_record_with_a_good_signature_does_not_follow(
    workshop: Workshop, where: Any, value: Any, why: str
) -> None:
    """The station's own key in a liar's hand: the evidence alone tells."""
    (issued,) = workshop.wiped()
    path = workshop.forge(issued.path, put(workshop.record(), where, value))
    (checked,) = check(workshop, path)
    assert "state" in fields(checked)
    assert "signature" not in fields(checked)
    assert why in " ".join(str(problem) for problem in checked.problems)


@pytest.mark.parametrize(
    ("where", "value", "field"),
    [
        (("claim", "level"), PURGE, "claim.level"),
        (("claim", "level"), "none", "claim.level"),
        (("claim", "limits"), [], "claim.limits"),
        (("claim", "limits", 0, "code"), "none_at_all", "claim.limits"),
        (("state",), "failed-destroy", "the record"),
        (("state",), "interrupted", "the record"),
        (("demands",), "wipe-again-or-destroy", "demands"),
    ],
)
def test_a_claim_beside_the_evidence_does_not_hold(
    workshop: Workshop, where: Any, value: Any, field: str
) -> None:
    (issued,) = workshop.wiped()
    (checked,) = check(workshop, workshop.forge(issued.path, put(workshop.record(), where, value)))
    assert not checked.good
    assert field in fields(checked) or "reason" in fields(checked)


def test_the_medium_decides_the_claim(workshop: Workshop) -> None:
    """A solid-state disk called a magnetic one loses a limit; the codes tell."""
    ssd = samples.facts(samples.disk(medium="ssd", rotational=False))
    (issued,) = workshop.wiped(facts=ssd)
    record = workshop.record()
    assert [limit["code"] for limit in record["claim"]["limits"]] == ["spare_area", "reallocated"]
    record = put(record, ("claim", "limits"), record["claim"]["limits"][1:])
    (checked,) = check(workshop, workshop.forge(issued.path, record))
    assert fields(checked) == {"claim.limits"}


@pytest.mark.parametrize("state", ["erased", "refused", "interrupted"])
def test_a_failed_disk_cannot_be_called_better(workshop: Workshop, state: str) -> None:
    verify = samples.read_back(DISK) | {"read_errors": 1, "bytes_read": 4096}
    (issued,) = workshop.wiped(
        samples.erased(DISK, outcome="failed", reason="read error at 4096", verify=verify)
    )
    record = workshop.record()
    better = {"erased": None, "refused": None, "interrupted": "wipe-again-or-destroy"}
    record |= {"state": state, "demands": better[state]}
    if state == "erased":
        record |= {"reason": None, "claim": {**record["claim"], "level": "Clear"}}
    (checked,) = check(workshop, workshop.forge(issued.path, record))
    assert {"state", "demands"} <= fields(checked)
    assert "failed-destroy" in str(checked.problems[0])


@ONE_STATION
@given(data=st.data())
def test_no_change_of_the_evidence_makes_a_failed_disk_erased(
    workshop: Workshop, data: st.DataObject
) -> None:
    """Two leaves changed at will; the state that follows is never erased while one gap is left."""
    if not workshop.issued:
        workshop.wiped(samples.erased(DISK, canaries={"n": 33, "written": 33, "changed": 0}))
    record = workshop.record()
    keep = ("canaries", "gap")
    for _ in range(2):
        where = data.draw(st.sampled_from([w for w in leaves(record) if w[0] not in keep]))
        record = put(record, where, data.draw(OTHER))
    if form.schema_problems(record):
        return
    state, _ = derive.state_of(record)
    assert state is not derive.State.ERASED
    assert record["state"] != "erased" or follows(record)


def test_an_unsigned_record_does_not_hold(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    Path(f"{issued.path}.sig").unlink()
    (checked,) = check(workshop, issued.path)
    assert [str(p) for p in checked.problems] == [
        f"signature: there is no signature beside it ({issued.path.name}.sig), so nobody answers "
        "for it"
    ]


def test_one_signed_by_another_station_does_not_hold(workshop: Workshop, tmp_path: Path) -> None:
    (issued,) = workshop.wiped()
    other = Station(tmp_path / "other").ensure()
    data = issued.path.read_bytes()
    Path(f"{issued.path}.sig").write_text(signing.sign(data, other.signing_key, form.NAMESPACE))
    (checked,) = check(workshop, issued.path)
    assert fields(checked) == {"signature"}
    line = signing.signer_line(
        signing.public_key(other.signing_key), form.NAMESPACE, "other@workshop"
    )
    (trusted,) = check_files([issued.path], workshop.signers + line)
    assert (trusted.good, trusted.signer) == (True, "other@workshop")


@pytest.mark.parametrize("namespace", ["netspring-image@v1", "file", "netspring-erasure@v2"])
def test_one_signed_as_something_else_does_not_hold(workshop: Workshop, namespace: str) -> None:
    (issued,) = workshop.wiped()
    data = issued.path.read_bytes()
    key = workshop.station.signing_key
    Path(f"{issued.path}.sig").write_text(signing.sign(data, key, namespace))
    (checked,) = check(workshop, issued.path)
    assert fields(checked) == {"signature"}
    assert "namespace" in str(checked.problems[0])


def test_the_signature_of_another_record_does_not_fit(workshop: Workshop) -> None:
    (one,) = workshop.wiped()
    (two,) = workshop.wiped()
    shutil.copy(f"{one.path}.sig", f"{two.path}.sig")
    assert fields(check(workshop, two.path)[0]) == {"signature"}


@pytest.mark.parametrize("text", ["", "nonsense\n", "\x00"])
def test_a_broken_signature_does_not_hold(workshop: Workshop, text: str) -> None:
    (issued,) = workshop.wiped()
    Path(f"{issued.path}.sig").write_text(text)
    assert fields(check(workshop, issued.path)[0]) == {"signature"}


def test_no_allowed_signer_is_nobody(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    for signers in ("", "# nobody\n"):
        (checked,) = check_files([issued.path], signers)
        assert fields(checked) == {"signature"}


def test_another_spelling_does_not_hold_though_it_is_signed(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    for data in (
        json.dumps(workshop.record(), indent=1).encode(),
        form.canonical(workshop.record()) + b"\n",
    ):
        (checked,) = check(workshop, workshop.forge(issued.path, data))
        assert fields(checked) == {"file"}


def test_a_record_that_lacks_a_field_says_which(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    path = workshop.forge(issued.path, without(workshop.record(), ("verify", "nonzero")))
    (checked,) = check(workshop, path)
    assert checked.record is None
    assert [str(p) for p in checked.problems] == ["verify: lacks nonzero"]


@pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"x"', b"{}"])
def test_other_json_is_no_record(workshop: Workshop, data: bytes) -> None:
    path = workshop.forge(workshop.station.home / "x.json", data)
    (checked,) = check(workshop, path)
    assert not checked.good
    assert fields(checked) == {"the record"}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"text", b'{"a":1,"a":2}', b"<html>"])
def test_what_is_no_json_is_a_wrong_command(workshop: Workshop, data: bytes) -> None:
    path = workshop.station.home / "x.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is no erasure record"):
        check(workshop, path)


def test_what_is_no_file_is_a_wrong_command(workshop: Workshop) -> None:
    for path in (workshop.station.home, workshop.station.home / "none.json"):
        with pytest.raises(UsageError, match="cannot be read"):
            check(workshop, path)
