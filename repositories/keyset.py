"""Pages of long lists without offsets: every page continues behind a row, whose sort values the cursor carries.

Order (rule Q2): the sort keys, then the id in the direction of the last key; rows without a value come last in
both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.criteria import Unindexed

R = TypeVar("R")


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
    if first.nullable:
        return or_(*alternatives)
    # The same said again for the first key alone, so that an index finds where to begin.
    least = first.column <= values[0] if first.descending != backward else first.column >= values[0]
    return and_(least, or_(*alternatives))


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


FEW = 1_000  # rows that are looked up and sorted sooner than a page of them is found in the order of 100,000


@dataclass(frozen=True, slots=True)
class Within:
    """Where to look for the rows of a list.

    Attributes:
        keys: Selects the identities of rows among which all of the list are.
        few: Up to so many are looked up and sorted; where there are more, the order is walked until the page is full.
        once: Whether no key comes twice.
        left: The statement of the list without the conditions that whoever has such a key meets; None if it has none.
    """

    keys: Select[Any]
    few: int = FEW
    once: bool = False
    left: Select[Any] | None = None


@dataclass(frozen=True, slots=True)
class Apart:
    """What the indexes of a table begin with, before the column they are sorted by.

    Attributes:
        owner: The column that has one value in all rows of the list, and that value.
        column: The one that has few values, by which the list falls into parts that indexes deliver in order.
        values: Those that rows of the list have.
    """

    owner: tuple[ColumnElement[Any], Any]
    column: ColumnElement[Any]
    values: tuple[Any, ...]

    def fixed(self) -> Iterator[Mapping[ColumnElement[Any], Any]]:
        """The column that has one value in each part."""
        yield from ({self.column: value} for value in self.values)

    def unwalked(self) -> list[ColumnElement[bool]]:
        """The same as conditions by which no index is chosen."""
        column, key = self.owner
        in_one = (
            Unindexed(self.column) == self.values[0]
            if len(self.values) == 1
            else Unindexed(self.column).in_(self.values)
        )
        return [Unindexed(column) == key, in_one]


@dataclass(frozen=True, slots=True)
class _Limit:
    """Where rows must lie: behind a position, or before it. The values are those of the keys that are left."""

    values: tuple[Any, ...]
    before: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """A part of a slice that one walk of an index delivers: rows without a value of the first key, say.

    Attributes:
        alike: Keys of which all its rows have the same value, or none.
        keys: Those that are left; the limits are about them.
    """

    where: tuple[ColumnElement[bool], ...]
    alike: tuple[SortKey, ...]
    keys: tuple[SortKey, ...]
    limits: tuple[_Limit, ...]


def _runs(run: _Run, fixed: Mapping[ColumnElement[Any], Any]) -> Iterator[_Run]:
    """What a run falls into: walks of an index that is sorted by the first key left which differs and has a value.

    Args:
        fixed: Columns that have one value in all rows.
    """
    first, rest = run.keys[0], run.keys[1:]
    if first.column in fixed:
        yield from _settled(replace(run, keys=rest), first, fixed[first.column], fixed)
    elif first.nullable:
        some, none = (*run.where, first.column.is_not(None)), (*run.where, first.column.is_(None))
        valued = [limit for limit in run.limits if limit.values[0] is not None]
        if all(limit.values[0] is not None or limit.before for limit in run.limits):
            yield replace(run, where=some, keys=(replace(first, nullable=False), *rest), limits=tuple(valued))
        # In the order of the next key: so an index delivers them, whose rows without a value lie together.
        key = replace(first, descending=rest[0].descending, nullable=False)
        yield from _settled(replace(run, where=none, alike=(*run.alike, key), keys=rest), first, None, fixed)
    else:
        yield run


def _settled(run: _Run, key: SortKey, value: Any, fixed: Mapping[ColumnElement[Any], Any]) -> Iterator[_Run]:
    """The same when all rows have one value of a key: some limits are met by that, or by no row."""
    limits = []
    for limit in run.limits:
        if limit.values[0] == value:
            limits.append(_Limit(limit.values[1:], limit.before))
        elif _follows(key, value, limit.values[0]) is limit.before:
            return
    yield from _runs(replace(run, limits=tuple(limits)), fixed)


def _follows(key: SortKey, value: Any, other: Any) -> bool:
    """Whether a value of a key comes behind another one."""
    if value is None or other is None:
        return value is None
    left, right = _sorted_by(value), _sorted_by(other)
    return bool(left < right if key.descending else left > right)


def sliced(
    statement: Select[Any],
    order: Order,
    part: Slice,
    *,
    apart: Apart | None = None,
    within: Within | None = None,
) -> Select[Any]:
    """One slice of a list, with one row more than wanted: it tells whether the list goes on.

    Where no index delivers the whole list in order, it is put together from what indexes deliver: rows with a value
    of the first key and those without, and those apart by another column. A deep page would otherwise cost as much as
    all before it.

    Args:
        statement: Selects the columns of the row, those of the order among them, all from the table of the identity
            where there is more than one such part.
        within: Where to look, if it is not the whole list. The database sees how many there are.
    """
    limits = tuple(
        _Limit(values, before) for values, before in ((part.after, False), (part.before, True)) if values is not None
    )
    identity = order.keys[-1].column
    runs: list[_Run] = []
    for fixed in ({},) if apart is None else apart.fixed():
        where = tuple(column == value for column, value in fixed.items())
        runs += _runs(_Run(where, (), order.keys, limits), fixed)
    narrow = statement.with_only_columns(*(key.column for key in order.keys))
    found: list[Select[Any]] = []
    if apart is not None:
        column, key = apart.owner
        owner: Any = key
        if within is not None:
            # Asked once for all parts. Nobody has no owner: no index is walked where few are found.
            many = select(within.keys.limit(1).offset(within.few).exists().label("many")).cte("found")
            asked = select(many.c.many).scalar_subquery()
            owner = case((asked, literal(key, column.type)))
            keys = within.keys if within.once else within.keys.distinct()
            few = keys.limit(case((asked, 0), else_=within.few)).subquery()
            tested = statement if within.left is None else within.left
            looked_up = tested.with_only_columns(*(key.column for key in order.keys))
            looked_up = looked_up.join_from(few, identity.table, identity == few.c[0])
            found.append(_walked(looked_up, _Run(tuple(apart.unwalked()), (), order.keys, limits), part))
        runs = [replace(run, where=(column == owner, *run.where)) for run in runs]
    if len(runs) == 1 and not found:
        return _walked(statement, runs[0], part)
    found += [_walked(narrow, run, part) for run in runs]
    if not found:
        return statement.where(false()).limit(part.size + 1)
    both = union_all(*(select(each.subquery()) for each in found)).subquery()
    kept = Order(order.name, tuple(replace(key, column=both.c[key.column.name]) for key in order.keys))
    picked = _cut(select(both), sorting(kept, backward=part.backward), part.size).subquery()
    return select(*statement.selected_columns).join_from(picked, identity.table, identity == picked.c[identity.name])


def in_order(rows: Iterable[R], order: Order, *, backward: bool) -> list[R]:
    """Rows of a slice in its order.

    A slice that is put together comes in no order: sorted with all their columns, its rows would cost twice as much.
    """
    ordered = list(rows)
    for key in reversed(order.keys):
        valued = [row for row in ordered if getattr(row, key.attribute) is not None]
        without = [row for row in ordered if getattr(row, key.attribute) is None]
        valued.sort(key=lambda row: _sorted_by(getattr(row, key.attribute)), reverse=key.descending != backward)
        ordered = without + valued if backward else valued + without
    return ordered


def _sorted_by(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _walked(statement: Select[Any], run: _Run, part: Slice) -> Select[Any]:
    order = Order("", run.keys)
    where = [beyond(order, limit.values, backward=limit.before) for limit in run.limits]
    clauses = sorting(Order("", (*run.alike, *run.keys)), backward=part.backward)
    return _cut(statement.where(*run.where, *where), clauses, part.size)


def _cut(statement: Select[Any], clauses: Sequence[ColumnElement[Any]], size: int) -> Select[Any]:
    return statement.order_by(None).order_by(*clauses).limit(size + 1)


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
