"""What is known about the disks of a machine, and how it is read: the one way, for all roles.

Standard library only: this runs on the donated PC. Parsers are pure functions over the text of a
tool or a kernel file; what cannot be read is None, never a guess.
"""
