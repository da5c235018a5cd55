"""Goes through a room's folder and refuses it, with file and line, when anything is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.inventory import detect_range, expand_hostname_range

from netspring_provision.errors import UsageError
from netspring_provision.room import rules
from netspring_provision.room.document import Document, Problem, read

HOSTS = ("hosts.yml", "hosts.yaml")
# Ansible reads variables from these, and no inventory from the second kind.
_VARIABLE_SUFFIXES = ("", ".yml", ".yaml", ".json")
_IGNORED_SUFFIXES = (".md", ".txt", ".rst", ".bak", ".orig", ".swp", ".retry")
# What tells two machines apart must not be the same for two of them.
_UNIQUE = ("netspring_asset_tag", "netspring_uuid", "netspring_mac", "netspring_hostname")
_SHOWN = 20


@dataclass(frozen=True)
class _Names:
    """Machines and groups of ``hosts.yml``, and ranges that cannot be worked out."""

    hosts: frozenset[str]
    groups: frozenset[str]
    problems: tuple[Problem, ...]


def validate_room(path: Path) -> None:
    """Check every file of a room.

    Args:
        path: the room's folder, or its ``hosts.yml``.

    Raises:
        UsageError: something is wrong; the message names each file and line, the hint the
            allowed keys.
    """
    found = list(room_problems(path))
    if not found:
        return
    lines = [str(problem) for problem in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more")
    hints = dict.fromkeys(problem.hint for problem in found[:_SHOWN] if problem.hint)
    raise UsageError("\n".join(lines), hint="\n     ".join(hints) or None)


def room_problems(path: Path) -> Iterator[Problem]:
    """All that is wrong with a room, file by file."""
    folder = path if path.is_dir() else path.parent
    hosts_file = _hosts_file(path)
    if isinstance(hosts_file, Problem):
        yield hosts_file
        return
    document = read(hosts_file)
    yield from _checked(document, "inventory")
    if path.is_dir():
        yield from _strangers(folder, hosts_file)
    if not isinstance(document.data, dict):
        return
    names = _names(document)
    yield from names.problems
    if names.problems:
        return
    identities = list(_identities_of_hosts(document))
    for kind, known in (("group_vars", names.groups), ("host_vars", names.hosts)):
        for file, owner in _variable_files(folder / kind):
            if isinstance(owner, Problem):
                yield owner
                continue
            if owner not in known:
                what = "group" if kind == "group_vars" else "machine"
                hint = f"{hosts_file.name} has: {', '.join(sorted(known))}"
                yield Problem(file, 0, f"there is no {what} {owner} in {hosts_file.name}", hint)
            variables = read(file)
            if variables.data is None and not variables.problems:
                continue
            yield from _checked(variables, "variables")
            if kind == "host_vars" and isinstance(variables.data, dict):
                identities += _identities(variables, owner, variables.data, ())
    yield from _doubles(identities)


def _hosts_file(path: Path) -> Path | Problem:
    hint = "a room is a folder with hosts.yml; make one: netspring room new NAME --profile lite"
    if path.is_file():
        if path.suffix in (".yml", ".yaml"):
            return path
        return Problem(path, 0, "not a YAML inventory", hint)
    present = [path / name for name in HOSTS if (path / name).is_file()]
    if len(present) == 1:
        return present[0]
    text = "both hosts.yml and hosts.yaml are there" if present else "hosts.yml is missing"
    return Problem(path, 0, text, hint)


def _checked(document: Document, definition: rules.Definition) -> list[Problem]:
    found = list(document.problems)
    if document.data is not None:
        found += rules.problems(document, definition)
    elif not found:
        found.append(Problem(document.file, 1, "the file is empty"))
    return sorted(found, key=lambda problem: problem.line)


def _strangers(folder: Path, hosts_file: Path) -> Iterator[Problem]:
    """Files that Ansible would read as one more inventory, unchecked."""
    for entry in sorted(folder.iterdir()):
        known = entry == hosts_file or entry.name in ("group_vars", "host_vars")
        ignored = entry.name.startswith(".") or entry.name.endswith(("~", *_IGNORED_SUFFIXES))
        if not known and not ignored:
            hint = "a room has hosts.yml, group_vars/, host_vars/ and README.md: move it elsewhere"
            yield Problem(entry, 0, "not a file of a room; Ansible would read machines in it", hint)


def _names(document: Document) -> _Names:
    hosts: set[str] = set()
    groups = {"all", "ungrouped"}
    bad: list[Problem] = []
    for where, name, group in _groups(document.data, ()):
        groups.add(name)
        for pattern in group.get("hosts") or {}:
            try:
                hosts.update(_expanded(pattern))
            except (AnsibleError, ValueError):
                line = document.line((*where, "hosts", pattern))
                text = f"{pattern!r} is not a range of machines"
                bad.append(Problem(document.file, line, text, "such as pc-[01:30]"))
    return _Names(frozenset(hosts), frozenset(groups), tuple(bad))


def _expanded(pattern: str) -> list[str]:
    """``pc-[01:03]`` is three machines.

    Raises:
        AnsibleError, ValueError: the range is none, or names nobody.
    """
    if not detect_range(pattern):
        return [pattern]
    hosts: list[str] = expand_hostname_range(pattern)
    if not hosts:
        raise ValueError(pattern)
    return hosts


def _groups(
    data: object, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, Mapping[str, dict[str, object]]]]:
    """Every group with its place in the file, also those inside groups."""
    if not isinstance(data, dict):
        return
    for name, group in data.items():
        yield (*where, name), name, group if _is_group(group) else {}
        if _is_group(group):
            yield from _groups(group.get("children"), (*where, name, "children"))


def _is_group(group: object) -> bool:
    return isinstance(group, dict) and all(
        isinstance(group.get(part), dict | None) for part in ("hosts", "vars", "children")
    )


def _variable_files(folder: Path) -> Iterator[tuple[Path, str | Problem]]:
    """Files of ``group_vars`` or ``host_vars`` with the group or machine they are for."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        inside = sorted(p for p in entry.rglob("*") if p.is_file()) if entry.is_dir() else [entry]
        for file in inside:
            if any(part.startswith(".") for part in file.relative_to(folder).parts):
                continue
            if file.name.endswith(("~", *_IGNORED_SUFFIXES)):
                continue
            if file.suffix not in _VARIABLE_SUFFIXES:
                problem = Problem(file, 0, "Ansible does not read it", "name it NAME.yml")
                yield file, problem
                continue
            yield file, entry.name if entry.is_dir() else entry.stem
            # An entry's stem is its owner: names of machines and groups hold no dot.


_Identity = tuple[str, str, str, Path, int]


def _identities_of_hosts(document: Document) -> Iterator[_Identity]:
    for where, _, group in _groups(document.data, ()):
        for pattern, variables in (group.get("hosts") or {}).items():
            if isinstance(variables, dict):
                for host in _expanded(pattern):
                    yield from _identities(document, host, variables, (*where, "hosts", pattern))


def _identities(
    document: Document, host: str, variables: Mapping[str, object], where: tuple[str, ...]
) -> Iterator[_Identity]:
    for key in _UNIQUE:
        value = variables.get(key)
        if isinstance(value, str):
            yield key, value.lower(), host, document.file, document.line((*where, key))


def _doubles(identities: list[_Identity]) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for key, value, host, file, line in identities:
        first = owners.setdefault((key, value), host)
        if first != host:
            yield Problem(file, line, f"{key} {value} of {host} is that of {first} too")
