"""The role as plain ansible-playbook runs it, on this computer, which is no donated PC.

Whatever is asked, nothing may be destroyed here: this computer runs no live environment.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
ROLE = REPOSITORY / "roles/disk_wipe"
PHRASE = "ERASE 1 DISK OF pc1 4F2A"
Change = dict[str, Any]


def plan_of(disk: Path, minutes: int = 30, host: str = "pc1", zone: str = "+00:00") -> Change:
    """A plan that names a file of this test as its disk."""
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
    planned = {
        "path": str(disk),
        "serial": "S1",
        "wwn": None,
        "size_bytes": disk.stat().st_size,
        "model": "Modèle 硬盘",
        "bus": "sata",
        "method": "overwrite",
    }
    body = {
        "plan_id": "p1",
        "expires": expires.strftime("%Y-%m-%dT%H:%M:%S") + zone,
        "confirm": PHRASE,
        "token_sha256": "ab" * 32,
        "machines": [{"host": host, "uuid": "u", "disks": [planned]}],
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {"body": body, "sha256": hashlib.sha256(text.encode()).hexdigest(), "hmac": ""}


def play(tmp_path: Path, plan: Change, phrase: str = PHRASE) -> tuple[int, str]:
    """Exit code and output of ``playbooks/wipe.yml`` on a host that is this computer."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan, ensure_ascii=False))
    given = {
        "disk_wipe_plan_file": str(file),
        "disk_wipe_confirm": phrase,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    argv = [program, "-i", "pc1,", "-e", json.dumps(given), "playbooks/wipe.yml"]
    home = {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        argv,
        cwd=REPOSITORY,
        env=os.environ | home | {"ANSIBLE_REMOTE_TMP": str(tmp_path / "remote")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    file = tmp_path / "disk.img"
    file.write_bytes(b"PRIVATE " * 8192)
    return file


@pytest.mark.parametrize(
    ("phrase", "changes", "told"),
    [
        ("", {}, "the phrase is not the one of this plan"),
        ("ERASE 1 DISK OF pc2 4F2A", {}, "the phrase is not the one of this plan"),
        (PHRASE, {"host": "pc2"}, "the plan does not name pc1"),
        (PHRASE, {}, "does not run the live environment (no marker)"),
    ],
)
def test_refused_and_nothing_changed(
    tmp_path: Path, disk: Path, phrase: str, changes: Change, told: str
) -> None:
    before = disk.read_bytes()
    code, output = play(tmp_path, plan_of(disk, **changes), phrase)
    assert code == 2
    assert told in output
    assert "changed=0" in output
    assert disk.read_bytes() == before


def test_an_altered_plan_is_refused(tmp_path: Path, disk: Path) -> None:
    plan = plan_of(disk)
    plan["body"]["machines"][0]["disks"][0]["serial"] = "S2"
    code, output = play(tmp_path, plan)
    assert code == 2
    assert "was altered after it was made" in output


@pytest.mark.parametrize(
    ("minutes", "zone", "valid"),
    [(30, "+00:00", True), (30, "Z", True), (-1, "+00:00", False), (30, "+08:00", False)],
)
def test_expiry_is_judged_by_the_stations_clock(
    tmp_path: Path, disk: Path, minutes: int, zone: str, valid: bool
) -> None:
    """The role's own variable, since only the machine knows whether work was begun in time."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan_of(disk, minutes, zone=zone)))
    book = tmp_path / "book.yml"
    book.write_text(
        yaml.safe_dump(
            [
                {
                    "name": "Ask",
                    "hosts": "localhost",
                    "connection": "local",
                    "gather_facts": False,
                    "vars_files": [str(ROLE / "vars/main.yml")],
                    "vars": {"disk_wipe_plan_file": str(file)},
                    "tasks": [{"ansible.builtin.debug": {"msg": "IS {{ disk_wipe_valid }}"}}],
                }
            ]
        )
    )
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [program, "-i", "localhost,", book], capture_output=True, text=True, check=True
    )
    assert f"IS {valid}" in done.stdout


def test_defaults_are_those_of_the_argument_specs() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in options.items()} == defaults


def test_few_tasks() -> None:
    """Each task is a result per machine; validating the arguments is one more."""
    assert len(yaml.safe_load((ROLE / "tasks/main.yml").read_text())) <= 4
