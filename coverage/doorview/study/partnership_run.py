"""A study's partnership computed: its path over the months before anything is seen, its shares when all is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import UnknownNameError
from doorview.ownership.expected import fixed_point
from doorview.ownership.kernels.draws import at_least_of_sets
from doorview.share.coverage import Coverage
from doorview.share.outputs import Outputs
from doorview.share.rows import HALF, MASK, ratio, set_rows
from doorview.study.owners import Residents
from doorview.study.partnership import partnership_path, simulated_paths
from doorview.study.partnership_section import PartnershipSection
from doorview.study.partnership_table import ShareOf, door_chances, partnership_table, share_at_of
from doorview.study.partnership_terms import Terms, Town
from doorview.study.sections import Study
from doorview.study.shown import headline_levels, shown_space

__all__ = ["PartnershipPlan", "PartnershipRun", "partnership_plan", "partnership_run"]


@dataclass(frozen=True, eq=False)
class PartnershipPlan:
    """A partnership's course over the doors of the counted area, before its shares.

    `eligible` (doors,) are the doors of a district's zones, None where nobody says where free doorbells hang;
    `inside` (doors,) those of the counted area. `simulated` is None where no paths were asked for.
    """

    section: PartnershipSection
    town: Town
    terms: Terms
    path: pd.DataFrame
    simulated: pd.DataFrame | None
    inside: NDArray[np.bool_]
    eligible: NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class PartnershipRun:
    """A partnership's course and its `table`, partnership.csv."""

    plan: PartnershipPlan
    table: pd.DataFrame


def partnership_plan(study: Study, residents: Residents) -> PartnershipPlan | None:
    """Return the course of the study's partnership, or None where it has none; nothing is seen for it.

    The town is the counted area: its doors, and the dwellings behind them.

    Raises
    ------
    UnknownNameError
        A zone of the district does not exist.
    InputError
        More doors are eligible than there are.

    """
    section = study.partnership
    if section is None:
        return None
    inside = residents.inside
    eligible = None if section.zones is None else _doors_of(section, residents)
    town = section.town(int(inside.sum()), int(residents.dwellings[inside].sum()))
    terms = section.terms(None if eligible is None else int(eligible.sum()))
    given = town, terms, section.outreach(), section.bass(), section.months
    drawn = None
    if section.replicates:
        drawn = simulated_paths(*given, seed=study.study.seed, replicates=section.replicates)
    return PartnershipPlan(section, town, terms, partnership_path(*given), drawn, inside, eligible)


def _doors_of(section: PartnershipSection, residents: Residents) -> NDArray[np.bool_]:
    """Return the doors (doors,) of the counted area that lie in the zones of the district."""
    zoning = section.zoning or ""
    known = [str(zone) for zone in residents.zones[zoning].index] if zoning in residents.zones else []
    eligible = np.zeros(len(residents.inside), bool)
    for zone in section.zones or ():
        if zone not in known:
            raise UnknownNameError(f"zone of '{zoning}'", zone, known, "Mend zones under [partnership].")
        eligible |= residents.members(zoning, zone)
    return eligible


def partnership_run(
    plan: PartnershipPlan | None, coverage: Coverage, outputs: Outputs, counts: pd.DataFrame
) -> PartnershipRun | None:
    """Return a partnership with its shares in view, of the headline's space at the headline's levels.

    Owners are spread over all doors alike, so that shares are those of the exact curve (`counts`, counts.parquet); the
    free doorbells of a district with zones hang there, each door by its own chance, and shares are exact by set.
    """
    if plan is None:
        return None
    levels = headline_levels(coverage.levels)
    space = shown_space(outputs.table["space"])
    table = partnership_table(
        plan.path,
        {level: share_at_of(counts, level, space=space) for level in levels},
        programme=plan.section.key(),
        space=space,
        simulated=plan.simulated,
        share_with=_shares_by_door(plan, coverage, outputs, levels, space) if plan.eligible is not None else None,
    )
    return PartnershipRun(plan, table)


def _shares_by_door(
    plan: PartnershipPlan, coverage: Coverage, outputs: Outputs, levels: list[str], space: str
) -> dict[str, ShareOf]:
    """Return, for each level, the exact share where the district's doors have chances of their own."""
    rows, members = set_rows(coverage, outputs), coverage.members
    output = rows.output_number(space)
    seen = {level: rows.of_output(rows.level_number(level), output) for level in levels}
    whole = outputs.amount[output : output + 1]
    eligible = np.zeros(len(plan.inside), bool) if plan.eligible is None else plan.eligible

    @cache
    def shares(month: int, owned: float) -> dict[str, float]:
        p = door_chances(plan.path, month, eligible, owned=owned, inside=plan.inside)
        chance = fixed_point(at_least_of_sets(members.start, members.doors, p, 1)[0])
        found = {}
        for level, (sets, amount) in seen.items():
            # In two halves, so that sums of whole numbers stay below 2^63.
            high = ((chance[sets] >> HALF) * amount).sum(keepdims=True)
            low = ((chance[sets] & MASK) * amount).sum(keepdims=True)
            found[level] = float(ratio(high, low, whole)[0])
        return found

    def of(level: str) -> Callable[[int, float], float]:
        return lambda month, owned: shares(month, owned)[level]

    return {level: of(level) for level in levels}
