"""What this station lacks and the exact command that mends it.

``probe`` looks (the only part that touches the computer), ``needs.judge`` decides (pure), ``mend``
installs the Debian packages that are missing.
"""
