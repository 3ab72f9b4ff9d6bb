"""Simulated ownership: what is in view in each replicate, how sure its quantiles are, and what a change changes.

Replicates are bits of words: bit b of word w of a door says whether it owns a camera in replicate 64 w + b. Who owns
one is drawn elsewhere, keyed by seed, replicate and door; here is only what follows for the shares. Means are better
taken exact where there is a closed form (`summary.shares_table`): simulation is for quantiles, and for ownership
without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr

from doorview.errors import InputError
from doorview.ownership.expected import fixed_point
from doorview.ownership.kernels.draws import at_least_of_sets
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts
from doorview.share.outputs import HEADLINE
from doorview.share.rows import SetRows, expected_shares

__all__ = [
    "CONFIDENCE",
    "QUANTILES",
    "Replicates",
    "amounts_in_view",
    "change_table",
    "conditional_table",
    "interval_table",
    "quantile_interval",
    "replicates_for",
    "simulated_shares",
]

QUANTILES = (0.05, 0.95)
"""What is printed as p05 and p95."""
CONFIDENCE = 0.95
"""Of every Monte Carlo interval."""
NORMAL = 1.959963984540054
"""The standard normal's 97.5th percentile: half the width of a 95 % interval, in standard errors."""

Draw = Callable[[int, int], NDArray[np.uint64]]


def amounts_in_view(rows: SetRows, owners: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return (levels, outputs, replicates) amounts in view, in counts; `owners` (doors, words) as bits.

    Raises
    ------
    InputError
        If the owners are not one row of words per door.

    """
    owners = np.ascontiguousarray(owners, dtype=np.uint64)
    if owners.ndim != 2 or not owners.shape[1]:
        raise InputError(f"owners have the shape {owners.shape}: give bits as (doors, words), 64 replicates a word.")
    rows.check_doors(owners, "the table of owners")
    outputs, members = rows.outputs, rows.members
    bits = bits_of_sets(members.start, members.doors, owners)
    found = np.zeros((len(rows.levels), len(outputs.table), 64 * owners.shape[1]), np.int64)
    for number, level in enumerate(rows.by_level):
        drawn = np.zeros((len(outputs.bases), found.shape[2]), np.int64)
        replicate_amounts(level.base, level.sets, level.amount, bits, drawn)
        found[number] = outputs.summed(drawn)
    return found


def simulated_shares(rows: SetRows, owners: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return (levels, outputs, replicates) shares in view; `owners` (doors, words) uint64 as bits."""
    shares: NDArray[np.float64] = amounts_in_view(rows, owners) / rows.outputs.amount[:, None]
    return shares


def quantile_interval(
    values: NDArray[np.float64], at: float, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the interval (...,) that holds the quantile `at` of what `values` (..., replicates) were drawn from.

    Between two of the ordered values: the number of draws at or below the quantile is binomial, whatever the
    distribution (David and Nagaraja 2003, Order Statistics, section 7.1). It covers the quantile with at least
    `confidence`. With too few replicates for an end, that end is 0 or 1, as shares are.
    """
    replicates = values.shape[-1]
    below = bdtr(np.arange(replicates + 1), replicates, at)
    tail = (1.0 - confidence) / 2.0
    low = int(np.searchsorted(below, tail))
    high = int(np.searchsorted(below, 1.0 - tail)) + 1
    ordered = np.sort(values, axis=-1)
    # The ordered values are numbered from 1 in the formula.
    least = ordered[..., low - 1] if low >= 1 else np.zeros(values.shape[:-1])
    most = ordered[..., high - 1] if high <= replicates else np.ones(values.shape[:-1])
    return least, most


def _mean_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard error of the mean over the replicates."""
    error: NDArray[np.float64] = values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])
    return error


def interval_table(rows: SetRows, shares: NDArray[np.float64]) -> pd.DataFrame:
    """Return quantiles over simulated `shares` (levels, outputs, replicates), each with its Monte Carlo error.

    Columns level, zoning, zone, space, measure, simulated_mean, simulated_mean_error (one standard error), share_p05,
    share_p05_low, share_p05_high, share_p95, share_p95_low, share_p95_high (`quantile_interval`, 95 %), replicates.
    """
    columns = {"simulated_mean": shares.mean(axis=-1), "simulated_mean_error": _mean_error(shares)}
    for at, found in zip(QUANTILES, np.quantile(shares, QUANTILES, axis=-1), strict=True):
        name = f"share_p{round(100 * at):02d}"
        columns[name] = found
        columns[f"{name}_low"], columns[f"{name}_high"] = quantile_interval(shares, at)
    return rows.table(**columns).assign(replicates=shares.shape[-1])


@dataclass(frozen=True)
class Replicates:
    """Replicates drawn until a stated error was reached.

    `shares` (levels, outputs, replicates); `error` is the largest half width, of those watched, of the 95 % intervals
    of mean, p05 and p95; `reached` says whether that is what was asked for.
    """

    shares: NDArray[np.float64]
    error: float
    reached: bool


def replicates_for(
    error: float,
    draw: Draw,
    rows: SetRows,
    *,
    watched: Sequence[int] | None = None,
    least: int = 64,
    most: int = 4096,
) -> Replicates:
    """Draw replicates, 64 at a time, until the quantiles are known to within `error`, or there are `most`.

    Parameters
    ----------
    error
        Largest half width of the 95 % intervals of mean, p05 and p95 that is allowed, as a share: 0.001 is a tenth of a
        percentage point.
    draw
        Function of (first word, words) that returns owners (doors, words) uint64: replicates 64 * first and on. Keyed
        by replicate, so that more replicates leave the first ones as they are.
    rows
        The coverage.
    watched
        Numbers of the outputs that must be that sure; default: the headline of the whole area, else all outputs.
    least, most
        Bounds of the replicates, multiples of 64. Stopping when an interval happens to be narrow makes it a little too
        narrow; a larger `least` makes that less.

    Raises
    ------
    InputError
        For an error that is not above 0, or bounds that are no multiples of 64 in order.

    """
    if not 0.0 < error < 1.0:
        raise InputError(f"the Monte Carlo error {error!r} must lie between 0 and 1, e.g. 0.001 for 0.1 points.")
    if least % 64 or most % 64 or not 64 <= least <= most:
        raise InputError(f"{least} to {most} replicates: give multiples of 64 in order, e.g. least=64, most=4096.")
    table = rows.outputs.table
    if watched is None:
        found = np.flatnonzero((table["space"] == HEADLINE) & (table["zone"] == "all") & (table["zoning"] == "all"))
        watched = found.tolist() if len(found) else list(range(len(table)))
    amounts = [amounts_in_view(rows, draw(0, least // 64))]
    while True:
        shares = np.concatenate(amounts, axis=2) / rows.outputs.amount[:, None]
        reached = _half_width(shares[:, list(watched)])
        if reached <= error or shares.shape[2] >= most:
            return Replicates(shares, reached, reached <= error)
        amounts.append(amounts_in_view(rows, draw(shares.shape[2] // 64, 1)))


def _half_width(shares: NDArray[np.float64]) -> float:
    """Return the largest half width of the 95 % intervals of mean and quantiles."""
    widths = [NORMAL * _mean_error(shares)]
    for at in QUANTILES:
        low, high = quantile_interval(shares, at)
        widths.append((high - low) / 2.0)
    return float(np.max(widths, initial=0.0))


def change_table(rows: SetRows, owners: NDArray[np.uint64], against: NDArray[np.uint64]) -> pd.DataFrame:
    """Return what one ownership changes against another, replicate by replicate: both must come from the same draws.

    Parameters
    ----------
    rows
        The coverage.
    owners, against
        (doors, words) uint64 as bits, with and without the change, drawn with the same seed.

    Returns
    -------
    DataFrame
        level, zoning, zone, space, measure, amount_added [m2 or m], change_mean (of the share), change_mean_error (one
        standard error), change_p05, change_p95, replicates. Where both scenarios have exact means, the
        difference of those is the better change_mean.

    """
    if np.shape(owners) != np.shape(against):
        raise InputError(
            f"the owners {np.shape(owners)} and those they are compared with {np.shape(against)} differ in shape: draw "
            "both with the same doors and replicates."
        )
    more = amounts_in_view(rows, owners) - amounts_in_view(rows, against)
    change = more / rows.outputs.amount[:, None]
    low, high = np.quantile(change, QUANTILES, axis=-1)
    mean = change.mean(axis=-1)
    amount = mean * rows.outputs.amount * rows.outputs.unit
    table = rows.table(
        amount_added=amount, change_mean=mean, change_mean_error=_mean_error(change), change_p05=low, change_p95=high
    )
    return table.assign(replicates=change.shape[2])


def conditional_table(rows: SetRows, chances: Callable[[int], NDArray[np.float64]], replicates: int) -> pd.DataFrame:
    """Return the expected share where doors are independent only given an effect that they share.

    `chances` (replicate) gives each door's chance (doors,) of a camera, the shared effect drawn. Each replicate's share
    is exact given its effect, so only the effect's own chance is left as Monte Carlo error. Their spread is that of the
    effect alone: quantiles of the share itself need owners drawn from the same chances.

    Returns
    -------
    DataFrame
        level, zoning, zone, space, measure, share_mean, share_mean_error (one standard error), replicates.

    """
    if replicates < 2:
        raise InputError(f"{replicates} replicates leave the error unknown: take 2 or more, e.g. 256.")
    outputs, members = rows.outputs, rows.members
    shares = np.empty((len(rows.levels), len(outputs.table), replicates))
    for replicate in range(replicates):
        p = np.ascontiguousarray(chances(replicate), dtype=np.float64)
        rows.check_doors(p, "the table of chances")
        if not ((p >= 0.0) & (p <= 1.0)).all():
            raise InputError(f"a door's chance of a camera lies outside [0, 1] in replicate {replicate}.")
        chance = fixed_point(at_least_of_sets(members.start, members.doors, p, 1))
        for number, level in enumerate(rows.by_level):
            shares[number, :, replicate] = expected_shares(outputs, level, chance)[0]
    table = rows.table(share_mean=shares.mean(axis=-1), share_mean_error=_mean_error(shares))
    return table.assign(replicates=replicates)
