"""Who is in view, by district, in a briefing: from whose doors, what a programme changes, the share by people."""

from __future__ import annotations

from doorview.show.briefing.book import Block, Book
from doorview.show.briefing.phrases import level_name, levels_of, on_map, scenario_name, scenario_phrase, zone_name
from doorview.show.briefing.tables import Row, as_number
from doorview.show.text import clean

__all__ = ["MOST_DISTRICTS", "fairness"]

MOST_DISTRICTS = 10
"""Rows of a table by district; of more, the highest and the lowest."""
MOST_NAMED = 6
"""Districts that a sentence names."""
_SHARES = ("share_mean", "share_inside_only", "share_both", "share_outside_only")


def fairness(book: Book, space: str) -> list[Block]:
    """Return from whose doors each district is in view; nothing where the study does not ask for fairness."""
    w, (scenario, level) = book.words, on_map(book)
    here = book.run.rows("fairness.csv", scenario=scenario, level=level, space=space)
    zonings = list(dict.fromkeys(row["zoning"] for row in here))
    blocks: list[Block] = []
    for zoning in zonings:
        rows = [row for row in here if row["zoning"] == zoning and as_number(row["share_mean"]) is not None]
        if rows:
            blocks += _by_district(book, zoning, rows)
    if not blocks:
        return []
    said = {"scenario": scenario_phrase(book, scenario), "level": level_name(book, level)}
    blocks.insert(0, {"kind": "para", "text": f"{w('fairness.text', **said)} {w('fairness.caveat')}"})
    for zoning in zonings:
        blocks += _changes(book, zoning, level, space)
    return blocks + _by_people(book, scenario)


def _by_district(book: Book, zoning: str, rows: list[Row]) -> list[Block]:
    """Return a table by whose doors: its picture (`maps/fairness.png`) would make the briefing a page longer."""
    w = book.words
    rows = sorted(rows, key=lambda row: (-(as_number(row["share_mean"]) or 0.0), row["zone"]))
    half = MOST_DISTRICTS // 2
    kept = rows if len(rows) <= MOST_DISTRICTS else [*rows[:half], *rows[-half:]]
    lines = []
    for row in kept:
        key = {name: row[name] for name in ("scenario", "level", "zoning", "zone", "space")}
        cells = [book.say("percent", "fairness.csv", name, **key) or w("say.no_figure") for name in _SHARES]
        lines.append([zone_name(book, zoning, row["zone"]), *cells])
    caption = w("fairness.caption", zoning=_plain(book, zoning))
    if len(kept) < len(rows):
        caption += " " + w("zones.part", shown=half, of=w.number(len(rows)))
        book.quoted.append(w.number(len(rows)))
    head = [w("zones.head"), *(w(f"fairness.head_{name}") for name in ("share", "inside", "both", "outside"))]
    table: Block = {"kind": "table", "caption": caption, "head": head, "rows": lines, "wide": [3, 2, 2, 2, 2]}
    return [table]


def _plain(book: Book, zoning: str) -> str:
    return book.quote(clean(zoning).replace("_", " "), 40)


def _changes(book: Book, zoning: str, level: str, space: str) -> list[Block]:
    """Return, for each programme or rule, where more is in view and where less."""
    w, blocks = book.words, []
    found = book.run.rows("fairness_change.csv", zoning=zoning, level=level, space=space)
    for scenario, against in dict.fromkeys((row["scenario"], row["against"]) for row in found):
        rows = [row for row in found if (row["scenario"], row["against"]) == (scenario, against)]
        parts = []
        for way in ("more", "less"):
            chosen = [row for row in rows if row["in_view"] == way]
            chosen.sort(key=lambda row: (-abs(as_number(row["change_mean"]) or 0.0), row["zone"]))
            if chosen:
                named = [_change(book, row) for row in chosen[:MOST_NAMED]]
                others = len(chosen) - len(named)
                if others:
                    named.append(w("fairness.others", number=w.number(others)))
                    book.quoted.append(w.number(others))
                parts.append(w(f"fairness.{way}", zones=w.join(named)))
        if any(row["in_view"] == "open" for row in rows):
            parts.append(w("fairness.open"))
        if not parts:
            parts.append(w("fairness.same"))
        lead = w("fairness.change", name=scenario_name(book, scenario), level=level_name(book, level))
        blocks.append({"kind": "para", "text": f"{lead} {' '.join(parts)}"})
    return blocks


def _change(book: Book, row: Row) -> str:
    """Return a district and by how much its share changes."""
    key = {name: row[name] for name in ("scenario", "against", "level", "zoning", "zone", "space")}
    points = book.say("points", "fairness_change.csv", "change_mean", **key) or ""
    return book.words("fairness.zone", zone=zone_name(book, row["zoning"], row["zone"]), points=points)


def _by_people(book: Book, scenario: str) -> list[Block]:
    """Return the share by people, at each level, beside the plain one."""
    w, blocks = book.words, []
    column = book.run.fact("fairness.people.column")
    for zoning in dict.fromkeys(
        row["zoning"] for row in book.run.rows("fairness_by_people.csv", scenario=scenario, zone="all", space="streets")
    ):
        parts = []
        for level in levels_of(book):
            key = {"scenario": scenario, "level": level, "zoning": zoning, "zone": "all", "space": "streets"}
            people, plain = (
                book.say("percent", "fairness_by_people.csv", name, **key) for name in ("share_by_people", "share_mean")
            )
            if people and plain:
                parts.append(w("fairness.people_part", level=level_name(book, level), people=people, plain=plain))
        if parts:
            said = {"column": book.quote(column, 60), "parts": w.join(parts)}
            blocks.append({"kind": "para", "text": w("fairness.people", **said)})
    return blocks
