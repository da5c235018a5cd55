"""The desktop's program under the name that it has on a PC."""

import sys

from tests.on_target import ROLES

sys.path.insert(0, str(ROLES / "desktop" / "files"))
