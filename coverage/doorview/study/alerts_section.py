"""The section `[alerts]` of a study file: whom an incident's alert reaches, beside who could have the spot in view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from doorview.study.scenario_faults import hint
from doorview.study.shown import shown_scenario

__all__ = ["AlertsSection", "alerts_faults"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Above = Annotated[float, Field(gt=0.0)]
CUTS = ("privacy_zone_m", "trigger_range_m")
"""Rules of a scenario that cut views: who could see a spot is counted by full views."""


class AlertsSection(BaseModel):
    """Whom an alert of an incident reaches, beside who could have the spot in view at all; writes `alerts.csv`.

    Spots are drawn on streets, by the seed; there are no incidents in it. Give one of `radius_m` and `radius_miles`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    radius_m: Above | None = Field(None, description="How far an alert reaches from the spot [m]; at most 5 miles.")
    radius_miles: Above | None = Field(None, description="The same in miles, at most 5.")
    app_share: Share = Field(
        description="Households that use the app / households. Free: no source gives it, so it has no default."
    )
    app_share_of_owners: Share | None = Field(
        None,
        description="Owners of a camera that use the app / owners; left out: `app_share`. Owners of the maker's use it "
        "to see their own camera, so that 1 is the other end.",
    )
    spots: int = Field(200, ge=20, le=10_000, description="How many spots are drawn, on streets near homes.")
    scenario: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Scenario that says who owns a camera; left out: the one that maps show."
    )

    @property
    def radius(self) -> float:
        """How far an alert reaches [m]."""
        from doorview.overlays.alerts import METRES_PER_MILE  # it loads geopandas, which few studies need to be read

        return self.radius_m if self.radius_m is not None else (self.radius_miles or 0.0) * METRES_PER_MILE

    def scenario_of(self, names: Sequence[str]) -> str:
        """Return the name of the scenario that says who owns a camera."""
        return self.scenario or shown_scenario(names)


def alerts_faults(raw: object, scenarios: Mapping[str, object]) -> list[str]:
    """Return the faults of ``[alerts]`` that no single field shows; `scenarios` are those of the study, by name."""
    if not isinstance(raw, Mapping):
        return []
    from doorview.overlays.alerts import METRES_PER_MILE, MOST_RADIUS_M

    faults = []
    if ("radius_m" in raw) == ("radius_miles" in raw):
        faults.append("alerts: give one of radius_m and radius_miles, e.g. radius_miles = 5.0")
    for key, most in (("radius_m", MOST_RADIUS_M), ("radius_miles", MOST_RADIUS_M / METRES_PER_MILE)):
        value = raw.get(key)
        if isinstance(value, int | float) and value > most:
            faults.append(f"alerts.{key}: {value!r} is over 5 miles, the farthest that the app alerts; give {most:g}")
    name = raw.get("scenario")
    if isinstance(name, str) and name not in scenarios:
        faults.append(f"alerts.scenario: unknown scenario '{name}'.{hint(name, scenarios)}")
    elif scenarios:
        shown = name if isinstance(name, str) else shown_scenario(list(scenarios))
        section = scenarios[shown]
        rules = section.get("rules") if isinstance(section, Mapping) else None
        if isinstance(rules, Mapping) and any(rules.get(key) is not None for key in CUTS):
            others = [name for name in scenarios if name != shown]
            faults.append(
                f"alerts.scenario: '{shown}' cuts views, and who could see a spot is counted by full views; name "
                f"another: {', '.join(others) or 'add one without such rules'}"
            )
    return faults
