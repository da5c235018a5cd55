"""Ports on 127.0.0.1 for the guests' SSH."""

from __future__ import annotations

import errno
import socket

from netspring_provision.errors import StationError


def free_port(preferred: int | None = None, forbidden: frozenset[int] = frozenset()) -> int:
    """A TCP port on 127.0.0.1 that nobody holds at this moment.

    It may be taken before QEMU binds it; ``power.start`` then tries another.

    Args:
        preferred: is chosen if it is free.
        forbidden: are not chosen, free or not (ports of PCs that are off).

    Raises:
        StationError: there is no free port at all.
    """
    if preferred is not None and _is_free(preferred):
        return preferred
    for _ in range(50):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                break
            raise
        if port not in forbidden:
            return port
    raise StationError(
        "no free TCP port is left on 127.0.0.1",
        hint="see what holds them: ss -tan; close it, or wait a minute and try again",
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As QEMU does: a port whose last connection is just fading away counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
