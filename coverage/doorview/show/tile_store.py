"""Finished tiles on disk: those of an unfinished run, to go on from, and those of the cache, for other runs.

One file per block, named by its key, written beside its place and renamed: it is whole or not there. Whatever a crash,
a full disk or another process leaves, a file counts only if its checksum and its key are right. Nothing depends on
times; those of files say only what the cache throws away first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from doorview.city.cache_home import SETTING, cache_home
from doorview.errors import InputError, OutputError
from doorview.share.packing import DamagedParcelError, Parcel

__all__ = ["SIZE_SETTING", "CacheFacts", "TileStore", "cache_bytes", "cache_facts", "clear_cache", "make_room"]

_SAY = logging.getLogger(__name__)
SIZE_SETTING = "DOORVIEW_CACHE_SIZE"
DEFAULT_BYTES = 5_000_000_000
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_TILES = "tiles"
_ROOM_LEFT = 0.9
"""What room is made down to, as a part of the bound: so that not every run throws something away."""


@dataclass
class TileCounts:
    """How many tiles were computed, resumed, and taken from the cache, and how many files were damaged."""

    computed: int = 0
    resumed: int = 0
    cached: int = 0
    damaged: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return what run.json says."""
        return {
            "computed": self.computed,
            "from_unfinished_run": self.resumed,
            "from_cache": self.cached,
            "damaged_files": self.damaged,
        }


class TileStore:
    """The keeper of a run's tiles.

    Parameters
    ----------
    unfinished
        Folder of the run's own finished tiles, or None.
    cache
        Whether the cache is read and written, if there is one.
    """

    def __init__(self, unfinished: Path | None, *, cache: bool = True) -> None:
        self.counts = TileCounts()
        self._own = None if unfinished is None else unfinished / _TILES
        home = cache_home() if cache else None
        self._cache = None if home is None else home / _TILES
        self._bound = 0 if home is None else cache_bytes()
        self._written = 0
        if self._own is not None:
            with _said_of(self._own):
                self._own.mkdir(parents=True, exist_ok=True)
                for left in self._own.glob("*.part"):  # of a process that was killed: the folder is ours alone
                    left.unlink()

    def find(self, key: str, *, rasters: bool) -> Parcel | None:
        """Return a block's parcel, with rasters where they are asked for; None where it must be computed."""
        own = self._read(self._own / key, key, rasters=rasters) if self._own else None
        if own is not None:
            self.counts.resumed += own.tiles
            return own
        place = self._place(key)
        kept = self._read(place, key, rasters=rasters) if place else None
        if kept is not None and place is not None:
            self.counts.cached += kept.tiles
            with contextlib.suppress(OSError):  # it is thrown away later than what nobody used
                os.utime(place)
        return kept

    def keep(self, key: str, data: bytes, tiles: int) -> None:
        """Keep the parcel of a block of so many tiles.

        Raises
        ------
        OutputError
            If the run's own folder cannot be written. Where the cache cannot, it is given up with a warning.

        """
        self.counts.computed += tiles
        own = None
        if self._own is not None:
            own = self._own / key
            with _said_of(self._own):
                _write(own, data)
        place = self._place(key)
        if place is None:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if own is None or not _linked(own, place):
                _write(place, data)
        except OSError as error:
            _SAY.warning(
                "the cache at '%s' cannot be written (%s), so tiles are not kept for other runs; this run goes on. "
                "Make room there, or name another folder in %s.",
                self._cache, (error.strerror or str(error)).lower(), SETTING,
            )  # fmt: skip
            self._cache = None
            return
        self._written += len(data)
        if self._written > self._bound // 10:
            self.close()

    def facts(self) -> dict[str, int]:
        """Return where the tiles of the run came from."""
        return self.counts.as_dict()

    def close(self) -> None:
        """Throw away what has been used least lately, where the cache is larger than it may be."""
        if self._cache is not None and self._written:
            self._written = 0
            make_room(self._cache.parent, self._bound)

    def _place(self, key: str) -> Path | None:
        return None if self._cache is None else self._cache / key[:2] / key

    def _read(self, path: Path, key: str, *, rasters: bool) -> Parcel | None:
        """Return the parcel of a file; None where there is none, it is damaged, or lacks rasters that are asked for."""
        try:
            parcel = Parcel(path.read_bytes(), key)
        except FileNotFoundError:
            return None
        except (OSError, DamagedParcelError) as error:
            self.counts.damaged += 1
            _SAY.warning("'%s' is damaged (%s): its tiles are computed again.", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return parcel if parcel.rasters or not rasters else None


@contextlib.contextmanager
def _said_of(folder: Path) -> Iterator[None]:
    """Turn a fault of the run's own folder into one clear message."""
    try:
        yield
    except FileNotFoundError as error:
        raise OutputError(
            f"'{folder}' was taken away while the run was writing into it, so that it cannot go on. Nothing stands at "
            "the output folder that was not there before: run the same command again."
        ) from error
    except OSError as error:
        raise OutputError(
            f"a finished tile could not be written into '{folder}' ({(error.strerror or str(error)).lower()}), so the "
            "run was ended. All tiles before it are kept: make room, and the same command goes on from there."
        ) from error


def _write(place: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Not synced to the disk: what a power cut leaves half-written fails its checksum and is computed again.
    """
    temporary = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(place)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _linked(source: Path, place: Path) -> bool:
    """Give a file a second name, in place of what is there; False where the file system cannot."""
    temporary = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        os.link(source, temporary)
    except OSError:
        return False
    try:
        temporary.replace(place)
    finally:
        # Renaming one name of a file to another of its names does nothing.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


# --- the whole cache -----------------------------------------------------------------------------------------------


class _Thing(NamedTuple):
    """Something that can be thrown away: a file or folder two levels below its kind."""

    path: Path
    kind: str
    size: int
    used: float


class CacheFacts(NamedTuple):
    """What the cache holds: number and bytes by kind, and how large it may become."""

    home: Path | None
    bound: int
    kinds: dict[str, tuple[int, int]]


def cache_bytes() -> int:
    """Return how many bytes the cache may hold: `SIZE_SETTING` in the environment, as in ``20 GB``, or 5 GB.

    Raises
    ------
    InputError
        If the setting is no size.

    """
    asked = os.environ.get(SIZE_SETTING, "").strip()
    if not asked:
        return DEFAULT_BYTES
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", asked.lower())
    if found is None or found[2] not in _UNITS:
        raise InputError(f"{SIZE_SETTING} is '{asked}', which is no size: give one such as 500 MB or 20 GB.")
    return int(float(found[1]) * _UNITS[found[2]])


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())


def _things(home: Path) -> list[_Thing]:
    """Return all that the cache holds; another process may be taking it away."""
    found = []
    for path in home.glob("*/*/*"):
        with contextlib.suppress(OSError):
            found.append(_Thing(path, path.parent.parent.name, _size(path), path.stat().st_mtime))
    return found


def make_room(home: Path, bound: int) -> int:
    """Throw away what has been used least lately until the cache is well within `bound` bytes; return how many went."""
    things = _things(home)
    total = sum(thing.size for thing in things)
    if total <= bound:
        return 0
    gone = 0
    for thing in sorted(things, key=lambda item: (item.used, item.path)):
        if total <= _ROOM_LEFT * bound:
            break
        _throw_away(thing.path)
        total -= thing.size
        gone += 1
    return gone


def _throw_away(path: Path) -> None:
    """Remove a file or folder of the cache; another process may do so at the same time."""
    with contextlib.suppress(OSError):
        if not path.is_dir():
            path.unlink()
            return
        # Moved first, so that nobody finds half of it.
        gone = path.with_name(f".gone-{os.getpid()}-{path.name}")
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def cache_facts() -> CacheFacts:
    """Return what the cache holds."""
    home = cache_home()
    kinds: dict[str, tuple[int, int]] = {}
    for thing in _things(home) if home is not None else []:
        number, size = kinds.get(thing.kind, (0, 0))
        kinds[thing.kind] = (number + 1, size + thing.size)
    return CacheFacts(home, cache_bytes(), dict(sorted(kinds.items())))


def clear_cache() -> int:
    """Throw away all that the cache holds, and nothing else in its folder; return how many things went."""
    home = cache_home()
    things = _things(home) if home is not None else []
    for thing in things:
        _throw_away(thing.path)
    return len(things)
