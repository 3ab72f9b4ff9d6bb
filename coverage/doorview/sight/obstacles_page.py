"""Writes `docs/obstacles.md`: what hides what, how high it is, and what stands beside a door, from the rule tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from doorview.city.doors_along import ALONG, along_rules
from doorview.city.obstacles import obstacle_rules
from doorview.sight.door_rules import recess_rules

__all__ = ["obstacles_page"]

_HEAD = """# Obstacles: what hides what, and how high it is

This page is written from `city/rules/obstacles.toml`, `city/rules/along.toml` and `sight/rules/recess.toml` by
`doorview.sight.obstacles_page.obstacles_page()`; a test fails when it is not current. Marks: **C** read in the source,
**D** worked out from sources, **A** an assumption, **U** unknown: no source was found.

On flat ground a lens at 1.2 m sees a face at 1.5 m behind all that is up to 1.2 m high; higher things hide the more of
what lies behind, the higher they are. What is called taller than any sight line hides all that lies behind it.

A run has buildings only unless it asks for more: `find_obstacles(city, "all")` adds walls, fences and hedges,
`openings=True` cuts passages (buildings with one are counted in any case), `trees=True` adds trunks,
`parked_cars(ground)` gives cars, `door_details`, `recess_walls` and `front_planting` what stands at the doors; `joined`
puts the tables together. What was found, left out or taken by default is counted in the `attrs` of each table.

## Buildings
"""

_CARS = """
Which places are taken is a hash of the way, the place and the seed: a car stays where it is when streets are added
elsewhere, and a higher occupancy adds cars and moves none. Left out, and counted: places near junctions and driveways,
on another carriageway (sharp corners, the twin of a dual one), on a crossing or mapped sidewalk, in a building, over
another place; bridges, tunnels and roundabouts. Not known here: which side of a dual carriageway is its median, bus
stops, hydrants, restrictions by the hour.
"""

_DOORS = """
Drawn per door, by building kind, as a hash of the door's id and the seed. A study gives its own figures under
`[doors]`, parameter by parameter and kind by kind: a plain figure, `values` with `chances`, or `low` and `high`
([the study file](study.md)). All defaults below change nothing, because no survey of any of them was found; a parameter
that nobody has measured is no reason to hide anything.

The walls of a recess stand before the facade, where a porch has them: a bell in the middle of an opening of width W at
depth D sees 2 atan(W / 2D). For a recess cut into the house the lens would lie D further back, so that the picture is
the same, moved outward by D. A wedge turns the lens and leaves the walls. Steps raise the lens above the ground before
the house: what is lower than it then hides a strip only, and the picture begins elsewhere; a building lower than a lens
at a door of its own is taken as higher, because nobody looks over the house from its door. Planting stands where its
distance says, be that on a sidewalk: give it to the kinds of building that have front gardens.

`along_facade` chooses the place on the wall before the wall is chosen, so that it may choose another wall; what an
entrance or address node places stays there, and so does a door's id.

| parameter | what | default | mark | source |
|---|---|---|---|---|"""

_ENCLOSED = """
## Doors that do not stand free

A door's own building is an obstacle like any other, and the door stands 0.10 m outside it, so it never sees through
it. `find_doors` keeps doors off walls that other buildings stand against; `enclosed_doors(doors, obstacles)` says which
are left inside a building, before a wall nearer than 0.5 m, in a courtyard closed on all sides, or at a building that
is itself no obstacle (on posts, or of no height at eye level).
"""


def _ticks(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _barriers(groups: list[dict[str, Any]]) -> list[str]:
    lines = ["| `barrier` | height where untagged [m] | why | source |", "|---|---|---|---|"]
    for group in groups:
        height = "hides nothing"
        if group["obstacle"]:
            height = ", ".join(f"{name} {metres:g}" for name, metres in group["height_m"].items())
        why = group["reason"]
        if "see_through_types" in group:
            why += f" `fence_type`: {_ticks(group['see_through_types'])}."
        lines.append(f"| {_ticks(group['values'])} | {height} | {why} | {group['source']} |")
    return lines


def _chances(entry: Mapping[str, Any]) -> str:
    if "values" not in entry:
        return f"{entry['low']:g} to {entry['high']:g}"
    return ", ".join(
        f"{value}" if chance == 1 else f"{value} ({chance:.0%})"
        for value, chance in zip(entry["values"], entry["chances"], strict=True)
    )


def _openings(rules: Mapping[str, Any]) -> list[str]:
    passages, parts = rules["passages"], rules["parts"]
    tags = f"`tunnel`: {_ticks(passages['tunnel'])}; `covered`: {_ticks(passages['covered'])}"
    width = f"{passages['foot_width_m']:g} m for ways on foot, {passages['vehicle_width_m']:g} m for others"
    return [
        "",
        "## Passages, arcades and raised parts (on request)",
        "",
        f"- Which: ways with {tags}, or `arcade`. {passages['reason']} {passages['reason_tags']}",
        f"- Areas: {passages['areas']}",
        f"- Not: {passages['not_passages']}",
        (
            f"- Width: {width}. {passages['width_source']} Mark {passages['width_mark']}. Bounds "
            f"{passages['width_low_m']:g} to {passages['width_high_m']:g} m: {passages['reason_width']}"
        ),
        (
            f"- Arcades ({_ticks(passages['arcade'])}): {passages['arcade_beyond_m']:g} m more on both sides. "
            f"{passages['reason_arcade']}"
        ),
        f"- Shortest: {passages['shortest_m']:g} m. {passages['reason_shortest']}",
        f"- {passages['gates']}",
        f"- No tag ({passages['untagged_m']:g} m): {passages['untagged']}",
        f"- Parts: {parts['reason']} Kinds: {_ticks(parts['open_kinds'])}. {parts['reason_kinds']}",
        f"- Whole: {parts['complete_share']:.0%}. {parts['reason_complete']}",
        f"- Layer: {rules['layer']['reason']}",
    ]


def _trees_and_cars(rules: Mapping[str, Any]) -> list[str]:
    trees, cars = rules["trees"], rules["parked"]
    trunk = f"{trees['default_diameter_m']:g} m (mark {trees['diameter_mark']})"
    size = f"{cars['length_m']:g} x {cars['width_m']:g} m, {cars['height_m']:g} m high"
    return [
        "",
        "## Trees (on request)",
        "",
        (
            f"- Trunk: {trees['reason']} Default {trunk}, bounds "
            f"{trees['diameter_low_m']:g} to {trees['diameter_high_m']:g} m."
        ),
        f"- Units: {trees['units']} Mark {trees['units_mark']}.",
        f"- Shape: {trees['reason_shape']}",
        f"- Height: {trees['reason_height']}",
        f"- Crowns: {trees['crowns']}",
        (
            f"- Rows: {trees['row_reason']} Spacing {trees['row_spacing_m']:g} m (mark {trees['row_spacing_mark']}). "
            f"{trees['row_source']}"
        ),
        "",
        "## Parked cars (on request)",
        "",
        f"- Car: {size} (mark {cars['size_mark']}). {cars['reason_size']}",
        f"- Place: {cars['slot_m']:g} m of kerb, the car's side on the kerb line. {cars['reason_slot']}",
        f"- Occupancy: {cars['occupancy']:g} (mark {cars['occupancy_mark']}). {cars['reason_occupancy']}",
        (
            f"- Clear: {cars['junction_clear_m']:g} m of junctions, {cars['driveway_clear_m']:g} m of driveways. "
            f"{cars['reason_clear']}"
        ),
        f"- Width: {cars['lane_m']:g} m. {cars['reason_lane']}",
        f"- Streets: {_ticks(cars['classes'])}. {cars['reason_classes']}",
        f"- Tags: yes {_ticks(cars['tagged_yes'])}; no {_ticks(cars['tagged_no'])}. {cars['reason_tagged']}",
        _CARS,
    ]


def _doors(rules: Mapping[str, Any]) -> list[str]:
    lines = [f"## At the door (on request)\n{_DOORS}"]
    for name, table in {**rules["parameters"], ALONG: along_rules()[ALONG]}.items():
        for kind, entry in table.items():
            if isinstance(entry, Mapping) and "mark" in entry:
                which = name if kind == "all" else f"{name}, {kind}"
                cells = (which, table["meaning"], _chances(entry), entry["mark"], entry["source"])
                lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for name, fixed in rules["fixed"].items():
        lines.append(f"- {name}: {fixed['value']:g} (mark {fixed['mark']}). {fixed['reason']}")
    for name, what_if in rules["what_if"].items():
        lines.append(f"- What-if `{name}` (mark {what_if['mark']}): {what_if['meaning']}")
    return lines


def obstacles_page() -> str:
    """Return `docs/obstacles.md`: every rule for obstacles and for what stands at a door, in Markdown."""
    rules = obstacle_rules()
    buildings, levels = rules["buildings"], rules["levels"]
    by_level = f"`building:levels` times {levels['height_m']:g} m ({levels['assumption']} Mark A)"
    out = [
        _HEAD,
        (f"- Height: `height`, else {by_level}, else {buildings['untagged']}. {buildings['reason']}"),
        f"- Open below, left out: `building` = {_ticks(buildings['open_below'])}. {buildings['reason_open_below']}",
        f"- Raised, left out: from {buildings['clear_below_m']:g} m. {buildings['reason_clear_below']}",
        (
            f"- Underground, left out: `location` = {_ticks(buildings['underground'])}, or `layer` below 0. "
            f"{buildings['reason_underground']}"
        ),
        f"- Aloft, left out: `location` = {_ticks(buildings['aloft'])}. {buildings['reason_aloft']}",
        f"- Light: {buildings['light']}",
        "",
        "## Walls, fences and hedges (on request)",
        "",
        "`height` where tagged. A fence that is tagged as open, and a barrier below the eye, hides nothing.",
        "",
        *_barriers(rules["barrier"]),
        *_openings(rules),
        *_trees_and_cars(rules),
        *_doors(recess_rules()),
        _ENCLOSED,
    ]
    return "\n".join(out)
