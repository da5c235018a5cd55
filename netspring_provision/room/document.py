"""Reads one YAML file into plain data and remembers the line of every key and value.

Ansible's own reader takes the last of two equal keys and knows no line of a wrong value; here both
are errors with a line. YAML 1.1 as Ansible reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

# A room of a thousand machines has about 200 KiB. More is another file by mistake.
MAX_BYTES = 1024 * 1024
# Aliases may multiply a small file without end.
MAX_VALUES = 100_000
_PREFIX = "tag:yaml.org,2002:"

Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a room's file.

    Attributes:
        file: the file.
        line: counted from 1; 0 means the file as a whole.
        text: what is wrong, in a few words.
        hint: how to mend it.
    """

    file: Path
    line: int
    text: str
    hint: str | None = None

    def __str__(self) -> str:
        """``file:line: text``, as compilers and editors know it."""
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.text}"


class Template(str):
    """Text that Ansible works out later (``{{ … }}`` or a vault): its type is not known here."""

    __slots__ = ()


@dataclass
class Document:
    """A file's data, the lines, and what is wrong already.

    Attributes:
        file: the file.
        data: mappings, lists, text, numbers, booleans and None.
        keys: line of each key, by its path in the data.
        values: line of each value, by its path in the data.
        problems: duplicate keys, unknown tags and the like.
    """

    file: Path
    data: object = None
    keys: dict[Where, int] = field(default_factory=dict)
    values: dict[Where, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, where: Where) -> int:
        """Line of the key at a path, or of the nearest thing above it that has one."""
        for length in range(len(where), -1, -1):
            for table in (self.keys, self.values):
                if where[:length] in table:
                    return table[where[:length]]
        return 0


def read(file: Path) -> Document:
    """Read a YAML file; whatever is wrong with it as YAML is in ``problems``."""
    document = Document(file)
    try:
        if file.stat().st_size > MAX_BYTES:
            return _broken(document, 0, f"larger than {MAX_BYTES // 1024} KiB")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _broken(document, line, "not UTF-8", "save the file with the encoding UTF-8")
    except OSError as error:
        return _broken(document, 0, f"cannot be read: {error.strerror}")
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                document.data = _Reader(loader, document).value(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        hint = "use spaces, not tabs" if "'\\t'" in said else None
        return _broken(document, mark.line + 1 if mark else 0, f"not valid YAML: {said}", hint)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        return _broken(document, line, f"not valid YAML: {error.reason}")
    except RecursionError:
        return _broken(document, 0, "nested too deeply")
    return document


def _broken(document: Document, line: int, text: str, hint: str | None = None) -> Document:
    document.problems.append(Problem(document.file, line, text, hint))
    return document


class _Reader:
    """Turns nodes into data; one per file."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self.loader = loader
        self.document = document
        self.count = 0

    def value(self, node: yaml.Node, where: Where) -> object:
        """Plain data of a node; remembers its line."""
        self.count += 1
        if self.count > MAX_VALUES:
            raise yaml.MarkedYAMLError(
                problem="too many values (an alias that multiplies itself?)",
                problem_mark=node.start_mark,
            )
        self.document.values[where] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return dict(self.pairs(node, where))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, i)) for i, item in enumerate(node.value)]
        return self.scalar(node)

    def pairs(self, node: yaml.MappingNode, where: Where) -> Iterator[tuple[str, object]]:
        """Keys and values of a mapping; a key that is there twice, or is no text, is a problem."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag in (f"{_PREFIX}merge", f"{_PREFIX}str") and key.value in seen:
                text = f"the key {key.value} is there twice, first in line {seen[key.value]}"
                self.problem(line, text, "Ansible would silently use the last one: delete one")
            if isinstance(key, yaml.ScalarNode):
                seen[key.value] = line
        self.loader.flatten_mapping(node)
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag != f"{_PREFIX}str":
                shown = key.value if isinstance(key, yaml.ScalarNode) else "this key"
                self.problem(line, f"{shown} is not text", f'put it in quotes: "{shown}"')
                continue
            path = (*where, key.value)
            self.document.keys[path] = line
            yield key.value, self.value(value, path)

    def scalar(self, node: yaml.Node) -> object:
        """Text, number, boolean or None."""
        raw = str(node.value)
        if node.tag == "!vault" or ("{{" in raw and node.tag == f"{_PREFIX}str"):
            return Template(raw)
        if node.tag == "!unsafe":
            return raw
        if not node.tag.startswith(_PREFIX):
            self.problem(node.start_mark.line + 1, f"unknown tag {node.tag}", "leave the tag out")
            return raw
        try:
            built: object = self.loader.construct_object(node)
        except ValueError as error:
            self.problem(node.start_mark.line + 1, f"{raw}: {error}", f'use quotes: "{raw}"')
            return raw
        return built

    def problem(self, line: int, text: str, hint: str) -> None:
        """Remember what is wrong and go on: one run shows everything."""
        self.document.problems.append(Problem(self.document.file, line, text, hint))
