"""The network that this PC is in: its own cards, and which neighbours listen on a port."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_classroom.system import run

from netspring_policy.bundle import MAC

# A room's network has one of these masks; a larger one is not searched address by address.
WIDEST_PREFIX = 22
SECONDS = 1.5
AT_ONCE = 256


@dataclass(frozen=True)
class Neighbour:
    """A PC that listens: its address, and its MAC address where the kernel knows it."""

    address: str
    card: str


def cards(root: Path) -> tuple[str, ...]:
    """MAC addresses of the real network cards, wired and wireless (sysfs: they have a device)."""
    found = []
    for folder in sorted((root / "sys/class/net").glob("*")):
        if (folder / "device").exists():
            card = (folder / "address").read_text().strip().lower()
            if MAC.fullmatch(card):
                found.append(card)
    return tuple(found)


def listening(port: int) -> list[Neighbour]:
    """Neighbours that take a connection on a TCP port, in the order of their addresses."""
    places = addresses(_ip("-4", "address"))
    answered = asyncio.run(_knock(places, port))
    known = {one.get("dst"): str(one.get("lladdr", "")) for one in _ip("-4", "neighbour")}
    return [Neighbour(place, known.get(place, "")) for place in answered]


def addresses(links: Iterable[dict[str, Any]]) -> list[str]:
    """All addresses in this PC's own networks but its own, as ``ip -json address`` tells them."""
    places: dict[str, None] = {}
    own = set()
    for link in links:
        for info in link.get("addr_info", []):
            if info.get("scope") != "global" or int(info["prefixlen"]) < WIDEST_PREFIX:
                continue
            own.add(str(info["local"]))
            network = ipaddress.ip_network(f"{info['local']}/{info['prefixlen']}", strict=False)
            places.update(dict.fromkeys(map(str, network.hosts())))
    return [place for place in places if place not in own]


async def _knock(places: list[str], port: int) -> list[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def knock(place: str) -> bool:
        async with limit:
            try:
                async with asyncio.timeout(SECONDS):
                    _, writer = await asyncio.open_connection(place, port)
            except OSError:  # TimeoutError is one
                return False
            writer.close()
            return True

    answers = await asyncio.gather(*map(knock, places))
    return [place for place, answered in zip(places, answers, strict=True) if answered]


def _ip(*words: str) -> list[dict[str, Any]]:
    done = run("ip", "-json", *words, timeout=30)
    done.check_returncode()
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found
