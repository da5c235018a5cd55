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
    "/root/.ssh/id_*",
    "/home/*/.ssh/id_*",
    "/root/.ansible_async",
    "/var/log/netspring*",
    "/etc/apt/sources.list.d/netspring*",
)
# In the folders for what is temporary.
TEMPORARY = tuple(
    f"{folder}/{name}"
    for folder in ("tmp", "var/tmp")
    for name in ("netspring*", ".ansible*", "ansible*")
)
# In the homes of root and of the teacher: typed by a technician. What a child types is its own.
HISTORIES = (
    ".bash_history",
    ".ash_history",
    ".sh_history",
    ".python_history",
    ".lesshst",
    ".viminfo",
)
KEY_FILES = ("root/.ssh/authorized_keys*", "home/*/.ssh/authorized_keys*")
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
        "traces": _traces(root),
        "logs": _logs(root),
        "keys": _keys(root),
        "archives": [path.name for path in archives],
        "lists": [path.name for path in lists],
        "proxies": _proxies([below("/etc/apt/apt.conf"), *_files(below("/etc/apt/apt.conf.d"))]),
        "settings": [str(path.relative_to(below("/etc/netspring"))) for path in settings],
        "secrets": _secrets(
            settings, [*_files(below("/root")), *_files(below("/root/.ssh"))], token_sha256
        ),
    }


def _traces(root: Path) -> list[str]:
    """Files and folders by the patterns above, and what somebody typed."""
    patterns = [pattern.lstrip("/") for pattern in TRACES]
    patterns += TEMPORARY
    patterns += [f"{home}/{name}" for home in ("root", "home/teacher") for name in HISTORIES]
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return ["/" + str(path.relative_to(root)) for path in sorted(found)]


def _logs(root: Path) -> list[str]:
    """Logs with something in them that were written before this PC was installed: by the build."""
    machine = root / "etc/netspring/machine.json"
    if not machine.is_file():
        return []
    installed = machine.stat().st_mtime
    return [
        "/" + str(path.relative_to(root))
        for path in sorted((root / "var/log").rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and path.stat().st_size
        and path.stat().st_mtime < installed
    ]


def _keys(root: Path) -> list[dict[str, str]]:
    """Who may log in by key: each line of each list, kind and key without its comment."""
    found = []
    for pattern in KEY_FILES:
        for path in sorted(root.glob(pattern)):
            for line in path.read_text(errors="replace").splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    where = "/" + str(path.relative_to(root))
                    found.append({"path": where, "key": _bare(line)})
    return found


def _bare(line: str) -> str:
    """Kind and key of a line of authorized_keys(5); the line itself if it has options before."""
    words = line.split()
    return " ".join(words[:2]) if words[0].startswith(("ssh-", "ecdsa-", "sk-")) else line.strip()


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
