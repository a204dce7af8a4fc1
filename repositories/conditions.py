"""Conditions of a filter, and what they mean for a column. None in a field of a condition means: not asked for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_

from models.storage import Folded
from models.text import fold

# Sorts behind every text that goes on after the prefix; both databases compare folded text byte by byte.
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class TextCondition:
    """Condition on a text; folded columns compare regardless of case and accents."""

    eq: str | None = None
    any_of: tuple[str, ...] | None = None
    starts_with: str | None = None
    is_null: bool | None = None


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """Condition on a key, or on the keys of related things."""

    eq: UUID | None = None
    any_of: tuple[UUID, ...] | None = None
    none_of: tuple[UUID, ...] | None = None
    is_null: bool | None = None


@dataclass(frozen=True, slots=True)
class InstantCondition:
    """Condition on an instant."""

    gte: datetime | None = None
    gt: datetime | None = None
    lte: datetime | None = None
    lt: datetime | None = None
    is_null: bool | None = None


@dataclass(frozen=True, slots=True)
class ChoiceCondition:
    """Condition on a value of a closed set."""

    eq: Hashable | None = None
    any_of: tuple[Hashable, ...] | None = None
    none_of: tuple[Hashable, ...] | None = None


def text_clauses(column: ColumnElement[Any], condition: TextCondition | None) -> list[ColumnElement[bool]]:
    """What a condition on a text asks of a column."""
    if condition is None:
        return []
    folded = isinstance(column.type, Folded)
    clauses: list[ColumnElement[bool]] = []
    if condition.eq is not None:
        clauses.append(column == (fold(condition.eq) if folded else condition.eq))
    if condition.any_of is not None:
        clauses.append(column.in_([fold(each) if folded else each for each in condition.any_of]))
    if condition.starts_with is not None:
        if folded:
            prefix = fold(condition.starts_with)
            clauses += [column >= prefix, column < prefix + _LAST]
        else:
            clauses.append(func.substr(column, 1, len(condition.starts_with)) == condition.starts_with)
    return clauses + _null_clauses(column, condition.is_null)


def key_clauses(column: ColumnElement[Any], condition: KeyCondition | None) -> list[ColumnElement[bool]]:
    """What a condition on a key asks of a column; a row without a key is none of any keys."""
    if condition is None:
        return []
    clauses: list[ColumnElement[bool]] = []
    if condition.eq is not None:
        clauses.append(column == condition.eq)
    if condition.any_of is not None:
        clauses.append(column.in_(condition.any_of))
    if condition.none_of is not None:
        clauses.append(or_(column.is_(None), column.not_in(condition.none_of)))
    return clauses + _null_clauses(column, condition.is_null)


def related_clauses(
    own: ColumnElement[Any], owners: Select[Any], related: ColumnElement[Any], condition: KeyCondition | None
) -> list[ColumnElement[bool]]:
    """What a condition on the keys of related things asks: at least one must match, for `none_of` and null none.

    Args:
        own: The key of the row that is asked about.
        owners: Selects that key from where the relation is kept.
        related: The key of the related thing there.
    """
    if condition is None:
        return []
    clauses: list[ColumnElement[bool]] = []
    if condition.eq is not None:
        clauses.append(own.in_(owners.where(related == condition.eq)))
    if condition.any_of is not None:
        clauses.append(own.in_(owners.where(related.in_(condition.any_of))))
    if condition.none_of is not None:
        clauses.append(own.not_in(owners.where(related.in_(condition.none_of))))
    if condition.is_null is not None:
        clauses.append(own.not_in(owners) if condition.is_null else own.in_(owners))
    return clauses


def instant_clauses(column: ColumnElement[Any], condition: InstantCondition | None) -> list[ColumnElement[bool]]:
    """What a condition on an instant asks of a column."""
    if condition is None:
        return []
    clauses: list[ColumnElement[bool]] = []
    if condition.gte is not None:
        clauses.append(column >= condition.gte)
    if condition.gt is not None:
        clauses.append(column > condition.gt)
    if condition.lte is not None:
        clauses.append(column <= condition.lte)
    if condition.lt is not None:
        clauses.append(column < condition.lt)
    return clauses + _null_clauses(column, condition.is_null)


def choice_clauses(column: ColumnElement[Any], condition: ChoiceCondition | None) -> list[ColumnElement[bool]]:
    """What a condition on a value of a closed set asks of a column."""
    if condition is None:
        return []
    clauses: list[ColumnElement[bool]] = []
    if condition.eq is not None:
        clauses.append(column == condition.eq)
    if condition.any_of is not None:
        clauses.append(column.in_(condition.any_of))
    if condition.none_of is not None:
        clauses.append(column.not_in(condition.none_of))
    return clauses


def word_clauses(name_key: ColumnElement[Any], search: str | None) -> list[ColumnElement[bool]]:
    """Names in which each word of a search begins a word (rule Q7)."""
    words = fold(search).split(" ") if search else []
    spaced = " " + name_key
    return [and_(spaced.contains(" " + word, autoescape=True)) for word in words if word]


def _null_clauses(column: ColumnElement[Any], is_null: bool | None) -> list[ColumnElement[bool]]:
    if is_null is None:
        return []
    return [column.is_(None) if is_null else column.is_not(None)]
