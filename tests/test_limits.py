"""What one request may ask for at most: told, refused in one pass, and never in the way of what people ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse

from gql.measure import COUNTING, COUNTING_EVERYBODY, COUNTING_OF_EACH, measure, undeclared_lists
from resolvers.limits import Limits
from server.app import limits_of
from server.settings import GraphqlSettings, ServerSettings, Settings
from tests.gateway import Gateway
from tests.statements import Statements

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parent.parent / "examples"
LIMITS = """
{ viewer { limits {
  maxCost maxDepth maxAliases maxDirectives maxTokens maxDocumentCharacters maxRequestBytes maxQuerySeconds maxPageSize
} } }
"""


def nested(levels: int) -> str:
    """A document of so many levels."""
    document = "id"
    for level in range(levels - 1, 0, -1):
        name = "users" if level == 1 else ("nodes", "teams", "nodes", "members")[(level - 2) % 4]
        document = f"{name}{'' if name == 'nodes' else '(first: 1)'} {{ {document} }}"
    return f"{{ {document} }}"


def aliased(count: int) -> str:
    return "{ viewer { " + " ".join(f"a{number}: kind" for number in range(count)) + " } }"


def aliased_in_fragments(count: int) -> str:
    """The same, by halves in two fragments of one type."""
    names = [f"a{number}: kind" for number in range(count)]
    spread = "{ viewer { ...First ... on Viewer { ...Second } } }"
    first, second = " ".join(names[::2]), " ".join(names[1::2])
    return f"{spread} fragment First on Viewer {{ {first} }} fragment Second on Viewer {{ {second} }}"


def directed(count: int) -> str:
    return "{ viewer { kind " + " ".join(f"...@include(if: true) {{ a{n % 15}: kind }}" for n in range(count)) + " } }"


def defined(count: int) -> str:
    return "{ viewer { kind } }" + "".join(f" query Q{number} {{ viewer {{ kind }} }}" for number in range(count - 1))


def tokened(count: int) -> str:
    return "{ nodes(ids: [" + '"" ' * (count - 12) + "]) { id } }"


def variables(count: int) -> str:
    names = [f"$v{number}: Int" for number in range(count)]
    return f"query Q({', '.join(names)}) {{ viewer {{ kind }} }}"


def lengthy(count: int) -> str:
    return "{ viewer { kind } }".ljust(count)


@pytest.mark.parametrize(
    ("document", "most", "name", "code"),
    [
        (nested, 12, "maxDepth", "DEPTH_LIMIT"),
        (aliased, 15, "maxAliases", "COST_LIMIT"),
        (aliased_in_fragments, 15, "maxAliases", "COST_LIMIT"),
        (directed, 20, "maxDirectives", "COST_LIMIT"),
        (defined, 40, "maxDefinitions", "COST_LIMIT"),
        (variables, 50, "maxVariables", "COST_LIMIT"),
        (tokened, 1_000, "maxTokens", "COST_LIMIT"),
        (lengthy, 20_000, "maxDocumentCharacters", "COST_LIMIT"),
    ],
)
async def test_a_document_at_a_limit_is_taken_and_one_above_is_refused(
    sqlite_gateway: Gateway, document: Callable[[int], str], most: int, name: str, code: str
) -> None:
    """The refusal tells the limit by its name in `viewer.limits`, and what was measured."""
    at = await sqlite_gateway.run(document(most))
    assert not {"COST_LIMIT", "DEPTH_LIMIT"} & set(at.codes), at.errors
    above = await sqlite_gateway.run(document(most + 1), Accept="application/graphql-response+json")
    assert (above.status, above.codes, above.data) == (400, [code], None)
    told = above.errors[0]["extensions"]
    assert (told["limitName"], told["limit"], told["measured"]) == (name, most, most + 1)
    limits = (await sqlite_gateway.ask(LIMITS))["viewer"]["limits"]
    assert limits.get(name, most) == most


async def test_the_limits_are_told(gateway: Gateway) -> None:
    assert (await gateway.ask(LIMITS))["viewer"]["limits"] == {
        "maxCost": 20_000,
        "maxDepth": 12,
        "maxAliases": 15,
        "maxDirectives": 20,
        "maxTokens": 1_000,
        "maxDocumentCharacters": 20_000,
        "maxRequestBytes": 1_048_576,
        "maxQuerySeconds": 10,
        "maxPageSize": 100,
    }


def test_each_limit_is_a_setting() -> None:
    lower = {name: 100 if name == "max_tokens" else 99 for name in GraphqlSettings.model_fields if "max_" in name}
    lower |= {"max_document_characters": 1_001, "max_cost": 101, "query_timeout_s": 3}
    limits = limits_of(
        Settings(graphql=GraphqlSettings(**lower), server=ServerSettings(max_body_bytes=2_000))  # type: ignore[arg-type]
    )
    assert (limits.max_request_bytes, limits.max_query_s) == (2_000, 3)
    for name, value in lower.items():
        assert getattr(limits, name.replace("query_timeout_s", "max_query_s")) == value
    assert limits_of(Settings()) == Limits()


async def test_a_document_that_was_taken_once_is_measured_against_other_limits_too(sqlite_gateway: Gateway) -> None:
    document = aliased(10)
    await sqlite_gateway.ask(document)
    sqlite_gateway.shared.limits = Limits(max_aliases=9)
    assert (await sqlite_gateway.run(document)).codes == ["COST_LIMIT"]


def usage(arguments: str, declared: str = "") -> str:
    """A document that asks for the seats of seven licenses day by day."""
    asked = f"{{ licenses(first: 7) {{ nodes {{ seatUsage({arguments}) {{ granted }} }} }} }}"
    return f"query Q({declared}) {asked}" if declared else asked


@pytest.mark.parametrize(
    ("document", "given", "expected"),
    [
        ("{ viewer { kind } }", {}, 1),
        ("{ __typename }", {}, 0),
        ("{ users { totalCount } }", {}, 1 + COUNTING),
        (
            "{ users { totalCount totalCountPrecision ...T } } fragment T on UserConnection { totalCount }",
            {},
            1 + COUNTING,
        ),
        ("{ users { totalCount hiddenDeactivatedCount } }", {}, 1 + 2 * COUNTING),
        (
            "{ users(first: 7) { nodes { teams { totalCount nodes { id } } } totalCount } }",
            {},
            1 + COUNTING + 7 * (1 + 1 + COUNTING_OF_EACH + 25),
        ),
        ("{ queues(first: 7) { nodes { activeAgentCount } } }", {}, 1 + 7 * (1 + COUNTING_OF_EACH)),
        ("{ userStatistics { total } }", {}, 1 + COUNTING_EVERYBODY),
        ("{ userStatistics { total byStatus { count } } }", {}, 1 + COUNTING_EVERYBODY + 5),
        ("{ userStatistics { byRole { count } byPresence { count } } }", {}, 1 + 2 * COUNTING_EVERYBODY + 5 + 10),
        ("{ users { nodes { id displayName } } }", {}, 1 + 25),
        ("{ users(first: 7) { nodes { id } } }", {}, 1 + 7),
        ("{ users(last: 7) { nodes { id } } }", {}, 1 + 7),
        ("{ users(first: 0) { nodes { id } } }", {}, 1),
        ("{ users(first: 7) { edges { cursor node { id site { id } } } pageInfo { endCursor } } }", {}, 1 + 7 * 2 + 1),
        ("{ users(first: 7) { nodes { teams(first: 3) { nodes { id } } } } }", {}, 1 + 7 * (1 + 1 + 3)),
        ("query Q($n: Int) { users(first: $n) { nodes { id } } }", {"n": 4}, 1 + 4),
        ("query Q($n: Int) { users(first: $n) { nodes { id } } }", {"n": None}, 1 + 25),
        ("query Q($n: Int) { users(first: $n) { nodes { id } } }", {}, 1 + 25),
        ("query Q($n: Int = 9) { users(first: $n) { nodes { id } } }", {}, 1 + 9),
        ("query Q($n: Int = 9) { users(first: $n) { nodes { id } } }", {"n": 4}, 1 + 4),
        ("query Q($n: Int) { users(first: $n) { nodes { id } } }", {"n": 10**400}, 1 + 100),
        ("query Q($n: Int) { users(first: $n) { nodes { id } } }", {"n": "many"}, 1 + 100),
        ("query Q($n: Int) { users(first: $n) { nodes { id } } }", {"n": -(10**9)}, 1),
        ("{ users(first: 5000000000) { nodes { id } } }", {}, 1 + 100),
        (
            "query Q($n: Int, $m: Int) { teams(first: $n) { nodes { members(first: $m) { nodes { id } } } } }",
            {"n": 10, "m": 20},
            1 + 10 * (1 + 1 + 20),
        ),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3),
        ("query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 4}, 4),
        ("{ users(first: 7) { ...Page } } fragment Page on UserConnection { nodes { id } }", {}, 1 + 7),
        ("{ a: users(first: 7) { nodes { id } } b: users(first: 5) { nodes { id } } }", {}, 1 + 7 + 1 + 5),
        ("{ viewer { permissions { permission } } }", {}, 1 + 30),
        (usage('from: "2026-01-01", to: "2026-01-31"'), {}, 1 + 7 * (1 + 31)),
        (usage('from: "2026-01-31", to: "2026-01-01"'), {}, 1 + 7),
        (usage('from: "0001-01-01", to: "9999-12-31"'), {}, 1 + 7 * (1 + 366)),
        (usage("from: $d, to: $d", "$d: Date!"), {"d": "2026-01-01"}, 1 + 7 * 2),
        (usage("from: $d, to: $d", '$d: Date = "2026-01-01"'), {}, 1 + 7 * (1 + 366)),
        (usage("from: $d, to: $d", "$d: Date!"), {"d": 20_260_101}, 1 + 7 * (1 + 366)),
        (usage("from: 1"), {}, 1 + 7 * (1 + 366)),
        ("{ nothing { of { all } this } }", {}, 2),
        ("{ users(first: 9) { ...Loop } } fragment Loop on UserConnection { ...Loop nodes { id } }", {}, 1 + 9),
    ],
)
def test_what_a_document_costs(document: str, given: dict[str, Any], expected: int) -> None:
    content = parse(document)
    [operation, *_] = content.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert measure(content).cost(operation, given) == expected


async def test_what_costs_too_much_is_refused_before_anything_is_asked(
    sqlite_gateway: Gateway, statements: Statements
) -> None:
    """The pages of lists in lists multiply; variables decide, whatever the document was when it was first seen."""
    document = "query Q($n: Int!) { teams(first: $n) { nodes { members(first: $n) { nodes { id } } } } }"
    assert await sqlite_gateway.ask(document, {"n": 3})
    sqlite_gateway.shared.limits = Limits(max_cost=1_000)
    with statements.counting() as counted:
        answer = await sqlite_gateway.run(document, {"n": 31})
    assert answer.codes == ["COST_LIMIT"]
    told = answer.errors[0]["extensions"]
    assert (told["limitName"], told["limit"], told["measured"]) == ("maxCost", 1_000, 1 + 31 * (1 + 1 + 31))
    assert counted.count == 1  # who asks
    assert await sqlite_gateway.ask(document, {"n": 30})


def test_fragments_are_measured_once_however_often_they_are_spread() -> None:
    """Walked at every spread, this one would take longer than anybody lives."""
    fragments = " ".join(
        f"fragment F{n} on User {{ a: site {{ id }} ...F{n + 1} ...F{n + 1} ...F{n + 1} }}" for n in range(38)
    )
    content = parse(f"{{ user(by: {{id: 1}}) {{ ...F0 }} }} {fragments} fragment F38 on User {{ id }}")
    measures = measure(content)
    [operation, *_] = content.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert measures.cost(operation, {}) > 3**37
    assert (measures.aliases, max(one.depth for one in measures.operations.values())) == (1, 3)


async def test_everybody_is_not_counted_as_often_as_one_likes(sqlite_gateway: Gateway, statements: Statements) -> None:
    """Whether in one request or under many names: what counts is refused before it counts."""
    every = "total byStatus { count } byPresence { count } byRole { count }"

    def asked(times: int) -> str:
        return "{" + " ".join(f"a{n}: userStatistics {{ {every} }}" for n in range(times)) + "}"

    assert await sqlite_gateway.ask(asked(6))
    with statements.counting() as counted:
        answer = await sqlite_gateway.run(asked(14))
    assert (answer.codes, counted.count) == (["COST_LIMIT"], 1)


async def test_repeated_fields_are_refused_before_they_are_compared_with_each_other(sqlite_gateway: Gateway) -> None:
    answer = await sqlite_gateway.run("{" + " viewer { kind }" * 240 + " }")
    assert answer.codes == ["COST_LIMIT"]
    assert await sqlite_gateway.ask("{" + " viewer { kind }" * 30 + " }") == {"viewer": {"kind": "API_KEY"}}


async def test_one_document_signs_in_once_at_most(sqlite_gateway: Gateway) -> None:
    field = 'signIn(input: {email: "a@b.example", password: "x", surface: PORTAL}) { token }'
    for document in (
        f"mutation {{ a: {field} b: {field} }}",
        f"mutation {{ ...A b: {field} }} fragment A on Mutation {{ {field} }}",
    ):
        answer = await sqlite_gateway.run(document, token=None)
        assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
        assert "signIn" in answer.errors[0]["message"]


async def test_introspection_has_its_own_rule(gateway: Gateway) -> None:
    """Tools ask more deeply than a question may be, and are answered; what goes in circles is not."""
    every = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    assert (await gateway.ask(every))["__schema"]["types"]
    chain = "name"
    for _ in range(17):
        chain = f"ofType {{ {chain} }}"
    assert (await gateway.run(f'{{ __type(name: "User") {{ {chain} }} }}')).codes == ["DEPTH_LIMIT"]
    circle = "name"
    for _ in range(4):
        circle = f"fields {{ type {{ {circle} }} }}"
    assert (await gateway.run(f"{{ __schema {{ types {{ {circle} }} }} }}")).codes != []


GIVEN = {"first": 50, "teams": 100, "members": 20, "status": "ACTIVE", "ids": [], "id": "", "search": "an"}


@pytest.mark.parametrize(
    "document",
    [*sorted(EXAMPLES.rglob("*.graphql")), None],
    ids=lambda path: "introspection" if path is None else path.stem,
)
def test_examples_and_tools_stay_below_half_of_every_limit(document: Path | None) -> None:
    text = get_introspection_query(schema_description=True) if document is None else document.read_text("utf-8")
    content = parse(text)
    measures, limits = measure(content), Limits()
    for operation in content.definitions:
        if isinstance(operation, OperationDefinitionNode):
            assert measures.cost(operation, GIVEN) <= limits.max_cost / 2, operation.name
            assert measures.operations[id(operation)].depth <= limits.max_depth / 2 + 2
    assert measures.refusal(Limits(max_tokens=500, max_aliases=7, max_directives=10)) is None


def test_the_usual_length_of_every_short_list_is_told() -> None:
    """A list of objects that is neither a page nor in `gql.measure.SHORT_LISTS` would cost anything."""
    assert undeclared_lists() == []


async def test_values_are_counted_before_they_are_read(sqlite_gateway: Gateway) -> None:
    document = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    for ids in ([""] * 20_000, [[""] * 300] * 70):
        answer = await sqlite_gateway.run(document, {"ids": ids})
        assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])
        assert "values" in answer.errors[0]["message"]
    answer = await sqlite_gateway.run(document, {"ids": [","] * 60_000})
    assert "brackets and commas" in answer.errors[0]["message"]
