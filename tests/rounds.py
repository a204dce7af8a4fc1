"""How often a race is run."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("TEST_THOROUGH") == "1"


def rounds(whole: int) -> int:
    """A fifth of the rounds, so that the suite stays quick; all of them with `TEST_THOROUGH=1`."""
    return whole if THOROUGH else -(-whole // 5)
