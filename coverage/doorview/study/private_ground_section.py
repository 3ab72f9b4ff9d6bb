"""The section `[private_ground]` of a study file: whose land cameras see, and how much of what neighbours own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EU", "LAW", "LAW_SHORT", "PrivateGroundSection", "law_words", "private_ground_faults"]

EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
"""Member states of the European Union (27, since 1 February 2020), as values of addr:country (ISO 3166-1)."""

LAW = (
    "Court of Justice of the EU, case C-212/13 (Ryneš), 11 December 2014: a camera on a family home that also films "
    "public space is no purely personal or household activity, so that data protection law applies to its owner. Views "
    "are counted whole here: for the EU they are an upper bound of what owners may film. This is no legal advice."
)
"""ECLI:EU:C:2014:2428, on Article 3(2) of Directive 95/46/EC; the GDPR keeps those words in Article 2(2)(c)."""
LAW_SHORT = (
    "In the EU views are an upper bound of what owners may film: Court of Justice, C-212/13 (Ryneš), 11 December 2014."
)
UNKNOWN_LAW = 'If the place lies in the European Union (jurisdiction = "EU" says so): '


class PrivateGroundSection(BaseModel):
    """Whose ground cameras see, and what of neighbours' front yards and facades; writes `private_ground.csv`.

    Land is the parcels' where the study has them (`parcels` under `[place.layers]`), else shared out among buildings.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    lots: Literal["parcels", "tessellation"] | None = Field(
        None,
        description="Where a home's land is known from; left out: parcels where there are any, else an enclosed "
        "tessellation, which gives each building what lies nearest to it between the streets.",
    )
    lot_reach_m: Annotated[float, Field(gt=0.0, le=500.0)] = Field(
        40.0, description="With the tessellation: land farther than this from its building is nobody's [m]; assumed."
    )
    facade_step_m: Annotated[float, Field(ge=0.1, le=5.0)] = Field(
        0.5, description="Facades are looked at in pieces of this length, at most [m]."
    )
    oblique: bool = Field(
        False,
        description="A piece of facade counts only if the level's density of pixels is reached on the wall itself, "
        "which is seen obliquely; else if someone who stands there and faces the camera reaches it.",
    )
    jurisdiction: Literal["EU", "other"] | None = Field(
        None,
        description="Whether EU law holds there, for the case law that pages then name; left out: by the addresses' "
        "`addr:country`, and where they say nothing, with an if (never where `country` is `us`).",
    )


def private_ground_faults(raw: object, layers: object) -> list[str]:
    """Return the faults of ``[private_ground]`` that no single field shows; `layers` is ``[place.layers]``."""
    if not isinstance(raw, Mapping):
        return []
    given = isinstance(layers, Mapping) and layers.get("parcels") is not None
    if raw.get("lots") == "parcels" and not given:
        mend = "give parcels = '...' under [place.layers], or leave lots out"
        return [f"private_ground.lots: parcels, but the study has none; {mend}"]
    return []


def law_words(jurisdiction: str | None, country: str, stated: str | None) -> str | None:
    """Return what to say of the law on home cameras over public space, None where it is not the EU's.

    Parameters
    ----------
    jurisdiction
        The study's own word.
    country
        The city's street-width profile: ``us`` or ``world``.
    stated
        The most frequent ``addr:country`` of the place, None for none.

    """
    if jurisdiction is not None:
        return LAW if jurisdiction == "EU" else None
    if stated is not None:
        return LAW if stated.strip().upper() in EU else None
    return None if country == "us" else UNKNOWN_LAW + LAW
