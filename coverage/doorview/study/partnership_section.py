"""The section `[partnership]` of a study file: a programme over time, from a preset, from own terms, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from doorview.errors import InputError
from doorview.study.bass import Bass, bass_through
from doorview.study.partnership_presets import OF_THE_APP, UNMEASURED, Preset, preset, presets, terms_of
from doorview.study.partnership_terms import Outreach, Terms, Town
from doorview.study.scenario_faults import hint

__all__ = ["PartnershipSection", "partnership_faults"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Money = Annotated[float, Field(ge=0.0)]
Batch = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1)], Annotated[int, Field(strict=True, ge=0)]], Field(strict=False)
]
DEFAULT_REACH = 0.2
"""Free: no source. Varied, not believed."""
_TERMS = (
    "supply",
    "credit",
    "price",
    "credit_most",
    "rule",
    "every",
    "district_doors",
    "most",
    "per_month",
    "cost",
    "budget",
    "take_up",
    "already_own",
    "would_have_bought",
)


class PartnershipSection(BaseModel):
    """A police deal by month, beside the same months without it; values given here override those of the preset.

    Writes `partnership.csv` and `maps/partnership.png`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    preset: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="A deal that was made: " + ", ".join(f"`{name}`" for name in presets()) + "."
    )
    label: Annotated[str, Field(min_length=1)] | None = Field(None, description="Plain name for tables and plots.")
    months: Annotated[int, Field(ge=1, le=600)] = Field(36, description="How many months.")
    start_rate: Share | None = Field(
        None, description="Share of doors that own one at the start; left out: the preset's."
    )
    innovation: float | None = Field(
        None, ge=0.0, description="Bass's p, a year; left out, with imitation: through the Parks Associates figures."
    )
    imitation: float | None = Field(
        None, ge=0.0, description="Bass's q, a year; left out, with innovation: through the Parks Associates figures."
    )
    ceiling: Share = Field(
        0.5, description="Share of doors that would ever own one without a programme. Free: no source; vary it."
    )
    reach: Share | None = Field(
        None,
        description="Share of households that outreach reaches; left out: 0.2, or 0 where a preset has no app in its "
        "terms. Free: no source.",
    )
    monthly_share: Share = Field(
        0.05, description="Share of those, without the app, that download it in a month. Free: no source."
    )
    decay: Share = Field(0.1, description="By how much that share falls each month. Free: no source.")
    outreach_months: int | None = Field(None, ge=0, description="Months of outreach; left out: all.")
    qualifying: Share = Field(1.0, description="Share of downloads that count under the terms. Free: no source.")
    app_share_start: Share = Field(0.0, description="Share of the households reached that use the app already.")
    supply: Annotated[tuple[Batch, ...], Field(strict=False)] | None = Field(
        None, description="Doorbells that come without credit: [[month, number], ...], month 1 the first."
    )
    credit: Money | None = Field(None, description="What a qualifying download earns, in money.")
    price: Money | None = Field(None, description="Credit that one more doorbell takes, in money.")
    credit_most: Money | None = Field(None, description="The most that downloads may earn together, in money.")
    rule: Literal["raffle", "every", "district", "anyone"] | None = Field(
        None,
        description="Who gets them: `raffle` among homes with the app (left out: this), `every` so many downloads one, "
        "`district` homes without one in a district, `anyone` who applies.",
    )
    every: int | None = Field(None, ge=1, description="With `every`: the downloads for each doorbell.")
    district_doors: int | None = Field(
        None, ge=0, description="With `district`: the doors eligible, wherever they are; see `zones`."
    )
    zoning: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="With `district`: the set of zones that `zones` are of."
    )
    zones: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)] | None = Field(
        None,
        description="With `district`: ids of the zones whose doors are eligible; free doorbells then hang there. Left "
        "out: nobody says where, and they count as spread over all doors.",
    )
    most: int | None = Field(None, ge=0, description="End of supply: the most doorbells in all.")
    per_month: int | None = Field(None, ge=0, description="The most handed out in a month.")
    cost: Money | None = Field(None, description="What each costs who pays for it, in money.")
    budget: Money | None = Field(None, description="The most that may be paid, in money.")
    take_up: Share | None = Field(None, description="Share of the doorbells that are put up; left out: all.")
    already_own: Share | None = Field(
        None, description="Share of them put up where one hangs already; left out: as among all doors (`district`: 0)."
    )
    would_have_bought: Share | None = Field(
        None,
        description="Share of the new owners who would have bought one anyway; left out: as among all without one.",
    )
    replicates: int = Field(256, ge=0, le=100_000, description="Simulated paths for the ranges; 0: none.")

    def chosen_preset(self) -> Preset | None:
        """Return the preset, or None. Raises UnknownNameError as `preset`."""
        return None if self.preset is None else preset(self.preset)

    def values(self) -> dict[str, Any]:
        """Return the terms by the names of the study file: the preset's with what is given here."""
        chosen = self.chosen_preset()
        values = {} if chosen is None else dict(chosen.values)
        own = {name: getattr(self, name) for name in (*_TERMS, "start_rate", "reach")}
        return values | {name: value for name, value in own.items() if value is not None}

    def terms(self, eligible: int | None = None) -> Terms:
        """Return the terms: the preset's with what is given here; with `zones`, `eligible` doors lie in them.

        Raises
        ------
        InputError
            Where the values are no terms.

        """
        values = self.values()
        if self.zones is not None:
            values["district_doors"] = eligible or 0
        return terms_of(values)

    def outreach(self) -> Outreach:
        """Return how outreach brings downloads."""
        reach = float(self.values().get("reach", DEFAULT_REACH))
        return Outreach(
            reach, self.monthly_share, self.decay, self.outreach_months, self.qualifying, self.app_share_start
        )

    def bass(self) -> Bass:
        """Return how neighbours adopt.

        Raises
        ------
        InputError
            Only one of innovation and imitation is given, or no curve to the ceiling passes through the figures.

        """
        if self.innovation is None and self.imitation is None:
            return bass_through(self.ceiling)
        if self.innovation is None or self.imitation is None:
            raise InputError("partnership: innovation and imitation belong together; give both, or neither.")
        return Bass(self.innovation, self.imitation, self.ceiling)

    def town(self, doors: int, households: int, start_rate: float | None = None) -> Town:
        """Return the town; `start_rate` (of the run's main scenario, say) holds where neither file nor preset has one.

        Raises
        ------
        InputError
            Nobody says how many own one at the start.

        """
        rate = self.values().get("start_rate", start_rate)
        if rate is None:
            raise InputError(
                "partnership: nobody says what share of doors own a camera at the start; give start_rate, e.g. "
                "start_rate = 0.04 (US internet households in 2017, Parks Associates)."
            )
        return Town(doors, households, float(rate))

    def free_parameters(self) -> dict[str, str]:
        """Return what no source knows, by name, for the page: the preset's unknown terms and the unmeasured ones."""
        chosen = self.chosen_preset()
        own = {} if chosen is None else {n: w for n, w in chosen.unknown.items() if getattr(self, n, None) is None}
        app = self.values().get("reach") != 0
        free = {name: words for name, words in UNMEASURED.items() if app or name not in OF_THE_APP}
        return {**own, **free, "ceiling": "share of doors that would ever own one without a programme"}

    def assumed(self) -> dict[str, str | float | None]:
        """Return what the free parameters were taken as, by name; None: left out, each by its own rule."""
        values = self.values() | {"reach": self.outreach().reach}
        taken: dict[str, str | float | None] = {}
        for name in self.free_parameters():
            value = values.get(name, getattr(self, name, None))
            taken[name] = value if isinstance(value, str | int | float) else None
        taken |= {name: value for name, value in (("take_up", 1.0), ("rule", "raffle")) if taken.get(name, 0) is None}
        return taken

    def free_words(self) -> list[str]:
        """Return each free parameter in words, with what it was taken as."""
        taken = {name: value for name, value in self.assumed().items() if value is not None}
        return [
            f"{words} ({taken[name]})" if name in taken else words for name, words in self.free_parameters().items()
        ]

    def shown_terms(self) -> dict[str, dict[str, Any]]:
        """Return every term that has a value, by name: the value, whose it is, and its source."""
        chosen, shown = self.chosen_preset(), {}
        for name, value in self.values().items():
            own = getattr(self, name) is not None
            figure = None if chosen is None or own else chosen.figures[name]
            mark, source = ("user", "given in the study file") if figure is None else (figure.mark, figure.source)
            shown[name] = {"value": value, "mark": mark, "source": source}
        return shown

    def title(self) -> str:
        """Return the programme's plain name."""
        chosen = self.chosen_preset()
        return self.label or (chosen.label if chosen is not None else "a programme of the study's own")

    def key(self) -> str:
        """Return the programme's name in tables."""
        return self.preset or "own"


def partnership_faults(raw: object, zonings: Iterable[str]) -> list[str]:
    """Return the faults of ``[partnership]`` that no single field shows; `zonings` are the names of the sets of zones.

    Whether there are as many doors as the terms take to be eligible shows only in the city.
    """
    if not isinstance(raw, Mapping):
        return []
    faults = _zone_faults(raw, sorted(zonings))
    name = raw.get("preset")
    unknown = isinstance(name, str) and name not in presets()
    if unknown:
        faults.append(
            f"partnership.preset: unknown preset '{name}'.{hint(str(name), presets())} Leave it out to state terms of "
            "your own."
        )
    try:
        section = PartnershipSection.model_validate({**raw, "preset": None} if unknown else raw)
    except ValidationError:
        return faults  # each of its faults is listed as a field's own
    tried: list[Callable[[], object]] = [section.outreach, section.bass]
    if not unknown:  # its terms are not known
        tried += [section.terms, lambda: section.town(0, 0)]
    for checked in tried:
        try:
            checked()
        except InputError as fault:
            said = str(fault).rstrip(".")
            faults.append(said if said.startswith("partnership") else f"partnership: {said}")
    return faults


def _zone_faults(raw: Mapping[str, Any], zonings: list[str]) -> list[str]:
    """Return what is wrong with where a district lies."""
    faults = []
    zoning, chosen = raw.get("zoning"), presets().get(str(raw.get("preset")))
    rule = raw.get("rule", None if chosen is None else chosen.values.get("rule"))
    if isinstance(zoning, str) and zoning not in zonings:
        known = hint(zoning, zonings) if zonings else " The study has no [[zones]]; add them."
        faults.append(f"partnership.zoning: unknown set of zones '{zoning}'.{known}")
    if ("zoning" in raw) != ("zones" in raw):
        faults.append(
            "partnership: zoning and zones belong together; give both, as in zoning = 'district', zones = ['2']"
        )
    if "zones" in raw and rule != "district":
        faults.append("partnership.zones: goes with rule = 'district'; leave one of both out")
    if "zones" in raw and "district_doors" in raw:
        faults.append(
            "partnership: district_doors and zones contradict each other; keep one: doors in zones are counted"
        )
    return faults
