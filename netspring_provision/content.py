"""Finds the playbooks, roles and inventories that belong to this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from netspring_provision.errors import StationError


@cache
def root() -> Path:
    """Folder that holds ``playbooks/``, ``roles/`` and ``ansible.cfg``.

    In a wheel that is ``_content`` beside this file, in a clone the repository itself.

    Raises:
        StationError: neither place holds the playbooks; the installation is broken.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_content", package.parent):
        if (candidate / "playbooks").is_dir() and (candidate / "roles").is_dir():
            return candidate
    raise StationError(
        f"the playbooks of this installation are missing beside {package}",
        hint="install the package again: pip install --force-reinstall netspring-provision",
    )


def playbook(name: str) -> Path:
    """Path of ``playbooks/<name>.yml``; raises StationError if it is not there."""
    path = root() / "playbooks" / f"{name}.yml"
    if not path.is_file():
        raise StationError(f"playbook {path} is missing", hint="install the package again")
    return path
