"""docs/interlocks.md is true: what it names exists, is called in that order, and is tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/interlocks.md").read_text()
ERASE = "roles/disk_wipe/module_utils/netspring_erase"
NAMES = sorted(set(re.findall(r"`([\w./]+\.py)::(\w+)`", DOC)))


def function(path: str, name: str) -> ast.FunctionDef:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise AssertionError(f"{path} has no function {name}")


def calls(path: str, name: str) -> list[str]:
    """What a function calls, from top to bottom, such as ``guard.plan_fault``."""
    found = [
        (node.lineno, node.col_offset, ast.unparse(node.func))
        for node in ast.walk(function(path, name))
        if isinstance(node, ast.Call)
    ]
    return [called for _, _, called in sorted(found)]


def in_order(names: list[str], *wanted: str) -> bool:
    """Whether the wanted calls are made one after the other."""
    rest = iter(names)
    return all(any(name == want for name in rest) for want in wanted)


def test_the_document_names_many() -> None:
    assert len(NAMES) > 30


@pytest.mark.parametrize(("path", "name"), NAMES, ids=lambda part: str(part).rpartition("/")[2])
def test_what_is_named_exists(path: str, name: str) -> None:
    function(path, name)


def test_every_case_is_listed() -> None:
    tree = ast.parse((ROOT / "tests/loop/test_interlocks.py").read_text())
    (cases,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CASES"
    ]
    assert isinstance(cases, ast.Dict)
    names = [ast.literal_eval(key) for key in cases.keys if key]
    assert len(names) > 25
    assert [name for name in names if f"`{name}`" not in DOC] == []


@pytest.mark.parametrize(
    ("path", "name", "wanted"),
    [
        (
            f"{ERASE}/launch.py",
            "start",
            ("guard.plan_fault", "guard.machine_refusal", "guard.identity_refusal", "starter"),
        ),
        (
            f"{ERASE}/disk.py",
            "_checked",
            ("guard.machine_refusal", "guard.identity_refusal", "probe.uses", "guard.disk_refusal"),
        ),
        (
            f"{ERASE}/disk.py",
            "_erase",
            (
                "_checked",
                "opening.exclusive",
                "opening.still_the_same",
                "firmware.first_that_works",  # plants the canaries
                "overwrite.overwrite",
            ),
        ),
        (
            "netspring_provision/cli/wipe.py",
            "command",
            ("consent.read", "consent.check_phrase", "wipe_machines"),
        ),
        (
            "netspring_provision/steps/wipe.py",
            "wipe_machines",
            ("consent.check_phrase", "_set_aside", "journal.begin", "_first", "journal.end"),
        ),
        (
            "netspring_provision/steps/wipe.py",
            "_set_aside",
            ("_check_not_overtaken", "consent.check_fresh", "ask_who_they_are"),
        ),
        (
            "netspring_provision/plan.py",
            "make_plan",
            ("_machine_refusal", "_serial_refusal", "_plan_machine"),
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_the_production_path_asks_before_it_acts(
    path: str, name: str, wanted: tuple[str, ...]
) -> None:
    found = calls(path, name)
    assert in_order(found, *wanted), found


def test_production_asks_the_kernel_and_nobody_else() -> None:
    """What tests answer in the kernel's place cannot be handed in from outside."""
    module = function("roles/disk_wipe/library/netspring_wipe.py", "main")
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("launch."):
            assert {word.arg for word in node.keywords} <= {"may_begin", "hold"}
            assert len(node.args) <= 3
    job = (ROOT / ERASE / "job.py").read_text()
    assert job.rstrip().endswith("sys.exit(run(Path(sys.argv[1])))")
    for path in (ROOT / ERASE).glob("*.py"):
        text = path.read_text()
        assert "os.environ" not in text, f"{path.name} is steered by its environment"
        assert "getenv" not in text, f"{path.name} is steered by its environment"


def test_no_word_of_the_guard_is_cut_short() -> None:
    """Every interlock of the guard can say no and can say yes, and says yes only at its end."""
    for name in ("plan_fault", "machine_refusal", "identity_refusal", "disk_refusal"):
        body = function(f"{ERASE}/guard.py", name).body
        returns = [
            n for statement in body for n in ast.walk(statement) if isinstance(n, ast.Return)
        ]
        silent = [n for n in returns if n.value is None or ast.unparse(n.value) == "None"]
        assert len(returns) > 2, name
        assert [n.lineno for n in silent] == [body[-1].lineno], name
