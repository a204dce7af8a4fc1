"""Skill groups, who is in them, and what queues they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, select

from models.queue import SkillGroupQueue
from models.skill_group import SkillGroup, SkillGroupMember
from models.storage import table_of
from models.user import User, UserStatus
from repositories.criteria import KeyCondition, KeyTest, reached
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, ordered_by
from repositories.named import NamedRepository, ThingCriteria, by_name, by_name_or_creation, meeting
from repositories.sight import visible_users

_groups = table_of(SkillGroup).c
_skilled = table_of(SkillGroupMember).c
_skill_queues = table_of(SkillGroupQueue).c
_users = table_of(User).c

SKILL_GROUPS_BY_NAME = by_name(SkillGroup, "skill groups")
SKILLED_BY_NAME = ordered_by("skilled", [SortKey("display_name_key", _users.display_name_key)], _users.id)

SKILL_GROUP_IDENTITY = _groups.id


class SkillGroupOrderField(Enum):
    """What a list of skill groups can be sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


SKILL_GROUPS_SORTABLE: Mapping[SkillGroupOrderField, SortKey] = by_name_or_creation(SkillGroup, SkillGroupOrderField)


@dataclass(frozen=True, slots=True)
class SkillGroupCriteria(ThingCriteria):
    """Which skill groups are wanted; everything given must hold.

    Attributes:
        queue: Queues that the skill group itself has.
        has_members: Whether the skill group has active members whom the caller sees.
    """

    queue: KeyCondition | None = None
    has_members: bool | None = None


class SkillGroupRepository(NamedRepository[SkillGroup, SkillGroupCriteria]):
    """The skill groups of one organization.

    A deactivation leaves its members in them (requirement E3); whether they count is asked of the person.
    """

    model = SkillGroup

    def meeting(self, criteria: SkillGroupCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        clauses = meeting(SkillGroup, criteria.active, criteria.name, criteria.words)
        if criteria.queue is not None:
            clauses.append(criteria.queue.on_related(lambda test: reached(_groups.id, self._having_queue(test))))
        if criteria.has_members is not None:
            peopled = (
                select(_skilled.skill_group_id)
                .join_from(table_of(SkillGroupMember), table_of(User), _users.id == _skilled.user_id)
                .where(self._ours(SkillGroupMember), *self._members((UserStatus.ACTIVE,)))
            )
            clauses.append(_groups.id.in_(peopled) if criteria.has_members else _groups.id.not_in(peopled))
        return clauses

    async def of_users(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[SkillGroup]]:
        """Skill groups of each person."""
        source, user_id, ours = self._of_users()
        return await slices(self._connection, SkillGroup, source, user_id, ids, order, part, ours)

    async def count_of_users(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many skill groups each person is in."""
        source, user_id, ours = self._of_users()
        return await counts(self._connection, source, user_id, ids, ours)

    async def of_queues(self, ids: Collection[UUID], order: Order, part: Slice) -> dict[UUID, list[SkillGroup]]:
        """Skill groups to which each queue is assigned."""
        source, queue_id, ours = self._of_queues()
        return await slices(self._connection, SkillGroup, source, queue_id, ids, order, part, ours)

    async def count_of_queues(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """To how many skill groups each queue is assigned."""
        source, queue_id, ours = self._of_queues()
        return await counts(self._connection, source, queue_id, ids, ours)

    async def members(
        self, ids: Collection[UUID], statuses: Collection[UserStatus], order: Order, part: Slice
    ) -> dict[UUID, list[User]]:
        """Members of each skill group whom the caller sees and who are in one of these states."""
        return await slices(
            self._connection, User, self._people(), _skilled.skill_group_id, ids, order, part, *self._members(statuses)
        )

    async def count_members(self, ids: Collection[UUID], statuses: Collection[UserStatus]) -> dict[UUID, int]:
        """How many people `members` lists for each skill group."""
        return await counts(self._connection, self._people(), _skilled.skill_group_id, ids, *self._members(statuses))

    def _of_users(self) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[bool]]:
        source = table_of(SkillGroupMember).join(table_of(SkillGroup), _groups.id == _skilled.skill_group_id)
        return source, _skilled.user_id, self._ours(SkillGroupMember)

    def _of_queues(self) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[bool]]:
        source = table_of(SkillGroupQueue).join(table_of(SkillGroup), _groups.id == _skill_queues.skill_group_id)
        return source, _skill_queues.queue_id, self._ours(SkillGroupQueue)

    def _people(self) -> FromClause:
        return table_of(SkillGroupMember).join(table_of(User), _users.id == _skilled.user_id)

    def _members(self, statuses: Collection[UserStatus]) -> Sequence[ColumnElement[bool]]:
        return self._ours(User), _users.status.in_(statuses), visible_users(self._sight)

    def _having_queue(self, test: KeyTest) -> Select[Any]:
        having = select(_skill_queues.skill_group_id).where(self._ours(SkillGroupQueue))
        return having if test is None else having.where(test(_skill_queues.queue_id))
