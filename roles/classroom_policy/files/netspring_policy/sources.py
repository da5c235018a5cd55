"""Where a PC gets its updates: the room's mirror, or Debian's own servers. Nothing is run here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Debian's own list of its servers (python-apt-common, which unattended-upgrades needs); so no
# address is written here, and an update of that package may change it.
DEBIAN = "usr/share/python-apt/templates/debian.info"
COMPONENTS = "main non-free-firmware"
_ENTRY = re.compile(r"^(?P<key>[A-Za-z-]+):\s*(?P<value>.*)$")


class SourcesError(Exception):
    """It is not known where to ask."""


@dataclass(frozen=True)
class Mirrors:
    """Where packages come from.

    Attributes:
        archive: folder that holds ``dists/trixie``; empty is Debian's own.
        security: the same for ``dists/trixie-security``; empty is Debian's own, or none where the
            room has a mirror of the archive only.
    """

    archive: str = ""
    security: str = ""


def lines(mirrors: Mirrors, codename: str, template: str) -> list[str]:
    """Sources for apt (sources.list(5)).

    Args:
        mirrors: of the room.
        codename: of the Debian release on this PC.
        template: text of Debian's own list.

    Raises:
        SourcesError: neither the room nor Debian's list names a server.
    """
    if mirrors.archive or mirrors.security:
        archive, security = mirrors.archive, mirrors.security
    else:
        own = debian(template)
        archive, security = own.get("{series}", ""), own.get("{series}-security", "")
    found = []
    if archive:
        found.append(f"deb {archive.rstrip('/')} {codename} {COMPONENTS}")
    if security:
        found.append(f"deb {security.rstrip('/')} {codename}-security {COMPONENTS}")
    if not found:
        raise SourcesError("no server for updates is known: reinstall python-apt-common")
    return found


def debian(template: str) -> dict[str, str]:
    """Address by suite, of the newest entry for each; the list has the newest release first."""
    found: dict[str, str] = {}
    suite = ""
    for line in template.splitlines():
        entry = _ENTRY.match(line)
        if entry is None:
            continue
        if entry["key"] == "Suite":
            suite = entry["value"].strip()
        elif entry["key"] == "BaseURI" and suite:
            found.setdefault(suite, entry["value"].strip())
    return found


def codename(os_release: str) -> str:
    """Name of the Debian release (os-release(5)).

    Raises:
        SourcesError: the file does not say it.
    """
    for line in os_release.splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME" and value.strip("\"' "):
            return value.strip("\"' ")
    raise SourcesError("/etc/os-release does not say which Debian this is")


def apt_conf(folder: Path) -> str:
    """Settings of apt for one run: its sources, lists and packages lie below ``folder`` only."""
    return f"""Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "{folder}/lists";
Dir::Cache::Archives "{folder}/archives";
Dir::Cache::PkgCache "";
Dir::Cache::SrcPkgCache "";
APT::Update::Error-Mode "any";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Acquire::Languages "none";
APT::Install-Recommends "false";
Dpkg::Options {{ "--force-confdef"; "--force-confold"; }};
Unattended-Upgrade::MinimalSteps "true";
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
"""
