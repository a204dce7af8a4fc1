"""Things with a name that is unique in the organization: found by their keys, and listed by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, select, true
from sqlmodel import SQLModel

from models.storage import table_of
from repositories.bound import Bound
from repositories.criteria import Nested, TextCondition, every_word_of_name
from repositories.keyset import Order, Slice, SortKey, counted, ordered_by, sliced
from repositories.rows import columns, light

F = TypeVar("F", bound=Enum)
M = TypeVar("M", bound=SQLModel)


class NamedCriteria(Protocol):
    """What the criteria of things of every kind have."""

    @property
    def active(self) -> bool | None: ...


C = TypeVar("C", bound=NamedCriteria)


@dataclass(frozen=True, slots=True)
class ThingCriteria:
    """Which things are wanted, by what can be asked of every kind; everything given must hold.

    Attributes:
        words: Beginnings of words that must all occur in the name, folded.
    """

    active: bool | None = None
    name: TextCondition | None = None
    words: tuple[str, ...] = ()


def by_name(model: type[SQLModel], name: str) -> Order:
    """Things by name; the order of their lists unless another one is asked for."""
    table = table_of(model).c
    return ordered_by(name, [SortKey("name_key", table.name_key)], table.id)


def by_name_or_creation(model: type[SQLModel], fields: type[F]) -> Mapping[F, SortKey]:
    """What lists of most kinds can be sorted by: the sort keys of the fields NAME and CREATED_AT."""
    table = table_of(model).c
    return {
        fields["NAME"]: SortKey("name_key", table.name_key),
        fields["CREATED_AT"]: SortKey("created_at", table.created_at, kind="instant"),
    }


def meeting(
    model: type[SQLModel], active: bool | None, name: TextCondition | None, words: tuple[str, ...]
) -> list[ColumnElement[bool]]:
    """What is asked of things of every kind: use, name, and words of the name."""
    table = table_of(model).c
    clauses: list[ColumnElement[bool]] = []
    if active is not None:
        clauses.append(table.active == active)
    if name is not None:
        clauses.append(name.on(table.name_key))
    if words:
        clauses.append(every_word_of_name(table.name_key, words))
    return clauses


class NamedRepository(Bound, Generic[M, C]):
    """Things of one kind in one organization."""

    model: ClassVar[type[SQLModel]]

    def meeting(self, criteria: C) -> list[ColumnElement[bool]]:
        """Criteria that stand side by side, as conditions on the table."""
        raise NotImplementedError

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, M]:
        """The things with these ids that the caller sees."""
        table = table_of(self.model).c
        found = await self._connection.execute(
            select(*columns(self.model)).where(self._ours(self.model), table.id.in_(ids), self._visible())
        )
        things: list[Any] = self._light(found.all())
        return {thing.id: thing for thing in things}

    async def listed(self, wanted: Nested[C], order: Order, part: Slice) -> list[M]:
        """One slice of the list of all that are wanted, and one more."""
        where = wanted.on(self.meeting)
        statement = select(*columns(self.model)).where(self._ours(self.model), self._visible(), *where)
        return self._light((await self._connection.execute(sliced(statement, order, part))).all())

    async def count(self, wanted: Nested[C], limit: int) -> int:
        """How many are wanted, up to one more than the limit."""
        where = wanted.on(self.meeting)
        table = table_of(self.model).c
        statement = select(table.id).where(self._ours(self.model), self._visible(), *where)
        return await counted(self._connection, statement, limit)

    def _visible(self) -> ColumnElement[bool]:
        """Everybody reads the names of what an organization has."""
        return true()

    def _light(self, found: Sequence[Any]) -> list[M]:
        return cast(list[M], light(self.model, found))
