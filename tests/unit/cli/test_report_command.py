"""``netspring report``: exit codes, what is said, and that it asks nobody."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "erasure"))

import samples
from workshop_kit import Workshop

from netspring_provision import cli
from netspring_provision.config import Station
from netspring_provision.erasure import form
from netspring_provision.errors import MACHINE_FAILED, OK, USAGE
from netspring_provision.ledger import Ledger

Output = pytest.CaptureFixture[str]


@pytest.fixture
def workshop(netspring_home: Path, allow_subprocess: Callable[..., None]) -> Workshop:
    allow_subprocess("ssh-keygen")
    station = Station(netspring_home).ensure()
    return Workshop(station, Ledger(station.ledger))


def verify(*arguments: object) -> int:
    return cli.run(["report", "verify", *(str(word) for word in arguments)])


def test_a_good_record_is_shown_with_its_claim_and_limits(
    workshop: Workshop, capsys: Output
) -> None:
    (issued,) = workshop.wiped()
    assert verify(issued.path) == OK
    said = capsys.readouterr().out
    assert f"{issued.path}: good" in said
    assert "WDC WD1600BEVT, serial WD-pc1: erased" in said
    assert "Clear" in said
    assert "limit: sectors that the drive had already set aside are not reached" in said
    assert issued.sha256 in said


def test_a_failed_disk_whose_record_is_good_is_told_as_failed(
    workshop: Workshop, capsys: Output
) -> None:
    (disk,) = samples.plan().machines[0].disks
    verify_part = samples.read_back(disk) | {"read_errors": 1, "bytes_read": 4096}
    entry = samples.erased(disk, outcome="failed", reason="read error at 4096", verify=verify_part)
    (issued,) = workshop.wiped(entry)
    assert verify(issued.path) == OK
    said = capsys.readouterr().out
    assert "failed-destroy" in said
    assert "why: read error at 4096" in said
    assert "destroy it physically, and keep a record of that" in said
    assert "nothing is claimed" in said


def test_one_changed_digit_is_told_in_a_plain_sentence(workshop: Workshop, capsys: Output) -> None:
    (issued,) = workshop.wiped()
    text = issued.path.read_bytes()
    issued.path.write_bytes(text.replace(b'"bytes_read":160', b'"bytes_read":161'))
    assert verify(issued.path) == MACHINE_FAILED
    said = capsys.readouterr().out
    assert f"{issued.path}: does not hold" in said
    assert "  signature: does not fit: the record was changed after it was signed" in said
    assert "  state: says erased, but the evidence carries no more than failed-destroy" in said
    assert "only 161000000000 of 160000000000 bytes were read back" in said


def test_one_bad_of_several_is_enough(workshop: Workshop) -> None:
    workshop.wiped()
    workshop.wiped()
    one, two = (issued.path for issued in workshop.issued)
    assert verify(one, two) == OK
    two.with_name(f"{two.name}.sig").unlink()
    assert verify(one, two) == MACHINE_FAILED


@pytest.mark.parametrize("content", ["", "no json", '{"a": 1, "a": 2}'])
def test_what_is_no_record_at_all_is_a_wrong_command(
    workshop: Workshop, capsys: Output, content: str
) -> None:
    path = workshop.station.home / "x.json"
    path.write_text(content)
    assert verify(path) == USAGE
    assert verify(workshop.station.home) == USAGE
    assert verify(workshop.station.home / "none") == USAGE
    assert "netspring: " in capsys.readouterr().err
    assert verify() == USAGE


def test_json_for_programs(workshop: Workshop, capsys: Output) -> None:
    (issued,) = workshop.wiped()
    assert verify(issued.path, "--json") == OK
    said = json.loads(capsys.readouterr().out)
    (file,) = said["files"]
    assert (said["good"], file["good"], file["problems"]) == (True, True, [])
    assert (file["state"], file["cert_id"]) == ("erased", issued.cert_id)
    assert file["claim"]["level"] == "Clear"
    issued.path.with_name(f"{issued.path.name}.sig").unlink()
    assert verify(issued.path, "--json") == MACHINE_FAILED
    said = json.loads(capsys.readouterr().out)
    assert said["files"][0]["problems"][0]["field"] == "signature"


def test_a_donor_needs_only_the_file_and_a_key(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """On another computer: no station, no ledger, no network."""
    (issued,) = workshop.wiped()
    signers = tmp_path / "allowed_signers"
    signers.write_text(workshop.signers)
    public = tmp_path / "workshop.pub"
    public.write_text(workshop.station.signing_key.with_suffix(".pub").read_text())
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("NETSPRING_HOME", str(elsewhere))

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("it asked the network or the ledger")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(Ledger, "__init__", refuse)
    assert verify(issued.path, "--allowed-signers", signers) == OK
    assert verify(issued.path, "--allowed-signers", public) == OK
    assert not elsewhere.exists()
    capsys.readouterr()
    assert verify(issued.path) == USAGE
    assert "--allowed-signers" in capsys.readouterr().err
    assert verify(issued.path, "--allowed-signers", tmp_path / "none") == USAGE


def test_another_stations_key_is_not_believed(workshop: Workshop, tmp_path: Path) -> None:
    (issued,) = workshop.wiped()
    other = Station(tmp_path / "other").ensure()
    assert verify(issued.path, "--allowed-signers", f"{other.signing_key}.pub") == MACHINE_FAILED


def test_a_key_that_may_sign_other_things_only_is_not_believed(
    workshop: Workshop, tmp_path: Path
) -> None:
    (issued,) = workshop.wiped()
    signers = tmp_path / "allowed_signers"
    signers.write_text(workshop.signers.replace(form.NAMESPACE, "netspring-image@v1"))
    assert verify(issued.path, "--allowed-signers", signers) == MACHINE_FAILED


def test_the_list_and_its_summary(workshop: Workshop, capsys: Output) -> None:
    workshop.wiped()
    workshop.wiped(None, trouble="it is off")
    assert cli.run(["report", "list"]) == OK
    said = capsys.readouterr()
    assert said.out == "erased: 1\ninterrupted: 1\n"
    assert all(issued.cert_id in said.err for issued in workshop.issued)
    assert cli.run(["report", "list", "--json"]) == OK
    listed = json.loads(capsys.readouterr().out)["records"]
    assert [one["sha256"] for one in listed] == [issued.sha256 for issued in workshop.issued]


def test_issue_says_what_it_did(workshop: Workshop, capsys: Output) -> None:
    assert cli.run(["report", "issue"]) == OK
    assert "every disk that was wiped has its record" in capsys.readouterr().out
    disks = [{"serial": "A", "path": "/dev/sda", "outcome": "erased"}]
    body = {"plan_id": "gone", "host": "pc1", "disks": disks}
    workshop.ledger.append("wipe", body, machine="u", run_id="r")
    assert cli.run(["report", "issue", "--json"]) == MACHINE_FAILED
    said = json.loads(capsys.readouterr().out)
    assert said["issued"] == []
    assert "not on record" in said["held"][0]
