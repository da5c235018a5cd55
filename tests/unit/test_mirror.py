"""Which of the station's apt sources is Debian's own, and how apt reaches it."""

import subprocess
from pathlib import Path

import pytest

from netspring_provision import mirror
from netspring_provision.errors import StationError
from netspring_provision.mirror import Source

DEB822 = """\
# written by the installer
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
 non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: trixie
Components: main
"""


def etc(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        path = folder / "sources.list" if name == "list" else folder / "sources.list.d" / name
        path.write_text(text)
    return folder


def test_deb822_with_continued_lines_and_disabled_stanzas() -> None:
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert list(mirror.parse_deb822(DEB822)) == [
        Source(
            "http://mirror.example/debian",
            ("bookworm", "bookworm-updates"),
            ("main", "non-free-firmware"),
            keyring,
        ),
        Source(
            "http://security.example/debian-security", ("bookworm-security",), ("main",), keyring
        ),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://m/debian trixie main", Source("http://m/debian", ("trixie",), ("main",))),
        (
            "  deb  http://m/debian/  sid  main contrib # x",
            Source("http://m/debian", ("sid",), ("main", "contrib")),
        ),
        (
            "deb [arch=amd64 signed-by=/k.gpg] http://m/d trixie main",
            Source("http://m/d", ("trixie",), ("main",), "/k.gpg"),
        ),
    ],
)
def test_one_line(line: str, expected: Source) -> None:
    assert list(mirror.parse_one_line(line)) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# deb http://m/debian trixie main",
        "deb-src http://m/d sid main",
        "deb http://m/debian",
        "nonsense",
    ],
)
def test_one_line_that_is_no_binary_source(line: str) -> None:
    assert list(mirror.parse_one_line(line)) == []


def test_others_repositories_that_use_debians_suite_names_are_not_taken() -> None:
    sources = [
        Source("http://tools.example/linux", ("trixie",), ("main",), "/etc/apt/keyrings/tools.gpg"),
        Source("http://cloud.example/apt", ("cloud-sdk-trixie",), ("main",)),
        Source("cdrom:[Debian 13]/", ("trixie",), ("main",)),
        Source("http://m.example/debian", ("trixie",), ("main",)),
        Source("http://best.example/x", ("trixie",), ("main",), "debian-archive-keyring.gpg"),
    ]
    assert mirror.choose(sources) == "http://best.example/x"
    assert mirror.choose(sources[:4]) == "http://m.example/debian"
    assert mirror.choose(sources[:3]) is None


def test_station_mirror_and_its_security_neighbour(tmp_path: Path) -> None:
    folder = etc(tmp_path / "apt", **{"debian.sources": DEB822})
    assert mirror.station_mirror(folder) == "http://mirror.example/debian"
    assert mirror.security_mirror(etc=folder) == "http://security.example/debian-security"


def test_a_mirror_list_of_cloud_images_is_followed(tmp_path: Path) -> None:
    listing = tmp_path / "mirrors.list"
    listing.write_text("# nearest\nhttp://near.example/debian/\thttps\nhttp://far.example/debian\n")
    text = DEB822.replace("http://mirror.example/debian/", f"mirror+file:{listing}")
    folder = etc(tmp_path / "apt", **{"debian.sources": text})
    assert mirror.station_mirror(folder) == "http://near.example/debian"


def test_a_station_without_a_debian_mirror_is_told_what_to_do(tmp_path: Path) -> None:
    folder = etc(tmp_path / "apt", list="deb http://other.example/ubuntu noble main\n")
    with pytest.raises(StationError, match="no Debian mirror") as caught:
        mirror.station_mirror(folder)
    assert "--mirror" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("named", "security"),
    [
        ("http://m.example/debian", "http://m.example/debian-security"),
        ("http://m.example/debian/", "http://m.example/debian-security"),
        ("file:///media/usb/mirror", None),
    ],
)
def test_security_of_a_mirror_named_by_hand(named: str, security: str | None) -> None:
    assert mirror.security_mirror(named) == security


def test_only_how_a_mirror_is_reached_is_carried_over() -> None:
    dump = (
        'APT::Architecture "amd64";\n'
        'Acquire "";\n'
        'Acquire::http::Proxy "http://proxy.example:3142";\n'
        'Acquire::https::CaInfo "/etc/ssl/school.pem";\n'
        'Acquire::http "";\n'
        'Acquire::Languages "none";\n'
        'Acquire::Check-Valid-Until "false";\n'
    )
    assert mirror.parse_apt_config(dump) == (
        'Acquire::http::Proxy "http://proxy.example:3142";',
        'Acquire::https::CaInfo "/etc/ssl/school.pem";',
        'Acquire::Check-Valid-Until "false";',
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Indexes that exist; apt-helper's own words, recorded from apt 2.6, for all others."""
    there: set[str] = set()

    def apt(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        assert not check
        url, target = argv[-2:]
        if url in there:
            Path(target).touch()
            return subprocess.CompletedProcess(argv, 0, "", "")
        said = f"Err:1 {url}\n  Could not connect to m.example:80. - connect (111)\n"
        return subprocess.CompletedProcess(argv, 100, said, "E: Download Failed\n")

    monkeypatch.setattr(mirror, "_apt", apt)
    return there


def test_sources_of_a_named_mirror_without_updates(answers: set[str]) -> None:
    answers.add("http://m.example/debian/dists/trixie/InRelease")
    assert mirror.sources(mirror="http://m.example/debian/") == (
        "deb http://m.example/debian trixie main non-free-firmware",
    )


def test_the_stations_own_mirror_must_have_security(
    answers: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = list(mirror.parse_deb822(DEB822))
    monkeypatch.setattr(mirror, "read_sources", lambda *_: own)
    answers.add("http://mirror.example/debian/dists/trixie/InRelease")
    answers.add("http://mirror.example/debian/dists/trixie-updates/InRelease")
    with pytest.raises(StationError, match="trixie-security: Could not connect") as caught:
        mirror.sources()
    assert "--mirror" in str(caught.value.hint)
    answers.add("http://security.example/debian-security/dists/trixie-security/InRelease")
    assert len(mirror.sources()) == 3
