"""The figures of one attribute of zones: shares by group, gap, slope, inequality, under one scenario at one level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorview.overlays.inequality import gini, gini_of_draws, theil, theil_of_draws
from doorview.overlays.zone_attributes import group_names, home_groups
from doorview.overlays.zone_slope import METHOD, zone_slope
from doorview.ownership.gradient import ASSUMED
from doorview.share.simulate import QUANTILES

__all__ = ["ASSUMED_PART", "COLUMNS", "EQUAL_PART", "Homes", "InView", "figures", "groups_of"]

EQUAL_PART = "equal ownership"
ASSUMED_PART = f"assumed gradient ({ASSUMED})"
COLUMNS = (
    *("zoning", "attribute", "part", "scenario", "level", "measure", "group"),
    *("value", "value_p05", "value_p95", "value_low", "value_high", "zones", "note"),
)
"""Of fairness_attributes.csv: _p05 and _p95 are chance alone, _low and _high the range over assumptions."""
PER_SD = "per standard deviation"
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Homes:
    """The zones that an attribute is compared over, each with a value, homes and public ground; all (zones,).

    `district` is None where inequality is not split; `xy` (zones, 2) a point in each zone [m].
    """

    kind: str
    numbers: Floats
    categories: NDArray[np.object_]
    homes: NDArray[np.int64]
    public_m2: Floats
    xy: Floats
    district: NDArray[np.object_] | None = None


@dataclass(frozen=True, eq=False)
class InView:
    """Shares in view of the zones (zones,): exact mean, range over assumptions (NaN without), draws (zones, n)."""

    mean: Floats
    low: Floats
    high: Floats
    draws: Floats


def groups_of(zones: Homes) -> tuple[NDArray[np.int64], list[str]]:
    """Return the group of each zone (zones,), -1 for none, and what tables call the groups."""
    if zones.kind == "number":
        group, number = home_groups(zones.numbers, zones.homes) if len(zones.homes) else (np.zeros(0, np.int64), 0)
        return group, group_names(number)
    names, group = np.unique(zones.categories.astype(str), return_inverse=True)
    return group.astype(np.int64), names.tolist()


def figures(zones: Homes, seen: InView, unit: str = "") -> list[dict[str, Any]]:
    """Return the rows of one attribute, part, scenario and level: the columns from `measure` on.

    share
        By group: mean over zones, weighted by their homes. Its ends over assumptions take them to be the same in all
        zones at once.
    share_gap
        Highest less lowest group, of a number.
    slope ...
        `doorview.overlays.zone_slope`, each zone once; chance and assumptions at its own likeness of neighbours.
    gini, gini_zones_alike, theil, theil_within, theil_between
        `doorview.overlays.inequality`, of ground in view per home.
    """
    group, names = groups_of(zones)
    return [*_shares(zones, seen, group, names, unit), *_slope(zones, seen, unit), *_inequality(zones, seen)]


def _row(
    measure: str, group: str, value: float, zones: int, note: str = "", draws: Floats | None = None, ends: Any = ()
) -> dict[str, Any]:
    """Return a row; the mean lies between the ends of the range over assumptions always."""
    low, high = (math.nan, math.nan) if draws is None or not len(draws) else np.quantile(draws, QUANTILES)
    known = [float(end) for end in ends]
    least = min(known) if known and all(map(math.isfinite, known)) else math.nan
    most = max(known) if known and all(map(math.isfinite, known)) else math.nan
    return {
        "measure": measure, "group": group, "value": float(value), "value_p05": float(low), "value_p95": float(high),
        "value_low": min(least, value) if known else math.nan, "value_high": max(most, value) if known else math.nan,
        "zones": zones, "note": note,
    }  # fmt: skip


def _shares(zones: Homes, seen: InView, group: NDArray[np.int64], names: list[str], unit: str) -> list[dict[str, Any]]:
    if not names:
        why = "too few zones" if len(group) < 4 else "the attribute is the same in all zones"
        return [_row("share", "none", math.nan, len(group), f"{why}: no groups")]
    means, rows = [], []
    for number, name in enumerate(names):
        here = group == number
        weight = zones.homes[here] / zones.homes[here].sum()
        found = [weight @ part[here] for part in (seen.mean, seen.draws, seen.low, seen.high)]
        means.append(found)
        homes = 100 * zones.homes[here].sum() / zones.homes.sum()
        note = f"{homes:.3g} % of homes"
        if zones.kind == "number":
            ends = zones.numbers[here].min(), zones.numbers[here].max()
            note = f"{_figure(ends[0])} to {_figure(ends[1])}{' ' + unit if unit else ''}; {note}"
        rows.append(_row("share", name, found[0], int(here.sum()), note, found[1], found[2:]))
    if zones.kind == "number":
        gap = [top - bottom for top, bottom in zip(means[-1], means[0], strict=True)]
        note = f"{names[-1]} less {names[0]}"
        rows.append(_row("share_gap", "highest less lowest", gap[0], len(group), note, gap[1], gap[2:]))
    return rows


def _figure(value: float) -> str:
    """Return a number with at most six figures, thousands separated, never in powers of ten."""
    return f"{float(f'{value:.6g}'):,.10g}"


def _slope(zones: Homes, seen: InView, unit: str) -> list[dict[str, Any]]:
    if zones.kind != "number":
        return []
    found = zone_slope(seen.mean, zones.numbers, zones.xy)
    n = found.zones
    if found.why_not:
        return [_row("slope", PER_SD, math.nan, n, found.why_not)]
    step = f"1 standard deviation over zones: {_figure(zones.numbers.std())}{' ' + unit if unit else ''}"
    take = found.weights
    ends = [take @ part for part in (seen.low, seen.high)]
    return [
        _row("slope", PER_SD, found.slope, n, f"{step}; {METHOD}", take @ seen.draws, ends),
        _row("slope_ci_low", PER_SD, found.low, n, "95 % interval, as if the zones were drawn from a larger number"),
        _row("slope_ci_high", PER_SD, found.high, n, "95 % interval, as if the zones were drawn from a larger number"),
        _row("slope_plain", PER_SD, found.plain, n, "ordinary least squares"),
        _row("slope_plain_error", PER_SD, found.plain_error, n, "takes no zone to be like its neighbours"),
        _row("slope_kernel_error", PER_SD, found.kernel_error, n, "Conley 1999, kernel over the nearest zones"),
        _row(
            "neighbours_alike",
            "lambda",
            found.likeness,
            n,
            "of the spatial error model: 0 not alike (below 0 counts as 0), towards 1 alike",
        ),
        _row("residuals_moran", "Moran's I", found.moran, n, "of the ordinary residuals"),
        _row("residuals_moran", "p", found.moran_p, n, "chance of one as far off where neighbours are not alike"),
    ]


def _inequality(zones: Homes, seen: InView) -> list[dict[str, Any]]:
    homes, n = zones.homes, len(zones.homes)
    amount, drawn = seen.mean * zones.public_m2, seen.draws * zones.public_m2[:, None]
    ranges = [end * zones.public_m2 for end in (seen.low, seen.high)]
    known = all(np.isfinite(end).all() for end in ranges) and n > 0
    if not n or not amount.sum() > 0:
        return [_row("gini", "homes", math.nan, n, "nothing in view: nothing to compare")]
    ends = np.column_stack(ranges) if known else None
    over = "ground in view per home, each home with its zone's mean: a lower bound"
    rows = [
        _row(
            "gini", "homes", gini(amount, homes), n, over, _finite(gini_of_draws(drawn, homes)),
            () if ends is None else gini_of_draws(ends, homes),
        ),
        _row(
            "gini", "zones alike", gini(amount / homes, np.ones(n, np.int64)), n, "each zone counted once"
        ),
    ]  # fmt: skip
    labels = zones.district if zones.district is not None else _own_groups(zones)
    parts = theil(amount, homes, np.zeros(n) if labels is None else labels)
    rows.append(
        _row(
            "theil", "homes", parts.total, n, over, _finite(theil_of_draws(drawn, homes)),
            () if ends is None else theil_of_draws(ends, homes),
        )
    )  # fmt: skip
    if labels is not None and len(np.unique(labels.astype(str))) > 1:
        of = "districts" if zones.district is not None else "categories"
        number = len(np.unique(labels.astype(str)))
        rows.append(_row("theil", f"within {of}", parts.within, n, f"{number} {of}"))
        rows.append(_row("theil", f"between {of}", parts.between, n, f"{number} {of}"))
    return rows


def _own_groups(zones: Homes) -> NDArray[np.object_] | None:
    """Return the categories as what inequality is split by, None for a number."""
    return zones.categories if zones.kind == "category" else None


def _finite(draws: Floats) -> Floats:
    """Return the draws in which anything is in view."""
    return draws[np.isfinite(draws)]
