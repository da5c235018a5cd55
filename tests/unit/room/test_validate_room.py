from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from netspring_provision import content
from netspring_provision.cli import run
from netspring_provision.errors import UsageError
from netspring_provision.room import document, rules, validate_room

GOOD = """\
---
all:
  vars:
    netspring_profile: lite
  hosts:
    pc-01:
      ansible_host: 10.0.0.1
      netspring_asset_tag: A-1
    pc-[02:04]:
  children:
    window:
      hosts:
        pc-01:
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "host_vars").mkdir()
    (folder / "hosts.yml").write_text(GOOD)
    return folder


def refusal(folder: Path) -> tuple[list[str], str]:
    """Lines of the refusal without the folder, and the hint."""
    with pytest.raises(UsageError) as caught:
        validate_room(folder)
    assert caught.value.exit_code == 2
    message = caught.value.message.replace(f"{folder}/", "")
    return message.splitlines(), caught.value.hint or ""


def hosts(room: Path, text: str) -> tuple[list[str], str]:
    """Refusal of a room whose only machine has these variables, from line 4 on."""
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    (room / "hosts.yml").write_text(f"all:\n  hosts:\n    pc-01:\n{indented}")
    return refusal(room)


def test_a_good_room_passes_as_folder_and_as_file(room: Path) -> None:
    (room / "group_vars/all.yml").write_text("netspring_locale: zh_CN\n")
    (room / "group_vars/window").mkdir()
    (room / "group_vars/window/more.yml").write_text("netspring_profile: core\n")
    (room / "host_vars/pc-03.yml").write_text(
        "netspring_usb_serials: [WX21, 'AB']\nnetspring_site: 二号库\nnetspring_operator: 李雷\n"
        "netspring_donor_ref: gift 2026/17\n"
    )
    (room / "host_vars/pc-04.yml").write_text("---\n# nothing yet\n")
    (room / "README.md").write_text("# Room\n")
    validate_room(room)
    validate_room(room / "hosts.yml")


def test_the_example_room_passes() -> None:
    validate_room(content.root() / "inventories" / "example")


def test_an_unknown_key_is_refused_with_line_and_allowed_keys(room: Path) -> None:
    lines, hint = hosts(room, "ansible_host: 10.0.0.1\nnetspring_aset_tag: A")
    assert lines == ["hosts.yml:5: unknown key netspring_aset_tag"]
    assert hint.startswith("did you mean netspring_asset_tag? allowed keys: netspring_asset_tag, ")
    for key in ("netspring_mac", "netspring_profile", "netspring_usb_serials"):
        assert key in hint
    assert "ansible_host" not in hint


def test_a_key_of_no_family_is_shown_all_allowed_keys(room: Path) -> None:
    lines, hint = hosts(room, "colour: red")
    assert lines == ["hosts.yml:4: unknown key colour"]
    assert "netspring_profile" in hint
    assert "ansible_port" in hint


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("netspring_asset_tag: 0012", "must be text, not the number or date 10 (put it in quotes)"),
        ("netspring_asset_tag: no", "must be text, not the truth value false (put it in quotes)"),
        ("netspring_asset_tag: 2024-01-02", "must be text, not the number or date 2024-01-02"),
        ("netspring_asset_tag: 'a b'", "is not an asset tag"),
        ("netspring_asset_tag:", "must be text, not nothing"),
        ("netspring_mac: 52:54:00:12:34:56", "must be text, not the number or date"),
        ("netspring_mac: 5254.0012.3456", "is not a MAC address"),
        ("netspring_uuid: 1234", "must be text"),
        ("netspring_profile: heavy", "must be one of core, lite, studio, not 'heavy'"),
        ("netspring_locale: zh", "must be one of zh_CN, en_US, fr_FR, not 'zh'"),
        ("netspring_usb_serials: WX21", "must be a list, not 'WX21'"),
        ("netspring_usb_serials: [1]", "must be text, not the number or date 1"),
        ("netspring_profile: '{{ any }}'", "must be a plain value, not a template"),
        ("ansible_port: ssh", "must be a whole number, not 'ssh'"),
        ("ansible_port: 70000", "70000 is greater than the maximum"),
        ("ansible_become: 'yes'", "must be true or false, not 'yes'"),
        ("base_system_pupil_uid: many", "must be a whole number, not 'many'"),
        ("base_system_packages: vim", "must be a list, not 'vim'"),
        ("base_system_packages: [vim, 5]", "must be text, not the number or date 5"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(room: Path, variable: str, wrong: str) -> None:
    lines, _ = hosts(room, f"ansible_host: 10.0.0.1\n{variable}")
    assert len(lines) == 1
    assert lines[0].startswith("hosts.yml:5: ")
    assert variable.partition(":")[0] in lines[0]
    assert wrong in lines[0]


@pytest.mark.parametrize(
    "variable",
    [
        "base_system_pupil_uid: '{{ 1000 + 1 }}'",
        "base_system_packages: ['{{ one }}']",
        "ansible_host: '{{ inventory_hostname }}.room'",
        "ansible_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132",
        "ansible_password: !unsafe 'a{{b'",
    ],
)
def test_what_ansible_works_out_later_is_not_judged(room: Path, variable: str) -> None:
    text = "".join(f"      {line}\n" for line in variable.splitlines())
    (room / "hosts.yml").write_text(f"all:\n  hosts:\n    pc-01:\n{text}")
    validate_room(room)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all:\n\thosts:\n", r"hosts\.yml:2: not valid YAML: .*'\\t'"),
        ("all: [\n", r"hosts\.yml:2: not valid YAML"),
        ("all: {}\n---\nall: {}\n", r"hosts\.yml:2: not valid YAML: expected a single document"),
        ("", r"hosts\.yml:1: the file is empty"),
        ("- pc-01\n", r"hosts\.yml:1: the file: must be keys with values, not a list"),
        ("all:\n  hosts:\n    - pc-01\n", r"hosts\.yml:2: all\.hosts: must be keys with values"),
        ("all:\n  host:\n    pc-01:\n", r"hosts\.yml:2: unknown key host"),
        ("all:\n  hosts:\n    PC_1:\n", r"hosts\.yml:3: 'PC_1' is not a machine's name"),
        ("all:\n  hosts:\n    12:\n", r"hosts\.yml:3: 12 is not text"),
        ("a-b:\n  hosts:\n", r"hosts\.yml:1: 'a-b' is not a group's name"),
        ("all:\n  hosts:\n    pc-[01:3]:\n", r"hosts\.yml:3: 'pc-\[01:3\]' is not a range"),
        ("all:\n  hosts:\n    pc-[3:1]:\n", r"hosts\.yml:3: 'pc-\[3:1\]' is not a range"),
        ("all:\n  hosts:\n    pc-[a:1]:\n", r"hosts\.yml:3: 'pc-\[a:1\]' is not a range"),
        ("all: {hosts: {a: !python/name:os.system x}}\n", r"hosts\.yml:1: unknown tag"),
        ("all: &a\n  children:\n    b: *a\n", r"hosts\.yml:\d+: not valid YAML|nested too deeply"),
        ("all:\n  hosts: {a: , a: }\n", r"hosts\.yml:2: the key a is there twice"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(room: Path, text: str, expected: str) -> None:
    (room / "hosts.yml").write_text(text)
    lines, _ = refusal(room)
    assert re.search(expected, lines[0]), lines


def test_a_key_that_is_there_twice_names_both_lines(room: Path) -> None:
    lines, hint = hosts(room, "netspring_profile: lite\nansible_host: a\nnetspring_profile: core")
    assert lines == ["hosts.yml:6: the key netspring_profile is there twice, first in line 4"]
    assert "last one" in hint


def test_tabs_are_told_in_plain_words(room: Path) -> None:
    (room / "group_vars/all.yml").write_text("netspring_locale: zh_CN\n\tx: 1\n")
    lines, hint = refusal(room)
    assert lines[0].startswith("group_vars/all.yml:2: not valid YAML")
    assert hint == "use spaces, not tabs"


def test_not_utf8_is_told_with_its_line(room: Path) -> None:
    (room / "hosts.yml").write_bytes("all:\n  hosts:\n    pc-é:\n".encode("latin-1"))
    lines, hint = refusal(room)
    assert lines == ["hosts.yml:3: not UTF-8"]
    assert "UTF-8" in hint


def test_control_characters_are_told_with_their_line(room: Path) -> None:
    (room / "hosts.yml").write_text("all:\n  hosts:\n    pc\x00:\n")
    assert refusal(room)[0][0].startswith("hosts.yml:3: not valid YAML")


def test_a_huge_file_is_refused_unread(room: Path) -> None:
    (room / "hosts.yml").write_text("#" * (document.MAX_BYTES + 1))
    assert refusal(room)[0] == ["hosts.yml: larger than 1024 KiB"]


def test_an_alias_that_multiplies_itself_is_refused(room: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (room / "group_vars/all.yml").write_text("\n".join(lines))
    assert "too many values" in refusal(room)[0][0]


def test_merge_keys_are_read_as_ansible_reads_them(room: Path) -> None:
    (room / "hosts.yml").write_text(
        "all:\n  hosts:\n    pc-01: &one\n      netspring_profile: lite\n"
        "    pc-02:\n      <<: *one\n      netspring_profile: core\n"
    )
    validate_room(room)
    assert document.read(room / "hosts.yml").data == {
        "all": {
            "hosts": {
                "pc-01": {"netspring_profile": "lite"},
                "pc-02": {"netspring_profile": "core"},
            }
        }
    }


@pytest.mark.parametrize("name", ["hosts", "hosts.ini", "other.yml", "machines.json", "old"])
def test_a_file_that_ansible_would_read_as_inventory_is_refused(room: Path, name: str) -> None:
    (room / name).write_text("pc-99\n")
    assert refusal(room)[0] == [
        f"{name}: not a file of a room; Ansible would read machines in it",
    ]


def test_two_hosts_files_or_none_are_refused(room: Path, tmp_path: Path) -> None:
    (room / "hosts.yaml").write_text(GOOD)
    assert "both hosts.yml and hosts.yaml" in refusal(room)[0][0]
    with pytest.raises(UsageError, match=r"hosts\.yml is missing"):
        validate_room(tmp_path)


def test_only_yaml_is_a_room(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("[all]\npc-01\n")
    with pytest.raises(UsageError, match="not a YAML inventory"):
        validate_room(tmp_path / "hosts.ini")


def test_variables_for_nobody_are_refused(room: Path) -> None:
    (room / "host_vars/pc-05.yml").write_text("netspring_profile: core\n")
    (room / "group_vars/door.yml").write_text("netspring_profile: core\n")
    lines, hint = refusal(room)
    assert lines == [
        "group_vars/door.yml: there is no group door in hosts.yml",
        "host_vars/pc-05.yml: there is no machine pc-05 in hosts.yml",
    ]
    assert "pc-01, pc-02, pc-03, pc-04" in hint
    assert "all, ungrouped, window" in hint


def test_a_variable_file_that_ansible_would_not_read_is_refused(room: Path) -> None:
    (room / "group_vars/all.yml.txt~").write_text("")
    (room / "group_vars/all.toml").write_text("")
    assert refusal(room)[0] == ["group_vars/all.toml: Ansible does not read it"]


@pytest.mark.parametrize(
    ("hosts_text", "host_vars"),
    [
        ("pc-01: {netspring_asset_tag: A}\n    pc-02: {netspring_asset_tag: a}", ""),
        ("pc-01: {netspring_asset_tag: A}\n    pc-02:", "netspring_asset_tag: A"),
        ("pc-[01:02]: {netspring_asset_tag: A}", ""),
    ],
)
def test_two_machines_with_the_same_tag_are_refused(
    room: Path, hosts_text: str, host_vars: str
) -> None:
    (room / "hosts.yml").write_text(f"all:\n  hosts:\n    {hosts_text}\n")
    (room / "host_vars/pc-02.yml").write_text(host_vars)
    lines, _ = refusal(room)
    assert len(lines) == 1
    assert lines[0].endswith("netspring_asset_tag a of pc-02 is that of pc-01 too")


def test_all_problems_are_shown_at_once_but_not_without_end(room: Path) -> None:
    text = "".join(f"    pc-{i:02}: {{colour: red}}\n" for i in range(30))
    (room / "hosts.yml").write_text(f"all:\n  hosts:\n{text}")
    lines, hint = refusal(room)
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"
    assert hint.count("allowed keys") == 1


def test_every_role_variable_is_allowed_and_nothing_else_is() -> None:
    roles = content.root() / "roles"
    allowed = rules.room_schema(roles)["$defs"]["variables"]["properties"]
    assert set(rules.role_variables(roles)) <= set(allowed)
    assert {"base_system_packages", "netspring_profile"} <= set(allowed)
    assert not [
        name
        for name in allowed
        if name.startswith("netspring_") and name in rules.role_variables(roles)
    ]


@pytest.mark.parametrize(
    ("option", "schema"),
    [
        ({}, {"type": "string"}),
        ({"type": "raw"}, {}),
        ({"type": "str", "choices": ["a", "b"]}, {"enum": ["a", "b"]}),
        (
            {"type": "list", "elements": "int"},
            {"type": "array", "items": {"type": "integer"}},
        ),
        (
            {"type": "list", "elements": "str", "choices": ["a"]},
            {"type": "array", "items": {"enum": ["a"]}},
        ),
        (
            {"type": "list", "elements": "list"},
            {"type": "array", "items": {"type": "array"}},
        ),
        (
            {"type": "list", "elements": "dict", "options": {"a": {}}},
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}},
                    "required": [],
                    "additionalProperties": False,
                },
            },
        ),
        ({"type": "dict"}, {"type": "object"}),
        (
            {"type": "dict", "options": {"n": {"type": "int", "required": True}, "s": {}}},
            {
                "type": "object",
                "properties": {"n": {"type": "integer"}, "s": {"type": "string"}},
                "required": ["n"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_argument_specs_become_rules(option: dict[str, object], schema: dict[str, object]) -> None:
    assert rules.option_schema(option) == schema


def test_the_command_ends_2_and_names_file_and_line(
    room: Path, capsys: pytest.CaptureFixture[str], allow_subprocess: Callable[..., None]
) -> None:
    allow_subprocess("ssh-keygen")
    (room / "group_vars/all.yml").write_text("netspring_profil: lite\n")
    assert run(["plan", "-i", str(room)]) == 2
    err = capsys.readouterr().err
    assert f"{room}/group_vars/all.yml:1: unknown key netspring_profil" in err
    assert "allowed keys: netspring_asset_tag" in err
