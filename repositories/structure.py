"""Teams, queues, skill groups, sites and profiles as they are made, changed and deleted, and what uses each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update
from sqlmodel import SQLModel

from models.call_record import CallRecord
from models.organization import Organization
from models.queue import TeamQueue
from models.storage import table_of
from models.team import Membership, Team, TeamAncestor
from repositories.bound import Bound
from repositories.rows import columns, light

_organizations = table_of(Organization).c
_ancestors = table_of(TeamAncestor).c
_teams = table_of(Team).c


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


USES: Mapping[type[SQLModel], Sequence[Use]] = {
    Team: (
        Use("member", "members", table_of(Membership).c.team_id),
        Use("queue", "queues", table_of(TeamQueue).c.team_id),
        Use("team below it", "teams below it", _teams.parent_id, (_teams.active,)),
        Use("inactive team below it", "inactive teams below it", _teams.parent_id, (~_teams.active,), by_history=True),
        Use("call record", "call records", table_of(CallRecord).c.team_id, by_history=True),
    ),
}


class StructureRepository(Bound):
    """What one organization is made of, for changing it."""

    async def lock(self) -> None:
        """Lock the organization: its structure is changed by one at a time."""
        await self._connection.execute(
            select(_organizations.id).where(_organizations.id == self._organization_id).with_for_update(key_share=True)
        )

    async def by_id(self, model: type[SQLModel], ids: Collection[UUID]) -> dict[UUID, Any]:
        """Light rows of things of one kind, locked until the end: whoever is about to refer to one has to wait."""
        table = table_of(model).c
        found = await self._connection.execute(
            select(*columns(model)).where(self._ours(model), table.id.in_(ids)).order_by(table.id).with_for_update()
        )
        things: list[Any] = list(light(model, found.all()))
        return {thing.id: thing for thing in things}

    async def referred(self, model: type[SQLModel], ids: Collection[UUID]) -> dict[UUID, Any]:
        """Key, name and use of things that another one refers to; unknown ones are absent."""
        table = table_of(model).c
        found = await self._connection.execute(
            select(table.id, table.name, table.active).where(self._ours(model), table.id.in_(ids))
        )
        return {row.id: row for row in found}

    async def named(self, model: type[SQLModel], name_keys: Collection[str]) -> dict[str, UUID]:
        """The things of one kind that have these names, folded."""
        table = table_of(model).c
        found = await self._connection.execute(
            select(table.name_key, table.id).where(self._ours(model), table.name_key.in_(name_keys))
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
            .where(self._ours(model), table.c.id == key)
            .values(version=table.c.version + 1, updated_at=at, **values)
            .returning(*columns(model))
        )
        return light(model, changed.all())[0]

    async def remove(self, model: type[SQLModel], ids: Collection[UUID]) -> None:
        """Delete things that nothing uses."""
        table = table_of(model)
        await self._connection.execute(delete(table).where(self._ours(model), table.c.id.in_(ids)))

    async def below(self, team_id: UUID) -> set[UUID]:
        """A team and all below it."""
        found = await self._connection.execute(
            select(_ancestors.team_id).where(self._ours(TeamAncestor), _ancestors.ancestor_id == team_id)
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
