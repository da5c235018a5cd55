"""Free ports."""

from __future__ import annotations

import socket

import pytest

from netspring_provision.errors import StationError
from netspring_provision.lab import ports


def test_a_free_port_is_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", ports.free_port()))


def test_the_port_of_last_time_is_kept_if_it_is_free() -> None:
    port = ports.free_port()
    assert ports.free_port(preferred=port) == port
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        assert ports.free_port(preferred=port) != port


def test_no_port_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda _: False)
    everything = frozenset(range(65536))
    with pytest.raises(StationError) as caught:
        ports.free_port(preferred=22, forbidden=everything)
    assert "ss -tan" in (caught.value.hint or "")
