"""Drawing shows what is told and never breaks a wipe, whatever is told."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from netspring_provision import progress
from netspring_provision.progress import Display, Item, items

MB = 10**6


def told(*entries: Any, kind: str = "wipe_progress") -> dict[str, Any]:
    payload = {"kind": kind, "finished": False, "items": list(entries)}
    return samples.event("pc1", "runner_retry", result=payload)


HALF = {
    "id": "WD-1",
    "phase": "overwriting",
    "offset": 80 * MB,
    "size": 160 * MB,
    "rate_bps": 60 * MB,
    "eta_s": 61,
}


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def draw(screen: io.StringIO) -> Callable[..., None]:
    def events(*told_events: dict[str, Any], terminal: bool = False) -> None:
        console = Console(file=screen, force_terminal=terminal, width=160, highlight=False)
        with Display(console) as shown:
            for event in told_events:
                shown.on_event(event)

    return events


def test_progress_of_each_disk() -> None:
    assert items(told(HALF)) == (
        Item("pc1/WD-1", "pc1 WD-1", "overwriting", 80 * MB, 160 * MB, 60e6, 61.0),
    )


def test_other_events_show_none() -> None:
    assert items(samples.event("pc1")) == ()
    assert items(told(HALF, kind="wipe")) == ()
    assert items({}) == ()


odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=4)
    | st.lists(st.none(), max_size=1)
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "phase", "offset", "size", "rate_bps", "eta_s"]), odd, max_size=6
    ),
    st.booleans(),
)
def test_whatever_a_machine_says_is_drawn_without_error(entry: dict[str, Any], live: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=live, width=160)
    with Display(console) as shown:
        for items_said in ([entry], entry, "text", 5, None, [None, entry]):
            event = told()
            event["event_data"]["res"]["netspring_result"]["items"] = items_said
            shown.on_event(event)


def test_off_a_terminal_a_plain_line_a_phase(
    draw: Callable[..., None], screen: io.StringIO
) -> None:
    draw(told(HALF), told(HALF), told(HALF | {"phase": "verifying", "offset": 0, "eta_s": None}))
    assert screen.getvalue().splitlines() == [
        "pc1 WD-1 overwriting: 50 %, 60 MB/s, 1:01 left",
        "pc1 WD-1 verifying: 0 %, 60 MB/s",
    ]


def test_a_line_more_after_ten_seconds(
    draw: Callable[..., None], screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    draw(*[told(HALF)] * 5)
    assert len(screen.getvalue().splitlines()) == 3


def test_on_a_terminal_a_bar_a_disk(draw: Callable[..., None], screen: io.StringIO) -> None:
    draw(told(HALF, HALF | {"id": "WD-2"}), told(HALF), terminal=True)
    assert "pc1 WD-1 overwriting" in screen.getvalue()
    assert "pc1 WD-2 overwriting" in screen.getvalue()


def test_a_failed_task_is_told_and_an_ignored_one_is_not(
    draw: Callable[..., None], screen: io.StringIO
) -> None:
    ignored = samples.event("pc2", "runner_on_failed")
    ignored["event_data"]["ignore_errors"] = True
    draw(samples.event("pc1", "runner_on_failed"), ignored)
    assert screen.getvalue() == "pc1: a task failed\n"


@pytest.mark.parametrize("text", ["[/dev/sda]", "[bold]", "[/]", "a [red]b"])
def test_brackets_are_text(draw: Callable[..., None], screen: io.StringIO, text: str) -> None:
    failed = samples.event(text, "runner_on_failed")
    failed["event_data"]["task"] = text
    draw(told(HALF | {"id": text, "phase": text}), failed)
    assert screen.getvalue().count(text) == 4
    console = Console(file=screen, width=160)
    Display(console).say(text)
    assert screen.getvalue().count(text) == 5
