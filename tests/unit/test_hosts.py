"""From an inventory to machines: no name and no limit may come to mean more than it says."""

from pathlib import Path
from typing import Any

import pytest

from netspring_provision import hosts, runner
from netspring_provision.errors import UsageError


def document(*names: str, **variables: dict[str, Any]) -> dict[str, Any]:
    return {
        "_meta": {"hostvars": variables},
        "all": {"children": ["ungrouped", "front", "back"]},
        "ungrouped": {"hosts": list(names)},
        "front": {"hosts": ["f1", "f2"]},
        "back": {"hosts": ["b1"], "children": ["corner"]},
        "corner": {"hosts": ["c1", "f1"]},
    }


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An inventory whose content is ``document``; rooms' files have tests of their own."""
    monkeypatch.setattr(hosts, "validate_room", lambda _path: None)
    listing(monkeypatch, document("pc1", "pc2"))
    return str(tmp_path)


def listing(monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]) -> None:
    monkeypatch.setattr(runner, "inventory_list", lambda _path: data)


def names(room: str, limit: str | None = None) -> list[str]:
    return [host.name for host in hosts.load(room, limit)]


def test_no_limit_means_all_and_each_once(room: str) -> None:
    assert names(room) == ["pc1", "pc2", "f1", "f2", "b1", "c1"]


@pytest.mark.parametrize("limit", ["", " ", ",", " , ,, "])
def test_an_empty_limit_never_means_all(room: str, limit: str) -> None:
    with pytest.raises(UsageError, match="--limit is empty"):
        hosts.load(room, limit)


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        ("pc1", ["pc1"]),
        ("pc2,pc1", ["pc1", "pc2"]),
        ("front", ["f1", "f2"]),
        ("back", ["f1", "b1", "c1"]),
        ("pc*", ["pc1", "pc2"]),
        ("f?,b1", ["f1", "f2", "b1"]),
        ("all", ["pc1", "pc2", "f1", "f2", "b1", "c1"]),
        ("pc1,", ["pc1"]),
    ],
)
def test_a_limit_chooses(room: str, limit: str, chosen: list[str]) -> None:
    assert names(room, limit) == chosen


@pytest.mark.parametrize("limit", ["pc9", "pc1,pc9", "!pc1", "all:!pc1", "@file", "~pc.*", "_meta"])
def test_a_limit_that_names_nobody_is_an_error_and_says_who_there_is(room: str, limit: str) -> None:
    with pytest.raises(UsageError, match="no such machine or group") as caught:
        hosts.load(room, limit)
    assert "pc1" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["front", "all"])
def test_a_machine_named_like_a_group_would_mean_the_whole_group(
    room: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    listing(monkeypatch, document("pc1", name))
    with pytest.raises(UsageError, match="also the name of a group"):
        hosts.load(room)


@pytest.mark.parametrize(
    "name", ["pc[1:9]", "*", "!pc1", "~pc", "@f", "a,b", "a b", "", "-x", "机"]
)
def test_a_name_that_ansible_would_take_for_a_pattern_is_refused(
    room: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    listing(monkeypatch, document(name))
    with pytest.raises(UsageError, match="not a host name"):
        hosts.load(room)


def test_an_inventory_without_machines_is_an_error(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing(monkeypatch, {"_meta": {"hostvars": {}}, "all": {"children": ["ungrouped"]}})
    with pytest.raises(UsageError, match="has no machines") as caught:
        hosts.load(room)
    assert "netspring lab create" in (caught.value.hint or "")


def test_what_the_inventory_says_of_a_machine(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "ansible_host": "10.0.0.5",
        "ansible_port": "2222",
        "ansible_user": "netspring",
        "ansible_ssh_private_key_file": "~/key",
        "netspring_lab": True,
    }
    listing(monkeypatch, document("pc1", "pc2", pc1=said))
    first, second, *_ = hosts.load(room)
    assert (first.address, first.port, first.user) == ("10.0.0.5", 2222, "netspring")
    assert first.key_file == Path.home() / "key"
    assert first.is_lab
    assert (second.address, second.port, second.user) == ("pc2", 22, "root")
    assert second.key_file is None
    assert not second.is_lab


@pytest.mark.parametrize("word", ["false", "true", 1, None, "yes"])
def test_only_a_plain_true_makes_a_virtual_pc(
    room: str, monkeypatch: pytest.MonkeyPatch, word: Any
) -> None:
    listing(monkeypatch, document("pc1", pc1={"netspring_lab": word}))
    assert not hosts.load(room)[0].is_lab


@pytest.mark.parametrize("port", ["ssh", None, [], "{{ port }}"])
def test_a_port_that_is_no_number_is_a_usage_error(
    room: str, monkeypatch: pytest.MonkeyPatch, port: Any
) -> None:
    listing(monkeypatch, document("pc1", pc1={"ansible_port": port}))
    with pytest.raises(UsageError, match="pc1: ansible_port"):
        hosts.load(room)


@pytest.mark.parametrize("named", ["", " ", "inventories/nowhere", "/nowhere/at/all"])
def test_an_inventory_that_is_not_there_is_a_usage_error(named: str) -> None:
    with pytest.raises(UsageError, match="there is no inventory"):
        hosts.inventory_path(named)


def test_the_inventories_of_the_package_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = hosts.inventory_path("inventories/lab")
    assert found.is_absolute()
    assert (found / "lab.py").is_file()


def test_a_rooms_files_are_validated_before_ansible_reads_them(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad(path: Path) -> None:
        raise UsageError(f"{path}/hosts.yml:3: unknown key")

    def never(_path: Path) -> dict[str, Any]:
        pytest.fail("Ansible read it")

    monkeypatch.setattr(hosts, "validate_room", bad)
    monkeypatch.setattr(runner, "inventory_list", never)
    with pytest.raises(UsageError, match="unknown key"):
        hosts.load(room)
