"""The section `[partnership]` of a study file: a programme over time, from a preset, from own terms, or both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from doorview.errors import InputError
from doorview.study.bass import Bass, bass_through
from doorview.study.partnership_presets import OF_THE_APP, UNMEASURED, Preset, preset, presets, terms_of
from doorview.study.partnership_terms import Outreach, Terms, Town

__all__ = ["PartnershipSection"]

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
    """A police deal by month; values given here override those of the preset."""

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
    district_doors: int | None = Field(None, ge=0, description="With `district`: the doors eligible.")
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

    def _values(self) -> dict[str, Any]:
        chosen = self.chosen_preset()
        values = {} if chosen is None else dict(chosen.values)
        own = {name: getattr(self, name) for name in (*_TERMS, "start_rate", "reach")}
        return values | {name: value for name, value in own.items() if value is not None}

    def terms(self) -> Terms:
        """Return the terms: the preset's with what is given here. Raises InputError where they are none."""
        return terms_of(self._values())

    def outreach(self) -> Outreach:
        """Return how outreach brings downloads."""
        reach = float(self._values().get("reach", DEFAULT_REACH))
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
        rate = self._values().get("start_rate", start_rate)
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
        app = self._values().get("reach") != 0
        free = {name: words for name, words in UNMEASURED.items() if app or name not in OF_THE_APP}
        return {**own, **free, "ceiling": "share of doors that would ever own one without a programme"}

    def title(self) -> str:
        """Return the programme's plain name."""
        chosen = self.chosen_preset()
        return self.label or (chosen.label if chosen is not None else "a programme of the study's own")

    def key(self) -> str:
        """Return the programme's name in tables."""
        return self.preset or "own"
