"""The teacher's programs under the name that they have on a PC."""

import json
import sys
from pathlib import Path

import pytest

from tests.on_target import ROLES

sys.path.insert(0, str(ROLES / "works" / "files"))
sys.path.insert(0, str(ROLES / "classroom" / "files"))

from netspring_classroom.system import System


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A PC in a folder: Chinese, with a greeter and a skeleton."""
    root = tmp_path / "pc"
    for folder in (
        "etc/netspring",
        "etc/lightdm/lightdm.conf.d",
        "etc/skel/Desktop",
        "etc/skel/.config/lxqt",
        "usr/local/sbin",
        "usr/local/lib/netspring/classroom.d",
        "var/lib/netspring",
        "proc/self",
        "home/pupil",
    ):
        (root / folder).mkdir(parents=True)
    (root / "etc/locale.conf").write_text("LANG=zh_CN.UTF-8\n")
    (root / "etc/skel/Desktop/tuxpaint.desktop").write_text("[Desktop Entry]\nName=Tux Paint\n")
    (root / "etc/skel/.config/lxqt/panel.conf").write_text("panelSize=44\n")
    (root / "proc/self/mounts").write_text("/dev/sda4 / ext4 rw 0 0\n")
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/bash\n"
        "pupil:x:1000:1000::/home/pupil:/bin/bash\n"
        "teacher:x:1001:1001::/home/teacher:/bin/bash\n"
    )
    (root / "etc/netspring/machine.json").write_text(
        json.dumps({"hostname": "pc-07", "asset_tag": "NS-0007"})
    )
    return System(root)


def program(path: Path, text: str) -> None:
    """Put a shell program onto the PC."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
