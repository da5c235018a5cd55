"""Sampled read-back on real block devices, and what the end of an erase is judged by."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks import mmc
from ansible.module_utils.netspring_erase import blocks, sampling
from ansible.module_utils.netspring_erase.progress import Progress
from firmware_kit import MIB, Drive
from loop_devices import Loop, erase, probe_of

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
PITCH, LENGTH = 8 * MIB, MIB
SAMPLED = {"mode": "sampled", "pitch_bytes": PITCH, "length_bytes": LENGTH}


class AtPhase(Progress):
    """Does something once, when a phase begins."""

    def __init__(self, phase: str, deed: Callable[[], object]) -> None:
        super().__init__()
        self._when, self._deed = phase, deed

    def begin(self, phase: str, size: int, passes_left: int = 0) -> None:
        super().begin(phase, size, passes_left)
        if phase == self._when:
            self._deed()


def spoil(loop: Loop, offset: int, length: int) -> Callable[[], object]:
    """What a pass of zeros may have left; put there just before the read-back."""

    def deed() -> None:
        with loop.file.open("r+b") as file:
            file.seek(offset)
            file.write(b"x" * length)

    return deed


def test_a_grid_is_read_and_the_evidence_says_which(loops: Make) -> None:
    loop = loops(128 * MIB - 512)
    entry = erase(loop, verify=SAMPLED)
    assert (entry["outcome"], entry["reason"]) == ("erased", None)
    seen = entry["verify"]
    assert (seen["mode"], seen["pitch_bytes"], seen["length_bytes"]) == ("sampled", PITCH, LENGTH)
    assert 0 <= seen["phase_bytes"] < PITCH
    assert seen["phase_bytes"] % 4096 == 0
    assert seen["detectable_bytes"] == PITCH - LENGTH + 1
    grid = sampling.Grid(PITCH, LENGTH, seen["phase_bytes"])
    assert seen["bytes_read"] == sampling.size_of(loop.size, grid)
    assert 16 * MIB <= seen["bytes_read"] <= 19 * MIB
    assert (seen["nonzero"], seen["read_errors"], seen["first_error_offset"]) == (0, 0, None)
    assert loop.is_zero()


@pytest.mark.parametrize("place", [0, 1, 5 * MIB + 7, 60 * MIB + 3])
def test_the_shortest_residue_that_is_promised_is_found(loops: Make, place: int) -> None:
    loop = loops(80 * MIB)
    length = PITCH - LENGTH + 1
    entry = erase(loop, progress=AtPhase("verifying", spoil(loop, place, length)), verify=SAMPLED)
    assert entry["outcome"] == "failed"
    assert "bytes are not zero" in entry["reason"]
    assert entry["verify"]["nonzero"] > 0


def test_both_ends_are_always_looked_at(loops: Make) -> None:
    for place in (0, 80 * MIB - 1):
        loop = loops(80 * MIB, f"END{place}")
        deed = spoil(loop, place, 1)
        assert erase(loop, progress=AtPhase("verifying", deed), verify=SAMPLED)["outcome"] == (
            "failed"
        )


def test_a_read_error_in_the_sample_is_failed_with_its_place(loops: Make) -> None:
    loop = loops(80 * MIB)
    cut = AtPhase("verifying", lambda: os.truncate(loop.file, 40 * MIB))
    entry = erase(loop, progress=cut, verify=SAMPLED)
    assert entry["outcome"] == "failed"
    assert entry["verify"]["read_errors"] == 1
    # the place is where the failed request began: the one across the cut begins before it
    assert 40 * MIB - LENGTH < entry["verify"]["first_error_offset"] < 80 * MIB
    assert entry["verify"]["mode"] == "sampled"


@pytest.mark.parametrize(
    "wanted",
    [
        {"mode": "quick"},
        {"mode": "sampled"},
        SAMPLED | {"length_bytes": 0},
        SAMPLED | {"length_bytes": 16 * MIB},
        SAMPLED | {"pitch_bytes": 8 * MIB + 512},
        "full",
    ],
)
def test_a_grid_that_is_none_is_refused_before_anything_is_written(
    loops: Make, wanted: Any
) -> None:
    loop = loops(16 * MIB)
    before = loop.sha256()
    entry = erase(loop, verify=wanted)
    assert entry["outcome"] == "refused"
    assert loop.sha256() == before


def test_a_canary_between_the_samples_is_still_looked_at(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that drops one write: the grid does not meet it, and every canary is read anyway."""
    loop = loops(128 * MIB)
    real = blocks.write_zeros

    def all_but_one(descriptor: int, size: int, *rest: Any) -> None:
        length = size // 256
        before = loop.file.read_bytes()
        place = next(
            offset
            for offset in range(length, 60 * MIB, length)
            if any(before[offset : offset + 64])
            and b"PRIVATE" not in before[offset : offset + 4096]
        )
        kept = before[place : place + length]
        real(descriptor, size, *rest)
        with loop.file.open("r+b") as file:
            file.seek(place)
            file.write(kept)

    monkeypatch.setattr(blocks, "write_zeros", all_but_one)
    monkeypatch.setattr(sampling.secrets, "randbelow", lambda _below: 0)
    wide = {"mode": "sampled", "pitch_bytes": 64 * MIB, "length_bytes": 4096}
    entry = erase(loop, verify=wide)
    assert entry["outcome"] == "failed"
    assert "canaries outlived the erase" in entry["reason"]
    assert (entry["verify"]["nonzero"], entry["canaries"]["changed"]) == (0, 65)


def health(**counts: int | None) -> dict[str, Any]:
    return {"passed": True, "reallocated": 0, "pending": 0, "uncorrectable": 0} | counts


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (health(), health(pending=1), "pending sectors went from 0 to 1"),
        (
            health(uncorrectable=3),
            health(uncorrectable=4),
            "uncorrectable sectors went from 3 to 4",
        ),
        (health(), health(pending=None), "pending sectors went from 0 to None"),
        (health(), None, "pending sectors went from 0 to None"),
    ],
)
def test_a_disk_that_got_worse_is_failed(loops: Make, before: Any, after: Any, word: str) -> None:
    loop, answers = loops(16 * MIB), iter((before, after))
    entry = erase(loop, probe_of(loop, health=lambda _path: next(answers)))
    assert entry["outcome"] == "failed"
    assert word in entry["reason"]
    assert "destroy it physically" in entry["reason"]
    assert (entry["smart_before"], entry["smart_after"]) == (before, after)


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (None, None, None),
        (None, health(), None),
        (health(pending=4), health(pending=0), None),
        (health(reallocated=7), health(reallocated=7), "7 sectors had been replaced by spares"),
        (health(reallocated=7), health(reallocated=9), "9 sectors had been replaced by spares, 2"),
    ],
)
def test_a_disk_that_did_not_get_worse_is_erased(
    loops: Make, before: Any, after: Any, detail: str | None
) -> None:
    loop, answers = loops(16 * MIB), iter((before, after))
    entry = erase(loop, probe_of(loop, health=lambda _path: next(answers)))
    assert entry["outcome"] == "erased"
    limits = entry["limits"]
    assert [limit["code"] for limit in limits] == (["reallocated"] if detail else [])
    assert not detail or limits[0]["detail"].startswith(detail)


def sata(loop: Loop, *answers: dict[str, Any], **changes: Any) -> Any:
    """A probe of a SATA disk whose hdparm answers come in order, the last one again and again."""
    left = list(answers)

    def ata(_disk: Any) -> dict[str, Any]:
        return left.pop(0) if len(left) > 1 else left[0]

    return Drive(loop, "never asked", [(0, "", "")]).probe("sata", ata=ata, **changes)


def area(current: int, native: int) -> dict[str, Any]:
    hidden = {"current_sectors": current, "native_sectors": native}
    return {"hpa": {"present": current < native, **hidden}, "security": None, "dco": None}


def test_a_sata_disk_shows_all_it_has_at_the_end(loops: Make) -> None:
    loop = loops(16 * MIB)
    sectors = 16 * MIB // 512
    whole = area(sectors, sectors) | {"dco": {"revision": 2, "real_sectors": sectors}}
    entry = erase(loop, sata(loop, whole), bus="sata")
    assert (entry["outcome"], entry["native_bytes"]) == ("erased", loop.size)
    assert entry["hpa_before"] == whole["hpa"]
    assert entry["limits"] == []
    unknown = erase(loop, sata(loop, {"hpa": None, "security": None}), bus="sata")
    assert (unknown["outcome"], unknown["native_bytes"]) == ("erased", None)
    assert [limit["code"] for limit in unknown["limits"]] == ["hpa_unknown", "dco_unknown"]


def test_a_disk_that_hides_something_at_the_end_is_failed(loops: Make) -> None:
    loop = loops(16 * MIB)
    sectors = 16 * MIB // 512
    entry = erase(loop, sata(loop, area(sectors, sectors), area(sectors, sectors + 8)), bus="sata")
    assert entry["outcome"] == "failed"
    assert f"it shows {loop.size} of its {loop.size + 4096} bytes" in entry["reason"]


def test_a_password_that_is_left_is_failed(loops: Make) -> None:
    loop = loops(16 * MIB)
    free = {"supported": True, "enabled": False, "locked": False, "frozen": False}
    plain = {"hpa": None, "security": free}
    entry = erase(
        loop, sata(loop, plain, plain | {"security": free | {"enabled": True}}), bus="sata"
    )
    assert entry["outcome"] == "failed"
    assert "a password is still set on it" in entry["reason"]
    assert entry["security_before"] == free


def test_the_switch_of_a_boot_area_is_put_back(tmp_path: Path) -> None:
    """sysfs made up as the kernel lays it out: no emulator has an eMMC."""
    block = tmp_path / "block/mmcblk0boot0"
    block.mkdir(parents=True)
    switch = block / "force_ro"
    switch.write_text("1\n")
    with mmc.writable("mmcblk0boot0", tmp_path):
        assert switch.read_text() == "0"
    assert switch.read_text() == "1"
    with pytest.raises(RuntimeError), mmc.writable("mmcblk0boot0", tmp_path):
        raise RuntimeError
    assert switch.read_text() == "1"


def test_only_boot_areas_have_their_switch_lifted(tmp_path: Path) -> None:
    block = tmp_path / "block/mmcblk0"
    block.mkdir(parents=True)
    (block / "force_ro").write_text("1\n")
    with mmc.writable("mmcblk0", tmp_path):
        assert (block / "force_ro").read_text() == "1\n"
