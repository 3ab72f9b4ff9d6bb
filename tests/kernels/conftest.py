"""What the kernels' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def hashes_may_overflow() -> Iterator[None]:
    """Compiled, unsigned integers wrap around silently, as hashes need; interpreted, numpy would warn of it."""
    with np.errstate(over="ignore"):
        yield
