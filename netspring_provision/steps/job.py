"""What every step needs: the station, its ledger, the machines, and where progress goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netspring_provision import events, locks, runner
from netspring_provision.config import Station
from netspring_provision.events import HostResult
from netspring_provision.hosts import Host, inventory_path, load
from netspring_provision.ledger import Ledger


def _silent(_: object) -> None:
    return None


@dataclass(frozen=True)
class Job:
    """One run over some machines.

    Attributes:
        inventory: as the person named it.
        path: the inventory itself.
        on_event: sees every Ansible event.
        say: takes one plain sentence about what happens now.
    """

    station: Station
    ledger: Ledger
    run_id: str
    inventory: str
    path: Path
    hosts: tuple[Host, ...]
    on_event: Callable[[runner.Event], None] = field(default=_silent, repr=False)
    say: Callable[[str], None] = field(default=_silent, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of this run."""
        return self.station.runs / self.run_id

    def host(self, name: str) -> Host:
        """The machine of that name; raises KeyError."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def play(
        self,
        playbook: str,
        names: list[str],
        *,
        extravars: Mapping[str, Any] | None = None,
        hostvars: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> dict[str, HostResult]:
        """Run a playbook over the named machines; one result for each of them."""
        done = runner.run_playbook(
            self.station,
            playbook=playbook,
            inventory=self.path,
            extravars=extravars,
            hostvars=hostvars,
            run_id=self.run_id,
            on_event=self.on_event,
            limit=names,
        )
        return events.host_results(done.events, names)


@contextmanager
def open_job(
    station: Station,
    inventory: str,
    limit: str | None,
    *,
    on_event: Callable[[runner.Event], None] = _silent,
    say: Callable[[str], None] = _silent,
    exclusive: bool = True,
) -> Iterator[Job]:
    """Read the inventory, open the ledger, and hold the machines for the length of the block.

    Args:
        station: this station.
        inventory: as given to ``-i``.
        limit: as given to ``--limit``.
        on_event: sees every Ansible event.
        say: takes one plain sentence about what happens now.
        exclusive: whether the machines are held against other runs (all but reading does).

    Raises:
        UsageError: bad inventory or limit.
        RefusedError: another run holds one of the machines.
        MachineFailedError: the ledger was altered.
        StationError: the station's folder or ledger cannot be written.
    """
    station.ensure()
    hosts = load(inventory, limit)
    run_id = runner.new_run_id()
    held = _apart(hosts) if exclusive else {}
    with locks.hold(station, held, run_id) as killed:
        for run in killed:
            runner.end_what_is_left(station, run)
        ledger = Ledger(station.ledger)
        try:
            if exclusive:
                ledger.check()  # what is done to a disk depends on what the ledger holds of it
            yield Job(
                station, ledger, run_id, inventory, inventory_path(inventory), hosts, on_event, say
            )
        finally:
            ledger.close()


def _apart(hosts: tuple[Host, ...]) -> dict[str, str]:
    """What tells the machines apart, whatever an inventory calls them.

    A real one is told by its address. A virtual PC gets another port whenever it is started, and
    its name is its own on this station.
    """
    return {f"lab {h.name}" if h.is_lab else f"{h.address}:{h.port}": h.name for h in hosts}
