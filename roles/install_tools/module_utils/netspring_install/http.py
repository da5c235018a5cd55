"""Reads from the station by HTTP, from any offset, and tries again when the line drops."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from ansible.module_utils.netspring_install.errors import InstallError

BLOCK = 1 << 20
TIMEOUT = 30.0
TRIES = 8
CHECK_STATION = (
    "check cable, switch and that the station serves (netspring station status); then run again"
)


class MissingError(InstallError):
    """The station answered, but does not have this file."""


def _open(
    url: str, start: int = 0, stop: int | None = None, method: str = "GET"
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise MissingError(f"{url} is not an http address", CHECK_STATION)
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT)
    headers = {}
    if start or stop is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    try:
        connection.request(method, parts.path, headers=headers)
        response = connection.getresponse()
    except BaseException:
        connection.close()
        raise
    return connection, response


def stream(url: str, start: int, stop: int, *, pause: float = 1.0) -> Iterator[bytes]:
    """Blocks of at most 1 MiB from byte ``start`` up to ``stop``, however often the line drops.

    Args:
        url: ``http://host:port/path``.
        start: first byte.
        stop: byte after the last.
        pause: seconds before the first new try; doubles up to 10 s.

    Raises:
        InstallError: 8 tries in a row brought nothing.
        MissingError: the station does not have the file.
    """
    failed = 0
    reason = "no answer"
    while start < stop:
        try:
            for block in _once(url, start, stop):
                start += len(block)
                failed = 0
                yield block
            if start < stop:
                raise http.client.IncompleteRead(b"", stop - start)
        except (OSError, http.client.HTTPException) as error:
            failed += 1
            reason = f"{type(error).__name__}: {error}"
            if failed >= TRIES:
                raise InstallError(
                    f"{url} stopped at byte {start}: {reason}", CHECK_STATION
                ) from error
            time.sleep(min(pause * 2 ** (failed - 1), 10))


def _once(url: str, start: int, stop: int) -> Iterator[bytes]:
    connection, response = _open(url, start, stop)
    try:
        skip = _offset_problem(url, response, start)
        left = stop - start
        while left:
            block = response.read(min(BLOCK, skip or left))
            if not block:
                return
            if skip:
                skip -= len(block)
                continue
            left -= len(block)
            yield block
    finally:
        connection.close()


def _offset_problem(url: str, response: http.client.HTTPResponse, start: int) -> int:
    """Bytes to skip: 0 if the station sends from ``start``, ``start`` if it knows no ranges."""
    if response.status == 200:
        return start
    if response.status == 206:
        span = response.getheader("Content-Range", "")
        if span.startswith(f"bytes {start}-"):
            return 0
        raise http.client.HTTPException(f"asked for byte {start}, was sent {span!r}")
    if response.status in (401, 403, 404, 410, 416):
        raise MissingError(
            f"the station answers {response.status} for {url}",
            hint="build the image or live environment on the station (netspring image list)",
        )
    raise http.client.HTTPException(f"the station answers {response.status}")


def read_small(url: str, limit: int = 64 << 20) -> bytes:
    """A whole small file; tried again like a large one.

    Raises:
        InstallError: it cannot be had, or is larger than ``limit`` bytes.
    """
    for attempt in range(TRIES):
        try:
            connection, response = _open(url, 0, None)
            try:
                _offset_problem(url, response, 0)
                data = response.read(limit + 1)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            if attempt + 1 == TRIES:
                raise InstallError(f"{url} cannot be read: {error}", CHECK_STATION) from error
            time.sleep(min(2.0**attempt, 10))
            continue
        if len(data) > limit:
            raise InstallError(f"{url} is larger than {limit} bytes", CHECK_STATION)
        return data
    raise AssertionError("unreachable")  # pragma: no cover


def size_of(url: str) -> int:
    """Length of a file in bytes, without reading it.

    Raises:
        InstallError: the station does not have it or does not tell.
    """
    try:
        connection, response = _open(url, method="HEAD")
    except (OSError, http.client.HTTPException) as error:
        raise InstallError(f"{url} cannot be read: {error}", CHECK_STATION) from error
    try:
        _offset_problem(url, response, 0)
        length = response.getheader("Content-Length")
    finally:
        connection.close()
    if length is None or not length.isdigit():
        raise InstallError(f"the station does not tell the size of {url}", CHECK_STATION)
    return int(length)
