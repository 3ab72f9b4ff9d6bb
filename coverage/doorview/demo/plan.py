"""Which quarters a town has, where they lie, and the streets between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from doorview.demo import core, suburbs
from doorview.demo.dice import Dice
from doorview.demo.names import Names
from doorview.demo.sheet import XY, Line, Sheet, Tags
from doorview.demo.streets import ACROSS_M, DUAL_OFFSET_M, HIGH_M, UP_M, WIDE_M, Border, carriageway

__all__ = ["HOMES_PER_QUARTER", "Cell", "cells_for", "lay_border", "lay_quarter"]

HOMES_PER_QUARTER = 250

_LAYOUTS: dict[str, Callable[[Sheet, Dice, tuple[str, ...], Border], None]] = {
    "grid": suburbs.grid,
    "centre": core.centre,
    "terraces": core.terraces,
    "park": core.park,
    "closes": suburbs.closes,
    "creek": suburbs.creek,
}
_PLACES = {"grid": (1, 0), "centre": (1, 1), "terraces": (0, 1), "park": (2, 1), "closes": (0, 0), "creek": (2, 0)}
"""Column and row of each kind within a borough of three by two quarters; a small town takes the first ones."""
_STUB_M = 180.0


class Cell(NamedTuple):
    """One quarter: its kind, its place on the grid of quarters, its ward (0: the first of its kind)."""

    kind: str
    column: int
    row: int
    ward: int

    @property
    def corner(self) -> XY:
        """Lower left corner [m]."""
        return (self.column * WIDE_M, self.row * HIGH_M)


def cells_for(homes: int) -> list[Cell]:
    """Return the quarters of a town of about so many homes."""
    count = max(1, round(homes / HOMES_PER_QUARTER))
    kinds = list(_PLACES)
    boroughs = math.ceil(count / len(kinds))
    across = math.ceil(math.sqrt(boroughs * 2 * HIGH_M / (3 * WIDE_M)))
    cells = []
    for k in range(count):
        borough, kind = divmod(k, len(kinds))
        column, row = _PLACES[kinds[kind]]
        cells.append(Cell(kinds[kind], 3 * (borough % across) + column, 2 * (borough // across) + row, borough))
    return cells


def lay_quarter(cell: Cell, seed: int) -> tuple[Sheet, Names]:
    """Lay out one quarter in its own frame, tidied; its draws depend on the seed and its place alone."""
    names = Names(cell.kind, cell.ward)
    sheet, dice = Sheet(), Dice(seed, cell.column, cell.row)
    border = Border(
        Names.across(cell.row), Names.across(cell.row + 1), Names.up(cell.column), Names.up(cell.column + 1)
    )
    _LAYOUTS[cell.kind](sheet, dice, names.streets, border)
    sheet.tidy()
    return sheet, names


def lay_border(cells: list[Cell]) -> Sheet:
    """Lay out the streets around the quarters, and the roads out of town, in the town's frame."""
    sheet = Sheet()
    kinds = {(cell.column, cell.row): cell.kind for cell in cells}
    across = sorted({(c, r + up) for c, r in kinds for up in (0, 1)})
    upward = sorted({(c + right, r) for c, r in kinds for right in (0, 1)})
    for column, row in across:
        start, end = (column * WIDE_M, row * HIGH_M), ((column + 1) * WIDE_M, row * HIGH_M)
        dual = kinds.get((column, row)) == "centre" or kinds.get((column, row - 1)) == "grid"
        tags: Tags = {"highway": "secondary", "name": Names.across(row), "sidewalk": "both"}
        if dual:
            _dual(sheet, start, {**tags, "lanes": "2", "width": "7"})
        else:
            sheet.ways.append(Line([start, end], {**tags, "lanes": "2", "width": "12"}, clear_m=ACROSS_M))
    for column, row in upward:
        start, end = (column * WIDE_M, row * HIGH_M), (column * WIDE_M, (row + 1) * HIGH_M)
        tags = {"highway": "tertiary", "name": Names.up(column), "sidewalk": "both"}
        sheet.ways.append(Line([start, end], tags, clear_m=UP_M))
    _roads_out(sheet, across)
    return sheet


def _dual(sheet: Sheet, start: XY, tags: Tags) -> None:
    """Put two carriageways, each one-way, keeping right; each has its sidewalk on the outside."""
    for points in (carriageway(0.0, -1), carriageway(0.0, 1)[::-1]):
        line = [(start[0] + x, start[1] + y) for x, y in points]
        own = {**tags, "oneway": "yes", "dual_carriageway": "yes", "sidewalk": "right"}
        sheet.ways.append(Line(line, own, clear_m=ACROSS_M - DUAL_OFFSET_M))


def _roads_out(sheet: Sheet, across: list[tuple[int, int]]) -> None:
    """Lead a road out of town on each side, so that the data reach beyond the last homes."""
    low, high = min(r for _, r in across), max(r for _, r in across)
    left, right = min(c for c, r in across if r == low), max(c for c, r in across if r == low) + 1
    top = min(c for c, r in across if r == high)
    y = low * HIGH_M
    tags: Tags = {"highway": "secondary", "name": "County Road 9¾", "sidewalk": "no", "lanes": "2"}
    ends = [
        ((left * WIDE_M, y), (left * WIDE_M - _STUB_M, y - 20.0)),
        ((right * WIDE_M, y), (right * WIDE_M + _STUB_M, y + 15.0)),
        ((left * WIDE_M, y), (left * WIDE_M + 25.0, y - _STUB_M)),
        ((top * WIDE_M, high * HIGH_M), (top * WIDE_M - 30.0, high * HIGH_M + _STUB_M)),
    ]
    for start, end in ends:
        sheet.ways.append(Line([start, end], dict(tags), clear_m=ACROSS_M))
