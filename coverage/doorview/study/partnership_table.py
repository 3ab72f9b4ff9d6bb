"""The partnership's table: shares in view by month, from the exact curve of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError

__all__ = ["ShareAt", "ShareOf", "door_chances", "partnership_table", "share_at_of"]

Numbers = NDArray[np.float64]
ShareAt = Callable[[float], float]
"""Share in view where this share of doors, each by the same chance, owns a camera."""
ShareOf = Callable[[int, float], float]
"""Share in view at the end of a month of the path, where this number of doors owns a camera."""


def partnership_table(
    path: pd.DataFrame,
    share_at: Mapping[str, ShareAt],
    *,
    programme: str,
    space: str,
    measure: str = "area_m2",
    simulated: pd.DataFrame | None = None,
    share_with: Mapping[str, ShareOf] | None = None,
) -> pd.DataFrame:
    """Return partnership.csv: a row per level and month.

    Parameters
    ----------
    path
        As from `partnership_path`.
    share_at
        For each level, the share in view by the share of doors that own a camera (`share_at_of`).
    programme, space, measure
        What the rows are called: the programme, and what the shares are shares of.
    simulated
        As from `simulated_paths` for the same months; without, the quantiles are NaN.
    share_with
        For each level, the share in view with the programme where its doorbells do not hang at all doors alike; left
        out: `share_at` of the owners / doors.

    Columns: `programme`, `level`, `space`, `measure`, `month`; `downloads`, `credit` [in the money of the terms],
    `free_doorbells` of the month; at its end `doors_owned`, `doors_without_programme`, `share_mean` and
    `share_without_programme`, the shares at the expected number of owners, doors with a camera spread over all doors
    alike but for `share_with`; and `doors_owned_p05`, `doors_owned_p95`, `share_p05`, `share_p95` (chance in the path
    alone).

    """
    doors = int(path.attrs["doors"])
    if simulated is not None and len(simulated) != len(path):
        raise InputError(
            f"partnership: the path has {len(path)} rows and the simulation {len(simulated)}: compute both for the "
            "same months."
        )
    parts = []
    for level, share in share_at.items():
        part = pd.DataFrame({"programme": programme, "level": level, "space": space, "measure": measure}, path.index)
        part["month"] = path["month"]
        part["downloads"] = path["downloads"]
        part["credit"] = path["credit_cents"] / 100
        for name in ("free_doorbells", "doors_owned", "doors_without_programme"):
            part[name] = path[name]
        with_programme = None if share_with is None else share_with[level]
        part["share_mean"] = _shares(path["doors_owned"], doors, share, with_programme)
        part["share_without_programme"] = _shares(path["doors_without_programme"], doors, share)
        for end in ("p05", "p95"):
            owned = None if simulated is None else simulated[f"doors_owned_{end}"]
            part[f"doors_owned_{end}"] = np.nan if owned is None else owned
            part[f"share_{end}"] = np.nan if owned is None else _shares(owned, doors, share, with_programme)
        parts.append(part)
    if not parts:
        raise InputError("partnership: no level to give shares at; share_at needs one, e.g. {'observe': share_at}.")
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["programme", "level", "space", "measure", "month"], kind="stable", ignore_index=True)


def _shares(owned: pd.Series, doors: int, share: ShareAt, by_month: ShareOf | None = None) -> Numbers:
    if by_month is not None:
        return np.array([by_month(month, number) for month, number in enumerate(owned.tolist())])
    rates = owned.to_numpy(np.float64) / doors if doors else np.zeros(len(owned))
    return np.array([share(float(rate)) for rate in np.clip(rates, 0.0, 1.0)])


def share_at_of(
    counts: pd.DataFrame,
    level: str,
    *,
    space: str = "streets_near_homes",
    measure: str = "area_m2",
    zoning: str = "all",
    zone: str = "all",
) -> ShareAt:
    """Return the exact share in view at any rate, from the amounts by number of doors (`counts.parquet`).

    sum_k amount_k (1 - (1 - rate)^k) / sum_k amount_k: every door by the same chance.

    Raises
    ------
    InputError
        If `counts` has no such rows.

    """
    wanted = {"level": level, "zoning": zoning, "zone": zone, "space": space, "measure": measure}
    kept = counts[np.logical_and.reduce([counts[name] == value for name, value in wanted.items()])]
    k, amount = kept["k"].to_numpy(np.float64), kept["amount"].to_numpy(np.float64)
    if not amount.sum() > 0:
        raise InputError(f"partnership: the counts have no ground with {wanted}; take keys that counts.parquet holds.")

    def share_at(rate: float) -> float:
        return float((amount * (1.0 - (1.0 - rate) ** k)).sum() / amount.sum())

    return share_at


def door_chances(
    path: pd.DataFrame,
    month: int,
    eligible: NDArray[np.bool_],
    *,
    owned: float | None = None,
    inside: NDArray[np.bool_] | None = None,
) -> Numbers:
    """Return each door's chance of a camera at a month's end, free ones at the `eligible` doors, the others alike.

    For a programme that gives to a district: the expected number of owners is the path's, as far as no door's chance
    would pass 1. Shape as `eligible`, (doors,).

    Parameters
    ----------
    path, month
        As from `partnership_path`, and the month.
    eligible
        Doors that may get one, (doors,).
    owned
        Owners in place of the path's expected number; the free ones among them stay the path's.
    inside
        Which doors (doors,) are those of the path; doors beyond own one by chance as others do, and get none. Left
        out: all.

    Raises
    ------
    InputError
        If the path was computed for another number of doors, or has no such month.

    """
    doors = int(path.attrs["doors"])
    here = np.ones(len(eligible), bool) if inside is None else inside
    number = int(here.sum())
    if number != doors or not 0 <= month < len(path):
        raise InputError(
            f"partnership: the path is of {doors:,} doors and months 0 to {len(path) - 1}, asked for {number:,} "
            f"doors and month {month}. Compute it with Town(doors={number}, ...)."
        )
    row = path.iloc[: month + 1]
    free = float(row["doors_added_free"].sum())
    others = max((float(row["doors_owned"].iloc[-1]) if owned is None else owned) - free, 0.0)
    chance = np.full(len(eligible), others / doors if doors else 0.0)
    chance[eligible & here] += free / max(int((eligible & here).sum()), 1)
    clipped: Numbers = np.clip(chance, 0.0, 1.0)
    return clipped
