"""What the role studio writes is read by the programs as it is meant."""

from __future__ import annotations

import configparser
import re
import struct
import xml.etree.ElementTree as ET
from typing import Any

import jinja2
import pytest
import yaml

from tests.on_target import ROLES

ROLE = ROLES / "studio"
TASKS = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
WRITTEN = {
    file["dest"]: file["src"]
    for task in TASKS
    for file in task.get("loop", [])
    if isinstance(file, dict)
}
# QWidget::saveGeometry: magic, versions, frame, normal rectangle, screen, maximised, full screen.
GEOMETRY = struct.Struct(">IHH4i4ii??")
MAGIC = 0x1D9D0CB


def defaults() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    return values


def written(dest: str) -> str:
    """The text of a file, as Ansible's template module renders it."""
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    template = (ROLE / "templates" / WRITTEN[dest]).read_text()
    return environment.from_string(template).render(defaults())


def settings(dest: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, comment_prefixes=(";", "#"))
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(written(dest))
    return found


def test_every_template_is_written() -> None:
    assert set(WRITTEN.values()) == {path.name for path in (ROLE / "templates").iterdir()}


def test_inkscape_asks_nothing_and_saves_into_the_works() -> None:
    root = ET.fromstring(  # noqa: S314 - ours
        written("/etc/skel/.config/inkscape/preferences.xml").encode()
    )
    boot = root.find("group[@id='options']/group[@id='boot']")
    assert boot is not None
    assert boot.attrib == {"id": "boot", "enabled": "0", "shown": "1"}
    paths = {group.get("path") for group in root.iterfind("group[@id='dialogs']/group")}
    assert paths == {"/home/pupil/.works/"}


def test_audacity_asks_nothing_and_saves_into_the_works() -> None:
    found = settings("/etc/skel/.config/audacity/audacity.cfg")
    assert found["GUI"]["ShowSplashScreen"] == "0"
    assert ".".join(found["Version"].values()) == defaults()["studio_audacity_version"]
    assert found["Update"]["DefaultUpdatesChecking"] == "0"
    saved = [found[f"Directories/{what}"]["Default"] for what in ("Open", "Save", "Export")]
    assert set(saved) == {defaults()["studio_works"]}


def test_pencil2d_fills_the_screen_with_narrow_panels_and_saves_into_the_works() -> None:
    found = settings("/etc/xdg/Pencil/Pencil.conf")
    geometry = GEOMETRY.unpack_from(value_of(found["General"]["WindowGeometry"]))
    assert geometry[0] == MAGIC
    assert geometry[-2:] == (True, False), "maximised, but not over the panel"
    state = value_of(found["General"]["WindowState"])
    for panel in ("ToolBox", "ToolOption", "Onion Skin", "ColorWheel", "TimeLine"):
        assert panel.encode("utf-16-be") in state
    assert found["LastSavePath"]["Animation"].startswith(defaults()["studio_works"])
    assert found["General"]["AskForPreset"] == "false"


def test_shotcut_looks_for_no_newer_version() -> None:
    found = settings("/etc/xdg/Meltytech/Shotcut.conf")
    assert found["General"]["noupgrade"] == "true"
    assert int(found["player"]["previewScale"]) == defaults()["studio_preview_lines"]


def test_krita_opens_with_a_sheet() -> None:
    found = settings("/usr/share/applications/netspring-krita.desktop")["Desktop Entry"]
    sheet = defaults()["studio_sheet"]
    assert found["Exec"] == f"krita --new-image RGBA,U8,{sheet['width']},{sheet['height']}"
    assert found["NoDisplay"] == "true"
    assert settings("/etc/xdg/kritarc")["News"]["FetchNews"] == "false"


@pytest.mark.parametrize("launcher", defaults()["studio_launchers"], ids=lambda found: found["id"])
def test_every_program_has_a_name_in_every_language(launcher: dict[str, Any]) -> None:
    assert set(launcher["names"]) == {"zh_CN", "en_US", "fr_FR"}


def value_of(text: str) -> bytes:
    """The bytes of a value in a settings file of Qt (QSettings, section "INI format")."""
    inner = re.fullmatch(r'"?@ByteArray\((.*)\)"?', text, re.DOTALL)
    assert inner
    escapes = {"0": 0, "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
    found, rest = bytearray(), inner[1]
    while rest:
        if match := re.match(r"\\x([0-9a-f]{1,2})", rest):
            found.append(int(match[1], 16))
        elif match := re.match(r"\\(.)", rest):
            found.append(escapes.get(match[1], ord(match[1])))
        else:
            match = re.match(r".", rest, re.DOTALL)
            assert match
            found += match[0].encode("latin-1")
        rest = rest[match.end() :]
    return bytes(found)
