"""What is laid over coverage in a briefing: reported thefts, programmes and rules, and the assumptions that matter."""

from __future__ import annotations

from collections import defaultdict

from doorview.show.briefing.book import Block, Book
from doorview.show.briefing.phrases import (
    driver_label,
    driver_value,
    level_name,
    levels_of,
    on_map,
    scenario_name,
    scenario_phrase,
)
from doorview.show.briefing.tables import Row, as_number

__all__ = ["MOST_ASSUMPTIONS", "assumptions", "changes", "hot_spots", "main_assumptions", "private_ground"]

MOST_ASSUMPTIONS = 5


def _absent(book: Book, key: str) -> list[Block]:
    return [{"kind": "note", "text": book.words(key)}]


def hot_spots(book: Book, place: str) -> list[Block]:
    """Return reported thefts over coverage, or that the run has none."""
    w, (scenario, _), levels = book.words, on_map(book), levels_of(book)
    of = "another door"
    had = [level for level in levels if book.run.rows("incidents_in_view.csv", scenario=scenario, level=level, of=of)]
    pictures = [
        (name, w(f"hotspots.alt_{kind}", place=place), w(f"hotspots.caption_{kind}"))
        for name, kind in (("hotspots.png", "hot"), ("thefts_density.png", "density"))
    ]
    picture = next((found for item in pictures if (found := book.image(*item))), None)
    if not had and picture is None:
        return _absent(book, "hotspots.absent")
    blocks: list[Block] = []
    if had:
        rows = []
        for level in had:
            key = {"level": level, "scenario": scenario, "of": of}
            low, high = (book.say("percent", "incidents_in_view.csv", f"in_view_{n}", **key) for n in ("least", "most"))
            least, most = (book.say("percent", "incidents_in_view.csv", f"random_{n}", **key) for n in ("low", "high"))
            rows.append(
                [
                    level_name(book, level),
                    book.say("percent", "incidents_in_view.csv", "in_view", **key) or w("say.no_figure"),
                    w.range(low, high) if low and high else w("say.not_worked_out"),
                    w.range(least, most) if least and most else w("say.not_worked_out"),
                ]
            )
        number = book.say("count", "incidents_in_view.csv", "incidents", level=had[0], scenario=scenario, of=of)
        blocks.append(
            {
                "kind": "para",
                "text": w(
                    "hotspots.text", number=number or w("hotspots.some"), scenario=scenario_phrase(book, scenario)
                ),
            }
        )
        head = [w(f"hotspots.head_{name}") for name in ("level", "share", "places", "chance")]
        blocks.append(
            {"kind": "table", "caption": w("hotspots.table"), "head": head, "rows": rows, "wide": [2, 2, 3, 3]}
        )
    if picture:
        blocks.insert(1 if had else 0, picture)
    else:
        blocks.append({"kind": "note", "text": w("hotspots.no_map")})
    blocks += _ground_of_hot_spots(book, scenario, levels)
    blocks.append({"kind": "para", "text": w("hotspots.caveat")})
    return blocks


def _ground_of_hot_spots(book: Book, scenario: str, levels: list[str]) -> list[Block]:
    """Return how much of the public ground of the areas with most reports is in view; nothing where there are none."""
    first = next(iter(book.run.rows("hotspots.csv", **{"class": "hot spot"}, scenario=scenario)), None)
    if first is None:
        return []
    key = {"class": "hot spot", "window": first.get("window", ""), "scenario": scenario}
    said = {level: book.say("percent", "hotspots.csv", "in_view", **key, level=level) for level in levels}
    parts = [f"{share} ({level_name(book, level)})" for level, share in said.items() if share is not None]
    if not parts:
        return []
    return [{"kind": "para", "text": book.words("hotspots.ground", parts=book.words.join(parts))}]


def _change_key(row: Row, level: str) -> dict[str, str]:
    return {name: row[name] for name in ("scenario", "against", "zoning", "zone", "space")} | {"level": level}


def changes(book: Book, space: str) -> list[Block]:
    """Return what a programme or a rule changes, and what is left after the stages; or that the run asks for none."""
    w, levels = book.words, levels_of(book)
    found = book.run.rows("change.csv", zoning="all", zone="all", space=space)
    cases = {(row["scenario"], row["against"]): row for row in found}
    blocks: list[Block] = []
    for (scenario, against), row in cases.items():
        key = _change_key(row, levels[0])
        said = {"name": scenario_name(book, scenario), "what": scenario_phrase(book, scenario)}
        text = w("change.text", **said, against=scenario_name(book, against))
        cost = book.say("count", "change.csv", "cost", **key)
        added = book.say("count", "change.csv", "cameras_added", **key)
        if added is not None and (as_number(row.get("cameras_added")) or 0) > 0:
            text += " " + w("change.added", number=added)
            each = book.say("count", "change.csv", "cost_per_camera_added", **key)
            if cost is not None and each is not None:
                text += " " + w("change.cost", cost=cost, each=each)
        blocks.append({"kind": "para", "text": text})
    if cases:
        rows = []
        for (scenario, _), row in cases.items():
            cells = [scenario_name(book, scenario)]
            for level in levels:
                key = _change_key(row, level)
                mean, low, high = (
                    book.say("points", "change.csv", f"change_{name}", **key) for name in ("mean", "p05", "p95")
                )
                if mean is not None and low is not None and high is not None:
                    mean = w.with_range(mean, low, high)
                cells.append(mean or w("say.no_figure"))
            rows.append(cells)
        head = [w("answer.head_scenario"), *(level_name(book, level) for level in levels)]
        wide = [3, *[3] * len(levels)]
        blocks.append({"kind": "table", "caption": w("change.caption"), "head": head, "rows": rows, "wide": wide})
    else:
        blocks += _absent(book, "change.absent")
    return blocks + _partnership(book, space) + _stages(book, space)


def _partnership(book: Book, space: str) -> list[Block]:
    """Return what a police programme changes by its last month."""
    w, parts = book.words, []
    months = [as_number(row["month"]) or 0 for row in book.run.rows("partnership.csv", space=space, measure="area_m2")]
    if not months:
        return []
    key = {"space": space, "measure": "area_m2", "month": f"{max(months):.0f}"}
    for level in levels_of(book):
        with_it, without = (
            book.say("percent", "partnership.csv", name, **key, level=level)
            for name in ("share_mean", "share_without_programme")
        )
        if with_it and without:
            parts.append(w("change.deal_part", level=level_name(book, level), with_it=with_it, without=without))
    if not parts:
        return []
    title = book.quote(book.run.fact("partnership.title"), 120)
    month = book.say("count", "partnership.csv", "month", **key, level=levels_of(book)[0])
    return [{"kind": "para", "text": w("change.deal", title=title, month=month, parts=w.join(parts))}]


def _stages(book: Book, space: str) -> list[Block]:
    """Return how much of what is in view would be recorded, kept and shared, at the first level."""
    w, (scenario, _) = book.words, on_map(book)
    level = levels_of(book)[0]
    key = {
        "scenario": scenario, "level": level, "zoning": "all", "zone": "all", "space": space, "measure": "area_m2",
    }  # fmt: skip
    said = {name: book.say("percent", "stages.csv", name, **key) for name in ("in_view", "recorded", "kept", "shared")}
    if not all(said.values()):
        return _absent(book, "change.no_stages")
    return [{"kind": "para", "text": w("change.stages", level=level_name(book, level), **said)}]


def private_ground(book: Book) -> list[Block]:
    """Return whose ground cameras see, and what is in view of other homes' yards and facades; nothing without it."""
    w, (scenario, _) = book.words, on_map(book)
    rows = []
    for level in levels_of(book):
        key = {"scenario": scenario, "level": level, "zoning": "all", "zone": "all"}
        cells = [
            book.say("percent", "private_ground.csv", "share_mean", **key, what=what, part=part)
            for what, part in (("view", "own"), ("view", "others_homes"), ("front_yards", "all"), ("facades", "all"))
        ]
        if any(cells):
            rows.append([level_name(book, level), *(cell or w("say.no_figure") for cell in cells)])
    if not rows:
        return []
    head = [w(f"private.head_{name}") for name in ("level", "own", "others", "yards", "facades")]
    table = {"kind": "table", "caption": w("private.caption"), "head": head, "rows": rows, "wide": [2, 2, 2, 2, 2]}
    text = w("private.text", scenario=scenario_phrase(book, scenario))
    method = book.run.fact("private_ground.lots.method")
    blocks: list[Block] = [{"kind": "para", "text": text}, table]
    blocks.append({"kind": "note", "text": w("private.parcels" if method == "parcels" else "private.no_parcels")})
    if book.run.fact("private_ground.law"):
        blocks.append({"kind": "note", "text": book.quote(w("private.law"), 600)})
    return blocks


def main_assumptions(book: Book) -> list[str]:
    """Return the assumptions that move the answer most: by their swing over the expected share, mean over levels."""
    swings: dict[str, list[float]] = defaultdict(list)
    for level in levels_of(book):
        for row in book.run.rows("drivers.csv", level=level):
            low, high, mean = (as_number(row.get(name)) for name in ("share_low", "share_high", "share_mean"))
            if low is not None and high is not None and mean:
                swings[row["factor"]].append(abs(high - low) / mean)
    count = max(len(levels_of(book)), 1)
    return sorted(swings, key=lambda name: (-sum(swings[name]) / count, name))[:MOST_ASSUMPTIONS]


def assumptions(book: Book) -> list[Block]:
    """Return the five assumptions that matter and their effect, or that the run did not vary them."""
    w, levels = book.words, levels_of(book)
    factors = main_assumptions(book)
    if not factors:
        return _absent(book, "assumptions.absent")
    rows = []
    for factor in factors:
        found = {level: book.run.rows("drivers.csv", level=level, factor=factor) for level in levels}
        first = next(rows[0] for rows in found.values() if rows)
        ends = w.range(driver_value(book, first, "low"), driver_value(book, first, "high"))
        cells = [f"{driver_label(book, factor, first.get('label', ''))}: {ends}"]
        for level in levels:
            key = {"level": level, "factor": factor}
            low, high = (book.say("percent", "drivers.csv", f"share_{name}", **key) for name in ("low", "high"))
            cells.append(w.range(low, high) if low and high else w("say.does_not_count"))
        rows.append(cells)
    scenario = next(row.get("scenario", "") for row in book.run.rows("drivers.csv", factor=factors[0]))
    head = [w("assumptions.head"), *(level_name(book, level) for level in levels)]
    table = {"kind": "table", "caption": w("assumptions.caption"), "head": head, "rows": rows, "wide": [5, 2, 2, 2]}
    table["wide"] = [5, *[2] * len(levels)]
    return [{"kind": "para", "text": w("assumptions.text", scenario=scenario_name(book, scenario))}, table]
