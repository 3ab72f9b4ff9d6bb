"""OSM files before they are read: what format they have, what is wrong with them, their name and checksum."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import osmium

from doorview.errors import InputError, MissingFileError

__all__ = ["MEND", "checked_format", "name_of", "reading", "sha256_of"]

MEND = "Take a whole .osm.pbf, .osm, .osm.gz or .osm.bz2 file; download or export it again if need be."

_HEAD = 65_536
_SWELL = 200
"""Times its size that a packed file may unpack to; OSM's own unpack to 10 to 30 times."""
_UNPACKED_FREE = 256_000_000
"""Bytes that any file may unpack to."""
_SUFFIXES = (".osm.pbf", ".pbf", ".osm.gz", ".osm.bz2", ".osm", ".xml.gz", ".xml.bz2", ".xml")


def name_of(path: Path | str) -> str:
    """Return a file's name without the suffixes of OSM files, for titles."""
    stem = Path(path).name
    for suffix in _SUFFIXES:
        if stem.lower().endswith(suffix) and len(stem) > len(suffix):
            return stem[: -len(suffix)]
    return Path(path).stem


def sha256_of(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --------------------------------------------------------------------------------------------------------------


def checked_format(path: Path) -> str:
    """Return the format of an OSM file as libosmium names it, by its content rather than its name.

    Raises:
        MissingFileError: no such file.
        InputError: something else than OSM data, a history or change file, or XML that declares a document type.
    """
    if not path.exists():
        raise MissingFileError(
            f"there is no file {str(path)!r} (looked for {str(path.absolute())!r}), so no city can be read. Check "
            "the path, or download by "
            "place name: City.from_place('Lakeland, Florida, USA')."
        )
    if not path.is_file():
        raise InputError(f"{str(path)!r} is a folder, not an OSM file, so nothing can be read from it. {MEND}")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions.") from error
    if not head:
        raise InputError(f"{str(path)!r} is empty, so there is no city in it. {MEND}")
    if b"OSMHeader" in head[:64]:
        return "pbf"
    packed = ""
    try:
        if head[:2] == b"\x1f\x8b":
            packed = ".gz"
            with gzip.open(path) as opened:
                head = opened.read(_HEAD)
        elif head[:3] == b"BZh":
            packed = ".bz2"
            with bz2.open(path) as unpacked:
                head = unpacked.read(_HEAD)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{str(path)!r} is damaged: it cannot be unpacked ({error}). {MEND}") from error
    root = re.search(rb"<\s*([A-Za-z]\w*)[\s/>]", head)
    if root is None or not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise InputError(f"{str(path)!r} is not an OSM file: it begins with {_shown(head)}. {MEND}")
    if re.search(rb"<!(DOCTYPE|ENTITY)", head, re.IGNORECASE) and root[1] != b"html":
        raise InputError(
            f"{str(path)!r} declares an XML document type or entities, which no OSM export does and which can be "
            "made to swell without end, "
            f"so it is not read. {MEND}"
        )
    if root[1] != b"osm":
        what = {b"html": "a web page", b"osmChange": "a file of changes"}.get(
            root[1], f"XML of another kind, {_shown(root[0])}"
        )
        raise InputError(f"{str(path)!r} is not an OSM extract but {what}, so there is no city in it. {MEND}")
    if packed:
        _check_unpacked(path, packed)
    return "osm" + packed


def _check_unpacked(path: Path, packed: str) -> None:
    """Unpack a file once, piece by piece, and refuse it where it swells as no map data do."""
    most = max(_UNPACKED_FREE, _SWELL * path.stat().st_size)
    done = 0
    try:
        with gzip.open(path) if packed == ".gz" else bz2.open(path) as opened:
            while piece := opened.read(1 << 20):
                done += len(piece)
                if done > most:
                    raise InputError(
                        f"{str(path)!r} unpacks to more than {most / 1e6:,.0f} MB, over {_SWELL} times its size, which "
                        f"no OSM export does and which is made to fill a machine, so it is not read. {MEND}"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{str(path)!r} is damaged: it cannot be unpacked ({error}). {MEND}") from error


def _shown(head: bytes) -> str:
    """Return the beginning of a file as printable text."""
    return ascii(head[:24].decode("latin-1"))


_NO_ROOM = frozenset(os.strerror(number) for number in (errno.EAGAIN, errno.ENOMEM))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what libosmium raises on a damaged file into an `InputError`, where it has no room into a `MemoryError`."""
    try:
        yield
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        # It reads by threads of its own; what the system says where it can make none is all that comes through.
        if str(error) in _NO_ROOM:
            raise MemoryError("there is no room for the threads that read the extract") from error
        raise InputError(
            f"{str(path)!r} is truncated or damaged: reading stopped with {str(error)[:300]!r}. A city with a part "
            "missing would give wrong "
            f"shares, so nothing of it is used. {MEND}"
        ) from error
