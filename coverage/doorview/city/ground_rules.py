"""Reads the rule tables of ground and street widths, and applies tag rules to whole tables.

The tables are data: `rules/ground.toml` (which object is which class of ground) and `rules/widths.toml` (how wide a
street is where no tag says so), each entry with its reason or source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from doorview.city.classes import CLASSES

__all__ = [
    "GroundRules",
    "Rule",
    "Verdict",
    "classify",
    "column",
    "ground_rules",
    "precedence",
    "width_table",
]

NONE = "none"
"""The class of an object that makes no ground of its own."""


@dataclass(frozen=True)
class Rule:
    """One tag rule: it holds where every condition of `when` holds and not every condition of `unless`.

    Attributes:
        when: Key -> values that it may take, or one of "*" (any), "!" (missing), "private", "open".
        unless: The same, or empty.
        ground: Name of the class of ground, or "none".
        kind: Row of the width table, or "" for the value of `highway`.
        closed: Whether parks and playgrounds inside such an area are closed too.
        country: Key of the one profile it holds for, or "" for all.
        reason: Why.
    """

    when: Mapping[str, tuple[str, ...] | str]
    unless: Mapping[str, tuple[str, ...] | str]
    ground: str
    kind: str
    closed: bool
    country: str
    reason: str


@dataclass(frozen=True)
class GroundRules:
    """The rules of `rules/ground.toml`."""

    ways: tuple[Rule, ...]
    areas: tuple[Rule, ...]
    sets: Mapping[str, tuple[str, ...]]
    not_ground: tuple[str, ...]
    not_ground_reason: str

    def keys(self, table: str) -> set[str]:
        """Return the tag keys that the rules of one table ("ways" or "areas") read."""
        rules = self.ways if table == "ways" else self.areas
        return {key for rule in rules for key in (*rule.when, *rule.unless)}


@dataclass(frozen=True)
class Verdict:
    """What the rules said of each row of a table, arrays of its length.

    Attributes:
        ground: Class names; "none" where the object makes no ground, also where no rule held.
        kind: Row of the width table.
        closed: Whether it closes parks inside it.
        rule: Number of the rule, -1 where none held.
    """

    ground: npt.NDArray[np.object_]
    kind: npt.NDArray[np.object_]
    closed: npt.NDArray[np.bool_]
    rule: npt.NDArray[np.intp]


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files("doorview.city").joinpath("rules", name).read_text(encoding="utf-8"))


def _conditions(raw: Mapping[str, Any]) -> dict[str, tuple[str, ...] | str]:
    return {key: value if isinstance(value, str) else tuple(value) for key, value in raw.items()}


def _rules(raw: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            when=_conditions(item["when"]),
            unless=_conditions(item.get("unless", {})),
            ground=item["class"],
            kind=item.get("kind", ""),
            closed=bool(item.get("closed", False)),
            country=item.get("country", ""),
            reason=item["reason"],
        )
        for item in raw
    )


@cache
def ground_rules() -> GroundRules:
    """Return the tag rules of ground, read once from `rules/ground.toml`."""
    raw = _table("ground.toml")
    return GroundRules(
        ways=_rules(raw["ways"]),
        areas=_rules(raw["areas"]),
        sets={"private": tuple(raw["private"]), "open": tuple(raw["open"])},
        not_ground=tuple(raw["buildings"]["not_ground"]),
        not_ground_reason=raw["buildings"]["reason"],
    )


@cache
def width_table() -> dict[str, Any]:
    """Return `rules/widths.toml` as nested dicts; treat it as read-only."""
    return _table("widths.toml")


def column(table: pd.DataFrame, key: str) -> npt.NDArray[np.object_]:
    """Return a tag column as an object array with None for what is missing; all None where the column is not there."""
    if key not in table.columns:
        return np.full(len(table), None, dtype=object)
    values = np.array(table[key].to_numpy(dtype=object), dtype=object)
    values[pd.isna(values)] = None
    return values


def classify(table: pd.DataFrame, rules: tuple[Rule, ...], country: str) -> Verdict:
    """Apply the rules in order to a table of tags; the first that holds decides a row.

    Args:
        table: Tag columns named like the OSM keys, str or None.
        rules: Rules in order.
        country: Key of the profile, "us" or "world".
    """
    sets = ground_rules().sets
    count = len(table)
    codes: dict[str, tuple[npt.NDArray[np.intp], pd.Index]] = {}

    def holds(conditions: Mapping[str, tuple[str, ...] | str]) -> npt.NDArray[np.bool_]:
        mask = np.ones(count, dtype=bool)
        for key, values in conditions.items():
            if key not in codes:
                found, names = pd.factorize(column(table, key))
                codes[key] = found, pd.Index(names)
            found, names = codes[key]
            if values == "*":
                mask &= found >= 0
            elif values == "!":
                mask &= found < 0
            else:
                wanted = sets[values] if isinstance(values, str) else values
                mask &= np.isin(found, np.flatnonzero(names.isin(list(wanted))))
        return mask

    rule_of = np.full(count, -1, dtype=np.intp)
    for number, rule in enumerate(rules):
        if rule.country and rule.country != country:
            continue
        mask = (rule_of < 0) & holds(rule.when)
        if rule.unless:
            mask &= ~holds(rule.unless)
        rule_of[mask] = number
    default = len(rules)
    at = np.where(rule_of < 0, default, rule_of)
    ground = np.array([*(rule.ground for rule in rules), NONE], dtype=object)[at]
    kinds = np.array([*(rule.kind for rule in rules), ""], dtype=object)[at]
    closed = np.array([*(rule.closed for rule in rules), False], dtype=bool)[at]
    highway = column(table, "highway")
    kind = np.where(kinds == "", np.where(pd.isna(highway), "", highway), kinds)
    return Verdict(ground, kind, closed, rule_of)


def precedence() -> list[str]:
    """Return the names of the classes in the order in which they take ground."""
    return [item.name for item in CLASSES]
