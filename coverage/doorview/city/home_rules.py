"""The tables of `rules/homes.toml`: which buildings are homes and why, dwellings, entrances, streets, facades."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["HomeRules", "home_rules"]


@dataclass(frozen=True)
class HomeRules:
    """The tables of `rules/homes.toml`."""

    kind: dict[str, str]
    home: dict[str, bool | str]
    reason: dict[str, str]
    unspecified: dict[str, Any]
    uses: dict[str, Any]
    dwellings: dict[str, Any]
    entrances: tuple[str, ...]
    streets: dict[str, Any]
    facade: dict[str, Any]


@cache
def home_rules() -> HomeRules:
    """Read `rules/homes.toml`, once.

    Raises
    ------
    ValueError
        If a value of ``building=*`` stands in two groups.
    """
    text = resources.files("doorview.city").joinpath("rules/homes.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    kind: dict[str, str] = {}
    home: dict[str, bool | str] = {}
    reason: dict[str, str] = {}
    for group in table["building"]:
        for value in group["values"]:
            if value in reason:
                raise ValueError(f"rules/homes.toml: building={value} stands in two groups; keep one")
            kind[value] = group.get("kind", "none")
            home[value] = group["home"]
            reason[value] = group["reason"]
    return HomeRules(
        kind=kind,
        home=home,
        reason=reason,
        unspecified=table["unspecified"],
        uses=table["uses"],
        dwellings=table["dwellings"],
        entrances=tuple(table["entrances"]["homes"]),
        streets=table["streets"],
        facade=table["facade"],
    )
