"""The roles' Python under the names it has on a machine, inside Ansible's module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import ansible.module_utils

ROLES = Path(__file__).parents[1] / "roles"


def add_module_utils() -> None:
    """Let ``ansible.module_utils.netspring_…`` be imported, as Ansible itself lets a module."""
    for folder in sorted(ROLES.glob("*/module_utils")):
        if str(folder) not in ansible.module_utils.__path__:
            ansible.module_utils.__path__.append(str(folder))


def load_module(role: str, name: str) -> ModuleType:
    """A module of a role, loaded but not run."""
    path = ROLES / role / "library" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{role}_{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
