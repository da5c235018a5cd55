"""The deeds of the checks as far as they are arithmetic: lines, squares, tones, samples."""

from __future__ import annotations

import array
import io
import itertools
import json
import math
import random
import zipfile
from pathlib import Path

import pytest

from netspring_provision.checks import catalogue, test_apps
from netspring_provision.checks.on_machine import acts, hand, samples, sound
from netspring_provision.checks.on_machine.pixels import Picture, Spot, differing


def canvas(width: int = 60, height: int = 40) -> Picture:
    return Picture(width, height, b"\xff" * (width * height * 3))


def painted(
    picture: Picture, places: list[tuple[int, int]], colour: tuple[int, int, int]
) -> Picture:
    rgb = bytearray(picture.rgb)
    for x, y in places:
        at = (y * picture.width + x) * 3
        rgb[at : at + 3] = bytes(colour)
    return Picture(picture.width, picture.height, bytes(rgb))


def test_a_spot_is_counted_and_boxed_where_it_is_looked_for() -> None:
    places = [(x, y) for x in range(30, 40) for y in range(5, 10)]
    picture = painted(canvas(), [*places, (2, 2), (35, 39)], samples.PEN)
    assert picture.spot(samples.PEN, left=20, bottom=30) == Spot(50, 30, 5, 39, 9)
    assert picture.spot(samples.PEN, left=20, bottom=30).middle == (34, 7)  # type: ignore[union-attr]
    assert picture.spot((1, 2, 3)) is None


def test_a_colour_across_two_pixels_is_no_pixel() -> None:
    picture = Picture(3, 1, bytes((9, 255, 0, 128, 9, 9, 9, 9, 9)))
    assert picture.spot((255, 0, 128)) is None


def test_differing_looks_around_and_takes_no_notice_of_faint_shades() -> None:
    white = canvas()
    line = [(x, 20) for x in range(10, 50)]
    drawn = painted(white, line, (0, 0, 0))
    beside = [(x, 22) for x in range(10, 50)]
    assert differing(drawn, white, line) == 1
    assert differing(drawn, white, beside) == 0
    assert differing(drawn, white, beside, reach=2) == 1
    assert differing(painted(white, line, (240, 240, 240)), white, line) == 0
    assert differing(canvas(9, 9), white, line) == 1
    assert differing(drawn, white, [(-5, -5), (999, 3)]) == 0


def test_points_along_a_line_are_near_each_other_and_include_its_corners() -> None:
    corners = [(0, 0), (100, 0), (100, 3)]
    points = hand.along(corners, 8)
    assert set(corners) <= set(points)
    steps = [math.dist(a, b) for a, b in itertools.pairwise(points)]
    assert max(steps) <= 9


@pytest.mark.parametrize(
    ("pixels", "width", "height", "square"),
    [
        (2317, 106, 107, True),  # KTurtle's, recorded
        (3821, 134, 128, True),  # Thonny's, recorded
        (128 * 128, 128, 128, False),  # filled: a whole window of that colour
        (900, 128, 8, False),  # one line: the turtle stopped at the first corner
        (12, 4, 4, False),  # a dot
        (0, 0, 0, False),
    ],
)
def test_only_the_outline_of_a_square_is_a_square(
    pixels: int, width: int, height: int, square: bool
) -> None:
    assert acts.is_square(pixels, width, height) is square


def test_a_tone_is_told_from_another_from_noise_and_from_silence() -> None:
    played = array.array("h")
    played.frombytes(sound.tone(659))
    share, loudness = sound.clearest(played, 659)
    assert share > 0.99
    assert loudness == pytest.approx(sound.LOUDNESS, rel=0.02)
    assert sound.clearest(played, 523)[0] < 0.1
    noise = [random.Random(number).randrange(-9000, 9000) for number in range(sound.RATE)]  # noqa: S311
    assert sound.clearest(noise, 659)[0] < 0.05
    assert sound.clearest([0] * sound.RATE, 659) == (0.0, 0.0)
    assert sound.clearest([], 659) == (0.0, 0.0)


def test_a_tone_that_is_torn_is_found_in_its_best_piece() -> None:
    played = array.array("h")
    played.frombytes(sound.tone(587))
    torn = [0] * 5000 + list(played)[5000:16000] + [0] * 9000
    assert sound.clearest(torn, 587)[0] > 0.9


def test_scratchs_sample_is_a_project_whose_flag_moves_the_cat_it_brings() -> None:
    with zipfile.ZipFile(io.BytesIO(samples.SAMPLES["walk.sb3"]())) as archive:
        assert archive.namelist() == ["project.json"]
        project = json.loads(archive.read("project.json"))
    cat = project["targets"][1]
    assert cat["costumes"][0]["assetId"] == samples.CAT
    blocks = cat["blocks"]
    assert blocks["flag"]["opcode"] == "event_whenflagclicked"
    assert blocks["flag"]["next"] == "go"
    assert blocks["go"]["inputs"]["STEPS"][1][1] == str(samples.STEPS)
    assert acts.CAT_MOVE < samples.STEPS / 2


def test_only_a_whole_picture_has_a_size() -> None:
    whole = canvas(60, 40).png()
    assert acts.png_size(whole) == (60, 40)
    assert acts.png_size(whole[:-20]) is None
    assert acts.png_size(b"") is None
    assert acts.png_size(b"GIF89a" + whole) is None


def test_a_picture_of_one_colour_is_told_from_one_of_the_screen() -> None:
    assert acts.png_values(canvas(60, 40).png()) < acts.PHOTO_VALUES
    assert acts.png_values(Picture(60, 40, bytes(60 * 40 * 3)).png()) < acts.PHOTO_VALUES
    shades = bytes(at % 251 for at in range(60 * 40 * 3))
    assert acts.png_values(Picture(60, 40, shades).png()) > acts.PHOTO_VALUES
    assert acts.png_values(b"no picture at all") == 0


def test_the_turtles_programs_are_whole() -> None:
    source = samples.SAMPLES["square.py"]().decode()
    compile(source, "square.py", "exec")
    assert str(samples.PEN) in source
    assert samples.SAMPLES["square.turtle"]().startswith(b"kturtle-script-v1.0\n")


def test_every_act_of_a_profile_is_there_with_its_rule_and_its_samples() -> None:
    for profile in catalogue.profiles().values():
        for app in profile.apps:
            assert app.name != "screenshot"  # the report's picture of the desktop
            assert app.act is None or app.act in acts.ACTS
            # Pinyin has a check of its own, chinese_can_be_typed.
            assert (app.act in test_apps.RULES) == (app.does is not None)
            assert {word for word in app.opens if "." in word} <= set(samples.SAMPLES)


def test_samples_become_paths(tmp_path: Path) -> None:
    words = acts.prepare(["--new", "square.py"], tmp_path)
    assert words == ["--new", str(tmp_path / "square.py")]
    assert (tmp_path / "square.py").read_bytes() == samples.python()
