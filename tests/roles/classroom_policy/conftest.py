"""The programs of the policy under the name that they have on a PC, and a PC in a folder."""

import sys
from pathlib import Path

import pytest

from tests.on_target import ROLES

sys.path.insert(0, str(ROLES / "works" / "files"))
sys.path.insert(0, str(ROLES / "classroom" / "files"))
sys.path.insert(0, str(ROLES / "classroom_policy" / "files"))

from netspring_classroom.system import System


@pytest.fixture
def pc(tmp_path: Path) -> System:
    """A PC in a folder, with no system at work."""
    root = tmp_path / "pc"
    for name in ("etc/netspring", "etc/veyon", "run", "var/lib/netspring", "usr/share/netspring"):
        (root / name).mkdir(parents=True)
    (root / "usr/share/netspring/family-filter.json").write_text('["192.0.2.3", "2001:db8::3"]')
    for card, address, real in (
        ("enp1s0", "52:54:00:aa:00:01", True),
        ("wlp2s0", "52:54:00:AA:00:02", True),
        ("lo", "00:00:00:00:00:00", False),
        ("veth0", "52:54:00:aa:00:03", False),
        ("ib0", "80:00:02:08:fe:80:00:00:00:00:00:00:00:01:02:03:04:05:06:07", True),
    ):
        folder = root / "sys/class/net" / card
        folder.mkdir(parents=True)
        (folder / "address").write_text(address + "\n")
        if real:
            (folder / "device").mkdir()
    return System(root)
