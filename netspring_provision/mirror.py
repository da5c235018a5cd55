"""The Debian mirror that this station is set up with: its apt sources and how apt reaches them.

No address of a mirror is written in this project: builds use what the person who set the station
up chose, proxies and certificates included. Formats: sources.list(5), apt.conf(5).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from netspring_provision.errors import StationError

SUITE = "trixie"
COMPONENTS = ("main", "non-free-firmware")

_DEBIAN = "bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable"
_PLAIN_SUITE = re.compile(rf"(?:{_DEBIAN})(?:-updates|-backports|-proposed-updates)?/?")
_SECURITY_SUITE = re.compile(rf"(?:{_DEBIAN})-security/?|(?:{_DEBIAN})/updates/?")
_CARRIED = ("Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::Check-")
_APT_HELPER = Path("/usr/lib/apt/apt-helper")
_HINT = "name a Debian mirror yourself: --mirror URL (the folder that holds dists/ and pool/)"


@dataclass(frozen=True)
class Source:
    """One place that apt takes packages from.

    Attributes:
        uri: folder that holds ``dists/``, without a slash at the end.
        suites: names below ``dists/``.
        components: such as ``main``; empty for a flat repository.
        signed_by: path or text of the key it is checked with, "" for apt's common keys.
    """

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def parse_one_line(text: str) -> Iterator[Source]:
    """Binary sources of a ``*.list`` file; lines that are not understood give nothing."""
    for line in text.splitlines():
        match = re.fullmatch(
            r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>\S.*)", line.partition("#")[0]
        )
        if not match:
            continue
        words = match["rest"].split()
        options = dict(
            word.split("=", 1) for word in (match["options"] or "").split() if "=" in word
        )
        if len(words) >= 2:
            signed_by = options.get("signed-by", "")
            yield Source(words[0].rstrip("/"), (words[1],), tuple(words[2:]), signed_by)


def parse_deb822(text: str) -> Iterator[Source]:
    """Enabled binary sources of a ``*.sources`` file."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0].isspace():
                fields[name] = f"{fields.get(name, '')} {line.strip()}".strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "off", "0"):
            continue
        for uri in fields.get("uris", "").split():
            yield Source(
                uri.rstrip("/"),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
            )


def _likeness(source: Source, suite: re.Pattern[str]) -> int:
    """How surely a source is Debian's own archive: 0 is no, more is surer.

    Others' repositories use Debian's suite names too, so a key of another owner rules one out.
    """
    if "main" not in source.components or not any(suite.fullmatch(s) for s in source.suites):
        return 0
    if source.uri.startswith(("cdrom:", "file:/cdrom", "http://localhost/cdrom")):
        return 0
    if source.signed_by:
        return 3 if "debian-archive" in source.signed_by else 0
    return 2 if "debian" in urlsplit(source.uri).path.split("/") else 1


def choose(sources: list[Source], *, security: bool = False) -> str | None:
    """URI of the surest Debian source, the first one of equals; None if there is none."""
    suite = _SECURITY_SUITE if security else _PLAIN_SUITE
    best = max(sources, key=lambda source: _likeness(source, suite), default=None)
    return best.uri if best and _likeness(best, suite) else None


def read_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """All sources below apt's folder, in apt's order; ``mirror+file:`` lists are followed.

    Raises:
        StationError: a file is there and cannot be read.
    """
    found: list[Source] = []
    parts = etc / "sources.list.d"
    files = [etc / "sources.list", *(sorted(parts.iterdir()) if parts.is_dir() else [])]
    try:
        for path in files:
            if path.suffix == ".list" and path.is_file():
                found.extend(parse_one_line(path.read_text()))
            elif path.suffix == ".sources" and path.is_file():
                found.extend(parse_deb822(path.read_text()))
        return [_resolved(source) for source in found]
    except (OSError, UnicodeDecodeError) as error:
        raise StationError(f"cannot read the apt sources below {etc}: {error}", _HINT) from error


def _resolved(source: Source) -> Source:
    """Replace ``mirror+file:LIST`` (Debian's cloud images) by the first address of the list."""
    if not source.uri.startswith("mirror+file:"):
        return source
    listing = Path(urlsplit(source.uri.removeprefix("mirror+")).path)
    for line in listing.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            return Source(words[0].rstrip("/"), source.suites, source.components, source.signed_by)
    return source


def station_mirror(etc: Path = Path("/etc/apt")) -> str:
    """The Debian mirror in the station's own apt configuration.

    Raises:
        StationError: none is configured there.
    """
    uri = choose(read_sources(etc))
    if uri is None:
        raise StationError(f"no Debian mirror is configured below {etc} on this station", _HINT)
    return uri


def security_mirror(mirror: str | None = None, etc: Path = Path("/etc/apt")) -> str | None:
    """Where security updates come from, or None if it cannot be told.

    Args:
        mirror: a mirror named by hand; its neighbour ``…-security`` is meant then, as every
            public mirror has it, and the station's own configuration is not looked at.
        etc: apt's folder.
    """
    if mirror is None:
        return choose(read_sources(etc), security=True)
    base = mirror.rstrip("/")
    return f"{base}-security" if base.endswith("/debian") else None


def parse_apt_config(dump: str) -> tuple[str, ...]:
    """Settings of ``apt-config dump`` that decide how a mirror is reached, as apt.conf lines."""
    return tuple(
        line.strip()
        for line in dump.splitlines()
        if line.startswith(_CARRIED) and not line.rstrip().endswith(' "";')
    )


def apt_options() -> tuple[str, ...]:
    """The station's proxy, certificate and retry settings, one apt.conf line each.

    Raises:
        StationError: apt is not on this station, or its configuration is broken.
    """
    return parse_apt_config(_apt("apt-config", "dump").stdout)


def sources(suite: str = SUITE, mirror: str | None = None) -> tuple[str, ...]:
    """The ``deb`` lines a build of ``suite`` takes its packages from.

    What the station is set up with must answer, so that no build silently lacks its security
    updates. Of a mirror named by hand only the suite itself must be there: one carried to a
    school on a disk may have no ``-updates`` and no ``-security``.

    Raises:
        StationError: no mirror is known, or it cannot be reached (with what apt said).
    """
    base = (mirror or station_mirror()).rstrip("/")
    wanted = [(base, suite), (base, f"{suite}-updates")]
    security = security_mirror(mirror)
    if security:
        wanted.append((security, f"{suite}-security"))
    lines = []
    for uri, name in wanted:
        reason = _unreachable(uri, name)
        if reason is None:
            lines.append(f"deb {uri} {name} {' '.join(COMPONENTS)}")
        elif mirror is None or name == suite:
            raise StationError(
                f"the Debian mirror {uri} does not answer for {name}: {reason}",
                hint="check the network (apt-get update), or name another mirror: --mirror URL",
            )
    return tuple(lines)


def _unreachable(uri: str, suite: str) -> str | None:
    """Ask apt itself for the suite's index; None if it came, else what apt said.

    apt's own helper is asked so that proxies, certificates and odd schemes act as in the build;
    without its sandbox user, who could not write into our folder.
    """
    with tempfile.TemporaryDirectory(prefix="netspring-mirror-") as folder:
        target = Path(folder) / "InRelease"
        url = f"{uri}/dists/{suite}/InRelease"
        done = _apt(
            str(_APT_HELPER),
            *("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"),
            *("-o", "Acquire::https::Timeout=20", "-o", "APT::Sandbox::User=root"),
            *("download-file", url, str(target)),
            check=False,
        )
        if done.returncode == 0 and target.is_file():
            return None
    said = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    return " ".join(said) or f"apt could not fetch {url}"


def _apt(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise StationError(
            f"{argv[0]} is not on this station", hint="build on Debian or a relative of it"
        ) from error
    if check and done.returncode != 0:
        raise StationError(f"{' '.join(argv)} failed: {done.stderr.strip()}", hint="apt-get check")
    return done
