"""What a study takes to hide the street, in plain words: no figure stands without it."""

from __future__ import annotations

from doorview.show.text import join, percent
from doorview.study.sections import CoverageSection

__all__ = ["obstacle_words"]


def obstacle_words(asked: CoverageSection) -> str:
    """Return the obstacles that a study asks for as a sentence or two, what is simulated or has no source named so."""
    things = ["buildings"]
    if asked.obstacles == "all":
        things += ["walls", "closed fences", "hedges"]
    if asked.trees:
        things.append("trunks of mapped trees")
    if asked.parked_cars > 0:
        things.append(f"parked cars at {percent(asked.parked_cars)} of kerb places (simulated)")
    if asked.porches:
        things.append("porches at every door (a what-if)")
    words = f"Obstacles: {join(things) if len(things) > 1 else 'buildings only'}."
    if asked.openings:
        words += " Passages, arcades and the ground under raised parts are open."
    return words
