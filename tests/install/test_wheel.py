"""The wheel holds everything, nothing else, and works from a venv outside the clone.

Downloading 200 MB of dependencies once more would test the index, not us: the venv borrows the
dependencies of the one that runs the tests, by a ``.pth`` line. Such a line is a plain path, so the
editable install of the clone that lies there too is not followed; ``content.root`` proves it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))
SHIPPED = ("netspring_provision", "playbooks", "roles", "inventories")

pytestmark = pytest.mark.install


@dataclass(frozen=True)
class Installed:
    """The wheel in a venv of its own; commands run in a folder that knows no clone."""

    bin: Path
    home: Path

    def run(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "NETSPRING_HOME": str(self.home / "station"),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.content() / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.home / "ansible"),
        }
        return subprocess.run(
            [*map(str, argv)],
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )

    def content(self) -> Path:
        return next(self.bin.parent.glob("lib/python*/site-packages/netspring_provision/_content"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("outside")
    assert not folder.is_relative_to(ROOT)
    venv = folder / "venv"
    python = venv / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-qq"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name in ("ansible", "ansible-playbook", "ansible-inventory", "ansible-doc"):
        _, _, program = (Path(sys.executable).parent / name).read_text().partition("\n")
        (venv / "bin" / name).write_text(f"#!{python}\n{program}")
        (venv / "bin" / name).chmod(0o755)
    home = folder / "home"
    home.mkdir()
    return Installed(venv / "bin", home)


def tracked() -> list[str]:
    """What git knows or would add; what it ignores is not here."""
    argv = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    argv += ["--cached", "--others", "--exclude-standard", "--", *SHIPPED]
    out = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in out.split("\0") if name and (ROOT / name).is_file()]


def test_the_wheel_holds_every_file_of_the_clone_and_no_other(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    package = "netspring_provision/"
    expected = {
        name if name.startswith(package) else f"{package}_content/{name}"
        for name in tracked()
        if "/molecule/" not in name
    }
    expected.add(f"{package}_content/ansible.cfg")
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_the_wheel_holds_each_kind_of_content(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    content = "netspring_provision/_content"
    for start, end in [
        (f"{content}/playbooks/", "inspect.yml"),
        (f"{content}/roles/disk_inspect/library/", ".py"),
        (f"{content}/roles/disk_tools/module_utils/", ".py"),
        (f"{content}/roles/disk_inspect/meta/", "argument_specs.yml"),
        (f"{content}/inventories/example/", "hosts.yml"),
        ("netspring_provision/checks/", "test_boot.py"),
        ("netspring_provision/schema/", "room.schema.json"),
    ]:
        assert [n for n in names if n.startswith(start) and n.endswith(end)], (start, end)
    bad = ("__pycache__", ".pyc", ".git/", ".venv", "molecule/")
    assert [n for n in names if any(word in n for word in bad)] == []
    assert any(n.endswith(".dist-info/licenses/LICENSE") for n in names)


def test_an_ignored_file_stays_out_of_the_wheel(tmp_path: Path) -> None:
    """A vault password that git ignores must not travel to others."""
    for name in [*tracked(), "pyproject.toml", "README.md", "LICENSE", "ansible.cfg"]:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".gitignore").write_text(".vault_pass\n__pycache__/\n")
    secrets = [tmp_path / folder / ".vault_pass" for folder in ("roles/disk_wipe", *SHIPPED)]
    for secret in secrets:
        secret.write_text("secret")
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out", "."]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    names = zipfile.ZipFile(next((tmp_path / "out").glob("*.whl"))).namelist()
    assert "netspring_provision/_content/playbooks/inspect.yml" in names
    assert [name for name in names if ".vault_pass" in name] == []


def test_it_finds_its_own_playbooks(installed: Installed) -> None:
    code = "from netspring_provision import content; print(content.root())"
    done = installed.run(installed.bin / "python", "-c", code)
    assert Path(done.stdout.strip()) == installed.content()


def test_the_command_tells_its_version(installed: Installed) -> None:
    done = installed.run("netspring", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("netspring, version 0.")


def test_the_doctor_answers_and_finds_ansible_of_this_venv(installed: Installed) -> None:
    done = installed.run("netspring", "doctor", "--json")
    assert done.returncode in (0, 4), done.stderr
    answer = json.loads(done.stdout)
    ansible = next(f for f in answer["findings"] if f["name"] == "Ansible")
    assert (ansible["state"], ansible["detail"]) == ("ok", str(installed.bin / "ansible-playbook"))
    assert answer["ok"] is (done.returncode == 0)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_finds_its_roles_and_modules(installed: Installed, name: str) -> None:
    playbook = installed.content() / "playbooks" / name
    done = installed.run("ansible-playbook", "--syntax-check", "-i", "localhost,", playbook)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lab_inventory_runs(installed: Installed) -> None:
    lab = installed.content() / "inventories" / "lab"
    done = installed.run("ansible-inventory", "-i", lab, "--list")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["_meta"]["hostvars"] == {}
    assert done.stderr == ""


def test_a_room_is_checked_against_the_roles_of_the_wheel(installed: Installed) -> None:
    made = installed.run("netspring", "room", "new", "room-1", "--profile", "lite")
    assert made.returncode == 0, made.stderr
    variables = installed.home / "inventories/room-1/group_vars/all.yml"
    with variables.open("a", encoding="utf-8") as file:
        file.write("base_system_packages: wrong\n")
    done = installed.run("netspring", "inspect", "-i", "inventories/room-1")
    assert done.returncode == 2
    assert "base_system_packages: must be a list" in done.stderr
