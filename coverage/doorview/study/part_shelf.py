"""Finished parts of a city in an unfinished run, so that the same command goes on after them.

A part is a folder named by its key, written beside its place and renamed, with the key and the checksum of each of its
files. Only arrays and JSON, so that reading one runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from doorview.city.cache_home import beside, key_of
from doorview.city.ground_streets import StreetSums
from doorview.errors import OutputError
from doorview.share.parts import Part, load_part, save_part
from doorview.study.part_city import PartDoors
from doorview.study.part_plan import PartBox

__all__ = ["PartShelf"]

_SAY = logging.getLogger(__name__)
_SUMS = "checksums.json"
_DOORS = "doors.json"
_KEY = "/key"
"""In the checksums, the name of the part that they are of: no file is called so."""


class _Found(NamedTuple):
    """A part that was finished before."""

    doors: PartDoors
    counted: Part | None


@dataclass(frozen=True)
class PartShelf:
    """Where finished parts lie: `folder`, of the run; `base` is the key of all that its parts are made of."""

    folder: Path
    base: str

    def find(self, part: PartBox, sample: int) -> _Found | None:
        """Return a part that was finished before; one whose files do not match their checksums is said and is none."""
        place = self._place(part, sample)
        if not place.is_dir():
            return None
        try:
            sums = json.loads((place / _SUMS).read_text(encoding="utf-8"))
            wrong = sums != {_KEY: place.name, **_sums(place)}
            if not wrong:
                return _read(place)
        except (OSError, ValueError, KeyError, TypeError):
            wrong = True
        _SAY.warning("'%s' is damaged: its part of the city is counted again.", place)
        shutil.rmtree(place, ignore_errors=True)
        return None

    def keep(self, part: PartBox, sample: int, own: PartDoors, made: Part | None) -> None:
        """Keep a part.

        Raises
        ------
        OutputError
            If it cannot be written.

        """
        place = self._place(part, sample)
        try:
            with beside(place) as folder:
                folder.mkdir()
                _write(folder, own, made)
                (folder / _SUMS).write_text(json.dumps({_KEY: place.name, **_sums(folder)}), encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"a finished part of the city could not be written into '{self.folder}' "
                f"({(error.strerror or str(error)).lower()}), so the run was ended. All parts before it are kept: make "
                "room, and the same command goes on from there."
            ) from error

    def _place(self, part: PartBox, sample: int) -> Path:
        return self.folder / key_of(self.base, list(part[:4]), [list(tile) for tile in part.counted], sample)


def _sums(folder: Path) -> dict[str, str]:
    """Return the checksum of each file of a part."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _SUMS:
            with path.open("rb") as file:
                name = path.relative_to(folder).as_posix()
                found[name] = hashlib.file_digest(file, "blake2b").hexdigest()
    return found


def _write(folder: Path, own: PartDoors, made: Part | None) -> None:
    """Write a part into an empty folder."""
    words = {
        "ids": own.ids.tolist(), "counts": own.counts, "notes": own.notes, "hiding": own.hiding,
        "errors": own.errors is not None, "metres": own.metres, "streets": asdict(own.streets),
    }  # fmt: skip
    (folder / _DOORS).write_text(json.dumps(words, default=int), encoding="utf-8")
    np.save(folder / "xy.npy", own.xy)
    np.save(folder / "dwellings.npy", own.dwellings)
    np.save(folder / "face.npy", own.face)
    if own.errors is not None:
        np.save(folder / "errors.npy", own.errors)
    if made is not None:
        save_part(folder / "part", made)


def _read(folder: Path) -> _Found:
    """Read a part."""
    words = json.loads((folder / _DOORS).read_text(encoding="utf-8"))
    doors = PartDoors(
        np.array(words["ids"], dtype=object),
        np.load(folder / "xy.npy"),
        np.load(folder / "dwellings.npy"),
        words["counts"],
        words["notes"],
        words["hiding"],
        np.load(folder / "errors.npy") if words["errors"] else None,
        np.load(folder / "face.npy"),
        words["metres"],
        StreetSums(**words["streets"]),
    )
    return _Found(doors, load_part(folder / "part") if (folder / "part").is_dir() else None)
