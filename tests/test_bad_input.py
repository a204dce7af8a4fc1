"""Whatever is sent, a clear error with its place comes back, and nothing is done (rule M14).

The places are taken from the schema, so those of a new field are tried too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
    is_required_argument,
)

from gql.ids import global_id
from models.storage import uuid7
from tests.documents import (
    SCHEMA,
    Field,
    Position,
    fields_with_arguments,
    is_one_of,
    kinds_of,
    plausible,
    positions,
    root_fields,
    with_required,
)
from tests.gateway import Acme, Gateway
from tests.holdings import Holdings, holdings_of

pytestmark = pytest.mark.anyio

MEGABYTE = "x" * 1_000_000
COUNTED = (
    "bulk_operations",
    "bulk_operation_items",
    "audit_events",
    "outbox_events",
    "users",
    "memberships",
    "sessions",
    "call_records",
)
FIELDS = fields_with_arguments()
ONES_OWN = ("changePassword", "setPresence")  # tried by a person: a key has neither password nor presence
WRONG: dict[str, list[Any]] = {
    "String": [7, 1.5, True, {}, {"a": "b"}],
    "ID": [1.5, True, {}, {"a": "b"}],
    "Int": ["1", 1.5, 2**31, -(2**31) - 1, 10**30, True, {}],
    "Boolean": ["true", 1, {}],
    "DateTime": [
        "2026-11-24",
        "2026-11-24T08:00:00",
        "2026-11-24 08:00:00Z",
        "2026-13-24T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "2026-11-24T08:00:00+99:99",
        "now",
        "",
        1764000000,
        True,
        {},
    ],
    "Date": [
        "2026-11-24T08:00:00Z",
        "2026-13-24",
        "2026-02-30",
        "0000-01-01",
        "2026-W48-2",
        "20261124",
        "2026-1-1",
        "٢٠٢٦-11-24",
        "today",
        "",
        20261124,
        True,
        {},
    ],
}
UNKNOWN_VALUES = ["NOPE", "active", "", 3, True, {}]
Told = tuple[str, tuple[str, ...] | None]


@dataclass(frozen=True)
class Trial:
    """Sends what should not be sent."""

    gateway: Gateway
    own: Holdings

    async def tell(self, field: Field, document: str, variables: Mapping[str, Any]) -> list[Told]:
        """Every problem that is told, with its place: at the top, in the payload, of an item."""
        token = self.own.session if field.name in ONES_OWN else self.own.token
        parent = {} if field.at_root else {"parent": self.own.ids[field.type_name]}
        return await self.send(json.dumps({"query": document, "variables": {**variables, **parent}}), token)

    async def send(self, body: str, token: str | None = None) -> list[Told]:
        """The same of a whole body; half a surrogate pair goes as JSON writes it."""
        headers = {"Authorization": f"Bearer {token or self.own.token}", "Content-Type": "application/json"}
        response = await self.gateway.client.post("/graphql", content=body, headers=headers)
        assert response.status_code in (200, 400), response.text[:500]
        assert "INTERNAL" not in response.text
        assert "Something went wrong" not in response.text
        answer = response.json()
        found = [told_at_the_top(error) for error in answer.get("errors", ())]
        for value in (answer.get("data") or {}).values():
            if isinstance(value, dict) and "errors" in value:
                problems = list(value["errors"])
                for call in value.get("failed") or () if "callRecords" in value else ():
                    problems += call["errors"]
                for item in (value.get("operation") or {"items": {"nodes": []}})["items"]["nodes"]:
                    problems += item["errors"]
                assert all(problem["message"] for problem in problems)
                found += [(problem["code"], problem["path"] and tuple(problem["path"])) for problem in problems]
        return found

    async def counts(self) -> dict[str, int]:
        """How much there is, and how often people were changed."""
        found = {table: await self.gateway.scalar(f"SELECT count(*) FROM {table}") for table in COUNTED}
        return found | {"versions": await self.gateway.scalar("SELECT sum(version) FROM users")}

    def sample(self) -> Any:
        """Fills the other places with what would do."""
        ids = {owner: self.own.ids[kind] for owner, kind in id_kinds().items()}
        others = {
            "ChangePasswordInput.currentPassword": self.own.person.password,
            "SetPresenceInput.state": "UNAVAILABLE",
        }
        return plausible(self.own.samples | ids | others)

    async def refused(self, place: Position, value: Any) -> list[Told]:
        """What is told of a value at a place."""
        return await self.tell(place.field, place.document(), place.variables(value, self.sample()))


@cache
def id_kinds() -> dict[str, str]:
    """Where an id is taken, and of which kind."""
    return {str(place.owners[-1]): kinds_of(place)[0] for place in positions(FIELDS, "ID")}


def told_at_the_top(error: Mapping[str, Any]) -> Told:
    """Code and place of a top-level error: in an argument, in a variable, or in the document."""
    assert error["message"]
    assert len(error["message"]) <= 200
    extensions = error["extensions"]
    assert extensions["requestId"]
    path = extensions.get("argumentPath") or extensions.get("variablePath")
    if path is None and error.get("locations"):
        path = [f"{place['line']}:{place['column']}" for place in error["locations"]]
    return extensions["code"], path and tuple(path)


@pytest.fixture
async def trial(gateway: Gateway) -> Trial:
    return Trial(gateway, await holdings_of(gateway, gateway.staff, gateway.token))


@pytest.fixture(scope="module")
async def sqlite_trial(
    _sqlite_with_acme: tuple[Path, Acme], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trial]:
    """For what is refused before a database is asked, and very often: nothing is changed, so that all have the same."""
    file, acme = _sqlite_with_acme
    copy = shutil.copyfile(file, tmp_path_factory.mktemp("trial") / "rosterql.db")
    gateway = await Gateway.open(f"sqlite:///{copy}", acme)
    yield Trial(gateway, await holdings_of(gateway, gateway.staff, gateway.token))
    await gateway.close()


@pytest.fixture
async def postgres_trial(postgres_gateway: Gateway) -> Trial:
    """For what must not get as far as a database, tried on the one that would not take it."""
    return Trial(postgres_gateway, await holdings_of(postgres_gateway, postgres_gateway.staff, postgres_gateway.token))


def texts() -> list[Position]:
    """Every place that takes a text, ids and cursors included."""
    return positions(FIELDS, "String", "ID")


def read_once(places: Iterable[Position]) -> list[Position]:
    """One place of those where the same input is taken: it is read alike in each."""
    return list({place.owners[-1]: place for place in places}.values())


def in_turn(place: Position, values: Sequence[Any], count: int) -> list[Any]:
    """So many of the values, others at each place, so that many places together see all of them."""
    start = crc32(str(place).encode())
    return [values[(start + number) % len(values)] for number in range(min(count, len(values)))]


async def misfits(trial: Trial, tried: Iterator[tuple[Position, Any, set[str]]]) -> list[str]:
    """The values that were not refused with one of these codes, at their place and nowhere else, without a trace."""
    before = await trial.counts()
    wrong = []
    for place, value, codes in tried:
        told = await trial.refused(place, value)
        if {path for _, path in told} != {tuple(place.told_path())} or not {code for code, _ in told} <= codes:
            wrong.append(f"{place} {value!r:.40}: {told}")
    assert await trial.counts() == before
    return wrong


def test_the_places_are_those_of_every_entry() -> None:
    assert {place.field for place in positions(FIELDS)} == set(FIELDS)
    assert {field for field in root_fields() if field.definition.args} <= set(FIELDS)
    assert {place.scalar for place in positions(FIELDS)} - set(WRONG) == {
        name for name, type in SCHEMA.type_map.items() if isinstance(type, GraphQLEnumType) and name in enum_names()
    }
    assert len(texts()) > 180


def enum_names() -> set[str]:
    """Enums that are taken somewhere."""
    return {place.scalar for place in positions(FIELDS) if isinstance(get_named_type(place.type), GraphQLEnumType)}


async def test_nul_is_refused_wherever_a_text_is_taken(postgres_trial: Trial) -> None:
    def tried() -> Iterator[tuple[Position, Any, set[str]]]:
        for place in texts():
            changes = place.field.type_name == "Mutation"
            codes = {"INVALID"} if changes else {"BAD_USER_INPUT", "BAD_CURSOR"}
            for value in ("\0", "nul\0inside"):
                yield place, value, codes

    assert await misfits(postgres_trial, tried()) == []


async def test_half_a_surrogate_pair_is_refused_wherever_anything_is_taken(sqlite_trial: Trial) -> None:
    places = positions(FIELDS)
    assert await misfits(sqlite_trial, ((place, "\ud800", {"BAD_USER_INPUT"}) for place in places)) == []
    assert await misfits(sqlite_trial, ((place, "low \udfff first", {"BAD_USER_INPUT"}) for place in texts())) == []


async def test_a_megabyte_is_refused_wherever_a_text_is_taken(postgres_trial: Trial) -> None:
    """What cannot be said of one new person is said of that item; whether a mail is known is never told."""
    before = await postgres_trial.counts()
    wrong, operations = [], 0
    places = read_once(texts())
    assert len(places) > 70
    for place in places:
        told = await postgres_trial.refused(place, MEGABYTE)
        expected: Told = (
            ("SIGN_IN_REFUSED", None) if place.field.name == "signIn" else (told[0][0], tuple(place.told_path()))
        )
        if told != [expected]:
            wrong.append(f"{place}: {told}")
        operations += "NewUserInput" in place.owners[-1] and place.scalar == "String"
    after = await postgres_trial.counts()
    assert wrong == []
    assert after == before | {
        "bulk_operations": before["bulk_operations"] + operations,
        "bulk_operation_items": before["bulk_operation_items"] + operations,
    }


async def test_what_is_no_id_of_the_kind_is_refused(sqlite_trial: Trial) -> None:
    own = sqlite_trial.own.ids
    malformed = [
        "",
        " ",
        "1",
        "VVM=",
        "nonsense",
        own["User"][:-1],
        own["User"] + "=",
        own["User"].swapcase(),
        7,
        "é" * 24,
    ]

    def tried() -> Iterator[tuple[Position, Any, set[str]]]:
        for place in read_once(positions(FIELDS, "ID")):
            codes = {"INVALID"} if place.field.type_name == "Mutation" else {"BAD_USER_INPUT"}
            kinds = kinds_of(place)
            others = [own[kind] for kind in own if kind not in kinds]
            for value in (*in_turn(place, malformed, 3), *in_turn(place, others, 3)):
                yield place, value, codes

    assert await misfits(sqlite_trial, tried()) == []


async def test_a_value_of_another_type_is_refused_wherever_one_is_taken(sqlite_trial: Trial) -> None:
    def tried() -> Iterator[tuple[Position, Any, set[str]]]:
        for place in read_once(positions(FIELDS)):
            for value in in_turn(place, WRONG.get(place.scalar, UNKNOWN_VALUES), 3):
                yield place, value, {"BAD_USER_INPUT"}

    assert await misfits(sqlite_trial, tried()) == []


async def test_an_unknown_value_of_an_enum_is_refused_in_the_document_too(sqlite_trial: Trial) -> None:
    before = await sqlite_trial.counts()
    for place in positions(FIELDS, *enum_names()):
        variables = place.variables("NOPE", sqlite_trial.sample())
        told = await sqlite_trial.tell(place.field, with_literals(place.field, variables), {})
        assert [code for code, _ in told] == ["GRAPHQL_VALIDATION_FAILED"], f"{place}: {told}"
        assert told[0][1], str(place)
    assert await sqlite_trial.counts() == before


def with_literals(field: Field, values: Mapping[str, Any]) -> str:
    """A document in which the arguments are written out."""
    document = field.document(values)
    for name, value in values.items():
        document = document.replace(f"{name}: ${name}", f"{name}: {literal(value, field.definition.args[name].type)}")
    head, _, rest = document.partition("{")
    kept = "($parent: ID!)" if "$parent: ID!" in head else ""
    return f"{head.split('(')[0]}{kept} {{{rest}"


def literal(value: Any, type: Any) -> str:
    """A value as the query language writes it."""
    type = get_nullable_type(type)
    if value is None:
        return "null"
    if isinstance(type, GraphQLList):
        return f"[{', '.join(literal(each, type.of_type) for each in value)}]"
    if isinstance(type, GraphQLInputObjectType):
        return f"{{{', '.join(f'{name}: {literal(each, type.fields[name].type)}' for name, each in value.items())}}}"
    return value if isinstance(type, GraphQLEnumType) else json.dumps(value)


async def test_what_is_required_is_missed_wherever_it_is_left_out_or_null(sqlite_trial: Trial) -> None:
    before = await sqlite_trial.counts()
    tried = 0
    for field in FIELDS:
        whole = with_required(field, sqlite_trial.sample())
        for name, argument in field.definition.args.items():
            if is_required_argument(argument):
                for variables in ({**whole, name: None}, {key: value for key, value in whole.items() if key != name}):
                    told = await sqlite_trial.tell(field, field.document(whole), variables)
                    assert [code for code, _ in told] == ["BAD_USER_INPUT"], f"{field}({name}): {told}"
                    tried += 1
                bare = await sqlite_trial.tell(field, field.document([key for key in whole if key != name]), {})
                assert {code for code, _ in bare} == {"GRAPHQL_VALIDATION_FAILED"}, f"{field}({name}): {bare}"
    for place in positions(FIELDS):
        if isinstance(place.type, GraphQLNonNull) and len(place.path) > 1:
            told = await sqlite_trial.refused(place, None)
            assert [code for code, _ in told] == ["BAD_USER_INPUT"], f"{place}: {told}"
            tried += 1
    assert tried > 40
    assert await sqlite_trial.counts() == before


def choices() -> Iterator[tuple[Field, tuple[str, ...], GraphQLInputObjectType]]:
    """Every place that takes exactly one of several keys, as the path of its first key without that."""
    seen = set()
    for place in positions(FIELDS):
        type = get_named_type(place.field.definition.args[place.path[0]].type)
        for depth, name in enumerate(place.path[1:], 1):
            if (
                isinstance(type, GraphQLInputObjectType)
                and is_one_of(type)
                and (place.field, place.path[:depth]) not in seen
            ):
                seen.add((place.field, place.path[:depth]))
                yield place.field, place.path[:depth], type
            type = get_named_type(type.fields[name].type)  # type: ignore[union-attr]


async def test_of_several_ways_exactly_one_is_taken(sqlite_trial: Trial) -> None:
    before = await sqlite_trial.counts()
    found = list(choices())
    assert len(found) == 2 + 8 + 5  # keys of people, targets, changes of assignments
    for field, path, type in found:
        (first, second, *_) = type.fields
        one, other = (
            [sqlite_trial.own.ids["User"]]
            if isinstance(get_nullable_type(type.fields[name].type), GraphQLList)
            else "a"
            for name in (first, second)
        )
        for chosen in (
            {},
            {first: None},
            {first: one, second: other},
            {first: one, second: None},
            {"what": one},
            None,
            "a",
        ):
            variables = with_required(field, sqlite_trial.sample())
            inside: Any = variables
            for name in path[:-1]:
                inside = inside[name]
                inside = inside[0] if isinstance(inside, list) else inside
            inside[path[-1]] = chosen
            told = await sqlite_trial.tell(field, field.document(variables), variables)
            assert {code for code, _ in told} == {"BAD_USER_INPUT"}, f"{field} {path} {chosen}: {told}"
            if chosen is not None and chosen != "a" and "what" not in chosen:
                told = await sqlite_trial.tell(field, with_literals(field, variables), {})
                assert {code for code, _ in told} == {"GRAPHQL_VALIDATION_FAILED"}, f"{field} {path} {chosen}: {told}"
    assert await sqlite_trial.counts() == before


PAGED = [field for field in FIELDS if "first" in field.definition.args]


async def test_pages_are_asked_for_in_one_direction_up_to_the_limit_from_a_cursor_of_the_list(
    sqlite_trial: Trial,
) -> None:
    assert len(PAGED) > 15
    cursors = await sqlite_trial.gateway.ask(
        "{ auditEvents { pageInfo { endCursor } } teams { pageInfo { endCursor } } }"
    )
    of_events, of_teams = (cursors[name]["pageInfo"]["endCursor"] for name in ("auditEvents", "teams"))
    for field in PAGED:
        foreign = of_teams if "auditEvents" in field.name else of_events
        required = with_required(field, sqlite_trial.sample())
        for variables, told in (
            ({"first": 1, "last": 1}, ("BAD_USER_INPUT", ("last",))),
            ({"first": -1}, ("BAD_USER_INPUT", ("first",))),
            ({"last": -1}, ("BAD_USER_INPUT", ("last",))),
            ({"first": 101}, ("BAD_USER_INPUT", ("first",))),
            ({"last": 101}, ("BAD_USER_INPUT", ("last",))),
            ({"after": foreign}, ("BAD_CURSOR", ("after",))),
            ({"before": foreign}, ("BAD_CURSOR", ("before",))),
            ({"after": foreign[:-2]}, ("BAD_CURSOR", ("after",))),
            ({"before": ""}, ("BAD_CURSOR", ("before",))),
            ({"after": "bnVsbA"}, ("BAD_CURSOR", ("after",))),
        ):
            given = required | variables
            assert await sqlite_trial.tell(field, field.document(given), given) == [told], f"{field} {given}"


async def test_no_list_is_longer_than_it_may_be(sqlite_trial: Trial) -> None:
    """M14: an empty list, and one too long, are refused as a whole, with their place."""
    before = await sqlite_trial.counts()
    wrong = []
    for place in positions(FIELDS, "ID", "String"):
        owner = place.owners[-1]
        changes = owner.startswith(("UserTargetInput.", "AssignmentChangeInput."))
        if not (place.is_list and (changes or owner.endswith((".in", ".notIn", "(ids)", "Ids")))):
            continue
        kind = kinds_of(place)
        lists: list[tuple[list[str], str]] = []
        if changes:
            lists.append((many(kind, 10_001 if "Target" in owner else 1_001), "TOO_MANY_ITEMS"))
            if not owner.endswith(".set"):
                lists.append(([], "REQUIRED"))
        elif "UserTargetInput.matching" in place.owners:
            lists.append((many(kind, 501), "INVALID"))
        elif place.field.type_name == "Mutation":
            lists.append((many(kind, 101), "TOO_MANY_ITEMS"))
        else:
            lists.append((many(kind, 101 if owner.endswith("(ids)") else 501), "BAD_USER_INPUT"))
        for values, code in lists:
            variables = spread(place.variables("HERE", sqlite_trial.sample()), values)
            told = await sqlite_trial.tell(place.field, place.document(), variables)
            if told != [(code, tuple(place.told_path()[:-1]))]:
                wrong.append(f"{place} {len(values)}: {told}")
    assert wrong == []
    assert await sqlite_trial.counts() == before


def many(kinds: list[str], size: int) -> list[str]:
    """So many keys."""
    return [global_id(kinds[0], uuid7()) if kinds else f"key-{number}" for number in range(size)]


def spread(value: Any, values: list[str]) -> Any:
    """The same variables with these values in the place of the list that holds HERE."""
    if value == ["HERE"]:
        return values
    if isinstance(value, dict):
        return {name: spread(each, values) for name, each in value.items()}
    return [spread(each, values) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("field", "variables", "told"),
    [
        ("users", {"orderBy": [{"field": "EMAIL"}] * 4}, ("BAD_USER_INPUT", ("orderBy",))),
        ("users", {"search": "a" * 201}, ("BAD_USER_INPUT", ("search",))),
        ("users", {"filter": {"id": {"eq": None}}}, ("BAD_USER_INPUT", ("filter", "id", "eq"))),
        ("addUsers", {"input": {"users": []}}, ("REQUIRED", ("input", "users"))),
        ("addUsers", {"input": {"users": [{"email": "a@b.example"}] * 26}}, ("TOO_MANY_ITEMS", ("input", "users"))),
    ],
)
async def test_what_is_too_much_or_nothing_is_refused_with_its_place(
    trial: Trial, field: str, variables: dict[str, Any], told: Told
) -> None:
    before = await trial.counts()
    asked = Field("Mutation" if "input" in variables else "Query", field)
    assert await trial.tell(asked, asked.document(variables), variables) == [told]
    assert await trial.counts() == before


@pytest.mark.parametrize("way", ["add", "remove", "set"])
async def test_a_team_named_twice_is_refused_where_it_stands_again(trial: Trial, way: str) -> None:
    before = await trial.counts()
    team = trial.own.ids["Team"]
    field = Field("Mutation", "assignTeams")
    variables = {"input": {"target": {"ids": [trial.own.ids["User"]]}, "teams": {way: [team, team]}}}
    told = await trial.tell(field, field.document(variables), variables)
    assert told == [("DUPLICATE_IN_REQUEST", ("input", "teams", way, "1"))]
    assert await trial.counts() == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5_000, "01", "0x10"])
async def test_numbers_that_are_none_are_refused(sqlite_trial: Trial, number: str) -> None:
    document = json.dumps("query ($first: Int) { users(first: $first) { nodes { id } } }")
    told = await sqlite_trial.send(f'{{"query": {document}, "variables": {{"first": {number}}}}}')
    assert [code for code, _ in told] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{ user(by: {email: "\\ud800"}) { id } }', "GRAPHQL_PARSE_FAILED"),
        ('{ user(by: {email: "\\u0000"}) { id } }', "BAD_USER_INPUT"),
        ('{ user(by: {email: "\0"}) { id } }', "BAD_USER_INPUT"),
        ("{ users(first: 99999999999) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ users(first: 1e3) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: String) { users(first: $a) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: Nothing) { users(first: $a) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ users(first: $a) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ users(what: 1) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ users { nodes } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ users { ", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("subscription { users { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_document_that_cannot_be_is_refused_with_its_place(sqlite_trial: Trial, text: str, code: str) -> None:
    ((told, place),) = await sqlite_trial.send(json.dumps({"query": text}))
    assert told == code
    assert place is not None
