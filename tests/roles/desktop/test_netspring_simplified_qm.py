"""A Qt translation is changed text by text, and nothing else in it."""

import pytest

from tests.on_target import load_module

module = load_module("desktop", "netspring_simplified_qm")
TABLE = {"畫": "画", "學": "学", "習": "习", "軟": "软", "體": "体"}


def block(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + len(data).to_bytes(4, "big") + data


def message(*translations: str, source: bytes = b"Draw") -> bytes:
    parts = [block(module.TRANSLATION, text.encode("utf-16-be")) for text in translations]
    return b"".join(parts) + block(module.SOURCE, source) + block(module.CONTEXT, b"M") + b"\x01"


def qm(messages: bytes, language: str = "zh_TW") -> bytes:
    return (
        module.MAGIC
        + block(module.LANGUAGE, language.encode("utf-16-be"))
        + block(0x42, b"\x00\x01\x02\x03\x00\x00\x00\x00")  # hashes and offsets
        + block(module.MESSAGES, messages)
        + block(0x88, b"\x01")
    )


def by_table(texts: list[str]) -> list[str]:
    return ["".join(TABLE.get(sign, sign) for sign in text) for text in texts]


def test_every_text_is_changed_and_every_offset_stays() -> None:
    before = qm(message("畫畫") + message("學習", "學習們", source=b"Learn %n"))
    after, count = module.simplified(before, by_table)
    assert count == 3
    assert after == qm(
        message("画画") + message("学习", "学习們", source=b"Learn %n"), language="zh_CN"
    )
    assert len(after) == len(before)


def test_a_text_that_would_change_its_length_is_changed_sign_by_sign() -> None:
    def wordy(texts: list[str]) -> list[str]:
        return ["软件程序" if text == "軟體" else by_table([text])[0] for text in texts]

    after, _ = module.simplified(qm(message("軟體") + message("畫")), wordy)
    assert after == qm(message("软体") + message("画"), language="zh_CN")


def test_a_text_that_is_not_there_is_passed_over() -> None:
    nothing = bytes([module.TRANSLATION]) + module.NONE.to_bytes(4, "big")
    old_mark = bytes([module.OBSOLETE]) + b"\x00\x00\x00\x00"
    data = qm(nothing + old_mark + message("畫"))
    assert len(list(module.texts(data))) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GIF89a", "not a Qt translation"),
        (qm(message("畫"))[:-3], "cut short"),
        (qm(b"\x63"), "unknown mark"),
        (qm(bytes([3]) + (99).to_bytes(4, "big") + b"x"), "beyond its section"),
    ],
    ids=["other", "short", "mark", "length"],
)
def test_a_broken_file_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        module.simplified(data, by_table)


def test_a_converter_that_loses_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="lost texts"):
        module.simplified(qm(message("畫") + message("學")), lambda texts: texts[:1])
