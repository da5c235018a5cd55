"""What goes from the teacher's PC to the children's: a public key, and who may use it. No secret.

A file on a stick is enough, so a room without a network of its own, and a sealed PC, can do it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

SCHEMA, KIND = 1, "netspring-screens"
MAC = re.compile(r"(?!00:00:00:00:00:00)[0-9a-f][02468ace](:[0-9a-f]{2}){5}")  # one card's own
PEM = re.compile(
    r"-----BEGIN PUBLIC KEY-----\n(?P<data>[A-Za-z0-9+/=\n]+)-----END PUBLIC KEY-----\n?"
)
# An RSA key of 2048 bits takes 294 bytes in this form (RFC 5280, SubjectPublicKeyInfo).
LEAST_BYTES, MOST_BYTES = 294, 4096
MOST_CARDS = 8
# OID rsaEncryption (RFC 8017, A.1): Veyon makes no others.
RSA = bytes.fromhex("06092a864886f70d010101")


class BundleError(Exception):
    """The file is not one that a teacher's PC made; the sentence is for the teacher."""


@dataclass(frozen=True)
class Bundle:
    """A teacher's PC.

    Attributes:
        key: its public key, PEM.
        cards: MAC addresses of its network cards, small letters.
    """

    key: str
    cards: tuple[str, ...]

    def dump(self) -> str:
        """The file's text."""
        told = {"schema": SCHEMA, "kind": KIND, "key": self.key, "cards": list(self.cards)}
        return json.dumps(told, indent=1) + "\n"


def parse(text: str) -> Bundle:
    """Read the file.

    Raises:
        BundleError: it is damaged, or another file.
    """
    try:
        told = json.loads(text)
        kind, schema = told["kind"], told["schema"]
        key, cards = told["key"], tuple(told["cards"])
    except (ValueError, KeyError, TypeError):
        raise BundleError("this is no file of a teacher's PC, or it is damaged") from None
    if (kind, schema) != (KIND, SCHEMA):
        raise BundleError("this is no file of a teacher's PC, or of a newer one")
    if not isinstance(key, str) or not is_public_key(key):
        raise BundleError("the key in the file is damaged: make the file again")
    if not 0 < len(cards) <= MOST_CARDS or not all(
        isinstance(card, str) and MAC.fullmatch(card) for card in cards
    ):
        raise BundleError("the file does not say which PC is the teacher's: make it again")
    return Bundle(key, cards)


def is_public_key(text: str) -> bool:
    """Whether it is an RSA key that can only check, never sign."""
    found = PEM.fullmatch(text)
    if not found:
        return False
    try:
        data = base64.b64decode(found["data"].replace("\n", ""), validate=True)
    except binascii.Error:
        return False
    return data[:1] == b"\x30" and RSA in data[:40] and LEAST_BYTES <= len(data) <= MOST_BYTES
