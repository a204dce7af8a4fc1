"""Pages of long lists without offsets: every page continues behind a row, whose sort values the cursor carries.

Order (rule Q2): the sort keys, then the id in the direction of the last key; rows without a value come last in
both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order.

    Attributes:
        attribute: Name of the value on the light row, which the cursor is made from.
        column: What is sorted.
        nullable: Whether rows may have no value.
        kind: How a cursor carries the value: text, instant, enum, number or key.
    """

    attribute: str
    column: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Order:
    """A whole order; its name and keys tell the cursors of different lists apart."""

    name: str
    keys: tuple[SortKey, ...]

    @property
    def signature(self) -> str:
        """What a cursor must have been made for."""
        return self.name + "".join(f" {'-' if key.descending else '+'}{key.attribute}" for key in self.keys)


def ordered_by(name: str, keys: Sequence[SortKey], identity: ColumnElement[Any], attribute: str = "id") -> Order:
    """An order with the id as its last key, in the direction of the key before it."""
    last = keys[-1].descending if keys else False
    return Order(name, (*keys, SortKey(attribute, identity, last, kind="key")))


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is wanted: `size` rows after `after` and before `before`, from the end if `backward`.

    `after` and `before` are the sort values of a row, the id last.
    """

    size: int
    backward: bool = False
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None


def beyond(order: Order, values: Sequence[Any], *, backward: bool) -> ColumnElement[bool]:
    """Rows that come after the given sort values, or before them if `backward`."""
    keys = order.keys
    directions = {key.descending for key in keys}
    if len(directions) == 1 and not any(key.nullable for key in keys):
        if len(keys) == 1:
            return _beyond(keys[0], values[0], backward)
        left, right = tuple_(*(key.column for key in keys)), tuple_(*values, types=[key.column.type for key in keys])
        return left < right if keys[0].descending != backward else left > right
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        alternatives.append(and_(*equal, _beyond(key, value, backward)))
        equal.append(key.column.is_(None) if value is None else key.column == value)
    first = keys[0]
    if first.nullable and values[0] is None:
        return or_(*alternatives)
    # The same said again for the first key alone, so that an index finds where to begin.
    least = first.column <= values[0] if first.descending != backward else first.column >= values[0]
    return or_(*alternatives) if first.nullable and not backward else and_(least, or_(*alternatives))


def _beyond(key: SortKey, value: Any, backward: bool) -> ColumnElement[bool]:
    if value is None:
        return key.column.is_not(None) if backward else false()
    further = key.column < value if key.descending != backward else key.column > value
    return or_(further, key.column.is_(None)) if key.nullable and not backward else further


def sorting(order: Order, *, backward: bool = False) -> list[ColumnElement[Any]]:
    """The ORDER BY of an order, or of its reverse."""
    clauses: list[ColumnElement[Any]] = []
    for key in order.keys:
        clause = key.column.desc() if key.descending != backward else key.column.asc()
        if key.nullable:
            clause = clause.nulls_first() if backward else clause.nulls_last()
        clauses.append(clause)
    return clauses


def _limits(order: Order, part: Slice) -> list[ColumnElement[bool]]:
    limits = []
    if part.after is not None:
        limits.append(beyond(order, part.after, backward=False))
    if part.before is not None:
        limits.append(beyond(order, part.before, backward=True))
    return limits


def sliced(statement: Select[Any], order: Order, part: Slice) -> Select[Any]:
    """One slice of a list, with one row more than wanted: it tells whether the list goes on.

    A slice that begins among the rows with a value and may end among those without is put together from both: no
    index finds "behind this value, or without one" in one go, and a deep page would cost as much as all before it.

    Args:
        statement: Selects the columns of the row, those of the order among them.
    """
    backward = part.backward
    first, begins = order.keys[0], part.before if backward else part.after
    crossing = first.nullable and begins is not None and (begins[0] is None) is backward
    if not crossing:
        return _cut(statement.where(*_limits(order, part)), sorting(order, backward=backward), part.size)
    assert begins is not None
    valued = first.column.is_not(None)
    with_value, without = statement.where(valued), statement.where(first.column.is_(None))
    if backward:
        near, far = without.where(_tied(order, begins, backward)), with_value
    else:
        near, far = with_value.where(_valued_beyond(order, begins)), without
    other = part.after if backward else part.before
    if other is not None:
        ends = beyond(order, other, backward=not backward)
        near, far = near.where(ends), far.where(ends)
    clauses = sorting(order, backward=backward)
    parts = [select(_cut(each, clauses, part.size).subquery()) for each in (near, far)]
    both = union_all(*parts).subquery()
    columns = {column.name: column for column in both.c}
    kept = Order(order.name, tuple(replace(key, column=columns[key.column.name]) for key in order.keys))
    return _cut(select(both), sorting(kept, backward=backward), part.size)


def _cut(statement: Select[Any], clauses: Sequence[ColumnElement[Any]], size: int) -> Select[Any]:
    return statement.order_by(None).order_by(*clauses).limit(size + 1)


def _valued_beyond(order: Order, values: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind a position among those that have a value of the first key."""
    return beyond(Order(order.name, (replace(order.keys[0], nullable=False), *order.keys[1:])), values, backward=False)


def _tied(order: Order, values: Sequence[Any], backward: bool) -> ColumnElement[bool]:
    """The rows on one side of a position among those that share its value of the first key."""
    return beyond(Order(order.name, order.keys[1:]), values[1:], backward=backward)


def sliced_per_parent(statement: Select[Any], parent: ColumnElement[Any], order: Order, part: Slice) -> Select[Any]:
    """The same slice for each of many parents, in one statement.

    Args:
        statement: Selects the parent's key first, then the columns of the row.
        parent: The parent's key.

    Returns:
        A statement whose rows have one column more, the place in the slice, and come in the order of the slice.
    """
    place = (
        func.row_number()
        .over(partition_by=parent, order_by=sorting(order, backward=part.backward))
        .label("place_in_slice")
    )
    numbered = statement.add_columns(place).where(*_limits(order, part)).order_by(None).subquery()
    return select(numbered).where(numbered.c.place_in_slice <= part.size + 1).order_by(numbered.c.place_in_slice)


async def counted(connection: AsyncConnection, statement: Select[Any], limit: int) -> int:
    """How many rows there are, up to one more than the limit (rule Q6)."""
    some = statement.order_by(None).limit(limit + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())
