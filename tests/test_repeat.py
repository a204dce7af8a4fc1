"""Twenty clients of real processes who send the same call at once."""

from __future__ import annotations

import pytest

from tests.repeat import Calls, run

pytestmark = pytest.mark.anyio


async def test_what_twenty_clients_send_at_once_is_done_once_and_answered_alike(database_url: str) -> None:
    """Z6: over two serving processes on PostgreSQL; every kind of call once."""
    processes = 1 if database_url.startswith("sqlite") else 2
    tally = await run(database_url, processes, clients=20, rounds=len(Calls.KINDS), seed=20261125)
    assert (str(tally), tally.wrong) == ("effects 1 answers 1", [])
