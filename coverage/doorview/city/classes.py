"""Classes of ground, in their order of precedence: a cell belongs to the first class that holds it.

The classes are disjoint and cover all ground, private ground too, so that their areas add up. *Public* means ground
that anyone may enter on foot or by vehicle without asking.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CLASSES", "PUBLIC", "RANK", "STREET_CLASSES", "GroundClass"]


class GroundClass(NamedTuple):
    """One class of ground: its place in the order of precedence, whether it is public, and why it stands there."""

    name: str
    rank: int
    public: bool
    label: str
    reason: str


_TABLE = (
    ("building", False, "Buildings", "A footprint is no ground to stand on."),
    ("carriageway", True, "Carriageway", "Kerb to kerb; at a junction the carriageway of either street wins."),
    ("alley", True, "Alleys", "service=alley: a public lane behind houses, apart because cameras face the front."),
    ("sidewalk", True, "Sidewalks", "Mapped as a way, else from tags, else by default of the country."),
    ("square", True, "Squares and pedestrian areas", "place=square, highway=pedestrian and pedestrian areas."),
    ("path", True, "Paths", "Footways, cycleways, steps and tracks that are not a street's sidewalk."),
    (
        "restricted",
        False,
        "Closed to the public",
        (
            "Motorways, railways, military ground and streets tagged as private: nobody walks there. "
            "Streets and paths that cross it stay public: they pass over or under it."
        ),
    ),
    (
        "driveway",
        False,
        "Driveways and parking",
        "Driveways, parking and its aisles serve their owner's visitors only.",
    ),
    ("verge", True, "Verges", "What is left of the street space between kerb and property line."),
    ("water", False, "Water", "Nobody walks there."),
    ("park", True, "Parks and playgrounds", "Parks, playgrounds, common green; printed apart from streets."),
    ("other", True, "Other public ground", "Other ground open to all, and the user's own public-space layer."),
    ("facade_strip", False, "Strip along buildings", "Within 1 m of a building: stairs, planting, light wells."),
    ("yard", False, "Yards and other private ground", "All that nothing else holds."),
)

CLASSES: tuple[GroundClass, ...] = tuple(
    GroundClass(name, rank, public, label, reason) for rank, (name, public, label, reason) in enumerate(_TABLE)
)
RANK: dict[str, int] = {item.name: item.rank for item in CLASSES}
PUBLIC: frozenset[str] = frozenset(item.name for item in CLASSES if item.public)
STREET_CLASSES: tuple[str, ...] = ("carriageway", "alley", "sidewalk", "verge")
"""The classes that make up streets, over which the headline share is taken."""
