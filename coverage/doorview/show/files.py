"""Files written whole or not at all, and their checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["file_names", "plain_json", "replacing", "sha256", "write_json"]

_LONGEST, _LONGEST_BYTES = 100, 150


def file_names(labels: Iterable[str]) -> list[str]:
    """Return what a file of each label is called, without suffix: no two are alike, nor but for upper and lower case.

    Letters and digits of any script, hyphens and underscores; for labels come from data.

    >>> file_names(["A way: to B", "a way to b", "../..", "Straße"])
    ['A_way_to_B', 'a_way_to_b_2', 'unnamed', 'Straße']
    """
    names: dict[str, str] = {}
    for label in labels:
        plain = re.sub(r"[^\w-]+", "_", label).strip("_")[:_LONGEST]
        plain = plain.encode()[:_LONGEST_BYTES].decode(errors="ignore") or "unnamed"
        name, again = plain, 2
        while name.casefold() in names:
            name, again = f"{plain}_{again}", again + 1
        names[name.casefold()] = name
    return list(names.values())


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits; the file is read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, same suffix; it takes the place of `path` when the block ends well.

    On an error inside the block the temporary file is removed and `path` stays as it was.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _plain(value: object) -> object:
    """Turn what JSON does not know into what it does: numpy scalars and arrays, sets, paths, mappings."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def plain_json(data: Mapping[str, object]) -> dict[str, Any]:
    """Return a mapping as it reads back from JSON.

    Raises
    ------
    ValueError
        As `write_json`.
    """
    found: dict[str, Any] = json.loads(json.dumps(data, allow_nan=False, default=_plain))
    return found


def write_json(path: str | os.PathLike[str], data: Mapping[str, object]) -> None:
    """Write a mapping as UTF-8 JSON with two spaces of indent, keys in the order given.

    Raises
    ------
    ValueError
        For NaN and infinite numbers, which JSON does not know: give None instead.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")
