"""The tables `[[fairness.attributes]]` of a study file: attributes of zones that shares are laid beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from doorview.study.scenario_faults import hint

__all__ = ["HOTSPOT_CLASS", "AttributeSection", "attributes_faults"]

Text = Annotated[str, Field(min_length=1)]
HOTSPOT_CLASS = "hotspot_class"
"""A column that need not be in the file: the hot-spot class of reported thefts that covers most of a zone."""


class AttributeSection(BaseModel):
    """An attribute of zones (income, share of renters, majority group) beside their shares in view.

    Shares stand first at equal ownership, which is built form alone; then, with `gradient` or `times`, under a gradient
    of ownership that is assumed, not found: no source gives ownership by income or race. A share by zone is not a
    share of that group's people.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    zoning: Text = Field(description="Set of zones, by its name in `[[zones]]`.")
    column: Text = Field(
        description="Column of its file. `hotspot_class`, if the file has none of that name: the class of hot spot "
        "that covers most of each zone; needs `[incidents]`."
    )
    kind: Literal["number", "category"] = Field(
        description="Numbers are put into fifths of the homes and get a slope; categories are compared one by one."
    )
    label: Text | None = Field(None, description="What it is, in words; left out: the column.")
    unit: Text | None = Field(None, description='Of a number: "dollars", "percent of homes".')
    gradient: float | None = Field(
        None,
        ge=-10.0,
        le=10.0,
        description="ASSUMED, of a number: by what part the rate of ownership changes per standard deviation of it "
        "over households; 0.1 is a tenth more, -0.1 a tenth less. The mean over households stays the scenario's.",
    )
    times: Annotated[dict[str, float], Field(strict=False)] | None = Field(
        None,
        description="ASSUMED, of a category: how many times as likely its households are to own one, by category; "
        "others count as 1. The mean over households stays the scenario's.",
    )
    districts: Text | None = Field(
        None,
        description="Another set of zones, or a column of the same file: the districts within and between which "
        "inequality is split.",
    )

    @property
    def name(self) -> str:
        """What the attribute is called in words."""
        return self.label or self.column.replace("_", " ")

    @property
    def assumes(self) -> bool:
        """Whether a gradient of ownership is assumed."""
        return self.gradient is not None or self.times is not None


def attributes_faults(raw: object, zonings: Sequence[str], *, incidents: bool) -> list[str]:
    """Return the faults of ``[[fairness.attributes]]`` that no single field shows.

    Parameters
    ----------
    raw
        The list of tables as it was written.
    zonings
        Names of the study's sets of zones.
    incidents
        Whether the study has reported thefts.
    """
    faults: list[str] = []
    seen: set[tuple[object, object]] = set()
    for number, item in enumerate(raw if isinstance(raw, list | tuple) else (), start=1):
        if not isinstance(item, Mapping):
            continue
        where, zoning, column = f"fairness.attributes[{number}]", item.get("zoning"), item.get("column")
        if isinstance(zoning, str) and zoning not in zonings:
            mend = hint(zoning, zonings) if zonings else " The study has no [[zones]]: add them."
            faults.append(f"{where}.zoning: unknown set of zones '{zoning}'.{mend}")
        if (zoning, column) in seen:
            faults.append(f"{where}: column '{column}' of '{zoning}' is asked for twice; keep one")
        seen.add((zoning, column))
        faults += _kind_faults(where, item, incidents=incidents)
    return faults


def _kind_faults(where: str, item: Mapping[str, object], *, incidents: bool) -> list[str]:
    """Return what does not go with the kind of an attribute."""
    faults = []
    kind, column, times = item.get("kind"), item.get("column"), item.get("times")
    if kind == "category" and item.get("gradient") is not None:
        faults.append(
            f"{where}.gradient: per standard deviation, which a category has not; write times = {{ NAME = 1.2 }}"
        )
    if kind == "number" and times is not None:
        faults.append(f"{where}.times: by category, and this is a number; write gradient = 0.1")
    if kind == "category" and item.get("unit") is not None:
        faults.append(f"{where}.unit: a category has none; leave it out")
    if column == HOTSPOT_CLASS and kind == "number":
        faults.append(f'{where}.kind: hot-spot classes are words; write kind = "category"')
    if column == HOTSPOT_CLASS and not incidents:
        faults.append(f"{where}.column: '{HOTSPOT_CLASS}' needs reported thefts; add [incidents]")
    for name, value in times.items() if isinstance(times, Mapping) else ():
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            faults.append(f"{where}.times.{name}: {value:g} is below 0; a category that owns none has 0")
    return faults
