"""The parts of an NVMe disk with several paths are no disks of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.netspring_disks import identity


@pytest.mark.parametrize(
    ("hidden", "names"), [("1", ("nvme0n1",)), ("0", ("nvme0c0n1", "nvme0n1"))]
)
def test_a_path_that_the_kernel_hides_is_no_disk(
    tmp_path: Path, hidden: str, names: tuple[str, ...]
) -> None:
    """Layout of Linux 6.12 with nvme_core.multipath (drivers/nvme/host/multipath.c)."""
    for name, state in (("nvme0n1", "0"), ("nvme0c0n1", hidden)):
        block = tmp_path / "block" / name
        (block / "device").mkdir(parents=True)
        (block / "hidden").write_text(state + "\n")
        (block / "size").write_text("1000\n")
    assert identity.disk_names(tmp_path) == names
