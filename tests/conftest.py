"""For all tests: what runs on a machine can be imported under the name it has there."""

from tests.on_target import add_module_utils

add_module_utils()
