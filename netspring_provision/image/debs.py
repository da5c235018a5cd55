"""``python -m netspring_provision.image.debs lend|keep HOME ARCHIVES``, called by mmdebstrap."""

from __future__ import annotations

import sys
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.image.workspace import keep_debs, lend_debs


def main(argv: list[str]) -> None:
    """Lend the kept packages to a tree, or keep what it downloaded."""
    verb, home, archives = argv
    {"lend": lend_debs, "keep": keep_debs}[verb](Station(Path(home)), Path(archives))
    if verb == "keep":
        for deb in Path(archives).glob("*.deb"):
            deb.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
