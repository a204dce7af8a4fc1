"""GraphQL over HTTP: what is taken, what is answered, and what a caller never gets to see (rules R1 and H1)."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.changes import ask_bulk
from tests.databases import PostgresServer
from tests.gateway import Gateway
from tests.people import Staff

pytestmark = pytest.mark.anyio

JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
VIEWER = "{ viewer { kind } }"
ANSWERED = {"data": {"viewer": {"kind": "API_KEY"}}}


def setting(gateway: Gateway, section: str, **values: Any) -> None:
    """Change settings of a gateway that runs."""
    settings = gateway.shared.settings
    changed = getattr(settings, section).model_copy(update=values)
    gateway.shared.settings = settings.model_copy(update={section: changed})


async def post(gateway: Gateway, content: Any, **headers: str) -> httpx2.Response:
    """Send a body as it is, with the key of the gateway."""
    sent = {"Authorization": f"Bearer {gateway.token}", "Content-Type": JSON}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await gateway.client.post("/graphql", content=content, headers=sent)


async def get(gateway: Gateway, parameters: dict[str, str], **headers: str) -> httpx2.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gateway.client.get("/graphql", params=parameters, headers=sent)


def body(document: str = VIEWER, **others: Any) -> bytes:
    return json.dumps({"query": document, **others}).encode()


def refused(response: httpx2.Response, status: int, code: str = "BAD_USER_INPUT") -> str:
    """What was said, once it is sure that it was said in the form of GraphQL, with the request's id."""
    assert response.status_code == status, response.text
    [error] = response.json()["errors"]
    assert "data" not in response.json()
    assert error["extensions"]["code"] == code
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(error["message"])


async def piecewise(*pieces: bytes, pause_s: float = 0) -> AsyncIterator[bytes]:
    """A body whose length nobody told."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(pause_s)


class Absence:
    """The database goes away, and comes back as it was."""

    def __init__(self, gateway: Gateway, server: PostgresServer | None) -> None:
        self._database = gateway.database
        self._server = server

    async def begin(self) -> None:
        """SQLite's folder is not mounted any more; PostgreSQL has another name, and ends every connection."""
        if self._server is None:
            await self._database.close()
            self._folder.rename(self._elsewhere)
            return
        await self._administer(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'",
            f"ALTER DATABASE {self._name} RENAME TO {self._name}_gone",
        )

    async def end(self) -> None:
        if self._server is None:
            self._elsewhere.rename(self._folder)
        else:
            await self._administer(f"ALTER DATABASE {self._name}_gone RENAME TO {self._name}")

    async def _administer(self, *statements: str) -> None:
        assert self._server is not None
        for statement in statements:
            await asyncio.to_thread(self._server.administer, statement)

    @property
    def _name(self) -> str:
        return str(self._database.url.database)

    @property
    def _folder(self) -> Path:
        assert self._database.path is not None
        return self._database.path.parent

    @property
    def _elsewhere(self) -> Path:
        return self._folder.with_name("elsewhere")


@pytest.fixture
def absence(gateway: Gateway, request: pytest.FixtureRequest) -> Absence:
    """Takes the database of the gateway away."""
    return Absence(gateway, None if gateway.database.is_sqlite else request.getfixturevalue("_postgres"))


async def test_a_query_is_taken_as_post_and_as_get(gateway: Gateway) -> None:
    document = "query Q($first: Int) { users(first: $first) { nodes { displayName } } }"
    expected = {"data": {"users": {"nodes": [{"displayName": "Ada Admin"}]}}}
    variables, bearer = {"first": 1}, f"Bearer {gateway.token}"
    posted = await post(gateway, body(document, variables=variables, operationName="Q", extensions={}))
    parameters = {"query": document, "variables": json.dumps(variables), "operationName": "Q"}
    got = await get(gateway, parameters, Authorization=bearer)
    for response in (posted, got):
        assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("*/*", JSON),
        ("", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        ("text/html, Application/JSON;q=0.9", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON};q=0.9", GRAPHQL_JSON),
    ],
)
async def test_the_answer_comes_in_the_media_type_that_was_asked_for(gateway: Gateway, accept: str, type_: str) -> None:
    response = await post(gateway, body(), Accept=accept)
    assert (response.status_code, response.json()) == (200, ANSWERED)
    assert response.headers["content-type"] == f"{type_}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/event-stream", "image/*"])
async def test_other_media_types_are_not_to_be_had(gateway: Gateway, accept: str) -> None:
    response = await post(gateway, body(), Accept=accept)
    assert GRAPHQL_JSON in refused(response, 406)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ viewer {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { kind } } query B { viewer { kind } }", "OPERATION_RESOLUTION_FAILURE"),
        ("fragment F on Viewer { kind }", "OPERATION_RESOLUTION_FAILURE"),
        ("query Q($first: Int!) { users(first: $first) { nodes { id } } }", "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_run_is_200_in_json_and_400_in_the_media_type_of_graphql(
    gateway: Gateway, document: str, code: str
) -> None:
    if code == "OPERATION_RESOLUTION_FAILURE" and document.startswith("fragment"):
        document += " query A { viewer { ...F } } query B { viewer { ...F } }"
    for accept, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
        assert refused(await post(gateway, body(document), Accept=accept), status, code)


async def test_of_several_operations_the_named_one_runs(gateway: Gateway) -> None:
    document = "query A { viewer { kind } } query B { a: viewer { kind } }"
    response = await post(gateway, body(document, operationName="B"))
    assert response.json() == {"data": {"a": {"kind": "API_KEY"}}}
    assert refused(await post(gateway, body(document, operationName="C")), 200, "OPERATION_RESOLUTION_FAILURE")


async def test_strangers_are_told_so_in_either_media_type(gateway: Gateway) -> None:
    for accept in (JSON, GRAPHQL_JSON):
        response = await post(gateway, body(), Accept=accept, Authorization="Bearer nobody")
        assert (response.status_code, response.json()["data"]) == (200, {"viewer": None})
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["UNAUTHENTICATED"]
        shape = body("{ __schema { queryType { name } } }")
        assert refused(await post(gateway, shape, Accept=accept, Authorization=""), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"])
async def test_other_methods_are_told_which_are_taken(gateway: Gateway, method: str) -> None:
    response = await gateway.client.request(method, "/graphql", content=body())
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_a_get_that_any_page_could_send_is_refused(gateway: Gateway) -> None:
    assert "GraphQL-Require-Preflight" in refused(await get(gateway, {"query": VIEWER}), 400)
    stranger = await get(gateway, {"query": VIEWER}, GraphQL_Require_Preflight="1")
    assert stranger.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    typed = {"query": "{ __typename }"}
    for header in ("GraphQL_Require_Preflight", "Apollo_Require_Preflight"):
        assert (await get(gateway, typed, **{header: ""})).json() == {"data": {"__typename": "Query"}}


async def test_a_get_never_changes_anything(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    change = f'mutation M {{ deactivateUsers(input: {{target: {{ids: ["{person.id}"]}}}}) {{ errors {{ code }} }} }}'
    for sent in ({"query": change}, {"query": f"{change} query Q {VIEWER}", "operationName": "M"}):
        for accept in (JSON, GRAPHQL_JSON):
            response = await get(gateway, sent, Authorization=f"Bearer {gateway.token}", Accept=accept)
            assert response.headers["allow"] == "POST"
            refused(response, 405)
    assert await gateway.scalar("SELECT count(*) FROM bulk_operations") == 0
    found = await gateway.ask("query U($id: ID!) { user(by: {id: $id}) { status } }", {"id": person.id})
    assert found == {"user": {"status": "ACTIVE"}}
    assert (await post(gateway, body(change))).json() == {"data": {"deactivateUsers": {"errors": []}}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"true",
        b"7",
        b"-1.5e3",
        b'"{ viewer { kind } }"',
        b"[]",
        b"{}",
        b"{",
        b"query",
        b"query={viewer{kind}}",
        b"\x00",
        b"\xff\xfe{}",
        b'{"query": "{ viewer { kind } }\xff"}',
        '{"query": "{ viewer { kind } }"}'.encode("utf-16"),
        b"\xef\xbb\xbf" + body(),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"query": "{ viewer { kind } }", "variables": ' + b"[" * 100 + b"]" * 100 + b"}",
        '["\u2200",'.encode("utf-16-le") + ("[" * 100_000).encode("utf-16-le"),
        b'{"query": "{ viewer { kind } }", "variables": {"n": ' + b"9" * 5_000 + b"}}",
        b'{"query": "{ viewer { kind } }", "variables": {"n": NaN}}',
        b'{"query": 7}',
        b'{"query": null}',
        b'{"query": ["{ viewer { kind } }"]}',
        b'{"query": "{ viewer { kind } }", "variables": "{}"}',
        b'{"query": "{ viewer { kind } }", "variables": []}',
        b'{"query": "{ viewer { kind } }", "operationName": 7}',
        b'{"query": "{ viewer { kind } }", "extensions": "none"}',
        b'{"query": "{ viewer { kind } }", "extensions": 0}',
        b'{"query": "{ viewer { kind } }", "extensions": ""}',
        b'{"query": "{ viewer { kind } }", "extensions": []}',
        gzip.compress(body(), mtime=0),
    ],
    ids=lambda content: repr(content[:36]),
)
async def test_a_body_that_is_no_request_is_refused_in_words(sqlite_gateway: Gateway, content: bytes) -> None:
    for accept in (JSON, GRAPHQL_JSON):
        assert refused(await post(sqlite_gateway, content, Accept=accept), 400)


async def test_batches_are_refused_whole(gateway: Gateway) -> None:
    batch = b"[" + body() + b"," + body() + b"]"
    assert "batches" in refused(await post(gateway, batch), 400)


async def test_parameters_that_are_no_request_are_refused_in_words(sqlite_gateway: Gateway) -> None:
    for wrong in (
        {},
        {"query": ""},
        {"query": VIEWER, "variables": "{"},
        {"query": VIEWER, "variables": "[1]"},
        {"query": VIEWER, "variables": "[" * 5_000},
        {"query": VIEWER, "extensions": "7"},
    ):
        response = await get(sqlite_gateway, wrong, Authorization=f"Bearer {sqlite_gateway.token}", Accept=GRAPHQL_JSON)
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED")


@pytest.mark.parametrize("piece", [b'\\"', b'"', b'"\\', b"\\", b'"[', b"{}"])
async def test_a_body_of_any_bytes_is_judged_at_once(sqlite_gateway: Gateway, piece: bytes) -> None:
    """Time grows with the length alone; with its square, a megabyte would take minutes of everybody."""
    content = b'{"a' + piece * (1_000_000 // len(piece))
    began = time.perf_counter()
    assert refused(await post(sqlite_gateway, content), 400)
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "application/jsonp"},
        {"Content_Type": "application/graphql"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "multipart/form-data; boundary=x"},
        {"Content_Type": "text/plain"},
        {"Content_Type": ""},
        {"Content_Type": "application/json; charset=iso-8859-1"},
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": "br"},
    ],
    ids=str,
)
async def test_bodies_in_another_form_are_refused(sqlite_gateway: Gateway, headers: dict[str, str]) -> None:
    assert refused(await post(sqlite_gateway, body(), **headers), 415)


async def test_a_body_without_a_content_type_is_refused(sqlite_gateway: Gateway) -> None:
    bearer = {"Authorization": f"Bearer {sqlite_gateway.token}"}
    request = sqlite_gateway.client.build_request("POST", "/graphql", content=body(), headers=bearer)
    assert "content-type" not in request.headers
    assert refused(await sqlite_gateway.client.send(request), 415)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"', JSON])
async def test_json_may_say_that_it_is_in_utf_8(sqlite_gateway: Gateway, kind: str) -> None:
    assert (await post(sqlite_gateway, body(), Content_Type=kind)).json() == ANSWERED


async def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_told(sqlite_gateway: Gateway) -> None:
    setting(sqlite_gateway, "server", max_body_bytes=2_000)
    whole = body().ljust(2_000)
    assert (await post(sqlite_gateway, whole)).json() == ANSWERED
    assert (await post(sqlite_gateway, piecewise(whole[:1_000], whole[1_000:]))).json() == ANSWERED
    for content in (whole + b" ", piecewise(whole, b" ")):
        response = await post(sqlite_gateway, content)
        assert "2,000" in refused(response, 413)
        assert response.headers["connection"] == "close"


async def test_no_more_of_a_body_is_read_than_the_limit(sqlite_gateway: Gateway) -> None:
    setting(sqlite_gateway, "server", max_body_bytes=2_000)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1_000
            yield b" " * 1_000

    assert refused(await post(sqlite_gateway, endless()), 413)
    assert read <= 4_000
    assert refused(await post(sqlite_gateway, b"", Content_Length="9" * 30), 413)


async def test_a_body_that_does_not_arrive_is_waited_for_no_longer(sqlite_gateway: Gateway) -> None:
    setting(sqlite_gateway, "server", body_timeout_s=0.05)
    response = await post(sqlite_gateway, piecewise(body()[:10], body()[10:], pause_s=0.2))
    assert "in time" in refused(response, 408)
    assert response.headers["connection"] == "close"


async def test_nothing_is_kept_by_caches(gateway: Gateway) -> None:
    for response in (
        await post(gateway, body()),
        await post(gateway, b"["),
        await get(gateway, {"query": VIEWER}, Authorization=f"Bearer {gateway.token}"),
        await gateway.client.put("/graphql"),
    ):
        assert response.headers["cache-control"] == "private, no-store"
    for address in ("/livez", "/readyz"):
        response = await gateway.client.get(address)
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


async def test_a_request_keeps_its_id_through_answer_errors_and_log(gateway: Gateway) -> None:
    with capture_logs() as logged:
        answered = await post(gateway, body(), X_Request_Id="Trace-1.2_3")
        failed = await post(gateway, b"[]", X_Request_Id="x" * 64)
        made = [await post(gateway, body()) for _ in range(2)]
    assert answered.headers["x-request-id"] == "Trace-1.2_3"
    assert failed.headers["x-request-id"] == failed.json()["errors"][0]["extensions"]["requestId"] == "x" * 64
    ids = {response.headers["x-request-id"] for response in made}
    assert len(ids) == 2
    lines = [line for line in logged if line["event"] == "request"]
    assert [line["request_id"] for line in lines[:2]] == ["Trace-1.2_3", "x" * 64]
    assert {line["request_id"] for line in lines[2:]} == ids
    assert [(line["status"], line["codes"], line["caller"]) for line in lines[:2]] == [
        (200, [], "API_KEY"),
        (400, ["BAD_USER_INPUT"], None),
    ]


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "a;b", 'a"b', "é", "a\tb"])
async def test_an_id_that_is_not_fit_for_a_log_is_replaced(sqlite_gateway: Gateway, given: str) -> None:
    sent = {"X-Request-Id": given.encode(), "Content-Type": JSON}
    response = await sqlite_gateway.client.post("/graphql", content=b"[]", headers=sent)
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    assert response.headers["x-request-id"] == response.json()["errors"][0]["extensions"]["requestId"]


async def test_a_query_that_takes_too_long_is_cut_off(gateway: Gateway) -> None:
    setting(gateway, "graphql", query_timeout_s=1e-6)
    assert refused(await post(gateway, body("{ users { nodes { teams { nodes { name } } } } }")), 504, "TIMEOUT")
    setting(gateway, "graphql", query_timeout_s=10)
    assert (await post(gateway, body())).json() == ANSWERED
    assert [engine.pool.checkedout() for engine in gateway.database.engines] == [0] * len(gateway.database.engines)


async def test_a_query_that_waits_in_the_database_is_cut_off_too(postgres_gateway: Gateway) -> None:
    gateway = postgres_gateway
    document = "{ teams { nodes { name } } }"
    setting(gateway, "graphql", query_timeout_s=0.2)
    async with gateway.database.writer.begin() as connection:
        await connection.execute(text("LOCK TABLE teams IN ACCESS EXCLUSIVE MODE"))
        assert refused(await post(gateway, body(document)), 504, "TIMEOUT")
    assert (await post(gateway, body(document))).json() == {"data": {"teams": {"nodes": []}}}
    assert gateway.database.writer.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_change_is_never_cut_off(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(3)
    setting(gateway, "graphql", query_timeout_s=1e-6)
    answer = await ask_bulk(gateway, "deactivateUsers", people)
    assert (answer.status, answer.errors) == (200, [])
    assert answer.data["deactivateUsers"]["operation"]["totals"]["succeeded"] == 3


# What a database, its driver or Python would say, in any spelling.
INTERNAL_WORDS = re.compile(
    r"memberships|api_keys|moved|select |sql|asyncpg|relation|no such|does not exist|traceback|\.py|unable to|connect",
    re.IGNORECASE,
)


async def test_a_fault_of_ours_is_masked_and_logged_once(gateway: Gateway, staff: Staff) -> None:
    """However many fields fail of it; what did not fail is answered."""
    await staff.hire(5)
    await gateway.execute("ALTER TABLE memberships RENAME TO moved")
    document = "{ users { nodes { displayName teams { edges { node { name } } } } } viewer { kind } }"
    with capture_logs() as logged:
        response = await post(gateway, body(document), X_Request_Id="lost-table")
    assert not INTERNAL_WORDS.search(response.text), response.text
    assert response.json()["data"]["viewer"] == {"kind": "API_KEY"}
    errors = response.json()["errors"]
    assert {(error["extensions"]["code"], error["extensions"]["requestId"]) for error in errors} == {
        ("INTERNAL", "lost-table")
    }
    [fault] = [line for line in logged if line["log_level"] == "error"]
    assert fault["request_id"] == "lost-table"
    assert "memberships" in str(fault["exc_info"])
    assert (await post(gateway, body())).json() == ANSWERED


async def test_a_fault_before_anything_runs_is_masked_too(gateway: Gateway) -> None:
    await gateway.execute("ALTER TABLE api_keys RENAME TO moved")
    with capture_logs() as logged:
        response = await post(gateway, body())
    refused(response, 500, "INTERNAL")
    assert not INTERNAL_WORDS.search(response.text), response.text
    assert len([line for line in logged if line["log_level"] == "error"]) == 1
    await gateway.execute("ALTER TABLE moved RENAME TO api_keys")
    assert (await post(gateway, body())).json() == ANSWERED


async def test_while_the_database_is_gone_the_process_lives_and_serves_again_after_its_return(
    gateway: Gateway, absence: Absence
) -> None:
    mutation = 'mutation { deactivateUsers(input: {target: {ids: ["x"]}}) { errors { code } } }'
    await absence.begin()
    for document in (VIEWER, mutation):
        with capture_logs() as logged:
            response = await post(gateway, body(document))
        refused(response, 503, "INTERNAL")
        assert not INTERNAL_WORDS.search(response.text), response.text
        assert [line["log_level"] for line in logged if line["event"] != "request"] == ["warning"]
    ready = await gateway.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "database unavailable"})
    assert (await gateway.client.get("/livez")).status_code == 200

    await absence.end()

    assert (await post(gateway, body())).json() == ANSWERED
    assert (await gateway.client.get("/readyz")).status_code == 200
    assert (await ask_bulk(gateway, "deactivateUsers", [await gateway.staff.hire()])).errors == []


async def test_other_addresses_hold_nothing(gateway: Gateway) -> None:
    for address in ("/", "/graphql/", "/graphql/x", "/graphqlx", "/docs", "/.env"):
        response = await gateway.client.get(address)
        assert (response.status_code, response.json()) == (404, {"status": "there is nothing here"})
