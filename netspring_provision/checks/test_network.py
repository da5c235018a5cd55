"""Is it on the network, and is nothing but SSH open to it?"""

from __future__ import annotations

from netspring_provision.checks.asking import Facts, Seen, part, require

FIREWALL = "inet netspring"
# Clients of DHCP hold these ports to hear the server's answer; no service is behind them.
DHCP_CLIENT = {("udp", "68"), ("udp", "546")}


def test_network_has_an_address(facts: Facts, seen: Seen) -> None:
    """An address on a network card, and its own name leads to itself."""
    addresses = part(facts, "network")["addresses"]
    identity = part(facts, "identity")
    seen(", ".join(addresses) or "-")
    problems = [] if addresses else ["no network card has an address"]
    if not identity["resolves_to"]:
        problems.append(f"its own name {identity['hostname']!r} leads nowhere")
    require(problems)


def test_only_ssh_listens(facts: Facts, seen: Seen) -> None:
    """Nothing but sshd on port 22 can be reached by other computers."""
    listeners = part(facts, "network")["listeners"]
    seen(", ".join(f"{one['program']} {one['protocol']}/{one['port']}" for one in listeners))
    problems = [
        f"{one['program'] or 'something'} listens on {one['protocol']} port {one['port']}"
        for one in listeners
        if (one["protocol"], one["port"]) not in DHCP_CLIENT
        and not (one["protocol"] == "tcp" and one["port"] == "22")
    ]
    if not any(one["protocol"] == "tcp" and one["port"] == "22" for one in listeners):
        problems.append("sshd does not listen on port 22")
    require(problems)


def test_nobody_enters_by_password(facts: Facts, seen: Seen) -> None:
    """The settings that sshd really uses, as it prints them itself."""
    sshd = part(facts, "network")["sshd"]
    seen(", ".join(f"{key} {value}" for key, value in sorted(sshd.items())))
    problems = []
    if sshd.get("passwordauthentication") != "no":
        problems.append("sshd accepts passwords")
    if sshd.get("permitrootlogin") not in ("without-password", "prohibit-password", "no"):
        problems.append(f"root may log in: {sshd.get('permitrootlogin')}")
    require(problems)


def test_firewall_is_on(facts: Facts, seen: Seen) -> None:
    """Our table is there and drops what no rule of it lets in."""
    chains = part(facts, "firewall")["input"]
    seen(", ".join(f"{chain['table']}: {chain['policy']}" for chain in chains) or "-")
    policies = [chain["policy"] for chain in chains if chain["table"] == FIREWALL]
    if policies != ["drop"]:
        require([f"{FIREWALL} judges what comes in by {policies}, expected drop"])
