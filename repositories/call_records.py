"""Calls that agents took, as they are found: those of deactivated and deleted people too (requirements A6, A14)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select

from models.call_record import CallRecord
from models.storage import table_of
from repositories.bound import Bound
from repositories.criteria import InstantCondition, KeyCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, counted, ordered_by, sliced
from repositories.rows import columns, light
from repositories.sight import visible_calls

_calls = table_of(CallRecord).c

CALLS_LATEST_FIRST = ordered_by(
    "call records", [SortKey("started_at", _calls.started_at, descending=True, kind="instant")], _calls.id
)


@dataclass(frozen=True, slots=True)
class CallRecordCriteria:
    """Which call records are wanted; everything given must hold.

    Attributes:
        active: Whether the call still goes on.
    """

    user: KeyCondition | None = None
    team: KeyCondition | None = None
    queue: KeyCondition | None = None
    started_at: InstantCondition | None = None
    active: bool | None = None


class CallRecordRepository(Bound):
    """The call records of one organization that the caller sees."""

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, CallRecord]:
        """The call records with these ids."""
        found = await self._connection.execute(
            select(*columns(CallRecord)).where(self._ours(CallRecord), _calls.id.in_(ids), visible_calls(self._sight))
        )
        return {call.id: call for call in light(CallRecord, found)}

    async def listed(self, criteria: CallRecordCriteria, order: Order, part: Slice) -> list[CallRecord]:
        """One slice of the list of all that meet the criteria."""
        statement = select(*columns(CallRecord)).where(*self._meeting(criteria))
        return light(CallRecord, await self._connection.execute(sliced(statement, order, part)))

    async def count(self, criteria: CallRecordCriteria, limit: int) -> int:
        """How many meet the criteria, up to one more than the limit."""
        return await counted(self._connection, select(_calls.id).where(*self._meeting(criteria)), limit)

    async def of_users(
        self, ids: Collection[UUID], criteria: CallRecordCriteria, order: Order, part: Slice
    ) -> dict[UUID, list[CallRecord]]:
        """Call records of each person."""
        where = self._meeting(criteria)
        return await slices(
            self._connection, CallRecord, table_of(CallRecord), _calls.user_id, ids, order, part, *where
        )

    async def count_of_users(self, ids: Collection[UUID], criteria: CallRecordCriteria) -> dict[UUID, int]:
        """How many call records each person has."""
        where = self._meeting(criteria)
        return await counts(self._connection, table_of(CallRecord), _calls.user_id, ids, *where)

    def _meeting(self, criteria: CallRecordCriteria) -> list[ColumnElement[bool]]:
        clauses = [self._ours(CallRecord), visible_calls(self._sight)]
        for condition, column in (
            (criteria.user, _calls.user_id),
            (criteria.team, _calls.team_id),
            (criteria.queue, _calls.queue_id),
            (criteria.started_at, _calls.started_at),
        ):
            if condition is not None:
                clauses.append(condition.on(column))
        if criteria.active is not None:
            clauses.append(_calls.ended_at.is_(None) if criteria.active else _calls.ended_at.is_not(None))
        return clauses
