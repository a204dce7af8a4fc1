"""Calls that agents took, as they are found: those of deactivated and deleted people too (requirements A6, A14)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from models.call_record import CallRecord
from models.permission import PermissionScope
from models.queue import TeamQueue
from models.storage import table_of
from models.team import Membership, Team, TeamAncestor
from models.user import User
from repositories.bound import Bound
from repositories.criteria import InstantCondition, KeyCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, counted, ordered_by, sliced, sorting
from repositories.rows import columns, light, light_after
from repositories.sight import known_user, visible_calls

_calls = table_of(CallRecord).c
_users = table_of(User).c
_memberships = table_of(Membership).c
_ancestors = table_of(TeamAncestor).c
_team_queues = table_of(TeamQueue).c
_teams = table_of(Team).c

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


@dataclass(frozen=True, slots=True)
class Figures:
    """What the calls of one agent add up to."""

    calls: int
    talk_seconds: int
    wrap_up_seconds: int


class CallRecordRepository(Bound):
    """The call records of one organization that the caller sees."""

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, CallRecord]:
        """The call records with these ids."""
        found = await self._connection.execute(
            select(*columns(CallRecord)).where(self._ours(CallRecord), _calls.id.in_(ids), visible_calls(self._sight))
        )
        return {call.id: call for call in light(CallRecord, found)}

    async def known(self, external_ids: Collection[str]) -> Mapping[str, CallRecord]:
        """The calls with these keys in the telephony system, whoever sees them."""
        found = await self._connection.execute(
            select(*columns(CallRecord)).where(self._ours(CallRecord), _calls.external_id.in_(external_ids))
        )
        return {call.external_id: call for call in light(CallRecord, found)}

    async def teams_for(
        self, user_ids: Collection[UUID], queue_ids: Collection[UUID]
    ) -> tuple[dict[UUID, list[UUID]], set[tuple[UUID, UUID]]]:
        """Teams for which people take calls: those of each person by name, and the pairs of team and queue where the
        team, or one above it, gives the queue (requirement A27)."""
        mine = await self._connection.execute(
            select(_memberships.user_id, _teams.id)
            .join_from(table_of(Membership), table_of(Team), _teams.id == _memberships.team_id)
            .where(self._ours(Membership), _memberships.user_id.in_(user_ids))
            .order_by(_teams.name_key)
        )
        teams: dict[UUID, list[UUID]] = {}
        for user_id, team_id in mine:
            teams.setdefault(user_id, []).append(team_id)
        ways = await self._connection.execute(
            select(_ancestors.team_id, _team_queues.queue_id)
            .join_from(table_of(TeamQueue), table_of(TeamAncestor), _ancestors.ancestor_id == _team_queues.team_id)
            .where(self._ours(TeamQueue), _team_queues.queue_id.in_(queue_ids))
        )
        return teams, {(row[0], row[1]) for row in ways}

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Record calls that are not known yet."""
        await self._insert(CallRecord, rows)

    async def correct(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write known calls anew, with all their columns."""
        if not rows:
            return
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        statement: Any = insert(table_of(CallRecord))
        written = {name: statement.excluded[name] for name in rows[0] if name not in ("id", "organization_id")}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_=written),
            [{"organization_id": self._organization_id, **row} for row in rows],
        )

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

    async def agents(
        self, page: Select[Any], criteria: CallRecordCriteria, order: Order, *, backward: bool
    ) -> list[tuple[User, Figures]]:
        """People with the sums of the calls that meet the criteria: only the calls of those on the page are added up.

        Args:
            page: Selects the people who took them, a slice and one more.
            order: An order of people.
        """
        people = page.subquery()
        sums = (
            select(
                _calls.user_id,
                func.count().label("calls"),
                func.sum(_calls.talk_seconds).label("talk_seconds"),
                func.sum(_calls.wrap_up_seconds).label("wrap_up_seconds"),
            )
            .where(*self._meeting(criteria), _calls.user_id.in_(select(people.c.id)))
            .group_by(_calls.user_id)
            .subquery()
        )
        found = await self._connection.execute(
            select(*columns(User), sums.c.calls, sums.c.talk_seconds, sums.c.wrap_up_seconds)
            .join_from(table_of(User), sums, sums.c.user_id == _users.id)
            .order_by(*sorting(order, backward=backward))
        )
        width = len(columns(User))
        return [(light_after(User, row, 0), Figures(*map(int, row[width:]))) for row in found]

    async def count_agents(
        self, people: Sequence[ColumnElement[bool]], criteria: CallRecordCriteria, limit: int
    ) -> int:
        """How many took such calls, up to one more than the limit."""
        return await counted(self._connection, select(_users.id).where(*people, self.took(criteria)), limit)

    def took(self, criteria: CallRecordCriteria) -> ColumnElement[bool]:
        """Whether somebody took a call that meets the criteria, as a condition on `users`.

        Asked of each person in turn, because nearly everybody did and the page is soon full; but where the calls are
        those of few, of them.
        """
        few = criteria.team or criteria.queue or self._sight.reports is not PermissionScope.ORGANIZATION
        takers = select(_calls.user_id).where(*self._meeting(criteria))
        if few:
            return _users.id.in_(takers)
        return exists(takers.where(_calls.user_id == _users.id).correlate(table_of(User)))

    def _meeting(self, criteria: CallRecordCriteria) -> list[ColumnElement[bool]]:
        clauses = [self._ours(CallRecord), visible_calls(self._sight)]
        for condition, column in (
            (criteria.user, known_user(self._sight, _calls.user_id, self._organization_id)),
            (criteria.team, _calls.team_id),
            (criteria.queue, _calls.queue_id),
            (criteria.started_at, _calls.started_at),
        ):
            if condition is not None:
                clauses.append(condition.on(column))
        if criteria.active is not None:
            clauses.append(_calls.ended_at.is_(None) if criteria.active else _calls.ended_at.is_not(None))
        return clauses
