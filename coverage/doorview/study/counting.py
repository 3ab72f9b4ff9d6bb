"""The scenarios of a study counted over the coverage: shares with their intervals, changes, stages, densities.

Nothing is seen again here but the views that a scenario's rules cut (privacy zones, a shorter trigger range); all else
reads the set rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.ownership.densities import PRESETS, Density, Preset, density_table
from doorview.ownership.layers import Independent
from doorview.ownership.scenario import Scenario
from doorview.ownership.sharing import STAGES, keep_chances
from doorview.ownership.union import Owners
from doorview.share.coverage import Coverage
from doorview.share.outputs import HEADLINE, Outputs, outputs_of
from doorview.share.placing import Placing, least_in_view, most_in_view
from doorview.share.rows import SetRows, set_rows
from doorview.share.simulate import QUANTILES, interval_table, simulated_shares
from doorview.share.summary import DoorTable, shares_table
from doorview.study.owners import Plan, Residents, at_key, without_rules_words
from doorview.study.scenario_sections import RulesSection
from doorview.study.scenario_words import density_key, placed_words
from doorview.study.sections import Study

__all__ = ["CHANGE_COLUMNS", "Counted", "Views", "count_scenarios", "cut_of", "cuts_of", "views_of", "views_of_plan"]

KEYS = ["level", "zoning", "zone", "space", "measure"]
CHANGE_COLUMNS: tuple[str, ...] = (
    *("scenario", "against", "level", "zoning", "zone", "space"),
    *("cameras_added", "cameras_with_strings", "area_added_m2", "change_mean", "change_p05", "change_p95"),
    *("cost", "cost_per_camera_added"),
)

Cut = tuple[float | None, float | None, str]
"""What a scenario's rules do to views: privacy zone [m], trigger range [m], whose."""


@dataclass(frozen=True)
class Views:
    """A coverage by certain views, with its printed rows and the doors whose views they are.

    `blocks` is 2 where every door stands twice: with its full view, then with the one that rules leave. `counts` says
    of privacy zones by what the doors' property lines are known.
    """

    coverage: Coverage
    outputs: Outputs
    doors: DoorTable
    blocks: int = 1
    counts: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def rows(self) -> SetRows:
        """The set rows laid out."""
        return set_rows(self.coverage, self.outputs)

    def shares(self, scenario: Scenario, zones: pd.DataFrame | None, seed: int) -> pd.DataFrame:
        """Return the shares of a scenario (`shares_table`), without intervals."""
        return shares_table(self.coverage, self.outputs, self.doors, [scenario], zones=zones, seed=seed, replicates=0)

    def simulated(self, scenario: Scenario, seed: int, words: int) -> NDArray[np.float64]:
        """Return (levels, outputs, replicates) simulated shares."""
        owners = scenario.owners(self.doors.dwellings, self.doors.inside)
        return simulated_shares(self.rows, owners.draw(self.doors.key, seed, words))


@dataclass(frozen=True)
class Counted:
    """The tables of all scenarios.

    shares
        The contract's shares.csv, `share_low` and `share_high` empty.
    intervals
        Quantiles with their Monte Carlo errors (`doorview.share.simulate.interval_table`), by scenario.
    change, stages, placing
        The tables of these names, or None where no scenario asks.
    densities
        Every scenario's number of cameras in every unit, and the published rates.
    views
        What each scenario is counted by, and the scenario as owners over its doors.

    """

    scenarios: tuple[Scenario, ...]
    shares: pd.DataFrame
    intervals: pd.DataFrame
    change: pd.DataFrame | None
    stages: pd.DataFrame | None
    placing: pd.DataFrame | None
    densities: pd.DataFrame
    views: Mapping[str, tuple[Views, Scenario]]


def cut_of(rules: RulesSection | None) -> Cut | None:
    """Return what rules do to views, None where they leave them as they are."""
    if rules is None or (rules.privacy_zone_m is None and rules.trigger_range_m is None):
        return None
    return rules.privacy_zone_m, rules.trigger_range_m, rules.for_cameras


def cuts_of(plans: tuple[Plan, ...]) -> list[Cut]:
    """Return the different cuts that scenarios ask for: each needs views of its own."""
    return list(dict.fromkeys(cut for plan in plans for cut in [cut_of(plan.section.rules)] if cut is not None))


def count_scenarios(
    study: Study,
    plans: tuple[Plan, ...],
    residents: Residents,
    base: Views,
    cut_views: Mapping[Cut, Views],
    zones: pd.DataFrame | None,
) -> Counted:
    """Return the tables of a study's scenarios.

    Parameters
    ----------
    study, plans, residents
        As from `doorview.study.owners`.
    base
        The coverage by full views.
    cut_views
        The coverage by the views that each cut leaves (`cuts_of`).
    zones
        `zoning` and `zone`, in the order in which zones were numbered.

    """
    rows = base.rows
    open_plans, parts = list(plans), []
    for number, plan in enumerate(open_plans):
        if plan.scenario is None:
            open_plans[number], table = _placed(plan, study, rows, base.doors)
            parts.append(table)
    done = tuple(open_plans)
    views = {plan.name: views_of_plan(plan, base, cut_views) for plan in done}
    seed, words = study.study.seed, study.ownership.replicates // 64
    drawn: dict[str, NDArray[np.float64]] = {}
    shares, intervals = [], []
    for plan in done:
        seen, scenario = views[plan.name]
        drawn[plan.name] = seen.simulated(scenario, seed, words)
        interval = interval_table(seen.rows, drawn[plan.name])
        shares.append(_with_intervals(seen.shares(scenario, zones, seed), interval))
        intervals.append(interval.assign(scenario=plan.name))
    table = pd.concat(shares, ignore_index=True).sort_values(["scenario", *KEYS], ignore_index=True)
    table = _counts_of_doors(table, done, views, base, zones, seed)

    def shares_of(scenario: Scenario, seen: Views) -> tuple[NDArray[np.float64], pd.DataFrame]:
        return seen.simulated(scenario, seed, words), seen.shares(scenario, zones, seed)

    return Counted(
        scenarios=tuple(plan.built for plan in done),
        shares=table,
        intervals=pd.concat(intervals, ignore_index=True)[["scenario", *intervals[0].columns[:-1]]],
        change=_change_table(done, residents, base, rows, table, drawn, shares_of),
        stages=_stages_table(study, done, views, zones, table),
        placing=pd.concat(parts, ignore_index=True) if parts else None,
        densities=_densities(done, residents, study.ownership.shared_doors),
        views=views,
    )


# --- owners and views -------------------------------------------------------------------------------------------------


def views_of_plan(plan: Plan, base: Views, cut_views: Mapping[Cut, Views]) -> tuple[Views, Scenario]:
    """Return what a scenario is counted by, and the scenario as owners over the doors of those views."""
    cut = cut_of(plan.section.rules)
    if cut is None:
        return base, plan.built
    seen = cut_views[cut]
    if seen.blocks == 1:
        return seen, plan.built
    owners = plan.built.built
    if owners is None or plan.programme is None:
        raise InputError(f"scenario '{plan.name}' cuts the views of a programme that it does not have.")
    # The last layer is the programme's: its doors stand in the second block.
    layers = [layer.among(0, 2) for layer in owners.layers[:-1]] + [owners.layers[-1].among(1, 2)]
    homes = plan.built.households
    homes = None if homes is None else np.concatenate([homes, np.zeros(len(homes))])
    return seen, replace(plan.built, built=Owners(tuple(layers), owners.streams, blocks=2), households=homes)


def _with_intervals(exact: pd.DataFrame, interval: pd.DataFrame) -> pd.DataFrame:
    """Return the exact table with the simulated quantiles."""
    names = [f"share_p{round(100 * at):02d}" for at in QUANTILES]
    joined = exact.drop(columns=names).merge(interval[[*KEYS, *names]], on=KEYS, validate="one_to_one")
    return joined[list(exact.columns)]


def _counts_of_doors(
    table: pd.DataFrame,
    plans: tuple[Plan, ...],
    views: Mapping[str, tuple[Views, Scenario]],
    base: Views,
    zones: pd.DataFrame | None,
    seed: int,
) -> pd.DataFrame:
    """Return shares with doors counted once where a scenario's views hold each of them twice."""
    twice = [plan for plan in plans if views[plan.name][0].blocks == 2]
    if not twice:
        return table
    names = ["doors_inside", "doors_seeing", "dwellings", "rate_per_door", "rate_per_household"]
    for plan in twice:
        once = base.shares(plan.built, zones, seed)
        here = table["scenario"] == plan.name
        table.loc[here, names] = once[names].to_numpy()
    return table.astype({"doors_inside": np.int64, "doors_seeing": np.int64, "dwellings": np.int64})


# --- cameras placed by what they see ----------------------------------------------------------------------------------


def _placed(plan: Plan, study: Study, rows: SetRows, doors: DoorTable) -> tuple[Plan, pd.DataFrame]:
    """Return the plan with its cameras placed, and how far each number of cameras comes."""
    section = plan.section
    level = section.level or rows.levels[-1]
    space = section.space or _headline(rows)
    choose: Callable[..., Placing] = most_in_view if section.process == "most_possible" else least_in_view
    with at_key(f"scenarios.{plan.name}.{'space' if section.space else 'process'}"):
        placing = choose(rows, doors.key, section.number or 0, level=level, space=space, allowed=doors.inside)
    owns = np.zeros(len(doors.key))
    owns[placing.doors] = 1.0
    scenario = Scenario(
        plan.name,
        section.process,
        shared_doors=study.ownership.shared_doors,
        built=Owners((Independent(owns),)),
        households=owns,
        text=placed_words(section, len(placing.doors), space, level),
    )
    # Which door comes when is nobody's to publish.
    table = placing.table.drop(columns="door")
    table.insert(0, "scenario", plan.name)
    table.insert(1, "level", level)
    table.insert(2, "space", space)
    return replace(plan, scenario=scenario), table


def _headline(rows: SetRows) -> str:
    spaces = set(rows.outputs.table["space"])
    return HEADLINE if HEADLINE in spaces else "all"


# --- what a scenario changes ------------------------------------------------------------------------------------------


def _change_table(
    plans: tuple[Plan, ...],
    residents: Residents,
    base: Views,
    rows: SetRows,
    shares: pd.DataFrame,
    drawn: Mapping[str, NDArray[np.float64]],
    shares_of: Callable[[Scenario, Views], tuple[NDArray[np.float64], pd.DataFrame]],
) -> pd.DataFrame | None:
    """Return change.csv: each scenario that says against what, has a programme or rules, on the same draws."""
    by_name = {plan.name: plan for plan in plans}
    parts = []
    for plan in plans:
        section = plan.section
        name = section.against
        if name is None and (section.programme is not None or section.rules is not None):
            name = section.based_on if section.based_on in by_name else without_rules_words(plan.name)
        if name in by_name:
            other, before, exact = by_name[name].built, drawn[name], shares[shares["scenario"] == name]
        elif name is not None and plan.today is not None:
            other = plan.today
            before, exact = shares_of(other, base)
        else:
            continue
        parts.append(_change_of(plan, name, other, residents, rows, shares, exact, drawn[plan.name] - before))
    if not parts:
        return None
    table = pd.concat(parts, ignore_index=True)[list(CHANGE_COLUMNS)]
    return table.sort_values(list(CHANGE_COLUMNS[:6]), ignore_index=True)


def _change_of(
    plan: Plan,
    against: str,
    other: Scenario,
    residents: Residents,
    rows: SetRows,
    shares: pd.DataFrame,
    before: pd.DataFrame,
    change: NDArray[np.float64],
) -> pd.DataFrame:
    """Return the rows of one scenario; `change` (levels, outputs, replicates) of shares, on the same draws."""
    low, high = np.quantile(change, QUANTILES, axis=-1)
    table = rows.table(change_p05=low, change_p95=high)
    own = shares[shares["scenario"] == plan.name]
    columns = [*KEYS, "share_mean", "public_amount"]
    both = own[columns].merge(before[[*KEYS, "share_mean"]], on=KEYS, suffixes=("", "_before"))
    table = table.merge(both, on=KEYS, validate="one_to_one")
    table = table[table["measure"] == "area_m2"]
    table["change_mean"] = table["share_mean"] - table["share_mean_before"]
    table["area_added_m2"] = table["change_mean"] * table["public_amount"]
    table["scenario"], table["against"] = plan.name, against
    by_zone = {
        (zoning, zone): _added(plan, other, residents, member) for zoning, zone, member in _zones_of(table, residents)
    }
    for n, name in enumerate(("cameras_added", "cameras_with_strings", "cost", "cost_per_camera_added")):
        table[name] = [by_zone[zoning, zone][n] for zoning, zone in zip(table["zoning"], table["zone"], strict=True)]
    return table


def _zones_of(table: pd.DataFrame, residents: Residents) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Return each zone of the table with the doors (doors,) that lie in it."""
    found = []
    for zoning, zone in dict.fromkeys(zip(table["zoning"], table["zone"], strict=True)):
        found.append((zoning, zone, residents.members(zoning, zone)))
    return found


def _added(
    plan: Plan, other: Scenario, residents: Residents, member: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Return cameras added, cameras with strings, cost, and cost per camera added, of the doors of a zone."""
    more = plan.built.probabilities(residents.dwellings, residents.inside) - other.probabilities(
        residents.dwellings, residents.inside
    )
    added = math.fsum(more[member].tolist())
    if plan.programme is None:
        return added, 0.0, 0.0, np.nan
    owners = (plan.today or other).owners(residents.dwellings, residents.inside)
    effect = plan.programme.effect(owners, member)
    return added, effect.cameras_with_strings, effect.cost, effect.cost / added if added > 0 else np.nan


# --- in view, recorded, kept, shared ----------------------------------------------------------------------------------


def _stages_table(
    study: Study,
    plans: tuple[Plan, ...],
    views: Mapping[str, tuple[Views, Scenario]],
    zones: pd.DataFrame | None,
    shares: pd.DataFrame,
) -> pd.DataFrame | None:
    """Return stages.csv: the expected share at each stage, owners of a programme's strings by their own response."""
    asked = study.stages
    if asked is None:
        return None
    keep = keep_chances(asked.active, asked.retention_days or float("inf"), asked.asked_after_days, asked.agrees)
    parts = []
    for plan in plans:
        seen, scenario = views[plan.name]
        table = shares.loc[shares["scenario"] == plan.name, ["scenario", *KEYS, "share_mean"]]
        table = table.rename(columns={"share_mean": STAGES[0]})
        for stage in STAGES[1:]:
            owners = _kept(plan, scenario.owners(seen.doors.dwellings, seen.doors.inside), stage, keep)
            thinned = replace(scenario, built=owners, households=None, process="built")
            found = seen.shares(thinned, zones, study.study.seed)
            found = found[[*KEYS, "share_mean"]].rename(columns={"share_mean": stage})
            table = table.merge(found, on=KEYS, validate="one_to_one")
        parts.append(table)
    return pd.concat(parts, ignore_index=True).sort_values(["scenario", *KEYS], ignore_index=True)


def _kept(plan: Plan, owners: Owners, stage: str, keep: Mapping[str, float]) -> Owners:
    """Return the owners whose cameras count at a stage."""
    if stage != "shared" or plan.programme is None or not plan.programme.strings:
        return owners.thinned(keep[stage])
    programme = plan.programme
    agrees = keep["shared"] / keep["kept"] if keep["kept"] > 0 else 0.0
    answers = programme.strings * programme.response + (1.0 - programme.strings) * agrees
    today = Owners(owners.layers[:-1], (owners.streams or ())[:-1], owners.blocks).thinned(keep["shared"])
    handed = Owners(owners.layers[-1:], (owners.streams or ())[-1:], owners.blocks).thinned(keep["kept"] * answers)
    return Owners((*today.layers, *handed.layers), owners.streams, owners.blocks)


# --- densities --------------------------------------------------------------------------------------------------------


def _densities(plans: tuple[Plan, ...], residents: Residents, rule: str) -> pd.DataFrame:
    """Return densities.csv: the cameras inside under each scenario in every unit, and the published rates."""
    stated = {}
    for plan in plans:
        p = plan.built.probabilities(residents.dwellings, residents.inside)
        stated[plan.name] = Density("number", math.fsum(p[residents.inside].tolist()))
    stated |= {name: Density(name) for name in PRESETS}
    table = density_table(stated, residents.size, "one" if rule == "none" else rule)
    # The numbers are those of the doors, with programmes and rules; what was stated is the study's own words.
    said = [_stated(plan) for plan in plans]
    table.loc[: len(said) - 1, "kind"] = [kind for kind, *_ in said]
    table["value"] = table["value"].astype(np.float64)
    table.loc[: len(said) - 1, "value"] = [value for _, value, _ in said]
    for row, (_, _, known) in enumerate(said):
        if known is not None:
            for name in ("year", "base", "source", "mark"):
                table.loc[row, name] = getattr(known, name)
    return table


def _stated(plan: Plan) -> tuple[str, float, Preset | None]:
    """Return how a scenario says how many own a camera: the key of the study file, its value, and a published rate."""
    key = density_key(plan.section)
    value = getattr(plan.section, key)
    if key == "rate_preset":
        return key, PRESETS[value].rate, PRESETS[value]
    return ("share_of_households" if key == "rate" else key), np.nan if key == "rate_column" else float(value), None


def views_of(coverage: Coverage, zones: pd.DataFrame | None, doors: DoorTable, blocks: int = 1) -> Views:
    """Return a coverage with its printed rows."""
    return Views(coverage, outputs_of(coverage, zones), doors, blocks)
