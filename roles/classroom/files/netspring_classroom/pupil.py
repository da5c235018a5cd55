"""Deeds that are done with the child's rights; started by session.py."""

from __future__ import annotations

import sys
from pathlib import Path

from netspring_classroom import desktop, works

# Exit code: the home cannot be read, and nothing was written to the output.
UNREADABLE_HOME = 3


def main(words: list[str]) -> int:
    """``pack HOME`` writes the desktop's files, ``send HOME`` the works, to the standard output."""
    deed, home = words
    try:
        if deed == "pack":
            sys.stdout.buffer.write(desktop.pack(Path(home)))
        else:
            works.send(Path(home), sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return UNREADABLE_HOME
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
