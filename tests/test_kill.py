"""Three rounds of killing servers and workers in the middle of operations; `python -m tests.kill` does more."""

from __future__ import annotations

import asyncio

import pytest

from tests.aftermath import SPECIAL, Findings
from tests.callers import Size
from tests.kill import killed, original

USERS, SEED = 1_200, 20261125
SMALL = Size(clients=2, calls=5, more_calls=1, kills=1)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_half_done_or_done_twice_when_processes_are_killed(kind: str) -> None:
    """Z4, Z6, Z8: with a worker beside the server, with several on PostgreSQL, and with one inside."""
    found = Findings()
    with original(kind, USERS, SEED) as seeded:
        for number in range(3):
            for each in asyncio.run(killed(seeded, number, SEED, size=SMALL)):
                found.add(each)
    assert [*found.lines()] == []
    assert found.acknowledged > 15
    assert [what for what in SPECIAL if not found.done[what]] == []
