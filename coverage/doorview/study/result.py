"""The result of a run, for notebooks: tables, and ways to look at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from doorview.city.property_lines import NOTES as PROPERTY_NOTES
from doorview.errors import InputError, UnknownNameError
from doorview.ownership.scenario import Scenario
from doorview.share.face_groups import SMALLEST_GROUP
from doorview.share.outputs import HEADLINE
from doorview.show.text import clean, count, distance, join, percent, place_words
from doorview.study.alerts_files import alerts_words
from doorview.study.attributes_words import attributes_words
from doorview.study.compute import Prepared, Tables
from doorview.study.dwellings import ALL, DOUBTFUL
from doorview.study.essential import essential_lines, files_lines, result_html
from doorview.study.fairness_files import fairness_words
from doorview.study.hides import obstacle_words
from doorview.study.known import ALL as EVERY
from doorview.study.known import OSM
from doorview.study.partnership_words import partnership_words
from doorview.study.private_ground_words import private_ground_words
from doorview.study.routes_files import routes_words
from doorview.study.shown import HEADLINE_LEVELS, shown_scenario
from doorview.study.stages import Stages
from doorview.study.terrain import terrain_note, terrain_phrase
from doorview.study.thefts_files import thefts_words

if TYPE_CHECKING:
    import geopandas as gpd

    from doorview.study.explorer import Explorer

__all__ = ["HEADLINE_LEVELS", "Result"]

_MEAN_AND_RANGE = ("share_mean", "share_low", "share_high")
PRESET_NOTE = (
    "Published rates (rate_preset) are of US households with internet, 92 in 100 in 2023: 20% of those are 18.4% of "
    "all households. They are taken as they are."
)


@dataclass(frozen=True, repr=False)
class Result:
    """What a run found.

    Attributes
    ----------
    shares, curve, range_curve, counts
        The tables of the run's folder; range_curve is None where it was not asked for.
    folder
        Where the run was written, or None.

    """

    ready: Prepared
    tables: Tables
    stages: Stages
    folder: Path | None = None

    @property
    def shares(self) -> pd.DataFrame:
        """Shares by scenario, level, zone and space (shares.csv)."""
        return self.tables.shares

    @property
    def curve(self) -> pd.DataFrame:
        """Expected share for every rate of ownership (curve.csv)."""
        return self.tables.curve

    @property
    def range_curve(self) -> pd.DataFrame | None:
        """Share against range (range_curve.csv)."""
        return self.tables.range_curve

    @property
    def counts(self) -> pd.DataFrame:
        """Amounts by number of doors that see them (counts.parquet)."""
        return self.tables.counts

    @property
    def drivers(self) -> pd.DataFrame | None:
        """What drives the answer (drivers.csv); None where the study does not ask."""
        return None if self.tables.drivers is None else self.tables.drivers.table

    @property
    def known(self) -> pd.DataFrame | None:
        """Known cameras beside simulated ones (known.csv), the user's own with them; None where not asked for."""
        return self.tables.known.get(EVERY, self.tables.known.get(OSM))

    @property
    def partnership(self) -> pd.DataFrame | None:
        """The partnership by month (partnership.csv); None where the study has none."""
        return None if self.tables.partnership is None else self.tables.partnership.table

    @property
    def alerts(self) -> pd.DataFrame | None:
        """Whom alerts reach beside who could see, over all spots (alerts.csv); None where not asked for."""
        return None if self.tables.alerts is None else self.tables.alerts.table

    @property
    def routes(self) -> pd.DataFrame | None:
        """Ways on foot (routes.csv), with exact counts; None where the study asks for none."""
        return None if self.tables.routes is None else self.tables.routes.table

    @property
    def thefts(self) -> pd.DataFrame | None:
        """Reported thefts in view, beside doors at random, with exact counts; None where the study has none."""
        return None if self.tables.thefts is None else self.tables.thefts.in_view

    @property
    def private_ground(self) -> pd.DataFrame | None:
        """Whose ground cameras see, and of neighbours' yards and facades (private_ground.csv); None where not asked."""
        return None if self.tables.private_ground is None else self.tables.private_ground.table

    @property
    def fairness(self) -> pd.DataFrame | None:
        """Who is in view, by zone and block face (fairness.csv); None where not asked for."""
        return None if self.tables.fairness is None else self.tables.fairness.table

    @property
    def attributes(self) -> pd.DataFrame | None:
        """Shares beside attributes of zones (fairness_attributes.csv); None where not asked for."""
        return None if self.tables.attributes is None else self.tables.attributes.table

    @property
    def doors(self) -> gpd.GeoDataFrame:
        """The doors, candidate places for cameras."""
        return self.ready.doors

    @property
    def levels(self) -> dict[str, Any]:
        """The levels by name."""
        return {item.name: item for item in self.ready.levels}

    def block_faces(self, scenario: str | None = None) -> gpd.GeoDataFrame:
        """Return the block faces with `public_m2` and `share_LEVEL` for a scenario (default: see `main_scenario`)."""
        name = scenario or self.main_scenario()
        if name not in self.tables.faces:
            raise UnknownNameError("scenario", name, self.tables.faces)
        return self.ready.ground.faces.join(self.tables.faces[name])

    def main_scenario(self) -> str:
        """Return the scenario that maps show: independent_20 where there is one, else the middle one."""
        return shown_scenario([item.name for item in self.tables.scenarios])

    def main_level(self) -> str:
        """Return the level that maps show: detect where there is one, else the one with the longest range."""
        return "detect" if "detect" in self.levels else max(self.ready.levels, key=lambda item: item.range_m).name

    def share(self, scenario: str, level: str, space: str = HEADLINE, column: str = "share_mean") -> float:
        """Return one share of the whole counted area, by area: the expected one, or another column of shares.csv.

        NaN where there is no such ground.
        """
        if level not in self.levels:
            raise UnknownNameError("level", level, self.levels)
        s = self.shares
        found = s[(s["scenario"] == scenario) & (s["level"] == level) & (s["space"] == space) & (s["zoning"] == "all")]
        return float(found[column].iloc[0]) if len(found) else float("nan")

    def headline(self) -> list[str]:
        """Return the figures that people want, in words: detect, observe and recognise together, for every scenario."""
        levels = [name for name in HEADLINE_LEVELS if name in self.levels] or list(self.levels)
        name, homes = self.ready.study.study.label or self.ready.city.name, int(self.ready.doors["dwellings"].sum())
        first = f"{name}: {len(self.ready.doors):,} doors, {homes:,} homes. "
        hides = obstacle_words(self.ready.study.coverage, self.ready.study.doors)
        on = terrain_phrase(self.ready.scene.terrain, self.ready.study.output.units)
        at = f"at every owner's door{', ' + on if on else ''}"
        lines = [first + f"Simulated {self.ready.camera_label} {at}. {hides}"]
        if self.ready.mix is not None:
            drawn = f"Simulated cameras {at}, drawn door by door: {self.ready.camera_label}."
            lines = [f"{first}{drawn} The ranges below are those of the model that sees farthest. {hides}"]
        space = HEADLINE
        if pd.isna(self.share(self.tables.scenarios[0].name, levels[0])):
            space = "all"
            lines.append("No street lies near a home; the shares below are of all public ground.")
        near, units = self.ready.study.public_space.near_home_m, self.ready.study.output.units
        words = f"streets within {distance(near, units)} of a home" if space == HEADLINE else "public ground"
        means = [f"{n} ({self.levels[n].plain}, to {distance(self.levels[n].range_m, units)})" for n in levels]
        ranged = self.shares["share_low"].notna().any()
        over = (
            " (in brackets the range over the stated assumptions; most of them can only lower a share)"
            if ranged
            else ""
        )
        lines.append(f"Expected share of {words} in view, at the levels {join(means)}{over}:")
        for scenario in self.tables.scenarios:
            parts = [f"{name} {self._share_words(scenario.name, name, space)}" for name in levels]
            lines.append(f"{self.scenario_words(scenario)}: {'; '.join(parts)}.")
        return lines

    def _share_words(self, scenario: str, level: str, space: str) -> str:
        """Return an expected share, and its range over the assumptions where there is one."""
        mean, low, high = (self.share(scenario, level, space, column) for column in _MEAN_AND_RANGE)
        return percent(mean) if np.isnan(low) else f"{percent(mean)} ({percent(low)} to {percent(high)})"

    def scenario_words(self, scenario: Scenario) -> str:
        """Return a scenario in words that begin a sentence, after its label where the study gives one."""
        label = self.ready.study.scenarios[scenario.name].label if scenario.name in self.ready.study.scenarios else None
        words = f"if {scenario.words()}"
        return f"{clean(label)}: {words}" if label else words[0].upper() + words[1:]

    def essential(self) -> list[str]:
        """Return the figures that people want, in lines: detect, observe and recognise in the main scenario."""
        return essential_lines(self)

    def files(self) -> list[str]:
        """Return in lines where the files are, and what to look at first; nothing without a folder."""
        return files_lines(self)

    def notes(self) -> list[str]:
        """Return what a reader of the figures has to know: what was not counted, what was dropped, how exact it is."""
        ready = self.ready
        lines = terrain_note(ready.scene.terrain, ready.study.output.units)
        if ready.mix is not None and ready.model_of is not None:
            lines.append(ready.mix.words(ready.model_of, ready.study.output.units))
        if ready.lost_m2 >= 1.0:
            counted = float(shapely.area(ready.inside))
            lines.append(
                f"Counted over {_area(counted, ready.study.output.units)}. "
                f"{_area(ready.lost_m2, ready.study.output.units)} at the edge of the data "
                f"({percent(ready.lost_m2 / (ready.lost_m2 + counted))}) are left out: doors beyond the edge are "
                "unknown."
            )
        lines += self._face_words()
        dropped = sum(number for number in ready.city.dropped.values() if isinstance(number, int))
        if dropped:
            lines.append(
                f"Repaired, dropped or ignored while reading: {dropped:,} objects; run.json has them by reason."
            )
        found = ready.doors.attrs.get("counts", {})
        assumed, homes = found.get("dwellings assumed", 0), found.get("dwellings", 0)
        if assumed and homes:
            lines.append(
                f"How many homes are behind a door is assumed for {percent(assumed / homes)} of {homes:,}: "
                "the map data do not say."
            )
        far = found.get("doors more than 50 m from any street", 0)
        if far:
            share, limit = percent(far / max(len(ready.doors), 1)), distance(50.0, ready.study.output.units)
            lines.append(f"{far:,} doors ({share}) lie more than {limit} from any mapped street.")
        lines += self._rate_words()
        drawn = ready.doors.attrs.get("notes", [])
        if drawn:
            lines.append("Put at the doors as the study asks, not found in the map data: " + " ".join(drawn))
        table = self.tables.dwellings
        if table is not None:
            zones = table[table["zone"] != ALL].drop_duplicates(["zoning", "zone"])
            compared = zones[zones["dwellings_counted"].notna()]
            doubtful = int(compared[DOUBTFUL].sum())
            lines.append(
                f"Homes found / homes that you counted, by zone: outside 0.8 to 1.25 in {doubtful} of {len(compared)} "
                "zones, which are hatched on maps; dwellings.csv has them all."
            )
        lines += self._known_words()
        lines += self._rules_words()
        units = ready.study.output.units
        lines += partnership_words(self.tables.partnership, units, ready.study.public_space.near_home_m)
        lines += alerts_words(self.tables.alerts, units)
        lines += attributes_words(self.tables.attributes, self.main_scenario(), self.main_level())
        lines += self._route_words()
        lines += thefts_words(self.tables.thefts, self.main_scenario())
        lines += private_ground_words(self.tables.private_ground, self.main_scenario(), self.levels)
        lines += fairness_words(self)
        if ready.reading_words:
            lines.append(ready.reading_words)
        lines.append(self.grid_error_words())
        return lines

    def _face_words(self) -> list[str]:
        """Return how many street blocks show a figure of their own; nothing where there are tables only."""
        if not self.tables.faces:
            return []
        group = next(iter(self.tables.faces.values()))["group"]
        joined = int(group[group >= 0].duplicated(keep=False).sum())
        if joined or (group < 0).any():
            return [
                f"Street blocks with fewer than {SMALLEST_GROUP} homes are shown joined to neighbours: {joined:,} of "
                f"{len(group):,} blocks share a figure"
                + (f", {int((group < 0).sum()):,} show none." if (group < 0).any() else ".")
            ]
        return []

    def _route_words(self) -> list[str]:
        """Return ways on foot in sentences."""
        found, study = self.tables.routes, self.ready.study
        section = None if found is None else study.scenarios.get(found.shown)
        label = None if section is None else section.label
        return routes_words(found, study.output.units, fictional=study.study.fictional, scenario=label)

    def _rate_words(self) -> list[str]:
        """Return whose rate a published one is, where a scenario uses one."""
        used = {item.rate_preset for item in self.ready.study.scenarios.values() if item.rate_preset is not None}
        return [PRESET_NOTE] if used else []

    def _rules_words(self) -> list[str]:
        """Return by what the doors' property lines are known, where a scenario has privacy zones."""
        counts = next((dict(seen.counts) for seen, _ in self.tables.counted.views.values() if seen.counts), {})
        if not counts:
            return []
        found = {name: number for name, number in counts.items() if number}
        words = [f"{count(number)} {name}" for name, number in found.items()]
        rules = [rule for line, rule in PROPERTY_NOTES.items() if any(name.endswith(f": {line}") for name in found)]
        return [f"Privacy zones: {'; '.join(words)}. {' '.join(rules)}"]

    def _known_words(self) -> list[str]:
        """Return what a reader has to know of the known cameras that may be published."""
        known, table = self.ready.known, self.tables.known.get(OSM)
        if known is None or table is None:
            return []
        lines, scenario = [known.words()], self.main_scenario()
        space = HEADLINE if (table["space"] == HEADLINE).any() else "all"
        here = table[(table["scenario"] == scenario) & (table["space"] == space) & (table["zoning"] == "all")]
        rows = here.set_index("level")
        parts = [
            f"{name} {percent(rows.loc[name, 'share_known'])} by known cameras alone, "
            f"{percent(rows.loc[name, 'share_mean'])} by simulated ones ({scenario}), "
            f"{percent(rows.loc[name, 'share_either'])} by either"
            for name in HEADLINE_LEVELS
            if name in rows.index
        ]
        near, units = self.ready.study.public_space.near_home_m, self.ready.study.output.units
        return [*lines, f"In view of {place_words(space, units, near)}: {'; '.join(parts)}."] if parts else lines

    def grid_error_of_share(self, level: str, space: str = HEADLINE) -> float:
        """Return the standard error that counting by cells makes of a share at full ownership; it is less below."""
        s = self.shares
        found = s[(s["level"] == level) & (s["space"] == space) & (s["zoning"] == "all")].iloc[:1]
        error = next(item for item in self.tables.grid_errors if item.level == level)
        if not len(found):
            return float("nan")
        return error.of_share(int(found["doors_seeing"].iloc[0]), float(found["public_amount"].iloc[0]))

    def grid_error_words(self) -> str:
        """Return in words what counting on cells does."""
        worst = max(self.tables.grid_errors, key=lambda item: abs(item.bias))
        share = max(self.grid_error_of_share(item.level) for item in self.tables.grid_errors)
        return (
            f"Counted on cells of {self.tables.coverage.cell_m:g} m: all views together are off by at most "
            f"{100 * abs(worst.bias):.2g}% ({worst.level}), a share by about {100 * share:.1g} percentage points or "
            "less."
        )

    def map(
        self,
        path: str | Path | None = None,
        *,
        scenario: str | None = None,
        level: str | None = None,
        detail: bool = False,
    ) -> Any:
        """Draw the coverage map; in a notebook it is shown, with `path` it is written there (PNG or SVG).

        `detail` draws the 600 m window with most homes instead of the whole place.
        """
        from doorview.study.draw import draw_map

        return draw_map(self, path, scenario=scenario, level=level, detail=detail)

    def explore(self) -> Explorer:
        """Return the explorer: shown inline in a notebook, and written as one HTML file by its `write(path)`."""
        from doorview.study.explorer import explorer_of

        return explorer_of(self)

    def write(self, folder: str | Path, *, fresh: bool = False) -> Path:
        """Write the run's folder and return its path.

        Raises
        ------
        OutputError
            If the folder exists and is not a run's, or cannot be written.

        """
        from doorview.study.write import write_result

        return write_result(self, Path(folder), fresh=fresh)

    def _repr_html_(self) -> str:
        return result_html(self)

    def __repr__(self) -> str:
        return "\n".join([*self.headline(), *self.notes()])


def _area(square_metres: float, units: str) -> str:
    """Return an area in the units of the reader."""
    value, unit = (square_metres / 4046.8564224, "acres") if units == "us" else (square_metres / 1e4, "ha")
    return f"{value:,.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def check_scenario(result: Result, scenario: str, level: str) -> None:
    """Refuse a scenario or level that the result does not hold."""
    if scenario not in result.tables.faces:
        raise UnknownNameError("scenario", scenario, result.tables.faces)
    if level not in result.levels:
        raise UnknownNameError("level", level, result.levels)
    if result.tables.faces[scenario].empty:
        raise InputError(f"'{result.ready.city.name}' has no block faces to colour.")
