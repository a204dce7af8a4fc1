"""The audit as a chain of hashes, and as a feed that misses nothing, also where changes end in another order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.check import violations
from models.audit import ActorKind, AuditAction, AuditEvent
from models.storage import table_of
from repositories.audit_chain import audit_horizon, canonical
from repositories.rows import row_class
from resolvers.queued import work_on_next
from tests.changes import bulk
from tests.commands import inside
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import connection as listed
from tests.serving import working
from tests.spoiling import AUDIT_OPEN
from tests.statements import Statements
from worker.audit_chain import LATEST_S, extend_chains, extend_chains_behind

pytestmark = pytest.mark.anyio

FIXED: dict[str, Any] = {
    "sequence": 7,
    "id": UUID(int=1),
    "organization_id": UUID(int=2),
    "occurred_at": datetime(2026, 2, 3, 4, 5, 6, 789, UTC),
    "action": AuditAction.DEACTIVATED,
    "actor_kind": ActorKind.USER,
    "actor_id": UUID(int=3),
    "target_type": "User",
    "target_id": UUID(int=4),
    "target_label": 'Åke \U0001f600 "Q"',
    "target_version": 5,
    "changes": [["status", "ACTIVE", None]],
    "operation_id": None,
    "reason": 2,
    "note": None,
    "request_id": "r",
}


async def chain(gateway: Gateway) -> int:
    """Chain all that can be chained; in how many pieces."""
    pieces = 0
    while await extend_chains(gateway.database):
        pieces += 1
    return pieces


async def links(gateway: Gateway, organization: UUID | None = None) -> list[tuple[int, int, str]]:
    """Position, sequence and digest of each link of an organization."""
    sql = "SELECT position, sequence, digest FROM audit_links WHERE organization_id = :key ORDER BY sequence"
    rows = await gateway.rows(sql, key=gateway.key_parameter(organization or gateway.organization_id))
    return [(row[0], row[1], bytes(row[2]).hex()) for row in rows]


async def sequences(gateway: Gateway, organization: UUID | None = None) -> list[int]:
    """The numbers of the events of an organization."""
    sql = "SELECT sequence FROM audit_events WHERE organization_id = :key ORDER BY sequence"
    rows = await gateway.rows(sql, key=gateway.key_parameter(organization or gateway.organization_id))
    return [row[0] for row in rows]


async def found(gateway: Gateway) -> dict[str, tuple[str, ...]]:
    """What `rosterql check` finds in the audit, with the places that it names."""
    every = await violations(gateway.database)
    return {each.name: each.examples for each in every if each.name.startswith("audit-")}


@asynccontextmanager
async def unlocked(gateway: Gateway) -> AsyncIterator[AsyncConnection]:
    """A transaction of somebody who holds the database and takes the triggers away; undone at the end."""
    async with gateway.database.writer.connect() as connection:
        for statement in AUDIT_OPEN[connection.dialect.name]:
            await connection.execute(text(statement))
        yield connection
        await connection.rollback()


async def test_every_event_gets_a_link_in_the_chain_of_its_organization(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(3)
    other = await gateway.other()
    await other.hire(2)
    await bulk(gateway, "deactivateUsers", people)
    assert await links(gateway) == []

    assert await chain(gateway) == 2
    for organization in (gateway.organization_id, other.organization_id):
        made = await links(gateway, organization)
        assert [(position, sequence) for position, sequence, _ in made] == list(
            enumerate(await sequences(gateway, organization), 1)
        )
        assert len({digest for *_, digest in made}) == len(made)

    before = await links(gateway)
    await bulk(gateway, "reactivateUsers", people)
    assert await chain(gateway) == 1
    assert (await links(gateway))[: len(before)] == before
    assert len(await links(gateway)) == len(before) + 3
    assert await found(gateway) == {}


async def test_a_long_tail_is_chained_in_pieces_of_the_same_work(
    gateway: Gateway, staff: Staff, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.audit_chain.EVENTS_AT_ONCE", 8)
    await staff.hire(20)
    counts = []
    for _ in range(2):
        with statements.counting() as counted:
            assert await extend_chains(gateway.database)
        counts.append(counted.count)
    assert counts[0] == counts[1] <= 8
    await chain(gateway)
    assert len(await links(gateway)) == len(await sequences(gateway))
    assert await found(gateway) == {}


async def test_workers_beside_each_other_make_one_chain(gateway: Gateway, staff: Staff) -> None:
    await staff.hire(20)
    other = await gateway.other()
    await other.hire(20)
    await asyncio.gather(*(chain(gateway) for _ in range(4)))
    await chain(gateway)
    assert len(await links(gateway)) == len(await sequences(gateway))
    assert len(await links(gateway, other.organization_id)) == len(await sequences(gateway, other.organization_id))
    assert await found(gateway) == {}


async def test_the_same_event_has_the_same_form_on_both_databases(gateway: Gateway) -> None:
    """And one that must never change: all chains there are would break."""
    made = row_class(AuditEvent)(**FIXED)
    expected = canonical(made)
    assert (
        expected
        == (
            '[1,7,"00000000000000000000000000000001","00000000000000000000000000000002",1770091506000789,3,0,'
            '"00000000000000000000000000000003","User","00000000000000000000000000000004","Åke \U0001f600 \\"Q\\"",5,'
            '[["status","ACTIVE",null]],null,2,null,"r"]'
        ).encode()
    )
    row = {**FIXED, "organization_id": gateway.organization_id, "sequence": 10_000}

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(table_of(AuditEvent)), [row])

    await gateway.database.change(work)
    monkey = row_class(AuditEvent)(**row)
    read = [event async for event in events(gateway) if event.sequence == 10_000]
    assert [canonical(event) for event in read] == [canonical(monkey)]


async def events(gateway: Gateway) -> AsyncIterator[AuditEvent]:
    """All events as the chain reads them."""
    from sqlalchemy import select

    from repositories.rows import columns, light

    async with gateway.database.reading() as connection:
        for event in light(AuditEvent, await connection.execute(select(*columns(AuditEvent)))):
            yield event


@pytest.mark.parametrize("what", ["changed", "removed", "removed with its link", "inserted", "cut off"])
async def test_what_was_done_past_the_gateway_is_found_and_its_place_named(
    gateway: Gateway, staff: Staff, what: str
) -> None:
    """Z13."""
    await staff.hire(8)
    await chain(gateway)
    numbers = await sequences(gateway)
    third, fourth = numbers[2], numbers[3]
    organization = gateway.organization_id.hex
    gap = 0  # below all numbers: somebody who inserts by hand chooses it
    async with unlocked(gateway) as connection:
        ours = {"key": gateway.key_parameter(gateway.organization_id), "place": third}
        match what:
            case "changed":
                sql = ["UPDATE audit_events SET target_label = 'Nobody' WHERE sequence = :place"]
                expected = {"audit-event-changed": third}
            case "removed":
                sql = ["DELETE FROM audit_events WHERE sequence = :place"]
                expected = {"audit-event-removed": third}
            case "removed with its link":
                sql = [f"DELETE FROM audit_{table} WHERE sequence = :place" for table in ("events", "links")]
                expected = {"audit-event-removed": fourth}
            case "inserted":
                new = "randomblob(16)" if gateway.database.is_sqlite else "gen_random_uuid()"
                named = (
                    "organization_id, occurred_at, action, actor_kind, target_type, target_id, target_label, changes"
                )
                sql = [
                    f"INSERT INTO audit_events (sequence, id, {named}) SELECT {gap}, {new}, {named} "
                    "FROM audit_events WHERE sequence = :place"
                ]
                expected = {"audit-event-inserted": gap}
            case _:
                sql = [f"DELETE FROM audit_{table} WHERE sequence >= :place" for table in ("events", "links")]
                expected = {"audit-chain-end": numbers[-1]}
        for statement in sql:
            bound = {name: value for name, value in ours.items() if f":{name}" in statement}
            assert (await connection.execute(text(statement), bound)).rowcount > 0
        from repositories.invariants import violations_in
        from resolvers.context import utc_now

        named_ = {each.name: each.examples for each in await violations_in(connection, utc_now())}
    places = {name: named_.get(name) for name in expected}
    assert places == {name: (f"{organization}/{place}",) for name, place in expected.items()}
    assert await found(gateway) == {}


async def test_links_are_written_once_like_the_events(gateway: Gateway) -> None:
    await chain(gateway)
    for statement in ("UPDATE audit_links SET position = 9", "DELETE FROM audit_links"):
        with pytest.raises(DBAPIError, match="audit"):
            await gateway.execute(statement)


async def test_what_is_not_chained_yet_is_told(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    await staff.hire(3)
    await chain(gateway)
    chained = len(await sequences(gateway))
    await staff.hire(2)
    told = await inside("check", "--json", folder=tmp_path, url=database_url)
    assert told.last["audit"] == {"chained": chained, "unchained": 2}
    assert f"{chained} chained, 2 not yet" in (await inside("check", folder=tmp_path, url=database_url)).out


async def test_a_worker_chains_what_happens_and_logs_the_last_link(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await staff.hire(3)
    async with working(tmp_path_factory.mktemp("worker"), url=database_url) as worker:
        for _ in range(200):
            if len(await links(gateway)) == len(await sequences(gateway)):
                break
            await asyncio.sleep(0.1)
        worker.tell()
        assert await worker.ended() == 0
    (line,) = [each for each in worker.logged if each["event"] == "audit chained"]
    position, sequence, digest = (await links(gateway))[-1]
    assert (line["length"], line["sequence"], line["digest"]) == (position, sequence, digest)
    assert line["organization"] == gateway.organization_id.hex
    assert await found(gateway) == {}


FEED = "nodes { sequence targetLabel } pageInfo { endCursor hasNextPage }"


async def feed(gateway: Gateway, cursor: str | None, size: int = 100) -> tuple[list[int], str | None]:
    """The numbers of what came after a cursor, and the cursor to go on from."""
    page = await listed(gateway, "auditEvents", FEED, oldestFirst=True, after=cursor, first=size)
    return [int(node["sequence"]) for node in page["nodes"]], page["pageInfo"]["endCursor"] or cursor


async def test_the_feed_goes_on_where_it_was_left(gateway: Gateway, staff: Staff) -> None:
    """Z12, Z13."""
    await staff.hire(5)
    seen: list[int] = []
    cursor = None
    for _ in range(4):
        page, cursor = await feed(gateway, cursor, 2)
        seen += page
    assert seen == await sequences(gateway)
    assert await feed(gateway, cursor) == ([], cursor)
    await staff.hire(2)
    page, cursor = await feed(gateway, cursor)
    assert seen + page == await sequences(gateway)
    latest = await listed(gateway, "auditEvents", FEED)
    refused = await gateway.run(
        "query F($after: String) { auditEvents(oldestFirst: true, after: $after) { totalCount } }",
        {"after": latest["pageInfo"]["endCursor"]},
    )
    assert refused.codes == ["BAD_CURSOR"], "a cursor of the list the other way round"


async def test_what_is_committed_late_is_neither_missed_by_the_feed_nor_by_the_chain(
    postgres_gateway: Gateway,
) -> None:
    """Z12: a change that took its numbers first and ends last."""
    gateway, staff = postgres_gateway, postgres_gateway.staff
    await staff.hire()
    seen, cursor = await feed(gateway, None)
    named = "organization_id, occurred_at, action, actor_kind, target_type, target_id, target_label, changes"
    late = (
        f"INSERT INTO audit_events (id, {named}) SELECT gen_random_uuid(), {named} FROM audit_events "
        "ORDER BY sequence LIMIT 1 RETURNING sequence"
    )
    async with gateway.database.writer.connect() as slow, gateway.database.writer.connect() as undone:
        first = (await slow.execute(text(late))).scalar_one()
        await staff.hire()
        await undone.execute(text(late))
        second = (await slow.execute(text(late))).scalar_one()
        await staff.hire()
        await chain(gateway)

        page, cursor = await feed(gateway, cursor)
        assert page == []
        assert len(await links(gateway)) == len(seen)
        latest = await listed(gateway, "auditEvents", FEED)
        assert int(latest["nodes"][0]["sequence"]) > second, "the list for people shows what is there"

        await slow.commit()
        page, cursor = await feed(gateway, cursor)
        assert page[0] == first
        assert second not in page, "behind the number that the third transaction began at"
        await undone.rollback()
    rest, _ = await feed(gateway, cursor)
    await chain(gateway)
    assert seen + page + rest == await sequences(gateway) == [sequence for _, sequence, _ in await links(gateway)]
    assert await found(gateway) == {}


async def test_a_transaction_holds_one_lock_however_many_events_it_writes(postgres_gateway: Gateway) -> None:
    gateway = postgres_gateway
    rows = [
        {**FIXED, "id": UUID(int=1_000 + number), "organization_id": gateway.organization_id} for number in range(300)
    ]
    for row in rows:
        del row["sequence"]
    async with gateway.database.writer.connect() as connection:
        async with gateway.database.reading() as reading:
            before = await audit_horizon(reading)
        await connection.execute(insert(table_of(AuditEvent)), rows)
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert await gateway.scalar(locks) == 1
        async with gateway.database.reading() as reading:
            assert await audit_horizon(reading) == before
        await connection.rollback()
        part = await connection.begin_nested()  # a dry run, say: what it wrote is taken back, its lock let go
        await connection.execute(insert(table_of(AuditEvent)), rows[:1])
        await part.rollback()
        assert await gateway.scalar(locks) == 0
        await connection.execute(insert(table_of(AuditEvent)), rows[:1])
        assert await gateway.scalar(locks) == 1
        await connection.rollback()
    assert await gateway.scalar(locks) == 0


async def test_chains_wait_for_an_operation_that_is_at_work_but_not_for_ever(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large operation is not held up by what can be done after it."""
    monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=1))
    database = gateway.database
    while await extend_chains(database):  # what happened when Acme was made, at the beginning of all tests
        pass
    people = [await gateway.staff.hire() for _ in range(2)]
    asked = await bulk(gateway, "deactivateUsers", people)
    assert asked.operation["status"] == "QUEUED"
    assert not await extend_chains_behind(database)
    assert await extend_chains_behind(database, now=lambda: datetime.now(UTC) + timedelta(seconds=LATEST_S + 1))
    while await work_on_next(database):
        pass
    assert await extend_chains_behind(database)
