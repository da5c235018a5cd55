"""Each test gets a station of its own, with real keys."""

from collections.abc import Callable
from pathlib import Path

import pytest
from workshop_kit import Workshop

from netspring_provision.config import Station
from netspring_provision.ledger import Ledger


@pytest.fixture
def workshop(netspring_home: Path, allow_subprocess: Callable[..., None]) -> Workshop:
    """A station that may run ssh-keygen."""
    allow_subprocess("ssh-keygen")
    station = Station(netspring_home).ensure()
    return Workshop(station, Ledger(station.ledger))
