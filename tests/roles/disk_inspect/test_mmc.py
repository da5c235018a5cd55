"""A boot area from which the PC itself starts is no disk to be erased."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import mmc
from ansible.module_utils.netspring_disks.tools import Said

RECORDED = Path(__file__).parents[1] / "disk_wipe/recorded/mmc-utils/extcsd-SLD64G.txt"
REGISTER = RECORDED.read_text()


def register(value: int) -> str:
    """The recording, which lacks this line, with it: its words are those of mmc-utils' source."""
    assert "PARTITION_CONFIG" not in REGISTER
    return f"{REGISTER}Boot configuration bytes [PARTITION_CONFIG: 0x{value:02x}]\n"


@pytest.mark.parametrize("value", range(256))
def test_every_setting(value: int) -> None:
    enabled = value >> 3 & 7
    assert mmc.starts_from(register(value)) == {1: 0, 2: 1}.get(enabled)


def test_no_answer_is_no_boot_area() -> None:
    assert mmc.starts_from("") is None


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (0x00, ("mmcblk0", "mmcblk0boot0", "mmcblk0boot1", "sda")),
        (0x48, ("mmcblk0", "mmcblk0boot1", "sda")),
        (0x10, ("mmcblk0", "mmcblk0boot0", "sda")),
        (0x38, ("mmcblk0", "mmcblk0boot0", "mmcblk0boot1", "sda")),
    ],
)
def test_which_disks_may_be_erased(tmp_path: Path, value: int, names: tuple[str, ...]) -> None:
    for name in ("mmcblk0", "mmcblk0boot0", "mmcblk0boot1", "sda"):
        (tmp_path / "block" / name / "device").mkdir(parents=True)
        (tmp_path / "block" / name / "size").write_text("8192")

    def ask(argv: list[str]) -> Said:
        assert argv == ["mmc", "extcsd", "read", "/dev/mmcblk0"]
        return Said(tuple(argv), 0, register(value), "")

    assert mmc.disk_names(tmp_path, ask) == names
