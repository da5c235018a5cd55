"""Check machines that booted their own disk, put the verdicts on record, and write the report."""

from __future__ import annotations

from collections.abc import Mapping

from netspring_provision import verify
from netspring_provision.checks.expectation import Expectation
from netspring_provision.image.manifest import Manifest
from netspring_provision.lab.dirt import PATTERN
from netspring_provision.steps.images import room_locale
from netspring_provision.steps.job import Job
from netspring_provision.steps.plan import token_sha256
from netspring_provision.verdict import MachineVerdict


def verify_machines(
    job: Job,
    names: tuple[str, ...],
    uuids: Mapping[str, str],
    images: Mapping[str, Manifest],
) -> tuple[MachineVerdict, ...]:
    """Run the checks on the named machines; one verdict for each, on record in the ledger.

    Args:
        job: the run.
        names: machines that boot their own disk and let the station in.
        uuids: SMBIOS UUID by inventory name, as far as known.
        images: what each machine was given.
    """
    if not names:
        return ()
    job.say(f"checking {', '.join(names)}")
    hosts = [job.host(name) for name in names]
    expectations = {name: _expected(job, name, uuids.get(name), images[name]) for name in names}
    verdicts = verify.verify(job.station, hosts, expectations, job.folder, _teller(job))
    for verdict in verdicts:
        job.ledger.append(
            "verify",
            verdict.as_data(),
            machine=uuids.get(verdict.host) or verdict.host,
            run_id=job.run_id,
        )
    return verdicts


def _public_key(job: Job) -> str | None:
    """Kind and key of the station's public key, as a PC that it may enter has them."""
    path = job.station.ssh_key.with_name(job.station.ssh_key.name + ".pub")
    words = path.read_text(encoding="utf-8").split() if path.is_file() else []
    return " ".join(words[:2]) or None


def _expected(job: Job, name: str, uuid: str | None, image: Manifest) -> Expectation:
    host = job.host(name)
    installed = job.ledger.last("install_started", uuid) if uuid else None
    firmware = (installed.body if installed else {}).get("firmware")
    return Expectation(
        host=name,
        hostname=name,
        profile=image.profile,
        locale=room_locale(host) or image.locale,
        uuid=uuid,
        asset_tag=str(host.vars.get("netspring_asset_tag") or name),
        firmware=str(firmware) if firmware else None,
        image=image.name,
        station_key=_public_key(job),
        packages=image.packages,
        minimum_memory_bytes=image.minimum_memory_bytes,
        token_sha256=token_sha256(job),
        donor_marks=(PATTERN.decode().strip(),) if host.is_lab else (),
    )


def _teller(job: Job) -> verify.OnProgress:
    def tell(progress: verify.Progress) -> None:
        if progress.outcome != "passed":
            job.say(f"{progress.host}: {progress.ask.en} {progress.outcome}")
        elif progress.done == progress.total:
            job.say(f"{progress.host}: {progress.total} checks done")

    return tell
