"""Documents and variables for everything that can be asked, built from the schema: a new field cannot be forgotten."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from gql.ids import PREFIXES
from gql.schema import executable

SCHEMA = executable()
KEYS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "keys.toml").read_text("utf-8"))
ROOTS = {"Query": "query", "Mutation": "mutation"}
# One code reads it for all mutations with a target, so that its places are tried at one of them.
READ_ALIKE = {"UserTargetInput.matching": "assignQueues"}
# What a mutation does not do without, though its type says so: not in a dry run.
NEEDED = {"UserMatchInput.expectedCount"}

# What answers are compared by. Not ids of operations: each request that makes one makes another.
TOLD = (
    "errors",
    "failed",
    "code",
    "message",
    "path",
    "operation",
    "items",
    "nodes",
    "key",
    "outcome",
    "user",
    "id",
    "totalCount",
    "total",
)
UNTOLD = ("BulkOperation", "BulkOperationItem", "Session")


@dataclass(frozen=True)
class Field:
    """A field that takes arguments or stands at the root."""

    type_name: str
    name: str

    def __str__(self) -> str:
        return f"{self.type_name}.{self.name}"

    @property
    def definition(self) -> Any:
        """The field in the schema."""
        return _object(self.type_name).fields[self.name]

    @property
    def at_root(self) -> bool:
        """Whether it is an entry point."""
        return self.type_name in ROOTS

    def document(self, arguments: Collection[str]) -> str:
        """A document that asks for this one field with variables named like its arguments.

        A field of an object is reached through `node(id: $parent)`.
        """
        types = {name: str(self.definition.args[name].type) for name in arguments}
        called = f"{self.name}{_listed(f'{name}: ${name}' for name in types)} {selection(self.definition.type)}"
        if not self.at_root:
            types["parent"] = "ID!"
            called = f"node(id: $parent) {{ ... on {self.type_name} {{ {called} }} }}"
        kind = ROOTS.get(self.type_name, "query")
        return f"{kind} Asked{_listed(f'${name}: {type}' for name, type in types.items())} {{ {called} }}"


@dataclass(frozen=True)
class Position:
    """A place in the arguments of a field where a scalar or an enum is taken.

    Attributes:
        path: Argument, then fields of input objects.
        owners: The same places by their names in the schema, the outermost first: `Query.users(filter)`,
            `UserFilterInput.team`, `IdFilterInput.eq`.
        type: What is taken there, lists included.
    """

    field: Field
    path: tuple[str, ...]
    owners: tuple[str, ...]
    type: GraphQLInputType

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.path)})"

    @property
    def scalar(self) -> str:
        """Name of the scalar or enum."""
        return get_named_type(self.type).name

    @property
    def is_list(self) -> bool:
        """Whether a list is taken."""
        return isinstance(get_nullable_type(self.type), GraphQLList)

    def variables(self, leaf: Any, sample: Sample) -> dict[str, Any]:
        """Variables in which this one value stands; what else is required is filled in."""
        return with_required(self.field, sample) | {
            self.path[0]: _placed(self.field.definition.args[self.path[0]].type, self.path[1:], leaf, sample)
        }

    def document(self) -> str:
        """A document for `variables`."""
        required = {name for name, argument in self.field.definition.args.items() if is_required_argument(argument)}
        return self.field.document({*required, self.path[0]})

    def told_path(self) -> list[str]:
        """The path by which a value there is named in an error, the first of every list."""
        path: list[str] = []
        type: Any = self.field.definition.args[self.path[0]].type
        for index, name in enumerate(self.path):
            if index:
                type = get_named_type(type).fields[name].type
            path.append(name)
            if isinstance(get_nullable_type(type), GraphQLList):
                path.append("0")
        return path


# Gives a value for a place that must be filled, by the names of its owners, the outermost first.
Sample = Callable[[tuple[str, ...], GraphQLInputType], Any]


def root_fields() -> list[Field]:
    """Every entry point."""
    return [Field(root, name) for root in ROOTS for name in _object(root).fields]


def fields_with_arguments() -> list[Field]:
    """Every field that takes an argument, at the root and below; those of introspection are not ours."""
    types = [type for type in SCHEMA.type_map.values() if isinstance(type, GraphQLObjectType)]
    return [
        Field(type.name, name)
        for type in types
        if not is_introspection_type(type)
        for name, field in type.fields.items()
        if field.args
    ]


def positions(fields: Collection[Field], *scalars: str) -> list[Position]:
    """Every place where these scalars or enums are taken; all places when none is named."""
    return [place for field in fields for place in _positions(field) if not scalars or place.scalar in scalars]


@cache
def _positions(field: Field) -> tuple[Position, ...]:
    return tuple(
        Position(field, path, owners, type)
        for name, argument in field.definition.args.items()
        for path, owners, type in _leaves(argument.type, (name,), (f"{field}({name})",))
        if all(READ_ALIKE.get(owner, field.name) == field.name for owner in owners)
    )


def kinds_of(position: Position) -> list[str]:
    """The kinds whose ids a place takes, as `keys.toml` says; empty when nobody has said."""
    for owner in reversed(position.owners):
        if owner in KEYS["ids"]:
            kinds = KEYS["ids"][owner]
            return list(PREFIXES) if kinds == "every kind" else list(kinds)
    return []


def with_required(field: Field, sample: Sample) -> dict[str, Any]:
    """The variables that a field cannot do without."""
    return {
        name: _filled(argument.type, (f"{field}({name})",), sample)
        for name, argument in field.definition.args.items()
        if is_required_argument(argument)
    }


def selection(type: GraphQLOutputType, depth: int = 5) -> str:
    """What of an object tells one answer from another; nothing for a scalar."""
    named = get_named_type(type)
    if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    wanted = [name for name in TOLD if name in named.fields and not (name == "id" and named.name in UNTOLD)]
    parts = [
        f"{name} {selection(named.fields[name].type, depth - 1)}".strip()
        for name in wanted
        if is_leaf_type(get_named_type(named.fields[name].type)) or depth > 1
    ]
    return f"{{ {' '.join(['__typename', *parts])} }}"


def is_one_of(type: GraphQLInputObjectType) -> bool:
    """Whether exactly one field is taken; Strawberry knows it, and prints it, but does not tell graphql-core."""
    return bool(type.is_one_of or type.extensions["strawberry-definition"].is_one_of)


def _leaves(
    type: GraphQLInputType, path: tuple[str, ...], owners: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], GraphQLInputType]]:
    named = get_named_type(type)
    if not isinstance(named, GraphQLInputObjectType):
        yield path, owners, type
        return
    if any(owner.startswith(f"{named.name}.") for owner in owners):
        return  # an input within itself is read by the same code; tests/test_filters.py looks at places there
    for name, field in named.fields.items():
        yield from _leaves(field.type, (*path, name), (*owners, f"{named.name}.{name}"))


def _placed(type: GraphQLInputType, path: tuple[str, ...], leaf: Any, sample: Sample) -> Any:
    nullable = get_nullable_type(type)
    if isinstance(nullable, GraphQLList):
        return [_placed(nullable.of_type, path, leaf, sample)]
    if not path:
        return leaf
    assert isinstance(nullable, GraphQLInputObjectType)
    required = {} if is_one_of(nullable) else _fields(nullable, sample)
    return required | {path[0]: _placed(nullable.fields[path[0]].type, path[1:], leaf, sample)}


def _filled(type: GraphQLInputType, owners: tuple[str, ...], sample: Sample) -> Any:
    nullable = get_nullable_type(type)
    if isinstance(nullable, GraphQLList):
        return [_filled(nullable.of_type, owners, sample)]
    if not isinstance(nullable, GraphQLInputObjectType):
        return sample(owners, nullable)
    if is_one_of(nullable):
        name = next(iter(nullable.fields))
        return {name: _filled(nullable.fields[name].type, (*owners, f"{nullable.name}.{name}"), sample)}
    return _fields(nullable, sample, owners)


def _fields(type: GraphQLInputObjectType, sample: Sample, owners: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        name: _filled(field.type, (*owners, f"{type.name}.{name}"), sample)
        for name, field in type.fields.items()
        if is_required_input_field(field) or f"{type.name}.{name}" in NEEDED
    }


def plausible(samples: Mapping[str, Any]) -> Sample:
    """Fills places from samples by owner (`NewUserInput.email`), else by scalar; of an enum the first value."""

    def sample(owners: tuple[str, ...], type: GraphQLInputType) -> Any:
        for owner in reversed(owners):
            if owner in samples:
                return samples[owner]
        if isinstance(type, GraphQLEnumType):
            return next(iter(type.values))
        return samples[get_named_type(type).name]

    return sample


def _object(name: str) -> GraphQLObjectType:
    type = SCHEMA.type_map[name]
    assert isinstance(type, GraphQLObjectType)
    return type


def _listed(parts: Iterator[str]) -> str:
    listed = ", ".join(parts)
    return f"({listed})" if listed else ""
