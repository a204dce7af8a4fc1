"""Connections on a real socket: clients that hang up, and those that never come to the point."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import pytest
import uvicorn
from uvicorn.server import ServerState

from server.connections import Connection
from tests.gateway import Gateway
from tests.people import Staff
from tests.test_http import setting
from tests.test_waiting import holding, waiting

pytestmark = pytest.mark.anyio

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
TEAMS = "{ users(first: 1) { nodes { teams { nodes { name } } } } }"

# Reading teams takes for ever.
ENDLESS = (
    "ALTER TABLE teams RENAME TO real_teams",
    """
    CREATE VIEW teams AS SELECT real_teams.* FROM real_teams, (
        WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers)
        SELECT max(number) FROM numbers
    )
    """,
)


@dataclass(frozen=True)
class Door:
    """Where a gateway is reached, over a socket."""

    gateway: Gateway
    port: int

    async def send(self, *parts: bytes, pause_s: float = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect and send these bytes, with pauses between."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause_s)
        return reader, writer

    def request(self, document: str, variables: dict[str, Any] | None = None) -> bytes:
        """A whole request."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {self.gateway.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def answer(self, *parts: bytes, pause_s: float = 0) -> tuple[int, Any]:
        """Status and body of what came back until the server closed the connection."""
        reader, writer = await self.send(*parts, pause_s=pause_s)
        with anyio.fail_after(20):
            told = await reader.read()
        writer.close()
        head, _, body = told.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.fixture
async def door(gateway: Gateway) -> AsyncIterator[Door]:
    async with opened(gateway) as found:
        yield found


@pytest.fixture
async def sqlite_door(sqlite_gateway: Gateway) -> AsyncIterator[Door]:
    async with opened(sqlite_gateway) as found:
        yield found


@asynccontextmanager
async def opened(gateway: Gateway) -> AsyncIterator[Door]:
    """The gateway behind uvicorn's protocol, on any free port."""
    config = uvicorn.Config(gateway.application, http=Connection, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    yield Door(gateway, server.sockets[0].getsockname()[1])
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=10)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Until something is so."""
    with anyio.fail_after(20):
        while not await true():  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def in_use(gateway: Gateway) -> bool:
    """Whether a connection to the database is."""
    return any(engine.pool.checkedout() for engine in gateway.database.engines)  # type: ignore[attr-defined]


async def idle(gateway: Gateway) -> bool:
    """Whether none is, and on SQLite no statement runs any more either: nobody reads from the journal."""
    if await in_use(gateway):
        return False
    return not gateway.database.is_sqlite or not await gateway.scalar("PRAGMA wal_checkpoint(TRUNCATE)")


async def test_a_client_that_hangs_up_ends_its_query_on_postgresql(postgres_gateway: Gateway) -> None:
    """The statement under way, in a batch of a loader, is cancelled; the connection serves the next request."""
    await postgres_gateway.staff.hire(teams=[await postgres_gateway.staff.team()])
    async with opened(postgres_gateway) as door:
        async with holding(postgres_gateway, ("LOCK TABLE teams IN ACCESS EXCLUSIVE MODE", {})):
            _, writer = await door.send(door.request(TEAMS))
            await waiting(postgres_gateway)
            writer.close()

            async def nobody_waits() -> bool:
                return not await postgres_gateway.scalar(WAITING)

            await until(nobody_waits)
        await until(partial(idle, postgres_gateway))
        assert (await postgres_gateway.ask(TEAMS))["users"]["nodes"]


async def test_a_client_that_hangs_up_ends_its_query_on_sqlite(sqlite_door: Door) -> None:
    """A statement that would never end is interrupted."""
    gateway = sqlite_door.gateway
    await gateway.staff.hire(teams=[await gateway.staff.team()])
    for statement in ENDLESS:
        await gateway.execute(statement)
    _, writer = await sqlite_door.send(sqlite_door.request(TEAMS))
    await until(partial(in_use, gateway))
    writer.close()
    await until(partial(idle, gateway))
    assert (await gateway.ask("{ users(first: 1) { nodes { id } } }"))["users"]["nodes"]


async def test_a_query_that_takes_too_long_is_ended_too(sqlite_gateway: Gateway) -> None:
    for statement in ENDLESS:
        await sqlite_gateway.execute(statement)
    setting(sqlite_gateway, "graphql", query_timeout_s=0.3)
    await sqlite_gateway.staff.hire()
    assert (await sqlite_gateway.run(TEAMS)).codes == ["TIMEOUT"]
    await until(partial(idle, sqlite_gateway))


async def test_a_client_that_hangs_up_leaves_its_change_to_be_finished(door: Door, staff: Staff) -> None:
    person = await staff.hire()
    document = "mutation ($id: ID!) { deactivateUsers(input: {target: {ids: [$id]}}) { errors { code } } }"
    key = door.gateway.key_parameter(person.key)
    async with holding(door.gateway, ("SELECT id FROM users WHERE id = :key FOR UPDATE", {"key": key})):
        _, writer = await door.send(door.request(document, {"id": person.id}))
        await waiting(door.gateway)
        writer.close()
        await asyncio.sleep(0.1)

    async def done() -> bool:
        return bool(await door.gateway.scalar("SELECT count(*) FROM deactivations"))

    await until(done)
    await until(partial(idle, door.gateway))
    found = await door.gateway.ask("query ($id: ID!) { user(by: {id: $id}) { status } }", {"id": person.id})
    assert found["user"]["status"] == "DEACTIVATED"


async def test_headers_of_any_size_are_not_taken(sqlite_door: Door) -> None:
    """Neither many, nor one without an end; the limit less a kilobyte is."""
    whole = b"GET /livez HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n"
    many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 90) for number in range(400))
    for parts in ((whole + many + b"\r\n",), (whole + b"X-Long: ", *[b"x" * 10_000] * 4)):
        status, told = await sqlite_door.answer(*parts, pause_s=0.001)
        assert (status, told["errors"][0]["extensions"]["code"]) == (431, "BAD_USER_INPUT")
    fits = b"X-Long: " + b"x" * (32_768 - len(whole) - 1_000) + b"\r\n\r\n"
    assert (await sqlite_door.answer(whole + fits))[0] == 200


async def test_headers_behind_a_body_in_chunks_are_not_kept(sqlite_door: Door) -> None:
    """Nobody reads them; too many end the connection."""
    head, _, _ = sqlite_door.request(TEAMS).partition(b"Content-Length")
    reader, writer = await sqlite_door.send(head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
    told = b""
    with anyio.fail_after(20), suppress(ConnectionError):
        for _ in range(100):
            writer.write(b"X-A: " + b"x" * 1_000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        told = await reader.read()
    writer.close()
    assert told == b""  # and not, much later, that the body did not arrive in time


async def test_headers_must_arrive_in_time(sqlite_door: Door) -> None:
    """Whoever says nothing, sends a byte now and then, or line breaks between two requests is not waited for."""
    setting(sqlite_door.gateway, "server", header_timeout_s=0.3)
    head = b"GET /livez HTTP/1.1\r\nHost: gateway.test\r\n"
    for parts in ((), (b"GET /livez HT", b"TP/1.1\r\nX-A: b", b"c"), (b"\r\n", b"\r\n", b"\r\n")):
        status, told = await sqlite_door.answer(*parts, pause_s=0.05)
        assert (status, told["errors"][0]["extensions"]["code"]) == (408, "BAD_USER_INPUT")
    reader, writer = await sqlite_door.send(head + b"\r\n")
    assert (await reader.readline()).split()[1] == b"200"
    writer.write(b"\r\n")
    with anyio.fail_after(20):
        assert b" 408 " in await reader.read()
    writer.close()


async def test_what_is_no_http_is_refused_with_a_code(sqlite_door: Door) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"{ users { id } }\r\n\r\n"):
        status, told = await sqlite_door.answer(nonsense)
        assert (status, told["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")
