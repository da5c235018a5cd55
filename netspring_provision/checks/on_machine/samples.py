"""The files that the checks open in the child's programs. Pure."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from netspring_provision.checks.on_machine.pixels import Picture

PEN = (255, 0, 128)  # a colour that no program of the desktop has on its own
STEPS = 100  # that Scratch's cat goes
HELLO = "hello.txt"
HELLO_CHINESE = "你好"

# KTurtle stores its commands between @( and ), and shows them in the child's language.
KTURTLE = """kturtle-script-v1.0
@(reset)
@(canvascolor) 255@(,) 255@(,) 255
@(pencolor) {}@(,) {}@(,) {}
@(penwidth) 8
@(repeat) 4 {{
  @(forward) 120
  @(turnright) 90
}}
@(spritehide)
"""
PYTHON = """import turtle

turtle.colormode(255)
turtle.pencolor({}, {}, {})
turtle.pensize(8)
for side in range(4):
    turtle.forward(120)
    turtle.right(90)
turtle.hideturtle()
turtle.done()
"""
# Scratch brings the cat of its starting project itself, under these names (md5 of its pictures).
CAT = "bcf454acf82e4504149f7ffe07081dbc"
BACKDROP = "cd21514d0531fdffb22204e0ec5ed84a"


def kturtle() -> bytes:
    """A square by KTurtle."""
    return KTURTLE.format(*PEN).encode()


def python() -> bytes:
    """The same by Python's turtle."""
    return PYTHON.format(*PEN).encode()


def scratch() -> bytes:
    """A project: when the green flag is clicked, the cat goes 100 steps."""
    blocks = {
        "flag": _block("event_whenflagclicked", below="go"),
        "go": _block("motion_movesteps", above="flag", inputs={"STEPS": [1, [4, str(STEPS)]]}),
    }
    project = {
        "targets": [
            _target("Stage", BACKDROP, (240, 180), isStage=True, tempo=60, videoState="off"),
            _target(
                "Cat", CAT, (48, 50), isStage=False, visible=True, x=0, y=0, size=100,
                direction=90, draggable=False, rotationStyle="all around", blocks=blocks,
            ),
        ],
        "monitors": [],
        "extensions": [],
        "meta": {"semver": "3.0.0", "vm": "11.0.0", "agent": "netspring"},
    }  # fmt: skip
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("project.json", json.dumps(project))
    return memory.getvalue()


def _block(opcode: str, above: str | None = None, below: str | None = None, **more: Any) -> Any:
    place = {"x": 40, "y": 60} if above is None else {}
    return {
        "opcode": opcode, "next": below, "parent": above, "inputs": {}, "fields": {},
        "shadow": False, "topLevel": above is None, **place, **more,
    }  # fmt: skip


def _target(name: str, picture: str, middle: tuple[int, int], **more: Any) -> dict[str, Any]:
    costume = {
        "name": name, "assetId": picture, "md5ext": f"{picture}.svg", "dataFormat": "svg",
        "bitmapResolution": 1, "rotationCenterX": middle[0], "rotationCenterY": middle[1],
    }  # fmt: skip
    empty: dict[str, Any] = {
        "variables": {}, "lists": {}, "broadcasts": {}, "blocks": {}, "comments": {},
        "sounds": [], "currentCostume": 0, "volume": 100, "layerOrder": 0 if name == "Stage" else 1,
    }  # fmt: skip
    return {"name": name, "costumes": [costume], **empty, **more}


def blank() -> bytes:
    """A white picture to draw on, as PNG."""
    return Picture(800, 600, b"\xff" * (800 * 600 * 3)).png()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "walk.sb3": scratch,
    "square.turtle": kturtle,
    "square.py": python,
    "blank.png": blank,
    HELLO: bytes,  # an empty file
}
