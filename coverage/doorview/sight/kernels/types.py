"""Plain-array types that the kernels share.

Frame of a camera: origin at the camera, x along its heading, y to its left [m]. A *direction* is any vector that points
along a bearing; its length carries no meaning.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["LENT", "FloatArray", "IntArray", "Pieces", "Scratch", "Squares", "WallIndex", "new_pieces", "new_scratch"]

LENT: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
"""How kernels are compiled that make no array: theirs are lent to them by the caller, so that none counts references.

numba counts each array of a tuple up and down, atomically, wherever a branch or a call may end its life: in the sweep
of a view that was a third of all time. Without its runtime (`_nrt`, as numba compiles its own sorting and strings) a
kernel cannot make or return an array, and needs no counting.
"""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ARC = 0
WALL = 1


class Squares(NamedTuple):
    """Walls in squares of a regular grid whose lines are whole multiples of `cell`; an item is a wall in one square.

    `xy` (items, 4) [m] and `scale` (items,) the factor f by which a wall's ends are moved away from the camera (1:
    taller than the sight line) lie square by square, row by row, so that a camera reads them in long runs; within a
    square walls keep their order. `low` (items, 3): the lowest column in which the wall stands, the item's own
    column, the lowest row. `start` (ni * nj + 1,): the items of each square.
    """

    xy: FloatArray
    scale: FloatArray
    low: NDArray[np.int32]
    cell: float
    i0: int
    j0: int
    ni: int
    nj: int
    start: IntArray


class WallIndex(NamedTuple):
    """Walls by squares: those whose shadows have no end, and `lows`, which stand between a low target and the lens.

    A low wall hides what lies from itself to `shade` (items of `lows`,) > 1 times as far from the camera; its scale is
    1. The two lie apart, and kernels hand on `tall` alone where they can: in a compiled loop every array of a tuple
    that is handed on costs time, so that views without low walls would pay for them.
    """

    tall: Squares
    lows: Squares
    shade: FloatArray


class Scratch(NamedTuple):
    """Room for the walls that one camera meets, as intervals of bearing; capacity is the arrays' length.

    `order` holds the item of the index behind each interval until a sweep puts their order there. `active` holds the
    sweep's active walls; before, it is room for items that may be met, and for sorting.
    """

    t0: FloatArray
    t1: FloatArray
    ends: FloatArray  # (capacity, 4): direction of the start, direction of the end
    q: FloatArray  # (capacity, 2): the wall's line as q . p = 1
    order: NDArray[np.int32]
    active: NDArray[np.int32]


class Pieces(NamedTuple):
    """What bounds a view, in order of bearing: `kind` ARC or WALL; `ends` (capacity, 4) x0 y0 x1 y1 [m, own frame]."""

    kind: NDArray[np.int8]
    ends: FloatArray


@nb.njit(cache=True, nogil=True)
def new_scratch(capacity: int) -> Any:
    """Return a `Scratch` for `capacity` intervals."""
    return Scratch(
        np.empty(capacity),
        np.empty(capacity),
        np.empty((capacity, 4)),
        np.empty((capacity, 2)),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
    )


@nb.njit(cache=True, nogil=True)
def new_pieces(capacity: int) -> Any:
    """Return `Pieces` with room for `capacity` of them."""
    return Pieces(np.empty(capacity, np.int8), np.empty((capacity, 4)))
