"""What is kept long enough is forgotten, in batches, and the audit never is."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from cli.check import violations
from resolvers.context import utc_now
from resolvers.retention import Retention
from tests.changes import bulk
from tests.gateway import SIGN_IN, Gateway
from tests.people import Staff
from tests.statements import Statements
from worker.retention import forgetting, forgotten

pytestmark = pytest.mark.anyio

TABLES = ("bulk_operation_items", "sessions", "outbox_events", "sign_in_failures", "idempotency_keys")
KEPT = ("audit_events", "bulk_operations", "users", "call_records", "deactivations")
OPERATION = """
query Operation($id: ID!) {
  bulkOperation(id: $id) { expiresAt finishedAt totals { succeeded } items { totalCount nodes { key } } }
}
"""


@pytest.fixture
async def operation(gateway: Gateway, staff: Staff) -> str:
    """The id of an operation; there are sessions, calls and a failed attempt to sign in too."""
    people = await staff.hire(5, teams=[await staff.team()])
    for person in people[:2]:
        await gateway.sign_in(person)
        await staff.call(person)
    wrong = {"email": people[3].email, "password": "no password of any", "surface": "PORTAL"}
    await gateway.ask(SIGN_IN, {"input": wrong}, token=None)
    await gateway.sign_in(people[4])
    done = await bulk(gateway, "deactivateUsers", people[:4], idempotencyKey="once")
    return str(done.operation["id"])


async def counted(gateway: Gateway, *tables: str) -> dict[str, int]:
    return {table: await gateway.scalar(f"SELECT count(*) FROM {table}") for table in tables}


async def after(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, **later: Any) -> int:
    """Forget what is to be forgotten when so much time has passed; in how many runs."""
    now = utc_now()
    monkeypatch.setattr("worker.retention.utc_now", lambda: now + timedelta(**later))
    runs = 1
    forget = forgetting(Retention())
    while await forget(gateway.database):
        runs += 1
    return runs


async def test_each_kind_is_forgotten_at_its_time_and_the_audit_never(
    gateway: Gateway, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await counted(gateway, *KEPT)
    whole = await counted(gateway, *TABLES)
    assert all(whole.values())
    gone: set[str] = set()
    for later, what in (
        ({"hours": 23}, ()),
        ({"hours": 25}, ("sign_in_failures", "idempotency_keys")),
        ({"days": 29}, ()),
        ({"days": 31}, ("outbox_events",)),
        ({"days": 96}, ()),
        ({"days": 98}, ("sessions",)),
        ({"days": 399}, ()),
        ({"days": 401}, ("bulk_operation_items",)),
    ):
        await after(gateway, monkeypatch, **later)
        gone |= set(what)
        found = await counted(gateway, *TABLES)
        assert found == {table: 0 if table in gone else count for table, count in whole.items()}, later
    assert await counted(gateway, *KEPT) == kept
    assert await violations(gateway.database) == []


async def test_an_operation_says_until_when_its_items_are_kept_and_keeps_its_totals(
    gateway: Gateway, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await gateway.ask(OPERATION, {"id": operation}))["bulkOperation"]
    assert before["items"]["totalCount"] == 4
    until, finished = (datetime.fromisoformat(before[name]) for name in ("expiresAt", "finishedAt"))
    assert until - finished == timedelta(days=400)
    await after(gateway, monkeypatch, days=401)
    told = (await gateway.ask(OPERATION, {"id": operation}))["bulkOperation"]
    assert told == {**before, "items": {"totalCount": 0, "nodes": []}}


async def test_much_is_forgotten_in_batches_between_which_all_holds(
    gateway: Gateway, staff: Staff, operation: str, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.retention.ROWS_AT_ONCE", 3)
    await bulk(gateway, "reactivateUsers", await staff.hire(5))
    later = utc_now() + timedelta(days=401)
    monkeypatch.setattr("worker.retention.utc_now", lambda: later)
    forget = forgetting(Retention())
    counts, left = [], [await counted(gateway, *TABLES)]
    more = True
    while more:
        with statements.counting() as asked:
            more = await forget(gateway.database)
        counts.append(asked.count)
        left.append(await counted(gateway, *TABLES))
        assert await violations(gateway.database) == []
    assert set(counts) == {len(forgotten(Retention())) + 1}
    assert not any(left[-1].values())
    for earlier, now in itertools.pairwise(left):
        assert all(0 <= earlier[table] - now[table] <= 3 for table in TABLES)
    assert len(left) > 4


async def test_items_of_an_operation_that_ended_late_stay(
    gateway: Gateway, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduled one, say: what counts is when it was finished, not when it was made."""
    now = (utc_now() + timedelta(days=300)).replace(microsecond=0)
    value: Any = now if not gateway.database.is_sqlite else int(now.timestamp()) * 1_000_000
    await gateway.execute("UPDATE bulk_operations SET finished_at = :now", now=value)
    await after(gateway, monkeypatch, days=401)
    assert (await counted(gateway, "bulk_operation_items"))["bulk_operation_items"] == 4
    await after(gateway, monkeypatch, days=701)
    assert (await counted(gateway, "bulk_operation_items"))["bulk_operation_items"] == 0
