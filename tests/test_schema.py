"""What holds for the schema as a whole: everything described, nothing open to strangers, nothing seen from outside.

Documents are built from the schema, so a field that is added is tried too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)
from sqlmodel import SQLModel

from gql.guard import OPEN_TO_ALL, OPEN_TO_SINGLE_USE_PASSWORDS
from gql.ids import PREFIXES, global_id
from models.storage import uuid7
from resolvers.refusals import MutationErrorCode, MutationWarningCode
from tests.documents import (
    KEYS,
    SCHEMA,
    Position,
    fields_with_arguments,
    kinds_of,
    plausible,
    positions,
    root_fields,
    with_required,
)
from tests.gateway import Gateway
from tests.holdings import Holdings, holdings_of
from tests.people import Staff

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
NOBODY = {"email": "unheard.of@acme.example", "external_id": "unheard-of", "agent_number": "unheard-of"}


def described() -> Iterator[tuple[str, str | None]]:
    """Everything in the schema that can have a description, by name."""
    for name, type in SCHEMA.type_map.items():
        if is_introspection_type(type) or is_specified_scalar_type(type):
            continue
        yield name, type.description
        if isinstance(type, GraphQLEnumType):
            for value_name, value in type.values.items():
                yield f"{name}.{value_name}", value.description
        elif isinstance(type, GraphQLInputObjectType):
            for entry_name, entry in type.fields.items():
                yield f"{name}.{entry_name}", entry.description
        elif isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name})", argument.description
    for directive in SCHEMA.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description


def test_everything_in_the_schema_is_described() -> None:
    words = dict(described())
    assert len(words) > 500
    assert [name for name, description in words.items() if not description or len(description) < 4] == []


@pytest.mark.parametrize("codes", [MutationErrorCode, MutationWarningCode])
def test_every_code_occurs(codes: type[MutationErrorCode] | type[MutationWarningCode]) -> None:
    source = "".join(path.read_text("utf-8") for room in ("gql", "resolvers") for path in (ROOT / room).glob("*.py"))
    used = set(re.findall(r"\b(?:Code|MutationErrorCode|MutationWarningCode)\.([A-Z_]+)\b", source))
    assert [code.name for code in codes if code.name not in used] == []


async def refused(gateway: Gateway, token: str | None) -> dict[str, list[str]]:
    """The codes with which every entry point answers somebody."""
    sample = plausible(
        {
            "ID": global_id("User", uuid7()),
            "String": "word",
            "Int": 1,
            "Boolean": True,
            "DateTime": "2026-11-24T08:00:00Z",
            "Date": "2026-11-24",
        }
    )
    codes = {}
    for field in root_fields():
        variables = with_required(field, sample)
        answer = await gateway.run(field.document(variables), variables, token=token)
        codes[field.name] = answer.codes
        if answer.codes:
            assert answer.data == {field.name: None}
    return codes


@pytest.mark.parametrize(
    "token", [None, "nonsense", "rql_000000000000_0000000000000000000000000000000000000000000000000"]
)
async def test_every_entry_but_sign_in_is_closed_to_strangers(gateway: Gateway, token: str | None) -> None:
    codes = await refused(gateway, token)
    assert set(codes) > OPEN_TO_ALL == {"signIn"}
    assert codes == {name: [] if name == "signIn" else ["UNAUTHENTICATED"] for name in codes}
    assert await gateway.scalar("SELECT count(*) FROM bulk_operations") == 0


async def test_a_single_use_password_opens_what_changes_it_and_nothing_else(gateway: Gateway, staff: Staff) -> None:
    token = await gateway.sign_in(await staff.hire(single_use=True))
    codes = await refused(gateway, token)
    opened = {name for name, found in codes.items() if found != ["FORBIDDEN"]}
    # The session that `signOut` ended opens nothing more, `viewer` and `signIn` came before it.
    assert opened >= {"signIn", "viewer", "signOut", "changePassword"} == OPEN_TO_SINGLE_USE_PASSWORDS
    assert [codes[name] for name in ("signIn", "viewer", "signOut")] == [[], [], []]
    assert {tuple(codes[name]) for name in opened - {"signIn", "viewer", "signOut"}} <= {("UNAUTHENTICATED",), ()}


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { queryType { name } } }",
        '{ __type(name: "User") { name } }',
        "query Q { ...On } fragment On on Query { __schema { types { name } } }",
        '{ viewer { kind } asked: __type(name: "User") { fields { name } } }',
    ],
)
async def test_the_schema_is_told_to_callers_only(gateway: Gateway, document: str) -> None:
    stranger = await gateway.run(document, token=None)
    assert (stranger.codes, stranger.data) == (["UNAUTHENTICATED"], None)
    assert not (await gateway.run(document)).errors


PLACES = sorted(positions(fields_with_arguments(), "ID"), key=str)
# What changes nothing comes first.
PLACES.sort(key=lambda place: place.field.type_name == "Mutation")


def test_every_place_that_takes_an_id_is_known() -> None:
    assert len(PLACES) > 70
    assert [str(place) for place in PLACES if not kinds_of(place)] == []
    assert [place for place in PLACES if not place.field.at_root and place.field.type_name not in PREFIXES] == []
    owners = {owner for place in positions(root_fields()) for owner in place.owners}
    assert [owner for table in KEYS.values() for owner in table if owner not in owners] == []


async def answer_to(gateway: Gateway, place: Position, key: str, own: Holdings) -> str:
    """What is answered where a key stands, without the key itself and what is new in every answer."""
    variables = place.variables(key, plausible(own.samples | own_ids(own)))
    if not place.field.at_root:
        variables["parent"] = own.ids[place.field.type_name]
    answer = await gateway.run(place.document(), variables)
    assert answer.status == 200
    return re.sub(r'"requestId": "\w+"', "", json.dumps(answer.body)).replace(key, "KEY")


def own_ids(own: Holdings) -> dict[str, Any]:
    """Ids for places that must be filled."""
    return {owner: own.ids[kinds[0]] for owner, kinds in KEYS["ids"].items() if isinstance(kinds, list)}


async def rows_of(gateway: Gateway, other: Staff) -> dict[str, list[str]]:
    """Everything that an organization has; when somebody or something was last active is written a little later."""
    tables = [table for table in SQLModel.metadata.tables.values() if "organization_id" in table.c]
    assert len(tables) > 20
    key = gateway.key_parameter(other.organization_id)
    found = {}
    for table in tables:
        columns = ", ".join(f'"{one.name}"' for one in table.c if one.name not in ("last_used_at", "last_active_at"))
        rows = await gateway.rows(f"SELECT {columns} FROM {table.name} WHERE organization_id = :key", key=key)
        found[table.name] = sorted(map(repr, rows))
    return found


async def test_every_id_of_another_organization_is_unknown(gateway: Gateway) -> None:
    """M14 of the schema rules: answered to the letter as an id that nothing has, and nothing there changes."""
    own = await holdings_of(gateway, gateway.staff, gateway.token)
    other = await gateway.other()
    theirs = await holdings_of(gateway, other, await gateway.key("other", organization_id=other.organization_id))
    before = await rows_of(gateway, other)
    seen, open_to_all = [], []
    for place in PLACES:
        for kind in kinds_of(place):
            unknown = await answer_to(gateway, place, global_id(kind, uuid7()), own)
            if await answer_to(gateway, place, theirs.ids[kind], own) != unknown:
                seen.append(f"{place}: {kind}")
            if place.field.type_name == "Mutation":
                code = "COUNT_MISMATCH" if "UserTargetInput.matching" in place.owners else "NOT_FOUND"
                assert f'"code": "{code}"' in unknown, unknown
            else:
                assert "errors" not in json.loads(unknown), unknown
            tells = next((KEYS["recorded"][each] for each in place.owners if each in KEYS["recorded"]), kinds_of(place))
            if kind in tells and await answer_to(gateway, place, own.ids[kind], own) == unknown:
                open_to_all.append(f"{place}: {kind}")
    assert seen == []
    assert open_to_all == [], "an own id makes no difference: this shows nothing"
    assert await rows_of(gateway, other) == before


async def test_people_of_another_organization_have_no_mail_number_or_external_id_here(gateway: Gateway) -> None:
    own = await holdings_of(gateway, gateway.staff, gateway.token)
    other = await gateway.other()
    theirs = await holdings_of(gateway, other, await gateway.key("other", organization_id=other.organization_id))
    before = await rows_of(gateway, other)
    places = [place for place in positions(root_fields(), "String") if set(place.owners) & set(KEYS["people"])]
    assert len(places) == 3 * 2 + 8 * 3
    places.sort(key=lambda place: place.field.type_name == "Mutation")
    for place in places:
        attribute = KEYS["people"][next(owner for owner in place.owners if owner in KEYS["people"])]
        unknown = await answer_to(gateway, place, NOBODY[attribute], own)
        assert await answer_to(gateway, place, getattr(theirs.person, attribute), own) == unknown, str(place)
        assert await answer_to(gateway, place, getattr(own.person, attribute), own) != unknown, str(place)
    assert await rows_of(gateway, other) == before
