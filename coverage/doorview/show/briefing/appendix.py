"""The end of a briefing: sources and licences, and the figures without rounding."""

from __future__ import annotations

from doorview.show.briefing.book import Block, Book
from doorview.show.briefing.laid_over import main_assumptions
from doorview.show.briefing.phrases import (
    driver_label,
    level_name,
    levels_of,
    on_map,
    scenario_name,
    scenarios_of,
    zone_name,
)

__all__ = ["MOST_ROWS", "appendix", "sources"]

_DASH = "\u2013"
MOST_ROWS = 30
"""Rows of a table in the appendix; the files of the run hold all."""


def sources(book: Book) -> list[Block]:
    """Return whose data and which values the figures rest on."""
    w, run = book.words, book.run
    items = [
        w(
            "sources.data",
            source=book.quote(run.fact("inputs.attribution"), 160) or "\u00a9 OpenStreetMap contributors",
            date=book.quote(run.fact("inputs.data_date"), 20) or w("page.no_date"),
        )
    ]
    licences = sorted({book.quote(licence, 160) for licence in (run.facts.get("licences") or {}).values()})
    if licences:
        items.append(w("sources.licences", licences="; ".join(licences)))
    items.append(w("sources.camera", camera=book.quote(run.fact("camera.label"), 160) or w("say.no_figure")))
    unsure = sorted(name for name, value in (run.fact("camera.values") or {}).items() if _unsure(value))
    if unsure:
        items.append(w("sources.unsure", values=w.join([w.get(f"values.{name}", "") or name for name in unsure])))
    hides = run.facts.get("obstacles")
    if hides:
        items.append(w("sources.hides", words=book.quote(hides, 300)))
    lost, counted = book.fact("area", "counted.lost_at_the_edge_m2"), book.fact("count", "counted.doors")
    homes = book.fact("count", "counted.dwellings")
    if counted and homes:
        items.append(w("sources.doors", doors=counted, homes=homes))
    if lost and (run.fact("counted.lost_at_the_edge_m2") or 0) >= 1:
        items.append(w("sources.edge", lost=lost))
    if run.fact("settings.incidents.file"):
        items.append(w("sources.thefts", file=book.quote(run.fact("settings.incidents.file"), 80)))
    version = book.quote(run.fact("versions.doorview"), 20)
    seed = book.quote(run.facts.get("seed"), 24)
    items.append(w("sources.software", version=version, seed=seed))
    items.append(w("sources.font"))
    return [{"kind": "list", "items": items}]


def _unsure(value: object) -> bool:
    return isinstance(value, dict) and value.get("mark") in ("C2", "M", "A", "NF")


def appendix(book: Book, space: str) -> list[Block]:
    """Return the figures to three decimals of a per cent, with the file that holds them."""
    w = book.words
    blocks: list[Block] = [{"kind": "para", "text": w("appendix.text")}]
    columns = ("share_mean", "share_p05", "share_p95", "share_low", "share_high")
    head = [w("answer.head_scenario"), w("appendix.level"), *(w(f"appendix.{name}") for name in columns)]
    rows = []
    for scenario in scenarios_of(book):
        for level in levels_of(book):
            key = _key(scenario, level, space)
            rows.append([scenario_name(book, scenario), level_name(book, level), *_exact(book, columns, key)])
    blocks.append(_small(w("appendix.shares"), head, rows, [6, *[2] * 6]))
    blocks += _zones(book, space)
    return blocks + _changes(book, space) + _drivers(book)


def _changes(book: Book, space: str) -> list[Block]:
    """Return the changes of change.csv: expected, and by chance alone."""
    w, rows = book.words, []
    for row in book.run.rows("change.csv", zoning="all", zone="all", space=space):
        if row["level"] in levels_of(book):
            key = {name: row[name] for name in ("scenario", "against", "level", "zoning", "zone", "space")}
            exact = [
                book.say("exact", "change.csv", f"change_{name}", **key) or _DASH for name in ("mean", "p05", "p95")
            ]
            rows.append([scenario_name(book, row["scenario"]), level_name(book, row["level"]), *exact])
    if not rows:
        return []
    names = [w(f"appendix.{name}") for name in ("share_mean", "share_p05", "share_p95")]
    head = [w("answer.head_scenario"), w("appendix.level"), *names]
    return [_small(w("appendix.changes"), head, rows, [8, 3, 2, 2, 2])]


def _drivers(book: Book) -> list[Block]:
    """Return the shares of drivers.csv at both ends of the assumptions that the briefing names."""
    w, levels = book.words, levels_of(book)
    rows = []
    for factor in main_assumptions(book):
        first = book.run.rows("drivers.csv", factor=factor)[0]
        keys = [{"level": level, "factor": factor} for level in levels]
        exact = [book.say("exact", "drivers.csv", f"share_{end}", **key) for key in keys for end in ("low", "high")]
        rows.append([driver_label(book, factor, first.get("label", "")), *(said or _DASH for said in exact)])
    if not rows:
        return []
    ends = [w(f"appendix.{end}", level=level_name(book, level)) for level in levels for end in ("low", "high")]
    return [_small(w("appendix.drivers"), [w("assumptions.head"), *ends], rows, [5, *[2] * len(ends)])]


def _key(scenario: str, level: str, space: str) -> dict[str, str]:
    return {
        "scenario": scenario, "level": level, "zoning": "all", "zone": "all", "space": space, "measure": "area_m2",
    }  # fmt: skip


def _exact(book: Book, columns: tuple[str, ...], key: dict[str, str]) -> list[str]:
    return [book.say("exact", "shares.csv", name, **key) or _DASH for name in columns]


def _zones(book: Book, space: str) -> list[Block]:
    """Return the expected share of each zone to three decimals; of many zones, the first of the table."""
    w, (scenario, _), levels = book.words, on_map(book), levels_of(book)
    seen = dict.fromkeys(
        (row["zoning"], row["zone"])
        for row in book.run.rows("shares.csv", scenario=scenario, space=space, measure="area_m2")
        if row["zoning"] != "all"
    )
    rows = []
    for zoning, zone in list(seen)[:MOST_ROWS]:
        keys = [_key(scenario, level, space) | {"zoning": zoning, "zone": zone} for level in levels]
        rows.append([zone_name(book, zoning, zone), *(_exact(book, ("share_mean",), key)[0] for key in keys)])
    if not rows:
        return []
    caption = w("appendix.zones", scenario=scenario_name(book, scenario))
    if len(seen) > MOST_ROWS:
        caption += " " + w("appendix.part", shown=MOST_ROWS, of=w.number(len(seen)))
        book.quoted.append(w.number(len(seen)))
    return [_small(caption, [w("zones.head"), *(level_name(book, level) for level in levels)], rows, [4, 2, 2, 2])]


def _small(caption: str, head: list[str], rows: list[list[str]], wide: list[int]) -> Block:
    return {
        "kind": "table", "caption": caption, "head": head, "rows": rows, "wide": wide[: len(head)], "small": True,
    }  # fmt: skip
