"""Check erasure records that somebody holds: files in, what does not hold out.

No ledger, no network, no trust in who hands the files over: only in the keys of the signers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netspring_provision import signing
from netspring_provision.erasure import derive, form
from netspring_provision.errors import UsageError

UNSIGNED = "there is no signature beside it ({name}), so nobody answers for it"


@dataclass(frozen=True)
class Problem:
    """One thing that does not hold.

    Attributes:
        field: of the record, with dots; or ``signature``, ``file``.
        why: what is wrong, as the rest of a sentence.
    """

    field: str
    why: str

    def __str__(self) -> str:
        """One plain sentence."""
        return f"{self.field}: {self.why}"


@dataclass(frozen=True)
class Checked:
    """One file and how it stands.

    Attributes:
        record: its content where the shape is that of a record, else ``None``.
        sha256: of the file, 64 hexadecimal digits.
        signer: by which name the allowed signers know who signed it; ``None`` if nobody did.
    """

    path: Path
    sha256: str
    record: Mapping[str, Any] | None
    signer: str | None
    problems: tuple[Problem, ...]

    @property
    def good(self) -> bool:
        """Whether everything holds."""
        return not self.problems


def check_files(paths: Sequence[Path], signers: str) -> tuple[Checked, ...]:
    """Check each record, and that several of them follow one another in the order of the chain.

    Args:
        paths: the records; the signature of each stands beside it as ``.sig``.
        signers: text of an allowed-signers file (ssh-keygen(1)).

    Returns:
        One for each path, in that order.

    Raises:
        UsageError: one is not a file, or not JSON.
        StationError: ssh-keygen is missing.
    """
    checked = tuple(_one(path, signers) for path in dict.fromkeys(paths))
    return chained(checked) if len(checked) > 1 else checked


def chained(checked: tuple[Checked, ...]) -> tuple[Checked, ...]:
    """The same, with what is wrong with the chain: one beginning, no fork, nothing between."""
    named: dict[str, list[Checked]] = {}
    for one in checked:
        if one.record is not None:
            named.setdefault(str(one.record["prev_sha256"]), []).append(one)
    digests = {one.sha256 for one in checked}
    begins = [one for one in checked if one.record and one.record["prev_sha256"] not in digests]
    first = min(begins, key=lambda one: str(one.record and one.record["cert_id"]), default=None)
    return tuple(
        replace(one, problems=(*one.problems, *_chain_problems(one, first, named)))
        for one in checked
    )


def _chain_problems(
    one: Checked, first: Checked | None, named: Mapping[str, list[Checked]]
) -> Iterable[Problem]:
    if one.record is None:
        return
    rivals = [o.path.name for o in named[str(one.record["prev_sha256"])] if o is not one]
    before = _before(one, named)
    if rivals:
        yield Problem("prev_sha256", f"follows the same record as {', '.join(rivals)} does")
    elif before is None and one is not first:
        yield Problem(
            "prev_sha256",
            "names a record that is not among these files: one between was changed or is missing"
            " (records that do not follow one another are checked one by one)",
        )
    if before and before.record and number(one.record) != number(before.record) + 1:
        told = f"has the number {number(one.record)}, the one before {number(before.record)}"
        yield Problem("cert_id", told)


def _before(one: Checked, named: Mapping[str, list[Checked]]) -> Checked | None:
    """The file among these that holds the record which this one names."""
    prev = one.record["prev_sha256"] if one.record else None
    return next((o for others in named.values() for o in others if o.sha256 == prev), None)


def number(record: Mapping[str, Any]) -> int:
    """The record's place in the chain of its station, from 1."""
    return int(record["cert_id"].split("-")[1])


def _one(path: Path, signers: str) -> Checked:
    try:
        data = path.read_bytes()
        record = form.read(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except form.NotARecordError as error:
        raise UsageError(
            f"{path} is no erasure record: {error}", hint="a record is a JSON file, CERT_ID.json"
        ) from error
    signer, problems = _signature(path, data, signers)
    shape = [Problem(*told) for told in form.schema_problems(record)]
    problems += shape
    if not form.is_canonical(data, record):
        problems.append(Problem("file", "is not spelled as a record is (RFC 8785)"))
    if shape or not isinstance(record, Mapping):
        return Checked(path, form.digest(data), None, signer, tuple(problems))
    problems += follows(record)
    return Checked(path, form.digest(data), record, signer, tuple(problems))


def _signature(path: Path, data: bytes, signers: str) -> tuple[str | None, list[Problem]]:
    signature = path.with_name(f"{path.name}.sig")
    if not signature.is_file():
        return None, [Problem("signature", UNSIGNED.format(name=signature.name))]
    try:
        return signing.verify(data, signature, signers, form.NAMESPACE), []
    except signing.BadSignatureError as error:
        why = (
            "does not fit: the record was changed after it was signed, or none of the allowed "
            f"signers signed it as an erasure record ({error.message})"
        )
        return None, [Problem("signature", why)]


def follows(record: Mapping[str, Any]) -> list[Problem]:
    """What state, claim and demands say beyond the record's own evidence; the shape must be good.

    The limits of a claim are compared by their codes: the words for them may have become better
    since the record was made.
    """
    state, why = derive.state_of(record)
    problems = []
    if (number(record) == 1) is not (record["prev_sha256"] == form.FIRST):
        told = "64 zeros stand for no record before, in the first of a station and only there"
        problems.append(Problem("prev_sha256", told))
    if record["state"] != state:
        told = f"says {record['state']}, but the evidence carries no more than {state}: {why}"
        problems.append(Problem("state", told))
    if record["demands"] != derive.DEMANDS[state]:
        problems.append(Problem("demands", f"a disk that is {state} {_needs(state)}"))
    claim, due = record["claim"], derive.claim_of(record, state)
    if claim["level"] != due["level"]:
        told = f"says {claim['level']}, but the evidence carries {due['level']}"
        problems.append(Problem("claim.level", told))
    said, ought = ([one["code"] for one in each["limits"]] for each in (claim, due))
    if said != ought:
        told = (
            f"names {', '.join(said) or 'none'}; by the evidence it is {', '.join(ought) or 'none'}"
        )
        problems.append(Problem("claim.limits", told))
    return problems


def _needs(state: derive.State) -> str:
    demand = derive.DEMANDS[state]
    return f"needs: {demand}" if demand else "needs nothing more"
