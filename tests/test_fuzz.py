"""What schemathesis makes up from the whole schema: never a fault, always a code."""

from __future__ import annotations

import pytest

from tests.fuzz import fuzzed
from tests.gateway import Gateway

pytestmark = pytest.mark.anyio

CASES, SEED = 122, 20261125  # two for each entry; `python -m tests.fuzz` sends more


async def test_what_is_made_up_from_the_schema_is_answered_without_a_fault(gateway: Gateway) -> None:
    """M14, R1: and another organization notices nothing, and what always holds does hold afterwards."""
    tally = await fuzzed(gateway, CASES, SEED)
    assert tally.cases == CASES
    assert [tally.faults, tally.uncoded, tally.trespasses, tally.broken] == [[], [], [], []]
