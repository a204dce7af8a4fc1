"""The order of a list as the caller wants it (rule Q2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from repositories.keyset import Order, SortKey, ordered_by
from resolvers.limits import MAX_SORT_KEYS
from resolvers.refusals import BadInput

F = TypeVar("F", bound=Enum)


@dataclass(frozen=True, slots=True)
class Wish(Generic[F]):
    """One key that the caller wants a list sorted by."""

    field: F
    descending: bool = False


def chosen_order(
    name: str,
    wishes: Sequence[Wish[F]],
    sortable: Mapping[F, SortKey],
    default: F,
    identity: ColumnElement[Any],
) -> Order:
    """The order that the wishes make, or the default one without any.

    Args:
        name: Name of the list; cursors of one list do not open another.
        sortable: The sort key behind each field.
        identity: The id, always the last key.

    Raises:
        BadInput: More keys than allowed, or the same one twice.
    """
    if len(wishes) > MAX_SORT_KEYS:
        raise BadInput(f"At most {MAX_SORT_KEYS} sort keys are taken.", ("orderBy",), limit=MAX_SORT_KEYS)
    seen: set[F] = set()
    for place, wish in enumerate(wishes):
        if wish.field in seen:
            raise BadInput(f"{wish.field.name} is named twice.", ("orderBy", str(place), "field"))
        seen.add(wish.field)
    wanted = wishes or (Wish(default),)
    return ordered_by(name, [replace(sortable[wish.field], descending=wish.descending) for wish in wanted], identity)
