"""Arrays and header of the explorer as text inside a page; and the smaller content of the light page."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DTYPES", "header_text", "light_content", "packed", "without_spaces"]

Arrays = dict[str, NDArray[Any]]
ALIGNED = 8
DTYPES = {
    "<f4": "f4", "<f8": "f8", "<i4": "i4", "<u4": "u4", "<u2": "u2", "<i2": "i2", "|u1": "u1",
}  # fmt: skip
"""Little-endian numpy types by what the header calls them."""
FULL_ONLY = ("door_", "ring_", "wall_", "heat_", "walk_")
"""Arrays that the light page leaves out, by how their names begin."""
SPACE_AXIS = {
    "curve_independent": 1, "curve_scenario": 2, "fixed_share": 2, "share_low_high": 2, "public_cells": 1,
    "knot_share": 3, "fixed_unit_share": 3,
}  # fmt: skip
"""Axis of the spaces in each array that has one, beside the histogram."""


def packed(arrays: Mapping[str, NDArray[Any]]) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the arrays as base64 of one zlib stream, and by name dtype, shape and offset [bytes] in it.

    Little-endian, row-major, in the order given, each beginning at a multiple of 8 bytes.
    """
    parts: list[bytes] = []
    table, offset = {}, 0
    for name, values in arrays.items():
        plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        data = plain.tobytes()
        table[name] = {"dtype": DTYPES[plain.dtype.str], "shape": list(plain.shape), "offset": offset}
        gap = -len(data) % ALIGNED
        parts += [data, b"\0" * gap]
        offset += len(data) + gap
    return base64.b64encode(zlib.compress(b"".join(parts), 6)).decode("ascii"), table


def header_text(header: Mapping[str, Any]) -> str:
    """Return the header as JSON that cannot end the element it stands in, whatever names hold."""
    text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Line separators are legal in JSON, but old scripts take them for the end of a line.
    for mark in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def light_content(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of the light page: totals of blocks, no doors, buildings, walls or heat layers."""
    kept = {name: values for name, values in arrays.items() if not name.startswith(FULL_ONLY)}
    sight = {
        "exact": False,
        "notes": ["This is the light page: it holds no doors and no walls, so no single sight lines."],
    }
    return {**header, "kind": "light", "heat": [], "walks": None, "sight": sight}, kept


def without_spaces(
    header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], keep: int
) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays with the first `keep` spaces alone."""
    spaces, levels = len(header["spaces"]), len(header["levels"])
    out = dict(arrays)
    for name, axis in SPACE_AXIS.items():
        if name in out:
            out[name] = np.take(out[name], np.arange(min(keep, spaces)), axis=axis)
    units = len(out["unit_homes"])
    start = np.asarray(arrays["hist_start"], np.int64)
    rows = np.arange(units * levels * spaces).reshape(units, levels, spaces)[:, :, :keep].ravel()
    sizes = np.diff(start)[rows]
    first = np.concatenate([[0], np.cumsum(sizes)])
    take = np.repeat(start[:-1][rows] - first[:-1], sizes) + np.arange(first[-1])
    out["hist_start"] = first.astype(np.uint32)
    out["hist_k"], out["hist_amount"] = out["hist_k"][take], out["hist_amount"][take]
    return {**header, "spaces": list(header["spaces"])[:keep]}, out
