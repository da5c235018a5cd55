"""The hash of the inputs changes with everything that changes an image, and with nothing else."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from netspring_provision import content
from netspring_provision.image.inputs import Inputs, sources_sha256
from netspring_provision.image.profiles import profile


@pytest.fixture
def inputs() -> Inputs:
    return Inputs(profile("core"), "zh_CN", "trixie", "http://m.example/debian", "ab" * 32)


@pytest.mark.parametrize(
    "change",
    [
        {"profile": profile("lite")},
        {"locale": "fr_FR"},
        {"suite": "forky"},
        {"mirror": "http://other.example/debian"},
        {"sources": "cd" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_input_counts(inputs: Inputs, change: dict[str, object]) -> None:
    other = replace(inputs, **change)  # type: ignore[arg-type]
    assert other.sha256 != inputs.sha256
    assert other.name != inputs.name
    assert other.uuid != inputs.uuid


def test_a_role_variable_of_the_profile_counts(inputs: Inputs) -> None:
    other = replace(inputs, profile=replace(inputs.profile, variables={"base_system_pupil": "kid"}))
    assert other.sha256 != inputs.sha256


def test_all_profiles_and_languages_share_the_base_layer(inputs: Inputs) -> None:
    other = replace(inputs, profile=profile("lite"), locale="fr_FR", sources="cd" * 32)
    assert other.base_sha256 == inputs.base_sha256
    assert replace(inputs, mirror="http://other.example").base_sha256 != inputs.base_sha256


def test_the_name_begins_with_what_a_person_asks_for(inputs: Inputs) -> None:
    assert inputs.name == f"core-zh_CN-{inputs.sha256[:8]}"
    assert inputs.stem == "core-zh_CN"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the playbook and the roles."""
    real = content.root()
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/build_image.yml").write_bytes(
        (real / "playbooks/build_image.yml").read_bytes()
    )
    for role in ("base_system", "firewall", "language_tree", "painting"):
        copytree(real / "roles" / role, tmp_path / "roles" / role)
    monkeypatch.setattr(content, "root", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [
        "playbooks/build_image.yml",
        "roles/base_system/tasks/main.yml",
        "roles/base_system/templates/sshd.conf.j2",
        "roles/base_system/files/new",
        "roles/language_tree/library/netspring_language_tree.py",
    ],
)
def test_a_changed_source_counts(root: Path, path: str) -> None:
    before = sources_sha256(profile("core"))
    (root / path).parent.mkdir(exist_ok=True)
    with (root / path).open("a") as file:
        file.write("# more\n")
    assert sources_sha256(profile("core")) != before


@pytest.mark.parametrize(
    "path",
    [
        "roles/base_system/README.md",
        "roles/base_system/meta/argument_specs.yml",
        "roles/painting/tasks/main.yml",
        "roles/base_system/library/__pycache__/x.pyc",
    ],
)
def test_what_is_not_in_the_image_does_not_count(root: Path, path: str) -> None:
    before = sources_sha256(profile("core"))
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    with (root / path).open("a") as file:
        file.write("more\n")
    assert sources_sha256(profile("core")) == before


def test_the_mode_of_a_file_counts(root: Path) -> None:
    before = sources_sha256(profile("core"))
    (root / "roles/base_system/templates/sshd.conf.j2").chmod(0o755)
    assert sources_sha256(profile("core")) != before
