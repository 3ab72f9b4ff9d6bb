"""What a run shows where a study does not say: the scenario of maps, the levels of headlines, the space they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from doorview.share.outputs import HEADLINE

__all__ = ["HEADLINE_LEVELS", "headline_levels", "shown_scenario", "shown_space"]

HEADLINE_LEVELS = ("detect", "observe", "recognise")
"""Told together, never one alone: in a suburb they differ a hundredfold."""


def headline_levels(levels: Iterable[str]) -> list[str]:
    """Return those of the levels that headlines tell; all where none of them is there."""
    levels = list(levels)
    return [name for name in HEADLINE_LEVELS if name in levels] or levels


def shown_scenario(names: Sequence[str]) -> str:
    """Return the scenario that maps show: independent_20 where there is one, else the middle one."""
    return "independent_20" if "independent_20" in names else names[(len(names) - 1) // 2]


def shown_space(spaces: Iterable[str]) -> str:
    """Return what headlines are about: streets near homes, or all public ground where there are none."""
    return HEADLINE if HEADLINE in set(spaces) else "all"
