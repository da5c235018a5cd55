"""netspring-help: the help pages in a window of their own, from local files, without internet."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from netspring_works.texts import locale, nearest

PAGES = Path("/usr/share/netspring/help")
# A profile of its own: help opens also when the child's browser is what went wrong.
PROFILE = Path(".local/share/netspring-help")
FLAGS = (
    "--no-first-run",
    "--no-default-browser-check",
    "--class=netspring-help",
    # Nothing outside this PC is asked for: port 9 is "discard" (RFC 863).
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-breakpad",
    "--disable-sync",
    "--disable-extensions",
    "--disable-features=Translate,MediaRouter,OptimizationHints,SpareRendererForSitePerProcess",
    # A page of pictures needs no graphics chip, and no process for one.
    "--disable-gpu",
    "--in-process-gpu",
    "--disk-cache-size=1048576",
    "--process-per-site",
    "--password-store=basic",
    # A PC that was switched off in the middle of reading asks nothing at its next start.
    "--hide-crash-restore-bubble",
    "--start-maximized",
)


def page(environment: dict[str, str], name: str) -> Path:
    """The page in the session's language.

    Raises:
        ValueError: there is no page of that name.
    """
    there = [path.parent.name for path in PAGES.glob("*/index.html")]
    path = PAGES / nearest(locale(environment), there) / f"{name}.html"
    if not name.isalnum() or not path.is_file():
        raise ValueError(f"there is no help page {name!r}")
    return path


def main() -> None:
    """Become the browser. An argument names a page: ``netspring-help teacher``."""
    try:
        found = page(dict(os.environ), sys.argv[1] if len(sys.argv) > 1 else "index")
    except ValueError as error:
        sys.exit(f"netspring-help: {error}")
    profile = Path.home() / PROFILE
    os.execvp(  # noqa: S606 - no shell is wanted
        "chromium",  # noqa: S607 - Debian's starter is found by PATH in the child's session
        ["chromium", *FLAGS, f"--user-data-dir={profile}", f"--app={found.as_uri()}"],
    )


if __name__ == "__main__":
    main()
