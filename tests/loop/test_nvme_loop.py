"""NVMe Format on a loop device: only the tool is stood in for; the bytes are real.

What the tool says was recorded from nvme-cli 2.13 in a virtual PC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.netspring_disks.nvme import Formatting
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import nvme_format
from ansible.module_utils.netspring_erase.probe import Probe
from loop_devices import Loop, erase, probe_of

pytestmark = pytest.mark.loop
MIB = 1 << 20
Make = Callable[..., Loop]
HOW = Formatting(
    controller="/dev/nvme0",
    nsid=1,
    format_supported=True,
    secure_erase=True,
    crypto_erase=False,
    format_all_ns=False,
    lbaf=0,
    ms=0,
)


class Tool:
    """Stands in for nvme-cli: does ``deed`` to the disk, then answers."""

    def __init__(self, code: int, out: str, err: str, deed: Callable[[], object]) -> None:
        self.answer, self.deed = (code, out, err), deed
        self.seen: list[list[str]] = []

    def __call__(self, argv: list[str], _seconds: float) -> Said:
        self.seen.append(argv)
        self.deed()
        return Said(tuple(argv), *self.answer)


def formats(loop: Loop, tool: Tool, **changes: Any) -> Probe:
    answers = {"run": tool, "formatting": lambda _name: HOW, "namespaces": lambda _name: 1}
    return probe_of(loop, **(answers | changes))


def fill(loop: Loop, content: bytes) -> Callable[[], object]:
    """What a drive may leave behind after Format; through the device, as a drive would."""

    def deed() -> None:
        with open(loop.path, "r+b") as stream:  # noqa: PTH123
            for _ in range(loop.size // MIB):
                stream.write(content * (MIB // len(content)))

    return deed


SUCCESS = (0, "Success formatting namespace:1\n", "")
PLAN: dict[str, Any] = {"method": "nvme_format", "fallback": ["overwrite"]}


@pytest.mark.parametrize("left", [b"\0", b"\xff", b"\x33\xcc\x55\xaa"])
def test_format_then_the_same_proof(loops: Make, left: bytes) -> None:
    loop = loops(48 * MIB)
    tool = Tool(*SUCCESS, fill(loop, left))
    entry = erase(loop, formats(loop, tool), **PLAN)
    assert (entry["outcome"], entry["method"]) == ("erased", "nvme_format")
    assert tool.seen == [nvme_format.argv(loop.path, HOW)]
    assert "--ses=1" in tool.seen[0]
    assert [attempt["method"] for attempt in entry["attempts"]] == ["nvme_format", "overwrite"]
    assert entry["canaries"]["changed"] == entry["canaries"]["n"] == 66
    assert entry["verify"]["bytes_read"] == loop.size
    assert entry["claim"]["limits"] == []
    assert loop.is_zero()


@pytest.mark.parametrize(
    ("code", "out", "err", "word"),
    [
        (0, SUCCESS[1], "", "only 0 of 66 changed"),  # a device that lies
        (
            1,
            "",
            "NVMe status: Invalid Format: The LBA Format specified is not supported(0x410a)",
            "The LBA Format specified is not supported",
        ),
        (None, "", "nvme is not installed", "not installed"),
    ],
)
def test_failed_format_falls_back_to_the_weaker_claim(
    loops: Make, code: int, out: str, err: str, word: str
) -> None:
    loop = loops(48 * MIB)
    entry = erase(loop, formats(loop, Tool(code, out, err, lambda: None)), **PLAN)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert word in entry["attempts"][0]["error"]
    assert word in entry["claim"]["limits"][0]
    assert "erased by overwrite only" in entry["claim"]["limits"][0]
    assert loop.is_zero()


def test_failed_format_without_a_fallback_is_failed(loops: Make) -> None:
    loop = loops(48 * MIB)
    tool = Tool(
        1,
        "",
        "NVMe status: Invalid Format: The LBA Format specified is not supported(0x410a)",
        lambda: None,
    )
    entry = erase(loop, formats(loop, tool), **(PLAN | {"fallback": []}))
    assert entry["outcome"] == "failed"
    assert "the plan allows no other method" in entry["reason"]
    assert entry["claim"] is None


def test_format_that_would_touch_other_namespaces_is_not_sent(loops: Make) -> None:
    loop = loops(48 * MIB)
    tool = Tool(*SUCCESS, lambda: None)
    every = Formatting(**{**HOW.__dict__, "format_all_ns": True})
    probe = formats(loop, tool, formatting=lambda _name: every, namespaces=lambda _name: 2)
    entry = erase(loop, probe, **PLAN)
    assert tool.seen == []
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert "other 1 namespaces" in entry["claim"]["limits"][0]
