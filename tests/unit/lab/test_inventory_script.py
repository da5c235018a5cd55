"""``inventories/lab/lab.py`` knows the same PCs and the same home as the package, without it."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from netspring_provision.config import Station
from netspring_provision.lab import process
from netspring_provision.lab.model import Pc

SCRIPT = Path(__file__).parents[3] / "inventories" / "lab" / "lab.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("lab_inventory", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_executable_and_needs_only_python() -> None:
    assert os.access(SCRIPT, os.X_OK)
    tree = ast.parse(SCRIPT.read_text())
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
    assert "json" in imported
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "environment",
    [
        {"NETSPRING_HOME": "/a/b"},
        {"NETSPRING_HOME": "relative"},
        {"NETSPRING_HOME": "~/n"},
        {"NETSPRING_HOME": "", "XDG_DATA_HOME": "/data"},
        {"NETSPRING_HOME": "", "XDG_DATA_HOME": " "},
        {"HOME": "/home/somebody"},
    ],
)
def test_the_same_home_as_the_package(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name in ("NETSPRING_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert script.home() == Station.from_environment().home


def test_only_pcs_that_are_on_and_can_be_reached(
    script: ModuleType,
    station: Station,
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
) -> None:
    on = switch_on(make_pc("on"), "live", 2345)
    switch_on(make_pc("own-network"), ssh_port=None)
    make_pc("off")
    process.end(switch_on(make_pc("went-off")).folder)
    found = script.inventory(station.home)
    assert found["lab"] == {"hosts": ["on"]}
    assert found["all"] == {"children": ["lab"]}
    variables = found["_meta"]["hostvars"]["on"]
    assert variables.pop("ansible_ssh_common_args") == (
        f"-o UserKnownHostsFile={station.known_hosts} -o GlobalKnownHostsFile=/dev/null "
        "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    )
    assert variables == {
        "ansible_host": "127.0.0.1",
        "ansible_port": 2345,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(station.ssh_key),
        "ansible_python_interpreter": "/usr/bin/python3",
        "netspring_lab": True,
        "netspring_uuid": on.uuid,
        "netspring_serial": "LAB-ON",
        "netspring_mac": on.mac,
        "netspring_asset_tag": "LAB-ON",
    }


def test_a_damaged_pc_does_not_hide_the_others(
    script: ModuleType,
    station: Station,
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
    capsys: pytest.CaptureFixture[str],
) -> None:
    switch_on(make_pc("good"))
    bad = switch_on(make_pc("bad"))
    (bad.folder / "machine.json").write_text("{}")
    assert script.inventory(station.home)["lab"]["hosts"] == ["good"]
    assert "lab PC bad is left out" in capsys.readouterr().err


def test_no_lab_yet(script: ModuleType, tmp_path: Path) -> None:
    assert script.inventory(tmp_path / "nothing")["lab"] == {"hosts": []}


@pytest.mark.parametrize("home", ["/a b/c", "/100%/x", "/it's"])
def test_strange_homes_stay_one_argument(script: ModuleType, home: str) -> None:
    words = shlex.split(script.ssh_arguments(Path(home)))
    known_hosts = next(word for word in words if word.startswith("UserKnownHostsFile="))
    value = known_hosts.partition("=")[2].strip('"').replace("%%", "%")
    assert value == f"{home}/known_hosts"
    assert len(words) == 8


def test_the_two_calls_of_ansible(
    script: ModuleType,
    make_pc: Callable[..., Pc],
    switch_on: Callable[..., Pc],
    capsys: pytest.CaptureFixture[str],
) -> None:
    switch_on(make_pc())
    assert script.main(["--list"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert script.main(["--host", "pc-1"]) == 0
    assert json.loads(capsys.readouterr().out) == whole["_meta"]["hostvars"]["pc-1"]
    assert script.main(["--host", "nobody"]) == 0
    assert json.loads(capsys.readouterr().out) == {}
    assert script.main(["--what"]) == 2
