"""Objects that can be fetched again by their global id, and those who act.

A type of the schema is a view over the light rows of a model:

    @strawberry.type(description="…")
    class Team(Node):
        id = node_id("Team")
        is_type_of = views(TeamRow)

    resolvable("Team", teams.team_of)  # async (context, key) -> row or None
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import strawberry

from gql.ids import PREFIXES, global_id, key_of, parse_id
from repositories.rows import row_class
from resolvers.context import Context
from resolvers.limits import MAX_NODES
from resolvers.refusals import BadInput

ID_DESCRIPTION = "Opaque, globally unique, stable id."

_finders: dict[str, Callable[[Context, UUID], Awaitable[Any]]] = {}


@strawberry.interface(description="An object that can be fetched again by its global id.")
class Node:
    """Whatever has a global id."""

    id: strawberry.ID = strawberry.field(description=ID_DESCRIPTION)


@strawberry.interface(description="Someone or something that acts on the API.")
class Actor:
    """A person, a program or the server."""

    display_name: str = strawberry.field(description="Name to show for the actor.")


def node_id(type_name: str) -> Any:
    """The field `id` of a type: the global id of the row."""

    def resolve(self: Any) -> str:
        return global_id(type_name, self.id)

    return strawberry.field(resolver=resolve, name="id", graphql_type=strawberry.ID, description=ID_DESCRIPTION)


def views(model: type[Any]) -> Any:
    """Lets GraphQL recognise the rows that a type is a view over; assign it to `is_type_of`."""
    row: type = row_class(model)  # type: ignore[arg-type]

    def is_type_of(cls: type, value: Any, _info: Any) -> bool:
        return isinstance(value, row)

    return classmethod(is_type_of)


def later(type_name: str, module: str) -> Any:
    """A type of another module that is not imported yet, for `graphql_type`."""
    return Annotated.__class_getitem__((type_name, strawberry.lazy(module)))  # type: ignore[attr-defined]


def resolvable(type_name: str, find: Callable[[Context, UUID], Awaitable[Any]]) -> None:
    """Let `node` and `nodes` find objects of a type.

    Args:
        find: Gives the row with a key; None when there is none or the caller does not see it.
    """
    if type_name not in PREFIXES:
        raise ValueError(f"{type_name} has no prefix")
    _finders[type_name] = find


def resolvable_types() -> frozenset[str]:
    """Types whose objects can be found by their global id."""
    return frozenset(_finders)


async def find_node(context: Context, global_id: str, path: tuple[str, ...]) -> Any:
    """The object with a global id; None when there is none or the caller does not see it.

    Args:
        path: Where the id stands in the arguments.

    Raises:
        BadInput: The id is malformed.
    """
    parsed = parse_id(global_id)
    if parsed is None:
        raise BadInput("This is no global id.", path)
    type_name, key = parsed
    find = _finders.get(type_name)
    return None if find is None else await find(context, key)


def key_argument(global_id: str, *type_names: str, path: tuple[str, ...] = ("id",)) -> UUID:
    """The key in an argument that is a global id of one of these types.

    Raises:
        BadInput: It is malformed or of another type.
    """
    key = key_of(global_id, *type_names)
    if key is None:
        raise BadInput(f"This is no global id of type {' or '.join(type_names)}.", path)
    return key


def check_ids(global_ids: list[strawberry.ID]) -> None:
    """Refuse a list of ids that `nodes` does not take.

    Raises:
        BadInput: Too many ids, or a malformed one.
    """
    if len(global_ids) > MAX_NODES:
        raise BadInput(f"At most {MAX_NODES} ids are taken; {len(global_ids)} were given.", ("ids",), limit=MAX_NODES)
    for place, one in enumerate(global_ids):
        if parse_id(one) is None:
            raise BadInput("This is no global id.", ("ids", str(place)))
