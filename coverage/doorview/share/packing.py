"""Finished tiles as bytes and back: what is sent from a worker, kept for resuming, and kept for other runs.

A parcel is `MAGIC`, the name of its block (its key), a BLAKE2b-256 checksum of all that follows the checksum, the
length of a header, the header (JSON: the tiles and their arrays by name, type, type as written, and shape), the
counts (one zstd frame) and the rasters (a frame each). No pickle, so that a parcel can be read without running
anything; no times, so that clocks mean nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from doorview.errors import DoorviewError
from doorview.share.known import TileKnown
from doorview.share.tiles import TileResult

__all__ = ["DamagedParcelError", "Parcel", "pack", "unpack"]

MAGIC = b"doorview tiles 2\n"
_KEY = 40
_CHECKSUM = 32
_LENGTHS = struct.Struct("<QQ")
_CODEC = pa.Codec("zstd", compression_level=1)
_COUNTS = (
    "space", "near", "face", "amount", "level", "entry_set", "entry_group", "entry_amount", "set_key", "member_start",
    "members",
)  # fmt: skip
_KNOWN = ("level", "group", "amount", "entry_level", "entry_set", "entry_group", "entry_amount")
_ALIGNED = 8
_MOST_BYTES = 1 << 34
"""No block holds so much: a header that says so is wrong."""


class DamagedParcelError(DoorviewError, ValueError):
    """Bytes that are no parcel of this block, or not all of it, or not what was written."""


class _Writer:
    """Lays arrays end to end and notes their types and shapes."""

    def __init__(self) -> None:
        self.pieces: list[Any] = []

    def put(self, array: NDArray[Any]) -> list[Any]:
        """Add an array; return what the header says of it."""
        own = np.ascontiguousarray(_narrowed(array))
        self.pieces += [own.data.cast("B") if own.size else b"", bytes(-own.nbytes % _ALIGNED)]
        return [array.dtype.str, own.dtype.str, list(own.shape)]


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers in as few bytes as hold them all: less to compress, to check, to write and to read."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    kinds = (np.uint8, np.uint16, np.uint32) if low >= 0 else (np.int8, np.int16, np.int32)
    for kind in kinds:
        if np.dtype(kind).itemsize >= array.dtype.itemsize:
            break
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    return array


def pack(key: str, results: Sequence[TileResult], *, rasters: bool) -> bytes:
    """Return the parcel of a block's finished tiles; `rasters` says whether what they see by cell was asked for."""
    counts, views, view_sizes = _Writer(), [], []
    tiles = []
    for result in results:
        zones = np.array([zone for group in result.zones for zone in group], np.int32)
        layers = {}
        seen = {"": result.seen_by}
        for name, layer in result.known.items():
            layers[name] = [counts.put(getattr(layer, field)) for field in _KNOWN]
            seen[f"known {name}"] = layer.seen_by
        drawn: list[list[Any]] = []
        for layer_name, by_level in seen.items():
            for level, array in by_level.items():
                if array is None or not rasters:
                    drawn.append([layer_name, level, None])
                    continue
                frame = _CODEC.compress(np.ascontiguousarray(array).data.cast("B"), asbytes=True)
                drawn.append([layer_name, level, [array.dtype.str, list(array.shape)]])
                views.append(frame)
                view_sizes.append(len(frame))
        tiles.append(
            {
                "tile": [int(n) for n in result.tile],
                "at": [int(result.row0), int(result.col0)],
                "known": layers,
                "counts": [counts.put(getattr(result, field)) for field in _COUNTS],
                "zones": [counts.put(np.array([*map(len, result.zones)], np.int32)), counts.put(zones)],
                "rings": None if result.rings is None else _put_rings(counts, result.rings),
                "drawn": drawn,
            }
        )
    body = b"".join(counts.pieces)
    frame = _CODEC.compress(body, asbytes=True) if body else b""
    header = json.dumps(
        {"tiles": tiles, "rasters": rasters, "counts": [len(body), len(frame)], "views": view_sizes},
        separators=(",", ":"),
    ).encode()
    rest = b"".join([_LENGTHS.pack(len(header), len(frame) + sum(view_sizes)), header, frame, *views])
    return b"".join([MAGIC, key.encode().ljust(_KEY), hashlib.blake2b(rest, digest_size=_CHECKSUM).digest(), rest])


def _put_rings(counts: _Writer, rings: NDArray[np.int64]) -> list[Any]:
    """Lay out what is not 0 of an array that mostly is; return its shape, and what the header says of the parts."""
    flat = rings.ravel()
    places = np.flatnonzero(flat)
    return [list(rings.shape), counts.put(places.astype(np.int64)), counts.put(flat[places])]


class Parcel:
    """A parcel opened: its checksum is right, and it is that of the block `key`.

    Raises
    ------
    DamagedParcelError
        If the bytes are cut short, changed, of another block, or no parcel at all.

    """

    def __init__(self, data: bytes, key: str) -> None:
        head = len(MAGIC) + _KEY
        begin = head + _CHECKSUM
        if data[: len(MAGIC)] != MAGIC or len(data) < begin + _LENGTHS.size:
            raise DamagedParcelError("this is no parcel of finished tiles.")
        if data[len(MAGIC) : head] != key.encode().ljust(_KEY):
            raise DamagedParcelError("this parcel holds the tiles of another block.")
        view = memoryview(data)
        if hashlib.blake2b(view[begin:], digest_size=_CHECKSUM).digest() != data[head:begin]:
            raise DamagedParcelError(
                "the checksum of this parcel is wrong: it is cut short, or its bytes were changed."
            )
        length, rest = _LENGTHS.unpack_from(data, begin)
        at = begin + _LENGTHS.size
        self._header: dict[str, Any] = json.loads(bytes(view[at : at + length]))
        self._data = view[at + length : at + length + rest]

    @property
    def tiles(self) -> int:
        """How many tiles it holds."""
        return len(self._header["tiles"])

    @property
    def rasters(self) -> bool:
        """Whether the rasters were asked for when it was made."""
        return bool(self._header["rasters"])

    def results(self, *, rasters: bool) -> Iterator[TileResult]:
        """Yield the tiles, rasters unpacked one tile at a time; without them `seen_by` holds None."""
        size, packed = self._header["counts"]
        body = _decompressed(self._data[:packed], size) if size else b""
        offset, view_at = 0, packed
        frames = iter(self._header["views"])

        def take(what: list[Any]) -> NDArray[Any]:
            nonlocal offset
            written, shape = np.dtype(what[1]), tuple(what[2])
            found = np.frombuffer(body, written, math.prod(shape), offset).reshape(shape)
            offset += found.nbytes + -found.nbytes % _ALIGNED
            return found.astype(np.dtype(what[0]))

        for entry in self._header["tiles"]:
            known = {name: [take(item) for item in layer] for name, layer in entry["known"].items()}
            arrays = [take(item) for item in entry["counts"]]
            sizes, flat = (take(item) for item in entry["zones"])
            zones: list[tuple[int, ...]] = [()] * len(sizes)
            if len(flat):
                ends = np.cumsum(sizes)
                zones = [tuple(flat[e - n : e].tolist()) for e, n in zip(ends.tolist(), sizes.tolist(), strict=True)]
            rings = None
            if entry["rings"] is not None:
                shape, places, values = entry["rings"]
                rings = np.zeros(shape, np.int64)
                at = take(places)
                rings.ravel()[at] = take(values)
            seen: dict[str, dict[str, NDArray[np.uint16] | None]] = {"": {}, **{f"known {name}": {} for name in known}}
            for layer_name, level, what in entry["drawn"]:
                seen[layer_name][level] = None
                if what is None:
                    continue
                length = next(frames)
                if rasters:
                    dtype, shape = np.dtype(what[0]), tuple(what[1])
                    raw = _decompressed(self._data[view_at : view_at + length], math.prod(shape) * dtype.itemsize)
                    seen[layer_name][level] = np.frombuffer(raw, dtype).reshape(shape)
                view_at += length
            fields = dict(zip(_COUNTS, arrays, strict=True))
            yield TileResult(
                tile=tuple(entry["tile"]),
                row0=entry["at"][0],
                col0=entry["at"][1],
                zones=zones,
                seen_by=seen[""],
                rings=rings,
                known={
                    name: TileKnown(**dict(zip(_KNOWN, layer, strict=True)), seen_by=seen[f"known {name}"])
                    for name, layer in known.items()
                },
                **fields,
            )


def _decompressed(frame: memoryview, size: int) -> Any:
    """Return the bytes of a frame that holds `size` of them."""
    if not 0 <= size < _MOST_BYTES:
        raise DamagedParcelError(f"this parcel says that it holds {size} bytes, more than any block has.")
    return _CODEC.decompress(pa.py_buffer(frame), size, asbytes=True)


def unpack(data: bytes, key: str, *, rasters: bool) -> list[TileResult]:
    """Return all tiles of a parcel."""
    return list(Parcel(data, key).results(rasters=rasters))
