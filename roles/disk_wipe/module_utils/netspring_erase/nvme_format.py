"""NVMe Format with the secure erase setting, and nothing else about the namespace changed."""

from __future__ import annotations

from ansible.module_utils.netspring_disks.nvme import Formatting

USER_DATA_ERASE = 1  # SES; without it Format erases nothing by contract (NVMe 1.4, 5.14)
TIMEOUT_MS = 3_600_000  # of the command itself; large flash drives take minutes


def argv(path: str, how: Formatting) -> list[str]:
    """The command for one namespace, keeping its LBA format and metadata setting.

    ``--force`` because we hold the namespace open exclusively ourselves, so that nobody else can.
    """
    return [
        "nvme",
        "format",
        path,
        f"--ses={USER_DATA_ERASE}",
        f"--lbaf={how.lbaf}",
        f"--ms={how.ms}",
        f"--timeout={TIMEOUT_MS}",
        "--force",
    ]


def unsuitable(how: Formatting | None, namespaces: int) -> str | None:
    """Why Format must not be used on this namespace, or None."""
    if how is None:
        return "the controller does not tell what it supports"
    if not how.secure_erase:
        return "the controller has no Format command with secure erase"
    if how.format_all_ns and namespaces != 1:
        return f"Format would also erase the other {namespaces - 1} namespaces of the controller"
    return None
