"""Three rounds of killing servers and workers in the middle of operations; `python -m tests.kill` does more."""

from __future__ import annotations

import asyncio

import pytest

from tests.aftermath import Findings
from tests.kill import Size, killed, original

USERS, SEED = 1_200, 20261125
SMALL = Size(clients=2, calls=3, more_calls=1, kills=1)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_half_done_or_done_twice_when_processes_are_killed(kind: str) -> None:
    """Z4, Z6: with a worker beside the server, with several on PostgreSQL, and with one inside."""
    found = Findings()
    with original(kind, USERS, SEED) as seeded:
        for first, rounds in ((0, 2), (2, 1)):
            for each in asyncio.run(killed(seeded, first, SEED, rounds=rounds, size=SMALL)):
                found.add(each)
    assert [*found.lines()] == []
    assert found.acknowledged > 15
