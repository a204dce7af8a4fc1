"""The record of what was done, and what others will be told of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, select, true

from models.audit import ActorKind, AuditAction, AuditEvent, OutboxEvent
from models.storage import table_of
from repositories.audit_chain import EVERY_SEQUENCE, audit_horizon
from repositories.bound import Bound, Write
from repositories.criteria import ChoiceCondition, InstantCondition, KeyCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, counted, sliced
from repositories.rows import columns, light
from repositories.sight import known_user

_events = table_of(AuditEvent).c

EVENTS_LATEST_FIRST = Order("audit events", (SortKey("sequence", _events.sequence, descending=True, kind="number"),))
EVENTS_OLDEST_FIRST = Order("audit events", (SortKey("sequence", _events.sequence, kind="number"),))


@dataclass(frozen=True, slots=True)
class AuditEventCriteria:
    """Which audit events are wanted; everything given must hold."""

    action: ChoiceCondition[AuditAction] | None = None
    target: KeyCondition | None = None
    actor: KeyCondition | None = None
    operation: KeyCondition | None = None
    occurred_at: InstantCondition | None = None


class AuditRepository(Bound):
    """The audit events of one organization; they are only ever added, and read with AUDIT_READ alone."""

    def recording(self, rows: Sequence[Mapping[str, Any]]) -> Write:
        """What adds audit events, in this order."""
        return self._insertion(AuditEvent, rows)

    def announcing(self, rows: Sequence[Mapping[str, Any]]) -> Write:
        """What adds outbox events, in this order, in the transaction of the change that they tell of."""
        return self._insertion(OutboxEvent, rows)

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, AuditEvent]:
        """The events with these ids."""
        found = await self._connection.execute(
            select(*columns(AuditEvent)).where(*self._readable(), _events.id.in_(ids))
        )
        return {event.id: event for event in light(AuditEvent, found)}

    async def horizon(self) -> int:
        """Up to which sequence no event can appear any more; see `audit_horizon`."""
        return await audit_horizon(self._connection)

    async def listed(
        self, criteria: AuditEventCriteria, order: Order, part: Slice, horizon: int = EVERY_SEQUENCE
    ) -> list[AuditEvent]:
        """One slice of the list of all up to the horizon that meet the criteria."""
        statement = select(*columns(AuditEvent)).where(*self._meeting(criteria, horizon))
        return light(AuditEvent, await self._connection.execute(sliced(statement, order, part)))

    async def count(self, criteria: AuditEventCriteria, limit: int, horizon: int = EVERY_SEQUENCE) -> int:
        """How many up to the horizon meet the criteria, up to one more than the limit."""
        return await counted(self._connection, select(_events.id).where(*self._meeting(criteria, horizon)), limit)

    async def of_targets(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[AuditEvent]]:
        """What was done to each of these objects."""
        return await slices(
            self._connection, AuditEvent, table_of(AuditEvent), _events.target_id, ids, order, part, *self._readable()
        )

    async def count_of_targets(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How much was done to each of these objects."""
        return await counts(self._connection, table_of(AuditEvent), _events.target_id, ids, *self._readable())

    def _readable(self) -> list[ColumnElement[bool]]:
        return [self._ours(AuditEvent), true() if self._sight.audit else false()]

    def _meeting(self, criteria: AuditEventCriteria, horizon: int) -> list[ColumnElement[bool]]:
        clauses = self._readable()
        if horizon < EVERY_SEQUENCE:
            clauses.append(_events.sequence <= horizon)
        person = _events.actor_kind == ActorKind.USER
        for condition, column in (
            (criteria.action, _events.action),
            (criteria.target, _events.target_id),
            (criteria.actor, known_user(self._sight, _events.actor_id, self._organization_id, person)),
            (criteria.operation, _events.operation_id),
            (criteria.occurred_at, _events.occurred_at),
        ):
            if condition is not None:
                clauses.append(condition.on(column))
        return clauses
