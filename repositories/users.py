"""People, as they are found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    column,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
    union,
)

from models.license import License, LicenseGrant, LicenseGrantState, LicenseType
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.queue import SkillGroupQueue, TeamQueue, UserQueue
from models.session import SignInBlock
from models.site import Site
from models.skill_group import SkillGroupMember
from models.storage import table_of
from models.team import Membership, TeamAncestor
from models.user import User, UserRole, UserRoleGrant, UserStatus
from repositories.bound import Bound
from repositories.criteria import (
    INNER_CHARACTERS,
    ChoiceCondition,
    InstantCondition,
    KeyCondition,
    KeyTest,
    Nested,
    TextCondition,
    Unindexed,
    containing,
    reached,
)
from repositories.keyset import Apart, Order, Slice, SortKey, counted, sliced
from repositories.presences import ShownPresence
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
_licenses = table_of(License).c
_blocks = table_of(SignInBlock).c
_sites = table_of(Site).c
_organizations = table_of(Organization).c
_presences = table_of(Presence).c

# What SQLite searches: the search keys of people by any three characters, kept by triggers.
_SEARCH = table("user_search", column("rowid"))


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
        status: Deleted people meet it only where it names DELETED (rule Q1).
        desktop_profile: The one that counts for a person: their own, else that of the site or organization.
        last_active_before: Nothing was done since, whether or not anything was done before.
        words: What must all occur, folded.
    """

    status: ChoiceCondition[UserStatus] | None = None
    id: KeyCondition | None = None
    role: ChoiceCondition[UserRole] | None = None
    presence: PresenceCondition | None = None
    contact_center_enabled: bool | None = None
    sign_in_blocked: bool | None = None
    protected: bool | None = None
    email: TextCondition | None = None
    display_name: TextCondition | None = None
    external_id: TextCondition | None = None
    agent_number: TextCondition | None = None
    team: KeyCondition | None = None
    queue: KeyCondition | None = None
    skill_group: KeyCondition | None = None
    license: KeyCondition | None = None
    effective_license_type: ChoiceCondition[LicenseType] | None = None
    site: KeyCondition | None = None
    profile: KeyCondition | None = None
    desktop_profile: KeyCondition | None = None
    activated_at: InstantCondition | None = None
    last_sign_in_at: InstantCondition | None = None
    last_active_before: datetime | None = None
    created_at: InstantCondition | None = None
    updated_at: InstantCondition | None = None
    deactivated_at: InstantCondition | None = None
    words: tuple[str, ...] = ()

    @property
    def narrow(self) -> bool:
        """Whether few people meet them, so that these are looked up and sorted, instead of walking the order."""
        related = (self.id, self.team, self.queue, self.skill_group)
        own = (self.email, self.external_id, self.agent_number)
        searched = any(len(word) >= INNER_CHARACTERS for word in self.words)
        return searched or any(condition is not None and condition.narrow for condition in (*related, *own))


@dataclass(frozen=True, slots=True)
class PresenceCondition:
    """Condition on what people are shown as, at a moment."""

    state: ChoiceCondition[PresenceState]
    at: datetime


# The desktop profile that counts (requirement B5); nobody outside the contact center has one (requirement B19).
_COUNTING_DESKTOP: ColumnElement[Any] = case(
    (
        _users.contact_center_enabled == true(),
        func.coalesce(
            _users.desktop_profile_id,
            select(_sites.default_desktop_profile_id).where(_sites.id == _users.site_id).scalar_subquery(),
            select(_organizations.default_desktop_profile_id)
            .where(_organizations.id == _users.organization_id)
            .scalar_subquery(),
        ),
    ),
)

# What nearly everybody has is tested person by person; everything else is collected first.
_COMMON_ROLES = frozenset({UserRole.AGENT})


def states_meeting(condition: ChoiceCondition[UserStatus]) -> frozenset[UserStatus]:
    """States that a condition is met by; deleted people only where `eq` or `in` names them (rule Q1)."""
    met = {status for status in UserStatus if condition.holds(status)}
    return frozenset(met if condition.names(UserStatus.DELETED) else met - {UserStatus.DELETED})


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
        self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus], order: Order, part: Slice
    ) -> list[User]:
        """A slice of the people in one of these states who are wanted, and one more."""
        return light(User, await self._connection.execute(self.sliced(wanted, statuses, order, part)))

    def sliced(
        self,
        wanted: Nested[UserCriteria],
        statuses: Collection[UserStatus],
        order: Order,
        part: Slice,
        *where: ColumnElement[bool],
    ) -> Select[Any]:
        """Selects such a slice.

        Args:
            where: What else must hold.
        """
        statement = select(*columns(User)).where(*where)
        if wanted.any_required(lambda criteria: criteria.narrow):
            return sliced(statement.where(*self.conditions(wanted, statuses)), order, part, late=True)
        wanted_ones = statement.where(*self._wanted(wanted))
        return sliced(wanted_ones, order, part, apart=Apart(_users.status, tuple(statuses)))

    async def count(self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus], limit: int) -> int:
        """How many there are, up to one more than the limit."""
        statement = select(_users.id).where(*self.conditions(wanted, statuses))
        return await counted(self._connection, statement, limit)

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

    async def count_by_status(
        self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus]
    ) -> Mapping[UserStatus, int]:
        """How many there are in each state; states without anybody are absent."""
        found = await self._connection.execute(
            select(_users.status, func.count()).where(*self.conditions(wanted, statuses)).group_by(_users.status)
        )
        return {row[0]: int(row[1]) for row in found}

    async def count_by_role(
        self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus]
    ) -> Mapping[UserRole, int]:
        """How many there are with each role; roles that nobody has are absent."""
        found = await self._connection.execute(
            select(_roles.role, func.count())
            .join_from(table_of(UserRoleGrant), table_of(User), _users.id == _roles.user_id)
            .where(*self.conditions(wanted, statuses))
            .group_by(_roles.role)
        )
        return {row[0]: int(row[1]) for row in found}

    async def count_by_presence(
        self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus], at: datetime
    ) -> Mapping[PresenceState, int]:
        """How many show each presence; those that nobody shows are absent."""
        shown = (
            select(self._shown(at).state().label("state"))
            .select_from(table_of(User).outerjoin(table_of(Presence), _presences.user_id == _users.id))
            .where(*self.conditions(wanted, statuses))
            .subquery()
        )
        found = await self._connection.execute(select(shown.c.state, func.count()).group_by(shown.c.state))
        return {row[0]: int(row[1]) for row in found}

    @property
    def _visible(self) -> ColumnElement[bool]:
        return visible_users(self._sight)

    def conditions(self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus]) -> list[ColumnElement[bool]]:
        """What holds of the people in one of these states who are wanted and seen, as conditions on the table."""
        status: ColumnElement[Any] = _users.status
        if wanted.any_required(lambda criteria: criteria.narrow):
            status = Unindexed(status)
        return [*self._wanted(wanted), _in_one_of(status, statuses)]

    def _wanted(self, wanted: Nested[UserCriteria]) -> list[ColumnElement[bool]]:
        """The same for people in whatever state."""
        ours = self._ours(User)
        if wanted.any_required(lambda criteria: criteria.narrow):
            ours = Unindexed(_users.organization_id) == self._organization_id
        return [ours, self._visible, *wanted.on(self._meeting)]

    def _meeting(self, criteria: UserCriteria) -> list[ColumnElement[bool]]:
        """Criteria that stand side by side, as conditions on the table."""
        clauses: list[ColumnElement[bool]] = []
        if criteria.status is not None:
            clauses.append(_in_one_of(_users.status, states_meeting(criteria.status)))
        if criteria.id is not None:
            clauses.append(criteria.id.on(_users.id))
        if criteria.role is not None:
            clauses.append(self._roles_match(criteria.role))
        if criteria.presence is not None:
            wanted = {state for state in PresenceState if criteria.presence.state.holds(state)}
            clauses.append(self._shown(criteria.presence.at).among(wanted))
        if criteria.contact_center_enabled is not None:
            clauses.append(_users.contact_center_enabled == criteria.contact_center_enabled)
        if criteria.protected is not None:
            clauses.append(_users.protected == criteria.protected)
        if criteria.sign_in_blocked is not None:
            blocked = _users.id.in_(select(_blocks.user_id).where(self._ours(SignInBlock)))
            clauses.append(blocked if criteria.sign_in_blocked else not_(blocked))
        if criteria.team is not None:
            clauses.append(criteria.team.on_related(_users.id, _members))
        if criteria.queue is not None:
            clauses.append(criteria.queue.on_related(_users.id, _workers, _working()))
        if criteria.skill_group is not None:
            clauses.append(criteria.skill_group.on_related(_users.id, _skilled_in))
        if criteria.license is not None:
            clauses.append(criteria.license.on_related(_users.id, self._holders))
        if criteria.effective_license_type is not None:
            clauses.append(self._licensed_as(criteria.effective_license_type))
        for condition, asked in (
            (criteria.email, _users.email_folded),
            (criteria.display_name, _users.display_name_key),
            (criteria.external_id, _users.external_id_folded),
            (criteria.agent_number, _users.agent_number_folded),
            (criteria.site, _users.site_id),
            (criteria.profile, _users.profile_id),
            (criteria.desktop_profile, _COUNTING_DESKTOP),
            (criteria.activated_at, _users.activated_at),
            (criteria.last_sign_in_at, _users.last_sign_in_at),
            (criteria.created_at, _users.created_at),
            (criteria.updated_at, _users.updated_at),
            (criteria.deactivated_at, _users.deactivated_at),
        ):
            if condition is not None:
                clauses.append(condition.on(asked))
        if criteria.last_active_before is not None:
            never, before = _users.last_active_at.is_(None), _users.last_active_at < criteria.last_active_before
            clauses.append(or_(never, before))
        if criteria.words:
            clauses += self._found_by(criteria.words)
        return clauses

    def _shown(self, at: datetime) -> ShownPresence:
        return ShownPresence(self._organization_id, at, self._connection.dialect.name == "sqlite")

    def _found_by(self, words: tuple[str, ...]) -> list[ColumnElement[bool]]:
        """Whether the search key contains each word, a short one at the beginning of a word (B6, rule Q7)."""
        inner = [word for word in words if len(word) >= INNER_CHARACTERS]
        clauses = [containing(_users.search_key, " " + word) for word in words if len(word) < INNER_CHARACTERS]
        if self._connection.dialect.name != "sqlite":
            return clauses + [containing(_users.search_key, word) for word in inner]
        if inner:
            wanted = " ".join('"' + word.replace('"', '""') + '"' for word in inner)
            found = select(_SEARCH.c.rowid).where(literal_column(_SEARCH.name).op("MATCH")(wanted))
            clauses.append(literal_column(f"{table_of(User).name}.rowid").in_(found))
        return clauses

    def _roles_match(self, condition: ChoiceCondition[UserRole]) -> ColumnElement[bool]:
        """Whether one of the roles of a person matches; with `none_of`, whether none of them is among those."""
        parts: list[ColumnElement[bool]] = []
        if condition.eq is not None:
            parts.append(self._having_one_of((condition.eq,)))
        if condition.among is not None:
            parts.append(self._having_one_of(condition.among))
        if condition.none_of:
            parts.append(not_(self._having_one_of(condition.none_of)))
        return and_(true(), *parts)

    def _having_one_of(self, roles: Collection[UserRole]) -> ColumnElement[bool]:
        if not _COMMON_ROLES.isdisjoint(roles):
            return exists().where(_roles.user_id == _users.id, _roles.role.in_(roles))
        return _users.id.in_(select(_roles.user_id).where(self._ours(UserRoleGrant), _roles.role.in_(roles)))

    def _licensed_as(self, condition: ChoiceCondition[LicenseType]) -> ColumnElement[bool]:
        """Whether the license that counts is of a type; people without any meet `none_of` (requirement D1)."""
        parts: list[ColumnElement[bool]] = []
        if condition.eq is not None:
            parts.append(self._counting_one_of((condition.eq,)))
        if condition.among is not None:
            parts.append(self._counting_one_of(condition.among))
        if condition.none_of:
            parts.append(not_(self._counting_one_of(condition.none_of)))
        return and_(true(), *parts)

    def _counting_one_of(self, types: Collection[LicenseType]) -> ColumnElement[bool]:
        """Whether the highest type of which an active person has an active grant is one of these."""

        def granted(these: Collection[LicenseType]) -> ColumnElement[bool]:
            of_type = select(_licenses.id).where(self._ours(License), _licenses.type.in_(these))
            return _users.id.in_(
                select(_grants.user_id).where(
                    _grants.license_id.in_(of_type), _grants.state == LicenseGrantState.ACTIVE
                )
            )

        alternatives = []
        for type in set(types):
            higher = [other for other in LicenseType if other.value > type.value]
            alternatives.append(and_(granted((type,)), not_(granted(higher))) if higher else granted((type,)))
        return and_(_users.status == UserStatus.ACTIVE, or_(false(), *alternatives))

    def _holders(self, test: KeyTest) -> Select[Any]:
        """People with a license; who may not read licenses finds them by the one that counts only."""
        holders = select(_grants.user_id).where(_tested(test, _grants.license_id))
        if self._sight.licenses:
            return holders
        granted, counting = table_of(LicenseGrant).alias("granted"), table_of(License).alias("counting")
        better = or_(
            _licenses.type > counting.c.type,
            and_(_licenses.type == counting.c.type, _licenses.name_key < counting.c.name_key),
        )
        outranked = (
            select(granted.c.user_id)
            .join_from(granted, table_of(License), _licenses.id == granted.c.license_id)
            .where(granted.c.user_id == _grants.user_id, granted.c.state == LicenseGrantState.ACTIVE, better)
            .correlate(table_of(LicenseGrant), counting)
            .exists()
        )
        return holders.join(counting, counting.c.id == _grants.license_id).where(
            _grants.state == LicenseGrantState.ACTIVE, not_(outranked)
        )


def _in_one_of(status: ColumnElement[Any], statuses: Collection[UserStatus]) -> ColumnElement[bool]:
    """Whether a state is one of these; a single one is asked for with `=`, which indexes serve best."""
    return status == next(iter(statuses)) if len(statuses) == 1 else status.in_(statuses)


def _tested(test: KeyTest, key: ColumnElement[Any]) -> ColumnElement[bool]:
    return true() if test is None else test(key)


def _members(test: KeyTest) -> Select[Any]:
    """People in a team."""
    return select(_memberships.user_id).where(_tested(test, _memberships.team_id))


def _skilled_in(test: KeyTest) -> Select[Any]:
    """People in a skill group, whatever their state."""
    return select(_skilled.user_id).where(_tested(test, _skilled.skill_group_id))


def _workers(test: KeyTest) -> Select[Any]:
    """People who work in a queue: directly, through a team or one above it, or through a skill group; active ones."""
    found = union(*_ways_to_queues(test)).subquery()
    working = table_of(User).alias("working")
    return (
        select(found.c.user_id)
        .join_from(found, working, working.c.id == found.c.user_id)
        .where(working.c.status == UserStatus.ACTIVE)
    )


def _working() -> ColumnElement[bool]:
    """Whether somebody works in any queue."""
    return and_(_users.status == UserStatus.ACTIVE, or_(*(reached(_users.id, way) for way in _ways_to_queues(None))))


def _ways_to_queues(test: KeyTest) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """People who have a queue directly, through a team or one above it, and through a skill group, in any state."""
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
    return direct, through_teams, through_skills
