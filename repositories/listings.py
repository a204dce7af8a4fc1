"""Slices of lists of people by things, in the order of names, each thing walked in an index (decision 28)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    false,
    literal,
    literal_column,
    select,
    text,
    true,
    union_all,
)

from models.listing import Listing
from models.storage import Key, table_of
from models.user import User, UserStatus, desktop_from
from repositories.keyset import Order, Slice, beyond, sorting

_users = table_of(User).c

_APART = 2  # so many walks are put together as they are; more are merged


@dataclass(frozen=True, slots=True)
class Source:
    """A table in which an index has people by things, then by state, name and id.

    Attributes:
        thing: The columns of a thing.
        name, user: Names of the columns with the sort key and the id of a person.
    """

    table: Table
    thing: Callable[[FromClause], tuple[ColumnElement[Any], ...]]
    name: str = "display_name_key"
    user: str = "id"


LISTINGS = Source(table_of(Listing), lambda rows: (rows.c.thing_id, rows.c.kind), "name_key", "user_id")
BY_SITE = Source(table_of(User), lambda rows: (rows.c.site_id,))
BY_PROFILE = Source(table_of(User), lambda rows: (rows.c.profile_id,))


def _desktop(rows: FromClause) -> tuple[ColumnElement[Any], ...]:
    place = literal_column(desktop_from(f"{rows.name}."), Key())  # type: ignore[attr-defined]
    return rows.c.organization_id, rows.c.contact_center_enabled, place


BY_DESKTOP = Source(table_of(User), _desktop)


@dataclass(frozen=True, slots=True)
class Walk:
    """The people of some things; somebody may be of several.

    Attributes:
        things: Each with the values of its columns, or a statement that selects these.
    """

    source: Source
    things: tuple[tuple[Any, ...], ...] | Select[Any]

    def sliced(
        self,
        statement: Select[Any],
        tests: Sequence[ColumnElement[bool]],
        statuses: Collection[UserStatus],
        order: Order,
        part: Slice,
        *,
        sqlite: bool,
    ) -> Select[Any]:
        """One slice of the people in one of these states, with one more than wanted, in no order.

        Args:
            statement: Selects columns of `users`, where they belong to the organization.
            tests: What is wanted of people beside the things.
            order: By name.
            sqlite: Whether SQLite is asked.
        """
        asked = tuple(test for test in tests if not isinstance(test, type(true())))
        slicing = _Slicing(self.source, order, part, asked)
        if not statuses or self.things == ():
            return statement.where(false()).limit(part.size + 1)
        if isinstance(self.things, tuple) and len(self.things) * len(statuses) <= _APART:
            picked = slicing.apart(self.things, statuses)
        elif sqlite:
            picked = slicing.merged(self._things(), _states(statuses))
        else:
            picked = slicing.each(self._things(), _states(statuses))
        found = picked.subquery("picked")
        return statement.join_from(found, table_of(User), _users.id == found.c.user_id)

    def _things(self) -> FromClause:
        """The things as a table."""
        if isinstance(self.things, Select):
            return self.things.cte("things")
        columns = self.source.thing(self.source.table)
        return union_all(
            *(
                select(*(literal(value, column.type).label(f"thing_{n}") for n, (value, column) in enumerate(pairs)))
                for pairs in (list(zip(thing, columns, strict=True)) for thing in self.things)
            )
        ).cte("things")


def _states(statuses: Collection[UserStatus]) -> FromClause:
    kind = _users.status.type
    return union_all(*(select(literal(status, kind).label("status")) for status in statuses)).cte("states")


@dataclass(frozen=True, slots=True)
class _Slicing:
    """How a slice is put together, of the ids and names of people."""

    source: Source
    order: Order
    part: Slice
    tests: tuple[ColumnElement[bool], ...]

    def apart(self, things: Sequence[tuple[Any, ...]], statuses: Collection[UserStatus]) -> Select[Any]:
        """Of few things: a page of each."""
        walks = [self._walk(thing, status) for thing in things for status in statuses]
        if len(walks) == 1:
            return walks[0]
        return self._first(select(union_all(*(select(each.subquery()) for each in walks)).subquery("walked")))

    def each(self, things: FromClause, states: FromClause) -> Select[Any]:
        """A page of each thing, on PostgreSQL."""
        walk = self._walk(tuple(things.c), states.c.status).correlate(things, states).lateral("walked")
        return self._first(select(walk).select_from(things.join(states, true()).join(walk, true())))

    def _first(self, walked: Select[Any]) -> Select[Any]:
        """The first of those who were walked, each once."""
        once = walked.distinct().subquery("once")
        return self._cut(select(once), self._keys(once.c.name_key, once.c.user_id))

    def merged(self, things: FromClause, states: FromClause) -> Select[Any]:
        """Always the next one of all things, on SQLite, which keeps the rows of a recursion in order.

        Each thing has one person waiting in there, whom the next one of the thing follows when they are taken.
        """
        start = self._step(things.join(states, true()), tuple(things.c), states.c.status, None)
        walk = start.cte("walk", recursive=True)
        *thing, status, name, user = walk.c
        step = self._step(walk, thing, status, (name, user))
        way = "DESC" if self._downwards else "ASC"
        place = len(walk.c) - 1
        walk = walk.union_all(step.suffix_with(text(f"ORDER BY {place} {way}, {place + 1} {way}")))
        # Nothing is joined: SQLite would end the recursion first, and not take from it as long as it needs to.
        found = select(walk.c.user_id).distinct()
        if self.tests:
            found = found.where(
                select(_users.id).where(_users.id == walk.c.user_id, *self.tests).correlate(walk).exists()
            )
        return found.limit(self.part.size + 1)

    def _step(
        self,
        given: FromClause,
        thing: Sequence[ColumnElement[Any]],
        status: ColumnElement[Any],
        behind: tuple[ColumnElement[Any], ColumnElement[Any]] | None,
    ) -> Select[Any]:
        """The first person of each thing, or the one behind another."""
        rows, following = (self.source.table.alias(name) for name in ("listed", "following"))
        order = self._keys(following.c[self.source.name], following.c[self.source.user])
        limits = self._limits(order)
        if behind is not None:  # which says more than where the slice begins, and SQLite looks by one of the two
            ends = replace(self.part, before=None) if self.part.backward else replace(self.part, after=None)
            limits = [*replace(self, part=ends)._limits(order), beyond(order, behind, backward=self.part.backward)]
        person = (
            select(following.c[self.source.user])
            .where(*self._of(following, thing, status), *limits)
            .order_by(*sorting(order, backward=self.part.backward))
            .limit(literal_column("1"))
            .correlate_except(following)
            .scalar_subquery()
        )
        found = and_(rows.c[self.source.user] == person, *self._of(rows, thing, status))
        columns = [each.label(f"thing_{n}") for n, each in enumerate(self.source.thing(rows))]
        return select(*columns, rows.c.status, *self._labelled(rows)).join_from(given, rows, found)

    def _walk(self, thing: Sequence[Any], status: Any) -> Select[Any]:
        """A page of one thing and state."""
        rows = self.source.table.alias("listed")
        order = self._keys(rows.c[self.source.name], rows.c[self.source.user])
        walked: Select[Any] = select(*self._labelled(rows))
        if self.tests:
            walked = walked.join_from(rows, table_of(User), _users.id == rows.c[self.source.user]).where(*self.tests)
        return self._cut(walked.where(*self._of(rows, thing, status), *self._limits(order)), order)

    def _labelled(self, rows: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        return rows.c[self.source.name].label("name_key"), rows.c[self.source.user].label("user_id")

    def _of(self, rows: FromClause, thing: Sequence[Any], status: Any) -> Iterator[ColumnElement[bool]]:
        for column, value in zip(self.source.thing(rows), thing, strict=True):
            yield column == value
        yield rows.c.status == status

    def _keys(self, name: ColumnElement[Any], user: ColumnElement[Any]) -> Order:
        by_name, by_id = self.order.keys
        return Order("", (replace(by_name, column=name), replace(by_id, column=user)))

    def _limits(self, order: Order) -> list[ColumnElement[bool]]:
        limits = ((self.part.after, False), (self.part.before, True))
        return [beyond(order, values, backward=before) for values, before in limits if values is not None]

    def _cut(self, statement: Select[Any], order: Order) -> Select[Any]:
        return statement.order_by(*sorting(order, backward=self.part.backward)).limit(self.part.size + 1)

    @property
    def _downwards(self) -> bool:
        return self.order.keys[0].descending != self.part.backward
