"""Shares beside an attribute of districts, in a briefing: built form first, then what is assumed and not found."""

from __future__ import annotations

from doorview.show.briefing.book import Block, Book
from doorview.show.briefing.phrases import level_name, on_map, scenario_phrase
from doorview.show.briefing.tables import Row, as_number

__all__ = ["attributes"]

FILE = "fairness_attributes.csv"
MOST_ATTRIBUTES = 2
"""Attributes that have a table; of more, the run's own table has the rest."""


def attributes(book: Book) -> list[Block]:
    """Return a table for each of the first attributes; nothing where none is asked for or can be compared."""
    w, (scenario, level) = book.words, on_map(book)
    scenarios = book.run.fact("attributes.scenarios") or []
    if scenario not in scenarios:
        scenario = str(scenarios[0]) if scenarios else scenario
    tables: list[Block] = []
    for asked in book.run.fact("attributes.asked") or []:
        key = {"attribute": asked["column"], "zoning": asked["zoning"], "scenario": scenario, "level": level}
        rows = [row for row in book.run.rows(FILE, **key, measure="share") if as_number(row["value"]) is not None]
        if rows and len(tables) < MOST_ATTRIBUTES:
            tables.append(_table(book, rows, asked.get("label") or asked["column"], asked["kind"]))
    if not tables:
        return []
    said = {"scenario": scenario_phrase(book, scenario), "level": level_name(book, level)}
    lead: Block = {"kind": "para", "text": f"{w('attributes.text', **said)} {w('fairness.caveat')}"}
    return [lead, *tables]


def _table(book: Book, rows: list[Row], label: str, kind: str) -> Block:
    """Return a row for each group: its share at equal ownership, and under the assumed gradient where there is one."""
    w = book.words
    parts = list(dict.fromkeys(row["part"] for row in rows))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    lines = []
    for number, group in enumerate(groups):
        name = book.quote(group, 40)
        if kind == "number" and number in (0, len(groups) - 1):
            name = w("attributes.lowest" if number == 0 else "attributes.highest")
        cells = []
        for part in parts:
            key = next(row for row in rows if row["group"] == group)
            key = {column: key[column] for column in ("zoning", "attribute", "scenario", "level", "measure", "group")}
            mean, low, high = (
                book.say("percent", FILE, column, part=part, **key) for column in ("value", "value_low", "value_high")
            )
            if mean is not None and low is not None and high is not None:
                mean = w.with_range(mean, low, high)
            cells.append(mean or w("say.no_figure"))
        lines.append([name, *cells])
    head = [w("attributes.head"), *(w(f"attributes.head_{name}") for name in ("equal", "assumed")[: len(parts)])]
    caption = w("attributes.caption", label=book.quote(label, 60))
    return {"kind": "table", "caption": caption, "head": head, "rows": lines, "wide": [3, *[3] * len(parts)]}
