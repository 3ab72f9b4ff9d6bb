"""Where things are kept that can be made again: read cities, covered tiles. One folder per thing, named by its key.

The environment variable ``DOORVIEW_CACHE`` names the folder of all; ``off`` keeps nothing; left out, it is the user's
cache folder. A thing is written beside its place and renamed, so that there is a whole one or none, whoever else is at
work; it carries the checksums of its files, and one that does not match them is said, thrown away and made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from doorview.errors import DoorviewError

__all__ = ["SETTING", "beside", "cache_home", "keep", "kept", "key_of", "throw_away"]

SETTING = "DOORVIEW_CACHE"
_OFF = frozenset({"off", "no", "none", "0"})
_SUMS = "checksums.json"
_KEY = "/key"
"""In the checksums, the key of the thing that they are of: no file is called so."""
_SAY = logging.getLogger(__name__)


def cache_home() -> Path | None:
    """Return the folder in which things are kept, which need not be there yet; None where nothing is to be kept."""
    asked = os.environ.get(SETTING, "").strip()
    if asked.lower() in _OFF:
        return None
    if asked:
        return Path(asked).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("doorview", appauthor=False))


def key_of(*parts: object) -> str:
    """Return a key (64 hexadecimal digits, SHA-256) of what something depends on.

    Parts may be None, text, numbers, bytes, numpy arrays, and lists, tuples and mappings of such; a mapping's order
    does not matter. Different parts give different keys: each is told with its kind and length.

    Raises
    ------
    TypeError
        For anything else: what is not known exactly must not be part of a key.
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in _told(part):
            digest.update(piece)
    return digest.hexdigest()


def _told(part: object) -> Iterator[Any]:
    """Return a part as bytes, its kind and length before it."""
    if isinstance(part, np.ndarray):
        if part.dtype.hasobject:
            raise TypeError("an array of objects has no bytes to be known by: give its items, e.g. array.tolist()")
        yield f"a{part.dtype.str}{part.shape};".encode()
        yield np.ascontiguousarray(part).data.cast("B") if part.size else b""
    elif isinstance(part, bytes):
        yield f"b{len(part)};".encode()
        yield part
    elif isinstance(part, Mapping):
        yield f"m{len(part)};".encode()
        for name in sorted(part):
            yield from _told(name)
            yield from _told(part[name])
    elif isinstance(part, Sequence) and not isinstance(part, str):
        yield f"l{len(part)};".encode()
        for item in part:
            yield from _told(item)
    elif part is None or isinstance(part, str | bool | int | float):
        text = f"{type(part).__name__}:{part!r}".encode()
        yield f"{len(text)};".encode()
        yield text
    else:
        raise TypeError(f"{type(part).__name__} cannot be part of a key: what it holds is not known exactly")


def _place(kind: str, key: str) -> Path | None:
    home = cache_home()
    return None if home is None else home / kind / key[:2] / key


def kept(kind: str, key: str) -> Path | None:
    """Return the folder of a thing that is kept whole; None where there is none, or nothing is to be kept.

    `kind` is a word, such as ``cities``. One whose files do not match their checksums is said (logged as a warning),
    thrown away, and counts as none.
    """
    place = _place(kind, key)
    if place is None or not place.is_dir():
        return None
    why = _fault(place)
    if why is None:
        # So that whoever makes room can throw away first what was used last long ago.
        with suppress(OSError):
            os.utime(place)
        return place
    _SAY.warning("the cache's %s '%s' is damaged (%s): it is thrown away and made again.", kind, place, why)
    throw_away(kind, key)
    return None


def _fault(place: Path) -> str | None:
    """Return what is wrong with a kept thing; None for nothing."""
    try:
        sums = json.loads((place / _SUMS).read_text(encoding="utf-8"))
        if sums.pop(_KEY, place.name) != place.name:
            return "it is another thing's"
        for name, expected in sums.items():
            with (place / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                    return f"{name} does not match its checksum"
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return str(error) or type(error).__name__
    return None


def keep(kind: str, key: str, write: Callable[[Path], object]) -> Path | None:
    """Keep a thing that `write` writes into the empty folder that it is handed; return where it lies, if it does.

    Two at once do no harm: each writes its own, and the first stays. Where it cannot be written (a full disk, a folder
    that may not be written) that is said (logged as a warning) and nothing is left behind: a cache is no reason to
    fail.
    """
    place = _place(kind, key)
    if place is None:
        return None
    try:
        with beside(place) as folder:
            folder.mkdir()
            write(folder)
            sums = {_KEY: key}
            for path in sorted(item for item in folder.rglob("*") if item.is_file()):
                with path.open("rb") as file:
                    sums[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            (folder / _SUMS).write_text(json.dumps(sums), encoding="utf-8")
    except OSError as error:
        if isinstance(error, DoorviewError):
            # What is wrong with the user's own files is not the cache's to pass over.
            raise
        _SAY.warning(
            "nothing could be kept in the cache at '%s' (%s), so the next run starts anew. Make room there, name "
            "another folder in %s, or set it to 'off'.",
            place.parent, error.strerror or error, SETTING,
        )  # fmt: skip
        return None
    return place if place.is_dir() else None


@contextmanager
def beside(place: Path) -> Iterator[Path]:
    """Give a path beside `place` to write a file or folder at, which takes its place when all went well.

    A file replaces what is there. A folder does not replace another: whoever came first has written the same. After an
    error nothing is left.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix=f".{place.name[:16]}-", dir=place.parent))
    made = own / "new"
    try:
        yield made
        if made.is_dir():
            try:
                made.rename(place)
            except OSError:
                # A folder that is there already makes renaming fail, on every system.
                if not place.is_dir():
                    raise
        else:
            made.replace(place)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def throw_away(kind: str, key: str) -> None:
    """Throw away a thing that is kept, if there is one; another process may do so at the same time."""
    place = _place(kind, key)
    if place is None or not place.exists():
        return
    # Moved first, so that nobody finds half of it.
    with suppress(OSError):
        own = Path(tempfile.mkdtemp(prefix=".gone-", dir=place.parent))
        with suppress(OSError):
            place.rename(own / "old")
        shutil.rmtree(own, ignore_errors=True)
