"""Conditions of filters, as they are asked of columns; hashable, for loader keys.

The criteria of a kind of things are data, a frozen dataclass of conditions that stand side by side. `Nested` puts them
into a tree of all, any and not, and makes one clause of the tree, whatever the kind:

    wanted: Nested[TeamCriteria]
    wanted.on(repository.meeting)    # meeting: what one TeamCriteria asks of the table
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Boolean, Column, ColumnElement, Select, Table, and_, false, literal_column, not_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

C = TypeVar("C")
E = TypeVar("E", bound=Enum)

_TELLING_CHARACTERS = 3  # a beginning that is shorter is shared by many

# What a related key must be; None for any.
KeyTest = Callable[[ColumnElement[Any]], ColumnElement[bool]] | None


class Unindexed(FunctionElement[Any]):
    """A column by which SQLite must not look for rows, because something else finds far fewer.

    SQLite guesses: it takes the state of a person for as rare as a team. PostgreSQL counts, and is told nothing.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.type = column.type
        super().__init__(column)


@compiles(Unindexed)
def _plain(element: Unindexed, compiler: Any, **named: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **named))


@compiles(Unindexed, "sqlite")
def _unary_plus(element: Unindexed, compiler: Any, **named: Any) -> str:
    return "+" + _plain(element, compiler, **named)


@dataclass(frozen=True, slots=True)
class Nested(Generic[C]):
    """Criteria and those nested in them; all of it must hold. Criteria without any condition hold for everything.

    Attributes:
        own: What is asked right here.
        every: Each of these must hold.
        some: At least one of these must hold; None where nothing is asked, and of none of them nothing holds.
        never: This must not hold. A missing value meets no condition, so that it does meet the opposite.
    """

    own: C
    every: tuple[Nested[C], ...] = ()
    some: tuple[Nested[C], ...] | None = None
    never: Nested[C] | None = None

    def anywhere(self) -> Iterator[C]:
        """The criteria of every level."""
        yield self.own
        for part in (*self.every, *(self.some or ()), *(() if self.never is None else (self.never,))):
            yield from part.anywhere()

    def on(self, meeting: Callable[[C], Sequence[ColumnElement[bool]]]) -> list[ColumnElement[bool]]:
        """The clauses that must hold.

        Args:
            meeting: The clauses of criteria that stand side by side.
        """
        clauses = list(meeting(self.own))
        for part in self.every:
            clauses += part.on(meeting)
        if self.some is not None:
            clauses.append(or_(false(), *(and_(true(), *part.on(meeting)) for part in self.some)))
        if self.never is not None:
            clauses.append(and_(true(), *self.never.on(meeting)).self_group().is_not(true()))
        return clauses

    def required(self) -> Iterator[C]:
        """The criteria that must hold in any case."""
        yield self.own
        for part in self.every:
            yield from part.required()

    def any_required(self, test: Callable[[C], bool]) -> bool:
        """Whether some criteria that must hold in any case pass a test."""
        return any(test(criteria) for criteria in self.required())

    def asking(self, **more: Any) -> Nested[C]:
        """The same, with other values of its own criteria."""
        return replace(self, own=replace(self.own, **more))  # type: ignore[type-var]


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """Condition on a key, or on the keys of related things; every part that is given must hold."""

    eq: UUID | None = None
    among: tuple[UUID, ...] | None = None
    none_of: tuple[UUID, ...] | None = None
    is_null: bool | None = None

    @property
    def narrow(self) -> bool:
        """Whether few things can meet it, of those that mostly relate to others."""
        return self.eq is not None or self.among is not None

    @property
    def sought(self) -> bool:
        """Whether an index of the column finds what meets it."""
        return self.narrow

    @property
    def alone_null(self) -> bool:
        """Whether nothing is asked but that there is none."""
        return self == KeyCondition(is_null=True)

    @property
    def only_named(self) -> bool:
        """Whether everything that the part which names keys holds of meets it."""
        return (self.eq is None) != (self.among is None) and self.none_of is None and self.is_null is None

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a column. Where there is no value, `none_of` holds."""
        parts: list[ColumnElement[bool]] = []
        if self.eq is not None:
            parts.append(column == self.eq)
        if self.among is not None:
            parts.append(column.in_(self.among))
        if self.none_of is not None:
            parts.append(or_(column.is_(None), column.not_in(self.none_of)))
        if self.is_null is not None:
            parts.append(column.is_(None) if self.is_null else column.is_not(None))
        return and_(true(), *parts)

    def on_related(self, linked: Callable[[KeyTest], ColumnElement[bool]]) -> ColumnElement[bool]:
        """The condition on things reached through a link table.

        Args:
            linked: Whether the row that is filtered has a related thing whose key passes a test.
        """
        parts: list[ColumnElement[bool]] = []
        eq, among, none_of = self.eq, self.among, self.none_of
        if eq is not None:
            parts.append(linked(lambda key: key == eq))
        if among is not None:
            parts.append(linked(lambda key: key.in_(among)) if among else false())
        if none_of:
            parts.append(not_(linked(lambda key: key.in_(none_of))))
        if self.is_null is not None:
            parts.append(not_(linked(None)) if self.is_null else linked(None))
        return and_(true(), *parts)

    def named(self, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """The part of the condition that names keys, where it is `narrow`."""
        return key == self.eq if self.among is None else key.in_(self.among)


def reached(column: Column[Any], links: Select[Any], *, alternative: bool = False) -> ColumnElement[bool]:
    """Whether a row has one of these links. Each row is looked up by itself, and no set is made of all links.

    Args:
        links: Selects the keys of linked rows.
        alternative: Whether it is one of several that may hold. PostgreSQL can then not join them, and would make a
            set of them for one page and none for another, as it guesses.
    """
    (key,) = links.selected_columns
    one_of_its = links.where(key == column).correlate(column.table).exists()
    whole = links.whereclause is None and isinstance(links.get_final_froms()[0], Table)
    if not whole and not alternative:
        return one_of_its
    by_itself = links.where(key == column).offset(literal_column("0")).correlate(column.table).exists()
    return _Linked(by_itself if alternative else one_of_its, column.in_(links.correlate(None)) if whole else one_of_its)


class _Linked(FunctionElement[bool]):
    """Whether a row has any link, said in the two ways of which each database needs one.

    SQLite looks a key up in the index of the whole table if it is asked for with IN, at half the cost of EXISTS;
    PostgreSQL would walk a set that is too large for its memory once for each row.
    """

    inherit_cache = True
    type = Boolean()


@compiles(_Linked)
def _exists(element: _Linked, compiler: Any, **named: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **named))


@compiles(_Linked, "sqlite")
def _in(element: _Linked, compiler: Any, **named: Any) -> str:
    return "(" + str(compiler.process(list(element.clauses)[1], **named)) + ")"


@dataclass(frozen=True, slots=True)
class TextCondition:
    """Condition on a text, its values folded like the column; every part that is given must hold."""

    eq: str | None = None
    among: tuple[str, ...] | None = None
    contains: str | None = None
    starts_with: str | None = None
    is_null: bool | None = None

    @property
    def narrow(self) -> bool:
        """Whether few things can meet it, of those whose text is mostly their own."""
        return self.eq is not None or self.among is not None or len(self.starts_with or "") >= _TELLING_CHARACTERS

    @property
    def sought(self) -> bool:
        """Whether an index of the column finds what meets it."""
        return self.eq is not None or self.among is not None or bool(self.starts_with) or self.is_null is True

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a folded column."""
        parts: list[ColumnElement[bool]] = []
        if self.eq is not None:
            parts.append(column == self.eq)
        if self.among is not None:
            parts.append(column.in_(self.among))
        if self.contains is not None:
            parts.append(containing(column, self.contains))
        if self.starts_with is not None:
            parts.append(beginning(column, self.starts_with))
        if self.is_null is not None:
            parts.append(column.is_(None) if self.is_null else column.is_not(None))
        return and_(true(), *parts)


@dataclass(frozen=True, slots=True)
class InstantCondition:
    """Condition on an instant; every part that is given must hold."""

    gte: datetime | None = None
    gt: datetime | None = None
    lte: datetime | None = None
    lt: datetime | None = None
    is_null: bool | None = None

    @property
    def sought(self) -> bool:
        """Whether an index of the column finds what meets it."""
        return True

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a column."""
        parts: list[ColumnElement[bool]] = []
        if self.gte is not None:
            parts.append(column >= self.gte)
        if self.gt is not None:
            parts.append(column > self.gt)
        if self.lte is not None:
            parts.append(column <= self.lte)
        if self.lt is not None:
            parts.append(column < self.lt)
        if self.is_null is not None:
            parts.append(column.is_(None) if self.is_null else column.is_not(None))
        return and_(true(), *parts)


@dataclass(frozen=True, slots=True)
class ChoiceCondition(Generic[E]):
    """Condition on a member of a closed set; every part that is given must hold."""

    eq: E | None = None
    among: tuple[E, ...] | None = None
    none_of: tuple[E, ...] | None = None

    def holds(self, value: E) -> bool:
        """Whether a value meets the condition."""
        return (
            (self.eq is None or value is self.eq)
            and (self.among is None or value in self.among)
            and (self.none_of is None or value not in self.none_of)
        )

    @property
    def only_chosen(self) -> bool:
        """Whether everything with a value of the part that names some meets it."""
        return (self.eq is None) != (self.among is None) and self.none_of is None

    def names(self, value: E) -> bool:
        """Whether the condition asks for a value by name, with `eq` or `in`."""
        return value is self.eq or value in (self.among or ())

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a column."""
        parts: list[ColumnElement[bool]] = []
        if self.eq is not None:
            parts.append(column == self.eq)
        if self.among is not None:
            parts.append(column.in_(self.among))
        if self.none_of is not None:
            parts.append(column.not_in(self.none_of))
        return and_(true(), *parts)

    def on_related(self, having_one_of: Callable[[Collection[E]], ColumnElement[bool]]) -> ColumnElement[bool]:
        """The condition on members of the set that a row is linked with; `none_of` holds where there is none.

        Args:
            having_one_of: Whether a row is linked with one of these.
        """
        parts: list[ColumnElement[bool]] = []
        if self.eq is not None:
            parts.append(having_one_of((self.eq,)))
        if self.among is not None:
            parts.append(having_one_of(self.among))
        if self.none_of:
            parts.append(not_(having_one_of(self.none_of)))
        return and_(true(), *parts)


def beginning(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether a folded column begins with a text, as a range: LIKE is served by no index of SQLite."""
    if not text:
        return column.is_not(None)
    behind = _behind(text)
    return column >= text if behind is None else and_(column >= text, column < behind)


def _behind(text: str) -> str | None:
    """The first text behind all that begin with this one, in the order of code points; None when there is none."""
    for place in range(len(text) - 1, -1, -1):
        code = ord(text[place]) + 1
        if code <= sys.maxunicode:
            return text[:place] + chr(0xE000 if code == 0xD800 else code)
    return None


def escaped(text: str) -> str:
    """Text as it stands in a LIKE pattern with a backslash as escape character."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# A word of fewer characters is looked for at the beginnings of words only: too much contains it.
INNER_CHARACTERS = 3
# What a word in a name stands behind, beside the beginning of the name.
_BEFORE_WORDS = " -/(.,:&+'\""


def every_word_of_name(column: ColumnElement[Any], words: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether a folded name contains each of the words, a short one at the beginning of a word (rule Q7).

    "Support (Berlin)" has two words.
    """
    return and_(true(), *(_in_name(column, word) for word in words))


def _in_name(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    if len(word) >= INNER_CHARACTERS:
        return containing(column, word)
    return or_(
        column.like(f"{escaped(word)}%", escape="\\"),
        *(containing(column, before + word) for before in _BEFORE_WORDS),
    )


def containing(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether a folded column contains a text."""
    return column.like(f"%{escaped(text)}%", escape="\\")
