"""Takes the pictures in docs/images from virtual PCs, each program with something done in it.

    docs/pictures.py NAME                 every program of the PC NAME, into docs/images
    docs/pictures.py NAME krita desktop   only these
    docs/pictures.py NAME --out FOLDER    somewhere else

NAME is a PC of the lab that was installed by this station and runs its own system with the child
logged in (`netspring lab run` leaves one). What is drawn is drawn from outside, as by a mouse; what
is opened is opened in the child's session. A few works are laid into the child's folder meanwhile.
The language is the PC's, and the pictures are named after it: desktop-zh_CN.png.
"""

from __future__ import annotations

import argparse
import base64
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netspring_provision import lab
from netspring_provision.checks.on_machine import samples
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab.screen import Screen, screen_of
from netspring_provision.lab.session import end, open_as_child, shell

IMAGES = Path(__file__).with_name("images")
STILL_SECONDS = 6.0
LONGEST_SECONDS = 900.0  # Tux Paint looks through its stamps, emulated
FEWEST_COLOURS = 8  # of a program that fills the screen, with text on it
WINDOW_SHARE = 0.1  # of the screen that must look different once a program's window is there
FOLDER = "/home/pupil/.works"

TURTLE = """\
from turtle import *

colors = ["red", "orange", "gold", "green", "blue", "purple"]
speed(0)
width(3)
for side in range(90):
    color(colors[side % 6])
    forward(side * 3)
    left(59)
hideturtle()
done()
"""
KTURTLE = """\
kturtle-script-v1.0
@(reset)
@(canvascolor) 255@(,) 250@(,) 230
@(penwidth) 4
$n = 0
@(repeat) 36 {
  @(pencolor) $n * 7@(,) 90@(,) 255 - $n * 7
  @(repeat) 4 {
    @(forward) 90
    @(turnright) 90
  }
  @(turnright) 10
  $n = $n + 1
}
@(spritehide)
"""
TONE = "tone.wav"  # made on PCs that have ffmpeg
FILES = {
    "flower.py": TURTLE.encode(),
    "flower.turtle": KTURTLE.encode(),
    "walk.sb3": samples.scratch(),
}


def sun(screen: Screen) -> None:
    """A circle with rays, drawn by hand in the middle of the screen."""
    middle, radius = (0.5, 0.42), 0.09

    def at(angle: float, far: float) -> tuple[float, float]:
        turn = math.radians(angle)
        wide = 3 / 4  # of a screen of 4 to 3
        return middle[0] + far * wide * math.cos(turn), middle[1] + far * math.sin(turn)

    screen.stroke([at(angle, radius) for angle in range(0, 366, 6)])
    for angle in range(0, 360, 45):
        screen.stroke([at(angle, radius * (1.3 + step / 8)) for step in range(9)])


def flag(screen: Screen) -> None:
    """Click Scratch's green flag, above the stage of a window that fills 1024 by 768 pixels."""
    screen.click(622 / 1024, 88 / 768)


def keys(*names: str) -> Callable[[Screen], None]:
    """Press keys together, by QEMU's names."""
    return lambda screen: screen.press(*names)


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        argv: what is opened; nothing for the desktop itself.
        acts: what is done then, one after the other, each once the screen is still.
        splash_seconds: how long it may show its name, or an empty window, once it is there.
    """

    argv: tuple[str, ...] = ()
    acts: tuple[Callable[[Screen], None], ...] = ()
    splash_seconds: float = 0.0


KRITA = ("krita", "--new-image", "RGBA,U8,1280,800")
SHOTS = {
    "desktop": Shot(),
    "tuxpaint": Shot(("tuxpaint",), (sun,), splash_seconds=20),
    "mypaint": Shot(("mypaint",), (sun,)),
    "scratch": Shot(("netspring-scratch", f"{FOLDER}/walk.sb3"), (flag,), splash_seconds=90),
    "kturtle": Shot(("kturtle", "-i", f"file://{FOLDER}/flower.turtle"), (keys("f5"),)),
    "thonny": Shot(("thonny", f"{FOLDER}/flower.py"), (keys("f5"),)),
    "gcompris": Shot(("gcompris-qt",), splash_seconds=20),
    "chromium": Shot(("chromium",)),
    "works": Shot(("netspring-works",)),
    "show": Shot(("netspring-show",)),
    "help": Shot(("netspring-help",)),
    "krita": Shot(KRITA, (sun,), splash_seconds=60),
    "inkscape": Shot(("inkscape", "/usr/share/inkscape/examples/tiger.svgz"), splash_seconds=20),
    "pencil2d": Shot(("pencil2d",), (sun,)),
    "audacity": Shot(("audacity", f"{FOLDER}/{TONE}")),
    "shotcut": Shot(("shotcut",)),
}


def prepare(station: Station, name: str) -> None:
    """Lay the files that are opened onto the PC."""
    for file, content in FILES.items():
        packed = base64.b64encode(content).decode()
        shell(station, name, f"echo {packed} | base64 -d > {FOLDER}/{file}")
    sound = "aevalsrc='0.5*sin(2*PI*440*t)*(1-t/4)':d=4"
    make = f'ffmpeg -loglevel error -y -f lavfi -i "{sound}" {FOLDER}/{TONE}'
    shell(station, name, f"if command -v ffmpeg >/dev/null; then {make}; fi")
    shell(station, name, f"cd {FOLDER}; chown pupil: {' '.join(FILES)} {TONE}* || true")


def clear(station: Station, name: str) -> None:
    """Take them away again."""
    shell(station, name, f"cd {FOLDER}; rm -f {' '.join(FILES)} {TONE}")


def take(station: Station, name: str, screen: Screen, shot: Shot, path: Path) -> None:
    """Open, act, wait until nothing moves, and keep the picture."""
    before = screen.picture()
    group = open_as_child(station, name, *shot.argv) if shot.argv else None
    try:
        if group is not None:
            screen.changes(before, WINDOW_SHARE, LONGEST_SECONDS)
            time.sleep(shot.splash_seconds)
        for act in shot.acts:
            rest(screen)
            act(screen)
        rest(screen)
        screen.save(path)
    finally:
        if group is not None:
            end(station, name, group)
            rest(screen)


def rest(screen: Screen) -> None:
    """Until the screen is still."""
    screen.settled(STILL_SECONDS, LONGEST_SECONDS, FEWEST_COLOURS)


def main() -> None:
    """Take the pictures that the PC has the programs for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", help="a PC of the lab that runs its own system")
    parser.add_argument("only", nargs="*", help=f"of {', '.join(SHOTS)}; otherwise all")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder for the pictures")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(SHOTS):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    station = Station.from_environment()
    name = lab.load(station, arguments.name).name
    locale = shell(station, name, ". /etc/locale.conf; echo ${LANG%%.*}").strip()
    prepare(station, name)
    try:
        take_all(station, name, locale, arguments.only or list(SHOTS), arguments.out.resolve())
    finally:
        clear(station, name)


def take_all(station: Station, name: str, locale: str, wanted: list[str], out: Path) -> None:
    """The wanted pictures, but those whose program the PC lacks."""
    with screen_of(station, name) as screen:
        for key in wanted:
            shot = SHOTS[key]
            program = (shot.argv or ("true",))[0]
            if shell(station, name, f"command -v {program} || echo none").strip() == "none":
                print(f"{key}: not on this PC")
                continue
            path = out / f"{key}-{locale}.png"
            try:
                take(station, name, screen, shot, path)
            except MachineFailedError as error:
                raise SystemExit(f"{key}: {error.message}") from error
            print(f"{key}: {path} {path.stat().st_size // 1024} KB", flush=True)


if __name__ == "__main__":
    main()
