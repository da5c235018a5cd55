"""Erases disks and proves it: our own O_DIRECT writer and verifier, standard library only.

It runs on the donated PC in a transient systemd unit. docs/decisions/0004-own-writer.md tells why
it exists and by which rule a disk may be called erased.
"""

VERSION = "2"
