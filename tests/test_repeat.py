"""Twenty clients of real processes who send the same call at once."""

from __future__ import annotations

import pytest

from tests.repeat import Calls, run

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("kind", "processes"), [("sqlite", 1), ("postgres", 2)])
async def test_what_twenty_clients_send_at_once_is_done_once_and_answered_alike(
    request: pytest.FixtureRequest, kind: str, processes: int
) -> None:
    """Z6: over two serving processes on PostgreSQL; every kind of call once."""
    url = request.getfixturevalue(f"{kind}_url")
    tally = await run(url, processes, clients=20, rounds=len(Calls.KINDS), seed=20261125)
    assert (str(tally), tally.wrong) == ("effects 1 answers 1", [])
