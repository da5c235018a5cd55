"""A station's folder and the secrets it makes for itself."""

import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision.config import Station
from netspring_provision.errors import StationError


@pytest.fixture
def station(allow_subprocess: Callable[..., None]) -> Station:
    allow_subprocess("ssh-keygen")
    return Station.from_environment()


def secrets_of(station: Station) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in station.keys.iterdir() if not p.name.startswith(".")}


def test_first_use_makes_all_keys_for_the_owner_only(station: Station) -> None:
    station.ensure()
    assert stat.S_IMODE(station.keys.stat().st_mode) == 0o700
    for path in (station.ssh_key, station.signing_key, station.token_file, station.plan_key_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert station.ssh_key.with_suffix(".pub").read_text().startswith("ssh-ed25519 ")
    assert len(station.token()) == 64
    assert station.token() != station.plan_key_file.read_text().strip()


def test_later_use_changes_nothing(station: Station) -> None:
    station.ensure()
    before = secrets_of(station)
    station.ensure()
    assert secrets_of(station) == before


def test_two_first_uses_at_once_agree(station: Station) -> None:
    trouble: list[BaseException] = []

    def first() -> None:
        try:
            station.ensure()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            trouble.append(error)

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert len(secrets_of(station)) == 6


def test_a_lost_public_half_does_not_cost_the_private_one(station: Station) -> None:
    station.ensure()
    public = station.signing_key.with_suffix(".pub")
    before, whole = station.signing_key.read_bytes(), public.read_text().split()[:2]
    public.unlink()
    station.ensure()
    assert station.signing_key.read_bytes() == before
    assert public.read_text().split()[:2] == whole


def test_what_a_killed_run_left_is_no_obstacle(station: Station) -> None:
    station.keys.mkdir(parents=True)
    for name in (".live_token.new", ".station_ed25519.new", ".station_ed25519.new.pub"):
        (station.keys / name).write_text("half")
    station.ensure()
    assert len(station.token()) == 64
    assert "PRIVATE KEY" in station.ssh_key.read_text()


def test_a_home_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StationError, match="cannot write the station's folder") as caught:
        Station(tmp_path / "file" / "home").ensure()
    assert "NETSPRING_HOME" in (caught.value.hint or "")


def test_without_ssh_keygen_it_names_the_package(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StationError, match="ssh-keygen is not installed") as caught:
        station.ensure()
    assert caught.value.hint == "apt-get install openssh-client"
