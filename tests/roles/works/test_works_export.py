"""Works are on the stick, read back from them, or the child is told why not."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from loop_sticks import LoopStick, LoopSticks, hold_busy
from netspring_works import export, show_job
from netspring_works.inventory import find_works

pytestmark = [
    pytest.mark.loop,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
]
Make = Callable[..., LoopStick]
NAME = "我的作品 PC-07 2026-11-24 14.35"


def bring(
    place: LoopSticks,
    works: Path,
    told: list[tuple[str, int, int]] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> show_job.Shown:
    """The whole way, onto the first stick."""
    noted: list[tuple[str, int, int]] = [] if told is None else told
    return show_job.bring(
        find_works(works),
        place.find()[0],
        place,
        NAME,
        lambda *step: noted.append(step),
        stopped,
    )


def reason(place: LoopSticks, works: Path, **more: Callable[[], bool]) -> str:
    """Why it did not go."""
    with pytest.raises(export.ExportError) as caught:
        bring(place, works, **more)
    return caught.value.reason


def test_every_work_is_on_the_stick_byte_for_byte(works: Path, make_stick: Make) -> None:
    stick = make_stick()
    place = LoopSticks(stick)
    told: list[tuple[str, int, int]] = []
    shown = bring(place, works, told)
    assert (shown.folder, shown.number, shown.out) == (NAME, 6, True)
    there = stick.files()
    assert there == {
        f"{NAME}/Cat.png": (works / "Cat.png").read_bytes(),
        f"{NAME}/cat (2).png": (works / "cat.png").read_bytes(),
        f"{NAME}/empty.txt": b"",
        f"{NAME}/saved/20261124.png": (works / "saved/20261124.png").read_bytes(),
        f"{NAME}/猫.png": (works / "猫.png").read_bytes(),
        f"{NAME}/跳舞_.sb3": (works / "跳舞?.sb3").read_bytes(),
    }
    assert shown.size == sum(len(data) for data in there.values())
    # It was let go and mounted anew between writing and reading back.
    assert place.steps == ["mount", "unmount", "mount", "unmount", "take_out"]
    assert told[-2] == ("checking", shown.size, shown.size)
    assert [step for step, done, total in told if done == total > 0] == ["copying", "checking"]


def test_a_second_time_leaves_the_first_alone(works: Path, make_stick: Make) -> None:
    stick = make_stick()
    bring(LoopSticks(stick), works)
    (works / "猫.png").write_bytes(b"a better cat")
    shown = bring(LoopSticks(stick), works)
    assert shown.folder == f"{NAME} (2)"
    there = stick.files()
    assert there[f"{NAME} (2)/猫.png"] == b"a better cat"
    assert there[f"{NAME}/猫.png"].startswith(b"\x89PNG")


def test_a_stick_that_does_not_keep_what_was_written_is_found_out(
    works: Path, make_stick: Make
) -> None:
    """A counterfeit stick: it takes everything and forgets part of it."""
    stick = make_stick()
    place = LoopSticks(stick)

    def forget(step: str) -> None:
        if step == "mount" and "unmount" in place.steps:
            data = stick.file.read_bytes()
            assert data.count(b"scratch" * 500) >= 1
            stick.file.write_bytes(data.replace(b"scratch" * 500, b"\0" * 3500))
            place.when = lambda _step: None

    place.when = forget
    assert reason(place, works) == "differs"
    assert not [name for name in stick_names(stick) if "unfinished" not in name]


def test_the_page_cache_is_not_asked(works: Path, make_stick: Make) -> None:
    """The stick is kept busy, so that it stays mounted: what lies in memory is still right."""
    stick = make_stick()
    place = LoopSticks(stick)
    held: list[int] = []

    def hold(step: str) -> None:
        if step == "unmount" and not held:
            held.append(hold_busy(stick.place))
            final = stick.place / NAME / "跳舞_.sb3"
            before = final.read_bytes()  # now it lies in the page cache
            data = stick.file.read_bytes()
            stick.file.write_bytes(data.replace(b"scratch" * 500, b"\0" * 3500))
            assert final.read_bytes() == before, "the cache should answer for the medium here"

    place.when = hold
    try:
        assert reason(place, works) == "differs"
    finally:
        for descriptor in held:
            os.close(descriptor)


def test_a_busy_stick_is_checked_but_not_called_ready_to_pull(
    works: Path, make_stick: Make
) -> None:
    stick = make_stick()
    place = LoopSticks(stick)
    place.mount(place.find()[0])
    held = hold_busy(stick.place)
    try:
        shown = bring(place, works)
    finally:
        os.close(held)
    assert not shown.out
    assert stick.mounted()
    assert show_job.let_go(place.find()[0], place)
    assert not stick.mounted()
    assert len(stick.files()) == 6


def test_a_full_stick_is_refused_before_anything_is_written(works: Path, make_stick: Make) -> None:
    stick = make_stick(size=2 << 20)
    (works / "film.mp4").write_bytes(os.urandom(3 << 20))
    assert reason(LoopSticks(stick), works) == "full"
    assert stick_names(stick) == []


def test_a_stick_that_fills_up_meanwhile_keeps_nothing_half_done(
    works: Path, make_stick: Make
) -> None:
    stick = make_stick(size=12 << 20)
    place = LoopSticks(stick)
    (works / "film.mp4").write_bytes(os.urandom(4 << 20))
    place.mount(place.find()[0])

    def fill() -> bool:
        """Another program writes onto the stick at the same time."""
        other = stick.place / "other"
        if not other.exists():
            with contextlib.suppress(OSError), other.open("wb", buffering=0) as stream:
                while stream.write(bytes(1 << 16)):
                    pass
        return False

    assert reason(place, works, stopped=fill) == "full"
    assert stick_names(stick) == ["other"]


def test_a_locked_stick_is_told_apart(works: Path, make_stick: Make) -> None:
    stick = make_stick(read_only=True)
    assert reason(LoopSticks(stick), works) == "read_only"


def test_a_stick_that_is_pulled_out_is_told_apart(works: Path, make_stick: Make) -> None:
    stick = make_stick()
    place = LoopSticks(stick)
    place.mount(place.find()[0])

    def pull() -> bool:
        # The system notices it a moment after writing has failed.
        threading.Timer(1.0, place.there.clear).start()
        os.system(f"umount --lazy '{stick.place}'")  # noqa: S605 - a path of this test
        return False

    assert reason(place, works, stopped=pull) == "gone"
    assert (works / "猫.png").exists()


@pytest.mark.parametrize("when", ["copying", "writing", "checking", "stopped"])
def test_another_stick_in_its_place_keeps_what_it_has(
    works: Path, make_stick: Make, when: str
) -> None:
    """It gets the same object of UDisks, and holds an export of the same name."""
    first, second = make_stick(), make_stick(name="BEN")
    bring(LoopSticks(second), works)
    kept = second.files()
    for work in find_works(works):
        work.path.write_bytes(work.path.read_bytes()[::-1] + b"better")
    place = LoopSticks(first)
    stick = place.find()[0]

    def swap(step: str, *_numbers: int) -> None:
        if step == when and first in place.there:
            os.system(f"umount --lazy '{first.place}'")  # noqa: S605 - a path of this test
            second.key, second.place = first.key, first.place
            place.there = [second]
            os.system(f"mount '{second.device}' '{second.place}'")  # noqa: S605

    def stopped() -> bool:
        swap("stopped")
        return when == "stopped"

    with pytest.raises(export.ExportError) as caught:
        show_job.bring(find_works(works), stick, place, NAME, swap, stopped)
    assert caught.value.reason == ("stopped" if when == "stopped" else "gone")
    while second.mounted():
        os.system(f"umount '{second.place}'")  # noqa: S605 - a path of this test
    there = second.files()
    assert {name: there.get(name) for name in kept} == kept


def test_what_was_left_of_a_pulled_stick_goes_with_the_next_try(
    works: Path, make_stick: Make
) -> None:
    stick = make_stick()
    place = LoopSticks(stick)
    top = place.mount(place.find()[0])
    (top / show_job.UNFINISHED).mkdir()
    (top / show_job.UNFINISHED / "half.png").write_bytes(b"half")
    (top / "own.txt").write_bytes(b"of the child")
    bring(place, works)
    assert [name for name in stick.files() if not name.startswith(NAME)] == ["own.txt"]


def test_a_stick_smaller_than_it_claims_is_refused(works: Path, tmp_path: Path) -> None:
    """It says 64 MB and has 3: the medium itself refuses what the filesystem has room for."""
    small = tmp_path / "small"
    small.mkdir()
    os.system(f"mount -t tmpfs -o size=3m tmpfs '{small}'")  # noqa: S605 - a path of this test
    try:
        stick = LoopStick(small / "BAD.img", 64 << 20, "BAD")
        try:
            (works / "film.mp4").write_bytes(os.urandom(6 << 20))
            assert reason(LoopSticks(stick), works) == "full"
        finally:
            stick.end()
    finally:
        time.sleep(0.5)
        os.system(f"umount --lazy '{small}'")  # noqa: S605 - a path of this test


def test_stop_leaves_nothing(works: Path, make_stick: Make) -> None:
    stick = make_stick()
    asked = iter([False, False, False, True])
    assert reason(LoopSticks(stick), works, stopped=lambda: next(asked, True)) == "stopped"
    assert stick_names(stick) == []


def test_a_work_that_is_being_saved_is_not_called_copied(works: Path, make_stick: Make) -> None:
    stick = make_stick()
    growing = works / "猫.png"

    def save() -> bool:
        with growing.open("ab") as stream:
            stream.write(b"more")
        return False

    assert reason(LoopSticks(stick), works, stopped=save) == "changing"
    assert stick_names(stick) == []


def test_a_work_that_cannot_be_read_is_named(works: Path, make_stick: Make) -> None:
    stick = make_stick()
    place = LoopSticks(stick)
    found = find_works(works)
    (works / "Cat.png").unlink()
    with pytest.raises(export.ExportError) as caught:
        show_job.bring(found, place.find()[0], place, NAME, lambda *_s: None, lambda: False)
    assert (caught.value.reason, caught.value.work) == ("work", "Cat.png")
    assert stick_names(stick) == []


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (errno.ENOSPC, "full"),
        (errno.EFBIG, "too_large"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "not_ours"),
        (errno.EIO, "stick"),
        (errno.ENODEV, "stick"),
    ],
)
def test_an_error_of_the_stick_has_a_meaning(code: int, meaning: str) -> None:
    assert export.stick_error(OSError(code, "x")).reason == meaning


def stick_names(stick: LoopStick) -> list[str]:
    """Files that are on the stick now."""
    while stick.mounted():
        os.system(f"umount '{stick.place}'")  # noqa: S605 - a path of this test
    return list(stick.files())
