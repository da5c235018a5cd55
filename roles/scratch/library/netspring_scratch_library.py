#!/usr/bin/python3
"""List Tux Paint's stamps and templates, which are on the PC anyway, for Scratch's libraries.

Scratch's own pictures lie on a server on the internet. Nothing is copied: the list names files.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_scratch_library
short_description: List Tux Paint's pictures for Scratch's libraries
description:
  - Writes a script for Scratch's page that names pictures of Tux Paint as sprites and backdrops,
    with their names in the languages that Tux Paint knows. Without Tux Paint the list is empty.
options:
  tuxpaint:
    description: Tux Paint's folder of data.
    type: path
    required: true
  sprites:
    description: Scratch's tag for each folder of stamps; other folders are left out.
    type: dict
    required: true
  backdrops:
    description: Files below Tux Paint's folder, with wildcards, that become backdrops.
    type: list
    elements: str
    required: true
  largest:
    description: Size in bytes above which a stamp is left out.
    type: int
    required: true
  dest:
    description: Script to write.
    type: path
    required: true
author:
  - Netspring Provision
"""

EXAMPLES = r"""
- name: List Tux Paint's pictures for Scratch
  netspring_scratch_library:
    tuxpaint: /usr/share/tuxpaint
    sprites: {animals: animals}
    backdrops: [templates/*.jpg]
    largest: 65536
    dest: /usr/share/netspring-scratch/library.js
"""

RETURN = r"""
sprites:
  description: Number of sprites.
  type: int
  returned: always
backdrops:
  description: Number of backdrops.
  type: int
  returned: always
"""

PICTURES = (".png", ".svg", ".jpg", ".jpeg")
# With these a stamp's text ends, and a name does not; the last is the full-width "!".
ENDS = ".。! \uff01"
# Tux Paint's mark of a language in a stamp's text, and ours.
LANGUAGES = {"zh_cn.utf8": "zh-cn", "fr.utf8": "fr"}


def names(picture: Path) -> dict[str, str]:
    """What a picture is called, by language: the text beside it, or its file's name."""
    found = {"en": picture.stem.removesuffix("-back").replace("_", " ").replace("-", " ")}
    text = picture.with_suffix(".txt")
    if text.is_file():
        lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
        if lines and lines[0].strip():
            found["en"] = lines[0].strip()
        for line in lines[1:]:
            language, sign, name = line.partition("=")
            if sign and name.strip() and language.strip().lower() in LANGUAGES:
                found[LANGUAGES[language.strip().lower()]] = name.strip()
    return {language: name.rstrip(ENDS) or name for language, name in found.items()}


def entry(picture: Path, tags: list[str]) -> dict[str, Any]:
    """One picture for the page."""
    # Scratch knows a file by its md5.
    md5 = hashlib.md5(picture.read_bytes(), usedforsecurity=False).hexdigest()
    return {"id": md5, "file": picture.as_uri(), "names": names(picture), "tags": tags}


def sprites(stamps: Path, wanted: dict[str, str], largest: int) -> list[dict[str, Any]]:
    """The stamps of the wanted folders, each picture once."""
    found: dict[str, dict[str, Any]] = {}
    for folder, tag in sorted(wanted.items()):
        for picture in sorted((stamps / folder).rglob("*")):
            if picture.suffix in PICTURES and picture.stat().st_size <= largest:
                one = entry(picture, [tag] if tag else [])
                found.setdefault(one["id"], one)
    return list(found.values())


def main() -> None:
    """List, compare, write beside, rename."""
    module = AnsibleModule(
        argument_spec={
            "tuxpaint": {"type": "path", "required": True},
            "sprites": {"type": "dict", "required": True},
            "backdrops": {"type": "list", "elements": "str", "required": True},
            "largest": {"type": "int", "required": True},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    folder, dest = Path(params["tuxpaint"]), Path(params["dest"])
    try:
        library = {
            "sprites": sprites(folder / "stamps", params["sprites"], params["largest"]),
            "backdrops": [
                entry(picture, ["outdoors"])
                for rule in params["backdrops"]
                for picture in sorted(folder.glob(rule))
            ],
        }
        text = f"window.NETSPRING_LIBRARY = {json.dumps(library, ensure_ascii=False)};\n"
        old = dest.read_text(encoding="utf-8") if dest.exists() else ""
        if text != old and not module.check_mode:
            half = dest.with_name(f".{dest.name}.half")
            half.write_text(text, encoding="utf-8")
            half.chmod(0o644)
            half.replace(dest)
    except OSError as error:
        module.fail_json(msg=f"Tux Paint's pictures could not be listed: {error}")
    counts = {name: len(entries) for name, entries in library.items()}
    module.exit_json(changed=text != old, **counts)


if __name__ == "__main__":
    main()
