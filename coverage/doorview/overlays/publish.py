"""What tables of reported thefts may say in what is fit to publish.

Counts under 5 read "fewer than 5". Totals would give such a count away by subtraction, so further cells are withheld
(complementary suppression) until no reader of the table can narrow one of them down: from all that is published, and
knowing these rules, every number from 0 to 4 stays possible for each. That is *checked*, by integer programming
(Fischetti and Salazar 2001, doi 10.1287/mnsc.47.7.1008.9805, call it the attacker's problem), never assumed.

What is not guarded: a reader who compares two runs whose windows differ by a day, or who knows incidents himself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from doorview.errors import InputError

__all__ = [
    "FEWER",
    "MONTH",
    "SMALLEST_BANDWIDTH_M",
    "SMALLEST_COUNT",
    "WITHHELD",
    "Withheld",
    "check_bandwidth",
    "count_words",
    "exposed",
    "month_of",
    "possible",
    "withhold",
]

SMALLEST_COUNT = 5
"""The smallest count that is published as a number."""
SMALLEST_BANDWIDTH_M = 100.0
"""The smallest bandwidth of a surface that is published [m]."""
FEWER = f"fewer than {SMALLEST_COUNT}"
WITHHELD = "withheld"
"""In place of a count of 5 or more that would give a smaller one away."""
MONTH = "%Y-%m"
"""No date in what is fit to publish is finer."""


@dataclass(frozen=True)
class Withheld:
    """Which cells of a table are withheld.

    `small (cells,)`: counts under 5. `other (cells,)`: withheld so that those are not given away.
    """

    small: NDArray[np.bool_]
    other: NDArray[np.bool_]

    @property
    def all(self) -> NDArray[np.bool_]:
        """Every cell that is withheld, (cells,)."""
        return self.small | self.other


def check_bandwidth(bandwidth_m: float) -> float:
    """Return a bandwidth [m] that is fit to publish.

    Raises
    ------
    InputError
        For one under 100 m, which would point at single homes.

    """
    if not (math.isfinite(bandwidth_m) and bandwidth_m >= SMALLEST_BANDWIDTH_M):
        raise InputError(
            f"bandwidth is {bandwidth_m!r} m: a surface that is published needs {SMALLEST_BANDWIDTH_M:g} m or more, "
            f"for a finer one points at single homes. Give bandwidth_m={SMALLEST_BANDWIDTH_M:g} or more, or keep the "
            "surface in working/."
        )
    return float(bandwidth_m)


def month_of(dates: pd.Series) -> pd.Series:
    """Return dates as text no finer than a month (``2019-05``; "" where there is none), on the same index."""
    return pd.to_datetime(dates).dt.strftime(MONTH).fillna("").astype(object)


def count_words(counts: ArrayLike, withheld: Withheld) -> list[str]:
    """Return counts as the words that are published."""
    return [
        FEWER if small else WITHHELD if other else str(int(count))
        for count, small, other in zip(np.asarray(counts), withheld.small, withheld.other, strict=True)
    ]


def withhold(counts: ArrayLike, parts: ArrayLike | sp.spmatrix, *, known: Sequence[int] = ()) -> Withheld:
    """Return which cells to withhold, the fewest that a greedy search finds.

    Parameters
    ----------
    counts
        (cells,) incidents in each cell, totals among them.
    parts
        (cells, atoms) bool, dense or sparse: which *atoms* each cell is the sum of. An atom is what no cell divides: a
        zone where zones are disjoint, else a piece of an overlay, times a slice of time where windows overlap. A total
        holds all atoms of its cells. Atoms that are left out count as known to be empty, so leave none out lightly.
    known
        Rows of cells that stand elsewhere in any case (the number of incidents under a map) and can not be withheld.

    Cells are withheld smallest first, totals last; a cell under 5 always is.

    Raises
    ------
    InputError
        For counts that are no whole numbers of 0 or more, parts of another shape, a cell in `known` under 5, and where
        `known` alone gives cells away.

    """
    table = _Table(counts, parts)
    small = table.counts < SMALLEST_COUNT
    fixed = np.zeros(len(small), bool)
    fixed[list(known)] = True
    if (small & fixed).any():
        raise InputError(
            f"withhold: the total in cell {int(np.flatnonzero(small & fixed)[0])} is under {SMALLEST_COUNT}, so it "
            "cannot stand in what is published. Publish nothing of so few incidents, or take a longer window."
        )
    other = np.zeros(len(small), bool)
    # The smallest first, wide cells (totals) last.
    wide = table.width > np.median(table.width) if len(small) else np.zeros(0, bool)
    order = np.lexsort((np.arange(len(small)), table.counts, table.width * wide))
    for cell in np.flatnonzero(small).tolist():
        while not table.safe(cell, small, other):
            candidates = [c for c in order.tolist() if not (small[c] or other[c] or fixed[c]) and table.near(cell, c)]
            if not candidates:
                candidates = [c for c in order.tolist() if not (small[c] or other[c] or fixed[c])]
            if not candidates:
                raise InputError(
                    f"withhold: whatever is withheld, the totals that must stand give cell {cell} away. Take those "
                    "out of known=, or publish fewer zones."
                )
            other[table.best(cell, candidates, small, other)] = True
    return Withheld(small, other)


def exposed(counts: ArrayLike, parts: ArrayLike | sp.spmatrix, withheld: Withheld) -> list[int]:
    """Return the cells under 5 of which a reader could rule out a number from 0 to 4: none, if all is well."""
    table = _Table(counts, parts)
    return [
        cell for cell in np.flatnonzero(withheld.small).tolist() if not table.safe(cell, withheld.small, withheld.other)
    ]


def possible(counts: ArrayLike, parts: ArrayLike | sp.spmatrix, withheld: Withheld, cell: int) -> tuple[int, int]:
    """Return the least and the most that a reader must think possible for a cell (capped at the table's sum)."""
    return _Table(counts, parts).possible(cell, withheld.small, withheld.other)


class _Table:
    """Counts as sums of unknown atoms, as a reader of the published table sees them."""

    def __init__(self, counts: ArrayLike, parts: ArrayLike | sp.spmatrix) -> None:
        raw = np.asarray(counts, dtype=np.float64)
        self.parts = sp.csr_array(parts if sp.issparse(parts) else np.asarray(parts, dtype=np.float64))
        self.parts = self.parts.astype(np.float64)
        if raw.ndim != 1 or self.parts.shape[0] != len(raw):
            raise InputError(
                f"withhold: counts have shape {raw.shape} and parts {self.parts.shape}; parts need a row per count and "
                "a column per atom."
            )
        if not ((raw >= 0) & (raw == np.floor(raw))).all():
            raise InputError("withhold: counts must be whole numbers of 0 or more, of incidents.")
        self.counts = raw.astype(np.int64)
        self.width: NDArray[np.int64] = np.asarray((self.parts > 0).sum(axis=1)).ravel().astype(np.int64)
        shared = sp.csr_array(self.parts @ self.parts.T)
        self._near = sp.csr_array(shared @ shared)
        self._least, self._most = self.counts.copy(), self.counts.copy()

    def near(self, one: int, two: int) -> bool:
        """Return whether two cells share an atom, or both share one with a third (their total)."""
        return bool(self._near[one, two] > 0)

    def safe(self, cell: int, small: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
        """Return whether every number from 0 to 4 stays possible for a cell.

        A table that shows it for one cell mostly shows it for many: those are remembered, and stay possible as more is
        withheld.
        """
        most = SMALLEST_COUNT - 1
        for sign, shown in ((1.0, self._least), (-1.0, self._most)):
            if shown[cell] != (0 if sign > 0 else most):
                values = self._solved(cell, sign, small, other)
                np.minimum(self._least, values, out=self._least)
                np.maximum(self._most, values, out=self._most)
        return bool(self._least[cell] <= 0 and self._most[cell] >= most)

    def possible(self, cell: int, small: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int]:
        """Return the least and the most that the published table leaves possible for a cell."""
        low, high = (int(self._solved(cell, sign, small, other)[cell]) for sign in (1.0, -1.0))
        return low, high

    def _solved(self, cell: int, sign: float, small: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the cells of a table that fits what is published and has least (sign 1) or most (-1) in a cell.

        Among those, one with little (much) in the other small cells too.
        """
        low = np.where(small, 0, np.where(other, SMALLEST_COUNT, self.counts)).astype(np.float64)
        high = np.where(small, SMALLEST_COUNT - 1, np.where(other, np.inf, self.counts)).astype(np.float64)
        weight = small.astype(np.float64)
        weight[cell] = 1.0 + SMALLEST_COUNT * len(small)
        solved = milp(
            sign * (self.parts.T @ weight),
            constraints=LinearConstraint(self.parts, low, high),
            integrality=np.ones(self.parts.shape[1]),
            bounds=Bounds(0.0, float(self.counts.sum() + SMALLEST_COUNT)),
        )
        if solved.status != 0:
            raise InputError(
                f"withhold: the cells do not fit their parts ({solved.message.strip()}): a total must be the sum "
                "of the atoms that parts give it."
            )
        values: NDArray[np.int64] = np.rint(self.parts @ np.rint(solved.x)).astype(np.int64)
        return values

    def best(self, cell: int, candidates: Sequence[int], small: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
        """Return the first candidate that makes a cell safe alone; else the one that helps most, the largest first."""
        scores: list[tuple[int, int, int]] = []
        for place, candidate in enumerate(candidates):
            tried = other.copy()
            tried[candidate] = True
            low, high = self.possible(cell, small, tried)
            if low <= 0 and high >= SMALLEST_COUNT - 1:
                return candidate
            scores.append((min(high, SMALLEST_COUNT - 1) - max(low, 0), int(self.counts[candidate]), -place))
        narrow = [i for i, c in enumerate(candidates) if self.width[c] == min(self.width[list(candidates)])]
        return candidates[max(narrow, key=lambda i: scores[i])]
