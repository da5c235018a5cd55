"""The rules for polkit, run as polkitd runs them: as a script that is asked about an action."""

from __future__ import annotations

import json
import subprocess

import jinja2
import pytest
import yaml

from tests.on_target import ROLES

ROLE = ROLES / "classroom"
# polkit(8): what a script finds, and what it may answer.
POLKIT = """
var rule;
var polkit = {
    Result: {YES: "yes", NO: "no", NOT_HANDLED: "not handled"},
    addRule: function (given) { rule = given; }
};
"""


def decide(user: str, action: str, *, local: bool = True, active: bool = True) -> str:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    text = (ROLE / "templates/polkit.rules.j2").read_text(encoding="utf-8")
    rules = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(text)  # noqa: S701
    subject = json.dumps({"user": user, "local": local, "active": active})
    asked = f"console.log(rule({json.dumps({'id': action})}, {subject}));"
    done = subprocess.run(
        ["node", "-"], input=POLKIT + rules.render(defaults) + asked,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("user", "action", "answer"),
    [
        ("teacher", "org.freedesktop.timedate1.set-time", "yes"),
        ("teacher", "org.freedesktop.NetworkManager.settings.modify.system", "yes"),
        ("teacher", "org.freedesktop.udisks2.filesystem-mount", "yes"),
        ("teacher", "org.freedesktop.udisks2.filesystem-mount-system", "no"),
        ("teacher", "org.freedesktop.udisks2.modify-device-system", "no"),
        ("teacher", "org.freedesktop.systemd1.manage-units", "no"),
        ("teacher", "org.freedesktop.policykit.exec", "no"),
        ("teacher", "org.freedesktop.hostname1.set-static-hostname", "no"),
        ("guest", "org.freedesktop.login1.power-off", "yes"),
        ("guest", "org.freedesktop.udisks2.filesystem-mount", "yes"),
        ("guest", "org.freedesktop.NetworkManager.settings.modify.own", "no"),
        ("guest", "org.freedesktop.login1.set-self-linger", "no"),
        ("guest", "org.freedesktop.timedate1.set-time", "no"),
        ("pupil", "org.freedesktop.timedate1.set-time", "not handled"),
        ("constructor", "org.freedesktop.timedate1.set-time", "not handled"),
        ("teacher", "org.freedesktop.color-manager.create-device", "not handled"),
    ],
)
def test_who_may_do_what(user: str, action: str, answer: str) -> None:
    assert decide(user, action) == answer


@pytest.mark.parametrize(("local", "active"), [(False, True), (True, False)])
def test_only_who_sits_at_the_pc_may(local: bool, active: bool) -> None:
    answer = decide("teacher", "org.freedesktop.timedate1.set-time", local=local, active=active)
    assert answer == "no"
