"""What a run's folder says of a partnership: its table, its picture, its terms with their sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_partnership
from doorview.show.text import clean
from doorview.study.bass import PARKS_SOURCE
from doorview.study.draw import caption_of
from doorview.study.partnership_run import PartnershipPlan
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["draw_partnership", "partnership_facts", "write_partnership_files"]


def write_partnership_files(result: Result, run: RunFolder) -> None:
    """Write partnership.csv, where the study asks for one."""
    if result.partnership is not None:
        write_partnership(run.path("partnership.csv"), result.partnership)


def draw_partnership(result: Result, folder: Path) -> list[Path]:
    """Draw the partnership into `folder`, where there is one."""
    found = result.tables.partnership
    if found is None:
        return []
    from doorview.show.partnership import partnership_plot

    plan = found.plan
    told = set(found.table["level"])
    names = headline_levels(name for name in result.levels if name in told)
    main = result.main_level()
    drawn = partnership_plot(
        folder / "partnership.png",
        found.table,
        [result.levels[name] for name in names],
        caption_of(result),
        level=main if main in told else names[0],
        programme=plan.section.title(),
        doors=plan.town.doors,
        said=" ".join(filter(None, [said_of(plan), where_words(plan)])),
        free=plan.section.free_words(),
        near_m=result.ready.study.public_space.near_home_m,
    )
    return [drawn]


def partnership_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of a partnership: terms with marks and sources, and what no source knows."""
    found = result.tables.partnership
    if found is None:
        return {}
    plan = found.plan
    section, bass = plan.section, plan.section.bass()
    chosen = section.chosen_preset()
    through = section.innovation is None
    return {
        "partnership": {
            "programme": section.key(),
            "title": section.title(),
            "said": said_of(plan),
            "said_source": "" if chosen is None else chosen.said_source,
            "terms": section.shown_terms(),
            "unknown": {} if chosen is None else dict(chosen.unknown),
            "free": section.free_parameters(),
            "assumed": section.assumed(),
            "diffusion": {
                "innovation": bass.innovation,
                "imitation": bass.imitation,
                "ceiling": bass.ceiling,
                "mark": "D" if through else "user",
                "source": f"the ceiling is chosen, the rest follows from {PARKS_SOURCE}"
                if through
                else "given in the study file",
            },
            "town": {
                "doors": plan.town.doors,
                "households": plan.town.households,
                "start_rate": plan.town.start_rate,
            },
            "where": where_words(plan),
            "intervals": "share_p05 and share_p95: chance in the course alone, of "
            f"{section.replicates} simulated courses; not the range of the assumptions"
            if section.replicates
            else "none asked for",
            "caveat": "in view is not recorded; nothing here shows that a deal had the effect computed",
        }
    }


def said_of(plan: PartnershipPlan) -> str:
    """Return what a reader must know of the deal."""
    chosen = plan.section.chosen_preset()
    return "" if chosen is None else chosen.said


def where_words(plan: PartnershipPlan) -> str:
    """Return where the free doorbells are taken to hang."""
    if plan.eligible is None:
        return "Owners are spread over all doors alike."
    zones = ", ".join(clean(zone, 40) for zone in plan.section.zones or ())
    return (
        f"Free doorbells hang in {clean(plan.section.zoning, 40)} {clean(zones, 120)} "
        f"({int(plan.eligible.sum()):,} doors), all other owners at all doors alike."
    )
