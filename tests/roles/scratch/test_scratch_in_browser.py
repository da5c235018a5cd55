"""Scratch as a child has it: its window without any network, saving, opening, the green flag.

Needs root, npm, chromium, Xvfb; the starter, the page and the package are the ones of the PC.
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import load_module
from tests.roles.scratch.browser import Browser
from tests.roles.scratch.role import PAGES, defaults, starter

pytestmark = pytest.mark.slow
bundle = load_module("scratch", "netspring_scratch_bundle")
library = load_module("scratch", "netspring_scratch_library")
PUPIL = 61234  # a number that belongs to nobody, and may do nothing
READY = "['ready', 'opened'].includes(document.documentElement.dataset.netspring)"
CAT = "netspring.vm.runtime.targets[1]"
# How many pixels of the stage are of the cat's orange, and the middle of them, in stage pixels.
ORANGE = """new Promise(resolve => netspring.vm.renderer.requestSnapshot(async address => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement('canvas');
  canvas.width = 480;
  canvas.height = 360;
  const context = canvas.getContext('2d');
  context.drawImage(picture, 0, 0, 480, 360);
  const {data} = context.getImageData(0, 0, 480, 360);
  let count = 0;
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] > 240 && Math.abs(data[at + 1] - 171) < 12 && data[at + 2] < 60) {
      count += 1;
      sum += (at / 4) % 480;
    }
  }
  resolve([count, sum / count]);
}))"""
MENU = "document.querySelectorAll('[class*=\"menu-bar_menu-bar-item_\"]')"
# The blocks: when the green flag is clicked, move 60 steps.
BLOCKS: dict[str, dict[str, Any]] = {
    "flag": {
        "opcode": "event_whenflagclicked", "next": "move", "parent": None, "inputs": {},
        "fields": {}, "shadow": False, "topLevel": True, "x": 40, "y": 60,
    },
    "move": {
        "opcode": "motion_movesteps", "next": None, "parent": "flag",
        "inputs": {"STEPS": [1, [4, "60"]]}, "fields": {}, "shadow": False, "topLevel": False,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that the pupil can get into: pytest's own are root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="netspring-scratch-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed(place: Path) -> Path:
    """The starter, with the application laid out as on a PC."""
    values = defaults()
    # Where the role keeps it, too: the package is 150 MB.
    kept = Path.home() / ".cache/netspring/scratch"
    cache = Path(os.environ.get("NETSPRING_SCRATCH_CACHE", kept))
    cache.mkdir(parents=True, exist_ok=True)
    package = bundle.fetched(
        values["scratch_package"], values["scratch_version"], values["scratch_integrity"], cache
    )
    files = bundle.application(package, PAGES, "")
    assert sum(map(len, files.values())) < 21_000_000
    with tarfile.open(fileobj=io.BytesIO(bundle.packed(files, "app"))) as tar:
        tar.extractall(place, filter="data")
    (place / "library.js").write_text("")
    (place / "locale").mkdir()
    made = ["localedef", "-i", "zh_CN", "-f", "UTF-8", str(place / "locale/zh_CN.UTF-8")]
    subprocess.run(made, check=True)
    path = place / "netspring-scratch"
    path.write_text(starter(folder=str(place), ident="app"))
    path.chmod(0o755)
    # The browser's starter takes no flags from outside, so that one more stands before it.
    shim = place / "bin" / "chromium"
    shim.parent.mkdir()
    shim.write_text('#!/bin/sh\nexec /usr/bin/chromium --remote-debugging-pipe "$@"\n')
    shim.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen of the smallest size that the rooms have."""
    readable, writable = os.pipe()
    argv = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1024x768x24"]
    with subprocess.Popen(argv, pass_fds=(writable,), stderr=subprocess.DEVNULL) as server:
        os.close(writable)
        number = os.read(readable, 16).decode().strip()
        yield f":{number}"
        server.terminate()
    os.close(readable)


class Child:
    """A child's account, and Scratch started in it."""

    def __init__(self, installed: Path, display: str, home: Path) -> None:
        self.installed = installed
        self.home = home
        self.works = home / "我的作品"
        home.mkdir()
        os.chown(home, PUPIL, PUPIL)
        self._environment = {
            "DISPLAY": display,
            "HOME": str(home),
            "LANG": "zh_CN.UTF-8",
            "LOCPATH": str(installed.parent / "locale"),
            "PATH": f"{installed.parent / 'bin'}:/usr/bin:/bin",
        }

    def scratch(self, *words: str) -> Browser:
        """Scratch in a network of its own with no way out, not even to this PC."""
        ids = (f"--reuid={PUPIL}", f"--regid={PUPIL}", "--clear-groups")
        argv = ["unshare", "--net", "setpriv", *ids, str(self.installed), *words]
        browser = Browser(argv, self._environment, self.installed.parent / "browser.log")
        browser.attach()
        browser.await_true(READY, 60)
        return browser

    def saved(self, name: str) -> Path:
        """A project in the folder of works, once the browser has written all of it."""
        path = self.works / name
        deadline = time.monotonic() + 20
        # The browser first reserves the name by an empty file.
        while not zipfile.is_zipfile(path) or list(self.works.glob("*.crdownload")):
            there = sorted(p.name for p in self.works.iterdir())
            assert time.monotonic() < deadline, f"{name} was not saved, there is {there}"
            time.sleep(0.2)
        return path


@pytest.fixture(scope="module")
def child(installed: Path, display: str, place: Path) -> Child:
    return Child(installed, display, place / "home")


@pytest.fixture(scope="module")
def project(child: Child) -> Path:
    """The starting project, saved by the menu, with two blocks more."""
    with child.scratch() as browser:
        browser.click(f"{MENU}[2]")
        items = "document.querySelectorAll('[class*=\"menu_menu-item_\"]')"
        browser.await_true(f"{items}.length >= 3", 5)
        texts = browser.ask(f"[...{items}].map(each => each.innerText)")
        assert texts == ["新作品", "从电脑中打开", "保存到电脑"]
        browser.click(f"{items}[2]")
        path = child.saved("Scratch作品.sb3")
    with zipfile.ZipFile(path) as saved:
        content = {name: saved.read(name) for name in saved.namelist()}
    told = json.loads(content["project.json"])
    cat = told["targets"][1]
    assert [costume["assetId"] for costume in cat["costumes"]] == [
        "bcf454acf82e4504149f7ffe07081dbc",
        "0fb9be3e8397c983338cb71dc84d0b25",
    ]
    cat["blocks"] = BLOCKS
    content["project.json"] = json.dumps(told).encode()
    path.unlink()
    walking = child.works / "走路.sb3"
    with zipfile.ZipFile(walking, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)
    os.chown(walking, PUPIL, PUPIL)
    return walking


def addresses(browser: Browser) -> list[str]:
    """What the page asked for, but for what it carries in itself."""
    asked = (
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    )
    return [address for address in asked if not address.startswith(("data:", "blob:"))]


def test_the_cat_is_there_in_chinese_and_nothing_is_missing_or_asked_outside(child: Child) -> None:
    with child.scratch() as browser:
        browser.await_true("document.body.innerText.includes('运动')", 20)
        assert browser.ask("document.documentElement.lang") == "zh-cn"
        pixels, middle = browser.ask(ORANGE)
        assert pixels > 500
        assert 230 < middle < 250
        time.sleep(3)  # what is loaded when the editor has nothing else to do
        asked = addresses(browser)
        assert asked
        assert [address for address in asked if not address.startswith("file:///")] == []
        failed = [
            event["params"]["errorText"]
            for event in browser.events
            if event.get("method") == "Network.loadingFailed"
        ]
        assert [reason for reason in failed if reason != "net::ERR_ABORTED"] == []
        thrown = [e for e in browser.events if e.get("method") == "Runtime.exceptionThrown"]
        assert thrown == []
        for kind in ("tcp", "tcp6"):
            sockets = Path(f"/proc/{browser.process.pid}/net/{kind}").read_text().splitlines()[1:]
            assert [line for line in sockets if line.split()[3] == "0A"] == []  # TCP_LISTEN
        hidden = browser.ask(
            "[...document.querySelectorAll('.tutorials-button, a[href^=http]')]"
            ".filter(each => each.offsetParent).length"
        )
        assert hidden == 0


def test_a_saved_project_opens_by_a_click_and_its_green_flag_moves_the_cat(
    child: Child, project: Path
) -> None:
    with child.scratch(str(project)) as browser:
        browser.await_true("document.documentElement.dataset.netspring === 'opened'", 30)
        assert browser.ask("netspring.state.store.getState().scratchGui.projectTitle") == "走路"
        before = browser.ask(ORANGE)
        browser.click("document.querySelector('[class*=\"green-flag_green-flag-button_\"]')")
        browser.await_true(f"{CAT}.x === 60", 5)
        time.sleep(0.5)
        after = browser.ask(ORANGE)
        assert 55 < after[1] - before[1] < 65


def test_the_menu_opens_a_project_and_saving_twice_keeps_both(child: Child, project: Path) -> None:
    with child.scratch() as browser:
        browser.call("Page.setInterceptFileChooserDialog", enabled=True)
        browser.click(f"{MENU}[2]")
        items = "document.querySelectorAll('[class*=\"menu_menu-item_\"]')"
        browser.await_true(f"{items}.length >= 3", 5)
        browser.click(f"{items}[1]")
        deadline = time.monotonic() + 10
        chosen: list[dict[str, Any]] = []
        while not chosen:
            assert time.monotonic() < deadline, "no file was asked for"
            browser.ask("1")
            chosen = [e for e in browser.events if e.get("method") == "Page.fileChooserOpened"]
            time.sleep(0.1)
        browser.call(
            "DOM.setFileInputFiles",
            files=[str(project)],
            backendNodeId=chosen[0]["params"]["backendNodeId"],
        )
        blocks = f"{CAT} && Object.keys({CAT}.blocks._blocks).length"
        browser.await_true(f"{blocks} >= 2", 20)
        changed = "netspring.state.store.getState().scratchGui.projectChanged"
        for name in ("走路 (1).sb3", "走路 (2).sb3"):
            browser.ask(f"netspring.vm.setEditingTarget({CAT}.id)")
            browser.ask("netspring.vm.postSpriteInfo({y: Math.random()})")
            browser.await_true(changed, 5)
            browser.ask("netspring.save()")
            browser.await_true(f"!{changed}", 5)
            again = child.saved(name)
            with zipfile.ZipFile(again) as saved:
                told = json.loads(saved.read("project.json"))
            opcodes = {block["opcode"] for block in told["targets"][1]["blocks"].values()}
            assert opcodes == {"event_whenflagclicked", "motion_movesteps"}


def test_libraries_show_only_what_is_there_and_extensions_only_what_works(child: Child) -> None:
    item = "[...document.querySelectorAll('[class*=\"library-item_library-item_\"]')]"
    with child.scratch() as browser:
        browser.click("document.querySelector('[class*=\"sprite-selector_add-button_\"] button')")
        browser.await_true(f"{item}.length", 10)
        browser.await_true(
            f"{item}.every(each => each.querySelector('img') && "
            "each.querySelector('img').naturalWidth)",
            10,
        )
        assert browser.ask(f"{item}.map(each => each.innerText.trim())") == ["Cat"]
        browser.click(f"{item}[0]")
        browser.await_true("netspring.vm.runtime.targets.length === 3", 10)
        browser.click("document.querySelector('[class*=\"extension-button_extension-button_\"]')")
        browser.await_true(f"{item}.length", 10)
        shown = browser.ask(f"{item}.filter(each => each.offsetParent).map(each => each.id)")
        assert shown == ["music", "pen", "videoSensing"]
        browser.click(f"{item}[0]")
        browser.await_true("netspring.vm.extensionManager.isExtensionLoaded('music')", 10)
        # There is no backdrop: the button paints a new one.
        browser.click("document.querySelector('[class*=\"stage-selector_add-button_\"] button')")
        browser.await_true("netspring.vm.runtime.targets[0].sprite.costumes.length === 2", 10)
        assert browser.ask(f"{item}.length") == 0


def test_pictures_of_tux_paint_become_sprites_and_backdrops_and_are_saved(
    child: Child, place: Path
) -> None:
    stamps = place / "tuxpaint" / "stamps"
    (stamps / "animals").mkdir(parents=True)
    size = 'width="90" height="30"'
    form = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect {size}'
    (stamps / "animals" / "fish.svg").write_text(f'{form} fill="#00f"/></svg>')
    (stamps / "animals" / "fish.txt").write_text("A fish.\nzh_cn.utf8=鱼。\n")
    (place / "tuxpaint" / "reef-back.svg").write_text(f'{form} fill="#0f0"/></svg>')
    listed = {
        "sprites": library.sprites(stamps, {"animals": "animals"}, 40960),
        "backdrops": [library.entry(place / "tuxpaint" / "reef-back.svg", ["outdoors"])],
    }
    (place / "library.js").write_text(f"window.NETSPRING_LIBRARY = {json.dumps(listed)};")
    item = "[...document.querySelectorAll('[class*=\"library-item_library-item_\"]')]"
    with child.scratch() as browser:
        browser.click("document.querySelector('[class*=\"sprite-selector_add-button_\"] button')")
        browser.await_true(f"{item}.length", 10)
        browser.await_true(f"{item}.every(each => each.querySelector('img')?.naturalWidth)", 10)
        assert browser.ask(f"{item}.map(each => each.innerText.trim())") == ["Cat", "鱼"]
        browser.click(f"{item}[1]")
        browser.await_true("netspring.vm.runtime.targets.length === 3", 10)
        browser.click("document.querySelector('[class*=\"stage-selector_add-button_\"] button')")
        browser.await_true(f"{item}.length", 10)
        assert browser.ask(f"{item}.map(each => each.innerText.trim())") == ["珊瑚礁"]
        browser.click(f"{item}[0]")
        browser.await_true("netspring.vm.runtime.targets[0].sprite.costumes.length === 2", 10)
        browser.ask("netspring.save()")
        path = child.saved("Scratch作品.sb3")
        with zipfile.ZipFile(path) as saved:
            told = json.loads(saved.read("project.json"))
            fish = told["targets"][2]["costumes"][0]
            reef = told["targets"][0]["costumes"][1]
            for costume in (fish, reef):
                assert saved.read(f"{costume['assetId']}.png").startswith(b"\x89PNG")
        assert (fish["rotationCenterX"], fish["rotationCenterY"]) == (160, 53.5)
        assert (reef["rotationCenterX"], reef["rotationCenterY"]) == (480, 360)
    # The project holds the pictures: it opens on a PC that has no Tux Paint.
    (place / "library.js").write_text("")
    with child.scratch(str(path)) as browser:
        browser.await_true("document.documentElement.dataset.netspring === 'opened'", 30)
        sizes = browser.ask(
            "netspring.vm.runtime.targets.map(each => each.sprite.costumes.at(-1).size)"
        )
        assert sizes[0] == [960, 720]
        assert sizes[2] == [320, 107]
