"""Where along its wall a front door stands that no node places, drawn per door by its id where a study asks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from doorview.city.chances import check_seed
from doorview.city.drawn import draw, home_kinds, is_figure, merged, rule_note
from doorview.errors import InputError, StudyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ALONG", "along_notes", "along_rules", "check_along", "places_along"]

ALONG = "along_facade"
"""Name of the parameter."""


@cache
def along_rules() -> dict[str, Any]:
    """Read `rules/along.toml`, once; a dict of its tables."""
    text = resources.files("doorview.city").joinpath("rules/along.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def check_along(along: float | Mapping[str, Any], seed: int) -> float | dict[str, Mapping[str, Any]]:
    """Return a place on the wall as it came, and rules with those of `rules/along.toml` for all other kinds.

    Parameters
    ----------
    along
        In [0, 1], or building kind (or ``all``) -> rule, in the form of `doorview.city.drawn`, e.g. ``{"house": {"low":
        0.3, "high": 0.7}}``.
    seed
        Of the draw.

    Raises
    ------
    InputError
        If the place lies outside [0, 1], or the seed is no whole number of 0 or more.
    StudyError
        If the rules are faulty; all faults at once.
    """
    check_seed(seed)
    if isinstance(along, Mapping):
        by_parameter, faults = merged({ALONG: along_rules()[ALONG]}, {ALONG: along}, home_kinds())
        if faults:
            raise StudyError("rules of places along the facade", faults)
        return by_parameter[ALONG]
    if not (is_figure(along) and 0.0 <= along <= 1.0):
        raise InputError(
            f"find_doors: along={along} lies outside [0, 1], so the door would be off its wall. Give along=0.5 for the "
            "middle."
        )
    return along


def along_notes(placing: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the rules in words, with their marks."""
    return [rule_note(ALONG, kind, entry) for kind, entry in placing.items()]


def places_along(
    placing: float | Mapping[str, Mapping[str, Any]], ids: NDArray[np.object_], kind: NDArray[np.object_], seed: int
) -> float | NDArray[np.float64]:
    """Return where on its wall each door stands, in [0, 1]: one place for all, or drawn (n,) by the doors' ids."""
    if not isinstance(placing, Mapping):
        return placing
    drawn: NDArray[np.float64] = draw(
        ids, kind, placing, seed, purpose=ALONG, words=along_rules()[ALONG]["words"]
    ).astype(np.float64)
    return drawn
