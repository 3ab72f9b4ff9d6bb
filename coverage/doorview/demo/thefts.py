"""Invented package thefts at the doors of the demo town, thicker in planted clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from doorview.demo.dice import Dice

__all__ = ["make_thefts"]

_HOMES_PER_THEFT = 5
_HOMES_PER_CLUSTER = 500
_CLUSTERED = 0.55
_SPREAD_M = 45.0
_APART_M = 220.0
_FIRST_DAY = np.datetime64("2024-01-01")
_DAYS = 731
"""Both years, 2024 and 2025; 2024 is a leap year."""
_SEASON = np.array([1.0, 0.8, 0.8, 0.8, 0.9, 0.9, 1.0, 0.9, 0.9, 1.0, 1.7, 2.3])
"""How many packages lie about, by month: invented, with the weight before Christmas."""


def make_thefts(doors: pd.DataFrame, dice: Dice) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invent thefts at doors: one for every five homes, 55 % of them in clusters, one cluster for every 500 homes.

    Parameters
    ----------
    doors
        With columns `x`, `y` [m], `dwellings` and `district`.
    dice
        Source of the draws.

    Returns
    -------
    thefts, clusters
        `thefts` with `x`, `y` [m], `date` (datetime64), `category`; `clusters` with `x`, `y` [m], `thefts`, `district`.
    """
    homes = int(doors["dwellings"].sum())
    count, clusters = max(1, homes // _HOMES_PER_THEFT), max(1, homes // _HOMES_PER_CLUSTER)
    points = doors[["x", "y"]].to_numpy()
    weight = doors["dwellings"].to_numpy(dtype=np.float64) ** 0.5
    centres = _centres(points, clusters, dice)
    inside = np.diff(np.round(np.linspace(0, _CLUSTERED * count, len(centres) + 1)).astype(np.int64))
    tree = shapely.STRtree(shapely.points(points))
    chosen = [_draw(weight, dice.many(count - int(inside.sum())))]
    for centre, number in zip(centres, inside.tolist(), strict=True):
        near = np.sort(tree.query(shapely.points(points[centre]), predicate="dwithin", distance=3 * _SPREAD_M))
        away = np.hypot(*(points[near] - points[centre]).T)
        chosen.append(near[_draw(np.exp(-0.5 * (away / _SPREAD_M) ** 2), dice.many(number))])
    at = points[np.concatenate(chosen)]
    thefts = pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "date": _dates(len(at), dice), "category": "package"})
    planted = pd.DataFrame(
        {
            "x": points[centres, 0],
            "y": points[centres, 1],
            "thefts": inside,
            "district": doors["district"].to_numpy()[centres],
        }
    )
    return thefts, planted


def _draw(weight: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return one index per number of `chance`, each with a probability in proportion to its weight."""
    total = np.cumsum(weight)
    drawn: np.ndarray = np.searchsorted(total, chance * total[-1], side="right")
    drawn[drawn == len(weight)] = len(weight) - 1
    return drawn


def _centres(points: np.ndarray, count: int, dice: Dice) -> np.ndarray:
    """Return doors to be the centres of clusters, no two nearer than 220 m as long as tries last."""
    centres: list[int] = []
    tree_of = np.empty((0, 2))
    for _ in range(20 * count):
        if len(centres) == count:
            break
        door = int(dice.random() * len(points))
        if not (np.hypot(*(tree_of - points[door]).T) < _APART_M).any():
            centres.append(door)
            tree_of = points[centres]
    return np.array(centres, dtype=np.int64)


def _dates(count: int, dice: Dice) -> np.ndarray:
    days = _FIRST_DAY + np.arange(_DAYS)
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    dates: np.ndarray = days[_draw(_SEASON[month], dice.many(count))].astype("datetime64[s]")
    return dates
