"""The teacher's view of the screens: off by default, and open to one PC with one key only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from netspring_classroom.settings import DEFAULTS, dump
from netspring_classroom.system import System
from netspring_policy import bundle, neighbours, screens
from netspring_policy.bundle import Bundle, BundleError
from netspring_policy.command import PolicyError

ON = {**DEFAULTS, "screens": True}
CARDS = ("52:54:00:aa:00:01", "52:54:00:aa:00:02")


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A public key as veyon-cli makes them: RSA, 4096 bits, SubjectPublicKeyInfo in PEM."""
    private = tmp_path_factory.mktemp("key") / "private"
    make = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"]
    subprocess.run([*make, "-out", private], check=True, capture_output=True)
    argv = ["openssl", "pkey", "-in", private, "-pubout"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was asked of systemd and Veyon; nothing of it is done."""
    found: list[tuple[str, ...]] = []

    def systemctl(system: System, *words: str, running: bool = False) -> None:
        del running
        found.append(words)
        if words[:2] == ("enable", "veyon.service"):
            system.at(screens.WANTED).parent.mkdir(parents=True, exist_ok=True)
            system.at(screens.WANTED).symlink_to("/usr/lib/systemd/system/veyon.service")
        if words[:2] == ("disable", "veyon.service"):
            system.at(screens.WANTED).unlink()

    monkeypatch.setattr(screens, "_systemctl", systemctl)
    monkeypatch.setattr(screens, "_veyon", lambda *words: found.append(words))
    return found


def test_a_bundle_is_read_as_it_was_made(key: str) -> None:
    made = Bundle(key, CARDS)
    assert bundle.parse(made.dump()) == made


BAD = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "another file": '{"schema": 1, "kind": "room", "key": "x", "cards": []}',
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_another_file_is_no_bundle(text: str) -> None:
    with pytest.raises(BundleError, match="no file of a teacher's PC"):
        bundle.parse(text)


def test_a_bundle_with_a_wrong_key_or_card_is_refused(key: str) -> None:
    private = key.replace("PUBLIC", "PRIVATE")
    short = key[:200] + key[-30:]
    for wrong in (private, short, "", key + key, key.replace("M", "*"), f"{key}\nX=1"):
        with pytest.raises(BundleError, match="key in the file"):
            bundle.parse(Bundle(wrong, CARDS).dump())
    injected = "52:54:00:aa:00:01 } accept; #"
    for cards in ((), ("00:00:00:00:00:00",), ("01:00:5e:00:00:01",), (injected,), CARDS * 5):
        with pytest.raises(BundleError, match="which PC is the teacher's"):
            bundle.parse(Bundle(key, cards).dump())


def test_it_listens_only_when_key_and_setting_are_there(
    pc: System, key: str, asked: list[tuple[str, ...]]
) -> None:
    assert screens.apply(pc, DEFAULTS) == []
    with pytest.raises(PolicyError, match="no teacher's PC is known"):
        screens.apply(pc, ON)
    screens.become_pupil(pc, Bundle(key, CARDS).dump())
    assert screens.apply(pc, DEFAULTS) == []
    assert asked == [], "bringing the key opens nothing by itself"

    assert screens.apply(pc, ON) == [f"/{screens.HOLE}", f"/{screens.WANTED}"]
    assert pc.at(screens.HOLE).read_text().splitlines()[-1] == (
        f"ether saddr {{ {CARDS[0]}, {CARDS[1]} }} tcp dport 11100 accept"
    )
    assert asked == [
        ("reload-or-restart", "nftables.service"),
        ("enable", "veyon.service"),
        ("start", "veyon.service"),
    ]
    assert screens.apply(pc, ON) == []
    assert len(asked) == 3

    assert screens.apply(pc, DEFAULTS) == [f"/{screens.WANTED}", f"/{screens.HOLE}"]
    assert asked[3:] == [
        ("disable", "veyon.service"),
        ("stop", "veyon.service"),
        ("reload-or-restart", "nftables.service"),
    ]
    assert pc.at(screens.PUBLIC).read_text() == key


def stick(pc: System, text: str) -> Path:
    path = pc.at(f"media/teacher/USB/{screens.FILE}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    """What sudo says where the teacher's window asks."""
    monkeypatch.setenv("SUDO_USER", "teacher")


def is_on(pc: System) -> bool:
    return bool(json.loads(pc.settings.read_text())["screens"])


@pytest.mark.usefixtures("teacher")
def test_the_teachers_file_is_taken_from_a_stick_when_it_is_switched_on(
    pc: System, key: str, asked: list[tuple[str, ...]]
) -> None:
    path = stick(pc, Bundle(key, CARDS[:1]).dump())
    assert screens.apply(pc, DEFAULTS) == []
    assert not pc.at(screens.PUBLIC).exists(), "a stick alone opens nothing"
    assert screens.apply(pc, ON) == [f"/{screens.HOLE}", f"/{screens.WANTED}"]
    assert pc.at(screens.PUBLIC).read_text() == key
    path.write_text(Bundle(key, CARDS[1:]).dump())
    for settings in (ON, DEFAULTS, ON):
        screens.apply(pc, settings)
    assert CARDS[1] not in pc.at(screens.HOLE).read_text(), "another stick replaces nobody"
    screens.forget(pc)
    screens.apply(pc, ON)
    assert CARDS[1] in pc.at(screens.HOLE).read_text()
    assert asked


@pytest.mark.parametrize("who", [None, "pupil"])
def test_a_stick_that_is_in_at_the_start_of_the_pc_names_no_teacher(
    pc: System,
    key: str,
    asked: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    who: str | None,
) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    if who:
        monkeypatch.setenv("SUDO_USER", who)
    stick(pc, Bundle(key, CARDS).dump())
    pc.settings.write_text(dump({**ON, "volume_limit_percent": 40}))
    with pytest.raises(PolicyError, match="so this is off"):
        screens.apply(pc, ON)
    assert not pc.at(screens.PUBLIC).exists()
    assert json.loads(pc.settings.read_text())["volume_limit_percent"] == 40
    assert not is_on(pc), "nor does it wait for one"
    assert asked == []


@pytest.mark.usefixtures("teacher")
def test_without_the_file_it_is_off_again(pc: System, asked: list[tuple[str, ...]]) -> None:
    for text in (None, "{"):
        if text:
            stick(pc, text)
        pc.settings.write_text(dump(ON))
        with pytest.raises(PolicyError, match="stick"):
            screens.apply(pc, ON)
        assert not is_on(pc)
    assert asked == []


@pytest.mark.usefixtures("teacher")
def test_a_damaged_file_or_a_link_on_a_stick_is_not_taken(
    pc: System, key: str, asked: list[tuple[str, ...]]
) -> None:
    path = stick(pc, "{")
    with pytest.raises(PolicyError, match="on the stick: this is no file"):
        screens.apply(pc, ON)
    secret = pc.at("etc/other.json")
    secret.write_text(Bundle(key, CARDS).dump())
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(PolicyError, match="put in the stick"):
        screens.apply(pc, ON)
    assert not pc.at(screens.PUBLIC).exists()
    assert asked == []


@pytest.mark.loop
def test_the_file_goes_onto_every_stick_that_takes_it(tmp_path: Path) -> None:
    sticks = [tmp_path / "teacher" / name for name in ("A", "FULL", "LOCKED")]
    options = ("size=1m", "size=4k,nr_inodes=1", "size=1m,ro")
    (tmp_path / "teacher/folder").mkdir(parents=True)
    try:
        for path, how in zip(sticks, options, strict=True):
            path.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", how, "stick", path], check=True)
        written, failed = screens.hand_out(tmp_path, "bundle\n")
        assert written == ["A"]
        assert [name for name, _ in failed] == ["FULL", "LOCKED"]
        assert (sticks[0] / screens.FILE).read_text() == "bundle\n"
        assert list(sticks[1].iterdir()) == [], "nothing half-written"
        assert list((tmp_path / "teacher/folder").iterdir()) == [], "a folder is no stick"
    finally:
        for path in sticks:
            subprocess.run(["umount", path], check=False, stderr=subprocess.DEVNULL)


def test_the_teachers_own_pc_takes_no_stick(pc: System, key: str) -> None:
    pc.at(screens.STATE).write_text(screens.State("teacher", CARDS).dump())
    stick(pc, Bundle(key, CARDS).dump())
    assert screens.apply(pc, ON) == []
    assert not pc.at(screens.PUBLIC).exists()


def test_a_damaged_bundle_changes_nothing(pc: System, key: str) -> None:
    screens.become_pupil(pc, Bundle(key, CARDS).dump())
    before = pc.at(screens.STATE).read_text()
    with pytest.raises(BundleError):
        screens.become_pupil(pc, Bundle(key, ()).dump())
    assert pc.at(screens.STATE).read_text() == before
    assert pc.at(screens.PUBLIC).read_text() == key


def test_forgetting_takes_keys_and_hole(pc: System, key: str, asked: list[tuple[str, ...]]) -> None:
    screens.become_pupil(pc, Bundle(key, CARDS).dump())
    screens.apply(pc, ON)
    screens.forget(pc)
    for name in (screens.HOLE, screens.WANTED, screens.PUBLIC, screens.STATE):
        assert not pc.at(name).exists(), name
    with pytest.raises(PolicyError):
        screens.apply(pc, ON)
    assert asked


def test_the_teachers_pc_itself_does_not_listen(pc: System, asked: list[tuple[str, ...]]) -> None:
    pc.at(screens.STATE).write_text(screens.State("teacher", CARDS).dump())
    assert screens.apply(pc, ON) == []
    assert asked == []


def test_only_real_cards_with_an_address_of_their_own_count(pc: System) -> None:
    assert neighbours.cards(pc.root) == CARDS


def test_neighbours_are_looked_for_in_the_rooms_own_network() -> None:
    def link(*infos: tuple[str, int, str]) -> dict[str, object]:
        told = [{"local": a, "prefixlen": p, "scope": s} for a, p, s in infos]
        return {"ifname": "x", "addr_info": told}

    links = [
        link(("127.0.0.1", 8, "host")),
        link(("192.168.7.2", 30, "global")),
        link(("10.1.2.3", 8, "global")),
        {"ifname": "down"},
    ]
    assert neighbours.addresses(links) == ["192.168.7.1"]
    assert len(neighbours.addresses([link(("192.168.7.2", 24, "global"))])) == 253


def test_pcs_that_are_off_stay_in_the_list_and_addresses_follow_the_card(
    pc: System, asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [neighbours.Neighbour("192.0.2.5", CARDS[0]), neighbours.Neighbour("192.0.2.6", "")]
    second = [neighbours.Neighbour("192.0.2.9", CARDS[0]), neighbours.Neighbour("192.0.2.5", "")]
    with pytest.raises(PolicyError, match="not the teacher's PC"):
        screens.find(pc)
    pc.at(screens.STATE).write_text(screens.State("teacher", CARDS).dump())
    rows: list[str] = []

    def veyon(*words: str) -> None:
        asked.append(words[:2])
        if words[1] == "import":
            rows[:] = Path(words[2]).read_text().splitlines()

    monkeypatch.setattr(screens, "_veyon", veyon)
    monkeypatch.setattr(neighbours, "listening", lambda _: first)
    assert screens.find(pc) == 2
    assert rows == [f"192.0.2.5;{CARDS[0]}", "192.0.2.6;"]
    monkeypatch.setattr(neighbours, "listening", lambda _: second)
    assert screens.find(pc) == 2
    assert rows == ["192.0.2.5;", "192.0.2.6;", f"192.0.2.9;{CARDS[0]}"]
    assert asked == [("networkobjects", "clear"), ("networkobjects", "import")] * 2
    assert json.loads(pc.at(screens.STATE).read_text())["cards"] == list(CARDS)
