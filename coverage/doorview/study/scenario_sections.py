"""The sections of a study about who owns a camera: scenarios, programmes, rules, and what becomes of a view.

The description of a field is its reference: `docs/study.md` is written from here by `study.reference`.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "BUILTIN_SCENARIOS",
    "DENSITIES",
    "OwnershipSection",
    "ProgrammeSection",
    "RulesSection",
    "Scenario",
    "StagesSection",
]

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Amount = Annotated[float, Field(ge=0.0)]
Text = Annotated[str, Field(min_length=1)]
SharedDoors = Literal["one", "any", "none"]
Process = Literal["independent", "exactly", "clustered", "neighbours", "weighted", "most_possible", "least_found"]

DENSITIES = ("rate", "rate_preset", "rate_column", "number", "per_street_km", "per_km2")
"""The ways in which a scenario may say how many cameras there are; one of them."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class OwnershipSection(_Section):
    """Who owns a camera."""

    rates: Annotated[tuple[Share, ...], Field(strict=False, min_length=1)] = Field(
        tuple(step / 100 for step in range(101)),
        description="Rates of the coverage curve: owning households / households; left out: 0, 0.01 ... 1.",
    )
    shared_doors: SharedDoors = Field(
        "one",
        description="Chance of a camera at a door with several dwellings: `one` the rate itself, `any` "
        "1 - (1 - rate)^dwellings, `none` no camera.",
    )
    replicates: int = Field(
        256,
        ge=64,
        le=65536,
        multiple_of=64,
        description="Simulated ownerships of which `share_p05` and `share_p95` are quantiles; a multiple of 64.",
    )


class StagesSection(_Section):
    """In view is not recorded, recorded is not kept, kept is not shared. No source gives any of these figures.

    Writes `stages.csv`.
    """

    active: Share = Field(1.0, description="Cameras that work and record / cameras.")
    retention_days: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="Days for which clips are kept; left out: for ever."
    )
    asked_after_days: Amount = Field(0.0, description="Days from the incident to the request.")
    agrees: Share = Field(1.0, description="Owners who share a clip when asked / owners asked.")


class ProgrammeSection(_Section):
    """Cameras handed out on top of a scenario's owners; write `[scenarios.NAME.programme]`.

    What it adds is told against the same scenario without it (`change.csv`).
    """

    number: int | None = Field(None, ge=0, description="Doorbells handed out; left out: what `budget` pays for.")
    budget: Amount | None = Field(None, description="Money of the city; buys `budget / city_cost` doorbells.")
    to: Literal["all", "raffle", "zones", "zones_in_order", "means_tested"] = Field(
        "all",
        description="Who is drawn: `all` doors; a `raffle` among users of the app; doors in `zones`; the first of "
        "`zones` until every door there has one, then the next (`zones_in_order`: hot spots first); `means_tested`: "
        "zones whose `column` is at most `at_most`.",
    )
    app_share: Share | None = Field(
        None, description="With `raffle`: households that use the app / households. No source gives it."
    )
    zoning: Text | None = Field(None, description="Set of zones that `zones` or `column` are of.")
    zones: Annotated[tuple[Text, ...], Field(strict=False)] | None = Field(
        None, description="Ids of zones, for `zones_in_order` the first first."
    )
    column: Text | None = Field(None, description="With `means_tested`: the column of the zones, such as an income.")
    at_most: float | None = Field(None, description="With `means_tested`: its largest value.")
    take_up: Share = Field(1.0, description="Offers taken up and put up / offers.")
    bought_anyway: Share = Field(
        0.0, description="Cameras taken up by households that would have bought one / taken up."
    )
    strings: Share = Field(0.0, description="Cameras taken up that owe footage on request / taken up.")
    response: Share = Field(1.0, description="Requests to those that are answered / requests.")
    city_cost: Amount = Field(0.0, description="Money of the city per camera taken up.")
    household_cost: Amount = Field(0.0, description="Money of the household per camera taken up.")
    fixed_cost: Amount = Field(0.0, description="Money of the city besides.")


class RulesSection(_Section):
    """What is taken away; write `[scenarios.NAME.rules]`. Told against the same scenario without it (`change.csv`)."""

    lapsed: Share = Field(0.0, description="Cameras that are no longer there or do not work / cameras.")
    privacy_zone_m: Amount | None = Field(
        None,
        description="Black out what lies farther than this beyond the property line [m]: the parcel's where the study "
        "has parcels, else the edge of the street's ground before the door.",
    )
    trigger_range_m: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="The motion sensor is set to reach no farther [m]; changes the level `trigger` only."
    )
    for_cameras: Literal["all", "programme"] = Field(
        "all", description="Whose views are cut: those of `all` cameras, or of the programme's."
    )


class Scenario(_Section):
    """One ownership scenario; write `[scenarios.NAME]` for each. A scenario may name a base and override some of it."""

    based_on: Text | None = Field(
        None, description="Name of the scenario whose values hold where this one gives none (built-in ones too)."
    )
    process: Process = Field(
        "independent",
        description="`independent`: every home by its own chance; `exactly`: a fixed number of doors by lot; "
        "`clustered`: homes on one block face are alike (beta-binomial); `neighbours`: homes within `distance_m` "
        "are alike; `weighted`: by an attribute of the zone; `most_possible` and `least_found`: the doors that "
        "would see the most, and very little.",
    )
    rate: Share | None = Field(None, description="Owning households / households, 0 to 1.")
    rate_preset: Text | None = Field(
        None, description="A published rate: `us_2017`, `us_2023`, `us_2026`; of US internet households."
    )
    rate_column: Text | None = Field(None, description="Column of the zones in `zoning` that holds the rate.")
    number: int | None = Field(
        None, ge=0, description="Number of cameras in the counted area; fixed with `exactly`, else expected."
    )
    per_street_km: Amount | None = Field(None, description="Cameras per km of street in the counted area.")
    per_km2: Amount | None = Field(None, description="Cameras per km2 of the counted area.")
    zoning: Text | None = Field(None, description="Set of zones that `rate_column` or `column` is of.")
    elsewhere: Share | None = Field(None, description="With `rate_column`: the rate of doors in no zone.")
    correlation: Annotated[float, Field(ge=0.0, lt=1.0)] | None = Field(
        None, description="With `clustered` or `neighbours`: how much homes are alike, 0 not at all."
    )
    strength: Annotated[float, Field(ge=1.0)] | None = Field(
        None,
        description="The same in plain units: a home is this many times as likely to own a camera if a home on its "
        "block face (`clustered`) or next door (`neighbours`) does. No source gives it.",
    )
    distance_m: Annotated[float, Field(ge=100.0, le=500.0)] | None = Field(
        None, description="With `neighbours`: how far homes are alike [m]."
    )
    column: Text | None = Field(None, description="With `weighted`: the attribute's column, such as an income.")
    odds_ratio: Annotated[float, Field(gt=0.0)] | None = Field(
        None,
        description="With `weighted`: odds of owning one standard deviation further up / odds. No source gives it.",
    )
    space: Text | None = Field(
        None, description="With `most_possible` or `least_found`: the space that counts; left out: the headline's."
    )
    level: Text | None = Field(
        None, description="With `most_possible` or `least_found`: the level that counts; left out: the study's last."
    )
    shared_doors: SharedDoors | None = Field(None, description="As in `[ownership]`, for this scenario alone.")
    programme: ProgrammeSection | None = Field(None, description="Cameras handed out, `[scenarios.NAME.programme]`.")
    rules: RulesSection | None = Field(None, description="What is taken away, `[scenarios.NAME.rules]`.")
    against: Text | None = Field(
        None,
        description="Scenario that `change.csv` compares this one with; left out: its base, where it has a programme "
        "or rules.",
    )
    label: Text | None = Field(None, description="Plain name for maps and tables.")


BUILTIN_SCENARIOS: Mapping[str, Mapping[str, object]] = types.MappingProxyType(
    {
        "independent_05": {"process": "independent", "rate": 0.05},
        "independent_20": {"process": "independent", "rate": 0.2},
        "independent_40": {"process": "independent", "rate": 0.4},
    }
)
