"""The section ``[doors]`` of a study file: what stands at the doors, and where on their walls they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from doorview.city.doors_along import ALONG, along_rules
from doorview.city.drawn import home_kinds, merged, rules_in_full
from doorview.errors import nearest_name
from doorview.sight.door_rules import recess_rules, with_what_if

__all__ = ["DoorsSection", "doors_faults"]

Figures = dict[str, dict[str, Any]]
"""Building kind (or ``all``) -> rule, in the form of `doorview.city.drawn`."""


class DoorsSection(BaseModel):
    """What stands right beside and before the doors, and where on their walls they are; drawn door by door.

    Nothing of it is measured, so that by default nothing of it is there. Every key but `what_if` takes a figure for all
    doors (`porch_steps = 2`), a rule for all doors (`{ values = [0, 2], chances = [0.4, 0.6] }` or
    `{ low = 0.5, high = 2.0 }`, with its `source = "..."` where you have one), or a table by building kind:
    `[doors.porch_steps]` with `house`, `terrace`, `apartments`, `unknown` and `all` (the rest), each of them
    one of the two. A door's figures depend on its id and the seed alone. Bounds, defaults and sources:
    `docs/obstacles.md`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    what_if: str | None = Field(
        None,
        description="A named set of figures, none of them measured: `porches`; own figures below go before it.",
    )
    recess_depth_m: Figures | None = Field(
        None, description="How far the bell lies behind the opening of its recess or porch [m]; 0: flush."
    )
    opening_width_m: Figures | None = Field(
        None, description="Clear width of the recess or porch [m]; left out: 1.5. Counts where there is a depth."
    )
    side: Figures | None = Field(
        None, description="Where in the opening the bell hangs, looking out: `left`, `middle` or `right`."
    )
    wedge_degrees: Figures | None = Field(
        None,
        description="How far a wedge kit turns the lens from the facade's normal [degrees], clockwise positive: "
        "steps of 5 from -15 to 15.",
    )
    porch_steps: Figures | None = Field(
        None, description="Steps up to the door, 0.17 m each: the lens hangs that much higher above the ground."
    )
    planting_height_m: Figures | None = Field(
        None,
        description="Height of planting or a rail before the door [m]; 0: none. What is lower than both the lens and "
        "the face hides nothing.",
    )
    planting_distance_m: Figures | None = Field(
        None, description="How far before the facade the planting stands [m], whatever the ground there is."
    )
    along_facade: Figures | None = Field(
        None,
        description="Where on its wall a door stands that no entrance or address node places: 0 at the right end, "
        "looking out, 1 at the left; also `right`, `middle` and `left` for 0.2, 0.5 and 0.8.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _in_full(cls, value: Any, info: Any) -> Any:
        """Return a plain figure as the rule that it stands for."""
        return value if info.field_name == "what_if" else rules_in_full({"": value})[""]

    @property
    def along(self) -> Figures | float:
        """Where the doors stand on their walls, as `find_doors` takes it."""
        return 0.5 if self.along_facade is None else self.along_facade

    @property
    def details(self) -> dict[str, Any]:
        """The rules of `door_details`; empty where nothing is asked for."""
        own = {name: getattr(self, name) for name in type(self).model_fields if name not in ("what_if", ALONG)}
        return with_what_if(self.what_if, {name: table for name, table in own.items() if table is not None})


def doors_faults(raw: object) -> list[str]:
    """Return the faults of the section that no single field shows, each figure's by its parameter and kind."""
    if not isinstance(raw, Mapping):
        return []
    known = {**recess_rules()["parameters"], ALONG: along_rules()[ALONG]}
    own = {
        name: table
        for name, table in rules_in_full(raw).items()
        if name in known and isinstance(table, Mapping)  # else told of as a field's own fault
    }
    faults = [f"doors.{fault}" for fault in merged(known, own, home_kinds())[1]]
    name, what_ifs = raw.get("what_if"), recess_rules()["what_if"]
    if isinstance(name, str) and name not in what_ifs:
        near = nearest_name(name, what_ifs)
        hint = f" Did you mean '{near}'?" if near else ""
        faults.append(f"doors.what_if: unknown what-if '{name}'.{hint} Known: {', '.join(what_ifs)}.")
    return faults
