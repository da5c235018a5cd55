"""Virtual PCs in QEMU that go through exactly the same path as donated ones.

``create`` makes a PC with dirty disks, ``start`` switches it on (without root, over a user-mode
network), ``kill`` cuts its power. The disks are raw files, so the host can look at every byte.
"""

from netspring_provision.lab.model import DiskSpec, LabDisk, LiveFiles, Pc, Running
from netspring_provision.lab.pc import create, destroy
from netspring_provision.lab.power import kill, open_qmp, reset, start, stop
from netspring_provision.lab.scan import count_pattern, nonzero_bytes
from netspring_provision.lab.specs import parse_disk, parse_memory
from netspring_provision.lab.store import list_pcs, load
from netspring_provision.lab.watch import screenshot, serial_tail, wait_for_ssh

__all__ = [
    "DiskSpec",
    "LabDisk",
    "LiveFiles",
    "Pc",
    "Running",
    "count_pattern",
    "create",
    "destroy",
    "kill",
    "list_pcs",
    "load",
    "nonzero_bytes",
    "open_qmp",
    "parse_disk",
    "parse_memory",
    "reset",
    "screenshot",
    "serial_tail",
    "start",
    "stop",
    "wait_for_ssh",
]
