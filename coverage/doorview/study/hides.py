"""What a study takes to hide the street, in plain words: no figure stands without it."""

from __future__ import annotations

from doorview.show.text import join, percent
from doorview.study.doors_section import DoorsSection
from doorview.study.sections import CoverageSection

__all__ = ["obstacle_words"]


def obstacle_words(asked: CoverageSection, doors: DoorsSection | None = None) -> str:
    """Return the obstacles that a study asks for as a sentence or two, what is simulated or has no source named so."""
    things = ["buildings"]
    if asked.obstacles == "all":
        things += ["walls", "closed fences", "hedges"]
    if asked.trees:
        things.append("trunks of mapped trees")
    if asked.parked_cars > 0:
        things.append(f"parked cars at {percent(asked.parked_cars)} of kerb places (simulated)")
    details = set() if doors is None else {"recess_depth_m"} if doors.what_if == "porches" else set()
    if doors is not None:
        details |= {name for name in ("recess_depth_m", "planting_height_m") if getattr(doors, name) is not None}
    if "recess_depth_m" in details:
        things.append("porches at doors (a what-if)")
    if "planting_height_m" in details:
        things.append("planting before doors (a what-if)")
    words = f"Obstacles: {join(things) if len(things) > 1 else 'buildings only'}."
    if asked.openings:
        words += " Passages, arcades and the ground under raised parts are open."
    return words
