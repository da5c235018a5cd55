"""The module itself: what it makes of lsblk, and that it runs and changes nothing anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.on_target import load_module

REPOSITORY = Path(__file__).parents[3]
ROLE = REPOSITORY / "roles/disk_inspect"
inspect = load_module("disk_inspect", "netspring_inspect")


def test_lsblk_as_recorded() -> None:
    text = (Path(__file__).parent / "recorded/qemu-7.2/lsblk.json").read_text()
    rows = inspect.parse_lsblk(text)
    assert sorted(rows) == ["nvme0n1", "sda"]
    assert inspect.signatures(rows["sda"]) == []
    assert inspect.flag(rows["sda"]["rota"]) is True
    assert inspect.parse_lsblk("lsblk: unknown column: PTTYPE") == {}


def test_signatures_of_a_used_disk() -> None:
    """Rows as lsblk nests them: the disk's table once, then what each partition holds."""
    row: dict[str, Any] = {
        "name": "sda",
        "path": "/dev/sda",
        "type": "disk",
        "pttype": "gpt",
        "fstype": None,
        "label": None,
        "children": [
            {
                "name": "sda1",
                "path": "/dev/sda1",
                "type": "part",
                "pttype": "gpt",
                "fstype": "ntfs",
                "label": "Windows",
            },
            {
                "name": "sda2",
                "path": "/dev/sda2",
                "type": "part",
                "pttype": "gpt",
                "fstype": "linux_raid_member",
                "label": "old:0",
            },
        ],
    }
    assert inspect.signatures(row) == [
        {"type": "gpt", "label": None, "where": "/dev/sda"},
        {"type": "ntfs", "label": "Windows", "where": "/dev/sda1"},
        {"type": "linux_raid_member", "label": "old:0", "where": "/dev/sda2"},
    ]


@pytest.mark.parametrize(
    ("bus", "rotational", "rpm", "medium"),
    [
        ("sata", True, 7200, "hdd"),
        ("sata", True, None, "unknown"),  # old flash does not say that it is none
        ("sata", True, 0, "unknown"),
        ("sata", False, 0, "ssd"),
        ("sata", False, None, "ssd"),
        ("sata", None, 7200, "unknown"),
        ("scsi", True, None, "hdd"),
        ("nvme", None, None, "ssd"),
        ("usb", False, None, "flash"),
        ("usb", True, None, "hdd"),
        ("mmc", False, None, "flash"),
    ],
)
def test_medium(bus: str, rotational: bool | None, rpm: int | None, medium: str) -> None:
    assert inspect.medium(bus, rotational, rpm) == medium


@pytest.mark.parametrize("whole", [True, False])
def test_native_capacity_is_known_or_null(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    monkeypatch.setattr(inspect.nvme, "is_whole", lambda _name: whole)
    area = {"present": True, "current_sectors": 90, "native_sectors": 100}

    def native(bus: str, hidden: Any = None) -> Any:
        who = inspect.identity.Identity("x", "/dev/x", "1:1", bus, "S1", None, 46080, 512, False)
        return inspect.native_bytes(who, hidden)

    assert native("sata", area) == 51200
    assert native("sata") is None
    assert native("usb") is None
    assert native("scsi") is None
    assert native("virtio") == 46080
    assert native("nvme") == (46080 if whole else None)


def identity_on(bus: str) -> Any:
    return inspect.identity.Identity("x", "/dev/x", "1:1", bus, "S1", None, 1, 512, False)


@pytest.mark.parametrize(
    ("bus", "asked"),
    [
        ("sata", ["hdparm", "hdparm", "hdparm"]),
        ("scsi", ["sg_opcodes"]),
        ("mmc", []),
        ("usb", []),
        ("virtio", []),
        ("unknown", []),
    ],
)
def test_each_bus_is_asked_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, bus: str, asked: list[str]
) -> None:
    """A USB bridge above all: no ATA command is ever sent through one."""
    seen = []

    def run(argv: list[str], seconds: float = 60) -> Any:
        del seconds
        seen.append(argv[0])
        return inspect.tools.Said(tuple(argv), 1, "", "")

    monkeypatch.setattr(inspect.tools, "run", run)
    told = inspect.by_bus(identity_on(bus))
    assert seen == asked
    assert sorted(told) == ["dco", "hpa", "mmc", "nvme", "rotation_rpm", "sanitize", "security"]
    assert set(told.values()) == {None}


def test_name_of_a_card_and_of_its_boot_area(tmp_path: Path) -> None:
    """As the kernel hangs them (drivers/mmc/core/block.c), in a made-up sysfs."""
    main = tmp_path / "mmcblk0"
    (main / "device").mkdir(parents=True)
    (main / "device/name").write_text("HAG2e\n")
    area = tmp_path / "mmcblk0boot0"
    area.mkdir()
    (area / "device").symlink_to(main)
    assert inspect.card_name(main) == "HAG2e"
    assert inspect.card_name(area) == "HAG2e"
    assert inspect.card_name(tmp_path / "sda") is None


def test_plain_ansible_playbook_shows_this_computer(tmp_path: Path) -> None:
    given = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
        "ANSIBLE_REMOTE_TMP": str(tmp_path / "remote"),
    }
    argv = [program, "-i", "pc1,", "-e", json.dumps(given), "playbooks/inspect.yml"]
    done = subprocess.run(
        argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    output = done.stdout
    tasks = json.loads(output[output.index("{") :])["plays"][0]["tasks"]
    results = [task["hosts"]["pc1"] for task in tasks]
    assert len(results) <= 3
    assert not any(result["changed"] for result in results)
    facts = next(r["netspring_result"] for r in results if "netspring_result" in r)
    assert (facts["kind"], facts["schema"]) == ("facts", 1)
    assert facts["live"]["marker"] is False
    assert facts["memory_bytes"] > 1 << 28
    for disk in facts["disks"]:
        assert disk["size_bytes"] >= 0
        assert isinstance(disk["uses"], list)
    assert "MiB of memory" in results[-1]["msg"]


WATCH = """
import os, sys
from tests.on_target import add_module_utils, load_module
add_module_utils()
inspect = load_module("disk_inspect", "netspring_inspect")
opened = []
def watch(event, given):
    if event == "open" and given[2] & (os.O_WRONLY | os.O_RDWR) and given[0] != os.devnull:
        opened.append(str(given[0]))
sys.addaudithook(watch)
assert inspect.read_machine()["kind"] == "facts"
print(opened)
"""


def test_nothing_is_opened_for_writing() -> None:
    """Python itself tells of every file that an inspection opens."""
    argv = [sys.executable, "-c", WATCH]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_role_takes_nothing() -> None:
    assert yaml.safe_load((ROLE / "defaults/main.yml").read_text()) is None
    assert len(yaml.safe_load((ROLE / "tasks/main.yml").read_text())) == 2
