"""Puts a signed image on one disk; runs on the machine, with Python's standard library only."""
