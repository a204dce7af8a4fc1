"""Teams, queues, skill groups, sites and profiles as they are made, changed and deleted, and what uses each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, true, update
from sqlmodel import SQLModel

from models.call_record import CallRecord
from models.organization import CoverageRule, Organization
from models.profile import DesktopProfile, UserProfile
from models.queue import Queue, SkillGroupQueue, TeamQueue, UserQueue
from models.session import Session, SessionEndReason, Surface
from models.site import Site
from models.skill_group import SkillGroup, SkillGroupMember
from models.storage import table_of
from models.team import Membership, Team, TeamAncestor
from models.user import User, UserRole, UserRoleGrant, UserStatus
from repositories.bound import Bound
from repositories.rows import columns, light

_organizations = table_of(Organization).c
_ancestors = table_of(TeamAncestor).c
_teams = table_of(Team).c
_calls = table_of(CallRecord).c
_users = table_of(User).c
_roles = table_of(UserRoleGrant).c
_sites = table_of(Site).c
_sessions = table_of(Session).c


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which a thing is in use.

    Attributes:
        one: What uses it, in words for one of them.
        many: The same for several.
        column: The column that refers to the thing.
        only: Which of the rows count.
        by_history: Whether it is history that needs the thing: it can be deactivated, and cannot be deleted.
    """

    one: str
    many: str
    column: ColumnElement[Any]
    only: tuple[ColumnElement[bool], ...] = ()
    by_history: bool = False


def _people(column: ColumnElement[Any]) -> tuple[Use, Use]:
    gone = _users.status == UserStatus.DELETED
    return (
        Use("person", "people", column, (~gone,)),
        Use("deleted person", "deleted people", column, (gone,), by_history=True),
    )


USES: Mapping[type[SQLModel], Sequence[Use]] = {
    Team: (
        Use("member", "members", table_of(Membership).c.team_id),
        Use("queue", "queues", table_of(TeamQueue).c.team_id),
        Use("team below it", "teams below it", _teams.parent_id, (_teams.active,)),
        Use("inactive team below it", "inactive teams below it", _teams.parent_id, (~_teams.active,), by_history=True),
        Use("call record", "call records", _calls.team_id, by_history=True),
    ),
    Queue: (
        Use("person assigned directly", "people assigned directly", table_of(UserQueue).c.queue_id),
        Use("team", "teams", table_of(TeamQueue).c.queue_id),
        Use("skill group", "skill groups", table_of(SkillGroupQueue).c.queue_id),
        Use("call record", "call records", _calls.queue_id, by_history=True),
    ),
    SkillGroup: (
        Use("member", "members", table_of(SkillGroupMember).c.skill_group_id),
        Use("queue", "queues", table_of(SkillGroupQueue).c.skill_group_id),
    ),
    Site: (
        *_people(_users.site_id),
        Use("team", "teams", _teams.site_id, (_teams.active,)),
        Use("inactive team", "inactive teams", _teams.site_id, (~_teams.active,), by_history=True),
    ),
    UserProfile: _people(_users.profile_id),
    DesktopProfile: (
        *_people(_users.desktop_profile_id),
        Use("site", "sites", _sites.default_desktop_profile_id, (_sites.active,)),
        Use("inactive site", "inactive sites", _sites.default_desktop_profile_id, (~_sites.active,), by_history=True),
        Use("organization", "organizations", _organizations.default_desktop_profile_id),
    ),
}


class StructureRepository(Bound):
    """What one organization is made of, for changing it."""

    def _own(self, model: type[SQLModel]) -> ColumnElement[bool]:
        """The rows of this organization, itself among the organizations."""
        return _organizations.id == self._organization_id if model is Organization else self._ours(model)

    async def lock(self) -> None:
        """Lock the organization: one at a time changes its structure, or takes agents that it refuses to lose."""
        await self._connection.execute(
            select(_organizations.id).where(_organizations.id == self._organization_id).with_for_update(key_share=True)
        )

    async def lock_where_refusing(self) -> None:
        """The same where the organization refuses to leave queues with too few agents (requirement Z14).

        Who takes agents then goes one after the other: how many are left hangs on all of them, and they come to teams
        and queues in many orders.
        """
        await self._connection.execute(
            select(_organizations.id)
            .where(_organizations.id == self._organization_id, _organizations.coverage_rule == CoverageRule.REFUSE)
            .with_for_update(key_share=True)
        )

    async def by_id(self, model: type[SQLModel], ids: Collection[UUID]) -> dict[UUID, Any]:
        """Light rows of things of one kind, locked until the end: whoever is about to refer to one has to wait.

        Nobody waits to refer to the organization, to which every row does: it is not deleted by such a change.
        """
        table = table_of(model).c
        found = await self._connection.execute(
            select(*columns(model))
            .where(self._own(model), table.id.in_(ids))
            .order_by(table.id)
            .with_for_update(key_share=model is Organization)
        )
        things: list[Any] = list(light(model, found.all()))
        return {thing.id: thing for thing in things}

    async def referred(self, model: type[SQLModel], ids: Collection[UUID]) -> dict[UUID, Any]:
        """Key, name and use of things that another one refers to; unknown ones are absent."""
        table = table_of(model).c
        found = await self._connection.execute(
            select(table.id, table.name, table.active).where(self._own(model), table.id.in_(ids))
        )
        return {row.id: row for row in found}

    async def named(self, model: type[SQLModel], name_keys: Collection[str]) -> dict[str, UUID]:
        """The things of one kind that have these names, folded; of organizations those of the whole installation."""
        table = table_of(model).c
        near = true() if model is Organization else self._ours(model)
        found = await self._connection.execute(
            select(table.name_key, table.id).where(near, table.name_key.in_(name_keys))
        )
        return {row.name_key: row.id for row in found}

    async def uses(self, model: type[SQLModel], key: UUID, *, by_history: bool) -> list[tuple[Use, int]]:
        """What uses a thing, and how many times; one statement.

        Args:
            by_history: Whether the uses count that history alone has for it.
        """
        wanted = [use for use in USES[model] if by_history or not use.by_history]
        counts = []
        for use in wanted:
            source: Any = use.column.table
            ours = _organizations.id if source is table_of(Organization) else source.c.organization_id
            counts.append(
                select(func.count())
                .select_from(source)
                .where(ours == self._organization_id, use.column == key, *use.only)
                .scalar_subquery()
            )
        found = (await self._connection.execute(select(*counts))).one()
        return [(use, int(count)) for use, count in zip(wanted, found, strict=True) if count]

    async def add(self, model: type[SQLModel], values: Mapping[str, Any]) -> Any:
        """Add a thing; its light row."""
        added = await self._connection.execute(
            insert(table_of(model)).values(organization_id=self._organization_id, **values).returning(*columns(model))
        )
        return light(model, added.all())[0]

    async def change(self, model: type[SQLModel], key: UUID, values: Mapping[str, Any], *, at: datetime) -> Any:
        """Set columns of a thing and count its version up; its light row."""
        table = table_of(model)
        changed = await self._connection.execute(
            update(table)
            .where(self._own(model), table.c.id == key)
            .values(version=table.c.version + 1, updated_at=at, **values)
            .returning(*columns(model))
        )
        return light(model, changed.all())[0]

    async def remove(self, model: type[SQLModel], ids: Collection[UUID]) -> None:
        """Delete things that nothing uses."""
        table = table_of(model)
        await self._connection.execute(delete(table).where(self._own(model), table.c.id.in_(ids)))

    async def below(self, team_id: UUID) -> set[UUID]:
        """A team and all below it."""
        found = await self._connection.execute(
            select(_ancestors.team_id).where(self._ours(TeamAncestor), _ancestors.ancestor_id == team_id)
        )
        return set(found.scalars())

    async def above(self, team_id: UUID) -> set[UUID]:
        """All teams above a team."""
        found = await self._connection.execute(
            select(_ancestors.ancestor_id).where(
                self._ours(TeamAncestor), _ancestors.team_id == team_id, _ancestors.ancestor_id != team_id
            )
        )
        return set(found.scalars())

    async def hang(self, team_id: UUID, parent_id: UUID | None) -> None:
        """Put a team that has nothing above it, with all below it, below another one; None leaves it at the top.

        Its own row in the table of ancestors, and those of the teams below it, must be there (decision 3).
        """
        if parent_id is None:
            return
        above, inside = table_of(TeamAncestor).alias("above"), table_of(TeamAncestor).alias("inside")
        await self._connection.execute(
            insert(table_of(TeamAncestor)).from_select(
                ["team_id", "ancestor_id", "organization_id", "depth"],
                select(
                    inside.c.team_id,
                    above.c.ancestor_id,
                    above.c.organization_id,
                    above.c.depth + inside.c.depth + 1,
                )
                .join_from(above, inside, inside.c.organization_id == above.c.organization_id)
                .where(
                    above.c.organization_id == self._organization_id,
                    above.c.team_id == parent_id,
                    inside.c.ancestor_id == team_id,
                ),
            )
        )

    async def take_down(self, team_id: UUID) -> None:
        """Make a team, with all below it, one that has nothing above it."""
        inside = select(_ancestors.team_id).where(_ancestors.ancestor_id == team_id)
        above = select(_ancestors.ancestor_id).where(_ancestors.team_id == team_id, _ancestors.ancestor_id != team_id)
        await self._connection.execute(
            delete(table_of(TeamAncestor)).where(
                and_(self._ours(TeamAncestor), _ancestors.team_id.in_(inside), _ancestors.ancestor_id.in_(above))
            )
        )

    async def root(self, team_id: UUID) -> None:
        """Write that a new team is its own ancestor."""
        await self._insert(TeamAncestor, [{"team_id": team_id, "ancestor_id": team_id, "depth": 0}])

    async def uproot(self, team_id: UUID) -> None:
        """Forget what is above a team that is about to be deleted."""
        await self._connection.execute(
            delete(table_of(TeamAncestor)).where(self._ours(TeamAncestor), _ancestors.team_id == team_id)
        )

    async def lock_holders(self, profile_id: UUID) -> None:
        """Lock the people who have a user profile, in the order of their ids."""
        await self._connection.execute(
            select(_users.id).where(*self._holders(profile_id)).order_by(_users.id).with_for_update(key_share=True)
        )

    async def held_by_role(self, profile_id: UUID, role: UserRole) -> bool:
        """Whether somebody with a role has a user profile."""
        found = await self._connection.execute(
            select(_users.id)
            .join_from(table_of(User), table_of(UserRoleGrant), _roles.user_id == _users.id)
            .where(*self._holders(profile_id), _roles.role == role)
            .limit(1)
        )
        return found.first() is not None

    def losing(
        self, profile_id: UUID, surfaces: Collection[Surface], roles: Collection[UserRole]
    ) -> tuple[Select[Any], ColumnElement[bool]]:
        """The people who have a user profile, and which of their sessions a narrower one ends.

        Args:
            surfaces: Where nobody who has it may be any more.
            roles: The roles of those who lose permissions by it.
        """
        holders = select(_users.id).where(*self._holders(profile_id))
        losers = select(_roles.user_id).where(self._ours(UserRoleGrant), _roles.role.in_(roles))
        return holders, or_(_sessions.surface.in_(surfaces), _sessions.user_id.in_(losers))

    def left_desktop(self, holders: Select[Any], at: datetime) -> Select[Any]:
        """Those of these people whose desktop session was ended by a change of their access just now."""
        return select(_sessions.user_id).where(*self._ended(holders, at), _sessions.surface == Surface.AGENT_DESKTOP)

    async def signed_out(self, holders: Select[Any], at: datetime) -> Sequence[Any]:
        """Key, `display_name` and `version` of those whose sessions were, and how many (`ended`)."""
        found = await self._connection.execute(
            select(_users.id, _users.display_name, _users.version, func.count().label("ended"))
            .join_from(table_of(User), table_of(Session), _sessions.user_id == _users.id)
            .where(self._ours(User), *self._ended(holders, at))
            .group_by(_users.id, _users.display_name, _users.version)
            .order_by(_users.id)
        )
        return found.all()

    async def agents_by_default(self, site_id: UUID | None) -> int:
        """How many agents have no desktop profile but the default of one site, or of the organization.

        Args:
            site_id: The site; the organization when None.
        """
        agents = select(_roles.user_id).where(self._ours(UserRoleGrant), _roles.role == UserRole.AGENT)
        other = _sites if site_id is None else _organizations
        found = await self._connection.execute(
            select(func.count())
            .select_from(
                table_of(User)
                .join(table_of(Organization), _organizations.id == _users.organization_id)
                .outerjoin(table_of(Site), _sites.id == _users.site_id)
            )
            .where(
                self._ours(User),
                _users.status != UserStatus.DELETED,
                _users.contact_center_enabled,
                _users.id.in_(agents),
                _users.desktop_profile_id.is_(None),
                other.default_desktop_profile_id.is_(None),
                true() if site_id is None else _users.site_id == site_id,
            )
        )
        return int(found.scalar_one())

    def _holders(self, profile_id: UUID) -> Sequence[ColumnElement[bool]]:
        return self._ours(User), _users.profile_id == profile_id

    def _ended(self, holders: Select[Any], at: datetime) -> Sequence[ColumnElement[bool]]:
        return (
            self._ours(Session),
            _sessions.user_id.in_(holders),
            _sessions.ended_at == at,
            _sessions.end_reason == SessionEndReason.ACCESS_CHANGED,
        )
