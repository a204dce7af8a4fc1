"""The chain of hashes over the audit of each organization (decision 24), and how far the audit is complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import AuditChain, AuditEvent, AuditLink
from models.storage import EPOCH, MICROSECOND, table_of
from repositories.rows import columns, light

_events = table_of(AuditEvent).c
_links = table_of(AuditLink).c
_chains = table_of(AuditChain).c

EVERY_SEQUENCE = 2**63 - 1


def canonical(event: AuditEvent) -> bytes:
    """An event as it is hashed: every column, the same on both databases."""
    return orjson.dumps(
        [
            1,  # of this form
            event.sequence,
            event.id.hex,
            event.organization_id.hex,
            (event.occurred_at - EPOCH) // MICROSECOND,
            event.action.value,
            event.actor_kind.value,
            None if event.actor_id is None else event.actor_id.hex,
            event.target_type,
            event.target_id.hex,
            event.target_label,
            event.target_version,
            event.changes,
            None if event.operation_id is None else event.operation_id.hex,
            event.reason,
            event.note,
            event.request_id,
        ],
        option=orjson.OPT_SORT_KEYS,
    )


def linked(before: bytes, event: AuditEvent) -> bytes:
    """The digest of the link of an event behind the link before it."""
    return sha256(before + canonical(event)).digest()


async def audit_horizon(connection: AsyncConnection) -> int:
    """Up to which sequence no audit event can appear any more; what is read later is complete up to there.

    On PostgreSQL a change may commit events after another one that took later numbers.
    """
    if connection.dialect.name == "sqlite":
        return EVERY_SEQUENCE  # one change at a time: numbers are committed in their order
    return int((await connection.execute(select(func.audit_horizon()))).scalar_one())


async def is_behind(connection: AsyncConnection, horizon: int) -> bool:
    """Whether there are events to be chained in any organization."""
    return (
        await connection.execute(select(_chains.organization_id).where(_behind(horizon)).limit(1))
    ).first() is not None


async def behind_since(connection: AsyncConnection) -> datetime | None:
    """When the first event happened that is in no chain yet; None when there is none."""
    first = (
        select(_events.occurred_at)
        .where(_events.organization_id == _chains.organization_id, _events.sequence > _chains.sequence)
        .order_by(_events.sequence)
        .limit(1)
        .scalar_subquery()
    )
    firsts = select(func.min(first)).select_from(table_of(AuditChain))
    found: datetime | None = (await connection.execute(firsts)).scalar()
    return found


async def claim_chain(connection: AsyncConnection, horizon: int) -> AuditChain | None:
    """The chain that is the furthest behind, locked; None when others hold those that are behind."""
    found = await connection.execute(
        select(*columns(AuditChain))
        .where(_behind(horizon))
        .order_by(_chains.sequence, _chains.organization_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return next(iter(light(AuditChain, found)), None)


async def events_behind(connection: AsyncConnection, chain: AuditChain, horizon: int, limit: int) -> list[AuditEvent]:
    """The next events that a chain has no links for, in their order."""
    found = await connection.execute(
        select(*columns(AuditEvent))
        .where(
            _events.organization_id == chain.organization_id,
            _events.sequence > chain.sequence,
            _events.sequence <= horizon,
        )
        .order_by(_events.sequence)
        .limit(limit)
    )
    return light(AuditEvent, found)


async def extend_chain(connection: AsyncConnection, chain: AuditChain, events: Sequence[AuditEvent]) -> bytes:
    """Add the links of these events to a chain that is locked; the digest of the last."""
    links: list[dict[str, Any]] = []
    digest = chain.digest
    for position, event in enumerate(events, chain.length + 1):
        digest = linked(digest, event)
        links.append(
            {
                "organization_id": chain.organization_id,
                "sequence": event.sequence,
                "position": position,
                "digest": digest,
            }
        )
    await connection.execute(insert(table_of(AuditLink)), links)
    await connection.execute(
        update(table_of(AuditChain))
        .where(_chains.organization_id == chain.organization_id)
        .values(sequence=links[-1]["sequence"], length=links[-1]["position"], digest=digest)
    )
    return digest


async def chained_and_not(connection: AsyncConnection) -> tuple[int, int]:
    """How many events are chained, in all organizations, and how many are not yet."""
    chained = select(func.coalesce(func.sum(_chains.length), 0)).scalar_subquery()
    tail = (
        select(func.count())
        .select_from(table_of(AuditChain))
        .join(
            table_of(AuditEvent),
            (_events.organization_id == _chains.organization_id) & (_events.sequence > _chains.sequence),
        )
        .scalar_subquery()
    )
    row = (await connection.execute(select(chained, tail))).one()
    return int(row[0]), int(row[1])


def _behind(horizon: int) -> Any:
    return (
        select(_events.id)
        .where(
            _events.organization_id == _chains.organization_id,
            _events.sequence > _chains.sequence,
            _events.sequence <= horizon,
        )
        .exists()
    )
