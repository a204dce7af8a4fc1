"""People and structure for tests, written straight into the tables."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, overload
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from gql.ids import global_id
from models.audit import ActorKind, AuditAction, AuditEvent
from models.call_record import CallDirection, CallEndReason, CallRecord
from models.deactivation import Deactivation
from models.license import (
    License,
    LicenseGrant,
    LicenseGrantSource,
    LicenseGrantState,
    LicensePool,
    LicenseType,
    SeatLedgerEntry,
)
from models.operation import StateChangeReason
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.queue import Queue, SkillGroupQueue, TeamQueue, UserQueue
from models.session import SignInBlock
from models.site import Site
from models.skill_group import SkillGroup, SkillGroupMember
from models.storage import table_of, uuid7
from models.team import Membership, Team, TeamAncestor
from models.text import display_name, fold, mail_key, search_key
from models.user import Credential, IdentitySource, User, UserRole, UserRoleGrant, UserStatus
from repositories.engine import Database
from resolvers import passwords
from resolvers.context import utc_now

PASSWORD = "correct horse battery staple"

FIRST_NAMES = [
    "Anna",
    "Björn",
    "Chloé",
    "Dario",
    "Élise",
    "Fang",
    "Greta",
    "Håkan",
    "Ines",
    "Jürgen",
    "Klara",
    "Lei",
    "Marta",
    "Nils",
    "Øystein",
    "Pia",
]
LAST_NAMES = [
    "Schmidt",
    "Lindqvist",
    "Dubois",
    "Rossi",
    "Wang",
    "Müller",
    "Smith",
    "Åberg",
    "Bianchi",
    "Lefèvre",
    "Zhang",
    "Weiß",
    "O'Neill",
    "Nyström",
]


@dataclass(frozen=True)
class Thing:
    """Something with a name that a test made."""

    key: UUID
    type_name: str
    name: str

    @property
    def id(self) -> str:
        """Its global id."""
        return global_id(self.type_name, self.key)


@dataclass(frozen=True)
class Person(Thing):
    """Somebody hired for a test."""

    email: str = ""
    agent_number: str | None = None
    external_id: str | None = None
    roles: frozenset[UserRole] = field(default_factory=frozenset)
    password: str = PASSWORD


def password_hash(password: str) -> str:
    """What is kept of a password, computed once a run; as now, or every first sign-in would renew it."""
    return _password_hash(password, passwords.MEMORY_KIB)


@cache
def _password_hash(password: str, _memory_kib: int) -> str:
    return passwords.hash_now(password)


class Staff:
    """Makes the people, teams and so on of one organization."""

    _numbers = itertools.count(1)  # of all organizations: mail addresses are unique in the whole database

    @classmethod
    def count_anew(cls, after: int = 0) -> None:
        """Begin again with the names of the first one, or behind so many; for a new database."""
        cls._numbers = itertools.count(after + 1)

    def __init__(self, database: Database, organization_id: UUID) -> None:
        self.database = database
        self.organization_id = organization_id

    @overload
    async def hire(self, who: int, /, **terms: Any) -> list[Person]: ...

    @overload
    async def hire(self, who: str | None = None, /, **terms: Any) -> Person: ...

    async def hire(self, who: int | str | None = None, /, **terms: Any) -> list[Person] | Person:
        """Hire so many people, or one (by "First Last", or anybody), who all get the same terms.

        Each has a presence row, one CREATED audit event (version 1) and, with a password, a credential. Those with
        licenses take seats: counter and ledger are kept right. See `Terms` for what can be said.
        """
        say = Terms(**terms)
        say.at = say.at or utc_now()
        count = who if isinstance(who, int) else 1
        people = [self._person(say, who if isinstance(who, str) else None) for _ in range(count)]

        async def work(connection: AsyncConnection) -> None:
            await _Hiring(connection, self.organization_id, say).write(people)

        await self.database.change(work)
        hired = [
            Person(
                key=row["id"],
                type_name="User",
                name=row["display_name"],
                email=row["email"],
                agent_number=row["agent_number"],
                external_id=row["external_id"],
                roles=frozenset(say.roles),
                password=say.password or "",
            )
            for row in people
        ]
        return hired if isinstance(who, int) else hired[0]

    def _person(self, say: Terms, name: str | None) -> dict[str, Any]:
        number = next(self._numbers)
        first = FIRST_NAMES[number % len(FIRST_NAMES)]
        last = LAST_NAMES[number // len(FIRST_NAMES) % len(LAST_NAMES)]
        if name is not None:
            first, _, last = name.partition(" ")
        at = say.at or utc_now()
        mail = say.email or f"{fold(first)}.{fold(last).replace(' ', '').replace(chr(39), '')}.{number}@acme.example"
        agent_number = say.agent_number or (f"A{number:06d}" if UserRole.AGENT in say.roles else None)
        external_id = say.external_id or f"E{number:06d}"
        status = say.status
        shown = display_name(first, last, say.nickname, mail)
        return {
            "id": uuid7(at),
            "version": 1,
            "external_id": external_id,
            "email": mail,
            "email_key": mail_key(mail),
            "email_folded": fold(mail),
            "agent_number_folded": fold(agent_number) if agent_number else None,
            "external_id_folded": fold(external_id),
            "first_name": first,
            "last_name": last or None,
            "last_name_key": fold(last) if last else None,
            "nickname": say.nickname,
            "display_name": shown,
            "display_name_key": fold(shown),
            "search_key": search_key(shown, first, last, say.nickname, mail, agent_number, external_id),
            "agent_number": agent_number,
            "identity_source": say.identity_source,
            "protected": say.protected,
            "status": status,
            "status_changed_at": at,
            "deactivated_at": at if status is UserStatus.DEACTIVATED else None,
            "contact_center_enabled": say.contact_center_enabled,
            "site_id": say.site.key if say.site else None,
            "profile_id": say.profile.key if say.profile else None,
            "desktop_profile_id": say.desktop_profile.key if say.desktop_profile else None,
            "created_at": at,
            "updated_at": at,
        }

    async def team(
        self,
        name: str | None = None,
        *,
        parent: Thing | None = None,
        queues: Sequence[Thing] = (),
        site: Thing | None = None,
        active: bool = True,
    ) -> Thing:
        """A team, perhaps below another one, with its queues."""
        made = self._thing("Team", name)
        links = {
            "site_id": site.key if site else None,
            "parent_id": parent.key if parent else None,
            "active": active,
        }

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(table_of(Team)), [self._named(made, **links)])
            ancestors = table_of(TeamAncestor)
            above = []
            if parent is not None:
                found = await connection.execute(
                    select(ancestors.c.ancestor_id, ancestors.c.depth).where(ancestors.c.team_id == parent.key)
                )
                above = [(row.ancestor_id, row.depth + 1) for row in found]
            await connection.execute(
                insert(ancestors),
                [
                    {"team_id": made.key, "ancestor_id": key, "depth": depth, "organization_id": self.organization_id}
                    for key, depth in ((made.key, 0), *above)
                ],
            )
            await self._link(connection, TeamQueue, "team_id", made, "queue_id", queues)

        await self.database.change(work)
        return made

    async def queue(
        self, name: str | None = None, *, channel: str = "voice", minimum_agents: int = 0, active: bool = True
    ) -> Thing:
        """A queue."""
        made = self._thing("Queue", name)
        row = self._named(
            made, channel=channel, channel_key=fold(channel), minimum_agents=minimum_agents, active=active
        )
        await self.insert(Queue, row)
        return made

    async def skill_group(self, name: str | None = None, *, queues: Sequence[Thing] = (), active: bool = True) -> Thing:
        """A skill group with its queues."""
        made = self._thing("SkillGroup", name)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(table_of(SkillGroup)), [self._named(made, active=active)])
            await self._link(connection, SkillGroupQueue, "skill_group_id", made, "queue_id", queues)

        await self.database.change(work)
        return made

    async def site(self, name: str | None = None, *, active: bool = True) -> Thing:
        """A site."""
        made = self._thing("Site", name)
        await self.insert(Site, self._named(made, time_zone="Europe/Berlin", active=active))
        return made

    async def profile(
        self,
        name: str | None = None,
        *,
        surfaces: Sequence[str] = ("PORTAL", "AGENT_DESKTOP"),
        permissions: Sequence[str] | None = None,
        active: bool = True,
    ) -> Thing:
        """A custom user profile."""
        made = self._thing("UserProfile", name)
        row = self._named(made, surfaces=list(surfaces), permissions=permissions, active=active)
        await self.insert(UserProfile, {**row, "kind": UserProfileKind.CUSTOM})
        return made

    async def desktop_profile(self, name: str | None = None, *, active: bool = True) -> Thing:
        """A desktop profile."""
        made = self._thing("DesktopProfile", name)
        await self.insert(DesktopProfile, self._named(made, active=active))
        return made

    async def license(
        self,
        name: str | None = None,
        *,
        type: LicenseType = LicenseType.STANDARD_AGENT,
        seats: int | None = None,
        active: bool = True,
    ) -> Thing:
        """A license of its own beside the two that every organization has, with its seats."""
        made = self._thing("License", name)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(table_of(License)), [self._named(made, type=type, active=active)])
            await connection.execute(
                insert(table_of(LicensePool)),
                [{"license_id": made.key, "organization_id": self.organization_id, "seats": seats, "granted": 0}],
            )

        await self.database.change(work)
        return made

    async def built_in_license(self, type: LicenseType) -> Thing:
        """One of the two licenses that every organization has."""
        licenses = table_of(License).c
        async with self.database.reading() as connection:
            row = (
                await connection.execute(
                    select(licenses.id, licenses.name)
                    .where(licenses.organization_id == self.organization_id, licenses.type == type)
                    .order_by(licenses.created_at, licenses.id)
                    .limit(1)
                )
            ).one()
        return Thing(row.id, "License", row.name)

    async def call(
        self,
        person: Person,
        *,
        queue: Thing | None = None,
        team: Thing | None = None,
        ago: timedelta = timedelta(minutes=5),
        seconds: int | None = None,
        ended_by: CallEndReason = CallEndReason.CONTACT,
    ) -> Thing:
        """A call that a person took; it goes on unless `seconds` says how long it was."""
        (made,) = await self.calls([person], queue=queue, team=team, ago=ago, seconds=seconds, ended_by=ended_by)
        return made

    async def calls(
        self,
        people: Sequence[Person],
        *,
        queue: Thing | None = None,
        team: Thing | None = None,
        ago: timedelta = timedelta(minutes=5),
        seconds: int | None = None,
        ended_by: CallEndReason = CallEndReason.CONTACT,
    ) -> list[Thing]:
        """A call of each of these people, all alike."""
        started = utc_now() - ago
        made = [Thing(uuid7(), "CallRecord", f"call-{next(self._numbers)}") for _ in people]
        rows = [
            {
                "id": call.key,
                "external_id": call.name,
                "user_id": person.key,
                "queue_id": queue.key if queue else None,
                "team_id": team.key if team else None,
                "direction": CallDirection.INBOUND,
                "started_at": started,
                "ended_at": None if seconds is None else started + timedelta(seconds=seconds),
                "ended_by": None if seconds is None else ended_by,
                "talk_seconds": seconds or 0,
                "wrap_up_seconds": 0,
            }
            for call, person in zip(made, people, strict=True)
        ]
        await self.insert(CallRecord, *rows)
        return made

    async def found(self, model: type[SQLModel], *rows: Mapping[str, Any]) -> list[Thing]:
        """Things with a name, all of one kind and in one statement; of each row the columns beside the name."""
        made = [self._thing(model.__name__, None) for _ in rows]
        await self.insert(model, *(self._named(thing, **row) for thing, row in zip(made, rows, strict=True)))
        return made

    async def insert(self, model: type[SQLModel], *rows: Mapping[str, Any]) -> None:
        """Rows of any table; the organization is filled in."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                insert(table_of(model)), [{"organization_id": self.organization_id, **row} for row in rows]
            )

        await self.database.change(work)

    def _thing(self, type_name: str, name: str | None) -> Thing:
        return Thing(uuid7(), type_name, name or f"{type_name} {next(self._numbers)}")

    def _named(self, made: Thing, **columns: Any) -> dict[str, Any]:
        at = utc_now()
        return {
            "id": made.key,
            "organization_id": self.organization_id,
            "version": 1,
            "name": made.name,
            "name_key": fold(made.name),
            "created_at": at,
            "updated_at": at,
            **columns,
        }

    async def _link(
        self,
        connection: AsyncConnection,
        model: type[SQLModel],
        left: str,
        one: Thing,
        right: str,
        many: Sequence[Thing],
    ) -> None:
        at = utc_now()
        rows = [
            {left: one.key, right: each.key, "organization_id": self.organization_id, "assigned_at": at}
            for each in many
        ]
        if rows:
            await connection.execute(insert(table_of(model)), rows)


@dataclass
class Terms:
    """What can be said about people who are hired.

    Attributes:
        roles: Nobody is an agent unless it is said or left at the default.
        licenses: By type, or those that the test made.
        password: None hires people who cannot sign in with one.
        profile: The one of requirement B17 when omitted.
        blocked: With a standing sign-in block, set by an administrator.
        at: When they came; now when omitted.
    """

    roles: Sequence[UserRole] = (UserRole.AGENT,)
    teams: Sequence[Thing] = ()
    queues: Sequence[Thing] = ()
    skill_groups: Sequence[Thing] = ()
    licenses: Sequence[LicenseType | Thing] = ()
    password: str | None = PASSWORD
    single_use: bool = False
    status: UserStatus = UserStatus.ACTIVE
    presence: PresenceState = PresenceState.OFFLINE
    protected: bool = False
    blocked: bool = False
    contact_center_enabled: bool = True
    identity_source: IdentitySource = IdentitySource.LOCAL
    site: Thing | None = None
    profile: Thing | None = None
    desktop_profile: Thing | None = None
    nickname: str | None = None
    email: str | None = None
    agent_number: str | None = None
    external_id: str | None = None
    at: datetime | None = None


class _Hiring:
    """Writes the rows of people who are hired together."""

    def __init__(self, connection: AsyncConnection, organization_id: UUID, say: Terms) -> None:
        self.connection = connection
        self.organization_id = organization_id
        self.say = say
        self.at = say.at or utc_now()

    async def write(self, people: list[dict[str, Any]]) -> None:
        say = self.say
        licenses = await self._licenses()
        await self._profiles(people, {type for _, type in licenses})
        keys = [row["id"] for row in people]
        await self._insert(User, people)
        await self._insert(UserRoleGrant, [{"user_id": key, "role": role} for key in keys for role in say.roles])
        await self._insert(
            Presence, [{"user_id": key, "state": say.presence, "since": self.at, "reason_code": None} for key in keys]
        )
        if say.password is not None:
            hashed = password_hash(say.password)
            credential = {"password_hash": hashed, "single_use": say.single_use, "changed_at": self.at}
            await self._insert(Credential, [{"user_id": key, **credential} for key in keys])
        await self._assign(Membership, "team_id", say.teams, keys)
        await self._assign(UserQueue, "queue_id", say.queues, keys)
        await self._assign(SkillGroupMember, "skill_group_id", say.skill_groups, keys)
        await self._grant([key for key, _ in licenses], keys)
        await self._standing(keys)
        await self._insert(AuditEvent, [self._created(row) for row in people])

    async def _insert(self, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self.connection.execute(
                insert(table_of(model)), [{"organization_id": self.organization_id, **row} for row in rows]
            )

    async def _assign(self, model: type[SQLModel], column: str, things: Sequence[Thing], keys: Sequence[UUID]) -> None:
        rows = [{"user_id": key, column: thing.key, "assigned_at": self.at} for key in keys for thing in things]
        await self._insert(model, rows)

    async def _licenses(self) -> list[tuple[UUID, LicenseType]]:
        if not self.say.licenses:
            return []
        table = table_of(License).c
        found = await self.connection.execute(
            select(table.id, table.type)
            .where(table.organization_id == self.organization_id)
            .order_by(table.created_at, table.id)
        )
        types = {row.id: row.type for row in found}
        first: dict[LicenseType, UUID] = {}
        for key, type in types.items():
            first.setdefault(type, key)
        keys = [each.key if isinstance(each, Thing) else first[each] for each in self.say.licenses]
        return [(key, types[key]) for key in keys]

    async def _profiles(self, people: list[dict[str, Any]], held: set[LicenseType]) -> None:
        """The profile of B17 and the desktop of the organization (B5), where nothing else was said."""
        if not self.say.contact_center_enabled:
            return
        profiles = table_of(UserProfile).c
        profile = await self.connection.scalar(
            select(profiles.id).where(
                profiles.organization_id == self.organization_id,
                profiles.kind == profile_kind(held, self.say.roles),
            )
        )
        organizations = table_of(Organization).c
        desktop = await self.connection.scalar(
            select(organizations.default_desktop_profile_id).where(organizations.id == self.organization_id)
        )
        for row in people:
            row["profile_id"] = row["profile_id"] or profile
            row["desktop_profile_id"] = row["desktop_profile_id"] or desktop

    async def _grant(self, licenses: Sequence[UUID], keys: Sequence[UUID]) -> None:
        active = self.say.status is UserStatus.ACTIVE
        state = LicenseGrantState.ACTIVE if active else LicenseGrantState.SUSPENDED
        for license_id in licenses:
            await self._insert(
                LicenseGrant,
                [
                    {
                        "id": uuid7(self.at),
                        "user_id": key,
                        "license_id": license_id,
                        "state": state,
                        "source": LicenseGrantSource.MANUAL,
                        "assigned_at": self.at,
                    }
                    for key in keys
                ],
            )
            if active:
                await self._count(license_id)

    async def _count(self, license_id: UUID) -> None:
        grants, pools = table_of(LicenseGrant).c, table_of(LicensePool)
        holders = await self.connection.scalar(
            select(func.count(grants.user_id.distinct())).where(
                grants.license_id == license_id, grants.state == LicenseGrantState.ACTIVE
            )
        )
        seats = await self.connection.scalar(select(pools.c.seats).where(pools.c.license_id == license_id))
        await self.connection.execute(update(pools).where(pools.c.license_id == license_id).values(granted=holders))
        await self._insert(
            SeatLedgerEntry, [{"license_id": license_id, "at": self.at, "granted_after": holders, "pool": seats}]
        )

    async def _standing(self, keys: Sequence[UUID]) -> None:
        by_server = {"actor_kind": ActorKind.SYSTEM, "actor_id": None, "reason": StateChangeReason.UNKNOWN}
        if self.say.status is UserStatus.DEACTIVATED:
            await self._insert(
                Deactivation,
                [{"id": uuid7(self.at), "user_id": key, "deactivated_at": self.at, **by_server} for key in keys],
            )
        if self.say.blocked:
            await self._insert(
                SignInBlock, [{"user_id": key, "since": self.at, "by_administrator": True, **by_server} for key in keys]
            )

    def _created(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": uuid7(self.at),
            "occurred_at": self.at,
            "action": AuditAction.CREATED,
            "actor_kind": ActorKind.SYSTEM,
            "target_type": "User",
            "target_id": row["id"],
            "target_label": row["display_name"],
            "target_version": row["version"],
            "changes": [],
        }


def profile_kind(held: set[LicenseType], roles: Sequence[UserRole]) -> UserProfileKind:
    """The default profile of requirement B17, written down a second time on purpose."""
    administrator = UserRole.FULL_ADMINISTRATOR in roles or UserRole.SERVICE_ADMINISTRATOR in roles
    if LicenseType.PREMIUM_AGENT in held:
        if administrator:
            return UserProfileKind.ADMINISTRATOR
        return UserProfileKind.SUPERVISOR if UserRole.SUPERVISOR in roles else UserProfileKind.PREMIUM_AGENT
    if LicenseType.STANDARD_AGENT in held:
        return UserProfileKind.STANDARD_AGENT
    return UserProfileKind.ADMINISTRATOR_ONLY if administrator else UserProfileKind.STANDARD_AGENT
