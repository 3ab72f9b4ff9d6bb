"""The section `[fairness]` of a study file: who is in view, by zone and by block face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from doorview.study.attributes_section import AttributeSection, attributes_faults
from doorview.study.fields import LayerPath
from doorview.study.scenario_faults import hint

__all__ = ["BLOCK_FACES", "FairnessSection", "fairness_faults"]

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
BLOCK_FACES = "block_faces"
"""Name of the zoning of block faces in fairness.csv."""


class FairnessSection(BaseModel):
    """Who is in view, by zone and block face, and from whose doors; writes `fairness.csv` and `fairness_change.csv`.

    A share by zone is not a share of that group's people.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    zonings: Texts | None = Field(
        None, description="Sets of zones, by their names in `[[zones]]`; left out: all of the study."
    )
    block_faces: bool = Field(
        True, description="Block faces too, in groups of at least 5 homes, as in `city.gpkg` (`group`)."
    )
    scenarios: Texts | None = Field(None, description="Scenarios, by name; left out: all of the study.")
    weight: Text | None = Field(
        None,
        description="Column of people (footfall, pupils) that shares are weighted by. Without `weight_file` a column "
        "of the zones' own files: then the weighted share is the mean over zones.",
    )
    weight_file: LayerPath | None = Field(
        None,
        description="File that has `weight`: points, lines or polygons, or a `.csv` with lon and lat. Its people are "
        "put on the block faces at the place.",
    )

    attributes: Annotated[tuple[AttributeSection, ...], Field(strict=False)] = Field(
        (), description="Attributes of zones that shares are laid beside, see `[[fairness.attributes]]`."
    )

    def zonings_of(self, names: Sequence[str]) -> list[str]:
        """Return the sets of zones that are asked for, of those that there are."""
        return [name for name in names if self.zonings is None or name in self.zonings]

    def scenarios_of(self, names: Sequence[str]) -> list[str]:
        """Return the scenarios that are asked for, of those that there are."""
        return [name for name in names if self.scenarios is None or name in self.scenarios]


def fairness_faults(
    raw: object, zonings: Sequence[str], scenarios: Mapping[str, object], *, incidents: bool = False
) -> list[str]:
    """Return the faults of ``[fairness]`` that no single field shows.

    Parameters
    ----------
    raw
        The section as it was written.
    zonings, scenarios
        Names of the study's sets of zones, and its scenarios by name.
    incidents
        Whether the study has reported thefts.
    """
    if not isinstance(raw, Mapping):
        return []
    faults = []
    for key, what, known in (("zonings", "set of zones", zonings), ("scenarios", "scenario", scenarios)):
        asked = raw.get(key)
        names = [item for item in asked if isinstance(item, str)] if isinstance(asked, list | tuple) else []
        for name in dict.fromkeys(names):
            if name not in known:
                mend = " The study has no [[zones]]: add them." if key == "zonings" and not known else ""
                faults.append(f"fairness.{key}: unknown {what} '{name}'.{hint(name, known) if known else mend}")
            elif names.count(name) > 1:
                faults.append(f"fairness.{key}: '{name}' is given {names.count(name)} times; keep one")
    if raw.get("block_faces") is False and not zonings:
        faults.append(
            "fairness: asks for no zones and no block faces; add [[zones]], or leave block_faces out, or the section"
        )
    if BLOCK_FACES in zonings:
        faults.append(
            f"zones: '{BLOCK_FACES}' is what fairness.csv calls streets between junctions; give the set another name "
            "with zoning = '...'"
        )
    faults += attributes_faults(raw.get("attributes"), zonings, incidents=incidents)
    weight = raw.get("weight")
    if raw.get("weight_file") is not None and weight is None:
        faults.append(
            "fairness.weight_file: says where people are, and weight says in which column; add weight = '...'"
        )
    if weight is not None and raw.get("weight_file") is None and not zonings:
        faults.append(
            "fairness.weight: a column of the zones' files, and the study has no [[zones]]; add them, or give "
            "weight_file = '...', a file that has the column"
        )
    return faults
