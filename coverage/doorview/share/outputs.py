"""What is printed: by zone and by space, each a sum of base amounts (space, near, zone combination)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.city.classes import CLASSES, STREET_CLASSES
from doorview.share.coverage import Coverage
from doorview.share.scene import SPACES

__all__ = ["HEADLINE", "Outputs", "base_numbers", "outputs_of", "printed_spaces", "street_spaces"]

HEADLINE = "streets_near_homes"
"""The space of the headline: carriageway, alley, sidewalk and verge within 50 m of a home."""


def street_spaces() -> list[int]:
    """Return the space codes that make up streets."""
    return [SPACES.index(name) for name in STREET_CLASSES]


def printed_spaces() -> list[tuple[str, str, list[int], int | None]]:
    """Return (printed name, measure, space codes, near): near 1 takes only what lies near a home."""
    public = [item.rank for item in CLASSES if item.public]
    found: list[tuple[str, str, list[int], int | None]] = [
        ("all", "area_m2", public, None),
        ("streets", "area_m2", street_spaces(), None),
        (HEADLINE, "area_m2", street_spaces(), 1),
    ]
    found += [(CLASSES[rank].name, "area_m2", [rank], None) for rank in public]
    for name in SPACES[len(CLASSES) :]:
        found.append((name, "length_m", [SPACES.index(name)], None))
        found.append((f"{name}_near_homes", "length_m", [SPACES.index(name)], 1))
    return found


@dataclass(frozen=True)
class Outputs:
    """Printed rows (zoning, zone, space, measure) and the bases that each adds up.

    `bases` has space, near and zones (combination number) of each base; output i is the sum of
    `parts[start[i]:start[i + 1]]`; `amount` is what there is of it, in counts, and `unit` what a count is worth [m2 or
    m].
    """

    bases: pd.DataFrame
    table: pd.DataFrame
    start: NDArray[np.int64]
    parts: NDArray[np.int64]
    amount: NDArray[np.int64]
    unit: NDArray[np.float64]

    def summed(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (outputs, ...) sums of base values (bases, ...)."""
        return np.add.reduceat(values[self.parts], self.start[:-1], axis=0)


def outputs_of(coverage: Coverage, zones: pd.DataFrame | None = None) -> Outputs:
    """Return the printed rows of a coverage; a row without ground is left out.

    `zones` has columns `zoning` and `zone`, in the order in which zones were numbered.
    """
    totals = coverage.totals
    public = np.array([item.public for item in CLASSES] + [True] * (len(SPACES) - len(CLASSES)))
    totals = totals[public[np.asarray(totals["space"], np.int64)]]
    bases = totals.groupby(["space", "near", "zones"], sort=True, as_index=False)["amount"].sum()
    space, near = np.asarray(bases["space"], np.int64), np.asarray(bases["near"], np.int64)
    combination, amount = np.asarray(bases["zones"], np.int64), np.asarray(bases["amount"], np.int64)
    members: list[tuple[str, str, NDArray[np.bool_]]] = [("all", "all", np.ones(len(bases), bool))]
    if zones is not None and len(zones):
        holds = np.zeros((len(zones), len(coverage.zones)), bool)
        for number, of in enumerate(coverage.zones):
            holds[list(of), number] = True
        members += [
            (str(zoning), str(zone), holds[number, combination])
            for number, (zoning, zone) in enumerate(zip(zones["zoning"], zones["zone"], strict=True))
        ]
    records: list[tuple[Any, ...]] = []
    parts: list[NDArray[np.int64]] = []
    for zoning, zone, inside in members:
        here = np.flatnonzero(inside)
        for name, measure, codes, only in printed_spaces():
            chosen = here[np.isin(space[here], codes) & ((only is None) | (near[here] == only))]
            if len(chosen):
                records.append((zoning, zone, name, measure, int(amount[chosen].sum()), coverage.unit[codes[0]]))
                parts.append(chosen)
    table = pd.DataFrame(records, columns=["zoning", "zone", "space", "measure", "amount", "unit"])
    order = (
        np.lexsort([table[name] for name in ("measure", "space", "zone", "zoning")]) if len(table) else np.zeros(0, int)
    )
    table = table.iloc[order].reset_index(drop=True)
    chosen_parts = [parts[n] for n in order]
    start = np.concatenate([[0], np.cumsum([len(part) for part in chosen_parts])]).astype(np.int64)
    return Outputs(
        bases[["space", "near", "zones"]],
        table[["zoning", "zone", "space", "measure"]],
        start,
        np.concatenate(chosen_parts) if chosen_parts else np.zeros(0, np.int64),
        np.asarray(table["amount"], np.int64),
        np.asarray(table["unit"], np.float64),
    )


def base_numbers(coverage: Coverage, outputs: Outputs) -> NDArray[np.int64]:
    """Return the base of every set row."""
    rows, bases = coverage.rows, outputs.bases
    size = (2 * len(SPACES), max(len(coverage.zones), 1))
    code = (np.asarray(rows["space"], np.int64) * 2 + np.asarray(rows["near"], np.int64)) * size[1] + np.asarray(
        rows["zones"], np.int64
    )
    known = (np.asarray(bases["space"], np.int64) * 2 + np.asarray(bases["near"], np.int64)) * size[1] + np.asarray(
        bases["zones"], np.int64
    )
    return np.searchsorted(known, code)
