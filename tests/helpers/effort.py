"""How hard the property tests try: `make test-long` sets ``DOORVIEW_EFFORT``, so many times their usual examples."""

from __future__ import annotations

import os

EFFORT = int(os.environ.get("DOORVIEW_EFFORT", "1"))


def examples(number: int) -> int:
    """Return how many examples a test shall try that tries `number` in the main suite."""
    return number * EFFORT
