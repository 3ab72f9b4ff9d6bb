"""Scenarios in plain words, as clauses that follow "If"; what a study says is enough for them."""

from __future__ import annotations

from doorview.ownership.densities import PRESETS
from doorview.ownership.programmes import affordable
from doorview.study.scenario_sections import DENSITIES, ProgrammeSection, RulesSection, Scenario

__all__ = ["density_key", "owners_words", "placed_words", "programme_words", "rules_words", "scenario_words"]


def density_key(section: Scenario) -> str:
    """Return the key by which a scenario says how many own a camera."""
    return next(key for key in DENSITIES if getattr(section, key) is not None)


def scenario_words(section: Scenario) -> str:
    """Return a scenario in words, before anything is known of the place."""
    if section.process in ("most_possible", "least_found"):
        return placed_words(section, section.number or 0, section.space, section.level)
    words = [owners_words(section)]
    programme = section.programme
    if programme is not None:
        bought = programme.number if programme.budget is None else affordable(programme.budget, programme.city_cost)
        words.append(programme_words(programme, int(bought or 0)))
    words.append(rules_words(section.rules))
    return ", ".join(item for item in words if item)


def owners_words(section: Scenario) -> str:
    """Return who owns a camera before anything is handed out or taken away."""
    if section.process == "exactly":
        return f"exactly {section.number or 0:,} doors own one, drawn by lot"
    said = _density_words(section)
    if section.process in ("clustered", "neighbours"):
        return f"{said}, in clusters: {_alike(section)}"
    if section.process == "weighted":
        return f"{said} on average, {_leaning(section)}"
    return f"{said}, independently"


def _density_words(section: Scenario) -> str:
    key = density_key(section)
    value = getattr(section, key)
    if key == "rate_column":
        return f"households own one at the rates in column '{value}' of {section.zoning}"
    if key == "rate":
        return f"{100 * value:.3g}% of households own one"
    if key == "rate_preset":
        known = PRESETS[value]
        return f"{100 * known.rate:.3g}% of households own one (a rate of US internet households, {known.year})"
    unit = {"number": "", "per_street_km": " per km of street", "per_km2": " per km2"}[key]
    return f"there are {'about ' if key == 'number' else ''}{value:,.10g} cameras{unit}"


def _alike(section: Scenario) -> str:
    """Return how much homes are alike; the strength is of two homes on one block, or next door to each other."""
    where = "on the same block" if section.process == "clustered" else "next door"
    if section.strength is not None:
        return f"{section.strength:g} times as likely where a home {where} does"
    reach = where if section.process == "clustered" else f"within {section.distance_m:g} m"
    return f"homes {reach} are alike (correlation {section.correlation:g})"


def _leaning(section: Scenario) -> str:
    ratio = section.odds_ratio or 1.0
    if ratio == 1.0:
        return f"whatever the {section.column} of the {section.zoning}"
    more = "more" if ratio > 1.0 else "fewer"
    return f"{more} where the {section.column} of the {section.zoning} is higher (odds ratio {ratio:g})"


def programme_words(section: ProgrammeSection, number: int) -> str:
    """Return what is handed out."""
    zones = f"{section.zoning} {', '.join(section.zones or ())}"
    how = {
        "all": "given away by lot",
        "raffle": "raffled among users of the app",
        "zones": f"given away in {zones}",
        "zones_in_order": f"given away in {zones}, in that order",
        "means_tested": f"given away where {section.column} is at most {section.at_most or 0:,g}",
    }[section.to]
    return f"and {number:,} doorbell{'s are' if number != 1 else ' is'} {how}"


def rules_words(rules: RulesSection | None) -> str:
    """Return what is taken away; empty for no rules, or rules that take nothing."""
    if rules is None:
        return ""
    cut = []
    if rules.privacy_zone_m is not None:
        cut.append(f"black out what lies over {rules.privacy_zone_m:g} m beyond the property line")
    if rules.trigger_range_m is not None:
        cut.append(f"start recording within {rules.trigger_range_m:g} m only")
    whose = "all cameras" if rules.for_cameras == "all" else "the cameras given away"
    said = [f"{whose} {' and '.join(cut)}"] if cut else []
    if rules.lapsed:
        said.append(f"{100 * rules.lapsed:.3g}% of cameras have lapsed")
    return f"but {' and '.join(said)}" if said else ""


def placed_words(section: Scenario, number: int, space: str | None, level: str | None) -> str:
    """Return where cameras hang that are placed by what they see."""
    what = "the most" if section.process == "most_possible" else "the least that was found"
    of = f" of {space.replace('_', ' ')}" if space else ""
    return f"{number:,} cameras hang where they see {what}{of}" + (f" ({level})" if level else "")
