"""The append-only record of what was done to which disk of which machine."""

from netspring_provision.ledger.store import Ledger, Record

__all__ = ["Ledger", "Record"]
