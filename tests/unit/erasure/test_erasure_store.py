"""Files of records: whole, never over another, and nothing secret among them."""

from __future__ import annotations

import pytest
import samples
from workshop_kit import Workshop

from netspring_provision.erasure import store
from netspring_provision.errors import StationError

(DISK,) = samples.plan().machines[0].disks


def test_without_its_key_the_station_issues_nothing(workshop: Workshop) -> None:
    workshop.station.signing_key.unlink()
    with pytest.raises(StationError, match="cannot sign"):
        workshop.wiped()
    assert workshop.ledger.records(kind="erasure") == []
    assert list(store.folder(workshop.station).glob("*/*")) == []
    assert len(workshop.ledger.records(kind="wipe")) == 1


def test_a_file_that_is_there_is_never_overwritten(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = workshop.wiped()
    kept = first.path.read_bytes()
    monkeypatch.setattr(store, "new_id", lambda *_: first.cert_id)
    with pytest.raises(StationError, match="not what this station wrote there"):
        workshop.wiped(samples.erased(DISK, outcome="failed", reason="read error"))
    assert first.path.read_bytes() == kept
    assert [p for p in first.path.parent.iterdir() if p.name.startswith(".")] == []


def test_nothing_but_records_signatures_and_public_keys_is_there(workshop: Workshop) -> None:
    (issued,) = workshop.wiped()
    folder = store.folder(workshop.station)
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    day = issued.path.parent.name
    name = f"{day}/{issued.cert_id}.json"
    assert names == [".lock", name, f"{name}.sig", "allowed_signers"]
    assert (folder / "allowed_signers").read_text() == workshop.signers
    assert b"PRIVATE" not in b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
