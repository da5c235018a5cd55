"""Connects pytest to one machine, chooses the checks that fit it, and keeps what was seen.

One pytest process checks one machine. The facts are fetched once for all checks, since under
emulation each command over SSH costs about a second.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import testinfra

from netspring_provision.checks import asking, catalogue
from netspring_provision.checks.expectation import Expectation

EXPECTED = pytest.StashKey[Expectation]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that ``netspring verify`` gives."""
    group = parser.getgroup("netspring")
    group.addoption("--netspring-expectation", help="JSON file: what the machine is to be")
    group.addoption("--netspring-nonce", help="number that the machine must send back")
    group.addoption("--netspring-out", help="folder for facts and pictures")
    group.addoption("--netspring-progress-fd", type=int, help="descriptor for progress lines")


def pytest_configure(config: pytest.Config) -> None:
    """Read what the machine is expected to be; without it nothing can be checked."""
    named = config.getoption("--netspring-expectation")
    if not named or not config.getoption("--netspring-out"):
        raise pytest.UsageError("these checks are run by: netspring verify -i INVENTORY")
    if len((config.getoption("--hosts") or "").split(",")) != 1:
        raise pytest.UsageError("one pytest process checks one machine")
    config.stash[EXPECTED] = Expectation.read(Path(named))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One check for each program of the profile; those that do not fit are taken away later."""
    if "app" in metafunc.fixturenames:
        apps = metafunc.config.stash[EXPECTED].features.apps
        metafunc.parametrize("app", apps, ids=[app.name for app in apps])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take away the checks that do not fit the profile; give each its texts for the report."""
    expected = config.stash[EXPECTED]
    wanted = expected.required
    fitting = [item for item in items if check_name(item) in wanted]
    others = [item for item in items if check_name(item) not in wanted]
    for item in fitting:
        text = catalogue.text_for(check_name(item), expected.profile)
        for kind, words in (("ask", text.ask), ("mend", text.mend)):
            item.user_properties += [(f"{kind}_zh", words.zh), (f"{kind}_en", words.en)]
    order = {name: place for place, name in enumerate(wanted)}
    items[:] = sorted(fitting, key=lambda item: order[check_name(item)])
    config.hook.pytest_deselected(items=others)


def check_name(item: pytest.Item) -> str:
    """``test_app_opens[tuxpaint]`` -> ``app_opens[tuxpaint]``."""
    return item.name.removeprefix("test_")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell the station of each finished check."""
    config = _running.get("config")
    descriptor = config.getoption("--netspring-progress-fd") if config else None
    if descriptor is None or (report.when == "setup" and report.passed):
        return
    if report.when == "teardown" and report.passed:
        return
    name = report.nodeid.rpartition("::")[2].removeprefix("test_")
    line = json.dumps({"check": name, "outcome": report.outcome})
    os.write(descriptor, (line + "\n").encode())


_running: dict[str, pytest.Config] = {}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the configuration for the hook above, which is not given it."""
    _running["config"] = session.config


@pytest.fixture(scope="session")
def expected(pytestconfig: pytest.Config) -> Expectation:
    """What this machine is to be."""
    return pytestconfig.stash[EXPECTED]


@pytest.fixture(scope="session")
def ask(pytestconfig: pytest.Config, expected: Expectation) -> Callable[[str], dict[str, Any]]:
    """Asks the machine itself, over testinfra's connection; the answer must carry our nonce."""
    host = testinfra.get_host(
        pytestconfig.getoption("--hosts"), ssh_config=pytestconfig.getoption("--ssh-config")
    )
    given = pytestconfig.getoption("--netspring-nonce") or secrets.token_hex(16)

    def question(what: str) -> dict[str, Any]:
        done = host.run(asking.command(what, expected.question(given)))
        if done.rc != 0:
            pytest.fail(f"it could not answer ({done.rc}): {done.stderr[-500:]}", pytrace=False)
        return asking.read_answer(done.stdout, given)

    return question


@pytest.fixture(scope="session")
def facts(ask: Callable[[str], dict[str, Any]], pytestconfig: pytest.Config) -> asking.Facts:
    """All that can be seen without the desktop; asked once."""
    asked = time.time()
    found = ask("system")
    found["station"] = {"asked": asked, "answered": time.time()}
    uuid = part_or_none(found, "identity").get("uuid")
    nonce = pytestconfig.getoption("--netspring-nonce") or found["nonce"]
    proof = hashlib.sha256(f"{nonce} {uuid}".encode()).hexdigest()
    if found.get("proof") != proof:
        pytest.fail("the answer does not belong to this question", pytrace=False)
    _keep(pytestconfig, "facts.json", json.dumps(found, ensure_ascii=False, indent=1).encode())
    return found


@pytest.fixture(scope="session")
def desktop(ask: Callable[[str], dict[str, Any]], pytestconfig: pytest.Config) -> asking.Facts:
    """What the child sees: session, screen, programs; asked once."""
    found = ask("desktop")
    for name, entry in {"screenshot": found.get("screen"), **found.get("apps", {})}.items():
        if entry and entry.get("png"):
            _keep(pytestconfig, f"{name}.png", base64.b64decode(entry.pop("png")))
    _keep(pytestconfig, "desktop.json", json.dumps(found, ensure_ascii=False, indent=1).encode())
    return found


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> asking.Seen:
    """Keeps what a check saw, for the report."""
    return lambda text: record_property("seen", text)


def part_or_none(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One part of the facts, or an empty one."""
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def _keep(config: pytest.Config, name: str, content: bytes) -> None:
    folder = Path(config.getoption("--netspring-out"))
    (folder / name).write_bytes(content)
