"""The base layer: a bare Debian that all profiles start from, kept between builds."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from netspring_provision import durable, mirror
from netspring_provision.config import Station
from netspring_provision.errors import StationError
from netspring_provision.image import command, workspace
from netspring_provision.image.inputs import BASE_PACKAGES, Inputs

_LISTS = "var/lib/apt/lists"
ARCHIVES = "var/cache/apt/archives"
_FILE_MIRRORS = "/usr/share/mmdebstrap/hooks/file-mirror-automount"
# A base older than this is made anew when the mirror answers: it may have security updates.
_FRESH_SECONDS = 20 * 3600


def archive(station: Station, inputs: Inputs) -> Path:
    """Where the base layer of these inputs is kept."""
    return workspace.folder(station) / f"base-{inputs.base_sha256[:12]}.tar"


def argv(
    target: Path, lines: tuple[str, ...], suite: str, apt: tuple[str, ...], lend: str, keep: str
) -> list[str]:
    """The mmdebstrap command (pure).

    Args:
        target: tar file to write.
        lines: ``deb`` lines.
        suite: Debian release.
        apt: apt.conf lines of the station.
        lend: shell command that shows the kept packages to the new tree, named ``$1``.
        keep: shell command that keeps what it downloaded.
    """
    options = (
        *apt,
        'Acquire::Languages "none"',
        'APT::Install-Recommends "false"',
    )
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=tar",
        f"--include={','.join(BASE_PACKAGES)}",
        *(f"--aptopt={option}" for option in options),
        *(
            f"--dpkgopt={option}"
            for option in ("force-unsafe-io", "force-confdef", "force-confold")
        ),
        *("--skip=download/empty", "--skip=essential/unlink"),
        *("--skip=cleanup/apt/lists", "--skip=cleanup/apt/cache"),
        *([f"--hook-dir={_FILE_MIRRORS}"] if folders_of_mirror(*lines) else []),
        f"--setup-hook={lend}",
        f"--customize-hook={keep}",
        suite,
        str(target),
        *lines,
    ]


def folders_of_mirror(*lines: str) -> list[Path]:
    """Folders of mirrors that lie on this station, from URIs or ``deb`` lines (pure)."""
    uris = (urlsplit(word) for line in lines for word in line.split() if ":/" in word)
    return sorted({Path(uri.path) for uri in uris if uri.scheme in ("file", "copy")})


def ensure(station: Station, inputs: Inputs, work: Path, chosen: str | None, anew: bool) -> bool:
    """Make the base layer if it is not there; returns whether it was made.

    Args:
        station: whose cache.
        inputs: of the image.
        work: folder for temporary things.
        chosen: mirror named by hand.
        anew: make it even though it is there.

    Raises:
        StationError: no mmdebstrap, no mirror, no space.
    """
    target = archive(station, inputs)
    have = target.is_file()
    if have and not anew and time.time() - target.stat().st_mtime < _FRESH_SECONDS:
        return False
    try:
        lines = mirror.sources(inputs.suite, chosen)
    except StationError:
        if have and not anew:
            return False  # go on from what is cached; packages that are lacking will be named
        raise
    half = work / "base.tar"
    hook = f"{shlex.quote(sys.executable)} -m netspring_provision.image.debs"
    home = shlex.quote(str(station.home))
    env = command.environment() | {"TMPDIR": str(work), "PYTHONPATH": os.pathsep.join(sys.path)}
    command.run(
        argv(
            half,
            lines,
            inputs.suite,
            mirror.apt_options(),
            f'{hook} lend {home} "$1/{ARCHIVES}"',
            f'{hook} keep {home} "$1/{ARCHIVES}"',
        ),
        env,
        "mmdebstrap",
    )
    durable.sync(half)
    half.replace(target)
    return True


def unpack(station: Station, inputs: Inputs, root: Path) -> None:
    """Lay the base layer out as the tree that the roles are applied to."""
    root.mkdir(mode=0o755)
    command.run(
        [
            *("tar", "-C", str(root), "-xpf", str(archive(station, inputs))),
            *("--numeric-owner", "--xattrs", "--xattrs-include=*"),
        ],
        command.environment(),
        "tar",
    )
    (root / ARCHIVES).mkdir(parents=True, exist_ok=True)
    workspace.lend_debs(station, root / ARCHIVES)


def epoch(root: Path) -> int:
    """When the packages are from: the youngest date of the mirror's lists, seconds since 1970.

    It is the date of everything that the build makes (reproducible-builds.org, SOURCE_DATE_EPOCH).
    """
    dates = [
        int(parsedate_to_datetime(match[1]).timestamp())
        for path in [*(root / _LISTS).glob("*_InRelease"), *(root / _LISTS).glob("*_Release")]
        if (match := re.search(r"^Date: (.+)$", path.read_text("utf-8", "replace"), re.MULTILINE))
    ]
    if not dates:
        raise command.explain("mmdebstrap", "the base layer has no package lists")
    return max(dates)
