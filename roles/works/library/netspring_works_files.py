#!/usr/bin/python3
"""Write many small text files at once.

A task of Ansible for each of some eighty files would take a third of a minute of every build.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_works_files
short_description: Write many small text files at once
description:
  - Writes text files below a folder, and the folders above them. A file whose text and rights are
    right already is not touched; half a file is never seen.
options:
  dest:
    description: Folder that they lie in.
    type: path
    required: true
  files:
    description: Text of each file, by its path below the folder.
    type: dict
    required: true
  programs:
    description: Those of them that can be run.
    type: list
    elements: str
    default: []
author:
  - Netspring Provision
"""

EXAMPLES = r"""
- name: Write a program and its text
  netspring_works_files:
    dest: /usr/local
    files:
      bin/hello: "#!/bin/sh\ncat /usr/local/share/hello.txt\n"
      share/hello.txt: "Hello\n"
    programs: [bin/hello]
"""

RETURN = r"""
written:
  description: Paths of the files that were not right.
  type: list
  returned: always
"""


def below(dest: Path, path: str) -> Path:
    """The place of a file.

    Raises:
        ValueError: the path leads out of the folder.
    """
    inside = PurePosixPath(path)
    if inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise ValueError(f"{path!r} is not a path below a folder")
    return dest / inside


def settle(place: Path, text: str, mode: int, *, pretend: bool) -> bool:
    """Make a file what it ought to be; returns whether anything had to be done."""
    if (
        place.is_file()
        and not place.is_symlink()
        and place.read_bytes() == text.encode()
        and place.stat().st_mode & 0o7777 == mode
    ):
        return False
    if not pretend:
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(f".{place.name}.half")
        half.unlink(missing_ok=True)
        half.write_text(text, encoding="utf-8")
        half.chmod(mode)
        half.replace(place)
    return True


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "programs": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given: dict[str, Any] = module.params
    os.umask(0o022)
    dest, programs = Path(given["dest"]), set(given["programs"])
    if unknown := sorted(programs - given["files"].keys()):
        module.fail_json(msg=f"programs without a text: {', '.join(unknown)}")
    try:
        places = {path: below(dest, path) for path in given["files"]}
        written = [
            str(place)
            for path, place in places.items()
            if settle(
                place,
                str(given["files"][path]),
                0o755 if path in programs else 0o644,
                pretend=module.check_mode,
            )
        ]
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"files below {dest} cannot be written: {error}")
    module.exit_json(changed=bool(written), written=written)


if __name__ == "__main__":
    main()
