"""The clock of a donated PC: its RTC keeps local time, or whatever a dead coin cell left.

The installed system takes the RTC for UTC (no /etc/adjtime, hwclock(8)), and nothing sets it where
there is no internet. So the station's time is put into both clocks before anything is written.
"""

from __future__ import annotations

import calendar
import fcntl
import struct
import time
from pathlib import Path
from typing import Any, Protocol

from ansible.module_utils.netspring_install.errors import RefusedError

# A station's time on its way to the machine may age by some seconds.
TOLERANCE_SECONDS = 60
# 2026-01-01, before which this program did not exist, and 2100-01-01, beyond the RTC's two digits.
EARLIEST, LATEST = 1_767_225_600, 4_102_444_800
# rtc(4) and linux/rtc.h: struct rtc_time is nine ints; _IOR('p', 9, …) and _IOW('p', 10, …) of it.
RTC_TIME = "9i"
RTC_RD_TIME, RTC_SET_TIME = 0x80247009, 0x4024700A


class Clock(Protocol):
    """System clock and RTC of one machine; all times in seconds since 1970, UTC."""

    def now(self) -> float:
        """What the system clock says."""

    def set(self, seconds: float) -> None:
        """Set the system clock; OSError if it cannot be set."""

    def rtc(self) -> float:
        """What the RTC says; FileNotFoundError without one, OSError or ValueError if unreadable."""

    def set_rtc(self, seconds: float) -> None:
        """Set the RTC; OSError if it cannot be set."""


class PcClock:
    """The clocks of the machine this runs on. Made only by the program's own entry."""

    def __init__(self, device: Path = Path("/dev/rtc0")) -> None:
        """Remember where the RTC is."""
        self._device = device

    def now(self) -> float:
        """What the system clock says."""
        return time.time()

    def set(self, seconds: float) -> None:
        """Set the system clock."""
        time.clock_settime(time.CLOCK_REALTIME, seconds)

    def rtc(self) -> float:
        """What the RTC says, read as UTC."""
        with self._device.open("rb", buffering=0) as file:
            return rtc_seconds(fcntl.ioctl(file, RTC_RD_TIME, bytes(struct.calcsize(RTC_TIME))))

    def set_rtc(self, seconds: float) -> None:
        """Set the RTC to UTC."""
        with self._device.open("rb", buffering=0) as file:
            fcntl.ioctl(file, RTC_SET_TIME, rtc_bytes(seconds))


def rtc_seconds(data: bytes) -> float:
    """Seconds since 1970 of a ``struct rtc_time`` that is in UTC."""
    second, minute, hour, day, month, year = struct.unpack(RTC_TIME, data)[:6]
    return calendar.timegm((year + 1900, month + 1, day, hour, minute, second))


def rtc_bytes(seconds: float) -> bytes:
    """``struct rtc_time`` in UTC; the kernel ignores the last three of its fields."""
    at = time.gmtime(seconds)
    return struct.pack(
        RTC_TIME,
        at.tm_sec,
        at.tm_min,
        at.tm_hour,
        at.tm_mday,
        at.tm_mon - 1,
        at.tm_year - 1900,
        0,
        0,
        0,
    )


def is_off(found: float, station: float) -> bool:
    """Whether a clock that says ``found`` is to be set to ``station``."""
    return abs(found - station) > TOLERANCE_SECONDS


def check_station(station: float) -> None:
    """Refuse a time that no station can have: it would spoil a clock that may be right.

    Raises:
        RefusedError: the station's own clock is wrong.
    """
    if not EARLIEST <= station < LATEST:
        raise RefusedError(
            f"the station's clock cannot be right: it says {station:.0f} s since 1970",
            hint="nothing was written; set the station's clock (timedatectl set-time), then again",
        )


def correct(clock: Clock | None, station: float) -> dict[str, Any]:
    """Set what is off; returns what was found, for the result under ``clock``.

    Args:
        clock: of the machine; ``None`` where there is none to be set (tests), nothing is done.
        station: the station's time, s since 1970.

    Raises:
        RefusedError: the station's own clock is wrong; nothing was set.
    """
    if clock is None:
        return {}
    check_station(station)
    off = clock.now() - station
    found: dict[str, Any] = {"was_off_seconds": round(off), "system": "right"}
    if is_off(off, 0):
        try:
            clock.set(station)
            found["system"] = "set"
        except OSError as error:
            found["system"] = f"failed: {error.strerror or error}"
    return {"clock": found | _correct_rtc(clock, station)}


def _correct_rtc(clock: Clock, station: float) -> dict[str, Any]:
    """The RTC's part: ``set``, ``right``, ``none`` or ``failed: why``; no reason to stop."""
    told: dict[str, Any] = {}
    try:
        off = clock.rtc() - station
        told["rtc_was_off_seconds"] = round(off)
        if not is_off(off, 0):
            return told | {"rtc": "right"}
    except FileNotFoundError:
        return {"rtc": "none"}
    except (OSError, ValueError):
        pass  # rtc(4): a time that is none, after a dead coin cell, is an error to read; set it.
    try:
        clock.set_rtc(station)
    except OSError as error:
        return told | {"rtc": f"failed: {error.strerror or error}"}
    return told | {"rtc": "set"}
