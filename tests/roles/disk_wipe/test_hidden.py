"""Hidden areas are shown where the plan says so, and nothing is erased in that run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import hidden
from ansible.module_utils.netspring_erase.evidence import Evidence
from ansible.module_utils.netspring_erase.failures import RefusedError

from tests.roles.disk_wipe.hdparm_replay import BAD_SENSE, DEV, Play, Step, text

SHOW = ["hdparm", "-N", "p976773168", DEV]
AREA = {"present": True, "current_sectors": 976771055, "native_sectors": 976773168}


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path / "disk")


def reveal(play: Play, *steps: Step, area: Any = AREA, remove: object = True) -> Evidence:
    play.steps = list(steps)
    planned = {"serial": "S1", "path": DEV, "method": "overwrite", "remove_hpa": remove}
    evidence = Evidence(planned)
    hidden.reveal(planned, play.disk, {"hpa": area}, play.probe(), evidence)
    assert play.steps == []
    return evidence


def test_shown_as_recorded_and_nothing_erased(play: Play) -> None:
    planned = {"serial": "S1", "path": DEV, "method": "overwrite", "remove_hpa": True}
    evidence = Evidence(planned)
    play.steps = [Step(SHOW, text("hpa-shown.txt"))]
    with pytest.raises(RefusedError) as refusal:
        hidden.reveal(planned, play.disk, {"hpa": AREA}, play.probe(), evidence)
    assert play.seen == [SHOW]
    reason = str(refusal.value)
    assert "/dev/sda (serial S1) hid 2113 sectors" in reason
    assert "Nothing was erased" in reason
    assert "Switch the machine off and on, then plan again" in reason
    (attempt,) = evidence.attempts
    assert attempt["argv"] == SHOW
    assert attempt["error"] is None
    assert attempt["status_before"] == AREA
    assert attempt["status_after"]["current_sectors"] == 976773168


@pytest.mark.parametrize(
    ("out", "err", "code"),
    [
        (text("hpa-shown.txt"), BAD_SENSE, 0),
        (text("hpa-hidden.txt"), "", 0),
        ("", "", 0),
        ("", " SET_MAX_ADDRESS failed: Input/output error\n", 5),
        ("", "hdparm did not answer within 120 s", None),
    ],
)
def test_a_disk_that_does_not_show_it(play: Play, out: str, err: str, code: int | None) -> None:
    with pytest.raises(RefusedError) as refusal:
        reveal(play, Step(SHOW, out, err, code))
    assert "did not show them" in str(refusal.value)
    assert "Nothing was erased" in str(refusal.value)


@pytest.mark.parametrize("remove", [False, None, "yes", 1])
def test_nothing_is_sent_unless_the_plan_says_so(play: Play, remove: object) -> None:
    assert reveal(play, remove=remove).attempts == []


@pytest.mark.parametrize("area", [None, {**AREA, "present": False}, {**AREA, "present": None}])
def test_nothing_is_sent_where_nothing_is_hidden(play: Play, area: Any) -> None:
    assert reveal(play, area=area).attempts == []


@pytest.mark.parametrize(
    ("dco", "hpa", "code"),
    [
        (None, AREA, "dco_unknown"),
        ({"revision": 2, "real_sectors": 976773168}, AREA, None),
        ({"revision": 2, "real_sectors": 976773169}, AREA, "dco_hidden"),
        ({"revision": 2, "real_sectors": 16384}, None, None),
        ({"revision": 2, "real_sectors": 16385}, None, "dco_hidden"),
    ],
)
def test_overlay_is_reported(play: Play, dco: Any, hpa: Any, code: str | None) -> None:
    found = hidden.overlay_limit({"dco": dco, "hpa": hpa}, play.disk)
    assert (found[0] if found else None) == code
