"""A partnership in a sentence, for the notes of a result."""

from __future__ import annotations

from doorview.show.text import Units, clean, join, percent, place_words
from doorview.study.partnership_run import PartnershipRun

__all__ = ["partnership_words"]


def partnership_words(found: PartnershipRun | None, units: Units, near_m: float) -> list[str]:
    """Return what the partnership comes to after its last month, and what of it is assumed; nothing without one."""
    if found is None:
        return []
    plan, table = found.plan, found.table
    last = table[table["month"] == table["month"].max()].set_index("level")
    first = last.iloc[0]
    shares = "; ".join(
        f"{level} {percent(row['share_mean'])}, without it {percent(row['share_without_programme'])}"
        for level, row in last.iterrows()
    )
    handed = int(table.loc[table["level"] == last.index[0], "free_doorbells"].sum())
    taken = plan.section.assumed()
    free = join(
        [name.replace("_", " ") + (f" ({value})" if value is not None else "") for name, value in taken.items()]
    )
    chosen = plan.section.chosen_preset()
    said = f" {chosen.said}" if chosen is not None else ""
    months = f"{plan.section.months} month{'s' * (plan.section.months != 1)}"
    line = (
        f"Under a programme ({clean(plan.section.title(), 120)}), {handed:,} doorbells handed out, after "
        f"{months} {round(float(first['doors_owned'])):,} of {plan.town.doors:,} doors own a "
        f"camera, {round(float(first['doors_without_programme'])):,} without it; in view of "
        f"{place_words(str(first['space']), units, near_m)}: {shares}.{said} No source gives {free}: they are assumed, "
        "and the result is no better than they are."
    )
    return [line]
