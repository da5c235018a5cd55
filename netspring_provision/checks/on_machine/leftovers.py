"""What a half-finished provisioning would leave behind on a machine."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

# Tools that build a root filesystem in a chroot leave these when they are cut short.
TRACES = (
    "/usr/sbin/policy-rc.d",
    "/sbin/start-stop-daemon.REAL",
    "/sbin/initctl.REAL",
    "/debootstrap",
    "/.dockerenv",
    "/run/netspring-live",
    "/etc/apt/apt.conf.d/99mmdebstrap",
    "/etc/apt/apt.conf.d/00mmdebstrap",
    "/root/.ansible",
    "/root/.bash_history",
    "/root/.ssh/id_ed25519",
    "/root/.ssh/id_rsa",
)
SECRET_NAME = re.compile(r"(token|secret|passw|private)", re.IGNORECASE)
LIMIT_BYTES = 1 << 20


def find(token_sha256: str | None, root: Path = Path("/")) -> dict[str, Any]:
    """Leftovers under ``root``.

    Args:
        token_sha256: digest of the live environment's token, which must not be on a machine.
        root: top of the tree to look at.
    """

    def below(path: str) -> Path:
        return root / path.lstrip("/")

    archives = sorted(below("/var/cache/apt/archives").glob("*.deb"))
    lists = [
        path
        for path in sorted(below("/var/lib/apt/lists").glob("*_*"))
        if path.is_file() and path.stat().st_size
    ]
    settings = [path for path in sorted(below("/etc/netspring").rglob("*")) if path.is_file()]
    return {
        "traces": [path for path in TRACES if below(path).exists()],
        "archives": [path.name for path in archives],
        "lists": [path.name for path in lists],
        "proxies": _proxies([below("/etc/apt/apt.conf"), *_files(below("/etc/apt/apt.conf.d"))]),
        "settings": [str(path.relative_to(below("/etc/netspring"))) for path in settings],
        "secrets": _secrets(
            settings, [*_files(below("/root")), *_files(below("/root/.ssh"))], token_sha256
        ),
    }


def _files(folder: Path) -> list[Path]:
    """The files of a folder, without the folders in it."""
    return sorted(path for path in folder.glob("*") if path.is_file() and not path.is_symlink())


def _proxies(paths: list[Path]) -> list[str]:
    pattern = re.compile(r"Acquire::\w+::Proxy", re.IGNORECASE)
    found = []
    for path in paths:
        if path.is_file() and pattern.search(path.read_text(errors="replace")):
            found.append(path.name)
    return found


def _secrets(ours: list[Path], others: list[Path], token_sha256: str | None) -> list[str]:
    """Files with a private key or the token in them; among ours also by their names."""
    found = []
    for path in (*ours, *others):
        if path.stat().st_size > LIMIT_BYTES:  # a secret of ours is a small file
            continue
        content = path.read_text(errors="replace")
        words = re.findall(r"\b[0-9a-f]{64}\b", content)
        if (
            "PRIVATE KEY-----" in content
            or (path in ours and SECRET_NAME.search(path.name))
            or any(hashlib.sha256(word.encode()).hexdigest() == token_sha256 for word in words)
        ):
            found.append(str(path))
    return found
