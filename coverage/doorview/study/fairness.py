"""Who is in view, by zone, from Python: `dv.fairness`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from doorview.errors import InputError, UnknownNameError
from doorview.study.fairness_people import by_people, people_plan
from doorview.study.fairness_run import fairness_table
from doorview.study.fairness_section import BLOCK_FACES
from doorview.study.fairness_zones import zone_facts

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["fairness"]


def fairness(
    result: Result,
    *,
    zoning: str | Iterable[str] | None = None,
    scenarios: str | Iterable[str] | None = None,
    weight: str | None = None,
    weight_file: str | os.PathLike[str] | gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Return who is in view, by zone, and from whose doors; or, with `weight`, the share by people.

    A share by zone is not a share of that group's people. The run need not have asked for ``[fairness]``.

    Parameters
    ----------
    result
        Of `dv.run` or `dv.estimate`.
    zoning
        One or several sets of zones of the study, by name; ``block_faces`` are the block faces in groups of at least 5
        homes. Left out: all zones, and block faces where there are no zones.
    scenarios
        One or several scenarios by name; left out: all.
    weight
        Column of people (footfall, pupils): of the zones' own files, or of `weight_file`.
    weight_file
        Points, lines or polygons with that column: a layer, a ``.csv`` with lon and lat [degrees], or a GeoDataFrame.

    Returns
    -------
    DataFrame
        Without `weight` the columns of fairness.csv, a row per scenario, level, zone and space, counts of homes as they
        are: areas [m2], lengths [km], shares in [0, 1]. ``share_inside_only``, ``share_both`` and
        ``share_outside_only`` add up to ``share_mean``. With `weight` those of fairness_by_people.csv.

    Raises
    ------
    UnknownNameError
        For a set of zones, scenario or column that is not there.
    InputError
        For numbers of people that are text, negative or infinite; for people that are nowhere near.
    """
    ready, tables = result.ready, result.tables
    known = [] if ready.zones is None else [str(name) for name in dict.fromkeys(ready.zones["zoning"])]
    asked = (known or [BLOCK_FACES]) if zoning is None else _listed(zoning)
    names = list(tables.counted.views) if scenarios is None else _listed(scenarios)
    for what, given, there in (
        ("set of zones", asked, [*known, BLOCK_FACES]),
        ("scenario", names, list(tables.counted.views)),
    ):
        if not given:
            raise InputError(f"no {what} is named, so there is nothing to compare. Name one, or leave it out for all.")
        for name in given:
            if name not in there:
                mend = "Zones are named under [[zones]] of a study file."
                raise UnknownNameError(what, name, there, mend if what == "set of zones" else "")
    zonings = [name for name in known if name in asked]
    if weight_file is not None and weight is None:
        raise InputError("weight_file says where people are, and weight says in which column. Add weight='...'.")
    people = people_plan(ready, zonings, weight, weight_file)
    if people is not None:
        return by_people(ready, people, tables.shares, tables.faces, zonings, names)[0]
    facts = zone_facts(ready, tables.coverage, zonings)
    return fairness_table(
        ready, tables.coverage, tables.counted, tables.shares, facts, names, block_faces=BLOCK_FACES in asked
    )


def _listed(names: str | Iterable[str]) -> list[str]:
    """Return one name or several as a list, each once."""
    return list(dict.fromkeys([names] if isinstance(names, str) else names))
