"""The factors that may drive the answer, from `rules/drivers.toml`: what is not known, and between what it lies."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["Factor", "driver_rules", "factors_of"]


@dataclass(frozen=True)
class Factor:
    """One thing that is not known: drawn evenly from `low` to `high`, or one of `choices`.

    `label` finishes "what matters is"; `unit` is what its values are in; `mark` and `source` say where its ends come
    from. `in_ranges` says whether it counts for share_low and share_high.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    choices: tuple[str, ...]
    mark: str
    source: str
    in_ranges: bool

    def value(self, u: float) -> float:
        """Return the value at quantile `u` in [0, 1]; of choices, the number of one."""
        if self.choices:
            return float(min(int(u * len(self.choices)), len(self.choices) - 1))
        return self.low + (self.high - self.low) * u

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value; of choices, the first and the last."""
        return (0.0, len(self.choices) - 1.0) if self.choices else (self.low, self.high)

    def printed(self, value: float) -> float | str:
        """Return a value as tables print it."""
        return self.choices[int(value)] if self.choices else float(value)


@cache
def driver_rules() -> dict[str, dict[str, Any]]:
    """Read `rules/drivers.toml`, once; a dict of its tables."""
    text = resources.files("doorview.study").joinpath("rules/drivers.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def factors_of(
    level_kind: str,
    field_of_view: tuple[float, float],
    own: Mapping[str, Mapping[str, Any] | bool] | None = None,
) -> dict[str, Factor]:
    """Return the factors of a level by name, in the order of the rules.

    Parameters
    ----------
    level_kind
        ``density`` or ``trigger``.
    field_of_view
        Ends of the field of view [degrees], which belong to the camera.
    own
        A study's own: name -> False (left out), True (varied as the rules say), or its ``low``, ``high``, ``choices``,
        ``mark`` and ``source``.

    """
    found: dict[str, Factor] = {}
    for name, table in driver_rules().items():
        given = (own or {}).get(name, table["on"])
        if given is False or level_kind not in table["levels"]:
            continue
        rule = {**table, **table.get(level_kind, {})}
        if name == "field_of_view":
            rule["low"], rule["high"] = field_of_view
        factor = Factor(
            name,
            rule["label"],
            rule["unit"],
            float(rule.get("low", 0.0)),
            float(rule.get("high", 0.0)),
            tuple(rule.get("choices", ())),
            rule["mark"],
            rule["source"],
            bool(rule["range"]),
        )
        if isinstance(given, Mapping):
            given = {key: tuple(value) if key == "choices" else value for key, value in given.items()}
            factor = replace(factor, **{"mark": "given", "source": "the study", **given})
        if factor.choices or factor.low < factor.high:
            found[name] = factor
    return found
