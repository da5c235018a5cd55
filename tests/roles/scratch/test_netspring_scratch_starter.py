"""What the starter tells the browser, and where a child's projects go."""

import importlib.util
import json
import types
from pathlib import Path

import pytest

from tests.roles.scratch.role import starter


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> types.ModuleType:
    """The starter, loaded but not run."""
    path = tmp_path_factory.mktemp("starter") / "netspring_scratch.py"
    path.write_text(starter(folder="/usr/share/netspring-scratch", ident="abc"))
    spec = importlib.util.spec_from_file_location("netspring_scratch", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh-cn"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt-br"),
        ({"LANG": "ca_ES@valencia"}, "ca"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_scratch_speaks_the_language_of_the_session(
    environment: dict[str, str], language: str, program: types.ModuleType
) -> None:
    assert program.scratch_language(program.locale(environment)) == language


def test_the_folder_of_works_is_the_one_that_is_there(
    tmp_path: Path, program: types.ModuleType
) -> None:
    assert program.works(tmp_path, "fr_FR") == tmp_path / "Mes créations"
    assert program.works(tmp_path, "zh_CN") == tmp_path / "Mes créations"
    (tmp_path / "我的作品").mkdir()
    (tmp_path / ".works").symlink_to("我的作品")
    assert program.works(tmp_path, "fr_FR") == tmp_path / "我的作品"


def test_what_the_browser_was_told_before_stays(tmp_path: Path, program: types.ModuleType) -> None:
    path = tmp_path / "Default" / "Preferences"
    program.prepare(tmp_path, tmp_path / "works")
    told = json.loads(path.read_text())
    assert told["download"]["default_directory"] == str(tmp_path / "works")
    assert told["download"]["prompt_for_download"] is False
    path.write_text(
        json.dumps({**told, "zoom": 1, "profile": {"name": "x", "exit_type": "Crashed"}})
    )
    program.prepare(tmp_path, tmp_path / "works")
    told = json.loads(path.read_text())
    assert told["zoom"] == 1
    assert told["profile"]["name"] == "x"
    assert told["profile"]["exit_type"] == "Normal"


def test_settings_that_a_power_cut_spoilt_are_made_anew(
    tmp_path: Path, program: types.ModuleType
) -> None:
    path = tmp_path / "Default" / "Preferences"
    for spoilt in ("", "{", "[]", "\0\0"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(spoilt)
        program.prepare(tmp_path, tmp_path)
        assert json.loads(path.read_text())["translate"] == {"enabled": False}


def test_no_flag_opens_a_port_or_a_way_outside(program: types.ModuleType) -> None:
    flags = set(program.FLAGS)
    assert {"--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>"} <= flags
    assert not [flag for flag in flags if "remote-debugging" in flag or "no-sandbox" in flag]
