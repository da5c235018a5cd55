"""The inputs of an image and their hash: same hash, nothing to build."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from netspring_provision import content
from netspring_provision.image.profiles import Profile

BASE_PACKAGES = ("python3-apt",)
_NAMESPACE = uuid.UUID("0f0c2a53-6a4e-4f0a-9d0c-6b2b7e1d5a11")
_NOT_INPUT = {"README.md", "argument_specs.yml"}


@dataclass(frozen=True)
class Inputs:
    """Everything that decides what is in an image.

    Attributes:
        profile: what it contains.
        locale: language, e.g. ``zh_CN``.
        suite: Debian release.
        mirror: folder that holds ``dists/``.
        sources: hash of the roles, the playbook and the building code.
    """

    profile: Profile
    locale: str
    suite: str
    mirror: str
    sources: str

    @property
    def sha256(self) -> str:
        """Hash of all inputs, 64 hexadecimal digits."""
        return _hash(
            {
                "profile": self.profile.name,
                "roles": self.profile.roles,
                "variables": dict(self.profile.variables),
                "disk": self.profile.minimum_disk_bytes,
                "memory": self.profile.minimum_memory_bytes,
                "locale": self.locale,
                "suite": self.suite,
                "mirror": self.mirror,
                "sources": self.sources,
            }
        )

    @property
    def base_sha256(self) -> str:
        """Hash of what decides the base layer, which all profiles share."""
        return _hash({"suite": self.suite, "mirror": self.mirror, "packages": BASE_PACKAGES})

    @property
    def stem(self) -> str:
        """Name without hash, e.g. ``lite-zh_CN``: one room's images of different days."""
        return f"{self.profile.name}-{self.locale}"

    @property
    def name(self) -> str:
        """Name of the image, e.g. ``lite-zh_CN-1a2b3c4d``."""
        return f"{self.stem}-{self.sha256[:8]}"

    @property
    def uuid(self) -> uuid.UUID:
        """UUID of the image's filesystem; every PC gets its own when it is installed."""
        return uuid.uuid5(_NAMESPACE, self.sha256)


def sources_sha256(profile: Profile) -> str:
    """Hash of the profile's roles, those they depend on, the playbook and the code that builds."""
    root = content.root()
    package = Path(__file__).resolve().parent
    files = [(f"image/{path.name}", path) for path in package.glob("*.py")]
    files.append(("playbook", content.playbook("build_image")))
    for role in _with_dependencies(root / "roles", profile.roles):
        files += [
            (str(path.relative_to(root)), path)
            for path in (root / "roles" / role).rglob("*")
            if path.is_file() and path.suffix != ".pyc" and path.name not in _NOT_INPUT
        ]
    digest = hashlib.sha256()
    for name, path in sorted(files):
        mode = "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(f"{name}\0{mode}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _with_dependencies(folder: Path, roles: Iterable[str]) -> tuple[str, ...]:
    """The roles and, from their ``meta/main.yml``, all that they bring along."""
    found: dict[str, None] = {}
    waiting = list(roles)
    while waiting:
        role = waiting.pop()
        if role not in found:
            found[role] = None
            meta = yaml.safe_load((folder / role / "meta/main.yml").read_text("utf-8"))
            waiting += [entry["role"] for entry in meta["dependencies"]]
    return tuple(found)


def _hash(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
