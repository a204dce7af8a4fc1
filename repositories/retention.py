"""Forgetting what was kept long enough, in all organizations: some rows at a time, the oldest first (decision 30).

Nearly all are found by their keys, which are ordered by time, so that no index is kept for this alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, not_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from models.audit import OutboxEvent
from models.idempotency import IdempotencyKey
from models.operation import BulkOperation, BulkOperationItem
from models.session import Session, SignInFailure
from models.storage import EPOCH, key7, table_of

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c
_sessions = table_of(Session).c
_failures = table_of(SignInFailure).c
_keys = table_of(IdempotencyKey).c
_outbox = table_of(OutboxEvent).c


async def forget_items(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget items of operations that were finished before an instant; how many.

    Operations are marked first: an operation with some of its items would tell of the wrong ones.
    """
    due = (
        select(_operations.id)
        .where(not_(_operations.items_forgotten), _operations.finished_at < before)
        .order_by(_operations.finished_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .correlate(None)
    )
    await connection.execute(
        update(table_of(BulkOperation)).where(_operations.id.in_(due)).values(items_forgotten=True)
    )
    forgotten = exists().where(_operations.id == _items.operation_id, _operations.items_forgotten)
    return await _forget(connection, BulkOperationItem, _items.id, [_of_before(_items.id, before), forgotten], limit)


async def forget_sessions(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget sessions that could not last beyond an instant; how many."""
    began = _of_before(_sessions.id, before)
    return await _forget(connection, Session, _sessions.id, [began, _sessions.expires_at < before], limit)


async def forget_failures(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget failed attempts to sign in from before an instant; how many."""
    return await _forget(connection, SignInFailure, _failures.id, [_of_before(_failures.id, before)], limit)


async def forget_calls(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget calls that were done under a key which expired before an instant; how many."""
    scope = tuple(table_of(IdempotencyKey).primary_key.columns)
    old = select(*scope).where(_keys.expires_at < before).order_by(_keys.expires_at).limit(limit).correlate(None)
    old = old.with_for_update(skip_locked=True)
    return (await connection.execute(delete(table_of(IdempotencyKey)).where(tuple_(*scope).in_(old)))).rowcount


async def forget_news(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget events of the outbox from before an instant; how many."""
    first = select(_outbox.sequence, _outbox.occurred_at).order_by(_outbox.sequence).limit(limit).subquery()
    old = select(first.c.sequence).where(first.c.occurred_at < before)
    done = await connection.execute(delete(table_of(OutboxEvent)).where(_outbox.sequence.in_(old)))
    return done.rowcount


async def _forget(
    connection: AsyncConnection,
    model: type[SQLModel],
    key: ColumnElement[Any],
    where: Sequence[ColumnElement[bool]],
    limit: int,
) -> int:
    old = select(key).where(*where).order_by(key).limit(limit).correlate(None)
    old = old.with_for_update(skip_locked=True, of=table_of(model))
    return (await connection.execute(delete(table_of(model)).where(key.in_(old)))).rowcount


def _of_before(key: ColumnElement[Any], instant: datetime) -> ColumnElement[bool]:
    """Whether a key was made before an instant."""
    return key < key7((instant - EPOCH) // timedelta(milliseconds=1), 0)
