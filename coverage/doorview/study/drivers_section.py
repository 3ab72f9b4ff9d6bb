"""The section ``[drivers]`` of a study file: what drives the answer, and the range over assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from doorview.city.drawn import is_figure
from doorview.errors import nearest_name
from doorview.study.drivers_rules import driver_rules

__all__ = ["DriversSection", "drivers_faults"]

BOUNDS: dict[str, tuple[float, float]] = {
    "range": (0.1, 3.0),
    "field_of_view": (10.0, 360.0),
    "street_width": (0.3, 3.0),
    "barrier_height": (0.0, 10.0),
    "clustering": (0.0, 0.99),
}
"""Between what a factor's own ends may lie; all others are shares, from 0 to 1."""
_OWN_KEYS = ("low", "high", "choices", "mark", "source")


class DriversSection(BaseModel):
    """What drives the answer: which assumption moves the headline most, within each level.

    Assumptions and what lies between their ends: `docs/drivers.md`. Under `[drivers.factors]` a factor is left out
    (`parked_cars = false`) or gets ends of its own (`parked_cars = { low = 0.2, high = 0.8, source = "..." }`).
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    table: bool = Field(False, description="Write `drivers.csv` and its plots: each assumption alone, low and high.")
    sobol: bool = Field(False, description="With Sobol indices, all assumptions at once; writes `drivers.csv` too.")
    draws: int = Field(
        256,
        ge=256,
        le=65536,
        description="Base sample of the Sobol indices, a power of two: each level costs (factors + 2) times as many.",
    )
    spots: int = Field(6000, ge=500, le=1_000_000, description="Sampled spots of public ground per run.")
    ranges: int = Field(
        64,
        ge=0,
        le=4096,
        description="Joint draws of the assumptions behind `share_low` and `share_high` of `shares.csv`; 0: empty.",
    )
    scenario: str | None = Field(
        None, description="Whose share is asked for in `drivers.csv`; left out: the one that maps show."
    )
    factors: dict[str, Any] = Field(
        default_factory=dict, description="Factors left out (`false`), put in (`true`) or with ends of their own."
    )

    @property
    def wanted(self) -> bool:
        """Whether drivers.csv is asked for."""
        return self.table or self.sobol


def drivers_faults(raw: object, scenarios: Mapping[str, Any] | None = None) -> list[str]:
    """Return the faults of the section that no single field shows; `scenarios` are those that the study has."""
    if not isinstance(raw, Mapping):
        return []
    faults: list[str] = []
    draws, name = raw.get("draws"), raw.get("scenario")
    if isinstance(draws, int) and not isinstance(draws, bool) and 256 <= draws <= 65536 and draws & (draws - 1):
        below = 1 << (draws.bit_length() - 1)
        faults.append(f"drivers.draws: {draws} is no power of two, which Sobol's sequence needs; give {below}")
    if isinstance(name, str) and scenarios is not None and name not in scenarios:
        faults.append(f"drivers.scenario: unknown scenario '{name}'.{_hint(name, scenarios)}")
    factors = raw.get("factors")
    for factor, given in factors.items() if isinstance(factors, Mapping) else ():
        faults += [f"drivers.factors.{factor}: {fault}" for fault in _factor_faults(str(factor), given)]
    return faults


def _hint(name: str, known: Mapping[str, Any]) -> str:
    near = nearest_name(name, known)
    return f"{f' Did you mean {near!r}?' if near else ''} Known: {', '.join(known)}"


def _factor_faults(name: str, given: object) -> list[str]:
    """Return what is wrong with what a study says of one factor."""
    rules = driver_rules()
    if name not in rules:
        return [f"unknown factor.{_hint(name, rules)}"]
    if isinstance(given, bool):
        return []
    if not isinstance(given, Mapping):
        return ["must be true, false, or a table such as { low = 0.1, high = 0.4 }"]
    faults = [f"unknown key '{key}'; known: {', '.join(_OWN_KEYS)}" for key in given if key not in _OWN_KEYS]
    faults += [f"{key} must be text" for key in ("mark", "source") if not isinstance(given.get(key, ""), str)]
    choices = rules[name].get("choices")
    if choices:
        own = given.get("choices", choices)
        if {"low", "high"} & given.keys():
            faults.append(f"is one of {', '.join(choices)}, and has no low or high: give choices = [...]")
        if not isinstance(own, list | tuple) or len(own) < 2 or [c for c in own if c not in choices]:
            faults.append(f"choices must be two or more of {', '.join(choices)}")
        return faults
    if "choices" in given:
        faults.append("is a figure and has no choices: give low and high")
    if not {"low", "high"} <= given.keys() or not all(is_figure(given[key]) for key in ("low", "high")):
        return [*faults, "give both low and high, as in { low = 0.1, high = 0.4 }"]
    least, most = BOUNDS.get(name, (0.0, 1.0))
    low, high = float(given["low"]), float(given["high"])
    if not least <= low < high <= most:
        faults.append(f"low {low:g} and high {high:g} must ascend and lie from {least:g} to {most:g}")
    return faults
