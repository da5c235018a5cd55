"""One-way imports: who may know Click, ansible-runner and Fabric, and that nothing reaches up."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import netspring_provision

PACKAGE = Path(netspring_provision.__file__).parent
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "_content" not in p.parts)


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, also inside functions and by ``importlib``."""
    package = ("netspring_provision", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            yield ast.unparse(node.args[0]).strip("'\"f")


def inside(name: str, *owners: str) -> bool:
    return any(name == owner or name.startswith(f"{owner}.") for owner in owners)


def offenders(modules: tuple[str, ...], allowed: tuple[str, ...]) -> list[str]:
    found = []
    for path in MODULES:
        where = path.relative_to(PACKAGE).as_posix()
        if any(where == a or (a.endswith("/") and where.startswith(a)) for a in allowed):
            continue
        found += [f"{where} imports {name}" for name in imported(path) if inside(name, *modules)]
    return found


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        pytest.param(("click",), ("cli/",), id="click only in cli"),
        pytest.param(("ansible_runner",), ("runner.py",), id="ansible_runner only in runner.py"),
        pytest.param(("fabric", "paramiko", "invoke"), ("ssh.py",), id="fabric only in ssh.py"),
        pytest.param(
            ("netspring_provision.cli",), ("cli/", "__main__.py"), id="nothing imports the cli"
        ),
    ],
)
def test_only_the_owner_imports(modules: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    assert offenders(modules, allowed) == []


def test_the_look_finds_what_it_must() -> None:
    assert "click" in set(imported(PACKAGE / "cli" / "__init__.py"))
    assert any(
        inside(name, "netspring_provision.cli") for name in imported(PACKAGE / "__main__.py")
    )
    assert len(MODULES) > 5


def test_a_module_of_a_role_imports_nothing_that_a_machine_lacks() -> None:
    roles = PACKAGE.parent / "roles"
    third_party = ("netspring_provision", "yaml", "jinja2", "click", "rich")
    found = [
        f"{path.relative_to(roles)} imports {name}"
        for path in sorted(roles.glob("*/library/*.py"))
        for name in imported_plain(path)
        if inside(name, *third_party)
    ]
    assert found == []


def imported_plain(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
