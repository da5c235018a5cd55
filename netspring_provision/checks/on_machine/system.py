"""Everything that can be seen on a machine without its desktop, in one go, as one JSON object.

A part that could not be observed becomes ``{"unobserved": "..."}``, so that the check which
needs it fails instead of guessing. Sizes are bytes, times seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netspring_provision.checks.on_machine import disks, homes, leftovers, parts
from netspring_provision.checks.on_machine.programs import output, run, write_as

SETTLE_SECONDS = 90


def text(path: str) -> str | None:
    """A file's text without the white space around it; ``None`` if it is not there."""
    try:
        return Path(path).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def identity() -> dict[str, Any]:
    """Who the machine says it is."""
    dmi = "/sys/class/dmi/id/"
    hostname = os.uname().nodename
    keys = sorted(Path("/etc/ssh").glob("ssh_host_*_key.pub"))
    return {
        "uuid": (text(dmi + "product_uuid") or "").lower() or None,
        "serial": text(dmi + "product_serial") or None,
        "vendor": text(dmi + "sys_vendor"),
        "product": text(dmi + "product_name"),
        "hostname": hostname,
        "etc_hostname": text("/etc/hostname"),
        "asset_tag": asset_tag(),
        "machine_id": text("/etc/machine-id"),
        "resolves_to": run("getent", "ahosts", hostname).stdout.split()[:1],
        "ssh_host_keys": [" ".join(key.read_text().split()[:2]) for key in keys],
    }


def asset_tag() -> str | None:
    """The asset tag that was written at installation."""
    found = text("/etc/netspring/machine.json")
    return json.loads(found).get("asset_tag") or None if found else None


def image() -> dict[str, Any]:
    """What the image says of itself."""
    found: dict[str, Any] = json.loads(Path("/etc/netspring/image.json").read_text())
    return found


def boot() -> dict[str, Any]:
    """Which root the machine runs from and how it came to it."""
    cmdline = text("/proc/cmdline") or ""
    fstab = [
        dict(zip(("spec", "file", "type", "options"), line.split()[:4], strict=False))
        for line in (text("/etc/fstab") or "").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    return {
        "cmdline": re.sub(r"netspring\.token=\S+", "netspring.token=...", cmdline),
        "live_marker": Path("/run/netspring-live").exists(),
        "live_token": "netspring.token=" in cmdline,
        "firmware": "uefi" if Path("/sys/firmware/efi").is_dir() else "bios",
        "root": mount("/"),
        "home": mount("/home"),
        "fstab": fstab,
    }


def mount(where: str, by: str = "--mountpoint") -> dict[str, Any] | None:
    """What is mounted at ``where``, with UUID and partition label; sizes in bytes.

    With ``--target`` for ``by``: the file system that this file or folder lies on.
    """
    done = run(
        "findmnt", "--json", "--bytes", by, where, "--output",
        "SOURCE,FSTYPE,OPTIONS,UUID,PARTLABEL,SIZE,AVAIL",
    )  # fmt: skip
    if done.returncode != 0:
        return None
    found: dict[str, Any] = json.loads(done.stdout)["filesystems"][0]
    return found


def grown() -> dict[str, Any]:
    """Size of the root file system by its own superblock, and of the partition it lies on."""
    source = (mount("/") or {})["source"]
    header = output("dumpe2fs", "-h", source)
    numbers = dict(re.findall(r"^(Block count|Block size):\s+(\d+)", header, re.MULTILINE))
    return {
        "filesystem_bytes": int(numbers["Block count"]) * int(numbers["Block size"]),
        "partition_bytes": int(output("blockdev", "--getsize64", source)),
    }


def pupil(name: str) -> dict[str, Any]:
    """Whether the child has an account and may write in its own home."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return {"exists": False}
    return {
        "exists": True,
        "uid": user.pw_uid,
        "home": user.pw_dir,
        **write_as(user, Path(user.pw_dir)),
        "partlabel": (mount(user.pw_dir) or mount("/home") or {}).get("partlabel"),
    }


def units() -> dict[str, Any]:
    """Systemd's own verdict, once it has finished starting."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        state = run("systemctl", "is-system-running").stdout.strip()
        if state not in ("initializing", "starting") or time.monotonic() > deadline:
            break
        time.sleep(1)
    listed = output("systemctl", "--failed", "--plain", "--no-legend", "--full")
    return {"state": state, "failed": [line.split()[0] for line in listed.splitlines() if line]}


def foreign(accounts: list[str]) -> dict[str, Any]:
    """Files that are nobody's here; older than the file system of the homes is older than all."""
    home = mount("/home") or {}
    installed = homes.made(home["source"], output)
    return {"installed": installed, **homes.foreign(accounts, installed)}


def kernel() -> dict[str, Any]:
    """Complaints of the kernel about the PC's own disks since the machine was switched on."""
    lines = output("journalctl", "--dmesg", "--boot", "--output=cat", "--no-pager").splitlines()
    if not lines:
        lines = output("dmesg").splitlines()
    if not lines:
        raise RuntimeError("the kernel's log is empty")
    return {"lines": len(lines), "disk_errors": disks.complaints(lines, disks.names())}


def memory() -> dict[str, Any]:
    """RAM and what serves as swap."""
    table = text("/proc/meminfo") or ""
    numbers = {name: int(kib) * 1024 for name, kib in re.findall(r"(\w+):\s+(\d+) kB", table)}
    swaps = [line.split()[0] for line in (text("/proc/swaps") or "").splitlines()[1:]]
    used = numbers["MemTotal"] - numbers["MemAvailable"]
    return {"bytes": numbers["MemTotal"], "used": used, "swaps": swaps}


def locale(wanted: str | None) -> dict[str, Any]:
    """The language the machine is set to, those it can speak, and what is not in that wanted.

    Its own program compares every file that depends on the language with how it ought to be.
    """
    setting = text("/etc/default/locale") or text("/etc/locale.conf") or ""
    lang = re.search(r'^LANG="?([^"\n]+)', setting, re.MULTILINE)
    name = wanted or (lang[1].partition(".")[0] if lang else "")
    return {
        "lang": lang[1] if lang else None,
        "available": output("locale", "-a").split(),
        "unlike": output("netspring-language", name, "--pretend").splitlines(),
    }


def packages() -> dict[str, Any]:
    """Installed packages and their versions, and what dpkg finds half-done."""
    listed = output("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package} ${Version}\n")
    rows = [line.split() for line in listed.splitlines()]
    return {
        "installed": {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == "ii"},
        "half_done": [" ".join(row[:2]) for row in rows if row and row[0] not in ("ii", "rc")],
    }


def network() -> dict[str, Any]:
    """Addresses, and what answers to the network."""
    addresses = json.loads(output("ip", "-json", "address"))
    return {
        "addresses": [
            f"{link['ifname']} {info['local']}"
            for link in addresses
            if link["ifname"] != "lo"
            for info in link.get("addr_info", [])
            if info.get("scope") == "global"
        ],
        "listeners": listeners(output("ss", "-H", "-l", "-t", "-u", "-n", "-p")),
        "sshd": dict(
            line.split(" ", 1)
            for line in output("sshd", "-T").splitlines()
            if line.startswith(("passwordauthentication ", "permitrootlogin ", "port "))
        ),
    }


def listeners(table: str) -> list[dict[str, str]]:
    """Lines of ``ss -Hltunp`` that are open to other computers, not only to this one."""
    found = []
    for line in table.splitlines():
        words = line.split()
        if len(words) < 6:
            continue
        address, _, port = words[4].rpartition(":")
        bare = address.strip("[]").split("%")[0].strip("[]")
        if bare.startswith("127.") or bare == "::1":
            continue
        program = re.search(r'\(\("([^"]+)"', line)
        found.append(
            {
                "protocol": words[0],
                "address": address,
                "port": port,
                "program": program[1] if program else "",
            }
        )
    return found


def firewall() -> dict[str, Any]:
    """Chains that judge what comes in, with what becomes of a packet that no rule speaks of."""
    rules = json.loads(output("nft", "--json", "list", "ruleset"))["nftables"]
    chains = [entry["chain"] for entry in rules if "chain" in entry]
    return {
        "input": [
            {"table": f"{chain['family']} {chain['table']}", "policy": chain.get("policy")}
            for chain in chains
            if chain.get("hook") == "input"
        ]
    }


def clock() -> dict[str, Any]:
    """The machine's idea of the time, seconds since 1970."""
    zone = os.path.realpath("/etc/localtime")
    return {"epoch": time.time(), "timezone": zone.partition("zoneinfo/")[2] or None}


def gather(question: dict[str, Any]) -> dict[str, Any]:
    """All parts; one that fails says why and spoils no other."""
    looks: dict[str, Callable[[], Any]] = {
        # First, so that the machine has settled before anything else is looked at.
        "units": units,
        "clock": clock,
        "identity": identity,
        "image": image,
        "boot": boot,
        "grown": grown,
        "pupil": lambda: pupil(question["pupil"]),
        "works": lambda: homes.works(question["pupil"], lambda path: mount(path, "--target")),
        "people": homes.people,
        "foreign": lambda: foreign(question["accounts"]),
        "drives": parts.drives,
        "hardware": parts.hardware,
        "kernel": kernel,
        "memory": memory,
        "locale": lambda: locale(question["locale"]),
        "packages": packages,
        "network": network,
        "firewall": firewall,
        "disks": lambda: disks.all_disks([mark.encode() for mark in question["donor_marks"]]),
        "leftovers": lambda: leftovers.find(question["token_sha256"]),
    }
    answer: dict[str, Any] = {"schema": 1, "nonce": question["nonce"], "seconds": {}}
    for name, look in looks.items():
        began = time.monotonic()
        try:
            answer[name] = look()
        except Exception as error:  # noqa: BLE001  (whatever it is, the check must get to see it)
            answer[name] = {"unobserved": f"{type(error).__name__}: {error}"}
        answer["seconds"][name] = round(time.monotonic() - began, 2)
    proof = f"{question['nonce']} {answer['identity'].get('uuid')}"
    answer["proof"] = hashlib.sha256(proof.encode()).hexdigest()
    return answer
