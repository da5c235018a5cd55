"""netspring-works: the folder of works in the file manager, made anew if it is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from netspring_works.inventory import works_folder


def main() -> None:
    """Become the file manager."""
    home = Path.home()
    try:
        folder = works_folder(home)
    except OSError as error:
        print(f"netspring-works: {error}", file=sys.stderr)
        folder = home
    os.execv("/usr/bin/pcmanfm-qt", ["pcmanfm-qt", str(folder)])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
