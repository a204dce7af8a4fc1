"""The record of what was done, and what others will be told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.audit import AuditEvent, OutboxEvent
from repositories.bound import Bound


class AuditRepository(Bound):
    """The audit events of one organization; they are only ever added."""

    async def record(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add audit events, in this order."""
        await self._insert(AuditEvent, rows)

    async def announce(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add outbox events, in this order, in the transaction of the change that they tell of."""
        await self._insert(OutboxEvent, rows)
