"""The job that chains audit events, behind the changes that write them (decision 24)."""

from __future__ import annotations

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.audit_chain import audit_horizon, claim_chain, events_behind, extend_chain, is_behind
from repositories.engine import Database

EVENTS_AT_ONCE = 500

log = structlog.get_logger(__name__)


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
