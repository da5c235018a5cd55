"""The update of an installed PC applies what the image was built with, and knows where to look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from netspring_provision import content
from netspring_provision.image import profiles


def play(name: str) -> dict[str, Any]:
    (found,) = yaml.safe_load(content.playbook(name).read_text(encoding="utf-8"))
    return dict(found)


def test_the_language_is_set_after_all_layers_and_an_update_keeps_the_one_there_is() -> None:
    def last(name: str) -> list[str]:
        *_, layers, language = play(name)["tasks"]
        assert "ansible.builtin.include_role" in layers
        argv: list[str] = language["ansible.builtin.command"]["argv"]
        return argv

    program = "/usr/local/sbin/netspring-language"
    assert last("build_image") == [program, "{{ build_image_locale }}", "--timezone", "auto"]
    assert last("update") == [program]


def test_the_profiles_are_found_in_a_clone_and_in_an_installed_package() -> None:
    """Beside the playbooks in a clone; in the wheel they are in ``_content/playbooks``."""
    lookup = play("update")["vars"]["update_profiles_file"]
    ours = Path(profiles.__file__).with_name("profiles.yml")
    playbooks = content.playbook("update").parent
    assert (playbooks / "../netspring_provision/image/profiles.yml").resolve() == ours
    packed = ours.parents[1] / "_content/playbooks"
    assert packed / "../../image/profiles.yml" != ours
    assert Path(f"{packed}/../../image/profiles.yml").resolve() == ours or not packed.exists()
    for way in ("/../netspring_provision/image/profiles.yml", "/../../image/profiles.yml"):
        assert way in lookup


def test_nothing_is_done_before_the_machine_is_known() -> None:
    names = [next(k for k in task if "." in k) for task in play("update")["tasks"]]
    deeds = [name for name in names if name.split(".")[-1] in ("apt", "copy", "include_role")]
    first = names.index(deeds[0])
    assert names[:first].count("ansible.builtin.assert") == 2
