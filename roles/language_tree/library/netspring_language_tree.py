#!/usr/bin/python3
"""Write what one language has for itself into its tree, for netspring-language.

A layer of the image names files, links and folders under the paths that they have on the PC; the
folders above them are made. Nothing that is already right is touched.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_language_tree
short_description: Write what one language has for itself
description:
  - Writes files, links and folders into the tree of one language, C(TREE/LOCALE/PATH). The program
    C(netspring-language) copies the tree of the chosen language over the PC.
options:
  locale:
    description: Language, as C(zh_CN).
    type: str
    required: true
  files:
    description: Text of each file, by its absolute path on the PC.
    type: dict
    default: {}
  links:
    description: Where each symbolic link leads, by its absolute path on the PC.
    type: dict
    default: {}
  folders:
    description: Folders that are there even when empty, as absolute paths on the PC.
    type: list
    elements: str
    default: []
  tree:
    description: Folder that holds the trees of all languages.
    type: path
    default: /usr/share/netspring/language
author:
  - Netspring Provision
"""

EXAMPLES = r"""
- name: Write the keyboard of a French room
  netspring_language_tree:
    locale: fr_FR
    files:
      /etc/default/keyboard: "XKBLAYOUT=fr\n"
"""

RETURN = r"""
written:
  description: Absolute paths on the PC that were written into the tree.
  type: list
  returned: always
"""


def below(tree: Path, locale: str, path: str) -> Path:
    """The place in a language's tree of an absolute path on the PC.

    Raises:
        ValueError: the path is not absolute or leads out of the tree.
    """
    inside = PurePosixPath(path)
    if not inside.is_absolute() or ".." in inside.parts or len(inside.parts) < 2:
        raise ValueError(f"{path!r} is not an absolute path of a file or folder on the PC")
    return tree / locale / inside.relative_to("/")


def settle(place: Path, text: str | None, link: str | None, *, pretend: bool) -> bool:
    """Make a file (text), a link, or else a folder; returns whether anything had to be done."""
    if link is not None:
        right = place.is_symlink() and str(place.readlink()) == link
    elif place.is_symlink():
        right = False
    elif text is not None:
        right = place.is_file() and place.read_bytes() == text.encode()
    else:
        right = place.is_dir()
    if right or pretend:
        return not right
    if text is None and link is None:
        place.mkdir(parents=True)
        return True
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_name(f".{place.name}.half")
    half.unlink(missing_ok=True)
    if link is not None:
        half.symlink_to(link)
    else:
        half.write_text(str(text), encoding="utf-8")
        half.chmod(0o644)
    half.replace(place)
    return True


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "locale": {"type": "str", "required": True},
            "files": {"type": "dict", "default": {}},
            "links": {"type": "dict", "default": {}},
            "folders": {"type": "list", "elements": "str", "default": []},
            "tree": {"type": "path", "default": "/usr/share/netspring/language"},
        },
        supports_check_mode=True,
    )
    given: dict[str, Any] = module.params
    tree, locale = Path(given["tree"]), given["locale"]
    os.umask(0o022)
    wanted = [
        *((path, None, None) for path in given["folders"]),
        *((path, text, None) for path, text in given["files"].items()),
        *((path, None, link) for path, link in given["links"].items()),
    ]
    try:
        written = [
            path
            for path, text, link in wanted
            if settle(below(tree, locale, path), text, link, pretend=module.check_mode)
        ]
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"the tree of the language {locale} cannot be written: {error}")
    module.exit_json(changed=bool(written), written=written)


if __name__ == "__main__":
    main()
