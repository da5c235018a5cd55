"""Who may do what on a PC, asked of the real sudo, PAM and accounts of the image.

The child's session is the one of the other tests here: a screen that nobody sees, the teacher's
window on it, and the keyboard.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tree.tree_kit import Tree

pytestmark = pytest.mark.slow
PASSWORD = "correct horse 1"  # noqa: S105 - of the test
SETTINGS = "/etc/netspring/classroom.json"
PROGRAM = "/usr/local/sbin/netspring-classroom"
SESSION = f"{PROGRAM} session"
WINDOW = "/home/pupil/window.log"
SECONDS = 60


@pytest.fixture
def password(tree: Tree) -> Iterator[None]:
    """The teacher has a password for the length of a test."""
    tree.run("chpasswd", stdin=f"teacher:{PASSWORD}\n", check=True)
    try:
        yield
    finally:
        tree.run("usermod", "--password", "!", "teacher", check=True)


def as_teacher(tree: Tree, password: str, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """What the child's session gets for a password and requests, as the window sends them."""
    lines = [password, *(json.dumps(request) for request in requests)]
    sudo = f"sudo -S -k -p '' -u teacher -- {SESSION}"
    done = tree.run("sh", "-c", sudo, user="pupil", stdin="\n".join(lines) + "\n")
    return [json.loads(line) for line in done.stdout.splitlines()]


def settings(tree: Tree) -> dict[str, object]:
    found: dict[str, object] = json.loads(tree.run("cat", SETTINGS, check=True).stdout)
    return found


def soon(seen: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not seen():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def test_without_a_password_of_the_room_nobody_is_the_teacher(tree: Tree) -> None:
    for guess in ("", "teacher", "!"):
        assert as_teacher(tree, guess, {"ask": "state"}) == []


@pytest.mark.usefixtures("password")
def test_the_teachers_password_opens_the_settings_in_a_childs_session(tree: Tree) -> None:
    hello, state, changed = as_teacher(
        tree, PASSWORD, {"ask": "state"}, {"ask": "set", "settings": {"update_hours": [18, 21]}}
    )
    assert hello == {"ok": True, "hello": 1}
    assert state["ok"]
    assert changed["failures"] == []
    assert settings(tree)["update_hours"] == [18, 21]
    assert as_teacher(tree, f"{PASSWORD}x", {"ask": "state"}) == []


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(
    "wish",
    [
        "sudo -n true",
        "sudo -n -u teacher true",
        f"echo '{PASSWORD}' | sudo -S -k -p '' -u teacher -- /bin/true",
        f"echo '{PASSWORD}' | sudo -S -k -p '' -u root -- {SESSION}",
        f"echo '{PASSWORD}' | sudo -S -k -p '' -u teacher -- {PROGRAM} apply",
        "netspring-classroom set guest=false",
        "cat /etc/shadow",
    ],
)
def test_a_child_may_not(tree: Tree, wish: str) -> None:
    before = settings(tree)
    assert tree.run("sh", "-c", wish, user="pupil").returncode != 0
    assert settings(tree) == before


@pytest.mark.usefixtures("password")
def test_the_teacher_may_run_what_sets_the_classroom_and_no_shell(tree: Tree) -> None:
    def teacher(*argv: str) -> int:
        return tree.run("runuser", "-u", "teacher", "--", *argv).returncode

    assert teacher("netspring-classroom", "set", "volume_limit_percent=45") == 0
    assert settings(tree)["volume_limit_percent"] == 45
    assert teacher("netspring-classroom", "set", "volume_limit_percent=450") == 2
    for wish in (["sh"], ["cat", "/etc/shadow"], ["/usr/local/sbin/netspring-guest", "forget"]):
        assert teacher("sudo", "-n", *wish) != 0


def test_a_guest_has_a_home_and_leaves_nothing(tree: Tree) -> None:
    assert tree.run("netspring-guest", "add", check=True).stdout == "guest\n"
    desktop = tree.run("ls", "/run/guest/Desktop", check=True).stdout
    assert "tuxpaint.desktop" in desktop
    leave = (
        "echo work > ~/painting.png; echo x > /tmp/left; echo y > /var/tmp/left; "
        "(setsid sleep 600 > /dev/null 2>&1 &)"
    )
    tree.run("runuser", "-u", "guest", "--", "sh", "-c", f"HOME=/run/guest; {leave}", check=True)
    assert tree.run("pgrep", "-u", "guest").stdout
    tree.run("netspring-guest", "remove", "guest", check=True)
    assert tree.run("pgrep", "-r", "D,R,S", "-u", "guest").stdout == ""
    places = ("/", "/run", "/tmp", "/dev/shm")  # noqa: S108 - looked through
    found = tree.run("find", *places, "-xdev", "-user", "guest")
    assert found.stdout == ""
    assert tree.run("ls", "-A", "/run/guest", check=True).stdout == ""


@pytest.mark.usefixtures("password")
def test_the_works_of_a_child_reach_the_teacher_whatever_they_forbid(tree: Tree) -> None:
    """Read with the child's rights, so also what only the child may read, and no more than that."""
    works = "/home/pupil/.works"
    tree.run(
        "sh", "-c", f"cd {works}/ && echo cat > secret.png && chmod 600 secret.png"
        " && ln -s /etc/shadow shadow.png", user="pupil", check=True,
    )  # fmt: skip
    ask = f"echo '{PASSWORD}' > /tmp/in; echo '{json.dumps({'ask': 'works'})}' >> /tmp/in"
    sudo = f"sudo -S -k -p '' -u teacher -- {SESSION} < /tmp/in | od -An -c | head -c 4000"
    told = tree.run("sh", "-c", f"{ask}; {sudo}; rm /tmp/in", user="pupil", check=True).stdout
    shown = told.replace("\n", "").replace(" ", "")
    assert "secret.png" in shown
    assert "cat\\n" in shown
    assert "shadow.png" not in shown


@pytest.mark.usefixtures("password")
def test_the_window_opens_for_the_teacher_only_and_unlocks_the_desktop(tree: Tree) -> None:
    """By the keyboard: password, third page, first button."""

    def key(*words: str) -> None:
        tree.run("xdotool", *words, user="pupil", check=True)

    def shown() -> bool:
        visible = ("search", "--onlyvisible", "--class", "netspring-teacher")
        return tree.run("xdotool", *visible, user="pupil").returncode == 0

    assert settings(tree)["desktop_locked"] is True
    tree.run("sh", "-c", f"netspring-teacher > {WINDOW} 2>&1 &", user="pupil", check=True)
    soon(shown, "no window")
    time.sleep(2)
    key("type", "not the password")
    key("key", "Return")
    soon(lambda: "wrong_password" in tree.run("cat", WINDOW).stdout, "not refused")
    time.sleep(1)
    key("type", PASSWORD)
    key("key", "Return")
    soon(lambda: tree.run("pgrep", "-u", "root", "-f", SESSION).returncode == 0, "not let in")
    time.sleep(3)
    # The names of the pages have the focus first; from the third, Right leads to its first button.
    key("key", "--delay", "400", "Down", "Down", "Right", "space")
    soon(lambda: settings(tree)["desktop_locked"] is False, "not unlocked")
    assert tree.run("test", "-e", "/etc/netspring/desktop-locked").returncode == 1
    tree.run("pkill", "-f", "netspring-teacher")
