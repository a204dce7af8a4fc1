"""The job that chains audit events, behind the changes that write them (decision 24)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.audit_chain import (
    audit_horizon,
    behind_since,
    claim_chain,
    events_behind,
    extend_chain,
    is_behind,
)
from repositories.engine import Database
from repositories.operations import any_waiting
from resolvers.context import utc_now

EVENTS_AT_ONCE = 500
LATEST_S = 300

log = structlog.get_logger(__name__)


async def extend_chains_behind(database: Database, *, now: Callable[[], datetime] = utc_now) -> bool:
    """The same, but behind a bulk operation that is at work, which it would hold up; not for longer than `LATEST_S`."""
    async with database.reading() as connection:
        since = await behind_since(connection)
        if since is None:
            return False
        if now() - since < timedelta(seconds=LATEST_S) and await any_waiting(connection, now()):
            return False
    return await extend_chains(database)


async def extend_chains(database: Database) -> bool:
    """Chain the next events of the organization that is the furthest behind; whether there were any.

    What is logged, kept elsewhere, contradicts whoever could rewrite all of the database.
    """
    async with database.reading() as connection:
        horizon = await audit_horizon(connection)
        if not await is_behind(connection, horizon):
            return False

    async def work(connection: AsyncConnection) -> dict[str, object] | None:
        chain = await claim_chain(connection, horizon)
        events = [] if chain is None else await events_behind(connection, chain, horizon, EVENTS_AT_ONCE)
        if chain is None or not events:
            return None  # another worker was there first
        digest = await extend_chain(connection, chain, events)
        return {
            "organization": chain.organization_id.hex,
            "sequence": events[-1].sequence,
            "length": chain.length + len(events),
            "digest": digest.hex(),
        }

    done = await database.change(work)
    if done is not None:
        log.info("audit chained", **done)
    return done is not None
