"""What a port of a machine looks like from outside: open, closed, or nothing to be known."""

from __future__ import annotations

import socket
from enum import StrEnum


class Door(StrEnum):
    """What came of knocking.

    ``closed`` needs an answer too: the machine, which is there, says that nobody listens. Silence
    may be a cable that was pulled, so it proves nothing.
    """

    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"


def knock(address: str, port: int, seconds: float = 10.0) -> Door:
    """Connect, and wait for the first byte: an SSH server speaks first (RFC 4253, 4.2).

    The network of a virtual PC takes every connection, and drops it at once when the guest refuses
    it. So a connection that ends without a byte is a closed door, too.

    Args:
        address: name or IP address.
        port: TCP port.
        seconds: how long to wait for each of the two.
    """
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            connection.settimeout(seconds)
            return Door.OPEN if connection.recv(1) else Door.CLOSED
    except (ConnectionRefusedError, ConnectionResetError):
        return Door.CLOSED
    except OSError:  # no answer in time, no route, no such name
        return Door.SILENT
