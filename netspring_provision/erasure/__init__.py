"""Erasure records: one signed JSON record per disk and wipe, chained, checkable without us.

``issue`` makes them (the station), ``check_files`` checks them (anybody).
"""

from netspring_provision.erasure.checking import Checked, Problem, check_files
from netspring_provision.erasure.derive import State
from netspring_provision.erasure.issuing import issue
from netspring_provision.erasure.store import Issued

__all__ = ["Checked", "Issued", "Problem", "State", "check_files", "issue"]
