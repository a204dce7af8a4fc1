"""Conditions of filters, as they are asked of columns; hashable, for loader keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, true

E = TypeVar("E", bound=Enum)

# What a related key must be; None for any.
KeyTest = Callable[[ColumnElement[Any]], ColumnElement[bool]] | None


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """Condition on a key, or on the keys of related things; every part that is given must hold."""

    eq: UUID | None = None
    among: tuple[UUID, ...] | None = None
    none_of: tuple[UUID, ...] | None = None
    is_null: bool | None = None

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

    def on_related(self, column: ColumnElement[Any], related: Callable[[KeyTest], Select[Any]]) -> ColumnElement[bool]:
        """The condition on things reached through a link table.

        Args:
            column: The key of the row that is filtered.
            related: Selects the keys of the rows that have a related thing whose key passes a test.
        """
        parts: list[ColumnElement[bool]] = []
        eq, among, none_of = self.eq, self.among, self.none_of
        if eq is not None:
            parts.append(column.in_(related(lambda key: key == eq)))
        if among is not None:
            parts.append(column.in_(related(lambda key: key.in_(among))) if among else false())
        if none_of:
            parts.append(not_(column.in_(related(lambda key: key.in_(none_of)))))
        if self.is_null is not None:
            anything = column.in_(related(None))
            parts.append(not_(anything) if self.is_null else anything)
        return and_(true(), *parts)


@dataclass(frozen=True, slots=True)
class TextCondition:
    """Condition on a text, its values folded like the column; every part that is given must hold."""

    eq: str | None = None
    among: tuple[str, ...] | None = None
    starts_with: str | None = None
    is_null: bool | None = None

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a folded column."""
        parts: list[ColumnElement[bool]] = []
        if self.eq is not None:
            parts.append(column == self.eq)
        if self.among is not None:
            parts.append(column.in_(self.among))
        if self.starts_with is not None:
            parts.append(column.like(f"{escaped(self.starts_with)}%", escape="\\"))
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


def escaped(text: str) -> str:
    """Text as it stands in a LIKE pattern with a backslash as escape character."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# What a word in a name stands behind, beside the beginning of the name.
_BEFORE_WORDS = " -/(.,:&+'\""


def every_word_of_name(column: ColumnElement[Any], words: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether a word of a folded name begins with each of the words; "Support (Berlin)" has two."""
    return and_(
        true(),
        *(
            or_(
                column.like(f"{escaped(word)}%", escape="\\"),
                *(column.like(f"%{escaped(before + word)}%", escape="\\") for before in _BEFORE_WORDS),
            )
            for word in words
        ),
    )


def every_word(column: ColumnElement[Any], words: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether a word of a search key begins with each of the words (requirement B6, rule Q7)."""
    return and_(true(), *(column.like(f"% {escaped(word)}%", escape="\\") for word in words))
