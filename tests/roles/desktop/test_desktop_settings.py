"""Nothing locks a child out, the power button switches off, and every key leads to a program."""

from __future__ import annotations

import configparser
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from tests.on_target import ROLES

DESKTOP = ROLES / "desktop"
DEFAULTS: dict[str, Any] = yaml.safe_load((DESKTOP / "defaults/main.yml").read_text("utf-8"))


def render(template: str) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - settings, not web pages
    )
    text = (DESKTOP / "templates" / template).read_text("utf-8")
    return environment.from_string(text).render(DEFAULTS)


def ini(template: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(render(template))
    return found


def test_nothing_locks_the_screen_and_it_stays_on_in_class() -> None:
    assert ini("session.conf.j2")["General"]["lock_command"] == "/bin/true"
    screen = render("screen.conf.j2")
    for name in ("BlankTime", "StandbyTime", "SuspendTime"):
        assert f'Option "{name}" "0"' in screen
    assert DEFAULTS["desktop_screen_off_minutes"] >= 60


def test_the_power_button_switches_off_and_nothing_sends_the_pc_to_sleep() -> None:
    login = ini("logind.conf.j2")["Login"]
    assert login["HandlePowerKey"] == "poweroff"
    for name in ("HandleSuspendKey", "HandleHibernateKey", "HandleLidSwitch", "IdleAction"):
        assert login[name] == "ignore"


def test_openbox_gets_one_desktop_and_the_keys() -> None:
    root = ElementTree.fromstring(render("rc.xml.j2"))  # noqa: S314 - our own file
    name = "{http://openbox.org/3.4/rc}"
    assert root.findtext(f"{name}desktops/{name}number") == "1"
    keys = [key.get("key") for key in root.iter(f"{name}keybind")]
    assert len(keys) == len(set(keys))
    assert set(DEFAULTS["desktop_keys"]) <= set(keys)
    assert {window.get("class") for window in root.iter(f"{name}application")} == set(
        DEFAULTS["desktop_filling"]
    )


def test_no_key_asks_for_more_than_the_whole_volume() -> None:
    louder = DEFAULTS["desktop_keys"]["XF86AudioRaiseVolume"]
    assert "--limit 1.0" in louder


@pytest.mark.parametrize("template", ["panel.conf.j2", "pcmanfm.conf.j2", "lxqt.conf.j2"])
def test_settings_are_of_the_ini_kind(template: str) -> None:
    text = "[head]\n" + render(template) if template == "panel.conf.j2" else render(template)
    found = configparser.ConfigParser(interpolation=None, comment_prefixes=(";", "#"))
    found.read_string(text)
    assert found.sections()


def test_every_plugin_of_the_panel_has_its_section() -> None:
    found = configparser.ConfigParser(interpolation=None, comment_prefixes=(";", "#"))
    found.read_string("[head]\n" + render("panel.conf.j2"))
    plugins = [name.strip() for name in found["panel1"]["plugins"].split(",")]
    assert [name for name in plugins if name not in found] == []


def test_what_a_child_keeps_in_its_home_is_not_taken_for_pythons_library(tmp_path: Path) -> None:
    """Xsession reads the snippet as a shell whose folder is the home."""
    taken = tmp_path / "taken"
    (tmp_path / "json.py").write_text(f"open({str(taken)!r}, 'w')\n")
    snippet = (ROLES / "desktop/templates/xsession.j2").read_text()
    assert "/usr/local/lib/netspring " in snippet
    snippet = snippet.replace("/usr/local/lib/netspring ", f"{ROLES / 'desktop/files'} ")
    done = subprocess.run(
        ["/bin/sh", "-c", snippet.replace("/usr/bin/python3", sys.executable)],
        env={"HOME": str(tmp_path), "PATH": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "not laid out" in done.stderr  # it ran; there is no screen here
    assert not taken.exists()
