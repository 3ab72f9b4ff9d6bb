"""Writes `docs/public-space.md`: the classes of ground, every default and every tag rule, from the rule tables."""

from __future__ import annotations

from collections.abc import Mapping

from doorview.city.classes import CLASSES
from doorview.city.ground_rules import Rule, ground_rules, precedence, width_table

__all__ = ["rules_page"]

_HEAD = """# Public space: what counts as what

This page is written from `rules/ground.toml` and `rules/widths.toml` by `doorview.city.ground_page.rules_page()`; a
test fails when it is not current. Marks: **C** read in the source, **D** worked out from sources, **A** an assumption.

## Classes, in their order of precedence

Each spot of ground belongs to the first class below that holds it, so the classes are disjoint and their areas add up.
Public means ground that anyone may enter on foot or by vehicle without asking.

| | class | public | what | why |
|---|---|---|---|---|"""

_ORDER = """
Buildings take their footprint, except `building` = {not_ground}. {reason}

With parcels: what lies inside a parcel is yard unless it is a carriageway, an alley, a tagged or mapped sidewalk, a
square, a path, a driveway, water, a park or other open ground; a sidewalk drawn by default gives way to the parcel.
What lies outside parcels within 30 m of a street is at least verge. A parcel shaped like a street (its area over the
length of the streets inside it is under 30 m) is the street itself and is left out.

## Cross-section of a street

1. Carriageway, kerb to kerb: `width:carriageway`; else `width` (how far it reaches is disputed [width_key],
   [width_carriageway_key]: taken kerb to kerb unless it exceeds the street space of its class, and then as the street
   space, with the carriageway by default); else `est_width`; else `lanes` times the lane width plus tagged parking
   lanes or, without a parking tag, the class's edge; else the class's default.
2. Sidewalks: `sidewalk:left`, `sidewalk:right`, `sidewalk:both`, else `sidewalk` (and the old
   `footway=both|left|right|none` on a street); widths from `sidewalk:left:width` and the like; without a tag by
   default of the class. Left and right are those of the way's direction. `separate` means drawn as its own way; where
   no such way is found, the default is drawn. None is supposed on a median or on the inside of a roundabout.
3. The sidewalk lies behind the planting strip. What is left of the street space each side is verge; between a kerb and
   a sidewalk drawn as its own way all is verge.
4. A study may give its own `lane_width_m` and `sidewalk_width_m`; they stand in place of the defaults, never of a tag.
   A default carriageway then changes by the whole lanes that it holds, and the street space stays; `lanes` counts in
   lanes of that width; classes without a sidewalk by default still have none.
5. One of the two ways of a dual carriageway has half the carriageway; the median is verge; its length counts once.

Bounds beyond which a tagged figure is ignored and counted:

| figure | low | high | why |
|---|---|---|---|"""

_TAIL = """
An area of the user's own public-space layer takes the class in its column `class` (any of the above but building and
facade_strip); where it has none or another, the class by these rules, or `other` where none of them decides. Unknown
classes are counted.

## Block faces and length

A block face is a street (carriageway or alley) between two junctions of streets, cut into equal parts of at most
200 m. Ways that merely continue each other under one name are one face; a change of name cuts; footways, driveways and
service ways that are no streets do not. Street length is taken along centrelines, once for a dual carriageway and for
a roundabout, and apart from it along sidewalks.
"""


def _condition_text(conditions: Mapping[str, tuple[str, ...] | str]) -> str:
    words = {"*": "any value", "!": "absent", "private": "*private*", "open": "*open*"}
    parts = []
    for key, values in conditions.items():
        text = words[values] if isinstance(values, str) else ", ".join(f"`{value}`" for value in values)
        parts.append(f"`{key}`: {text}")
    return "; ".join(parts)


def _rule_lines(rules: tuple[Rule, ...]) -> list[str]:
    lines = ["| | where | class | why |", "|---|---|---|---|"]
    for number, rule in enumerate(rules, start=1):
        where = _condition_text(rule.when)
        if rule.unless:
            where += f"; unless {_condition_text(rule.unless)}"
        if rule.country:
            where += f" (only `{rule.country}`)"
        kind = f" (width of `{rule.kind}`)" if rule.kind else ""
        closed = " Closes parks inside it." if rule.closed else ""
        lines.append(f"| {number} | {where} | {rule.ground}{kind} | {rule.reason}{closed} |")
    return lines


def _width_lines(country: str) -> list[str]:
    figures = ("carriageway_m", "oneway_m", "half_m", "lane_m", "edge_m", "space_m", "sidewalk_m", "strip_m")
    names = ("carriageway", "one-way", "half", "lane", "edge", "street space", "sidewalk", "strip")
    lines = [f"| highway | {' | '.join(names)} | mark | sources and reason |", "|---" * 11 + "|"]
    for row in width_table()[country].values():
        cells = [", ".join(f"`{name}`" for name in row["classes"])]
        cells += [f"{row[figure]:g}" for figure in figures]
        cells += [row["mark"], f"[{'], ['.join(row['source'])}] {row['reason']}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _rules_of_thumb() -> list[str]:
    widths = width_table()
    parking, shoulder, dual, mapped = (widths[name] for name in ("parking", "shoulder", "dual", "mapped_sidewalk"))
    lanes = ", ".join(f"{name.removesuffix('_m')} {parking[name]:g} m" for name in parking if name.endswith("_m"))
    reach = f"{mapped['reach_m']:g} m of the centreline or {mapped['beyond_kerb_m']:g} m beyond the kerb"
    return [
        "",
        f"- Parking lanes: {lanes} (mark {parking['mark']}). {parking['reason']}",
        f"- Shoulder: {shoulder['width_m']:g} m [{shoulder['source']}] (mark {shoulder['mark']}). {shoulder['reason']}",
        f"- Dual carriageways: within {dual['reach_m']:g} m (mark {dual['mark']}). {dual['reason']}",
        f"- Mapped sidewalks: within {reach} (mark {mapped['mark']}). {mapped['reason']}",
    ]


def rules_page() -> str:
    """Return `docs/public-space.md`: the classes, their order, every default and every tag rule, in Markdown."""
    rules, widths = ground_rules(), width_table()
    by_name = {item.name: item for item in CLASSES}
    out = [_HEAD]
    for number, name in enumerate(precedence(), start=1):
        item = by_name[name]
        out.append(f"| {number} | {name} | {'yes' if item.public else 'no'} | {item.label} | {item.reason} |")
    not_ground = ", ".join(f"`{name}`" for name in rules.not_ground)
    out.append(_ORDER.format(not_ground=not_ground, reason=rules.not_ground_reason))
    for name, row in widths["bounds"].items():
        out.append(f"| {name} | {row['low_m']:g} | {row['high_m']:g} | {row['reason']} |")
    out += _rules_of_thumb()
    for country, title in (("us", "United States"), ("world", "everywhere else")):
        out += ["", f"## Widths by default: {title} (`{country}`), in metres", "", *_width_lines(country)]
    out += ["", "## Widths of other ways by default", "", "| way | width [m] | mark | source and reason |"]
    out.append("|---|---|---|---|")
    for name, row in widths["paths"].items():
        out.append(f"| {name} | {row['width_m']:g} | {row['mark']} | [{row['source']}] {row['reason']} |")
    out += ["", "## Sources", ""]
    out += [f"- [{name}]: {row['title']}, <{row['url']}>" for name, row in widths["sources"].items()]
    out += ["", "## Tag rules for lines", ""]
    out += ["The first rule that holds decides. Class none: the object makes no ground of its own.", ""]
    out += [f"- *{name}*: {', '.join(f'`{value}`' for value in values)}" for name, values in rules.sets.items()]
    out += ["", *_rule_lines(rules.ways), "", "## Tag rules for areas", "", *_rule_lines(rules.areas), _TAIL]
    return "\n".join(out)
