"""Who sees what: every field of the schema with every caller, and what is hidden is hidden on every way to it."""

from __future__ import annotations

import pytest
from graphql import GraphQLObjectType

from gql.ids import PREFIXES
from tests import cells
from tests.cells import CALLERS, OPEN_RULES, PLACES, TABLES, composite_types, fields_of_the_schema, rules
from tests.documents import ROOTS, SCHEMA
from tests.gateway import Gateway

pytestmark = pytest.mark.anyio


def test_every_field_of_the_schema_has_one_rule() -> None:
    ruled = list(rules())
    assert len(dict(ruled)) == len(ruled)
    assert {rule for _, rule in ruled} == set(TABLES["rules"])
    assert sorted(dict(ruled)) == sorted(fields_of_the_schema())


def test_every_type_has_a_place_and_every_entry_an_audience() -> None:
    assert set(PLACES) == {type.name for type in composite_types()} - set(ROOTS)
    assert {kind for kind, told in PLACES.items() if told == "by id"} == set(PREFIXES)
    query, mutation = SCHEMA.type_map["Query"], SCHEMA.type_map["Mutation"]
    assert isinstance(query, GraphQLObjectType)
    assert isinstance(mutation, GraphQLObjectType)
    assert {question.what for question, _ in cells.entries()} == {f"Query.{name}" for name in query.fields}
    changing = {question.asked.partition("(")[0].partition(" ")[0] for question in cells.objects() if question.changes}
    assert changing == set(mutation.fields)


def test_every_field_that_is_held_back_is_asked_for_by_every_caller() -> None:
    probed = {field for probe in TABLES["probe"] for field in probe["fields"]}
    assert probed == {field for field, rule in rules() if rule not in OPEN_RULES}
    assert [probe["fields"] for probe in TABLES["probe"] if list(probe["expected"]) != CALLERS] == []
    assert all(set(audience) <= set(CALLERS) for audience in TABLES["audiences"].values())


async def test_each_caller_sees_of_each_field_what_the_table_says(gateway: Gateway) -> None:
    """A24: who sees what, beyond the row of a person in the scope of USERS_READ."""
    walk = await cells.walked(await cells.scene_of(gateway))
    assert walk.differing == {}
    assert walk.cells > len(fields_of_the_schema()) * (len(CALLERS) + 1)
