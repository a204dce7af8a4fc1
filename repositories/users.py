"""People, as they are found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    column,
    false,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    table,
    true,
    union,
    union_all,
)
from sqlmodel import SQLModel

from models.license import License, LicenseGrant, LicenseGrantState, LicenseType
from models.listing import Listing, ListingKind
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.profile import DesktopProfile, UserProfile
from models.queue import Queue, SkillGroupQueue, TeamQueue, UserQueue
from models.session import SignInBlock
from models.site import Site
from models.skill_group import SkillGroup, SkillGroupMember
from models.storage import Flag, Key, table_of
from models.team import Membership, Team, TeamAncestor
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
from repositories.keyset import FEW, Apart, Order, Slice, SortKey, Within, counted, in_order, sliced
from repositories.listings import BY_DESKTOP, BY_PROFILE, BY_SITE, LISTINGS, Source, Walk
from repositories.presences import ShownPresence
from repositories.rows import columns, light
from repositories.sight import visible_keys, visible_users

IDS_AT_ONCE = 2_000

_users = table_of(User).c
_near = table_of(User).alias("near").c  # those among whom the wanted ones are looked for
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
_listings = table_of(Listing).c

_KIND = _listings.kind.type

# What SQLite searches: the search keys of people by any three characters, kept by triggers.
_SEARCH = table("user_search", column("rowid"))

E = TypeVar("E", bound=Enum)

_FEW_TO_LOOK_INTO = 5_000  # of people each of whom costs ten times as much to test as others
_SEEN = 5  # the place among `UserRepository._findings` before which people are looked for who are seen


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
_BY_NAME = ["display_name_key", "id"]
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


def states_meeting(condition: ChoiceCondition[UserStatus]) -> frozenset[UserStatus]:
    """States that a condition is met by; deleted people only where `eq` or `in` names them (rule Q1)."""
    met = {status for status in UserStatus if condition.holds(status)}
    return frozenset(met if condition.names(UserStatus.DELETED) else met - {UserStatus.DELETED})


@dataclass(frozen=True, slots=True)
class _Found:
    """Where to look for people, by one condition.

    Attributes:
        within: Keys to look up; None where only the walk finds anybody.
        answers: The name of the condition, if whoever is found meets it.
        walk: Where the same people are in the order of their names; None if no index has them so.
        place: Of the condition, among `UserRepository._findings`.
        criteria: Those that it stands in.
    """

    within: Within | None
    answers: str | None = None
    walk: Walk | None = None
    place: int = 0
    criteria: UserCriteria | None = None

    def left_of(self, criteria: UserCriteria) -> UserCriteria:
        """What is left to ask of those who are found."""
        if self.answers is None or criteria != self.criteria:
            return criteria
        return replace(criteria, **{self.answers: None})  # type: ignore[arg-type]


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
        found = light(User, await self._connection.execute(self.sliced(wanted, statuses, order, part)))
        return in_order(found, order, backward=part.backward)

    def sliced(
        self,
        wanted: Nested[UserCriteria],
        statuses: Collection[UserStatus],
        order: Order,
        part: Slice,
        *where: ColumnElement[bool],
    ) -> Select[Any]:
        """Selects such a slice, in no order.

        Args:
            where: What else must hold.
        """

        people = select(*columns(User))

        def asked(meeting: Callable[[UserCriteria], list[ColumnElement[bool]]]) -> list[ColumnElement[bool]]:
            return [self._visible, *wanted.on(meeting), *where]

        found = self._found(wanted, statuses)
        within = None if found is None else found.within
        if found is not None:
            left = asked(lambda criteria: self._meeting(found.left_of(criteria)))
            if found.walk is not None and [key.attribute for key in order.keys] == _BY_NAME:
                ours = people.where(Unindexed(_users.organization_id) == self._organization_id)
                return found.walk.sliced(ours, left, statuses, order, part, sqlite=self._on_sqlite)
            if within is not None and found.answers is not None:
                within = replace(within, left=people.where(*left))
        apart = Apart((_users.organization_id, self._organization_id), _users.status, tuple(statuses))
        return sliced(people.where(*asked(self._meeting)), order, part, apart=apart, within=within)

    async def ids(self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus], limit: int) -> list[UUID]:
        """The ids of those who are wanted, in their order; no more than one above the limit.

        They come in parts, and others are served in between.
        """
        found = await self._connection.stream(
            select(_users.id).where(*self.conditions(wanted, statuses)).order_by(_users.id).limit(limit + 1)
        )
        ids: list[UUID] = []
        async for part in found.scalars().partitions(IDS_AT_ONCE):
            ids += part
        return ids

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
        visible = [self._visible, *wanted.on(self._meeting)]
        if wanted.any_required(lambda criteria: criteria.narrow):
            found = self._found(wanted, statuses)
            assert found is not None
            assert found.within is not None
            ours = Unindexed(_users.organization_id) == self._organization_id
            return [
                _users.id.in_(found.within.keys.correlate(None)),
                ours,
                _in_one_of(Unindexed(_users.status), statuses),
                *visible,
            ]
        return [self._ours(User), _in_one_of(_users.status, statuses), *visible]

    def _found(self, wanted: Nested[UserCriteria], statuses: Collection[UserStatus]) -> _Found | None:
        """Selects the keys of people among whom all are who are wanted and seen, by what is most likely rare."""
        found = [self._by_sight(), *(self._sought(criteria, statuses) for criteria in wanted.required())]
        return min((each for each in found if each is not None), key=lambda each: each.place, default=None)

    def _by_sight(self) -> _Found | None:
        seen = visible_keys(self._sight)
        return None if seen is None else _Found(Within(seen), place=_SEEN)

    def _sought(self, criteria: UserCriteria, statuses: Collection[UserStatus]) -> _Found | None:
        """Keys of people, found by the condition of which an index tells soonest that they are few.

        Criteria that nearly everybody meets, or that no index serves, find nobody: the order is walked for them.
        """
        for place, found in enumerate(self._findings(criteria, statuses)):
            if isinstance(found, _Found):
                return replace(found, place=place, criteria=criteria)
            if found is not None:
                return _Found(Within(found, once=True), place=place)
        return None

    def _findings(
        self, criteria: UserCriteria, statuses: Collection[UserStatus]
    ) -> Iterator[Select[Any] | _Found | None]:
        """What finds people by each condition that an index serves, the rarest first; None where it is not asked.

        What is selected as it is has each key once.
        """
        everywhere = select(_near.id)
        ours = everywhere.where(_near.organization_id == self._organization_id)
        listed = ours.where(_in_one_of(_near.status, statuses))
        yield _by(everywhere, criteria.id, _near.id)
        yield _by(ours, criteria.email, _near.email_folded)
        yield _by(ours, criteria.external_id, _near.external_id_folded)
        yield _by(ours, criteria.agent_number, _near.agent_number_folded)
        yield self._having_words(criteria.words)
        yield _by(listed, criteria.display_name, _near.display_name_key)
        yield select(_blocks.user_id).where(self._ours(SignInBlock)) if criteria.sign_in_blocked else None
        yield ours.where(_near.protected == true()) if criteria.protected else None
        at_work = set(statuses) == {UserStatus.ACTIVE}  # only active people work in queues
        model: type[SQLModel]
        for name, linked, model, kind in (
            ("team", _members, Team, ListingKind.TEAM),
            ("skill_group", _skilled_in, SkillGroup, ListingKind.SKILL_GROUP),
        ):
            condition: KeyCondition | None = getattr(criteria, name)
            if condition is None or not condition.sought:
                yield None
            else:
                within = Within(linked(condition.named), once=condition.among is None)
                yield _named(name, condition, within, LISTINGS, self._named_of(model, condition), kind)
        queue, license = criteria.queue, criteria.license
        if queue is not None and queue.sought:
            walk = Walk(LISTINGS, self._ways_listed(queue.named))
            exact = at_work and queue.only_named
            yield _Found(Within(_workers(queue.named), _FEW_TO_LOOK_INTO), "queue" if exact else None, walk)
        elif queue is not None and queue.alone_null and at_work:
            yield self._kinds((ListingKind.NO_DIRECT_QUEUE,))
        else:
            yield None
        if license is not None and license.sought:
            yield _Found(Within(self._holders(license.named)), "license" if license.only_named else None)
        elif license is not None and license.alone_null and self._sight.licenses:
            yield self._kinds((ListingKind.NO_LICENSE,), "license")
        else:
            yield None
        yield None if criteria.presence is None else self._at_work(criteria.presence)
        roles, types = _chosen(criteria.role), _chosen(criteria.effective_license_type)
        exact = criteria.role is not None and criteria.role.only_chosen
        yield self._kinds([ListingKind[role.name] for role in roles], "role" if exact else None) if roles else None
        yield _Found(Within(self._granted(types))) if types else None
        for name, own, model, source in (
            ("profile", _near.profile_id, UserProfile, BY_PROFILE),
            ("site", _near.site_id, Site, BY_SITE),
        ):
            condition = getattr(criteria, name)
            if condition is None or not condition.sought:
                yield None
            else:
                within = Within(everywhere.where(condition.on(own)), once=True)
                yield _named(name, condition, within, source, self._named_of(model, condition))
        yield _by(listed, criteria.deactivated_at, _near.deactivated_at)
        yield _by(listed, criteria.last_sign_in_at, _near.last_sign_in_at)
        yield _by(listed, criteria.created_at, _near.created_at)
        yield _by(listed, criteria.updated_at, _near.updated_at)
        desktop = criteria.desktop_profile
        yield None if desktop is None else _Found(None, "desktop_profile", Walk(BY_DESKTOP, self._desktops(desktop)))

    def _at_work(self, presence: PresenceCondition) -> _Found | None:
        states = _met(presence)
        if PresenceState.OFFLINE in states or not states:
            return None  # nearly everybody may show it
        return self._kinds([ListingKind[state.name] for state in states], few=_FEW_TO_LOOK_INTO)

    def _kinds(self, kinds: Collection[ListingKind], answers: str | None = None, few: int = FEW) -> _Found:
        """People of the organization who are listed by one of these."""
        keys = select(_listings.user_id).where(_listings.thing_id == self._organization_id, _listings.kind.in_(kinds))
        things = tuple((self._organization_id, kind) for kind in dict.fromkeys(kinds))
        return _Found(Within(keys, few, len(things) == 1), answers, Walk(LISTINGS, things))

    def _named_of(self, model: type[SQLModel], condition: KeyCondition) -> Select[Any]:
        """Selects those things of the organization that a condition names."""
        things = table_of(model).c
        return select(things.id).where(self._ours(model), condition.named(things.id))

    def _ways_listed(self, test: KeyTest) -> Select[Any]:
        """Selects by what those people are listed who have a queue that passes a test."""
        queues = table_of(Queue).c
        through_teams = (
            select(_ancestors.team_id, literal(ListingKind.TEAM, _KIND))
            .join_from(table_of(TeamQueue), table_of(TeamAncestor), _ancestors.ancestor_id == _team_queues.team_id)
            .where(self._ours(TeamQueue))
        )
        through_skills = select(_skill_queues.skill_group_id, literal(ListingKind.SKILL_GROUP, _KIND))
        directly = select(queues.id.label("id"), literal(ListingKind.QUEUE, _KIND).label("kind"))
        ways = union(
            _tested(directly.where(self._ours(Queue)), test, queues.id),
            _tested(through_teams, test, _team_queues.queue_id),
            _tested(through_skills.where(self._ours(SkillGroupQueue)), test, _skill_queues.queue_id),
        ).subquery("ways")
        return select(ways.c.id, ways.c.kind)

    def _desktops(self, condition: KeyCondition) -> Select[Any]:
        """Whence people can have a desktop profile, or none, that meets a condition."""
        ours = self._organization_id
        desktops, sites, organizations = table_of(DesktopProfile).c, _sites, _organizations
        default = select(organizations.default_desktop_profile_id).where(organizations.id == ours).scalar_subquery()
        owner = literal(ours, Key()).label("owner")
        ways = union_all(
            select(
                owner, literal(True, Flag()).label("enabled"), desktops.id.label("place"), desktops.id.label("had")
            ).where(desktops.organization_id == ours),
            select(
                owner, literal(True, Flag()), sites.id, func.coalesce(sites.default_desktop_profile_id, default)
            ).where(sites.organization_id == ours),
            select(owner, literal(True, Flag()), literal(ours, Key()), default),
            select(owner, literal(False, Flag()), literal(ours, Key()), null()),
        ).subquery("ways")
        return select(ways.c.owner, ways.c.enabled, ways.c.place).where(condition.on(ways.c.had))

    def _having_words(self, words: tuple[str, ...]) -> Select[Any] | None:
        """People whose search key contains those words that an index finds."""
        inner = [word for word in words if len(word) >= INNER_CHARACTERS]
        if not inner:
            return None
        if self._on_sqlite:
            wanted = " ".join('"' + word.replace('"', '""') + '"' for word in inner)
            rows = select(_SEARCH.c.rowid).where(literal_column(_SEARCH.name).op("MATCH")(wanted))
            return select(_near.id).where(literal_column("near.rowid").in_(rows))
        return select(_near.id).where(*(containing(_near.search_key, word) for word in inner))

    def _meeting(self, criteria: UserCriteria) -> list[ColumnElement[bool]]:
        """Criteria that stand side by side, as conditions on the table."""
        clauses: list[ColumnElement[bool]] = []
        if criteria.status is not None:
            clauses.append(_in_one_of(Unindexed(_users.status), states_meeting(criteria.status)))
        if criteria.role is not None:
            clauses.append(criteria.role.on_related(self._having_one_of))
        if criteria.presence is not None:
            clauses.append(self._shown(criteria.presence.at).among(_met(criteria.presence)))
        for flag, own in (
            (criteria.contact_center_enabled, _users.contact_center_enabled),
            (criteria.protected, _users.protected),
        ):
            if flag is not None:
                clauses.append(Unindexed(own) == flag)
        if criteria.sign_in_blocked is not None:
            blocked = reached(_users.id, select(_blocks.user_id))
            clauses.append(blocked if criteria.sign_in_blocked else not_(blocked))
        if criteria.team is not None:
            clauses.append(criteria.team.on_related(lambda test: reached(_users.id, _members(test))))
        if criteria.queue is not None:
            clauses.append(criteria.queue.on_related(_working))
        if criteria.skill_group is not None:
            clauses.append(criteria.skill_group.on_related(lambda test: reached(_users.id, _skilled_in(test))))
        if criteria.license is not None:
            clauses.append(criteria.license.on_related(lambda test: reached(_users.id, self._holders(test))))
        if criteria.effective_license_type is not None:
            clauses.append(criteria.effective_license_type.on_related(self._counting_one_of))
        for condition, asked in (
            (criteria.id, _users.id),
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
                clauses.append(condition.on(Unindexed(asked)))
        if criteria.last_active_before is not None:
            never, before = _users.last_active_at.is_(None), _users.last_active_at < criteria.last_active_before
            clauses.append(or_(never, before))
        clauses += [
            containing(_users.search_key, word if len(word) >= INNER_CHARACTERS else " " + word)
            for word in criteria.words
        ]
        return clauses

    def _shown(self, at: datetime) -> ShownPresence:
        return ShownPresence(self._organization_id, at, self._on_sqlite)

    @property
    def _on_sqlite(self) -> bool:
        return self._connection.dialect.name == "sqlite"

    def _having_one_of(self, roles: Collection[UserRole]) -> ColumnElement[bool]:
        return reached(_users.id, select(_roles.user_id).where(_roles.role.in_(roles)))

    def _counting_one_of(self, types: Collection[LicenseType]) -> ColumnElement[bool]:
        """Whether the highest type of which an active person has an active grant is one of these (requirement D1)."""
        alternatives = []
        for type in set(types):
            higher = [other for other in LicenseType if other.value > type.value]
            of_type = reached(_users.id, self._granted((type,)))
            alternatives.append(and_(of_type, not_(reached(_users.id, self._granted(higher)))) if higher else of_type)
        return and_(_users.status == UserStatus.ACTIVE, or_(false(), *alternatives))

    def _granted(self, types: Collection[LicenseType]) -> Select[Any]:
        """People with an active grant of a license of one of these types."""
        of_type = select(_licenses.id).where(self._ours(License), _licenses.type.in_(types))
        return select(_grants.user_id).where(_grants.license_id.in_(of_type), _grants.state == LicenseGrantState.ACTIVE)

    def _holders(self, test: KeyTest) -> Select[Any]:
        """People with a license; who may not read licenses finds them by the one that counts only."""
        holders = _tested(select(_grants.user_id), test, _grants.license_id)
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


def _named(
    name: str, condition: KeyCondition, within: Within, source: Source, things: Select[Any], *kind: ListingKind
) -> _Found:
    """People found by things that a condition names.

    Args:
        things: Selects those things of them that there are.
        kind: What they are listed as, where it is asked for.
    """
    answers = name if condition.only_named else None
    if condition.among is None:
        return _Found(within, answers, Walk(source, ((condition.eq, *kind),)))
    return _Found(
        within, answers, Walk(source, things.add_columns(*(literal(each, _KIND).label("kind") for each in kind)))
    )


def _by(
    people: Select[Any], condition: KeyCondition | TextCondition | InstantCondition | None, column: ColumnElement[Any]
) -> Select[Any] | None:
    return None if condition is None or not condition.sought else people.where(condition.on(column))


def _chosen(condition: ChoiceCondition[E] | None) -> Collection[E]:
    """What a condition names, one of which must hold."""
    if condition is None:
        return ()
    return condition.among or () if condition.eq is None else (condition.eq,)


def _met(condition: PresenceCondition) -> set[PresenceState]:
    return {state for state in PresenceState if condition.state.holds(state)}


def _tested(links: Select[Any], test: KeyTest, key: ColumnElement[Any]) -> Select[Any]:
    return links if test is None else links.where(test(key))


def _members(test: KeyTest) -> Select[Any]:
    """People in a team."""
    return _tested(select(_memberships.user_id), test, _memberships.team_id)


def _skilled_in(test: KeyTest) -> Select[Any]:
    """People in a skill group, whatever their state."""
    return _tested(select(_skilled.user_id), test, _skilled.skill_group_id)


def _workers(test: KeyTest) -> Select[Any]:
    """People who have a queue, in any state; some more than once."""
    return select(union_all(*_ways_to_queues(test)).subquery().c.user_id)


def _working(test: KeyTest) -> ColumnElement[bool]:
    """Whether somebody works in a queue: directly, through a team or one above it, or a skill group; active ones."""
    ways = (reached(_users.id, way, alternative=True) for way in _ways_to_queues(test))
    return and_(_users.status == UserStatus.ACTIVE, or_(*ways))


def _ways_to_queues(test: KeyTest) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """People who have a queue directly, through a team or one above it, and through a skill group, in any state."""
    direct = _tested(select(_direct.user_id), test, _direct.queue_id)
    through_teams = (
        select(_memberships.user_id)
        .join_from(table_of(Membership), table_of(TeamAncestor), _ancestors.team_id == _memberships.team_id)
        .join(table_of(TeamQueue), _team_queues.team_id == _ancestors.ancestor_id)
    )
    through_skills = select(_skilled.user_id).join_from(
        table_of(SkillGroupMember),
        table_of(SkillGroupQueue),
        _skill_queues.skill_group_id == _skilled.skill_group_id,
    )
    return (
        direct,
        _tested(through_teams, test, _team_queues.queue_id),
        _tested(through_skills, test, _skill_queues.queue_id),
    )
