"""Teams, who is in them, and what is above and below."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, select

from models.queue import TeamQueue
from models.storage import table_of
from models.team import Membership, Team, TeamAncestor
from models.user import User, UserStatus
from repositories.criteria import KeyCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, ordered_by
from repositories.named import NamedRepository, ThingCriteria, by_name, by_name_or_creation, meeting
from repositories.sight import visible_users

_teams = table_of(Team).c
_memberships = table_of(Membership).c
_ancestors = table_of(TeamAncestor).c
_team_queues = table_of(TeamQueue).c
_users = table_of(User).c

TEAMS_BY_NAME = by_name(Team, "teams")
MEMBERS_BY_NAME = ordered_by("members", [SortKey("display_name_key", _users.display_name_key)], _users.id)


TEAM_IDENTITY = _teams.id


class TeamOrderField(Enum):
    """What a list of teams can be sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


TEAMS_SORTABLE: Mapping[TeamOrderField, SortKey] = by_name_or_creation(Team, TeamOrderField)


@dataclass(frozen=True, slots=True)
class TeamCriteria(ThingCriteria):
    """Which teams are wanted; everything given must hold.

    Attributes:
        has_members: Whether the team has members of its own whom the caller sees.
    """

    site: KeyCondition | None = None
    parent: KeyCondition | None = None
    has_members: bool | None = None


class TeamRepository(NamedRepository[Team, TeamCriteria]):
    """The teams of one organization."""

    model = Team

    def meeting(self, criteria: TeamCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        clauses = meeting(Team, criteria.active, criteria.name, criteria.words)
        if criteria.site is not None:
            clauses.append(criteria.site.on(_teams.site_id))
        if criteria.parent is not None:
            clauses.append(criteria.parent.on(_teams.parent_id))
        if criteria.has_members is not None:
            peopled = (
                select(_memberships.team_id)
                .join_from(table_of(Membership), table_of(User), _users.id == _memberships.user_id)
                .where(self._ours(Membership), *self._members())
            )
            clauses.append(_teams.id.in_(peopled) if criteria.has_members else _teams.id.not_in(peopled))
        return clauses

    async def of_users(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[Team]]:
        """Teams of each person."""
        source, user_id, ours = self._of_users()
        return await slices(self._connection, Team, source, user_id, ids, order, part, ours)

    async def count_of_users(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many teams each person is in."""
        source, user_id, ours = self._of_users()
        return await counts(self._connection, source, user_id, ids, ours)

    async def of_queues(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[Team]]:
        """Teams to which each queue is assigned."""
        source, queue_id, ours = self._of_queues()
        return await slices(self._connection, Team, source, queue_id, ids, order, part, ours)

    async def count_of_queues(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """To how many teams each queue is assigned."""
        source, queue_id, ours = self._of_queues()
        return await counts(self._connection, source, queue_id, ids, ours)

    async def children(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[Team]]:
        """Teams directly below each team."""
        return await slices(
            self._connection, Team, table_of(Team), _teams.parent_id, ids, order, part, self._ours(Team)
        )

    async def count_children(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many teams are directly below each team."""
        return await counts(self._connection, table_of(Team), _teams.parent_id, ids, self._ours(Team))

    async def members(
        self, ids: Collection[UUID], descendants: bool, order: Order, part: Slice
    ) -> dict[UUID, list[User]]:
        """Active members of each team whom the caller sees.

        Args:
            descendants: Whether members of the teams below count too, each once.
        """
        source, team_id = self._people_in(ids, descendants)
        return await slices(self._connection, User, source, team_id, ids, order, part, *self._members())

    async def count_members(self, ids: Collection[UUID], descendants: bool) -> dict[UUID, int]:
        """How many active members each team has whom the caller sees."""
        source, team_id = self._people_in(ids, descendants)
        return await counts(self._connection, source, team_id, ids, *self._members())

    def _of_users(self) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[bool]]:
        source = table_of(Membership).join(table_of(Team), _teams.id == _memberships.team_id)
        return source, _memberships.user_id, self._ours(Membership)

    def _of_queues(self) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[bool]]:
        source = table_of(TeamQueue).join(table_of(Team), _teams.id == _team_queues.team_id)
        return source, _team_queues.queue_id, self._ours(TeamQueue)

    def _members(self) -> Sequence[ColumnElement[bool]]:
        return self._ours(User), _users.status == UserStatus.ACTIVE, visible_users(self._sight)

    def _people_in(self, ids: Collection[UUID], descendants: bool) -> tuple[FromClause, ColumnElement[UUID]]:
        if not descendants:
            source = table_of(Membership).join(table_of(User), _users.id == _memberships.user_id)
            return source, _memberships.team_id
        inside = (
            select(_ancestors.ancestor_id, _memberships.user_id)
            .join_from(table_of(TeamAncestor), table_of(Membership), _memberships.team_id == _ancestors.team_id)
            .where(_ancestors.ancestor_id.in_(ids))
            .distinct()
            .subquery()
        )
        return inside.join(table_of(User), _users.id == inside.c.user_id), inside.c.ancestor_id
