"""The windows, driven as a child would: a real display, real sticks, the mouse."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from help_pages import ROLE
from loop_sticks import LoopStick

PYTHON = "/usr/bin/python3"
WANTED = "import gi; gi.require_version('Gtk', '3.0'); from gi.repository import Gtk"


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """Fails where this computer lacks what the windows run in."""
    lacking = [tool for tool in ("Xvfb", "xdotool") if not shutil.which(tool)]
    done = subprocess.run([PYTHON, "-c", WANTED], check=False, capture_output=True)
    lacking += ["Gtk"] if done.returncode else []
    advice = "apt-get install xvfb xdotool python3-gi gir1.2-gtk-3.0 librsvg2-common"
    assert not lacking, f"{', '.join(lacking)} not here: {advice}"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.loop,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
]
Make = Callable[..., LoopStick]
SECONDS = 60.0


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of 1024 by 768 that nobody sees."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as stream:
        number = stream.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


class Window:
    """A running program, what it shows, and the child's hand."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self.environment = environment
        self.process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.rest = b""

    def next_page(self) -> dict[str, Any]:
        """The next thing that it shows."""
        assert self.process.stdout
        deadline = time.monotonic() + SECONDS
        while b"\n" not in self.rest:
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self.process.stdout], [], [], left)
            assert ready, "the window shows nothing new"
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            assert data, "the program has ended"
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        page: dict[str, Any] = json.loads(line)
        return page

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for something that it shows."""
        while True:
            page = self.next_page()
            if wanted(page):
                return page

    def tell(self, word: str) -> None:
        """Plug a stick in, or pull it out."""
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def click(self, x: int, y: int) -> None:
        """Press the mouse there."""
        subprocess.run(
            ["xdotool", "mousemove", str(x), str(y), "click", "1"],
            env=self.environment,
            check=True,
        )


@pytest.fixture
def show(display: str, works: Path) -> Iterator[Callable[..., Window]]:
    """Starts netspring-show in a language, with sticks that lie ready to be plugged in."""
    (works.parent / ".works").symlink_to(works.name)
    started: list[Window] = []

    def start(language: str, *sticks: LoopStick) -> Window:
        words = [
            f"{one.device}:{one.place}:{one.name}:{'locked' if one.read_only else 'open'}"
            for one in sticks
        ]
        files = ROLE / "files"
        argv = [PYTHON, str(Path(__file__).with_name("show_driver.py")), str(files)]
        argv += [str(files / "texts"), str(files / "icons"), *words]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(works.parent),
            "DISPLAY": display,
            "LANG": f"{language}.UTF-8",
            "GIO_USE_VFS": "local",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        started.append(Window(argv, environment))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def says(text: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a page says something."""
    return lambda page: any(text in one for one in page["texts"])


def offers(text: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a page has a button that can be pressed."""
    return lambda page: any(text in one for one in page["buttons"])


# Middle of the large button; without a window manager the window stands at the corner.
GO = (440, 580)


def test_a_child_takes_its_works_along(show: Callable[..., Window], make_stick: Make) -> None:
    anna = make_stick(name="ANNA")
    window = show("zh_CN", anna)
    page = window.until(says("请把 U 盘插到电脑上"))
    assert not offers("放到 U 盘里")(page), "nothing can be copied without a stick"
    window.tell("ANNA")
    page = window.until(offers("放到 U 盘里"))
    assert says("ANNA")(page)
    assert offers("把 6 个作品放到 U 盘里")(page)
    window.click(*GO)
    page = window.until(lambda page: page["page"] == "end")
    assert says("6 个作品已经在 U 盘“ANNA”里了")(page)
    assert says("现在可以拔下 U 盘了")(page)
    assert not anna.mounted(), "it says that the stick may be pulled out"
    there = anna.files()
    assert len(there) == 6
    assert [name for name in there if name.startswith("我的作品 ") and name.endswith("/猫.png")]


def test_of_two_sticks_none_is_guessed(show: Callable[..., Window], make_stick: Make) -> None:
    window = show("fr_FR", make_stick(name="ANNA"), make_stick(name="LI"))
    window.tell("ANNA")
    window.until(offers("Mettre 6 créations"))
    window.tell("-ANNA")
    window.until(says("Branche une clé USB"))
    window.tell("LI")
    window.until(offers("Mettre 6 créations"))
    window.tell("-LI")
    window.until(says("Branche une clé USB"))
    for name in ("ANNA", "LI"):
        window.tell(name)
    page = window.until(lambda page: says("ANNA")(page) and says("LI")(page))
    assert says("Quelle clé")(page)
    assert not offers("Mettre")(page), "which one is the child's choice"
    window.click(330, 80)
    window.until(offers("Mettre 6 créations"))


def test_a_locked_stick_is_not_offered(show: Callable[..., Window], make_stick: Make) -> None:
    window = show("en_US", make_stick(name="LOCKED", read_only=True))
    window.tell("LOCKED")
    page = window.until(says("It is locked: move the small switch"))
    assert not offers("on the stick")(page)


def test_a_full_stick_is_told_in_words(
    show: Callable[..., Window], make_stick: Make, works: Path
) -> None:
    (works / "film.mp4").write_bytes(os.urandom(3 << 20))
    small = make_stick(size=2 << 20, name="SMALL")
    window = show("en_US", small)
    window.tell("SMALL")
    window.until(offers("Put 7 works on the stick"))
    window.click(*GO)
    page = window.until(lambda page: page["page"] == "end")
    assert says("Your works are not on the stick")(page)
    assert says("The stick is full. Choose fewer works")(page)
    assert offers("Try again")(page)


def screenshot(home: Path, display: str, language: str) -> tuple[list[str], dict[str, str]]:
    """How the program is started, and with what around it."""
    files = ROLE / "files"
    code = (
        f"import sys; sys.path.insert(0, {str(files)!r})\n"
        "from pathlib import Path\n"
        "from netspring_works import screenshot, texts\n"
        f"texts.FOLDER = Path({str(files / 'texts')!r})\n"
        "screenshot.SHOWN = 2\n"
        "screenshot.main()\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DISPLAY": display,
        "LANG": f"{language}.UTF-8",
        "GIO_USE_VFS": "local",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return [PYTHON, "-c", code], environment


@pytest.mark.parametrize(
    ("language", "start"), [("zh_CN", "屏幕照片"), ("en_US", "Screen"), ("fr_FR", "Écran")]
)
def test_one_click_takes_the_screen(language: str, start: str, display: str, works: Path) -> None:
    (works.parent / ".works").symlink_to(works.name)
    before = set(works.iterdir())
    argv, environment = screenshot(works.parent, display, language)
    done = subprocess.run(argv, env=environment, check=True, capture_output=True, timeout=SECONDS)
    (taken,) = set(works.iterdir()) - before
    assert taken.name.startswith(start)
    assert done.stdout.decode().strip() == str(taken.resolve())
    data = taken.read_bytes()
    # PNG: width and height are in the first chunk (RFC 2083, 4.1.1).
    assert data.startswith(b"\x89PNG\r\n")
    assert (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) == (1024, 768)


def test_on_a_full_disk_no_half_picture_is_left(
    display: str, tmp_path: Path, make_stick: Make
) -> None:
    disk = make_stick(size=2 << 20, name="FULL")
    subprocess.run(["mount", disk.device, disk.place], check=True)
    (disk.place / "My works").mkdir()
    (disk.place / ".works").symlink_to("My works")
    with contextlib.suppress(OSError), (disk.place / "rest").open("wb", buffering=0) as stream:
        while stream.write(bytes(1024)):
            pass
    argv, environment = screenshot(disk.place, display, "en_US")
    started = subprocess.Popen(argv, env=environment, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        # The window that says so waits until it is read.
        find = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Picture of the screen"]
        window = subprocess.run(
            find, env=environment, check=True, capture_output=True, timeout=SECONDS
        )
        assert window.stdout.strip()
        assert started.poll() is None
        assert list((disk.place / "My works").iterdir()) == []
    finally:
        started.kill()
        _, said = started.communicate()
    assert b"No space left" in said
