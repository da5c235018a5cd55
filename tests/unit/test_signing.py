"""Signatures by real ssh-keygen: who signed what, as which kind of file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from netspring_provision import signing
from netspring_provision.config import Station
from netspring_provision.errors import StationError

KIND = "netspring-test@v1"


@pytest.fixture
def station(netspring_home: Path, allow_subprocess: Callable[..., None]) -> Station:
    allow_subprocess("ssh-keygen")
    return Station(netspring_home).ensure()


@pytest.fixture
def signed(station: Station, tmp_path: Path) -> Path:
    path = tmp_path / "x.sig"
    path.write_text(signing.sign(b"data", station.signing_key, KIND))
    return path


def line(station: Station, *identity: str) -> str:
    return signing.signer_line(signing.public_key(station.signing_key), KIND, *identity)


def test_who_signed_is_told_by_the_name_that_the_signers_give(
    station: Station, signed: Path
) -> None:
    assert signing.verify(b"data", signed, line(station), KIND) == "netspring-station"
    assert signing.verify(b"data", signed, line(station, "li@lei"), KIND) == "li@lei"
    assert signing.verify(b"data", signed, line(station, "a@b,c@d"), KIND) == "a@b"


@pytest.mark.parametrize(
    ("data", "kind"), [(b"dat", KIND), (b"data\n", KIND), (b"", KIND), (b"data", "other@v1")]
)
def test_other_data_or_another_kind_of_file_is_not_signed(
    station: Station, signed: Path, data: bytes, kind: str
) -> None:
    with pytest.raises(signing.BadSignatureError, match="ssh-keygen says"):
        signing.verify(data, signed, line(station), kind)


def test_a_signer_of_other_kinds_only_is_not_allowed(station: Station, signed: Path) -> None:
    public = signing.public_key(station.signing_key)
    with pytest.raises(signing.BadSignatureError):
        signing.verify(b"data", signed, signing.signer_line(public, "other@v1"), KIND)


def test_no_signature_and_no_signers(station: Station, signed: Path, tmp_path: Path) -> None:
    for signature, signers in ((tmp_path / "none", line(station)), (signed, ""), (signed, "x\n")):
        with pytest.raises(signing.BadSignatureError):
            signing.verify(b"data", signature, signers, KIND)


def test_a_public_key_file_is_made_into_signers(station: Station, signed: Path) -> None:
    public = station.signing_key.with_suffix(".pub").read_text()
    made = signing.signers_of(public, KIND)
    assert made == line(station)
    assert signing.verify(b"data", signed, made, KIND) == "netspring-station"
    assert signing.signers_of(made, KIND) == made


def test_a_key_that_is_not_there_or_no_key(station: Station) -> None:
    with pytest.raises(StationError, match="cannot sign"):
        signing.sign(b"data", station.home / "none", KIND)
    public = station.signing_key.with_suffix(".pub")
    for text in ("", "ssh-ed25519\n"):
        public.write_text(text)
        with pytest.raises(StationError, match="cannot be read"):
            signing.public_key(station.signing_key)
    public.unlink()
    with pytest.raises(StationError, match="cannot be read"):
        signing.public_key(station.signing_key)


def test_without_ssh_keygen_the_way_out_is_said(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any, **__: Any) -> NoReturn:
        raise FileNotFoundError("ssh-keygen")

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(StationError) as caught:
        signing.sign(b"data", station.signing_key, KIND)
    assert caught.value.hint == "apt-get install openssh-client"
