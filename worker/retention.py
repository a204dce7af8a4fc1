"""The job that forgets what was kept long enough (decision 30)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.engine import Database
from repositories.retention import forget_calls, forget_failures, forget_items, forget_news, forget_sessions
from resolvers.context import utc_now
from resolvers.retention import Retention

ROWS_AT_ONCE = 1_000
ATTEMPTS_KEPT = timedelta(days=1)  # no limit on signing in looks back further than an hour

Forget = Callable[[AsyncConnection, datetime, int], Awaitable[int]]

log = structlog.get_logger(__name__)


def forgotten(retention: Retention) -> tuple[tuple[str, timedelta, Forget], ...]:
    """All that is forgotten, with how long it is kept."""
    return (
        ("items of operations", retention.operation_items, forget_items),
        ("sessions", retention.sessions, forget_sessions),
        ("outbox events", retention.outbox, forget_news),
        ("idempotency keys", timedelta(0), forget_calls),  # each says itself when it expires
        ("failed attempts to sign in", ATTEMPTS_KEPT, forget_failures),
    )


def forgetting(retention: Retention) -> Callable[[Database], Awaitable[bool]]:
    """What the job runs: some rows of each kind, each in a transaction of its own; whether there may be more."""

    async def forget_some(database: Database) -> bool:
        more = False
        for kind, period, forget in forgotten(retention):
            rows = await _forget(database, forget, utc_now() - period)
            if rows:
                log.info("forgotten", kind=kind, rows=rows)
            more = more or rows == ROWS_AT_ONCE
        return more

    return forget_some


async def _forget(database: Database, forget: Forget, before: datetime) -> int:
    async def work(connection: AsyncConnection) -> int:
        return await forget(connection, before, ROWS_AT_ONCE)

    return await database.change(work)
