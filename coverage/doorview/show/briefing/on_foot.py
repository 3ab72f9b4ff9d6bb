"""Ways on foot in a briefing: how much of each would be in view, and all homes together."""

from __future__ import annotations

from doorview.show.briefing.book import Block, Book
from doorview.show.briefing.phrases import level_name, levels_of, scenario_phrase

__all__ = ["MOST_WAYS", "on_foot"]

MOST_WAYS = 4
"""Ways that the briefing tells of; the tables have all."""


def on_foot(book: Book) -> list[Block]:
    """Return the study's ways on foot, or nothing where it asks for none."""
    shown = book.run.fact("routes.shown")
    scenario = str(shown.get("scenario", "")) if isinstance(shown, dict) else ""
    found = book.run.rows("routes.csv", scenario=scenario, status="found")
    homes = book.run.rows("routes_homes.csv", scenario=scenario)
    if not found and not homes:
        return []
    w, levels = book.words, levels_of(book)
    blocks: list[Block] = [{"kind": "para", "text": w("on_foot.text", scenario=scenario_phrase(book, scenario))}]
    names = list(dict.fromkeys(row["route"] for row in found))
    if names:
        rows = [_row(book, name, kind, scenario, levels) for name in names[:MOST_WAYS] for kind in _kinds(book, name)]
        head = [w("on_foot.head_way"), w("on_foot.head_length"), *(level_name(book, level) for level in levels)]
        wide = [4, 2, *[3] * len(levels)]
        blocks.append({"kind": "table", "caption": w("on_foot.caption"), "head": head, "rows": rows, "wide": wide})
        if len(names) > MOST_WAYS:
            blocks.append({"kind": "note", "text": w("on_foot.more")})
    blocks += _homes(book, scenario, levels)
    blocks.append({"kind": "para", "text": w("on_foot.caveat")})
    return blocks


def _kinds(book: Book, name: str) -> list[str]:
    """Return the shortest way, and the one least in view where it is another."""
    rows = book.run.rows("routes.csv", route=name, status="found")
    lengths = {row["kind"]: row["length_m"] for row in rows}
    return ["shortest"] if lengths.get("least_in_view") == lengths.get("shortest") else ["shortest", "least_in_view"]


def _row(book: Book, name: str, kind: str, scenario: str, levels: list[str]) -> list[str]:
    w, key = book.words, {"route": name, "kind": kind, "scenario": scenario}
    cells = [
        w("on_foot.way", name=book.quote(name, 80), kind=w(f"on_foot.{kind}")),
        book.say("length", "routes.csv", "length_m", **key, level=levels[0]) or w("say.no_figure"),
    ]
    for level in levels:
        share = book.say("percent", "routes.csv", "share_in_view_mean", **key, level=level)
        unseen = book.say("percent", "routes.csv", "p_unseen", **key, level=level)
        told = w("on_foot.cell", share=share, unseen=unseen) if share and unseen else w("say.no_figure")
        cells.append(told)
    return cells


def _homes(book: Book, scenario: str, levels: list[str]) -> list[Block]:
    """Return what all homes' ways to the nearest place of a kind come to."""
    w, blocks = book.words, list[Block]()
    for kind in dict.fromkeys(row["destination"] for row in book.run.rows("routes_homes.csv", scenario=scenario)):
        key = {"destination": kind, "scenario": scenario}
        length = book.say("length", "routes_homes.csv", "mean", **key, level=levels[0], measure="length_m")
        parts = []
        for level in levels:
            share = book.say("percent", "routes_homes.csv", "mean", **key, level=level, measure="share_in_view_mean")
            parts += [f"{share} ({level_name(book, level)})"] if share else []
        if length and parts:
            place = w.get(f"on_foot.place_{kind}", "") or book.quote(kind, 40)
            text = w("on_foot.homes", place=place, length=length, parts=w.join(parts))
            blocks.append({"kind": "para", "text": text})
    return blocks
