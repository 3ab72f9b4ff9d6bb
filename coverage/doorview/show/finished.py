"""A finished run's folder read back: it may have been damaged, mixed with another, or sent by a stranger.

run.json holds the checksums of the tables fit to publish and its own, `working/explorer.json` those of the explorer's
data; runs of an older doorview have none, and are read without. What was changed on purpose, with checksums to match,
still has to make a page or be refused: `telling_damage` turns what its content breaks into one message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doorview.errors import DoorviewError, InputError
from doorview.show.files import plain_json, sha256
from doorview.show.run_folder import SCHEMA, SCHEMA_VERSION

__all__ = ["CHECKSUMS", "check_tables", "checksum_of", "read_facts", "read_json", "sealed", "telling_damage"]

CHECKSUMS = "checksums"
"""Key of run.json and of working/explorer.json."""
OWN = "run.json"
UNSEALED = ("doorview", "schema_version", "timings", "costs", CHECKSUMS)
"""Keys of run.json that its own checksum leaves out: checked by themselves, or different from run to run."""
_LARGEST_JSON = 64 << 20


def checksum_of(content: Mapping[str, Any], without: Iterable[str] = (CHECKSUMS,)) -> str:
    """Return a checksum of plain JSON values, whatever their order and layout in the file, but for some keys."""
    left_out = set(without)
    kept = {key: value for key, value in content.items() if key not in left_out}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def sealed(facts: Mapping[str, object], folder: Path) -> dict[str, Any]:
    """Return what run.json says with the checksums of it and of the folder's tables (CSV), which are all written."""
    plain: dict[str, Any] = plain_json(facts)
    tables = {path.name: sha256(path) for path in sorted(folder.glob("*.csv"))}
    return {**plain, CHECKSUMS: {OWN: checksum_of(plain, UNSEALED), **tables}}


def read_json(path: Path) -> Any:
    """Return what a file of JSON says.

    Raises
    ------
    InputError
        If it cannot be read, is larger than any that a run writes, or is no JSON.

    """
    try:
        if path.stat().st_size <= _LARGEST_JSON:
            return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:  # nested without end
        raise InputError(f"'{path}' cannot be read as JSON ({fault}): make the run anew") from fault
    raise InputError(f"'{path}' is larger than {_LARGEST_JSON >> 20} MiB, which no run writes: make the run anew")


def read_facts(folder: Path, wanted: str) -> dict[str, Any]:
    """Return the run.json of a folder; `wanted` is what is made of it, as "the briefing".

    Raises
    ------
    InputError
        If it is not of a run, of another version, or not as the run wrote it.

    """
    path = folder / OWN
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.get("doorview") != SCHEMA:
        raise InputError(f"'{path}' is not of a doorview run: give the folder of one, such as out/demo")
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"'{path}' has schema_version {facts.get('schema_version')!r}, and this doorview reads {SCHEMA_VERSION}: "
            f"make the run anew with this version, or {wanted} with the one that made the run"
        )
    sums = facts.get(CHECKSUMS)
    if sums is not None and (not isinstance(sums, dict) or sums.get(OWN) != checksum_of(facts, UNSEALED)):
        raise InputError(
            f"'{path}' is not as the run wrote it: it was changed or damaged, so {wanted} would say what nobody worked "
            "out. Change the study instead, and make the run anew"
        )
    return facts


def check_tables(folder: Path, facts: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse tables that are not those that the run of `facts` wrote: changed, taken away, or another run's.

    Raises
    ------
    InputError
        With all of them by name.

    """
    sums = facts.get(CHECKSUMS)
    if not isinstance(sums, dict):
        return
    wrong = []
    for name in names:
        path = folder / name
        try:
            found = sha256(path) if path.is_file() else None
        except OSError as fault:
            raise InputError(f"'{path}' cannot be read ({fault.strerror}). Check its permissions.") from fault
        if found != sums.get(name):
            wrong.append(f"{name} ({'missing' if found is None else 'changed' if name in sums else 'not of this run'})")
    if wrong:
        raise InputError(
            f"the run '{folder}' is not as it was written: {', '.join(wrong)}. What is made of it would be wrong: put "
            "the files back, or make the run anew with 'doorview run STUDY'"
        )


@contextmanager
def telling_damage(folder: Path, wanted: str) -> Iterator[None]:
    """Turn what the content of a run's files breaks into one message; `wanted` is what is made of it.

    Raises
    ------
    InputError
        For a key, a row, a kind or a number that is not as doorview writes it.

    """
    try:
        yield
    except DoorviewError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
        why = f"{type(fault).__name__}: {fault}"[:200]
        raise InputError(
            f"the run '{folder}' holds what doorview does not write ({why}), so {wanted} cannot be made of it: its "
            "files were changed or damaged. Make the run anew with 'doorview run STUDY'; if nobody changed them, "
            "please report it"
        ) from fault
