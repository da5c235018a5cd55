"""Real ansible-runner and Ansible on this computer, with small playbooks of the tests' own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import content
from netspring_provision.config import Station

CONFIG = "[defaults]\nroles_path = roles\nhost_key_checking = True\n"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station with a space in its folder's name."""
    home = tmp_path / "a home"
    monkeypatch.setenv("NETSPRING_HOME", str(home))
    home.mkdir()
    return Station(home)


@pytest.fixture
def playbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Make a playbook of these tasks for all hosts and return its name."""
    root = tmp_path / "content"
    (root / "playbooks").mkdir(parents=True)
    (root / "roles").mkdir()
    (root / "ansible.cfg").write_text(CONFIG)
    monkeypatch.setattr(content, "root", lambda: root)

    def write(tasks: str) -> str:
        head = "- hosts: all\n  gather_facts: false\n  tasks:\n"
        body = "".join(f"    {line}\n" for line in tasks.strip().splitlines())
        (root / "playbooks" / "small.yml").write_text(head + body)
        return "small"

    return write


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Two names for this very computer."""
    path = tmp_path / "hosts.ini"
    path.write_text("[all:vars]\nansible_connection=local\n[front]\none\n[back]\ntwo\n")
    return path
