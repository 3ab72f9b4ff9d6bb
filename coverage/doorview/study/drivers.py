"""What drives the answer: each assumption alone (a tornado), all at once (Sobol indices), and the range they leave.

Everything is computed within a level: the level is the question, not something uncertain. Shares are estimated on
sampled spots (`study.drivers_model`) and moved onto the run's exact mean: what a setting adds to the logit of the
estimated share is added to that of the exact one, so that a share stays between 0 and 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.city.chances import keys_of, uniform
from doorview.ownership.scenario import Scenario
from doorview.share.outputs import HEADLINE
from doorview.study.drivers_model import Model, Tally, build_model
from doorview.study.drivers_rules import Factor
from doorview.threads import Threads

if TYPE_CHECKING:
    from doorview.study.compute import Prepared
    from doorview.study.stages import Stages

__all__ = [
    "Drivers",
    "Indices",
    "assumption_ranges",
    "assumptions_of",
    "drivers_table",
    "joint_draws",
    "logit_moved",
    "main_row",
    "sobol_indices",
    "spot_check",
]

Floats = NDArray[np.float64]

FEWEST = 30
"""Spots in view that a row of shares.csv needs for a range of its own."""
QUANTILES = (0.05, 0.95)


class Indices(NamedTuple):
    """Sobol indices (factors,) of first order and total, and half the width of their 95 % intervals."""

    first: Floats
    total: Floats
    first_conf: Floats
    total_conf: Floats


class Drivers(NamedTuple):
    """What drives the answer: drivers.csv, and which assumptions were not varied here, with the reason."""

    table: pd.DataFrame
    left_out: dict[str, str]


def assumptions_of(
    ready: Prepared, scenarios: Sequence[Scenario], shares: pd.DataFrame, stages: Stages
) -> tuple[pd.DataFrame, Drivers | None]:
    """Return the shares with their range over assumptions, and what drives them where the study asks for it."""
    asked = ready.study.drivers
    if not (asked.ranges or asked.wanted):
        return shares, None
    model = build_model(ready, placement=asked.wanted)
    shares = assumption_ranges(ready, model, shares, scenarios=scenarios, draws=asked.ranges)
    if not asked.wanted:
        return shares, None
    names = {item.name: item for item in scenarios}
    usual = "independent_20" if "independent_20" in names else list(names)[(len(names) - 1) // 2]
    table = drivers_table(
        model,
        shares,
        names[asked.scenario or usual],
        sobol=asked.sobol,
        draws=asked.draws,
        progress=lambda done, total: stages.tell("what drives the answer", done, total),
    )
    return shares, Drivers(table, model.dropped)


def sobol_indices(
    names: Sequence[str], model: Callable[[Floats], Floats], *, draws: int = 256, seed: int = 0
) -> Indices:
    """Return the Sobol indices of a model of independent factors, each drawn evenly from [0, 1].

    Saltelli's sampling on Sobol's sequence and his and Jansen's estimators, with bootstrapped intervals, by SALib
    (Saltelli et al. 2010, doi 10.1016/j.cpc.2009.09.018; Iwanaga et al. 2022, doi 10.18174/sesmo.18155).

    Parameters
    ----------
    names
        Of the factors.
    model
        Takes quantiles (n, factors) in [0, 1] and returns (n,).
    draws
        Base sample, a power of two; the model is asked draws * (factors + 2) times.
    seed
        Of the scrambled sequence and of the bootstrap.

    """
    from SALib.analyze import sobol as analyse
    from SALib.sample import sobol as sample

    problem = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
    values = model(np.asarray(sample.sample(problem, draws, calc_second_order=False, seed=seed), dtype=np.float64))
    if not np.ptp(values) > 1e-12 * np.abs(values).max(initial=0.0):
        none = np.zeros(len(names))
        return Indices(none, none, none, none)
    with warnings.catch_warnings():
        # A resample may hold one value alone where a share is nearly always 0; its index then says nothing.
        warnings.simplefilter("ignore")
        found = analyse.analyze(problem, values, calc_second_order=False, num_resamples=200, seed=seed)
    return Indices(*(np.asarray(found[key], dtype=np.float64) for key in ("S1", "ST", "S1_conf", "ST_conf")))


def joint_draws(names: Sequence[str], draws: int, seed: int) -> Floats:
    """Return quantiles (draws, factors): a Latin hypercube, each factor's column by a hash of its name and the seed.

    Another factor more or less changes no other's column (McKay, Beckman and Conover 1979, doi 10.2307/1268522).
    """
    out = np.empty((draws, len(names)))
    for column, name in enumerate(names):
        keys = keys_of(f"drivers|{name}|{draw}" for draw in range(draws))
        place = np.argsort(np.argsort(uniform(keys, seed), kind="stable"), kind="stable")
        out[:, column] = (place + uniform(keys, seed, 1)) / draws
    return out


def logit_moved(mean: Floats, base: Floats, other: Floats) -> Floats:
    """Return the exact shares `mean` moved by what lies between two estimates on the same spots, on the logit scale.

    Where the estimated base is 0 or 1, nothing can be moved, and the estimate `other` itself is returned.
    """
    mean, base, other = np.broadcast_arrays(mean, base, other)
    inner = (mean > 0) & (mean < 1) & (base > 0) & (base < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = mean / (1 - mean) * (other / (1 - other)) / (base / (1 - base))
        moved = np.where(np.isinf(odds), 1.0, odds / (1 + odds))
    return np.where(inner, moved, other)


def main_row(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the one row (zoning, zone, space, measure) that headlines are about."""
    spaces = shares.loc[(shares["zoning"] == "all") & (shares["measure"] == "area_m2"), "space"]
    space = HEADLINE if (spaces == HEADLINE).any() else "all"
    return pd.DataFrame([("all", "all", space, "area_m2")], columns=["zoning", "zone", "space", "measure"])


def _mean_of(shares: pd.DataFrame, scenario: str, level: str, row: pd.DataFrame) -> float:
    """Return the exact share of one row."""
    own = shares[(shares["scenario"] == scenario) & (shares["level"] == level)]
    return float(own.merge(row)["share_mean"].iloc[0])


def _setting(factors: Mapping[str, Factor], quantiles: Floats) -> dict[str, float]:
    return {name: factor.value(float(u)) for (name, factor), u in zip(factors.items(), quantiles, strict=True)}


def _mapped(function: Callable[[Any], Any], items: Sequence[Any], workers: int | None) -> list[Any]:
    """Return the function of each item, in their order, by several threads."""
    with Threads(workers) as pool:
        return list(pool.map(function, items))


def spot_check(model: Model, shares: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Return the headline on sampled spots beside the run's exact one: level, share_mean, share_spots, spots_error.

    `spots_error` is the standard error of sampling (`Model.error`).
    """
    row = main_row(shares)
    tally = model.tally(row)
    found = []
    for name in model.factors:
        chance = model.chances(name, scenario, {})
        found.append(
            {
                "level": name,
                "share_mean": _mean_of(shares, scenario.name, name, row),
                "share_spots": float(model.shares(tally, chance, {})[0]),
                "spots_error": float(model.error(tally, chance)[0]),
            }
        )
    return pd.DataFrame(found)


def drivers_table(
    model: Model,
    shares: pd.DataFrame,
    scenario: Scenario,
    *,
    sobol: bool = True,
    draws: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return drivers.csv: what each assumption does to the headline, within each level.

    Columns: level, factor, low, high (ends of the assumption, in `unit`), share_low, share_high (the share there, all
    else as the run has it), sobol_first, sobol_total, sobol_first_conf, sobol_total_conf (half the width of the 95 %
    interval; NaN without `sobol`), share_mean (the run's own), share_spots and spots_error (its estimate on sampled
    spots, and that one's standard error), scenario, space, measure, label, unit, mark, source. Rows by level as in
    the run, the strongest factor first: by sobol_total, else by the distance between the two shares.
    """
    row = main_row(shares)
    tally = model.tally(row)
    checked = spot_check(model, shares, scenario).set_index("level")
    model, tally = model.of_rows(tally)
    seed, workers = model.ready.study.study.seed, model.ready.study.coverage.threads
    parts = []
    for done, (name, factors) in enumerate(model.factors.items()):
        mean, base = float(checked.loc[name, "share_mean"]), float(checked.loc[name, "share_spots"])

        def share(setting: Mapping[str, float], level: str = name, at: tuple[float, float] = (mean, base)) -> float:
            found = model.shares(tally, model.chances(level, scenario, setting), setting)
            return float(logit_moved(np.array(at[0]), np.array(at[1]), found)[0])

        part = _tornado(factors, share)
        indices = Indices(*(np.full(len(factors), np.nan) for _ in Indices._fields))
        if sobol and factors:

            def asked(
                quantiles: Floats,
                share: Callable[[Mapping[str, float]], float] = share,
                factors: Mapping[str, Factor] = factors,
            ) -> Floats:
                return np.array(_mapped(lambda u: share(_setting(factors, u)), list(quantiles), workers))

            indices = sobol_indices(list(factors), asked, draws=draws, seed=seed)
        part["sobol_first"], part["sobol_total"] = indices.first, indices.total
        part["sobol_first_conf"], part["sobol_total_conf"] = indices.first_conf, indices.total_conf
        part.insert(0, "level", name)
        part["share_mean"], part["share_spots"] = mean, base
        part["spots_error"] = float(checked.loc[name, "spots_error"])
        parts.append(_strongest_first(part))
        if progress:
            progress(done + 1, len(model.factors))
    table = pd.concat(parts, ignore_index=True)
    table["scenario"] = scenario.name
    table["space"], table["measure"] = row["space"].iloc[0], row["measure"].iloc[0]
    words = ["scenario", "space", "measure", "label", "unit", "mark", "source"]
    return table[[name for name in table.columns if name not in words] + words]


def _tornado(factors: Mapping[str, Factor], share: Callable[[Mapping[str, float]], float]) -> pd.DataFrame:
    """Return each factor alone, at its low and its high end."""
    records = []
    for name, factor in factors.items():
        low, high = factor.ends
        records.append(
            {
                "factor": name,
                "label": factor.label,
                "low": factor.printed(low),
                "high": factor.printed(high),
                "share_low": share({name: low}),
                "share_high": share({name: high}),
                "unit": factor.unit,
                "mark": factor.mark,
                "source": factor.source,
            }
        )
    columns = ["factor", "low", "high", "share_low", "share_high", "label", "unit", "mark", "source"]
    return pd.DataFrame(records, columns=columns).astype({"low": object, "high": object})


def _strongest_first(part: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a level, the strongest factor first; equals by their names."""
    width = (part["share_high"] - part["share_low"]).abs()
    total = part["sobol_total"]
    order = np.lexsort((part["factor"].astype(str), -width, -(total if total.notna().all() else width)))
    return part.iloc[order]


def assumption_ranges(
    ready: Prepared,
    model: Model,
    shares: pd.DataFrame,
    *,
    scenarios: Sequence[Scenario],
    draws: int = 64,
) -> pd.DataFrame:
    """Return shares.csv with share_low and share_high: the 5 % and 95 % quantiles over joint draws of the assumptions.

    What a scenario states (its rate) is no assumption. A row with fewer than 30 sampled spots in view takes the
    change, on the logit scale, of the same space in the whole place, else of the headline; where that has too few too,
    both stay NaN. The mean lies between the two always: where all assumptions lower the share, share_high is the mean.

    Parameters
    ----------
    ready, model
        Of the run.
    shares
        As from `shares_table`.
    scenarios
        Those of the run.
    draws
        How many; 0 leaves the columns as they are.

    """
    if draws < 1:
        return shares
    rows = shares[["zoning", "zone", "space", "measure"]].drop_duplicates(ignore_index=True)
    tally = model.tally(rows)
    low = pd.Series(np.nan, index=shares.index)
    high = low.copy()
    for scenario in scenarios:
        for name, factors in model.factors.items():
            varied = {key: factor for key, factor in factors.items() if factor.in_ranges}
            quantiles = joint_draws(list(varied), draws, ready.study.study.seed)
            settings = [_setting(varied, u) for u in quantiles]
            base_chance = model.chances(name, scenario, {})
            base = model.shares(tally, base_chance, {})

            def share(setting: dict[str, float], scenario: Scenario = scenario, level: str = name) -> Floats:
                return model.shares(tally, model.chances(level, scenario, setting), setting)

            found = np.array(_mapped(share, settings, ready.study.coverage.threads)).reshape(draws, len(rows))
            here = np.flatnonzero((shares["scenario"] == scenario.name) & (shares["level"] == name))
            own = shares.iloc[here].merge(rows.assign(row=np.arange(len(rows))), how="left")
            place, mean = own["row"].to_numpy(), own["share_mean"].to_numpy(dtype=np.float64)
            lent = _lenders(rows, _spots_of(tally, model, base_chance > 0))[place]
            # Nothing in view under the run's own assumptions: there is no change to borrow, only the row's own spots.
            alone = np.where(_spots_of(tally, model, np.ones(len(model.spots), bool))[place] >= FEWEST, place, -1)
            ends = _range_ends(mean, base, found, np.where((mean > 0) & (mean < 1), lent, alone))
            low.iloc[here], high.iloc[here] = ends
    return shares.assign(share_low=low, share_high=high)


def _spots_of(tally: Tally, model: Model, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many of the wanted spots (spots,) each row has."""
    seen = wanted.astype(np.float64)
    near = seen * (model.near_from < model.base["home_rule"])
    held = tally.weights[model.widths.index(1.0)].astype(bool).astype(np.float64)
    number: NDArray[np.int64] = np.where(tally.near, held @ near, held @ seen).astype(np.int64)
    return number


def _lenders(rows: pd.DataFrame, seen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for every row, the row whose change it takes: itself, its space in the whole place, a headline, or -1."""
    keys = list(rows[["zoning", "zone", "space", "measure"]].itertuples(index=False, name=None))
    number = {key: place for place, key in enumerate(keys)}
    found = np.full(len(rows), -1, np.int64)
    for place, (_, _, space, measure) in enumerate(keys):
        whole = {"area_m2": [HEADLINE, "streets", "all"], "length_m": ["centreline_near_homes", "centreline", HEADLINE]}
        near = [keys[place], ("all", "all", space, measure)]
        near += [("all", "all", other, "area_m2" if other == HEADLINE else measure) for other in whole[measure]]
        found[place] = next((number[key] for key in near if key in number and seen[number[key]] >= FEWEST), -1)
    return found


def _range_ends(mean: Floats, base: Floats, found: Floats, lent: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return low and high (rows,) of the exact means, moved as the rows `lent` are by the draws."""
    known = lent >= 0
    moved = np.full((len(found), len(mean)), np.nan)
    row = lent[known]
    moved[:, known] = logit_moved(mean[known], base[row], found[:, row])
    out = []
    for quantile, clamp in zip(QUANTILES, (np.minimum, np.maximum), strict=True):
        usable = ~np.isnan(moved).any(axis=0)
        end = np.full(len(mean), np.nan)
        end[usable] = clamp(np.quantile(moved[:, usable], quantile, axis=0), mean[usable])
        out.append(end)
    return out[0], out[1]
