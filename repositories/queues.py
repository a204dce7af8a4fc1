"""Queues, and the three ways in which people come to them (requirements A10, A27)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union,
    union_all,
)

from models.organization import CoverageRule, Organization
from models.queue import Queue, QueueAssignmentSource, SkillGroupQueue, TeamQueue, UserQueue
from models.session import SignInBlock
from models.skill_group import SkillGroupMember
from models.storage import Key, table_of
from models.team import Membership, TeamAncestor
from models.user import User, UserStatus
from repositories.among import among
from repositories.criteria import KeyCondition, KeyTest, TextCondition, reached
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, ordered_by
from repositories.named import NamedRepository, ThingCriteria, by_name, by_name_or_creation, meeting
from repositories.sight import visible_users

_queues = table_of(Queue).c
_direct = table_of(UserQueue).c
_team_queues = table_of(TeamQueue).c
_skill_queues = table_of(SkillGroupQueue).c
_skills = table_of(SkillGroupMember).c
_memberships = table_of(Membership).c
_ancestors = table_of(TeamAncestor).c
_blocks = table_of(SignInBlock).c
_organizations = table_of(Organization).c
_users = table_of(User).c

QUEUES_BY_NAME = by_name(Queue, "queues")
QUEUES_OF_USER = by_name(Queue, "queues of a user")
QUEUE_MEMBERS = ordered_by("queue members", [SortKey("display_name_key", _users.display_name_key)], _users.id)

_LOOKED_AFTER = (
    _organizations.coverage_rule != CoverageRule.OFF,
    _queues.active == true(),
    _queues.minimum_agents > 0,
)

EVERY_SOURCE = frozenset(QueueAssignmentSource)
_LISTED = {False: (UserStatus.ACTIVE,), True: (UserStatus.ACTIVE, UserStatus.DEACTIVATED)}


QUEUE_IDENTITY = _queues.id


class QueueOrderField(Enum):
    """What a list of queues can be sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


QUEUES_SORTABLE: Mapping[QueueOrderField, SortKey] = by_name_or_creation(Queue, QueueOrderField)


@dataclass(frozen=True, slots=True)
class QueueCriteria(ThingCriteria):
    """Which queues are wanted; everything given must hold.

    Attributes:
        team: Teams to which the queue itself is assigned.
        below_minimum: Whether fewer active agents work in the queue than its minimum.
    """

    channel: TextCondition | None = None
    team: KeyCondition | None = None
    below_minimum: bool | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """One way in which a person came to a queue.

    Attributes:
        team_id: The team whose queue it is, which may be above that of the person; None unless through a team.
    """

    source: QueueAssignmentSource
    team_id: UUID | None
    skill_group_id: UUID | None
    assigned_at: datetime


class QueueRepository(NamedRepository[Queue, QueueCriteria]):
    """The queues of one organization.

    Who works in a queue is looked up here and nowhere else. Memberships and direct assignments end with a
    deactivation; those through skill groups stay, and count only while the person is active (requirement A10).
    """

    model = Queue

    def meeting(self, criteria: QueueCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        clauses = meeting(Queue, criteria.active, criteria.name, criteria.words)
        if criteria.channel is not None:
            clauses.append(criteria.channel.on(_queues.channel_key))
        if criteria.team is not None:
            clauses.append(criteria.team.on_related(lambda test: reached(_queues.id, self._having_team(test))))
        if criteria.below_minimum is not None:
            agents = self._agents(None).subquery()
            queues = table_of(Queue).alias("measured")
            below = (
                select(queues.c.id)
                .select_from(queues.outerjoin(agents, agents.c.queue_id == queues.c.id))
                .where(
                    queues.c.organization_id == self._organization_id,
                    func.coalesce(agents.c.agents, 0) < queues.c.minimum_agents,
                )
            )
            clauses.append(_queues.id.in_(below) if criteria.below_minimum else _queues.id.not_in(below))
        return clauses

    async def of_users(
        self, ids: Collection[UUID], sources: frozenset[QueueAssignmentSource], order: Order, part: Slice
    ) -> dict[UUID, list[Queue]]:
        """Queues in which each person works, each once.

        Args:
            sources: Only queues to which the person came in one of these ways.
        """
        if not sources:
            return {}
        source, user_id = self._worked_in(ids, sources)
        return await slices(self._connection, Queue, source, user_id, ids, order, part)

    async def count_of_users(self, ids: Collection[UUID], sources: frozenset[QueueAssignmentSource]) -> dict[UUID, int]:
        """In how many queues each person works (rule Q9)."""
        if not sources:
            return {}
        source, user_id = self._worked_in(ids, sources)
        return await counts(self._connection, source, user_id, ids)

    async def origins(self, pairs: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], list[Origin]]:
        """Every way in which people came to queues, by pair of person and queue; direct ones first, then by time.

        Somebody who came through one team in two ways, by two teams below it, came when the first of them began.
        """
        users, queues = {user for user, _ in pairs}, {queue for _, queue in pairs}
        ways = union_all(
            *(
                way.where(user_id.in_(users), queue_id.in_(queues))
                for way, user_id, queue_id in self._ways(EVERY_SOURCE, detailed=True)
            )
        )
        wanted = set(pairs)
        found: dict[tuple[UUID, UUID], dict[Any, Origin]] = {}
        for row in await self._connection.execute(ways):
            pair = (row.user_id, row.queue_id)
            if pair not in wanted:
                continue
            origin = Origin(QueueAssignmentSource(row.source), row.team_id, row.skill_group_id, row.assigned_at)
            known = found.setdefault(pair, {})
            way = (origin.source, origin.team_id, origin.skill_group_id)
            if way not in known or origin.assigned_at < known[way].assigned_at:
                known[way] = origin
        return {
            pair: sorted(ways.values(), key=lambda origin: (origin.source.value, origin.assigned_at))
            for pair, ways in found.items()
        }

    async def of_teams(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[Queue]]:
        """Queues assigned to each team itself."""
        source, team_id, ours = self._of_teams()
        return await slices(self._connection, Queue, source, team_id, ids, order, part, ours)

    async def count_of_teams(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many queues are assigned to each team itself."""
        source, team_id, ours = self._of_teams()
        return await counts(self._connection, source, team_id, ids, ours)

    async def of_skill_groups(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[Queue]]:
        """Queues assigned to each skill group."""
        source, skill_group_id, ours = self._of_skill_groups()
        return await slices(self._connection, Queue, source, skill_group_id, ids, order, part, ours)

    async def count_of_skill_groups(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many queues are assigned to each skill group."""
        source, skill_group_id, ours = self._of_skill_groups()
        return await counts(self._connection, source, skill_group_id, ids, ours)

    async def agent_counts(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many active people without a sign-in block work in each queue; queues with none are absent."""
        found = await self._connection.execute(self._agents(ids))
        return {row.queue_id: int(row.agents) for row in found}

    async def guarded(self, user_ids: Collection[UUID]) -> Sequence[Any]:
        """In which queues with a minimum these people work as active agents, where the organization looks after that.

        Returns:
            `user_id`, `queue_id`, `name`, `minimum_agents`, and the `rule` of the organization.
        """
        pairs, guarded = self._guarded(user_ids)
        found = await self._connection.execute(
            guarded.add_columns(pairs.c.user_id).order_by(_queues.name_key, pairs.c.queue_id)
        )
        return found.all()

    async def guarded_counts(self, user_ids: Collection[UUID]) -> Sequence[Any]:
        """The same without the people: `agents`, the number of them, of each queue."""
        pairs, guarded = self._guarded(user_ids)
        found = await self._connection.execute(
            guarded.add_columns(func.count().label("agents"))
            .group_by(
                pairs.c.queue_id,
                _queues.name,
                _queues.name_key,
                _queues.minimum_agents,
                _organizations.coverage_rule,
            )
            .order_by(_queues.name_key, pairs.c.queue_id)
        )
        return found.all()

    async def any_guarded(self, *, besides: Collection[UUID]) -> bool:
        """Whether queues with a minimum are looked after besides these; all are where people are refused for it."""
        found = await self._connection.execute(
            select(_queues.id)
            .join(table_of(Organization), _organizations.id == _queues.organization_id)
            .where(
                self._ours(Queue),
                _queues.active == true(),
                _queues.minimum_agents > 0,
                or_(
                    _organizations.coverage_rule == CoverageRule.REFUSE,
                    and_(_organizations.coverage_rule == CoverageRule.WARN, _queues.id.not_in(besides)),
                ),
            )
            .limit(1)
        )
        return found.first() is not None

    def _guarded(self, user_ids: Collection[UUID]) -> tuple[Subquery, Select[Any]]:
        """Pairs of person and queue; and what selects the queues of those that count."""
        pairs = union(
            *(way.where(among(user_id, user_ids)) for way, user_id, _ in self._ways(EVERY_SOURCE, detailed=False))
        ).subquery()
        guarded = (
            select(
                pairs.c.queue_id,
                _queues.name,
                _queues.minimum_agents,
                _organizations.coverage_rule.label("rule"),
            )
            .select_from(
                pairs.join(table_of(Queue), _queues.id == pairs.c.queue_id)
                .join(table_of(Organization), _organizations.id == _queues.organization_id)
                .join(table_of(User), _users.id == pairs.c.user_id)
                .outerjoin(table_of(SignInBlock), _blocks.user_id == pairs.c.user_id)
            )
            .where(*_LOOKED_AFTER, _users.status == UserStatus.ACTIVE, _blocks.user_id.is_(None))
        )
        return pairs, guarded

    async def looked_after(self, ids: Collection[UUID]) -> Sequence[Any]:
        """Those of these queues that are in use and have a minimum, where the organization looks after that.

        Returns:
            `id`, `name`, `minimum_agents`, and the `rule` of the organization, by name.
        """
        found = await self._connection.execute(
            select(_queues.id, _queues.name, _queues.minimum_agents, _organizations.coverage_rule.label("rule"))
            .join(table_of(Organization), _organizations.id == _queues.organization_id)
            .where(self._ours(Queue), among(_queues.id, ids), *_LOOKED_AFTER)
            .order_by(_queues.name_key, _queues.id)
        )
        return found.all()

    async def minimums(self, ids: Collection[UUID]) -> Sequence[Any]:
        """`id`, `name` and `minimum_agents` of queues, by name; those that are gone by now are absent."""
        found = await self._connection.execute(
            select(_queues.id, _queues.name, _queues.minimum_agents)
            .where(self._ours(Queue), _queues.id.in_(ids))
            .order_by(_queues.name_key, _queues.id)
        )
        return found.all()

    async def members(
        self,
        ids: Collection[UUID],
        sources: frozenset[QueueAssignmentSource],
        deactivated: bool,
        order: Order,
        part: Slice,
    ) -> dict[UUID, list[User]]:
        """People who work in each queue and whom the caller sees, each once.

        Args:
            sources: Only people who came in one of these ways.
            deactivated: Whether deactivated people of a skill group are listed too.
        """
        if not sources:
            return {}
        source, queue_id, where = self._working_in(ids, sources, deactivated)
        return await slices(self._connection, User, source, queue_id, ids, order, part, *where)

    async def count_members(
        self, ids: Collection[UUID], sources: frozenset[QueueAssignmentSource], deactivated: bool
    ) -> dict[UUID, int]:
        """How many people `members` lists for each queue."""
        if not sources:
            return {}
        source, queue_id, where = self._working_in(ids, sources, deactivated)
        return await counts(self._connection, source, queue_id, ids, *where)

    def _ways(
        self, sources: frozenset[QueueAssignmentSource], *, detailed: bool
    ) -> list[tuple[Select[Any], ColumnElement[UUID], ColumnElement[UUID]]]:
        """For each way to a queue a statement that selects person and queue, and these two columns for conditions.

        Args:
            detailed: Whether source, team, skill group and time are selected too.
        """
        nobody = cast(null(), Key())
        through_team = (
            table_of(Membership)
            .join(table_of(TeamAncestor), _ancestors.team_id == _memberships.team_id)
            .join(table_of(TeamQueue), _team_queues.team_id == _ancestors.ancestor_id)
        )
        through_skill = table_of(SkillGroupMember).join(
            table_of(SkillGroupQueue), _skill_queues.skill_group_id == _skills.skill_group_id
        )
        found: list[tuple[Select[Any], ColumnElement[UUID], ColumnElement[UUID]]] = []
        for source, tables, model, user_id, queue_id, team_id, skill_group_id, assigned_at in (
            (
                QueueAssignmentSource.DIRECT,
                table_of(UserQueue),
                UserQueue,
                _direct.user_id,
                _direct.queue_id,
                nobody,
                nobody,
                _direct.assigned_at,
            ),
            (
                QueueAssignmentSource.TEAM,
                through_team,
                Membership,
                _memberships.user_id,
                _team_queues.queue_id,
                _team_queues.team_id,
                nobody,
                _later(_memberships.assigned_at, _team_queues.assigned_at),
            ),
            (
                QueueAssignmentSource.SKILL_GROUP,
                through_skill,
                SkillGroupMember,
                _skills.user_id,
                _skill_queues.queue_id,
                nobody,
                _skill_queues.skill_group_id,
                _later(_skills.assigned_at, _skill_queues.assigned_at),
            ),
        ):
            if source not in sources:
                continue
            way: Select[Any] = (
                select(user_id.label("user_id"), queue_id.label("queue_id"))
                .select_from(tables)
                .where(self._ours(model))
            )
            if detailed:
                way = way.add_columns(
                    literal(source.value).label("source"),
                    team_id.label("team_id"),
                    skill_group_id.label("skill_group_id"),
                    assigned_at.label("assigned_at"),
                )
            found.append((way, user_id, queue_id))
        return found

    def _worked_in(
        self, ids: Collection[UUID], sources: frozenset[QueueAssignmentSource]
    ) -> tuple[FromClause, ColumnElement[UUID]]:
        pairs = union(
            *(way.where(user_id.in_(ids)) for way, user_id, _ in self._ways(sources, detailed=False))
        ).subquery()
        source = pairs.join(table_of(User), (_users.id == pairs.c.user_id) & (_users.status == UserStatus.ACTIVE)).join(
            table_of(Queue), _queues.id == pairs.c.queue_id
        )
        return source, pairs.c.user_id

    def _working_in(
        self, ids: Collection[UUID], sources: frozenset[QueueAssignmentSource], deactivated: bool
    ) -> tuple[FromClause, ColumnElement[UUID], Sequence[ColumnElement[bool]]]:
        pairs = union(
            *(way.where(queue_id.in_(ids)) for way, _, queue_id in self._ways(sources, detailed=False))
        ).subquery()
        source = pairs.join(table_of(User), _users.id == pairs.c.user_id)
        where = (_users.status.in_(_LISTED[deactivated]), visible_users(self._sight))
        return source, pairs.c.queue_id, where

    def _agents(self, ids: Collection[UUID] | None) -> Select[Any]:
        """Selects `queue_id` and `agents`, the number of active people without a block; all queues if None."""
        pairs = union(
            *(
                way if ids is None else way.where(queue_id.in_(ids))
                for way, _, queue_id in self._ways(EVERY_SOURCE, detailed=False)
            )
        ).subquery()
        return (
            select(pairs.c.queue_id, func.count().label("agents"))
            .select_from(
                pairs.join(table_of(User), _users.id == pairs.c.user_id).outerjoin(
                    table_of(SignInBlock), _blocks.user_id == pairs.c.user_id
                )
            )
            .where(_users.status == UserStatus.ACTIVE, _blocks.user_id.is_(None))
            .group_by(pairs.c.queue_id)
        )

    def _having_team(self, test: KeyTest) -> Select[Any]:
        having = select(_team_queues.queue_id).where(self._ours(TeamQueue))
        return having if test is None else having.where(test(_team_queues.team_id))

    def _of_teams(self) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[bool]]:
        source = table_of(TeamQueue).join(table_of(Queue), _queues.id == _team_queues.queue_id)
        return source, _team_queues.team_id, self._ours(TeamQueue)

    def _of_skill_groups(self) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[bool]]:
        source = table_of(SkillGroupQueue).join(table_of(Queue), _queues.id == _skill_queues.queue_id)
        return source, _skill_queues.skill_group_id, self._ours(SkillGroupQueue)


def _later(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((one > other, one), else_=other)
