"""How languages call themselves: each file of texts says it, also that of a new language."""

from __future__ import annotations

import json

from netspring_works.texts import FOLDER


def language_name(locale: str) -> str:
    """中文 for zh_CN; the locale's own name where there are no texts for it."""
    try:
        words = json.loads((FOLDER / "teacher" / f"{locale}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return locale
    return str(words.get("language_name", locale))
