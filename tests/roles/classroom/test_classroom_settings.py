"""The classroom's settings: their form, and that they come into force whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netspring_classroom import applying, files
from netspring_classroom.settings import (
    DEFAULTS,
    SettingsError,
    checked,
    dump,
    mended,
    parse,
)
from netspring_classroom.system import System

from tests.on_target import ROLES
from tests.roles.classroom.conftest import program

RIGHT: list[tuple[str, Any]] = [
    ("language", "fr_FR"),
    ("volume_limit_percent", 10),
    ("volume_limit_percent", 100),
    ("start_page", "https://学校.example/a?b=c"),
    ("start_page", "file:///usr/share/netspring/start/index.html"),
    ("family_filter", ["1.1.1.3", "2606:4700:4700::1113"]),
    ("update_hours", [0, 0]),
    ("update_hours", [22, 6]),
    ("desktop_locked", False),
]
WRONG: list[tuple[str, Any]] = [
    ("language", "zh_CN.UTF-8"),
    ("language", "../../etc"),
    ("volume_limit_percent", 9),
    ("volume_limit_percent", 101),
    ("volume_limit_percent", True),
    ("volume_limit_percent", 50.5),
    ("start_page", "javascript:alert(1)"),
    ("start_page", "http://"),
    ("start_page", "https://a.example/\nx"),
    ("start_page", "https://a.example/ x"),
    ("start_page", "http://[::1"),
    ("start_page", None),
    ("family_filter", []),
    ("family_filter", ["dns.example"]),
    ("family_filter", ["fe80::1%\n[main]"]),
    ("family_filter", "yes"),
    ("guest", "true"),
    ("update_hours", [17]),
    ("update_hours", [17, 24]),
    ("update_hours", [True, 3]),
    ("screens", 1),
]


@pytest.mark.parametrize(("key", "value"), RIGHT)
def test_what_a_setting_can_be(key: str, value: Any) -> None:
    settings = checked({key: value})
    assert settings == {**DEFAULTS, key: value}
    assert parse(dump(settings)) == settings


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_a_setting_cannot_be(key: str, value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        checked({key: value})
    assert caught.value.key == key
    assert mended(json.dumps({key: value, "guest": False if key != "guest" else value})) == {
        **DEFAULTS,
        "guest": key == "guest",
    }


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.none()).map(json.dumps))
def test_any_file_is_mended_to_settings_that_are_whole(text: str) -> None:
    settings = mended(text)
    assert checked(settings) == settings
    assert set(settings) >= set(DEFAULTS)


def test_a_key_of_a_newer_program_stays() -> None:
    assert mended('{"printer": "none"}')["printer"] == "none"


def test_a_second_apply_changes_nothing(system: System) -> None:
    first = applying.apply(system)
    assert set(first.changed) == {
        "/etc/netspring/classroom.json",
        "/etc/netspring/desktop-locked",
        "/etc/lightdm/lightdm.conf.d/60-netspring-classroom.conf",
    }
    assert applying.apply(system) == applying.Applied((), ())
    assert applying.current(system)["language"] == "zh_CN"


def test_the_greeter_offers_the_guest_only_where_it_may(system: System) -> None:
    greeter = system.at(applying.GREETER)
    for allowed in (True, False):
        applying.change(system, {"guest": allowed})
        lines = greeter.read_text().splitlines()
        assert f"allow-guest={str(allowed).lower()}" in lines
        assert "greeter-hide-users=false" in lines


@pytest.mark.skipif(os.geteuid() != 0, reason="usermod needs root")
def test_the_greeter_calls_people_by_what_they_are(system: System) -> None:
    texts = system.at(applying.TEXTS)
    texts.mkdir(parents=True)
    for language, pupil in (("zh_CN", "学生"), ("en_US", "Pupil")):
        words = {"account_pupil": pupil, "account_teacher": f"{pupil} 2"}
        (texts / f"{language}.json").write_text(json.dumps(words))
    assert "/etc/passwd" in applying.apply(system).changed
    assert applying.apply(system) == applying.Applied((), ())
    assert [(system.person(name) or [])[4] for name in ("pupil", "teacher")] == ["学生", "学生 2"]
    system.at("etc/locale.conf").write_text("LANG=de_DE.UTF-8\n")
    assert applying.apply(system).failures == ()
    assert (system.person("pupil") or [])[4] == "Pupil"


def test_each_part_is_told_where_the_settings_lie(system: System) -> None:
    said = system.root / "said"
    program(system.at("usr/local/sbin/netspring-volume-limit"), f'echo "volume $1" >> {said}')
    program(system.hooks / "40-browser", f'echo "browser $(basename $1)" >> {said}')
    program(system.hooks / "70-screens", f'echo "screens" >> {said}')
    (system.hooks / "README").write_text("not a program")
    assert applying.change(system, {"volume_limit_percent": 40}).failures == ()
    assert said.read_text() == "volume 40\nbrowser classroom.json\nscreens\n"


def test_a_part_that_fails_is_named_and_the_others_are_in_force(system: System) -> None:
    done = system.root / "done"
    program(system.hooks / "40-browser", "echo noise >&2; echo 'the disk is full' >&2; exit 1")
    program(system.hooks / "50-filter", "exit 3")
    program(system.hooks / "70-screens", f"touch {done}")
    failures = applying.change(system, {"guest": False}).failures
    assert failures == (
        applying.Failure("40-browser", "the disk is full"),
        applying.Failure("50-filter", "exit 3"),
    )
    assert done.exists()
    assert applying.current(system)["guest"] is False


def test_another_language_is_asked_of_the_program_that_knows_how(system: System) -> None:
    program(system.at(applying.LANGUAGE), f'echo "LANG=$1.UTF-8" > {system.at("etc/locale.conf")}')
    applied = applying.change(system, {"language": "fr_FR"})
    assert applied.failures == ()
    assert json.loads(system.settings.read_text())["language"] == "fr_FR"
    assert applying.current(system)["language"] == "fr_FR"


def test_homes_are_brought_along_once_more_at_the_next_start(system: System) -> None:
    """The command of the unit is run: what it asks is done, and asked again where it failed."""
    unit = (ROLES / "classroom/templates/language.service.j2").read_text()
    mark = system.at(applying.LANGUAGE_CHANGED)
    assert f"ConditionPathExists=/{applying.LANGUAGE_CHANGED}\n" in unit
    assert "Before=display-manager.service\n" in unit
    assert "TimeoutStartSec=" in unit  # it must not hold up the start
    script = unit.partition("ExecStart=-/bin/sh -c '")[2].partition("'")[0]
    for path in (applying.LANGUAGE, applying.LANGUAGE_CHANGED):
        script = script.replace(f"/{path}", str(system.at(path)))

    program(system.at(applying.LANGUAGE), "exit 0")
    applying.change(system, {"guest": False})
    assert not mark.exists()
    applying.change(system, {"language": "fr_FR"})
    assert mark.exists()
    program(system.at(applying.LANGUAGE), "exit 3")
    subprocess.run(["sh", "-c", script], check=False)
    assert mark.exists()
    program(system.at(applying.LANGUAGE), "[ $# = 0 ]")
    subprocess.run(["sh", "-c", script], check=True)
    assert not mark.exists()


def test_a_language_that_did_not_come_is_not_claimed(system: System) -> None:
    program(system.at(applying.LANGUAGE), "echo 'this PC does not hold it' >&2; exit 1")
    applied = applying.change(system, {"language": "fr_FR", "guest": False})
    assert applied.failures == (applying.Failure("language", "this PC does not hold it"),)
    assert json.loads(system.settings.read_text())["language"] == "zh_CN"
    assert applying.current(system)["guest"] is False


def test_a_wrong_value_changes_nothing(system: System) -> None:
    applying.apply(system)
    before = system.settings.read_text()
    with pytest.raises(SettingsError):
        applying.change(system, {"guest": False, "volume_limit_percent": 0})
    assert system.settings.read_text() == before


def test_a_full_disk_leaves_the_old_settings(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    applying.apply(system)
    before = system.settings.read_text()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        applying.change(system, {"guest": False})
    assert system.settings.read_text() == before
    assert [path.name for path in system.settings.parent.iterdir() if "new" in path.name] == []


def test_a_link_in_the_way_is_replaced_and_not_followed(system: System, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    system.settings.symlink_to(other)
    assert files.write(system.settings, "{}")
    assert other.read_text() == "mine"
    assert not system.settings.is_symlink()
