"""Do the child's programs open, close, and do what they are there for?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netspring_provision.checks.asking import Facts, Seen, part, require
from netspring_provision.checks.catalogue import App
from netspring_provision.checks.on_machine import acts, apps
from netspring_provision.checks.test_desktop import session_problems


def test_app_opens(desktop: Facts, app: App, seen: Seen) -> None:
    """Started from its launcher as the child: a window, something painted in it, closed again."""
    problems = session_problems(desktop)
    found = part(desktop, "apps").get(app.name) if not problems else {}
    if not problems and not found:
        problems.append("it was not tried")
    require(problems)
    window = found.get("window") or {}
    seen(f"{window.get('title')}, {found.get('seconds')} s" if window else found.get("error") or "")
    if found.get("error"):
        problems.append(found["error"])
    if not window:
        problems.append("it showed no window")
    elif not found["filled"]:
        problems.append("its window stayed empty")
    elif found["variety"]["colours"] < apps.FEWEST_COLOURS:
        problems.append(f"its window had only {found['variety']['colours']} colours")
    if window and any(is_ < least for is_, least in zip(window["size"], app.least, strict=True)):
        width, height = window["size"]
        problems.append(f"its window of {width} x {height} is a message, and not the program")
    if window and not found.get("closed"):
        problems.append("it could not be closed")
    require(list(dict.fromkeys(problems)))


def test_app_works(desktop: Facts, app: App, seen: Seen) -> None:
    """What was done in it by mouse or keys came out, by the rule of its act."""
    require(session_problems(desktop))
    found = part(desktop, "apps").get(app.name) or {}
    if found.get("act") is None:
        require([found.get("error") or "nothing was tried in it"])
    came = part(found, "act")
    seen(", ".join(f"{key} {value}" for key, value in came.items()))
    require(RULES[app.act or ""](came))


def _stroke(came: Facts) -> list[str]:
    problems = []
    if came["line"] < acts.LINE_SHARE:
        problems.append(f"the mouse drew a line, of which {came['line']:.0%} is on the screen")
    if came["beside"] > acts.BESIDE_SHARE:
        problems.append(f"{came['beside']:.0%} of what is beside the line changed with it")
    return problems


def _flag(came: Facts) -> list[str]:
    if came["cat"] is None:
        return ["no cat, or no green flag, is to be seen"]
    if came["moved"] is None:
        return ["the cat is gone after the click on the green flag"]
    across, down = came["moved"]
    if across < acts.CAT_MOVE or abs(down) > acts.CAT_SINKS:
        return [f"after the click on the green flag the cat moved by {across}, {down} pixels"]
    return []


def _square(came: Facts) -> list[str]:
    problems = []
    if came["before"]:
        problems.append(f"{came['before']} pixels of the turtle's colour were there before it ran")
    width, height = came["size"] or (0, 0)
    if not acts.is_square(came["after"], width, height):
        problems.append(
            f"its program drew no square: {came['after']} pixels within {width} x {height}"
        )
    return problems


def _photo(came: Facts) -> list[str]:
    values = [values for *size, values in came["pictures"] if size == came["screen"]]
    if not values:
        return [f"among the works is no picture as large as the screen, {came['screen']}"]
    if max(values) < acts.PHOTO_VALUES:
        return ["the picture that it took of the screen is of one colour"]
    return []


RULES: Mapping[str, Callable[[Facts], list[str]]] = {
    "stroke": _stroke,
    "pencil": _stroke,
    "flag": _flag,
    "square": _square,
    "photo": _photo,
}
