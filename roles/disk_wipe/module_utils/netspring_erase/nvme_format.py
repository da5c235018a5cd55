"""NVMe Format with a secure erase setting, and nothing else about the namespace changed."""

from __future__ import annotations

from dataclasses import dataclass

from ansible.module_utils.netspring_disks.nvme import Formatting
from ansible.module_utils.netspring_erase.methods import IDLE, Method, Status, Target

# SES; without it Format erases nothing by contract (NVMe 1.4, 5.14).
USER_DATA_ERASE, CRYPTO_ERASE = 1, 2
TIMEOUT_MS = 3_600_000  # of the command itself; large flash drives take minutes
VERSION = ("nvme", "version")


def argv(path: str, how: Formatting, ses: int = USER_DATA_ERASE) -> list[str]:
    """The command for one namespace, keeping its LBA format and metadata setting.

    ``--force`` because we hold the namespace open exclusively ourselves, so that nobody else can.
    """
    return [
        "nvme",
        "format",
        path,
        f"--ses={ses}",
        f"--lbaf={how.lbaf}",
        f"--ms={how.ms}",
        f"--timeout={TIMEOUT_MS}",
        "--force",
    ]


def unsuitable(how: Formatting | None, namespaces: int, ses: int = USER_DATA_ERASE) -> str | None:
    """Why Format must not be used on this namespace, or None."""
    if how is None:
        return "the controller does not tell what it supports"
    if not how.secure_erase:
        return "the controller has no Format command with secure erase"
    if ses == CRYPTO_ERASE and not how.crypto_erase:
        return "the controller has no Format command with cryptographic erase"
    if how.format_all_ns and namespaces != 1:
        return f"Format would also erase the other {namespaces - 1} namespaces of the controller"
    return None


@dataclass(frozen=True)
class Format(Method):
    """Format with one secure erase setting.

    The command itself blocks until the end; the device keeps no status of it.
    """

    version: tuple[str, ...] = VERSION
    phase: str = "formatting"
    tells_success: bool = False
    blocks: bool = True
    ses: int = USER_DATA_ERASE

    def unsuitable(self, at: Target) -> str | None:
        """Where it is not there, or would reach other namespaces too."""
        how = at.probe.formatting(at.disk.name)
        return unsuitable(how, at.probe.namespaces(at.disk.name), self.ses)

    def argv(self, at: Target) -> list[str]:
        """The command, with the layout as it is now."""
        how = at.probe.formatting(at.disk.name)
        if how is None:
            raise OSError(f"{at.disk.path}: the controller does not answer any more")
        return argv(at.disk.path, how, self.ses)

    def status(self, at: Target) -> Status:
        """There is none."""
        del at
        return Status(IDLE)

    def command_limit(self, at: Target) -> float:
        """The device's own time, and a minute for the tool."""
        del at
        return TIMEOUT_MS / 1000 + 60


METHODS = (Format("nvme_format"), Format("nvme_format_crypto", ses=CRYPTO_ERASE))
