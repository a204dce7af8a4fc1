"""The schema, and its printed form."""

from __future__ import annotations

from datetime import date, datetime

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from gql.actor import ApiKey, SystemActor
from gql.guard import guard_root_fields
from gql.mutation import Mutation
from gql.query import Query
from gql.scalars import parse_day, parse_instant, print_day, print_instant

DateTime = strawberry.scalar(
    name="DateTime",
    serialize=print_instant,
    parse_value=parse_instant,
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    description="Instant in RFC 3339 format. Output is always UTC with a `Z`; input must carry an offset.",
)

Date = strawberry.scalar(
    name="Date",
    serialize=print_day,
    parse_value=parse_day,
    specified_by_url="https://scalars.graphql.org/andimarek/local-date",
    description="Day of the calendar without a time zone, written as YYYY-MM-DD.",
)

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[ApiKey, SystemActor],
    config=StrawberryConfig(scalar_map={datetime: DateTime, date: Date}),
)


def executable() -> GraphQLSchema:
    """The schema as graphql-core executes it; Strawberry builds it and keeps it to itself."""
    return schema._schema


guard_root_fields(executable())


def print_schema() -> str:
    """The schema definition.

    Strawberry prints a directive without the defaults and descriptions of its arguments, and therefore every use in
    full: both are mended.
    """
    printed = schema.as_str()
    printed = printed.replace(
        "directive @semanticNonNull(levels: [Int]) on",
        'directive @semanticNonNull(\n  """List levels that are null only on error."""\n  levels: [Int] = [0]\n) on',
    )
    printed = printed.replace("directive @oneOf on", '"""One field is given, no more."""\ndirective @oneOf on')
    return printed.replace(" @semanticNonNull(levels: [0])", " @semanticNonNull") + "\n"
