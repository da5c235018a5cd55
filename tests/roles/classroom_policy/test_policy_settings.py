"""What the classroom's settings mean for the browser and the family filter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
import yaml
from netspring_classroom.settings import DEFAULTS
from netspring_classroom.system import System
from netspring_policy import browser, family

from tests.on_target import ROLES

ROLE = ROLES / "classroom_policy"
LANGUAGES = ("zh_CN", "en_US", "fr_FR")


def test_the_first_page_is_the_pcs_own_until_a_teacher_names_one(pc: System) -> None:
    assert browser.apply(pc, DEFAULTS) == [f"/{browser.POLICY}"]
    rules = json.loads(pc.at(browser.POLICY).read_text())
    assert rules["HomepageLocation"] == rules["NewTabPageLocation"] == browser.OWN_PAGE
    assert browser.apply(pc, DEFAULTS) == []
    page = 'http://mirror.example/"班级"?a=1&b=2'
    assert browser.apply(pc, {**DEFAULTS, "start_page": page}) == [f"/{browser.POLICY}"]
    assert json.loads(pc.at(browser.POLICY).read_text())["NewTabPageLocation"] == page


def test_no_rule_of_the_browser_stands_in_two_files() -> None:
    general = yaml.safe_load((ROLE / "vars/main.yml").read_text())["classroom_policy_chromium"]
    assert not set(general) & set(json.loads(browser.policy("")))
    assert general["MetricsReportingEnabled"] is False
    assert general["BrowserSignin"] == 0
    assert general["DnsOverHttpsMode"] == "off", "YAML must not make it a truth value"


@pytest.mark.parametrize(
    ("chosen", "servers"),
    [(True, "192.0.2.3,2001:db8::3"), (["198.51.100.7"], "198.51.100.7"), (False, None)],
)
def test_the_family_filter_is_on_only_where_it_is_wanted(
    pc: System, chosen: object, servers: str | None
) -> None:
    path = pc.at(family.RULES)
    changed = family.apply(pc, {**DEFAULTS, "family_filter": chosen})
    assert changed == ([f"/{family.RULES}"] if servers else [])
    assert family.apply(pc, {**DEFAULTS, "family_filter": chosen}) == []
    if servers:
        text = path.read_text()
        assert f"[global-dns-domain-*]\nservers={servers}\n" in text
        assert family.apply(pc, DEFAULTS) == [f"/{family.RULES}"]
    assert not path.exists()


def test_as_delivered_nobody_is_asked_who_was_not_chosen() -> None:
    assert DEFAULTS["family_filter"] is False
    assert DEFAULTS["screens"] is False


def test_a_hook_tells_what_it_changed_and_what_went_wrong(pc: System, tmp_path: Path) -> None:
    settings = tmp_path / "classroom.json"
    settings.write_text(json.dumps({**DEFAULTS, "start_page": "file:///x.html"}))
    script = (
        "import sys; sys.path[:0] = sys.argv[3:]\n"
        "from netspring_policy import browser, command\n"
        "from netspring_classroom.system import System\n"
        "from pathlib import Path\n"
        "command.System = lambda: System(Path(sys.argv[1]))\n"
        "sys.exit(command.hook([sys.argv[2]], browser.apply))\n"
    )
    folders = [str(ROLES / name / "files") for name in ("works", "classroom", "classroom_policy")]
    argv = [sys.executable, "-c", script, str(pc.root), str(settings), *folders]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"/{browser.POLICY}\n"), done.stderr
    pc.at("etc/chromium").rename(pc.at("etc/other"))
    pc.at("etc/chromium").write_text("a file where a folder should be")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("not written: ")


def texts(language: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((ROLE / f"files/start_texts/{language}.json").read_text())
    return found


def test_the_start_page_says_the_same_in_every_language() -> None:
    shapes = [
        {key: len(value) if isinstance(value, list) else str for key, value in texts(one).items()}
        for one in LANGUAGES
    ]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_teachers_program_names_switches_as_they_are_called(language: str) -> None:
    watch = json.loads((ROLE / f"files/texts/watch/{language}.json").read_text())
    teacher = json.loads((ROLES / f"classroom/files/texts/teacher/{language}.json").read_text())
    english = json.loads((ROLE / "files/texts/watch/en_US.json").read_text())
    assert list(watch) == list(english)
    for word in ("title", "page_classroom", "screens"):
        assert teacher[word] in watch["written"], word


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_start_page_loads_nothing_and_leads_to_the_help(language: str) -> None:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    page = environment.from_string((ROLE / "templates/start.html.j2").read_text()).render(
        classroom_policy_language=language, classroom_policy_texts=texts(language)
    )
    assert 'href="file:///usr/share/netspring/help/index.html"' in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    for rule in texts(language)["rules"]:  # type: ignore[attr-defined]
        assert str(rule) in page
