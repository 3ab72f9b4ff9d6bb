"""A study's private ground computed: whose land cameras see, and what neighbours' cameras see of yards and facades."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.overlays.facades import facade_rows, street_facades
from doorview.overlays.lots import Lots, front_yards, lots_of_homes
from doorview.ownership.expected import ONE
from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage, fold
from doorview.share.face_groups import SMALLEST_GROUP
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts
from doorview.share.lots import PARTS, SetsOfOthers, front_yard_rows, lot_scene, view_parts, whose
from doorview.share.simulate import QUANTILES
from doorview.share.summary import DoorTable, set_chances
from doorview.share.tiles import cover
from doorview.show.tables import PRIVATE_GROUND_COLUMNS
from doorview.study.counting import Counted, Cut, cut_of
from doorview.study.cuts import ruled_by
from doorview.study.private_ground_section import PrivateGroundSection, law_words
from doorview.study.zones import zone_membership

if TYPE_CHECKING:
    from doorview.study.compute import Prepared
    from doorview.study.result import Result

__all__ = ["COLUMNS", "FACADES", "FRONT_YARDS", "VIEW", "PrivateGroundRun", "private_ground", "private_ground_run"]

VIEW, FRONT_YARDS, FACADES = "view", "front_yards", "facades"
COLUMNS = PRIVATE_GROUND_COLUMNS
KEYS = list(COLUMNS[:6])
FEW_CELLS = 100
"""Rows of fewer cells of the grid, or centimetres of facade, carry a note."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PrivateGroundRun:
    """What private ground comes to.

    Attributes
    ----------
    section, lots
        What was asked for, and whose land is known from where.
    table
        private_ground.csv, fit to publish.
    views
        A row per door and level with the parts of its full view [m2]: not fit to publish.
    fronts
        (lots,) front yards as polygons, public ground still in them.
    front_m2
        (lots,) private ground of each front yard in the counted area [m2].
    in_view_m2
        By scenario: (levels, lots) expected ground of it in view of other homes' cameras [m2].
    homes_of_lot
        (lots,) dwellings.
    withheld
        Zones left out because they, or what is left of a zoning without them, hold 1 to 4 homes, by `what`.
    counts
        What was found and left out, in words.
    law
        What pages say of the law, or None.

    """

    section: PrivateGroundSection
    lots: Lots
    table: pd.DataFrame
    views: pd.DataFrame
    fronts: NDArray[Any]
    front_m2: Floats
    in_view_m2: Mapping[str, Floats]
    homes_of_lot: Ints
    withheld: Mapping[str, int]
    counts: Mapping[str, int]
    law: str | None


@dataclass(frozen=True, eq=False)
class _Seen:
    """What one kind of views comes to: parts (levels, doors, parts) [m2], and who sees which yards and facades."""

    parts: Floats
    yards: SetsOfOthers
    facades: SetsOfOthers


@dataclass(frozen=True, eq=False)
class _Printed:
    """One kind of table rows: which outputs (the whole, then zones) are printed, and how many homes each holds."""

    rows: Ints
    homes: Ints
    withheld: int


def private_ground(
    result: Result,
    *,
    lots: str | None = None,
    lot_reach_m: float = 40.0,
    facade_step_m: float = 0.5,
    oblique: bool = False,
    jurisdiction: str | None = None,
) -> pd.DataFrame:
    """Return whose ground cameras see, and how much of neighbours' front yards and facades, for a result.

    Parameters
    ----------
    result
        As from `run` or `estimate`.
    lots, lot_reach_m, facade_step_m, oblique, jurisdiction
        As in the section `[private_ground]` of a study file.

    Returns
    -------
    DataFrame
        private_ground.csv: `scenario`, `level`, `zoning`, `zone`, `what` (``view``, ``front_yards``, ``facades``),
        `part` (of a view; else ``all``), `unit`, `homes`, `amount`, `share_mean`, `share_p05`, `share_p95` (chance
        alone), `note`. Zones that hold 1 to 4 homes are left out. ``attrs`` has `lots` (how land is known), `law` and
        `withheld`.

    Raises
    ------
    InputError
        For settings that are none, and for parcels where there are none.

    """
    from pydantic import ValidationError

    from doorview.errors import InputError

    asked = {
        "lots": lots, "lot_reach_m": lot_reach_m, "facade_step_m": facade_step_m, "oblique": oblique,
        "jurisdiction": jurisdiction,
    }  # fmt: skip
    try:
        section = PrivateGroundSection.model_validate(asked)
    except ValidationError as fault:
        first = fault.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InputError(f"private_ground: {name} is {first['input']!r}: {first['msg']}.") from fault
    found = private_ground_run(result.ready, result.tables.counted, section)
    table = found.table.copy()
    table.attrs = {"lots": found.lots.words, "law": found.law, "withheld": dict(found.withheld)}
    return table


def private_ground_run(ready: Prepared, counted: Counted, section: PrivateGroundSection) -> PrivateGroundRun:
    """Return private ground under all scenarios of a study."""
    doors, extent = ready.doors, ready.city.extent
    lots = lots_of_homes(doors, ready.ground, extent, method=section.lots, reach_m=section.lot_reach_m)
    fronts, counts = front_yards(lots, doors, ready.ground)
    zones = np.zeros(0, object) if ready.zones is None else np.asarray(ready.zones.geometry.array, dtype=object)
    facades = street_facades(lots, doors, ready.ground, step_m=section.facade_step_m)
    facades = facades.where(shapely.intersects_xy(ready.inside, facades.xy[:, 0], facades.xy[:, 1]))
    spots_in = np.zeros((len(facades.xy), 0), bool)
    if ready.zones is not None:
        spots_in = zone_membership(ready.zones, facades.xy)
    plain = lot_scene(ready.scene, lots.shapes, fronts, zones, extent)
    cuts = {plan.name: cut_of(plan.section.rules) for plan in ready.plans}
    seen: dict[Cut | None, _Seen] = {}
    for cut in dict.fromkeys([None, *cuts.values()]):
        scene, blocks, limits = plain, 1, None
        if cut is not None:
            ruled = ruled_by(ready, plain, cut)
            scene, blocks, limits = ruled.scene, ruled.blocks, ruled.limits
        coverage = fold(scene, cover(scene, rasters=False, threads=ready.study.coverage.threads))
        ground = whose(coverage, len(lots))
        of_door = np.tile(lots.of_door, blocks)
        seen[cut] = _Seen(
            view_parts(coverage, ground, of_door),
            front_yard_rows(coverage, ground, of_door, len(lots), len(zones)),
            facade_rows(scene, facades, of_door, len(lots), spots_in, oblique=section.oblique, limits=limits),
        )
        if cut is None:
            base = coverage
    homes = np.zeros(len(lots), np.int64)
    known = lots.of_door >= 0
    np.add.at(homes, lots.of_door[known], ready.door_table.dwellings[known])
    printed = _printed(ready, seen[None], homes)
    parts, in_view = [], {}
    for name, (views, scenario) in counted.views.items():
        found = seen[cuts.get(name)]
        drawn = _Scenario(ready, scenario, views.doors, base)
        parts += [
            _view_rows(drawn, found.parts, printed[VIEW]).assign(scenario=name, what=VIEW),
            _other_rows(drawn, found.yards, printed[FRONT_YARDS]).assign(scenario=name, what=FRONT_YARDS, unit="m2"),
            _other_rows(drawn, found.facades, printed[FACADES]).assign(scenario=name, what=FACADES, unit="m"),
        ]
        in_view[name] = _by_owner(drawn, found.yards)
    table = pd.concat(parts, ignore_index=True)[list(COLUMNS)].sort_values(KEYS, ignore_index=True)
    total = seen[None].yards.total
    front_m2 = np.asarray(total * seen[None].yards.unit, dtype=np.float64)
    counts |= {"lots without a front yard": int((total == 0).sum()), "doors": len(doors), "lots": len(lots)}
    return PrivateGroundRun(
        section, lots, table, _door_table(ready, seen[None].parts, lots), fronts, front_m2, in_view, homes,
        {what: item.withheld for what, item in printed.items()}, {**lots.counts, **counts},
        law_words(section.jurisdiction, ready.city.country, stated_country(ready)),
    )  # fmt: skip


def stated_country(ready: Prepared) -> str | None:
    """Return the most frequent ``addr:country`` of buildings and addresses, None where none has any."""
    found: Counter[str] = Counter()
    for layer in (ready.city.buildings, ready.city.addresses):
        if "addr:country" in layer:
            found.update(str(text) for text in layer["addr:country"].dropna())
    return found.most_common(1)[0][0] if found else None


# --- what is printed --------------------------------------------------------------------------------------------------


def _printed(ready: Prepared, seen: _Seen, homes: Ints) -> dict[str, _Printed]:
    """Return the outputs of each kind of row that hold homes enough."""
    table = ready.door_table
    doors = np.flatnonzero(table.inside)
    member = np.zeros((len(doors), 0), bool) if table.zone_inside is None else table.zone_inside[doors]
    zoning = np.zeros(0, object) if ready.zones is None else ready.zones["zoning"].to_numpy(dtype=object)
    one = np.ones(len(doors), np.int64)
    found = {VIEW: _enough(one, member.astype(np.int64), np.asarray(table.dwellings[doors], np.int64), zoning)}
    for what, rows in ((FRONT_YARDS, seen.yards), (FACADES, seen.facades)):
        found[what] = _enough(rows.total, rows.total_zones, homes, zoning)
    return found


def _enough(whole: Ints, parts: Ints, homes: Ints, zoning: NDArray[Any]) -> _Printed:
    """Return the outputs to print: none of 1 to 4 homes, nor one by which so few would be the rest of a whole.

    The rest is what lies in no zone of a zoning that is printed: in hidden zones, or in none.

    Parameters
    ----------
    whole, parts, homes
        Of each item, a door or a lot: its amount (items,), that in each zone (items, zones), and its homes (items,).
    zoning
        Of each zone.

    """
    number = np.concatenate([[homes[whole > 0].sum()], (parts > 0).T @ homes]).astype(np.int64)
    keep = number >= SMALLEST_GROUP
    for name in dict.fromkeys(zoning.tolist()):
        rows = np.flatnonzero(zoning == name)
        printed = rows[keep[1 + rows]]
        left = whole - parts[:, printed].sum(axis=1)
        for row in printed[np.argsort(number[1 + printed], kind="stable")].tolist():
            if not 0 < homes[left > 0].sum() < SMALLEST_GROUP:
                break
            keep[1 + row] = False
            left += parts[:, row]
    return _Printed(np.flatnonzero(keep), number, int(((number > 0) & ~keep).sum()))


class _Scenario:
    """A scenario over the doors of its views, with what is drawn of it once."""

    def __init__(self, ready: Prepared, scenario: Scenario, doors: DoorTable, coverage: Coverage) -> None:
        self.levels = [item.name for item in ready.levels]
        self.scenario, self.doors, self.seed = scenario, doors, ready.study.study.seed
        self.zones = ready.zones
        self.coverage = coverage
        owners = scenario.owners(doors.dwellings, doors.inside)
        self.chance = owners.marginal()
        self.bits = owners.draw(doors.key, self.seed, ready.study.ownership.replicates // 64)

    def chance_of(self, rows: SetsOfOthers) -> Ints:
        """Return the chance that a set has an owner (sets,), in fixed point."""
        sets = replace(self.coverage, members=rows.members)
        found: Ints = set_chances(sets, self.scenario, self.doors, self.seed)[0]
        return found

    def place(self, output: int) -> tuple[str, str]:
        """Return zoning and zone of an output."""
        if output == 0 or self.zones is None:
            return "all", "all"
        row = self.zones.iloc[output - 1]
        return str(row["zoning"]), str(row["zone"])

    def table(self, records: list[dict[str, Any]]) -> pd.DataFrame:
        """Return rows as a table that has all columns even without rows."""
        return pd.DataFrame(records, columns=[name for name in COLUMNS if name not in ("scenario", "what")])


def _view_rows(drawn: _Scenario, parts: Floats, printed: _Printed) -> pd.DataFrame:
    """Return what owners' cameras see by whose ground it is: shares of all that they see, and m2 per camera."""
    levels, _, number = parts.shape
    flat = np.ascontiguousarray(parts.transpose(1, 0, 2)).reshape(parts.shape[1], levels * number)
    records = []
    for output in printed.rows.tolist():
        here = drawn.doors.inside.copy()
        if output and drawn.doors.zone_inside is not None:
            here &= drawn.doors.zone_inside[:, output - 1]
        rows = np.flatnonzero(here)
        cameras = float(drawn.chance[rows].sum())
        mean = (drawn.chance[rows] @ flat[rows]).reshape(levels, number)
        low, high = _ratio_quantiles(flat[rows], drawn.bits[rows], levels, number)
        zoning, zone = drawn.place(output)
        for level, name in enumerate(drawn.levels):
            total = float(mean[level].sum())
            for part, word in enumerate(PARTS):
                records.append(
                    {
                        "level": name, "zoning": zoning, "zone": zone, "part": word, "unit": "m2_per_camera",
                        "homes": int(printed.homes[output]),
                        "amount": mean[level, part] / cameras if cameras else np.nan,
                        "share_mean": mean[level, part] / total if total else np.nan,
                        "share_p05": low[level, part], "share_p95": high[level, part], "note": "",
                    }
                )  # fmt: skip
    return drawn.table(records)


def _ratio_quantiles(flat: Floats, bits: NDArray[np.uint64], levels: int, parts: int) -> tuple[Floats, Floats]:
    """Return the quantiles (levels, parts) of shares of what owners see, over replicates in which anything is seen."""
    found = []
    for word in range(bits.shape[1]):
        owns = ((bits[:, word, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).astype(np.float64)
        found.append((flat.T @ owns).reshape(levels, parts, 64))
    amount = np.concatenate(found, axis=2)
    total = amount.sum(axis=1)
    low, high = np.full((levels, parts), np.nan), np.full((levels, parts), np.nan)
    for level in range(levels):
        some = total[level] > 0
        if some.any():
            share = amount[level][:, some] / total[level, some]
            low[level], high[level] = np.quantile(share, QUANTILES, axis=1)
    return low, high


def _other_rows(drawn: _Scenario, rows: SetsOfOthers, printed: _Printed) -> pd.DataFrame:
    """Return how much of yards or facades is in view of at least one other home's camera."""
    chance = drawn.chance_of(rows)[rows.sets] / ONE
    bits = bits_of_sets(rows.members.start, rows.members.doors, drawn.bits)
    levels = len(drawn.levels)
    totals = np.concatenate([[rows.total.sum()], rows.total_zones.sum(axis=0)])
    records = []
    for output in printed.rows.tolist():
        here = np.arange(len(rows.level)) if output == 0 else np.flatnonzero(rows.zones[:, output - 1])
        total = int(totals[output])
        mean = np.bincount(rows.level[here], weights=rows.amount[here] * chance[here], minlength=levels)
        amounts = np.zeros((levels, 64 * drawn.bits.shape[1]), np.int64)
        order = here[np.argsort(rows.level[here], kind="stable")]
        replicate_amounts(rows.level[order], rows.sets[order], rows.amount[order], bits, amounts)
        low, high = np.quantile(amounts, QUANTILES, axis=1)
        zoning, zone = drawn.place(output)
        for level, name in enumerate(drawn.levels):
            records.append(
                {
                    "level": name, "zoning": zoning, "zone": zone, "part": "all", "unit": "",
                    "homes": int(printed.homes[output]), "amount": total * rows.unit,
                    "share_mean": mean[level] / total if total else np.nan,
                    "share_p05": low[level] / total if total else np.nan,
                    "share_p95": high[level] / total if total else np.nan,
                    "note": f"fewer than {FEW_CELLS} cells" if 0 < total < FEW_CELLS else "",
                }
            )  # fmt: skip
    return drawn.table(records)


def _by_owner(drawn: _Scenario, rows: SetsOfOthers) -> Floats:
    """Return (levels, lots) expected amounts in view of other homes' cameras [m2]."""
    lots, levels = len(rows.total), len(drawn.levels)
    chance = drawn.chance_of(rows)[rows.sets] / ONE
    flat = np.bincount(rows.level * lots + rows.owner, weights=rows.amount * chance, minlength=levels * lots)
    return np.asarray(flat.reshape(levels, lots) * rows.unit, dtype=np.float64)


def _door_table(ready: Prepared, parts: Floats, lots: Lots) -> pd.DataFrame:
    """Return the parts of every door's full view, level after level."""
    tables = []
    for level, item in enumerate(ready.levels):
        table = pd.DataFrame(parts[level], columns=[f"{name}_m2" for name in PARTS])
        table.insert(0, "level", item.name)
        table.insert(1, "door", ready.doors.index.to_numpy(dtype=object))
        table.insert(2, "inside", ready.door_table.inside)
        table.insert(3, "lot", lots.of_door)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
