"""Deals that were made, as presets: each value with mark and source, and what nobody knows by name."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import Figure
from doorview.study.partnership_terms import Terms

__all__ = ["MONEY", "OF_THE_APP", "UNMEASURED", "Preset", "cents", "preset", "presets", "terms_of"]

MONEY = ("credit", "price", "credit_most", "cost", "budget")
"""Values in money: two decimals at most."""
UNMEASURED: Mapping[str, str] = {
    "reach": "share of households that outreach reaches",
    "monthly_share": "share of those that download the app in a month",
    "decay": "how fast that share falls",
    "qualifying": "share of downloads that count",
    "take_up": "share of doorbells that are put up",
    "already_own": "share of them put up where one hangs already",
    "would_have_bought": "share of the new owners who would have bought one anyway",
}
"""Free in every programme: no source measures them."""
OF_THE_APP = ("reach", "monthly_share", "decay", "qualifying")
"""Those that mean nothing where the terms know no app."""


@dataclass(frozen=True)
class Preset:
    """A deal: `values` by the names of the study file, `figures` their marks and sources, `unknown` name -> what.

    `said` is what a reader must know of it, with its source.
    """

    name: str
    label: str
    said: str
    said_source: str
    values: Mapping[str, Any]
    figures: Mapping[str, Figure]
    unknown: Mapping[str, str]


def cents(dollars: float, name: str) -> int:
    """Return money in whole cents; refuse what is none.

    Raises
    ------
    InputError
        For a negative amount, and for parts of a cent.

    """
    if not math.isfinite(dollars) or dollars < 0 or abs(dollars * 100 - round(dollars * 100)) > 1e-6:
        raise InputError(
            f"partnership: {name} is {dollars!r}: it must be money of 0 or more in whole cents, e.g. 130.0."
        )
    return round(dollars * 100)


def terms_of(values: Mapping[str, Any]) -> Terms:
    """Return the terms of values by the names of the study file: money in dollars.

    Raises
    ------
    InputError
        For values that are no terms.

    """
    money = {name: cents(values[name], name) for name in MONEY if values.get(name) is not None}
    supply = tuple((int(month), int(number)) for month, number in values.get("supply") or ())
    return Terms(
        supply=supply,
        credit_cents=money.get("credit", 0),
        price_cents=money.get("price", 0),
        credit_most_cents=money.get("credit_most"),
        rule=values.get("rule", "raffle"),
        every=values.get("every"),
        district_doors=values.get("district_doors"),
        most=values.get("most"),
        per_month=values.get("per_month"),
        cost_cents=money.get("cost", 0),
        budget_cents=money.get("budget"),
        take_up=values.get("take_up", 1.0),
        already_own=values.get("already_own"),
        would_have_bought=values.get("would_have_bought"),
    )


@cache
def presets() -> Mapping[str, Preset]:
    """Read `rules/partnership.toml`, once."""
    text = resources.files("doorview.study").joinpath("rules/partnership.toml").read_text(encoding="utf-8")
    return {name: _preset(name, table) for name, table in tomllib.loads(text).items()}


def _preset(name: str, table: Mapping[str, Any]) -> Preset:
    entries = {key: entry for key, entry in table.items() if isinstance(entry, dict)}
    return Preset(
        name=name,
        label=table["label"],
        said=table["said"],
        said_source=table["said_source"],
        values={key: entry["value"] for key, entry in entries.items() if "value" in entry},
        figures={key: Figure(entry["mark"], entry["source"]) for key, entry in entries.items()},
        unknown={key: entry["source"] for key, entry in entries.items() if "value" not in entry},
    )


def preset(name: str) -> Preset:
    """Return a deal by its name.

    Raises
    ------
    UnknownNameError
        There is no such preset; the nearest name is given.

    """
    known = presets()
    if name not in known:
        raise UnknownNameError("partnership preset", name, known, "Leave preset out to state terms of your own.")
    return known[name]
