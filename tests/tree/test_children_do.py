"""What the checks say of the real programs, and that they do not say it of false ones.

Each counter-proof takes away what a check is about and leaves the rest as it is: an empty window in
a program's place, an input method that is off, a loudspeaker that is muted. Needs root and Xvfb.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netspring_provision.checks import catalogue
from netspring_provision.checks.expectation import Expectation
from tests.tree.tree_kit import Tree
from tests.unit import check_samples

pytestmark = pytest.mark.slow
LITE = Expectation("h", "h", "lite", "zh_CN")
ABOUT_PROGRAMS = [name for name in LITE.required if name.startswith("app_")]
# Windows that look like a program and do nothing, or the wrong thing.
EMPTY = """#!/usr/bin/python3
import tkinter
window = tkinter.Tk()
window.attributes("-fullscreen", True)
window.configure(background="white")
window.mainloop()
"""
FLASHES = EMPTY.replace(
    "window.mainloop()",
    """def turn(event):
    window.configure(background="white" if window["background"] == "black" else "black")
window.bind("<Button-1>", turn)
window.mainloop()""",
)
DOTS = EMPTY.replace(
    "window.mainloop()",
    """canvas = tkinter.Canvas(window, background="white")
canvas.pack(fill="both", expand=True)
canvas.bind("<Button-1>", lambda e: canvas.create_oval(e.x - 5, e.y - 5, e.x + 5, e.y + 5))
window.mainloop()""",
)
# The green flag and the cat stand where Scratch has them, and the cat stays where it is.
STATUE = EMPTY.replace(
    "window.mainloop()",
    """canvas = tkinter.Canvas(window, background="white")
canvas.pack(fill="both", expand=True)
canvas.create_rectangle(612, 80, 632, 100, fill="#4cbf56", outline="")
canvas.create_rectangle(780, 240, 830, 300, fill="#ffab19", outline="")
window.mainloop()""",
)
STUBBORN = EMPTY.replace(
    "window.mainloop()",
    """import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
window.protocol("WM_DELETE_WINDOW", lambda: None)
window.mainloop()""",
)
# What moves is not yet alive.
RESTLESS = STUBBORN.replace(
    "window.mainloop()",
    """def turn(blue=False):
    window.configure(background="blue" if blue else "white")
    window.after(300, turn, not blue)
turn()
window.mainloop()""",
)
MESSAGE = """#!/usr/bin/python3
import tkinter
window = tkinter.Tk()
window.geometry("420x160")
tkinter.Label(window, text="Something went wrong.", font=("Sans", 14)).pack(expand=True)
window.mainloop()
"""


def verdict(name: str, desktop: dict[str, Any]) -> str:
    """What a check says of an answer: nothing if it passed."""
    try:
        check_samples.put(name, LITE, {}, desktop)
    except pytest.fail.Exception as failed:
        return str(failed) or "failed without a word"
    return ""


@pytest.fixture(scope="module")
def answer(tree: Tree) -> dict[str, Any]:
    """All programs of the profile, one after the other, as on a delivered PC."""
    return tree.ask(*(app.name for app in catalogue.profile("lite").apps))


@pytest.mark.parametrize(
    "name",
    [
        *ABOUT_PROGRAMS,
        "chinese_can_be_typed",
        "chinese_has_a_font",
        "sound_is_heard",
        "screen_shows_a_picture",
        "desktop_speaks_the_rooms_language",
    ],
)
def test_the_image_does_what_children_do(answer: dict[str, Any], name: str) -> None:
    assert verdict(name, answer) == ""


@pytest.mark.parametrize(
    ("check", "path", "content", "words"),
    [
        ("app_works[tuxpaint]", "/usr/bin/tuxpaint", EMPTY, "of which 0% is on the screen"),
        ("app_works[tuxpaint]", "/usr/bin/tuxpaint", FLASHES, "of what is beside the line"),
        ("app_works[tuxpaint]", "/usr/bin/tuxpaint", DOTS, "is on the screen"),
        ("app_works[scratch]", "/usr/bin/netspring-scratch", EMPTY, "no cat, or no green flag"),
        ("app_works[scratch]", "/usr/bin/netspring-scratch", STATUE, "the cat moved by 0, 0"),
        ("app_works[kturtle]", "/usr/bin/kturtle", EMPTY, "drew no square: 0 pixels"),
        ("app_opens[kturtle]", "/usr/bin/kturtle", STUBBORN, "it hangs"),
        ("app_opens[kturtle]", "/usr/bin/kturtle", RESTLESS, "it hangs"),
        ("app_opens[kturtle]", "/usr/bin/kturtle", MESSAGE, "is a message, and not the program"),
        ("app_opens[kturtle]", "/usr/bin/kturtle", "#!/bin/sh\nexit 3\n", "it ended with 3"),
        ("app_works[kturtle]", "/usr/bin/kturtle", "#!/bin/sh\nexit 3\n", "it ended with 3"),
    ],
)
def test_a_false_program_is_found_out(
    tree: Tree, check: str, path: str, content: str, words: str
) -> None:
    app = check.partition("[")[2].rstrip("]")
    with tree.instead(path, content):
        said = verdict(check, tree.ask(app))
    assert words in said


def test_a_turtle_that_is_missing_is_found_out(tree: Tree) -> None:
    library = tree.run("sh", "-c", "ls /usr/lib/python3.*/turtle.py", check=True).stdout.strip()
    with tree.instead(library, "raise ImportError('no turtle')\n"):
        assert "drew no square" in verdict("app_works[thonny]", tree.ask("thonny"))


def test_a_program_that_is_gone_is_found_out(tree: Tree) -> None:
    with tree.instead("/usr/bin/tuxpaint", ""):
        tree.run("rm", "/usr/bin/tuxpaint", check=True)
        found = tree.ask("tuxpaint")
    assert "its program tuxpaint is missing" in verdict("app_opens[tuxpaint]", found)
    assert "its program tuxpaint is missing" in verdict("app_works[tuxpaint]", found)


def test_a_program_that_is_not_on_the_desktop_is_found_out(tree: Tree) -> None:
    with tree.instead("/home/pupil/Desktop/kturtle.desktop", ""):
        tree.run("rm", "/home/pupil/Desktop/kturtle.desktop", check=True)
        found = tree.ask("kturtle")
    assert "no launcher on the child's desktop" in verdict("app_opens[kturtle]", found)


def test_without_a_hand_nothing_is_believed(tree: Tree) -> None:
    with tree.instead("/usr/bin/xdotool", ""):
        tree.run("rm", "/usr/bin/xdotool", check=True)
        found = tree.ask("featherpad")
    assert "xdotool is missing" in verdict("chinese_can_be_typed", found)


@pytest.fixture
def loudspeaker(tree: Tree) -> Iterator[Tree]:
    yield tree
    for words in (("set-mute", "0"), ("set-volume", "1.0")):
        tree.run("wpctl", words[0], "@DEFAULT_AUDIO_SINK@", words[1], user="pupil", check=True)


@pytest.mark.parametrize(
    ("words", "said"), [(("set-mute", "1"), "is muted"), (("set-volume", "0.01"), "turned down")]
)
def test_a_loudspeaker_that_is_off_is_found_out(
    loudspeaker: Tree, words: tuple[str, str], said: str
) -> None:
    argv = ("wpctl", words[0], "@DEFAULT_AUDIO_SINK@", words[1])
    loudspeaker.run(*argv, user="pupil", check=True)
    assert said in verdict("sound_is_heard", loudspeaker.ask())


def test_a_tone_that_goes_nowhere_is_found_out(tree: Tree) -> None:
    with tree.instead("/usr/bin/pw-play", "#!/bin/sh\ncat > /dev/null\n"):
        assert "did not come there: 0%" in verdict("sound_is_heard", tree.ask())


def test_a_pc_without_a_sound_card_is_found_out(tree: Tree) -> None:
    number = tree.run("pw-cli", "info", "test-card", user="pupil", check=True).stdout
    identity = number.split("id: ")[1].split()[0]
    tree.run("pw-cli", "destroy", identity, user="pupil", check=True)
    try:
        assert "there is no loudspeaker" in verdict("sound_is_heard", tree.ask())
    finally:
        tree.loudspeaker()


# The last one: it ends the input method of this session.
def test_an_input_method_that_is_off_is_found_out(tree: Tree) -> None:
    with tree.instead("/usr/bin/fcitx5", "#!/bin/sh\nexit 1\n"):
        tree.run("pkill", "-x", "fcitx5", check=True)
        said = verdict("chinese_can_be_typed", tree.ask("featherpad"))
    assert "fcitx5 does not run" in said
    assert "became 'nihao" in said
