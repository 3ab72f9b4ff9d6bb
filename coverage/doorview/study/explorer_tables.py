"""What the explorer page knows of a run: arrays and a header, written as working/explorer.npz and explorer.json.

The contract of both is docs/explorer.md. Everything is taken from finished tables and from the set rows of the
coverage: nothing is seen or covered again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import DoorviewError
from doorview.ownership.expected import ONE
from doorview.ownership.scenario import Scenario
from doorview.ownership.union import Owners
from doorview.share.summary import curve_table, set_chances
from doorview.show.files import plain_json, sha256
from doorview.show.finished import CHECKSUMS, checksum_of
from doorview.show.text import clean, place_words
from doorview.study.counting import Views, cut_of, views_of_plan
from doorview.study.explorer_shapes import Names, origin_of, shapes_of
from doorview.study.explorer_units import Units, histogram, public_cells, spaces_of, unit_matrices, units_of
from doorview.study.explorer_walks import walk_arrays
from doorview.study.hides import obstacle_words
from doorview.study.owners import Plan, plan_at_rate
from doorview.study.result import Result
from doorview.study.shown import headline_levels

__all__ = ["FORMAT", "explorer_tables", "write_explorer_tables"]

Arrays = dict[str, NDArray[Any]]
FORMAT = 1
RATES = np.arange(101) / 100.0
KNOTS = tuple(n / 20 for n in range(21))
FEW_KNOTS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Where no closed form gives a scenario's chances, so that each knot is a mean over draws of what doors share."""
SCALE = 65535.0
BELLS = (0.05, 0.95)

HONESTY = (
    "Simulated: cameras are drawn at random at real front doors. Nobody's own camera is shown here.",
    "In view is not recorded, recorded is not kept, kept is not shared.",
    "An upper bound of what could be seen: not all cameras work, and not all look at the street.",
)
FICTIONAL = "A fictional town: no real place, no real home."
NO_HOMES_SHOWN = (
    "No owner is drawn for a real place: the file holds front doors as they are mapped, no homes behind them, and "
    "figures of groups of blocks with at least five homes."
)


@dataclass(frozen=True)
class _Kinds:
    """The plans by how the slider moves them, in the order of the study."""

    independent: list[Plan]
    curve: list[Plan]
    fixed: list[Plan]

    def of(self, plan: Plan) -> str:
        """Return the kind of a plan."""
        return next(name for name in ("independent", "curve", "fixed") if plan in getattr(self, name))


def _kinds(result: Result) -> _Kinds:
    """Sort the plans: independent with one chance at every door; with a rate; without one."""
    kinds = _Kinds([], [], [])
    for plan in result.ready.plans:
        section = plan.section
        plain = section.process == "independent" and section.programme is None and section.rules is None
        if plain and plan.scenario is not None and result.ready.equal_chances(plan.scenario):
            kinds.independent.append(plan)
        elif section.rate is not None or section.rate_preset is not None:
            kinds.curve.append(plan)
        else:
            kinds.fixed.append(plan)
    return kinds


def _rate(result: Result, plan: Plan, kind: str) -> float | None:
    """Return the rate at which a scenario stands on the slider."""
    if kind == "fixed":
        return None
    if kind == "independent" and plan.scenario is not None:
        table = result.ready.door_table
        return plan.scenario.equal_rate(table.dwellings, table.inside)
    if plan.section.rate is not None:
        return float(plan.section.rate)
    from doorview.ownership.densities import PRESETS

    return float(PRESETS[str(plan.section.rate_preset)].rate)


def _why_fixed(plan: Plan) -> str:
    section = plan.section
    if section.process in ("most_possible", "least_found"):
        return "Cameras are put where they see the most, or very little: their number is given, not a rate."
    if section.rate_column is not None:
        return "Every zone has a rate of its own, from a column of the user's data."
    if section.number is not None:
        return f"{section.number:,} cameras are given: there is no rate to change."
    return "The number of cameras is given by length of street or by area, not as a rate of homes."


# --- shares of units -------------------------------------------------------------------------------------------------


def _first_chances(seen: Views, scenario: Scenario, seed: int) -> NDArray[np.float64]:
    """Return the chance (sets,) that a set has an owner: exact where there is a closed form, else the run's own."""
    members, doors = seen.coverage.members, seen.doors
    exact = scenario.owners(doors.dwellings, doors.inside).at_least(members.start, members.doors, 1)
    chance = set_chances(seen.coverage, scenario, doors, seed)[:1] if exact is None else exact
    return np.asarray(chance[0] / ONE, dtype=np.float64)


def _bells(seen: Views, scenario: Scenario, units: Units, seed: int, words: int) -> NDArray[np.float64]:
    """Return (units, 2): 5 % and 95 % of owning doors, over simulated ownerships."""
    owners: Owners = scenario.owners(seen.doors.dwellings, seen.doors.inside)
    bits = owners.draw(seen.doors.key, seed, words)
    if seen.blocks > 1:
        # Every door stands once with each of its views: it owns a camera if either does.
        bits = np.bitwise_or.reduce(bits.reshape(seen.blocks, -1, bits.shape[1]), axis=0)
    counts = units.counts(bits)
    low = np.quantile(counts, BELLS[0], axis=1, method="inverted_cdf")
    high = np.quantile(counts, BELLS[1], axis=1, method="inverted_cdf")
    return np.stack([low, high], axis=1).astype(np.float64)


def _at_rate(result: Result, plan: Plan, seen: Views, rate: float) -> Scenario | None:
    """Return a scenario over the doors of its views at another rate; None where its owners cannot be so."""
    try:
        moved = plan_at_rate(plan, rate, result.ready.study, result.ready.residents)
    except DoorviewError:
        return None
    cut = cut_of(plan.section.rules)
    return views_of_plan(moved, seen, {} if cut is None else {cut: seen})[1]


@dataclass(frozen=True)
class _Counted:
    """Shares (units + 1, levels, spaces) of one scenario, the whole area last, and bells (units, 2), by rate."""

    share: NDArray[np.float64]
    bells: NDArray[np.float64]


def _counted(
    seen: Views,
    scenarios: list[Scenario | None],
    units: Units,
    spaces: list[tuple[str, list[int], int | None]],
    seed: int,
    words: int,
) -> list[_Counted]:
    """Return the shares and bells of scenarios that see by the same views; NaN for those that are None."""
    sets = len(seen.coverage.members.size)
    chance = [np.full(sets, np.nan) if s is None else _first_chances(seen, s, seed) for s in scenarios]
    table = np.stack(chance, axis=1)
    whole = public_cells(seen.coverage, units, spaces)
    total = np.zeros(len(spaces))
    for number, (_, codes, near) in enumerate(spaces):
        t = seen.coverage.totals
        here = np.isin(t["space"], codes) & ((near is None) | (t["near"] == near))
        total[number] = t.loc[here, "amount"].sum()
    public = np.concatenate([whole, total[None]]).astype(np.float64)
    levels = []
    for matrix in unit_matrices(seen.coverage, units, spaces):
        amount = (matrix @ np.nan_to_num(table)).reshape(len(units) + 1, len(spaces), len(scenarios))
        with np.errstate(invalid="ignore", divide="ignore"):
            levels.append(amount / public[:, :, None])
    shares = np.stack(levels, axis=1)
    found = []
    for number, scenario in enumerate(scenarios):
        if scenario is None:
            found.append(_Counted(np.full(shares.shape[:3], np.nan), np.full((len(units), 2), np.nan)))
        else:
            found.append(_Counted(shares[..., number], _bells(seen, scenario, units, seed, words)))
    return found


def _scaled(values: NDArray[np.float64], has_ground: NDArray[np.bool_]) -> NDArray[Any]:
    """Return shares as whole numbers of 1 / 65535; as floats of the same scale where some are not there (NaN)."""
    scaled = np.where(has_ground, values, 0.0) * SCALE
    if np.isnan(scaled).any():
        return scaled.astype(np.float32)
    return np.rint(np.clip(scaled, 0.0, SCALE)).astype(np.uint16)


def _whole(values: NDArray[np.float64]) -> NDArray[Any]:
    return values.astype(np.float32) if np.isnan(values).any() else values.astype(np.uint16)


def _curve_arrays(
    result: Result,
    kinds: _Kinds,
    units: Units,
    spaces: list[tuple[str, list[int], int | None]],
    has_ground: NDArray[np.bool_],
) -> tuple[Arrays, dict[str, dict[str, Any]]]:
    """Return the arrays of scenarios with a rate, and what the header says of each.

    `has_ground` (units, 1, spaces) says where there is public ground.
    """
    study = result.ready.study
    seed, words = study.study.seed, study.ownership.replicates // 64
    own = {plan.name: _rate(result, plan, "curve") or 0.0 for plan in kinds.curve}
    knots = np.array(sorted({*KNOTS, *own.values()})) if kinds.curve else np.zeros(0)
    levels = len(result.tables.coverage.levels)
    share = np.zeros((len(kinds.curve), len(units), levels, len(spaces), len(knots)))
    bells = np.zeros((len(kinds.curve), len(units), len(knots), 2))
    whole = np.full((len(kinds.curve), levels, len(spaces), len(RATES)), np.nan)
    said = {}
    for number, plan in enumerate(kinds.curve):
        seen, scenario = result.tables.counted.views[plan.name]
        exact = scenario.owners(seen.doors.dwellings, seen.doors.inside)
        closed = exact.at_least(np.zeros(1, np.int64), np.zeros(0, np.int64), 1) is not None
        used = knots if closed else np.array(sorted({*FEW_KNOTS, own[plan.name]}))
        moved = [scenario if r == own[plan.name] else _at_rate(result, plan, seen, float(r)) for r in used]
        found = _counted(seen, moved, units, spaces, seed, words)
        table = np.stack([item.share for item in found], axis=-1)
        drawn = np.stack([item.bells for item in found], axis=1)
        share[number] = _between(used, table[:-1], knots, axis=-1)
        bells[number] = _between(used, drawn, knots, axis=1)
        bells[number, ..., 0], bells[number, ..., 1] = np.floor(bells[number, ..., 0]), np.ceil(bells[number, ..., 1])
        whole[number] = _between(used, table[-1], RATES, axis=-1)
        how = "exact" if closed else "means over draws of what doors share"
        there = [float(r) for r, item in zip(used, moved, strict=True) if item is not None]
        said[plan.name] = {
            "computed_at": there,
            "impossible_at": [float(r) for r in used if float(r) not in there],
            "method": f"{how} at {len(there)} rates",
        }
    return {
        "knot_rates": knots.astype(np.float32),
        "knot_share": _scaled(share, has_ground[None, ..., None]),
        "knot_bells": _whole(bells),
        "curve_scenario": whole,
    }, said


def _between(at: NDArray[np.float64], values: NDArray[np.float64], wanted: NDArray[np.float64], axis: int) -> Any:
    """Return values at other rates along an axis, by straight lines; NaN between a rate that has none and another."""
    right = np.clip(np.searchsorted(at, wanted - 1e-12), 0, len(at) - 1)
    exact = np.abs(at[right] - wanted) < 1e-9
    left = np.where(exact, right, np.maximum(right - 1, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(exact, 0.0, (wanted - at[left]) / (at[right] - at[left]))
    shape = [1] * values.ndim
    shape[axis] = -1
    low, high = np.take(values, left, axis=axis), np.take(values, right, axis=axis)
    mixed = low + weight.reshape(shape) * (high - low)
    return np.where((weight == 0).reshape(shape), low, mixed)


def _fixed_arrays(
    result: Result,
    kinds: _Kinds,
    units: Units,
    spaces: list[tuple[str, list[int], int | None]],
    has_ground: NDArray[np.bool_],
) -> Arrays:
    """Return the arrays of scenarios without a rate."""
    study = result.ready.study
    seed, words = study.study.seed, study.ownership.replicates // 64
    levels = len(result.tables.coverage.levels)
    share = np.zeros((len(kinds.fixed), len(units), levels, len(spaces)))
    bells = np.zeros((len(kinds.fixed), len(units), 2))
    for number, plan in enumerate(kinds.fixed):
        seen, scenario = result.tables.counted.views[plan.name]
        (found,) = _counted(seen, [scenario], units, spaces, seed, words)
        share[number], bells[number] = found.share[:-1], found.bells
    return {"fixed_unit_share": _scaled(share, has_ground[None]), "fixed_bells": _whole(bells)}


# --- shares of the whole area ----------------------------------------------------------------------------------------


def _rows(result: Result, units: Units) -> list[tuple[str, str]]:
    """Return zoning and zone of the rows of the curve: the whole area, then the zones that are units."""
    zones = result.ready.zones
    own = [] if zones is None else list(zip(zones["zoning"], zones["zone"], strict=True))
    return [("all", "all"), *((str(own[n][0]), str(own[n][1])) for n in units.zones)]


def _laid_out(table: pd.DataFrame, axes: dict[str, list[Any]], value: str) -> NDArray[np.float64]:
    """Return a column of a table as an array with these axes; NaN where the table has no row."""
    index = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
    found = table.set_index(list(axes))[value].reindex(index)
    values: NDArray[np.float64] = found.to_numpy(dtype=np.float64)
    return values.reshape([len(item) for item in axes.values()])


def _place_key(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by area, with zoning and zone in one column `place`."""
    own = table[table["measure"] == "area_m2"]
    return own.assign(place=list(zip(own["zoning"], own["zone"], strict=True)))


def _area_arrays(result: Result, kinds: _Kinds, names: list[str], spaces: list[str], units: Units) -> Arrays:
    """Return the curves and shares of the whole area and its zones."""
    tables, study = result.tables, result.ready.study
    curve = tables.curve
    if not np.array_equal(np.sort(curve["rate"].unique()), RATES):
        doors, rule = result.ready.door_table, study.ownership.shared_doors
        curve = curve_table(tables.coverage, tables.outputs, doors, RATES.tolist(), rule)
    axes: dict[str, list[Any]] = {"level": names, "space": spaces, "place": _rows(result, units)}
    shares = _place_key(result.shares)
    fixed = [_laid_out(shares[shares["scenario"] == plan.name], axes, "share_mean") for plan in kinds.fixed]
    area = shares[shares["place"] == ("all", "all")]
    order = {"scenario": [plan.name for plan in result.ready.plans], "level": names, "space": spaces}
    low, high = (_laid_out(area, order, column) for column in ("share_low", "share_high"))
    shape = (len(kinds.fixed), *(len(item) for item in axes.values()))
    return {
        "curve_independent": _laid_out(_place_key(curve), {**axes, "rate": RATES.tolist()}, "share_mean"),
        "fixed_share": np.array(fixed, np.float64).reshape(shape),
        "share_low_high": np.stack([low, high], axis=-1).astype(np.float32),
    }


# --- the header ------------------------------------------------------------------------------------------------------


def _header(
    result: Result,
    kinds: _Kinds,
    order: list[int],
    spaces: list[str],
    said: dict[str, dict[str, Any]],
    names: Names,
    zonings: list[str],
    origin: tuple[int, int],
) -> dict[str, Any]:
    """Return all that the page says in words."""
    ready, study = result.ready, result.ready.study
    units, near = study.output.units, study.public_space.near_home_m
    fictional = study.study.fictional
    title = clean(study.study.label or ready.city.name.replace("_", " "), 160)
    stages = study.stages
    scenarios = []
    for plan in ready.plans:
        kind = kinds.of(plan)
        built = next(item for item in result.tables.scenarios if item.name == plan.name)
        more = said.get(plan.name, {})
        words = result.scenario_words(built)
        if kind == "curve":
            words += f". On the slider: {more['method']}, straight lines between them."
            if more["impossible_at"]:
                rates = ", ".join(f"{100 * rate:g}%" for rate in more["impossible_at"])
                words += f" Owners cannot be so at {rates}: no figure is given about these rates."
        scenarios.append(
            {
                "name": plan.name,
                "label": clean(plan.section.label or words, 120),
                "words": clean(words, 600),
                "kind": kind,
                "rate": _rate(result, plan, kind),
                "why_no_slider": _why_fixed(plan) if kind == "fixed" else None,
                "sights": cut_of(plan.section.rules) is None,
                "bells": {"independent": "binomial", "curve": "table", "fixed": "fixed"}[kind],
                **more,
            }
        )
    return {
        "format": FORMAT,
        "kind": "full",
        "title": title,
        "name": clean(study.name, 80),
        "place": clean(ready.city.name.replace("_", " "), 120),
        "fictional": fictional,
        "label": clean(study.study.label or "", 160),
        "data_date": ready.city.source.get("data_date"),
        "attribution": clean(ready.attribution, 200),
        "licence": "BSD-3-Clause (fictional data)" if fictional else "ODbL 1.0",
        "version": metadata.version("doorview"),
        "units": units,
        "crs": ready.city.crs.to_string(),
        "origin": list(origin),
        "cell_m": ready.scene.grid.cell_m,
        "near_home_m": near,
        "obstacles": obstacle_words(study.coverage, study.doors),
        "camera": clean(ready.camera_label, 300),
        "mount_height_m": ready.camera.mount_height_m,
        "vertical_field_of_view_degrees": ready.camera.vertical_field_of_view_degrees,
        "marks_note": "Marked values are not confirmed by the maker.",
        "levels": [_level(ready.levels[number]) for number in order],
        "models": _models(result, order),
        "spaces": [{"name": name, "label": place_words(name, units, near)} for name in spaces],
        "rates": RATES.tolist(),
        "default_scenario": result.main_scenario(),
        "default_level": result.main_level(),
        "scenarios": scenarios,
        "names": names.texts,
        "zonings": zonings,
        "sight": _sight(result),
        "stages": None
        if stages is None
        else {
            "active": stages.active,
            "retention_days": stages.retention_days,
            "asked_after_days": stages.asked_after_days,
            "agrees": stages.agrees,
        },
        "heat": [],
        "sources": _sources(result),
        "notes": [clean(line, 1000) for line in result.notes()],
        "honesty": [FICTIONAL if fictional else NO_HOMES_SHOWN, *HONESTY],
    }


def _level(item: Any) -> dict[str, Any]:
    return {
        "name": item.name,
        "plain": item.plain,
        "range_m": item.range_m,
        "near_m": item.near_m,
        "field_of_view_degrees": item.field_of_view_degrees,
        "target_height_m": item.target_height_m,
        "marks": list(item.marks),
    }


def _models(result: Result, order: list[int]) -> list[dict[str, Any]]:
    """Return the models of a mix, each with its own levels; none where all doors have one."""
    ready = result.ready
    if ready.mix is None:
        return []
    return [
        {
            "name": model.name,
            "label": clean(model.label, 120),
            "mount_height_m": model.mount_height_m,
            "vertical_field_of_view_degrees": model.vertical_field_of_view_degrees,
            "levels": [_level(levels[number]) for number in order],
        }
        for model, levels in ready.models[0]
    ]


def _sight(result: Result) -> dict[str, Any]:
    """Return whether single sight lines in the page are those of the run, and what they leave out."""
    notes = ["Coordinates are rounded to whole centimetres."]
    exact = True
    if result.ready.scene.terrain is not None:
        exact = False
        notes.append("The run stands on terrain; single sight lines here are drawn as on flat ground.")
    if result.ready.mix is not None:
        exact = False
        notes.append("Doors have cameras of several models; single sight lines here take the model that sees farthest.")
    return {"exact": exact, "notes": notes}


def _sources(result: Result) -> list[str]:
    """Return where the figures come from."""
    ready = result.ready
    files = [clean(Path(str(item.get("path", ""))).name, 80) for item in ready.city.source.get("files", [])]
    date = ready.city.source.get("data_date")
    found = [f"Map data: {clean(ready.attribution, 200)}{f', {date}' if date else ''}{': ' if files else ''}"]
    found[0] += ", ".join(files)
    found.append(f"Zones: {', '.join(clean(z.file.name, 80) for z in ready.study.zones)}" if ready.study.zones else "")
    found.append(f"Camera: {clean(ready.camera_label, 300)}")
    found.append("Shares: shares.csv and curve.csv of the same run, doorview " + metadata.version("doorview"))
    return [item for item in found if item]


# --- all together ----------------------------------------------------------------------------------------------------


def explorer_tables(result: Result) -> tuple[dict[str, Any], Arrays]:
    """Return the header and the arrays of a run, as docs/explorer.md describes them."""
    ready, coverage = result.ready, result.tables.coverage
    units, spaces = units_of(ready, result.tables), spaces_of(result.tables)
    kinds, names, origin = _kinds(result), Names(), origin_of(ready)
    told = headline_levels(coverage.levels)
    order = [coverage.levels.index(name) for name in dict.fromkeys([*told, *coverage.levels])]
    level_names, space_names = [coverage.levels[n] for n in order], [name for name, *_ in spaces]
    public = public_cells(coverage, units, spaces)
    has_ground = (public > 0)[:, None, :]
    arrays, zonings = shapes_of(ready, units, names, origin)
    cells = histogram(coverage, units, spaces)
    arrays["public_cells"] = public.astype(np.uint32)
    arrays |= _histogram_arrays(cells, len(units), order, len(spaces))
    arrays |= {"unit_homes": units.homes.astype(np.uint32), "unit_doors": units.doors.astype(np.uint32)}
    arrays |= _area_arrays(result, kinds, level_names, space_names, units)
    curves, said = _curve_arrays(result, kinds, units, spaces, has_ground)
    curves["curve_scenario"] = curves["curve_scenario"][:, order]
    curves["knot_share"] = curves["knot_share"][:, :, order]
    fixed = _fixed_arrays(result, kinds, units, spaces, has_ground)
    fixed["fixed_unit_share"] = fixed["fixed_unit_share"][:, :, order]
    header = _header(result, kinds, order, space_names, said, names, zonings, origin)
    header["walks"], walks = walk_arrays(result, level_names, origin)
    return header, {name: np.ascontiguousarray(values) for name, values in (arrays | curves | fixed | walks).items()}


def _histogram_arrays(cells: Any, units: int, order: list[int], spaces: int) -> Arrays:
    """Return the histogram with its levels in the page's order."""
    rows = np.arange(units * len(order) * spaces).reshape(units, len(order), spaces)[:, order].ravel()
    sizes = np.diff(cells.start)[rows]
    start = np.concatenate([[0], np.cumsum(sizes)])
    take = np.repeat(cells.start[:-1][rows] - start[:-1], sizes) + np.arange(start[-1])
    return {
        "hist_start": start.astype(np.uint32),
        "hist_k": np.minimum(cells.k[take], 65535).astype(np.uint16),
        "hist_amount": cells.amount[take].astype(np.uint32),
    }


def write_explorer_tables(result: Result, npz: Path, header: Path, shares: Path) -> None:
    """Write the arrays and the header, with checksums of both and of the run's shares, which are written."""
    head, arrays = explorer_tables(result)
    np.savez(npz, **arrays)  # type: ignore[arg-type]
    plain = plain_json(head)
    sums = {"header": checksum_of(plain), "explorer.npz": sha256(npz), "shares.csv": sha256(shares)}
    text = json.dumps({**plain, CHECKSUMS: sums}, ensure_ascii=False, allow_nan=False, indent=1)
    header.write_text(text + "\n", encoding="utf-8")
