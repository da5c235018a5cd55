"""The layers of an image: documented, consistent with each other, right in every language."""

from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from netspring_provision.image.profiles import LOCALES, profile
from netspring_provision.image.strip import left_out

ROLES = Path(__file__).parents[3] / "roles"
LAYERS = profile("lite").roles
LANGUAGES = sorted(set(LOCALES.values()))


def load(role: str, path: str) -> Any:
    return yaml.safe_load((ROLES / role / path).read_text("utf-8"))


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = load(role, "defaults/main.yml")
    return found


def render(role: str, template: str, **variables: Any) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - these are configuration files, not web pages
    )
    text = (ROLES / role / "templates" / template).read_text("utf-8")
    return environment.from_string(text).render(defaults(role) | variables)


@pytest.mark.parametrize("role", LAYERS)
def test_every_variable_is_specified_with_the_same_default(role: str) -> None:
    options = load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert sorted(options) == sorted(defaults(role))
    for name, option in options.items():
        assert name.startswith(f"{role}_")
        assert option["description"]
        if "default" in option:
            assert defaults(role)[name] == option["default"], name


@pytest.mark.parametrize("role", LAYERS)
def test_every_variable_is_in_the_readme(role: str) -> None:
    text = (ROLES / role / "README.md").read_text()
    assert [name for name in defaults(role) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("role", LAYERS)
def test_packages_are_listed_once_and_in_order(role: str) -> None:
    for name, value in defaults(role).items():
        if name.endswith("_packages"):
            assert value == sorted(set(value)), name


def launchers() -> dict[str, dict[str, Any]]:
    """What every layer puts on the desktop, also those of other profiles."""
    found = {}
    for path in sorted(ROLES.glob("*/defaults/main.yml")):
        role = path.parents[1].name
        for launcher in (defaults(role) or {}).get(f"{role}_launchers", []):
            found[launcher["id"]] = launcher
    return found


def test_every_launcher_has_its_place_on_the_desktop_and_a_name_in_every_language() -> None:
    cards = defaults("desktop")["desktop_columns"]
    placed = [name for card in cards for name in card["programs"]]
    assert sorted(placed) == sorted(launchers())
    for named in (*launchers().values(), *cards):
        assert sorted(named["names"]) == LANGUAGES


def test_a_launcher_is_a_link_that_the_file_manager_trusts_with_a_name_in_every_language() -> None:
    for launcher in launchers().values():
        lines = render("desktop", "launcher.desktop.j2", desktop_launcher=launcher).splitlines()
        assert "Type=Link" in lines
        assert f"URL=/usr/share/applications/{launcher['program']}.desktop" in lines
        assert f"Name={launcher['names']['en_US']}" in lines
        for language in LANGUAGES:
            assert f"Name[{language}]={launcher['names'][language]}" in lines


def test_only_the_languages_of_the_image_stay(tmp_path: Path) -> None:
    rules = tmp_path / "etc/dpkg/dpkg.cfg.d/netspring"
    rules.parent.mkdir(parents=True)
    rules.write_text(render("base_system", "dpkg.cfg.j2"))
    for name in ("zh_CN", "fr", "en_GB", "de", "zh_TW"):
        path = tmp_path / f"usr/share/locale/{name}/LC_MESSAGES/kturtle.mo"
        path.parent.mkdir(parents=True)
        path.touch()
    programs = {"gcompris-qt/translations/gcompris": ("zh_CN", "zh_TW", "fr", "de")}
    programs["qt6/translations/qt"] = ("zh_TW", "en")
    texts = [f"{program}_{name}.qm" for program, names in programs.items() for name in names]
    for name in (*texts, "doc/dash/copyright", "doc/dash/changelog.gz", "man/man1/dash.1.gz"):
        (tmp_path / "usr/share" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "usr/share" / name).touch()
    left_out(tmp_path)
    left = {str(p.relative_to(tmp_path)) for p in (tmp_path / "usr").rglob("*") if p.is_file()}
    assert left == {
        "usr/share/locale/zh_CN/LC_MESSAGES/kturtle.mo",
        "usr/share/locale/fr/LC_MESSAGES/kturtle.mo",
        "usr/share/locale/en_GB/LC_MESSAGES/kturtle.mo",
        "usr/share/doc/dash/copyright",
        "usr/share/gcompris-qt/translations/gcompris_zh_CN.qm",
        "usr/share/gcompris-qt/translations/gcompris_zh_TW.qm",
        "usr/share/gcompris-qt/translations/gcompris_fr.qm",
        "usr/share/qt6/translations/qt_en.qm",
    }


def test_only_keys_open_the_pc() -> None:
    lines = render("base_system", "sshd.conf.j2").splitlines()
    assert "PermitRootLogin prohibit-password" in lines
    assert "PasswordAuthentication no" in lines
    assert "KbdInteractiveAuthentication no" in lines


def test_what_boots_a_pc_by_bios_by_uefi_and_with_secure_boot_is_in_every_image() -> None:
    needed = {
        "linux-image-amd64",
        "initramfs-tools",
        "grub-pc-bin",
        "grub-efi-amd64-bin",
        "grub-efi-amd64-signed",
        "shim-signed",
        "grub2-common",
        "openssh-server",
        "python3",
        "e2fsprogs",
        "zstd",
    }
    assert needed <= set(defaults("base_system")["base_system_packages"])


def test_the_checks_find_their_tools() -> None:
    assert defaults("desktop")["desktop_check_packages"] == ["scrot", "xdotool"]


def test_the_child_cannot_become_anyone_else() -> None:
    rules = render("classroom_policy", "polkit.rules.j2")
    assert 'subject.user !== "pupil"' in rules
    refused = rules[rules.index("var refused") :]
    for action in ("policykit.exec", "systemd1.", "timedate1.", "udisks2."):
        assert f'"org.freedesktop.{action}"' in refused


def test_a_chinese_room_types_pinyin() -> None:
    text = render("chinese_input", "profile.j2")
    assert "DefaultIM=pinyin" in text
    assert text.index("Name=keyboard-cn") < text.index("Name=pinyin")
