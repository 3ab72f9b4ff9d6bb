"""What a briefing says: the question, the answer with its ranges, and what they rest on; each number from the run."""

from __future__ import annotations

from pathlib import Path

from doorview.show.briefing.appendix import appendix, sources
from doorview.show.briefing.attributes import attributes
from doorview.show.briefing.book import Block, Book, Content
from doorview.show.briefing.fairness import fairness
from doorview.show.briefing.laid_over import assumptions, changes, hot_spots, private_ground
from doorview.show.briefing.on_foot import on_foot
from doorview.show.briefing.phrases import (
    level_name,
    level_plain,
    levels_of,
    on_map,
    place_of,
    scenario_name,
    scenario_phrase,
    scenarios_of,
    zone_name,
)
from doorview.show.briefing.tables import Run, as_number
from doorview.show.briefing.words import load_words
from doorview.show.text import Units, clean

__all__ = ["MOST_ZONES", "briefing_content", "space_of"]

MOST_ZONES = 16
"""Rows of the table by district; of more, the highest and the lowest."""
HEADLINE = "streets_near_homes"
RATES = ("0.1", "0.2", "0.5")


def briefing_content(
    run: Run, *, language: str = "en", units: Units | None = None, title: str | None = None, logo: Path | None = None
) -> Content:
    """Return the briefing of a run as plain data.

    Parameters
    ----------
    run
        The run's folder, as `read_run` gives it.
    language
        ``en`` or ``es``.
    units
        ``metric`` or ``us``; left out: those of the study.
    title
        Left out: the question and the place.
    logo
        A PNG or JPEG file, or None.
    """
    words = load_words(language)
    shown: Units = units or ("us" if run.fact("settings.output.units") == "us" else "metric")
    book = Book(run, words, shown)
    place = place_of(book)
    space = space_of(run)
    sections = [
        _section(words("question.title"), _question(book, space)),
        _section(words("answer.title"), _answer(book, space)),
        _section(words("map.title"), _map(book, place), new_page=True),
        _section(words("curve.title"), _curve(book, space)),
        _section(words("zones.title"), _zones(book, space)),
        *([_section(words("fairness.title"), fair)] if (fair := fairness(book, space)) else []),
        *([_section(words("attributes.title"), beside)] if (beside := attributes(book)) else []),
        _section(words("hotspots.title"), hot_spots(book, place)),
        *(_section(words("on_foot.title"), blocks) for blocks in [on_foot(book)] if blocks),
        _section(words("change.title"), changes(book, space)),
        *([_section(words("private.title"), land)] if (land := private_ground(book)) else []),
        _section(words("assumptions.title"), assumptions(book)),
        _section(words("cannot.title"), [{"kind": "list", "items": words.items("cannot_say")}]),
        _section(words("sources.title"), sources(book)),
        _section(words("appendix.title"), appendix(book, space)),
    ]
    subtitle = [words("page.simulated")]
    if run.facts.get("fictional"):
        subtitle.insert(0, words("page.fictional"))
    date = book.quote(run.fact("inputs.data_date"), 20) or words("page.no_date")
    source = book.quote(run.fact("inputs.attribution"), 120)
    return Content(
        title=book.quote(title, 160) if title else words("page.title", place=place),
        subtitle=subtitle,
        language=words.language,
        footer=words("page.footer", date=date, source=source),
        sections=sections,
        figures=book.figures,
        quoted=book.quoted,
        images=book.images,
        logo=logo,
        logo_alt=words("page.logo"),
        letter=shown == "us",
    )


def _section(title: str, blocks: list[Block], *, new_page: bool = False) -> dict[str, object]:
    return {"title": title, "blocks": blocks, "new_page": new_page}


def space_of(run: Run) -> str:
    """Return the ground that the headline is about: streets near homes, or all public ground where there are none."""
    return HEADLINE if run.rows("shares.csv", zoning="all", space=HEADLINE, measure="area_m2") else "all"


def _ground(book: Book, space: str) -> str:
    if space != HEADLINE:
        return book.words("ground.all")
    return book.words("ground.near", distance=book.fact("length", "settings.public_space.near_home_m") or "")


def _question(book: Book, space: str) -> list[Block]:
    scenario, _ = on_map(book)
    text = book.words("question.text", scenario=scenario_phrase(book, scenario), ground=_ground(book, space))
    return [{"kind": "lead", "text": text}]


def _key(scenario: str, level: str, space: str) -> dict[str, str]:
    return {
        "scenario": scenario, "level": level, "zoning": "all", "zone": "all", "space": space, "measure": "area_m2",
    }  # fmt: skip


def _answer(book: Book, space: str) -> list[Block]:
    w, (scenario, _), levels = book.words, on_map(book), levels_of(book)
    parts = [
        w(
            "answer.part",
            share=book.say("share", "shares.csv", "share_mean", **_key(scenario, level, space)) or w("say.no_figure"),
            level=level_name(book, level),
            enough=w.get(f"levels.{level}.enough", "") or level_plain(book, level),
        )
        for level in levels
    ]
    blocks: list[Block] = [
        {
            "kind": "lead",
            "text": w(
                "answer.text",
                scenario=scenario_phrase(book, scenario),
                ground=_ground(book, space),
                parts=w.join(parts),
            ),
        },
        _answer_table(book, scenario, levels, space),
        {"kind": "para", "text": _doubt(book, scenario, levels[0], space)},
    ]
    scenarios = scenarios_of(book)
    if len(scenarios) > 1:
        blocks.append(_scenario_table(book, scenarios, levels, space))
    blocks.append({"kind": "note", "text": w("answer.first_page")})
    return blocks


def _answer_table(book: Book, scenario: str, levels: list[str], space: str) -> Block:
    w = book.words
    rows = []
    for level in levels:
        key = _key(scenario, level, space)
        reach = book.fact("length", f"levels.{level}.range_m")
        rows.append(
            [
                w("answer.level_cell", level=level_name(book, level), plain=level_plain(book, level)),
                w("answer.reach", distance=reach) if reach else "",
                book.say("percent", "shares.csv", "share_mean", **key) or w("say.no_figure"),
                _range(book, "shares.csv", "share_p05", "share_p95", key),
                _range(book, "shares.csv", "share_low", "share_high", key),
            ]
        )
    head = [w(f"answer.head_{name}") for name in ("level", "reach", "share", "chance", "assumptions")]
    return {"kind": "table", "caption": w("answer.caption"), "head": head, "rows": rows, "wide": [3, 2, 2, 2, 2]}


def _range(book: Book, file: str, low: str, high: str, key: dict[str, str]) -> str:
    least, most = book.say("percent", file, low, **key), book.say("percent", file, high, **key)
    if least is None or most is None:
        return book.words("say.not_worked_out")
    return book.words.range(least, most)


def _doubt(book: Book, scenario: str, level: str, space: str) -> str:
    """Return what chance and the assumptions do to the first figure; a range that is absent is named as such."""
    w, key = book.words, _key(scenario, level, space)
    said = []
    for name, low, high in (("chance", "share_p05", "share_p95"), ("assumptions", "share_low", "share_high")):
        least, most = (book.say("percent", "shares.csv", column, **key) for column in (low, high))
        if least is None or most is None:
            said.append(w(f"answer.no_{name}"))
        else:
            said.append(w(f"answer.{name}", low=least, high=most, level=level_name(book, level)))
            if name == "assumptions" and most == book.say("percent", "shares.csv", "share_mean", **key):
                said.append(w("answer.one_way"))
    return " ".join(said)


def _scenario_table(book: Book, scenarios: list[str], levels: list[str], space: str) -> Block:
    w = book.words
    rows = []
    for scenario in scenarios:
        cells = [scenario_name(book, scenario)]
        for level in levels:
            key = _key(scenario, level, space)
            mean = book.say("percent", "shares.csv", "share_mean", **key)
            low, high = (book.say("percent", "shares.csv", name, **key) for name in ("share_low", "share_high"))
            if mean is not None and low is not None and high is not None:
                mean = w.with_range(mean, low, high)
            cells.append(mean or w("say.no_figure"))
        rows.append(cells)
    head = [w("answer.head_scenario"), *(level_name(book, level) for level in levels)]
    caption = w("answer.scenario_caption", ground=_ground(book, space))
    return {"kind": "table", "caption": caption, "head": head, "rows": rows, "wide": [4, *[2] * len(levels)]}


def _map(book: Book, place: str) -> list[Block]:
    w, (scenario, level) = book.words, on_map(book)
    said = {"place": place, "level": level_name(book, level), "plain": level_plain(book, level)}
    said["scenario"] = scenario_phrase(book, scenario)
    space = space_of(book.run)
    share = book.say("percent", "shares.csv", "share_mean", **_key(scenario, level, space)) or w("say.no_figure")
    picture = book.image(
        f"in_view_{level}_{scenario}.png",
        w("map.alt", **said, share=share, ground=_ground(book, space)),
        w("map.caption", **said),
    )
    return [{"kind": "para", "text": w("map.text")}, picture] if picture else [_absent(book, "map.absent")]


def _absent(book: Book, key: str) -> Block:
    return {"kind": "note", "text": book.words(key)}


def _curve(book: Book, space: str) -> list[Block]:
    w, levels = book.words, levels_of(book)
    rows = []
    for rate in RATES:
        keys = [_key("", level, space) | {"rate": rate} for level in levels]
        for key in keys:
            del key["scenario"]
        cells = [book.say("percent", "curve.csv", "share_mean", **key) for key in keys]
        if any(cells):
            said = book.say("rate", "curve.csv", "rate", **keys[0]) or ""
            rows.append([w("curve.row", rate=said), *(cell or w("say.no_figure") for cell in cells)])
    if not rows:
        return [_absent(book, "curve.absent")]
    alt = w("curve.alt", rows="; ".join(f"{row[0]}: {', '.join(row[1:])}" for row in rows))
    picture = book.image("curve.png", alt, w("curve.caption"))
    head = [w("curve.head"), *(level_name(book, level) for level in levels)]
    table = {"kind": "table", "caption": w("curve.table"), "head": head, "rows": rows, "wide": [4, *[2] * len(levels)]}
    return [{"kind": "para", "text": w("curve.text")}, *([picture] if picture else []), table]


def _zones(book: Book, space: str) -> list[Block]:
    w, (scenario, _), levels = book.words, on_map(book), levels_of(book)
    zonings = list(
        dict.fromkeys(row["zoning"] for row in book.run.rows("shares.csv", scenario=scenario) if row["zoning"] != "all")
    )
    if not zonings:
        return [_absent(book, "zones.absent")]
    blocks: list[Block] = [{"kind": "para", "text": w("zones.text", scenario=scenario_phrase(book, scenario))}]
    for zoning in zonings:
        first = book.run.rows(
            "shares.csv", scenario=scenario, level=levels[0], zoning=zoning, space=space, measure="area_m2"
        )
        first.sort(key=lambda row: (-(as_number(row["share_mean"]) or 0.0), row["zone"]))
        kept = first if len(first) <= MOST_ZONES else [*first[: MOST_ZONES // 2], *first[-(MOST_ZONES // 2) :]]
        rows = []
        for row in kept:
            cells = [zone_name(book, zoning, row["zone"])]
            for level in levels:
                key = _key(scenario, level, space) | {"zoning": zoning, "zone": row["zone"]}
                mean = book.say("percent", "shares.csv", "share_mean", **key)
                low, high = (book.say("percent", "shares.csv", name, **key) for name in ("share_low", "share_high"))
                if mean is not None and low is not None and high is not None:
                    mean = w.with_range(mean, low, high)
                cells.append(mean or w("say.no_figure"))
            rows.append(cells)
        caption = w("zones.caption", zoning=book.quote(clean(zoning).replace("_", " "), 40))
        if len(kept) < len(first):
            caption += " " + w("zones.part", shown=len(kept) // 2, of=w.number(len(first)))
            book.quoted.append(w.number(len(first)))
        head = [w("zones.head"), *(level_name(book, level) for level in levels)]
        wide = [3, *[2] * len(levels)]
        blocks.append({"kind": "table", "caption": caption, "head": head, "rows": rows, "wide": wide})
    return blocks
