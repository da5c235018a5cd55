"""A room: the inventory folder of one classroom. Its files are checked before anything reads them.

``document`` reads one YAML file and remembers the lines, ``rules`` says what is wrong with it,
``check`` goes through the folder, ``new`` writes a folder.
"""

from netspring_provision.room.check import validate_room

__all__ = ["validate_room"]
