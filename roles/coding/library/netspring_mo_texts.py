#!/usr/bin/python3
"""Replace texts of a translation file of gettext (.mo), one by one.

The form of the file is that of GNU gettext's manual, "The Format of GNU MO Files": two tables of
lengths and offsets, for the originals (sorted, with the context before a byte 4) and for the
translations. The hash table is optional and left out.
"""

from __future__ import annotations

import struct
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_mo_texts
short_description: Replace texts of a gettext translation
description:
  - Replaces translations in a .mo file, where those of the package are missing or wrong.
options:
  path:
    description: Translation file.
    type: path
    required: true
  context:
    description: What the context of a text must hold, as other texts may be spelled the same.
    type: str
    default: ""
  texts:
    description: New translations by their original.
    type: dict
    required: true
author:
  - Netspring Provision
"""

EXAMPLES = r"""
- name: Let the turtle understand Chinese
  netspring_mo_texts:
    path: /usr/share/locale/zh_CN/LC_MESSAGES/kturtle.mo
    context: COMMAND
    texts: {turnleft: 左转}
"""

RETURN = r"""
replaced:
  description: Originals whose translation was another before.
  type: list
  elements: str
  returned: always
"""

LITTLE, BIG = 0x950412DE, 0xDE120495
HEAD = 28


def read(data: bytes) -> list[tuple[bytes, bytes]]:
    """Originals with their translations, as they stand in the file.

    Raises:
        ValueError: it is no translation file, or cut short.
    """
    if len(data) < HEAD:
        raise ValueError("the translation file is cut short")
    magic = struct.unpack("<I", data[:4])[0]
    if magic not in (LITTLE, BIG):
        raise ValueError("not a gettext translation file")
    order = "<" if magic == LITTLE else ">"
    _, count, originals, translations = struct.unpack(f"{order}4I", data[4:20])

    def text(table: int, number: int) -> bytes:
        at = table + 8 * number
        if at + 8 > len(data):
            raise ValueError("the translation file is cut short")
        length, start = struct.unpack(f"{order}2I", data[at : at + 8])
        if start + length > len(data):
            raise ValueError("the translation file is cut short")
        return data[start : start + length]

    return [(text(originals, number), text(translations, number)) for number in range(count)]


def written(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A translation file, little endian, without a hash table."""
    pairs = sorted(pairs)
    tables = HEAD + 16 * len(pairs)
    originals, translations, texts = b"", b"", b""
    for table in (0, 1):
        entries = b""
        for pair in pairs:
            entries += struct.pack("<2I", len(pair[table]), tables + len(texts))
            texts += pair[table] + b"\0"
        if table == 0:
            originals = entries
        else:
            translations = entries
    head = struct.pack(
        "<7I", LITTLE, 0, len(pairs), HEAD, HEAD + 8 * len(pairs), 0, HEAD + 16 * len(pairs)
    )
    return head + originals + translations + texts


def replaced(
    pairs: list[tuple[bytes, bytes]], texts: dict[str, str], context: str
) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    """The texts with the new translations, and the originals that changed.

    Raises:
        ValueError: an original is not in the file, so the list of texts is out of date.
    """
    result, changed, seen = [], [], set()
    for original, translation in pairs:
        where, mark, name = original.decode().rpartition("\x04")
        if mark and context in where and name in texts:
            seen.add(name)
            if translation != texts[name].encode():
                changed.append(name)
                translation = texts[name].encode()
        result.append((original, translation))
    if missing := sorted(set(texts) - seen):
        raise ValueError(f"the file has no {', '.join(missing)}")
    return result, sorted(changed)


def main() -> None:
    """Read, replace, write beside, rename."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "context": {"type": "str", "default": ""},
            "texts": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    try:
        pairs, changed = replaced(
            read(path.read_bytes()), module.params["texts"], module.params["context"]
        )
        if changed and not module.check_mode:
            half = path.with_name(f".{path.name}.half")
            half.write_bytes(written(pairs))
            half.chmod(0o644)
            half.replace(path)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"{path} could not be changed: {error}")
    module.exit_json(changed=bool(changed), replaced=changed)


if __name__ == "__main__":
    main()
