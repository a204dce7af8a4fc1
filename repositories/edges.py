"""Lists that belong to many parents, each fetched for all of them in one statement."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from repositories.keyset import Order, Slice, sliced, sliced_per_parent
from repositories.rows import columns, light_after

M = TypeVar("M", bound=SQLModel)


async def slices(
    connection: AsyncConnection,
    model: type[M],
    source: FromClause,
    parent: ColumnElement[UUID],
    parents: Collection[UUID],
    order: Order,
    part: Slice,
    *where: ColumnElement[bool],
) -> dict[UUID, list[M]]:
    """The same slice of the list of each parent; parents that have nothing in it are absent.

    Args:
        source: Where the rows and the key of their parent come from; a row must not come twice for one parent.
        parent: The key of the parent.
    """
    statement: Select[Any] = (
        select(parent.label("of_parent"), *columns(model)).select_from(source).where(parent.in_(parents), *where)
    )
    if len(parents) == 1:  # A plain limit lets an index deliver no more rows than are wanted.
        statement = sliced(statement, order, part)
    else:
        statement = sliced_per_parent(statement, parent, order, part)
    found: dict[UUID, list[M]] = {}
    for row in await connection.execute(statement):
        found.setdefault(row[0], []).append(light_after(model, row, 1))
    return found


async def counts(
    connection: AsyncConnection,
    source: FromClause,
    parent: ColumnElement[UUID],
    parents: Collection[UUID],
    *where: ColumnElement[bool],
) -> dict[UUID, int]:
    """How many rows belong to each parent; parents without any are absent."""
    found = await connection.execute(
        select(parent, func.count()).select_from(source).where(parent.in_(parents), *where).group_by(parent)
    )
    return {row[0]: int(row[1]) for row in found}
