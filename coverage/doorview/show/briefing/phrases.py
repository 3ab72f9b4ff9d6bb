"""Names of levels, scenarios, zones and assumptions, in the language of the reader."""

from __future__ import annotations

from doorview.show.briefing.book import Book

__all__ = ["HEADLINE_LEVELS", "driver_label", "driver_value", "level_name", "level_plain", "levels_of", "on_map"]
__all__ += ["place_of", "scenario_name", "scenario_phrase", "scenarios_of", "zone_name"]

HEADLINE_LEVELS = ("detect", "observe", "recognise")


def levels_of(book: Book) -> list[str]:
    """Return the levels that a headline gives together, or all of the run where it has none of them."""
    had = list(book.run.facts.get("levels") or {})
    return [name for name in HEADLINE_LEVELS if name in had] or had


def level_name(book: Book, level: str) -> str:
    """Return a level's name."""
    return book.words.get(f"levels.{level}.name", "") or book.quote(level, 40)


def level_plain(book: Book, level: str) -> str:
    """Return what a level means, in plain words."""
    return book.words.get(f"levels.{level}.plain", "") or book.quote(book.run.fact(f"levels.{level}.plain"), 80)


def place_of(book: Book) -> str:
    """Return the name of the place: a fictional one goes by its label."""
    label = book.run.fact("settings.study.label")
    if book.run.facts.get("fictional") and label:
        return book.quote(label, 100)
    return book.quote(str(book.run.facts.get("name", "")).replace("_", " "), 60) or book.words("place.unnamed")


def scenarios_of(book: Book) -> list[str]:
    """Return the names of the run's scenarios, in the study's order."""
    named = list(book.run.facts.get("scenarios") or {})
    return named or sorted({row["scenario"] for row in book.run.rows("shares.csv", zoning="all")})


def on_map(book: Book) -> tuple[str, str]:
    """Return the scenario and the level that the maps show."""
    scenarios = scenarios_of(book)
    shown = book.run.fact("shown_on_maps") or {}
    scenario = str(shown.get("scenario", scenarios[len(scenarios) // 2]))
    return scenario, str(shown.get("level", levels_of(book)[0]))


def scenario_name(book: Book, name: str) -> str:
    """Return what a table calls a scenario: the study's label, else its words."""
    label = book.run.fact(f"settings.scenarios.{name}.label")
    return book.quote(label, 100) if label else _capital(scenario_phrase(book, name))


def scenario_phrase(book: Book, name: str) -> str:
    """Return a scenario as a clause: ``1 in 5 households own a doorbell camera``."""
    w, at = book.words, f"settings.scenarios.{name}"
    process = str(book.run.fact(f"{at}.process") or "")
    key = f"process.{process}"
    number, rate = book.fact("count", f"{at}.number"), book.fact("rate", f"{at}.rate")
    if rate is None and number is None:  # a published rate, or cameras to the kilometre: the run has worked it out
        rate = book.say("rate", "densities.csv", "share_of_households", name=name)
    if rate is not None and w.get(key, ""):
        clause = w(key, rate=rate, strength=book.fact("short", f"{at}.strength") or "")
    elif number is not None:
        clause = w("process.exactly", number=number)
    else:
        return w("process.other", words=book.quote(book.run.fact(f"scenarios.{name}") or name, 200))
    programme, rules = book.run.fact(f"{at}.programme"), book.run.fact(f"{at}.rules")
    if programme:
        given = book.fact("count", f"{at}.programme.number")
        clause += w("process.programme", number=given) if given is not None else w("process.budget")
    if rules:
        zone = book.fact("length", f"{at}.rules.privacy_zone_m")
        reach = book.fact("length", f"{at}.rules.trigger_range_m")
        if zone is not None:
            clause += w("process.privacy_zone", distance=zone)
        if reach is not None:
            clause += w("process.trigger_range", distance=reach)
        if book.run.fact(f"{at}.rules.lapsed"):
            clause += w("process.lapsed", share=book.fact("percent", f"{at}.rules.lapsed"))
    return clause


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def zone_name(book: Book, zoning: str, zone: str) -> str:
    """Return a zone's name, or its id where it has none."""
    return book.quote(book.run.zone_names.get((zoning, zone)) or zone, 60)


def driver_label(book: Book, factor: str, label: str) -> str:
    """Return what an assumption is about."""
    return book.words.get(f"drivers.{factor}", "") or book.quote(label, 120)


def driver_value(book: Book, row: dict[str, str], end: str) -> str:
    """Return the low or high value of an assumption with its unit; a choice as the study calls it."""
    key = {name: row[name] for name in ("level", "factor", "scenario", "space", "measure") if name in row}
    unit = row.get("unit", "")
    kind = "length" if unit == "m" else "percent" if unit.startswith("share") else "short"
    said = book.say(kind, "drivers.csv", end, **key)  # type: ignore[arg-type]
    if said is None:
        return book.quote(row.get(end), 40)
    return book.words.get(
        "driver_units.degrees"
        if unit.startswith("degrees")
        else "driver_units.times"
        if unit.startswith("times")
        else "",
        "{value}",
    ).format(value=said)
