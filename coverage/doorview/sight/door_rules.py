"""The rules of what stands at a door: `rules/recess.toml`, its what-ifs, and a study's own figures laid over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from doorview.city.drawn import rules_in_full
from doorview.errors import UnknownNameError

__all__ = ["recess_rules", "with_what_if"]


@cache
def recess_rules() -> dict[str, Any]:
    """Read `rules/recess.toml`, once; a dict of its tables."""
    text = resources.files("doorview.sight").joinpath("rules/recess.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def with_what_if(what_if: str | None, own: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the rules of a what-if with a study's own figures laid over them, parameter by parameter, kind by kind.

    An own figure for ``all`` holds for every kind, those of the what-if too.

    Raises
    ------
    UnknownNameError
        If there is no what-if of that name.
    """
    known = recess_rules()["what_if"]
    if what_if is not None and what_if not in known:
        raise UnknownNameError("what-if of door details", what_if, known, "Or give rules of your own.")
    base = {name: table for name, table in known.get(what_if, {}).items() if isinstance(table, Mapping)}
    out: dict[str, Any] = dict(base)
    for name, table in rules_in_full(own or {}).items():
        if isinstance(table, Mapping):
            out[name] = {**({} if "all" in table else base.get(name, {})), **table}
        else:
            out[name] = table  # its fault is told of where rules are checked
    return out
