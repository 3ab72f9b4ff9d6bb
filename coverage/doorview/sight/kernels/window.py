"""Spans of many cameras at several levels inside one window of the grid."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.areas import view_pieces
from doorview.sight.kernels.shadows import cut_spans, field_edge
from doorview.sight.kernels.spans import CROSSINGS, SPAN_FIELDS, new_crossings, put_spans
from doorview.sight.kernels.star import cap_pieces, gather_walls, sweep
from doorview.sight.kernels.types import LENT, FloatArray, new_pieces, new_scratch

__all__ = ["window_spans"]


SCRATCH, PIECES, CAPPED, ROW, SPANS = range(5)
"""Room that may be too small: for walls, pieces, pieces of a shorter level, crossings of a row, and spans."""


@nb.njit(**LENT)
def _longest(ranges: FloatArray, field_of: Any, field: int) -> float:
    """Return the longest range [m] among the levels of a field of view."""
    reach = 0.0
    for level in range(ranges.shape[0]):
        if field_of[level] == field:
            reach = max(reach, ranges[level])
    return reach


@nb.njit(**LENT)
def _spans_from(
    first: int,
    xy: FloatArray,
    forward: FloatArray,
    ranges: FloatArray,
    near: FloatArray,
    fields: FloatArray,
    edges: FloatArray,
    field_of: Any,
    tall: Any,
    cell: float,
    window: Any,
    scratch: Any,
    pieces: Any,
    capped: Any,
    xs: Any,
    n: Any,
    spans: Any,
    made: int,
) -> tuple[int, int, int, int]:
    """Append the spans of doors from `first` on, at the levels of `window_spans`; `edges` as from `field_edge`.

    Returns the door at which it stopped, the number of spans before that door, which room was too small (-1: none, all
    doors are done), and how much is needed.
    """
    for door in range(first, xy.shape[0]):
        cx, cy, fx, fy = xy[door, 0], xy[door, 1], forward[door, 0], forward[door, 1]
        before = made
        for f in range(fields.shape[0]):
            reach = _longest(ranges, field_of, f)
            closed = fields[f] >= 2.0 * math.pi
            t_edge, ux, uy = edges[f, 0], edges[f, 1], edges[f, 2]
            met = gather_walls(cx, cy, fx, fy, reach, t_edge, ux, uy, tall, scratch)
            if met < 0:
                return door, before, SCRATCH, -2 * met
            count = sweep(reach, t_edge, ux, uy, met, scratch, pieces)
            if count < 0:
                return door, before, PIECES, -2 * count
            if capped.kind.shape[0] < 3 * count:
                return door, before, CAPPED, 6 * count
            for level in range(ranges.shape[0]):
                if field_of[level] != f:
                    continue
                if ranges[level] < reach:
                    length = cap_pieces(pieces, count, ranges[level], capped)
                    done = put_spans(
                        cx, cy, fx, fy, ranges[level], near[level], closed, capped, length, cell, window, level, door,
                        xs, n, spans, made,
                    )  # fmt: skip
                else:
                    done = put_spans(
                        cx, cy, fx, fy, ranges[level], near[level], closed, pieces, count, cell, window, level, door,
                        xs, n, spans, made,
                    )  # fmt: skip
                if done < 0:
                    return door, before, ROW, 2 * xs.shape[1]
                if done > spans.shape[0]:
                    return door, before, SPANS, 2 * done
                made = done
    return xy.shape[0], made, -1, 0


@nb.njit(cache=True, nogil=True)
def _spans_with_lows(
    xy: FloatArray,
    forward: FloatArray,
    ranges: FloatArray,
    near: FloatArray,
    fields: FloatArray,
    field_of: Any,
    walls: Any,
    cell: float,
    window: Any,
) -> tuple[Any, int]:
    """Do what `window_spans` does where walls throw finite shadows."""
    levels = ranges.shape[0]
    scratch, pieces, capped = new_scratch(256), new_pieces(512), new_pieces(2048)
    tall, lows, shade = walls.tall, walls.lows, walls.shade
    xs, n = new_crossings(ranges.max(), cell, CROSSINGS)
    spans = np.empty((4096, SPAN_FIELDS), np.int32)
    made = 0
    for door in range(xy.shape[0]):
        cx, cy, fx, fy = xy[door, 0], xy[door, 1], forward[door, 0], forward[door, 1]
        for f in range(fields.shape[0]):
            reach = _longest(ranges, field_of, f)
            closed = fields[f] >= 2.0 * math.pi
            count, scratch, pieces = view_pieces(cx, cy, fx, fy, reach, fields[f], tall, scratch, pieces)
            if capped.kind.shape[0] < 3 * count:
                capped = new_pieces(6 * count)
            for level in range(levels):
                if field_of[level] != f:
                    continue
                view, length = pieces, count
                if ranges[level] < reach:
                    length = cap_pieces(pieces, count, ranges[level], capped)
                    view = capped
                while True:
                    done = put_spans(
                        cx, cy, fx, fy, ranges[level], near[level], closed, view, length, cell, window, level, door, xs,
                        n, spans, made,
                    )  # fmt: skip
                    if made < done <= spans.shape[0]:
                        done = cut_spans(
                            cx, cy, fx, fy, ranges[level], fields[f], lows, shade, cell, window, spans, made, done
                        )
                    if done < 0:
                        xs, n = new_crossings(ranges.max(), cell, 2 * xs.shape[1])
                    elif done > spans.shape[0]:
                        grown = np.empty((2 * done, SPAN_FIELDS), np.int32)
                        grown[:made] = spans[:made]
                        spans = grown
                    else:
                        made = done
                        break
    return spans, made


@nb.njit(cache=True, nogil=True)
def window_spans(
    xy: FloatArray,
    forward: FloatArray,
    ranges: FloatArray,
    near: FloatArray,
    fields: FloatArray,
    field_of: Any,
    walls: Any,
    cell: float,
    window: Any,
) -> tuple[Any, int]:
    """Return spans (room, 5) int32 and how many there are: level, row, start, stop, door, relative to the window.

    `xy` (doors, 2) and `forward` (doors, 2); `ranges` and `near` per level [m]; `fields` the different fields of view
    [radians] and `field_of` (levels,) which of them each level has; `window` int64 row0, rows, col0, columns. Views are
    computed once per door and field at the longest range; shorter levels cut them, and low walls cut holes in them.
    """
    if walls.lows.ni > 0:
        return _spans_with_lows(xy, forward, ranges, near, fields, field_of, walls, cell, window)
    scratch, pieces, capped = new_scratch(256), new_pieces(512), new_pieces(2048)
    tall = walls.tall
    xs, n = new_crossings(ranges.max(), cell, CROSSINGS)
    spans = np.empty((4096, SPAN_FIELDS), np.int32)
    edges = np.empty((fields.shape[0], 3))
    for f in range(fields.shape[0]):
        edges[f, 0], edges[f, 1], edges[f, 2] = field_edge(fields[f])
    door, made = 0, 0
    while door < xy.shape[0]:
        door, made, wanted, room = _spans_from(
            door, xy, forward, ranges, near, fields, edges, field_of, tall, cell, window, scratch, pieces, capped, xs,
            n, spans, made,
        )  # fmt: skip
        if wanted == SCRATCH:
            scratch = new_scratch(room)
        elif wanted == PIECES:
            pieces = new_pieces(room)
        elif wanted == CAPPED:
            capped = new_pieces(room)
        elif wanted == ROW:
            xs, n = new_crossings(ranges.max(), cell, room)
        elif wanted == SPANS:
            grown = np.empty((room, SPAN_FIELDS), np.int32)
            grown[:made] = spans[:made]
            spans = grown
    return spans, made
