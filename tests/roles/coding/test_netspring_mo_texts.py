"""Texts of a gettext file are replaced one by one, and gettext reads the result."""

from __future__ import annotations

import gettext
import io
import struct

import pytest

from tests.on_target import load_module

module = load_module("coding", "netspring_mo_texts")
HEADER = (b"", b"Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=1; plural=0;\n")
PAIRS = [
    HEADER,
    (b"You translate the 'Clear' COMMAND\x04clear", "晴朗".encode()),
    (b"You translate the 'Wait' COMMAND\x04wait", b"wait"),
    (b"a button\x04clear", "清除".encode()),
    (b"%n file\0%n files", "%n 个文件".encode()),
]


def catalogue(data: bytes) -> gettext.GNUTranslations:
    return gettext.GNUTranslations(io.BytesIO(data))


def test_a_command_is_replaced_and_what_only_looks_like_it_stays() -> None:
    pairs, changed = module.replaced(PAIRS, {"clear": "清空", "wait": "等待"}, "COMMAND")
    assert changed == ["clear", "wait"]
    found = catalogue(module.written(pairs))
    assert found.pgettext("You translate the 'Clear' COMMAND", "clear") == "清空"
    assert found.pgettext("You translate the 'Wait' COMMAND", "wait") == "等待"
    assert found.pgettext("a button", "clear") == "清除"
    assert found.ngettext("%n file", "%n files", 3) == "%n 个文件"


def test_a_second_time_changes_nothing() -> None:
    pairs, _ = module.replaced(PAIRS, {"clear": "清空"}, "COMMAND")
    again = module.read(module.written(pairs))
    assert sorted(again) == sorted(pairs)
    assert module.replaced(again, {"clear": "清空"}, "COMMAND")[1] == []


def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(ValueError, match="has no jump, swim"):
        module.replaced(PAIRS, {"clear": "清空", "swim": "x", "jump": "y"}, "COMMAND")


def test_the_other_byte_order_is_read_too() -> None:
    big = struct.pack(">7I", 0x950412DE, 0, 1, 28, 36, 0, 44)
    big += struct.pack(">2I", 1, 44) + struct.pack(">2I", 1, 46) + b"a\0b\0"
    assert module.read(big) == [(b"a", b"b")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xde\x12\x04\x95", "cut short"),
        (b"GIF89a" + bytes(40), "not a gettext"),
        (module.written(PAIRS)[:60], "cut short"),
        (module.written(PAIRS)[:-9], "cut short"),
    ],
    ids=["head", "other", "table", "text"],
)
def test_a_broken_file_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        module.read(data)
