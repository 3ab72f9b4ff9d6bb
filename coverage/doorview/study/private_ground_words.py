"""Private ground in sentences, for the notes of a result."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from doorview.show.text import percent
from doorview.study.private_ground_run import FACADES, FRONT_YARDS, VIEW, PrivateGroundRun
from doorview.study.shown import headline_levels

__all__ = ["private_ground_words"]

PUBLIC = ("street", "sidewalk", "park", "other_public")


def private_ground_words(found: PrivateGroundRun | None, scenario: str, levels: Iterable[str]) -> list[str]:
    """Return private ground in sentences, for the notes of a result; nothing where it was not asked for."""
    if found is None:
        return []
    names = headline_levels(levels)
    table = found.table
    whole = table[(table["scenario"] == scenario) & (table["zoning"] == "all")]
    share = whole.set_index(["what", "level", "part"])["share_mean"]
    lines = []
    views = [name for name in names if (VIEW, name, "own") in share.index and pd.notna(share[VIEW, name, "own"])]
    if views:
        parts = [
            f"{name} {percent(float(share[VIEW, name, 'own']))} own land, "
            f"{percent(sum(float(share[VIEW, name, part]) for part in PUBLIC))} public, "
            f"{percent(float(share[VIEW, name, 'others_homes']))} other homes' land"
            for name in views
        ]
        lines.append(f"Of what owners' cameras see ({scenario}): {'; '.join(parts)}. {found.lots.words}")
    for what, words in ((FRONT_YARDS, "private front yards"), (FACADES, "street-facing facades of homes")):
        told = [
            f"{name} {percent(float(share[what, name, 'all']))}" for name in names if (what, name, "all") in share.index
        ]
        if told:
            lines.append(
                f"Expected share of {words} in view of at least one camera of another home ({scenario}): "
                f"{', '.join(told)}."
            )
    hidden = sum(found.withheld.values())
    if hidden:
        lines.append(
            f"Private ground: {hidden} rows of zones are left out, which hold 1 to 4 homes or would give one away."
        )
    if found.law:
        lines.append(found.law)
    return lines
