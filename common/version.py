"""Which version of the system this is; tests/unit/test_commands_are_lazy.py compares it with the package's."""

VERSION = "1.0.0"
