"""The family filter: DNS servers that do not know unsuitable sites. Off unless a teacher wants it.

The questions of the whole PC then go to these servers, and not to those that the room's router
names. Chromium asks the system, never a server of its own (DnsOverHttpsMode is off by policy).
"""

from __future__ import annotations

import json

from netspring_classroom.files import read, write
from netspring_classroom.settings import Settings
from netspring_classroom.system import System, run

RULES = "etc/NetworkManager/conf.d/netspring-family-filter.conf"
# The servers that "on" stands for: the role's variable classroom_policy_family_servers.
SERVERS = "usr/share/netspring/family-filter.json"
RUNNING = "run/NetworkManager"


def rules(servers: list[str]) -> str:
    """Settings of NetworkManager (NetworkManager.conf(5), global-dns-domain)."""
    return (
        "# Written by netspring-classroom: the family filter.\n"
        "[global-dns-domain-*]\n"
        f"servers={','.join(servers)}\n"
    )


def servers(system: System, chosen: object) -> list[str]:
    """Addresses of the servers; none where the filter is off.

    Args:
        system: the PC.
        chosen: false, true, or a list of addresses.
    """
    if isinstance(chosen, list):
        return [str(one) for one in chosen]
    return list(json.loads(read(system.at(SERVERS)) or "[]")) if chosen else []


def apply(system: System, settings: Settings) -> list[str]:
    """Switch it on or off; a PC that runs asks the new servers at once."""
    path = system.at(RULES)
    wanted = servers(system, settings["family_filter"])
    if wanted:
        changed = write(path, rules(wanted))
    else:
        changed = path.exists()
        path.unlink(missing_ok=True)
    if changed and system.at(RUNNING).is_dir():
        run("nmcli", "general", "reload", timeout=60)
    return [f"/{RULES}"] if changed else []
