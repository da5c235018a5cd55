"""The page that the browser opens: the one on the PC, or the one that the teacher chose."""

from __future__ import annotations

import json

from netspring_classroom.files import write
from netspring_classroom.settings import Settings
from netspring_classroom.system import System

# Of its own, so that Chromium finds none of these keys in two files.
POLICY = "etc/chromium/policies/managed/netspring-start.json"
OWN_PAGE = "file:///usr/share/netspring/start/index.html"
# chromeenterprise.google/policies, RestoreOnStartup: open the new tab page, which is ours.
NEW_TAB_PAGE = 5


def policy(start_page: str) -> str:
    """The browser's rules for its first page; an empty ``start_page`` is the page on the PC."""
    page = start_page or OWN_PAGE
    rules = {
        "HomepageIsNewTabPage": False,
        "HomepageLocation": page,
        "NewTabPageLocation": page,
        "RestoreOnStartup": NEW_TAB_PAGE,
        "ShowHomeButton": True,
    }
    return json.dumps(rules, indent=2, ensure_ascii=False) + "\n"


def apply(system: System, settings: Settings) -> list[str]:
    """Write the rules; valid from the browser's next start."""
    changed = write(system.at(POLICY), policy(str(settings["start_page"])))
    return [f"/{POLICY}"] if changed else []
