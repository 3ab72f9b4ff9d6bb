"""In view is not recorded, recorded is not kept, kept is not shared: four shares as successive thinnings.

All of it are free parameters [NF]: no source found gives how many doorbells record, for how long clips are kept, or how
many owners share them when asked. (Of owners asked in a survey, 10 % had ever shared footage with police: Consumer
Reports, January 2021, n = 2,223 [C],
https://negref.best/article/can-police-ask-for-your-doorbell-video-know-your-rights . That is no answer rate.)
"""

from __future__ import annotations

from collections.abc import Mapping

from doorview.ownership.checks import Faults
from doorview.ownership.union import Owners

__all__ = ["STAGES", "keep_chances", "kept_after", "stages_of"]

STAGES = ("in_view", "recorded", "kept", "shared")


def kept_after(retention_days: float | Mapping[float, float], asked_after_days: float) -> float:
    """Return the chance that a clip is still there when it is asked for.

    Parameters
    ----------
    retention_days
        How long clips are kept: one number for all cameras, or {days: share of cameras}, shares adding up to 1.
    asked_after_days
        Days from the incident to the request.

    """
    faults = Faults("retention")
    asked = faults.amount("asked_after_days", asked_after_days)
    mix = retention_days if isinstance(retention_days, Mapping) else {retention_days: 1.0}
    share = {faults.amount("retention_days", days): faults.chance("its share", part) for days, part in mix.items()}
    total = sum(share.values())
    if not faults.found and abs(total - 1.0) > 1e-9:
        faults.add(f"the shares of retention_days add up to {total:g}: they must add up to 1.")
    faults.refuse()
    return min(1.0, sum(part for days, part in share.items() if days >= asked))


def keep_chances(
    active: float = 1.0,
    retention_days: float | Mapping[float, float] = float("inf"),
    asked_after_days: float = 0.0,
    agrees: float = 1.0,
) -> dict[str, float]:
    """Return the chance that a camera in view counts at each stage: in_view 1, recorded, kept, shared.

    `active`: the camera works and records; `agrees`: its owner shares a clip when asked. Doors decide independently.
    """
    faults = Faults("from in view to shared")
    works, says_yes = faults.chance("active", active), faults.chance("agrees", agrees)
    faults.refuse()
    kept = 1.0 if retention_days == float("inf") else kept_after(retention_days, asked_after_days)
    return {"in_view": 1.0, "recorded": works, "kept": works * kept, "shared": works * kept * says_yes}


def stages_of(owners: Owners, chances: Mapping[str, float]) -> dict[str, Owners]:
    """Return the owners whose cameras count at each stage of `keep_chances`: thinned, each stage within the one before.

    `kept` and `shared` are of cameras that see a given moment; where the clip must be long, they are upper bounds.
    """
    return {stage: owners.thinned(keep) for stage, keep in chances.items()}
