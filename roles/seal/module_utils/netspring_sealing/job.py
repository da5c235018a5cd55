"""The order of a sealing: every check, the tag, the traces, the ways in, and last the word.

It may be broken off anywhere. Until the way in is closed the station comes back and runs it again;
what is done is not done twice. The mark that says "sealed" is written when all else is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.netspring_sealing import access, rescue, traces
from ansible.module_utils.netspring_sealing.host import Host, RefusedError, SealError

MACHINE = "etc/netspring/machine.json"
TAG = "etc/netspring/asset-tag.txt"
MARK = "etc/netspring/sealed.json"
# agetty(8) shows these above the login of a text console (Ctrl+Alt+F2), also without a desktop.
ISSUE = "etc/issue.d/netspring.issue"
SEALED_ISSUE = "etc/issue.d/netspring-sealed.issue"
DMI = "sys/class/dmi/id"
NOTHING = "nothing was changed"


@dataclass(frozen=True)
class Order:
    """What the station knows of the PC that it wants sealed.

    Attributes:
        uuid: SMBIOS UUID; empty where a plain Ansible user does not know it.
        hostname: its name.
        asset_tag: what is written on its sticker.
        station_key: the public key that is to be taken away.
        texts: what is written on the PC, by its name.
        may_listen: TCP ports that may stay open to others, such as a teacher's program.
    """

    uuid: str
    hostname: str
    asset_tag: str
    station_key: str
    texts: Mapping[str, str]
    may_listen: frozenset[int] = frozenset()

    def text(self, name: str) -> str:
        """A text with the tag and the name filled in, ending with a line's end."""
        text = self.texts[name].replace("@TAG@", self.asset_tag).replace("@NAME@", self.hostname)
        return text.rstrip("\n") + "\n"


def run(host: Host, order: Order) -> dict[str, Any]:
    """Seal the PC; returns the result without its envelope.

    Raises:
        RefusedError: a check said no; nothing was changed.
        SealError: a deed failed; the station may still enter, except where it says otherwise.
    """
    _check(host, order)
    ports = access.ports_of_sshd(host)
    tcp = sorted(access.listening(host) - ports - order.may_listen)
    others = [f"TCP port {port}" for port in tcp]
    others += [f"UDP port {port}" for port in sorted(access.listening(host, "udp"))]
    if others:
        raise RefusedError(
            f"{others[0]} of it is open to other computers; {NOTHING}",
            "see on the PC what it is (ss -lntup); switch it off, or allow it: seal_may_listen",
        )
    host.write(TAG, order.text("tag"))
    host.write(ISSUE, _escaped(order.text("issue")))
    traces.take_away(host)
    rescue.close(host)
    access.close(host, ports)
    try:
        _mark(host, order)
    except OSError as error:
        raise SealError(
            f"it is closed, but that could not be written on its disk: {error}",
            "look at its disk (is it full, or broken?); it counts as not sealed: install it again",
        ) from error
    return {
        "outcome": "would be sealed" if host.pretend else "sealed",
        "uuid": uuid_of(host),
        "hostname": order.hostname,
        "asset_tag": order.asset_tag,
        "dmi_asset_tag": host.read(f"{DMI}/chassis_asset_tag"),
        "listening": sorted(access.listening(host)),
        "changed": host.changed,
    }


def uuid_of(host: Host) -> str | None:
    """SMBIOS UUID in lower case."""
    return (host.read(f"{DMI}/product_uuid") or "").lower() or None


def _check(host: Host, order: Order) -> None:
    """Is it an installed PC, and the very one; and has nobody else a key to it?"""
    if host.at("run/netspring-live").exists():
        raise RefusedError(
            f"it runs the live environment; {NOTHING}", "let it boot from its own disk"
        )
    try:
        machine = json.loads(host.at(MACHINE).read_text(encoding="utf-8"))
        told = {name: str(machine[name]) for name in ("hostname", "asset_tag")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"/{MACHINE} cannot be read, so it is not known which PC this is; {NOTHING}",
            "install it again: netspring provision",
        ) from error
    answers = {**told, "uuid": uuid_of(host) or ""}
    wanted = {"hostname": order.hostname, "asset_tag": order.asset_tag, "uuid": order.uuid.lower()}
    for name, value in wanted.items():
        if value and answers[name] != value:
            raise RefusedError(
                f"its {name} is {answers[name]!r}, and {value!r} is to be sealed; {NOTHING}",
                "compare the label on the case with the inventory, and look at the cable",
            )
    foreign = access.foreign_keys(host, order.station_key)
    if foreign:
        raise RefusedError(
            f"another key than this station's opens it ({foreign[0]}); {NOTHING}",
            "take that line out of the file on the PC, then seal again",
        )


def _mark(host: Host, order: Order) -> None:
    """Say on the PC itself that it is sealed: a person looks for it when no answer came."""
    known = host.read(MARK)
    try:
        same = known is not None and json.loads(known)["asset_tag"] == order.asset_tag
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        mark = {
            "schema": 1,
            "asset_tag": order.asset_tag,
            "hostname": order.hostname,
            "sealed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        text = json.dumps(mark, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        host.write(MARK, text)
    host.write(SEALED_ISSUE, _escaped(order.text("sealed")))


def _escaped(text: str) -> str:
    """agetty(8) reads a backslash as the beginning of a word of its own."""
    return text.replace("\\", "\\\\")
