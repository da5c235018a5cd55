"""Settings files of the file manager, which are of the INI kind, and changes to them. Pure."""

from __future__ import annotations


def changed(text: str, section: str, values: dict[str, str]) -> str:
    """The text with these values in a section; all else stays, also what is not understood."""
    left = dict(values)
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            if inside:
                lines += _rest(left)
            inside = line.strip() == f"[{section}]"
        key = line.partition("=")[0].strip()
        if inside and "=" in line and key in values:
            if key in left:
                lines.append(f"{key}={left.pop(key)}")
            continue
        lines.append(line)
    if left and not inside:
        lines.append(f"[{section}]")
    lines += _rest(left)
    return "\n".join(lines) + "\n"


def _rest(left: dict[str, str]) -> list[str]:
    """The values that the section did not have; they count as written."""
    lines = [f"{key}={value}" for key, value in left.items()]
    left.clear()
    return lines


def places(found: dict[str, tuple[int, int]]) -> str:
    """The file with the icons' places (pcmanfm-qt, desktop-items-0.conf)."""
    return "".join(f"[{name}.desktop]\npos=@Point({x} {y})\n\n" for name, (x, y) in found.items())
