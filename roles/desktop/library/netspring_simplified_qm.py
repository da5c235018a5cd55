#!/usr/bin/python3
"""Make a Qt translation in simplified Chinese from the one in traditional Chinese.

The form of the file is that of Qt's own reader (qtbase, src/corelib/kernel/qtranslator.cpp): a
magic number, then sections of one byte, a length and data; in the section of messages each message
is a list of one byte, a length and data. Texts are UTF-16, big endian. Only texts are changed, each
in its place, so all offsets and hashes stay right.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_simplified_qm
short_description: Make a Qt translation in simplified Chinese
description:
  - Writes a Qt translation file in simplified Chinese, made by opencc from the one in traditional
    Chinese, for programs that come with the latter only.
options:
  src:
    description: Translation in traditional Chinese.
    type: path
    required: true
  dest:
    description: Translation to write.
    type: path
    required: true
author:
  - Netspring Provision
"""

EXAMPLES = r"""
- name: Give GCompris its Chinese
  netspring_simplified_qm:
    src: /usr/share/gcompris-qt/translations/gcompris_zh_TW.qm
    dest: /usr/share/gcompris-qt/translations/gcompris_zh_CN.qm
"""

RETURN = r"""
texts:
  description: Number of texts in the file.
  type: int
  returned: always
"""

MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
MESSAGES = 0x69
LANGUAGE = 0xA7
END, SOURCE16, TRANSLATION, CONTEXT16, OBSOLETE, SOURCE, CONTEXT, COMMENT = range(1, 9)
NONE = 0xFFFFFFFF


def sections(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, first byte and length of each section.

    Raises:
        ValueError: it is no translation file, or cut short.
    """
    if not data.startswith(MAGIC):
        raise ValueError("not a Qt translation file")
    at = len(MAGIC)
    while at < len(data):
        tag, length = data[at], int.from_bytes(data[at + 1 : at + 5], "big")
        at += 5
        if at + length > len(data):
            raise ValueError("the translation file is cut short")
        yield tag, at, length
        at += length


def texts(data: bytes) -> Iterator[tuple[int, int]]:
    """First byte and length of each translated text."""
    for section, start, size in sections(data):
        at, end = start, start + size
        while section == MESSAGES and at < end:
            tag = data[at]
            at += 1
            if tag == END:
                continue
            if tag == OBSOLETE:
                at += 4
                continue
            if not SOURCE16 <= tag <= COMMENT:
                raise ValueError(f"unknown mark {tag} in a message")
            length = int.from_bytes(data[at : at + 4], "big")
            at += 4
            if length == NONE:
                continue
            if at + length > end:
                raise ValueError("a text goes beyond its section")
            if tag == TRANSLATION:
                yield at, length
            at += length


def simplified(data: bytes, convert: Callable[[list[str]], list[str]]) -> tuple[bytes, int]:
    """The file in simplified Chinese, and how many texts it has.

    A text whose length would change is converted sign by sign, where the length never changes.
    """
    places = list(texts(data))
    before = [data[at : at + length].decode("utf-16-be") for at, length in places]
    after = convert(before)
    if len(after) != len(before):
        raise ValueError("the converter lost texts")
    odd = [number for number, text in enumerate(after) if len(text) != len(before[number])]
    signs = sorted({sign for number in odd for sign in before[number]})
    table = dict(zip(signs, convert(signs), strict=True)) if signs else {}
    result = bytearray(data)
    for number, (at, length) in enumerate(places):
        text = after[number]
        if len(text) != len(before[number]):
            text = "".join(
                table[sign] if len(table[sign]) == 1 else sign for sign in before[number]
            )
        new = text.encode("utf-16-be")
        if len(new) == length:
            result[at : at + length] = new
    for section, at, length in sections(data):
        if section == LANGUAGE and data[at : at + length] == "zh_TW".encode("utf-16-be"):
            result[at : at + length] = "zh_CN".encode("utf-16-be")
    return bytes(result), len(places)


def opencc(before: list[str]) -> list[str]:
    """Convert texts by the program opencc, all at once; a text may hold line ends.

    Raises:
        OSError: opencc is not there.
        ValueError: it failed.
    """
    mark = "\n\x1e\n"  # stands in no translation
    done = subprocess.run(
        ["/usr/bin/opencc", "--config", "tw2s.json"],
        input=mark.join(before).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ValueError(f"opencc failed: {done.stderr.decode(errors='replace').strip()}")
    parts = done.stdout.decode().split(mark)
    # opencc ends what it prints with a line end of its own.
    if len(parts[-1]) == len(before[-1]) + 1 and parts[-1].endswith("\n"):
        parts[-1] = parts[-1][:-1]
    return parts


def main() -> None:
    """Read, convert, write beside, rename."""
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    src, dest = Path(module.params["src"]), Path(module.params["dest"])
    try:
        new, count = simplified(src.read_bytes(), opencc)
        old = dest.read_bytes() if dest.exists() else b""
        if new != old and not module.check_mode:
            half = dest.with_name(f".{dest.name}.half")
            half.write_bytes(new)
            half.chmod(0o644)
            half.replace(dest)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"{src} could not be converted: {error}")
    module.exit_json(changed=new != old, texts=count)


if __name__ == "__main__":
    main()
