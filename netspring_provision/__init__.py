"""Netspring Provision: wipe donated PCs, install a light Linux, verify each one."""

__version__ = "0.1.0"
