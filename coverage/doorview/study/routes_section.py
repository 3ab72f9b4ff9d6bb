"""The section `[routes]` of a study file: which ways on foot, and what is asked of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from doorview.study.fields import CrsText, FilePath
from doorview.study.scenario_faults import hint
from doorview.study.shown import shown_scenario

__all__ = ["PAIR_COLUMNS", "RoutesSection", "Way", "default_scenarios", "end_of", "routes_faults"]

Above = Annotated[float, Field(gt=0.0)]
Text = Annotated[str, Field(min_length=1)]
CUTS = ("privacy_zone_m", "trigger_range_m")
"""Rules of a scenario that cut views: what doors see of a way is counted by full views."""
PAIR_COLUMNS = (
    *("name", "origin_lat", "origin_lon", "destination_lat", "destination_lon"),
    *("origin_x", "origin_y", "destination_x", "destination_y"),
)
"""What the columns of a table of pairs are called."""


def _spot(value: object) -> object:
    """Return a place's name as it is, and coordinates as a pair of numbers; refuse anything else."""
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("empty; give a place's name, or [latitude, longitude]")
        return value
    numbers = isinstance(value, list | tuple) and len(value) == 2
    if not numbers or not all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):  # type: ignore[attr-defined]
        raise ValueError(
            f"{value!r} is no spot; give a place's name, or [latitude, longitude] as in [39.4712, -76.8301]"
        )
    lat, lon = (float(item) for item in value)  # type: ignore[attr-defined]
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 180 and abs(lon) <= 180):
        raise ValueError(f"[{lat:g}, {lon:g}] lies nowhere; give [latitude, longitude] in degrees")
    if abs(lat) > 90:
        if abs(lon) > 90:
            raise ValueError(f"[{lat:g}, {lon:g}] lies nowhere; a latitude lies between -90 and 90")
        raise ValueError(f"[{lat:g}, {lon:g}] is longitude first: swap them, [{lon:g}, {lat:g}] (latitude, longitude)")
    return (lat, lon)


def end_of(text: str) -> str | list[float]:
    """Return an end of a way as given on the command line: ``[-33.9,151.2]`` is a spot, all else a name."""
    parts = text.strip(" []").split(",")
    if len(parts) == 2 and all(re.fullmatch(r"\s*[-+]?\d+(\.\d*)?\s*", part) for part in parts):
        return [float(part) for part in parts]
    return text


Spot = Annotated[str | tuple[float, float], BeforeValidator(_spot)]


class Way(BaseModel):
    """One way on foot; write `[[routes.way]]` once for each.

    An end is the name of a place in the map data (a school, park, stop or building; not a street), its id such as
    `"w123"`, or `[latitude, longitude]`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    name: Text | None = Field(None, description="What tables and maps call it; left out: `ORIGIN to DESTINATION`.")
    origin: Spot = Field(description="Where it begins: a place's name or id, or `[latitude, longitude]`.")
    destination: Spot = Field(description="Where it ends, likewise.")


class RoutesSection(BaseModel):
    """Ways on foot: how much of each is in view, of how many, and whether one could arrive unseen; writes `routes.csv`.

    For the shortest way and for the one least in view. Owners are simulated: this says nothing about a real street, and
    is not safety advice.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    way: Annotated[tuple[Way, ...], Field(strict=False)] = Field((), description="Single ways, see `[[routes.way]]`.")
    pairs: FilePath | None = Field(
        None,
        description="A table of pairs (`.csv`): `origin_lat`, `origin_lon`, `destination_lat`, `destination_lon`, or "
        "`origin_x`, `origin_y`, `destination_x`, `destination_y` with `pairs_crs`; a `name` if you like.",
    )
    pairs_crs: CrsText | None = Field(None, description="CRS of the columns `origin_x` and so on, such as `EPSG:2248`.")
    pairs_columns: dict[str, Text] | None = Field(
        None,
        description="Which column is which, as in `{origin_lat = 'from_y'}`; left out: the columns of these names.",
    )
    all_homes_to: Annotated[tuple[Literal["school", "park", "stop"], ...], Field(strict=False)] = Field(
        (), description="From every home in the counted area to the nearest of each kind; writes `routes_homes.csv`."
    )
    side: Literal["right", "left", "centre"] = Field(
        "right", description="Side of the street in walking direction; `centre`: on the street's line."
    )
    within_m: Above = Field(100.0, description="An end farther than this from every way is not walked to [m].")
    clip_s: Above | None = Field(
        None,
        description="Length of a clip [s], for the share recorded. Free: no source gives one for all makers; left out, "
        "no share recorded is told.",
    )
    replicates: int = Field(
        256, ge=64, le=4096, multiple_of=64, description="Draws of owners, for the longest stretch unseen."
    )
    detour_cap: float = Field(
        1.5,
        ge=1.0,
        le=5.0,
        description="The way least in view is at most this times as long as the shortest.",
    )
    scenarios: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] | None = Field(
        None,
        description="Scenarios that say who owns a camera; left out: the one that maps show, and all of independent "
        "owners.",
    )
    least_in_view_level: Text | None = Field(
        None, description="Level at which the way least in view is sought; left out: the one that maps show."
    )
    street_exposure: bool = Field(
        True, description="Also every street: the layer `street_exposure`, to route on, and its map."
    )


def default_scenarios(sections: Mapping[str, object]) -> list[str]:
    """Return the scenarios that ways are told for where the study does not say; views that rules cut are left out."""

    def get(name: str, key: str) -> Any:
        section = sections[name]
        return section.get(key) if isinstance(section, Mapping) else getattr(section, key, None)

    whole = [name for name in sections if not _cuts(get(name, "rules"))]
    plain = [
        name
        for name in whole
        if (get(name, "process") or "independent") == "independent" and not get(name, "programme")
    ]
    if not whole:
        return []
    shown = shown_scenario(list(sections))
    shown = shown if shown in whole else shown_scenario(whole)
    return [name for name in sections if name == shown or name in plain]


def _cuts(rules: object) -> bool:
    """Return whether rules of a scenario cut views."""
    if rules is None:
        return False
    if isinstance(rules, Mapping):
        return any(rules.get(key) is not None for key in CUTS)
    return any(getattr(rules, key, None) is not None for key in CUTS)


def routes_faults(raw: object, scenarios: Mapping[str, object], levels: Sequence[str]) -> list[str]:
    """Return the faults of ``[routes]`` that no single field shows; `scenarios` and `levels` are the study's."""
    if not isinstance(raw, Mapping):
        return []
    faults = []
    asked = [key for key in ("way", "pairs", "all_homes_to") if raw.get(key)]
    if not asked and raw.get("street_exposure") is False:
        faults.append(
            "routes: asks for nothing; add [[routes.way]] with origin and destination, pairs = 'pairs.csv', "
            'all_homes_to = ["school"] or street_exposure = true'
        )
    faults += _way_faults(raw.get("way"))
    faults += [
        f"routes.{key}: says something of a table of pairs, and there is none; give pairs = 'pairs.csv'"
        for key in ("pairs_crs", "pairs_columns")
        if raw.get(key) and not raw.get("pairs")
    ]
    columns = raw.get("pairs_columns")
    for name in columns if isinstance(columns, Mapping) else ():
        if name not in PAIR_COLUMNS:
            faults.append(f"routes.pairs_columns: nothing is called '{name}'.{hint(str(name), PAIR_COLUMNS)}")
    kinds = raw.get("all_homes_to")
    kinds = kinds if isinstance(kinds, list | tuple) else ()
    faults += [f"routes.all_homes_to: '{kind}' is given twice; keep one" for kind in _doubled(kinds)]
    level = raw.get("least_in_view_level")
    if isinstance(level, str) and levels and level not in levels:
        faults.append(f"routes.least_in_view_level: '{level}' is none of camera.levels.{hint(level, levels)}")
    if raw.get("clip_s") is not None and levels and "trigger" not in levels:
        faults.append("routes.clip_s: needs the level trigger, which starts a clip; add it to camera.levels")
    return faults + _scenario_faults(raw.get("scenarios"), scenarios)


def _doubled(items: Sequence[object]) -> list[object]:
    return [item for number, item in enumerate(items) if item in items[:number]]


def _way_faults(ways: object) -> list[str]:
    if isinstance(ways, Mapping):
        return ["routes.way: write [[routes.way]], with two brackets: there may be several"]
    faults, labels = [], []
    for number, way in enumerate(ways if isinstance(ways, list | tuple) else (), 1):
        if not isinstance(way, Mapping):
            continue
        origin, destination = way.get("origin"), way.get("destination")
        if origin is not None and origin == destination:
            faults.append(f"routes.way[{number}]: origin and destination are the same, so there is no way; change one")
        if origin is not None and destination is not None:
            labels.append(way.get("name") or (str(origin), str(destination)))
    for label in dict.fromkeys(_doubled(labels)):
        said = label if isinstance(label, str) else " to ".join(map(str, label)) if isinstance(label, tuple) else label
        faults.append(f"routes.way: two ways are called '{said}'; give each a name of its own")
    return faults


def _scenario_faults(names: object, scenarios: Mapping[str, object]) -> list[str]:
    if names is None:
        if scenarios and not default_scenarios(scenarios):
            fault = "routes: every scenario cuts views, and what doors see of a way is counted by full views; add one "
            return [f"{fault}without privacy_zone_m and trigger_range_m"]
        return []
    faults = []
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list | tuple) else []
    for name in dict.fromkeys(names):
        if name not in scenarios:
            faults.append(f"routes.scenarios: unknown scenario '{name}'.{hint(name, scenarios)}")
            continue
        section = scenarios[name]
        if isinstance(section, Mapping) and _cuts(section.get("rules")):
            others = [item for item in scenarios if item != name and not _cuts(_rules_of(scenarios[item]))]
            faults.append(
                f"routes.scenarios: '{name}' cuts views, and what doors see of a way is counted by full views; name "
                f"others: {', '.join(others) or 'add one without such rules'}"
            )
        if names.count(name) > 1:
            faults.append(f"routes.scenarios: '{name}' is given {names.count(name)} times; keep one")
    return faults


def _rules_of(section: object) -> object:
    return section.get("rules") if isinstance(section, Mapping) else None
