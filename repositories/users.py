"""People, as they are found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, true, union

from models.license import LicenseGrant, LicenseGrantState
from models.queue import SkillGroupQueue, TeamQueue, UserQueue
from models.skill_group import SkillGroupMember
from models.storage import table_of
from models.team import Membership, TeamAncestor
from models.user import User, UserRole, UserRoleGrant, UserStatus
from repositories.bound import Bound
from repositories.criteria import ChoiceCondition, InstantCondition, KeyCondition, KeyTest, every_word
from repositories.keyset import Order, Slice, SortKey, counted, sliced
from repositories.rows import columns, light
from repositories.sight import visible_users

_users = table_of(User).c
_roles = table_of(UserRoleGrant).c
_memberships = table_of(Membership).c
_ancestors = table_of(TeamAncestor).c
_direct = table_of(UserQueue).c
_team_queues = table_of(TeamQueue).c
_skill_queues = table_of(SkillGroupQueue).c
_skilled = table_of(SkillGroupMember).c
_grants = table_of(LicenseGrant).c


class UserOrderField(Enum):
    """What a list of people can be sorted by."""

    DISPLAY_NAME = "DISPLAY_NAME"
    LAST_NAME = "LAST_NAME"
    EMAIL = "EMAIL"
    STATUS = "STATUS"
    LAST_SIGN_IN_AT = "LAST_SIGN_IN_AT"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    DEACTIVATED_AT = "DEACTIVATED_AT"


class UserKey(Enum):
    """What names one person, beside the id: the column that holds it."""

    EMAIL = "email_key"
    EXTERNAL_ID = "external_id"
    AGENT_NUMBER = "agent_number"


IDENTITY = _users.id
SORTABLE: Mapping[UserOrderField, SortKey] = {
    UserOrderField.DISPLAY_NAME: SortKey("display_name_key", _users.display_name_key),
    UserOrderField.LAST_NAME: SortKey("last_name_key", _users.last_name_key, nullable=True),
    UserOrderField.EMAIL: SortKey("email_key", _users.email_key),
    UserOrderField.STATUS: SortKey("status", _users.status, kind="enum"),
    UserOrderField.LAST_SIGN_IN_AT: SortKey("last_sign_in_at", _users.last_sign_in_at, nullable=True, kind="instant"),
    UserOrderField.CREATED_AT: SortKey("created_at", _users.created_at, kind="instant"),
    UserOrderField.UPDATED_AT: SortKey("updated_at", _users.updated_at, kind="instant"),
    UserOrderField.DEACTIVATED_AT: SortKey("deactivated_at", _users.deactivated_at, nullable=True, kind="instant"),
}


@dataclass(frozen=True, slots=True)
class UserCriteria:
    """Which people are wanted; everything given must hold.

    Attributes:
        words: Beginnings of words that must all occur, folded.
    """

    id: KeyCondition | None = None
    role: ChoiceCondition[UserRole] | None = None
    contact_center_enabled: bool | None = None
    team: KeyCondition | None = None
    queue: KeyCondition | None = None
    site: KeyCondition | None = None
    license: KeyCondition | None = None
    updated_at: InstantCondition | None = None
    words: tuple[str, ...] = ()


class UserRepository(Bound):
    """The people of one organization."""

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, User]:
        """The people with these ids whom the caller sees, deleted ones included."""
        found = await self._connection.execute(
            select(*columns(User)).where(self._ours(User), _users.id.in_(ids), visible_users(self._sight))
        )
        return {user.id: user for user in light(User, found)}

    async def living(self, name: UserKey, value: str) -> User | None:
        """The person with this mail address (as a key), external id or agent number; deleted ones are not found."""
        found = await self._connection.execute(
            select(*columns(User)).where(
                self._ours(User), _users[name.value] == value, _users.status != UserStatus.DELETED, self._visible
            )
        )
        return next(iter(light(User, found)), None)

    async def page(
        self, criteria: UserCriteria, statuses: Collection[UserStatus], order: Order, part: Slice
    ) -> list[User]:
        """A slice of the people in one of these states who meet the criteria, and one more."""
        statement = self._matching(select(*columns(User)), criteria, statuses)
        return light(User, await self._connection.execute(sliced(statement, order, part)))

    async def count(self, criteria: UserCriteria, statuses: Collection[UserStatus], limit: int) -> int:
        """How many there are, up to one more than the limit."""
        return await counted(self._connection, self._matching(select(_users.id), criteria, statuses), limit)

    async def roles_of_users(self, ids: Collection[UUID]) -> Mapping[UUID, list[UserRole]]:
        """Roles of people, the least one first; people without any are absent."""
        found = await self._connection.execute(
            select(_roles.user_id, _roles.role)
            .where(self._ours(UserRoleGrant), _roles.user_id.in_(ids))
            .order_by(_roles.role)
        )
        roles: dict[UUID, list[UserRole]] = {}
        for row in found:
            roles.setdefault(row.user_id, []).append(row.role)
        return roles

    @property
    def _visible(self) -> ColumnElement[bool]:
        return visible_users(self._sight)

    def _matching(
        self, statement: Select[Any], criteria: UserCriteria, statuses: Collection[UserStatus]
    ) -> Select[Any]:
        clauses = [self._ours(User), self._visible]
        clauses.append(_users.status == next(iter(statuses)) if len(statuses) == 1 else _users.status.in_(statuses))
        if criteria.id is not None:
            clauses.append(criteria.id.on(_users.id))
        if criteria.role is not None:
            clauses.append(_roles_match(criteria.role))
        if criteria.contact_center_enabled is not None:
            clauses.append(_users.contact_center_enabled == criteria.contact_center_enabled)
        if criteria.team is not None:
            clauses.append(criteria.team.on_related(_users.id, _members))
        if criteria.queue is not None:
            clauses.append(criteria.queue.on_related(_users.id, _workers))
        if criteria.site is not None:
            clauses.append(criteria.site.on(_users.site_id))
        if criteria.license is not None:
            clauses.append(criteria.license.on_related(_users.id, self._holders))
        if criteria.updated_at is not None:
            clauses.append(criteria.updated_at.on(_users.updated_at))
        if criteria.words:
            clauses.append(every_word(_users.search_key, criteria.words))
        return statement.where(*clauses)

    def _holders(self, test: KeyTest) -> Select[Any]:
        """People with a license; suspended grants show to those who may read licenses only."""
        holders = select(_grants.user_id).where(_tested(test, _grants.license_id))
        return holders if self._sight.licenses else holders.where(_grants.state == LicenseGrantState.ACTIVE)


def _tested(test: KeyTest, key: ColumnElement[Any]) -> ColumnElement[bool]:
    return true() if test is None else test(key)


def _members(test: KeyTest) -> Select[Any]:
    """People in a team."""
    return select(_memberships.user_id).where(_tested(test, _memberships.team_id))


def _workers(test: KeyTest) -> Select[Any]:
    """People who work in a queue: directly, through a team or one above it, or through a skill group; active ones."""
    direct = select(_direct.user_id).where(_tested(test, _direct.queue_id))
    through_teams = (
        select(_memberships.user_id)
        .join_from(table_of(Membership), table_of(TeamAncestor), _ancestors.team_id == _memberships.team_id)
        .join(table_of(TeamQueue), _team_queues.team_id == _ancestors.ancestor_id)
        .where(_tested(test, _team_queues.queue_id))
    )
    through_skills = (
        select(_skilled.user_id)
        .join_from(
            table_of(SkillGroupMember),
            table_of(SkillGroupQueue),
            _skill_queues.skill_group_id == _skilled.skill_group_id,
        )
        .where(_tested(test, _skill_queues.queue_id))
    )
    reached = union(direct, through_teams, through_skills).subquery()
    working = table_of(User).alias("working")
    return (
        select(reached.c.user_id)
        .join_from(reached, working, working.c.id == reached.c.user_id)
        .where(working.c.status == UserStatus.ACTIVE)
    )


def _roles_match(condition: ChoiceCondition[UserRole]) -> ColumnElement[bool]:
    """Whether one of the roles of a person matches; with `none_of`, whether none of them is among those."""
    parts: list[ColumnElement[bool]] = []
    if condition.eq is not None:
        parts.append(_users.id.in_(select(_roles.user_id).where(_roles.role == condition.eq)))
    if condition.among is not None:
        parts.append(_users.id.in_(select(_roles.user_id).where(_roles.role.in_(condition.among))))
    if condition.none_of:
        parts.append(_users.id.not_in(select(_roles.user_id).where(_roles.role.in_(condition.none_of))))
    return and_(true(), *parts)
