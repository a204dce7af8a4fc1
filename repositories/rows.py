"""Light rows: plain objects with the columns of a model and nothing else.

Selecting columns instead of entities spares the ORM, and a plain object answers attribute look-ups a hundred times
faster than a SQLModel instance. The rows are typed as the model whose columns they carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import make_dataclass
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Row
from sqlmodel import SQLModel

from models.storage import table_of

M = TypeVar("M", bound=SQLModel)

# What a secret is kept as never leaves the repositories.
SECRET = frozenset({"token_hash", "password_hash", "secret_hash"})


@cache
def row_class(model: type[SQLModel]) -> type:
    """The class of the light rows of a model; GraphQL types recognise their rows by it."""
    names = [column.name for column in table_of(model).columns if column.name not in SECRET]
    return make_dataclass(f"{model.__name__}Row", [(name, Any) for name in names], slots=True, eq=False)


@cache
def columns(model: type[SQLModel]) -> tuple[ColumnElement[Any], ...]:
    """The columns that a light row of the model carries, in its order."""
    return tuple(column for column in table_of(model).columns if column.name not in SECRET)


def light(model: type[M], found: Iterable[Sequence[Any] | Row[Any]]) -> list[M]:
    """Light rows of what `select(*columns(model))` found."""
    make = row_class(model)
    return [cast(M, make(*row)) for row in found]


def light_after(model: type[M], row: Sequence[Any] | Row[Any], skip: int) -> M:
    """The light row in what stands behind the first `skip` columns; further columns are ignored."""
    make = row_class(model)
    return cast(M, make(*row[skip : skip + len(columns(model))]))
