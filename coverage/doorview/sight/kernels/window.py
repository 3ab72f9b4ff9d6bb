"""Spans of many cameras at several levels inside one window of the grid."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.areas import view_pieces
from doorview.sight.kernels.shadows import cut_spans
from doorview.sight.kernels.spans import CROSSINGS, SPAN_FIELDS, new_crossings, put_spans
from doorview.sight.kernels.star import cap_pieces
from doorview.sight.kernels.types import FloatArray, new_pieces, new_scratch

__all__ = ["window_spans"]


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
    levels = ranges.shape[0]
    scratch, pieces, capped = new_scratch(256), new_pieces(512), new_pieces(2048)
    tall, lows, shade, any_low = walls.tall, walls.lows, walls.shade, walls.lows.ni > 0
    xs, n = new_crossings(ranges.max(), cell, CROSSINGS)
    spans = np.empty((4096, SPAN_FIELDS), np.int32)
    made = 0
    for door in range(xy.shape[0]):
        cx, cy, fx, fy = xy[door, 0], xy[door, 1], forward[door, 0], forward[door, 1]
        for f in range(fields.shape[0]):
            reach = 0.0
            for level in range(levels):
                if field_of[level] == f:
                    reach = max(reach, ranges[level])
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
                    if any_low and made < done <= spans.shape[0]:
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
