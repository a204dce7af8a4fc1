"""Calls that were done under a key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from models.idempotency import IdempotencyKey
from models.storage import table_of
from repositories.bound import Bound
from repositories.engine import lock_timed_out
from repositories.rows import columns, light

PATIENCE_MS = 2_000

_keys = table_of(IdempotencyKey).c
_SCOPE = ("actor_kind", "actor_id", "mutation", "key")


class StillRunning(Exception):
    """The same call is under way, and was waited for long enough; the transaction is of no use any more."""


class IdempotencyRepository(Bound):
    """The calls of one organization that were done under a key."""

    async def claim(self, row: Mapping[str, Any], at: datetime) -> bool:
        """Take a key for the call of this transaction, as its first statement; whether it was free.

        On PostgreSQL a call that is under way with the same key is waited for: if it ends without a change, the key is
        free again. On SQLite the one writer has waited already.

        Raises:
            StillRunning: It takes too long.
        """
        if self._connection.dialect.name == "sqlite":
            return await self._claim(sqlite_insert, row, at)
        await self._connection.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MS}"))
        try:
            claimed = await self._claim(postgresql_insert, row, at)
        except DBAPIError as error:
            if lock_timed_out(error):
                raise StillRunning from error
            raise
        await self._connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
        return claimed

    async def _claim(self, insert: Any, row: Mapping[str, Any], at: datetime) -> bool:
        statement = insert(table_of(IdempotencyKey)).values(organization_id=self._organization_id, **row)
        statement = statement.on_conflict_do_update(
            index_elements=[_keys[name] for name in _SCOPE],
            set_={
                name: statement.excluded[name] for name in ("organization_id", "input_hash", "result_id", "expires_at")
            },
            where=_keys.expires_at <= at,
        ).returning(_keys.key)
        return (await self._connection.execute(statement)).first() is not None

    async def by_scope(self, scope: Mapping[str, Any]) -> IdempotencyKey | None:
        """The call that was done under a key."""
        found = await self._connection.execute(select(*columns(IdempotencyKey)).where(_under(scope)))
        return next(iter(light(IdempotencyKey, found)), None)

    async def settle(self, scope: Mapping[str, Any], result_id: UUID) -> None:
        """Keep what came of the call of this transaction."""
        await self._connection.execute(
            update(table_of(IdempotencyKey)).where(_under(scope)).values(result_id=result_id)
        )


def _under(scope: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(_keys[name] == scope[name] for name in _SCOPE))
