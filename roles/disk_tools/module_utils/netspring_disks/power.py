"""Where the machine's power comes from, and whether it can sleep so that its disks lose theirs."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.netspring_disks.identity import text_of


def on_battery(sys: Path = Path("/sys")) -> bool:
    """Whether the machine tells that it runs from its battery.

    A machine without battery and adapter in its ACPI tables, as most desktops are, is on the mains.
    """
    supplies = list((sys / "class/power_supply").glob("*"))
    mains = [each for each in supplies if text_of(each / "type") == "Mains"]
    if mains:
        return all(text_of(each / "online") != "1" for each in mains)
    return any(text_of(each / "status") == "Discharging" for each in supplies)


def choose_deep_sleep(sys: Path = Path("/sys")) -> str | None:
    """Choose the sleep that cuts the disks' power (ACPI S3); why that is not possible, or None.

    The lighter sleep (s2idle) leaves them powered, and a frozen drive frozen. The choice is the
    kernel's own switch and ends with this boot (Documentation/admin-guide/pm/sleep-states.rst).
    """
    if "mem" not in (text_of(sys / "power/state") or "").split():
        return "this PC cannot sleep at all"
    switch = sys / "power/mem_sleep"
    offered = (text_of(switch) or "").split()
    if "[deep]" in offered:
        return None
    if "deep" not in offered:
        return "this PC only knows a light sleep that leaves its disks powered"
    try:
        switch.write_text("deep")
    except OSError as error:
        return f"the kernel does not let the deep sleep be chosen ({error.strerror})"
    return None
