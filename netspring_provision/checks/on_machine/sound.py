"""Plays a tone as every program of the child does, and listens at the loudspeaker's own monitor."""

from __future__ import annotations

import array
import math
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from netspring_provision.checks.on_machine.programs import run

RATE = 48000
PITCHES = (
    523,
    587,
    659,
    784,
    880,
)  # Hz; drawn anew each time, so that no other sound passes for it
LOUDNESS = 0.15  # of full scale
PLAY_SECONDS = 1.0
# A sound card that slept, in a PC that is emulated, takes a while to wake up.
LISTEN_SECONDS = 3.0
HUNG_SECONDS = 20
PIECE_SECONDS = 0.1  # in which the tone must be found whole; a busy PC tears longer ones
STREAM = ("--raw", f"--rate={RATE}", "--channels=1", "--format=s16")
SINK = "@DEFAULT_AUDIO_SINK@"


def listen(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the loudspeaker is, how it is set, and whether a tone comes to it.

    Args:
        environment: of the child's session.

    Returns:
        ``sink`` (its name, or ``None``), ``description``, ``volume`` (1.0 is full), ``muted``,
        ``hz`` of the tone, and for the piece of the recording in which it is clearest: ``share``
        of the tone in all that was heard, and ``loudness`` (of full scale).

    Raises:
        RuntimeError: a program for it is missing or gives no answer.
    """
    told = run("wpctl", "inspect", SINK, env=environment, timeout=HUNG_SECONDS).stdout
    seen: dict[str, Any] = {
        "sink": _property(told, "node.name"),
        "description": _property(told, "node.description"),
    }
    if seen["sink"] is None:
        return seen
    volume = run("wpctl", "get-volume", SINK, env=environment, timeout=HUNG_SECONDS).stdout
    number = re.search(r"Volume:\s*([0-9.]+)", volume)
    seen["volume"] = float(number[1]) if number else None
    seen["muted"] = "MUTED" in volume
    seen["hz"] = secrets.choice(PITCHES)
    heard = _record(environment, tone(seen["hz"]))
    seen["share"], seen["loudness"] = clearest(heard, seen["hz"])
    return seen


def _property(told: str, name: str) -> str | None:
    found = re.search(rf'{re.escape(name)} = "([^"]*)"', told)
    return found[1] if found else None


def tone(hz: int) -> bytes:
    """A tone with soft ends, 16 bit, one channel."""
    count = int(RATE * PLAY_SECONDS)
    soft = RATE // 50
    values = array.array(
        "h",
        (
            int(
                32767 * LOUDNESS * min(1.0, at / soft, (count - at) / soft)
                * math.sin(2 * math.pi * hz * at / RATE)
            )
            for at in range(count)
        ),
    )  # fmt: skip
    return _little(values).tobytes()


def _record(environment: Mapping[str, str], played: bytes) -> Sequence[int]:
    """Listen at the default loudspeaker while something is played to it."""
    player = ["pw-play", *STREAM, "-"]
    argv = ["pw-record", "-P", "{ stream.capture.sink = true }", *STREAM, "-"]
    try:
        recorder = subprocess.Popen(  # noqa: S603 - fixed words, no shell
            argv, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError:
        raise RuntimeError("pw-record is missing") from None
    began = time.monotonic()
    try:
        time.sleep(0.5)
        done = run(*player, env=environment, data=played, timeout=HUNG_SECONDS)
        time.sleep(max(0.0, began + LISTEN_SECONDS - time.monotonic()))
    finally:
        recorder.terminate()
        raw, _ = recorder.communicate(timeout=HUNG_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"pw-play: {done.stderr.strip()[:200]}")
    values = array.array("h")
    values.frombytes(raw[: len(raw) // 2 * 2])
    return _little(values)


def _little(values: array.array[int]) -> array.array[int]:
    """Samples go over the pipe with their small byte first."""
    if sys.byteorder == "big":
        values.byteswap()
    return values


def clearest(heard: Sequence[int], hz: int) -> tuple[float, float]:
    """Where a tone is clearest in a recording: its share of the energy, and its loudness.

    Goertzel's filter at one frequency, over pieces of a tenth of a second.
    """
    size = int(RATE * PIECE_SECONDS)
    best = (0.0, 0.0)
    for start in range(0, len(heard) - size + 1, size):
        piece = heard[start : start + size]
        energy = sum(value * value for value in piece)
        if not energy:
            continue
        turn = 2 * math.cos(2 * math.pi * hz / RATE)
        before = last = 0.0
        for value in piece:
            before, last = last, value + turn * last - before
        power = last * last + before * before - turn * last * before
        share = 2 * power / (size * energy)
        loudness = math.sqrt(2 * energy / size) / 32767
        best = max(best, (round(share, 3), round(loudness, 4)))
    return best
