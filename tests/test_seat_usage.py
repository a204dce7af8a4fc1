"""The seats of a license day by day: how many were granted when a day ended, how many at most, and of how many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.license import SeatLedgerEntry
from resolvers.context import utc_now
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.statements import Statements

pytestmark = pytest.mark.anyio

USAGE = """
query Usage($id: ID!, $from: Date!, $to: Date!) {
  license(id: $id) { seatUsage(from: $from, to: $to) { date granted peak pool } }
}
"""
Row = tuple[str, int, int, int | None]


async def usage(gateway: Gateway, license: Thing, first: str, last: str) -> list[Row]:
    """Date, granted, peak and pool of each day."""
    found = await gateway.ask(USAGE, {"id": license.id, "from": first, "to": last})
    return [tuple(day.values()) for day in found["license"]["seatUsage"]]


async def refused(gateway: Gateway, license: Thing, first: str, last: str) -> tuple[list[str], Any, Any]:
    """Codes, place and limit."""
    answer = await gateway.run(USAGE, {"id": license.id, "from": first, "to": last})
    extensions = answer.errors[0]["extensions"]
    return answer.codes, extensions.get("argumentPath"), extensions.get("limit")


async def write(staff: Staff, license: Thing, *entries: tuple[str, int, int | None]) -> None:
    """Put changes into the ledger: when, how many are granted then, of how many."""
    await staff.insert(
        SeatLedgerEntry,
        *(
            {"license_id": license.key, "at": datetime.fromisoformat(at), "granted_after": granted, "pool": pool}
            for at, granted, pool in entries
        ),
    )


async def move(gateway: Gateway, zone: str) -> None:
    """Let the organization be in a time zone."""
    await gateway.execute("UPDATE organizations SET time_zone = :zone", zone=zone)


async def test_a_day_tells_its_end_and_its_peak_and_one_without_a_change_is_as_the_one_before(
    gateway: Gateway, staff: Staff
) -> None:
    """Z10."""
    license = await staff.license("Counted", seats=20)
    await write(
        staff,
        license,
        ("2026-03-01T08:00Z", 4, 10),
        ("2026-03-03T08:00Z", 9, 10),
        ("2026-03-03T09:00Z", 2, 10),
        ("2026-03-05T08:00Z", 1, 12),
        ("2026-03-06T00:00Z", 3, None),
    )
    assert await usage(gateway, license, "2026-02-28", "2026-03-07") == [
        ("2026-02-28", 0, 0, 10),
        ("2026-03-01", 4, 4, 10),
        ("2026-03-02", 4, 4, 10),
        ("2026-03-03", 2, 9, 10),
        ("2026-03-04", 2, 2, 10),
        ("2026-03-05", 1, 2, 12),
        ("2026-03-06", 3, 3, None),
        ("2026-03-07", 3, 3, None),
    ]
    assert await usage(gateway, license, "2026-03-04", "2026-03-05") == [
        ("2026-03-04", 2, 2, 10),
        ("2026-03-05", 1, 2, 12),
    ]
    assert await usage(gateway, license, "2026-02-01", "2026-02-01") == [("2026-02-01", 0, 0, 10)]
    assert await usage(gateway, license, "0001-01-01", "0001-01-01") == [("0001-01-01", 0, 0, 10)]


async def test_what_was_never_granted_has_the_seats_that_it_has_now(gateway: Gateway, staff: Staff) -> None:
    """Z10."""
    license = await staff.license("Never", seats=7)
    assert await usage(gateway, license, "2026-03-01", "2026-03-02") == [
        ("2026-03-01", 0, 0, 7),
        ("2026-03-02", 0, 0, 7),
    ]


async def test_a_day_begins_where_the_organization_is(gateway: Gateway, staff: Staff) -> None:
    """Z10: also where its midnight is skipped by the clock, as in Santiago on 6 September 2026."""
    license = await staff.license("Counted")
    await write(
        staff,
        license,
        ("2026-03-01T22:59Z", 1, None),
        ("2026-03-01T23:00Z", 2, None),
        ("2026-09-06T03:59Z", 3, None),
        ("2026-09-06T04:00Z", 4, None),
    )

    async def granted(*days: str) -> list[int]:
        return [row[1] for row in await usage(gateway, license, days[0], days[-1])]

    assert await granted("2026-02-28", "2026-03-01") == [0, 2]
    await move(gateway, "Europe/Berlin")
    assert await granted("2026-02-28", "2026-03-01") == [0, 1]
    await move(gateway, "Pacific/Kiritimati")
    assert await granted("2026-02-28", "2026-03-02") == [0, 0, 2]
    await move(gateway, "America/Santiago")
    assert await granted("2026-09-05", "2026-09-06") == [3, 4]


async def test_today_is_told_as_it_is_now_and_no_day_after_it(gateway: Gateway, staff: Staff) -> None:
    """E3, Z10: what a deactivation frees and a reactivation takes is in the ledger."""
    license = await staff.license("Counted", seats=5)
    hired_at = utc_now() - timedelta(days=2)
    people = await staff.hire(3, licenses=[license], at=hired_at)
    zone = ZoneInfo(f"Etc/GMT{utc_now().hour - 12:+d}")  # where it is noon
    await move(gateway, zone.key)
    await bulk(gateway, "deactivateUsers", people)
    await bulk(gateway, "reactivateUsers", people[:1])
    now = datetime.now(UTC).astimezone(zone).date()
    week = [str(now + timedelta(days=days)) for days in (-1, 7)]
    *_, today = await usage(gateway, license, *week)
    assert today == (str(now), 1, 3, 5)
    assert await usage(gateway, license, str(now + timedelta(days=1)), str(now + timedelta(days=2))) == []


async def test_a_change_that_comes_second_does_not_stand_before_the_first(gateway: Gateway, staff: Staff) -> None:
    """Z10: when it began may be before what it waited for; the ledger stands in the order of time."""
    license = await staff.license("Counted", seats=5)
    people = await staff.hire(2, licenses=[license], at=utc_now() + timedelta(minutes=1))
    await bulk(gateway, "deactivateUsers", people[:1])
    document = "SELECT at, granted_after FROM seat_ledger ORDER BY sequence"
    (first, before), (second, after) = await gateway.rows(document)
    assert (before, after) == (2, 1)
    assert second == first


async def test_a_year_of_days_is_told_and_no_more(gateway: Gateway, staff: Staff) -> None:
    """Z10."""
    license = await staff.license("Counted", seats=5)
    year = await usage(gateway, license, "2024-01-01", "2024-12-31")
    assert (len(year), year[0][0], year[-1][0]) == (366, "2024-01-01", "2024-12-31")
    assert await refused(gateway, license, "2023-12-31", "2024-12-31") == (["BAD_USER_INPUT"], ["to"], 366)
    assert await refused(gateway, license, "0001-01-01", "9999-12-31") == (["BAD_USER_INPUT"], ["to"], 366)
    assert await refused(gateway, license, "2024-01-02", "2024-01-01") == (["BAD_USER_INPUT"], ["to"], None)
    assert await usage(gateway, license, "9999-01-01", "9999-12-31") == []


async def test_the_days_of_many_licenses_take_three_statements(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    """The organization for its time zone, what was before the days, and the days."""
    licenses = [await staff.license(f"L{number}", seats=number) for number in range(6)]
    for license in licenses:
        await write(staff, license, ("2026-03-02T08:00Z", 1, 9))
    document = """
    query Usage($ids: [ID!]!) {
      nodes(ids: $ids) { ... on License { seatUsage(from: "2026-03-01", to: "2026-03-03") { granted } } }
    }
    """
    counts = []
    for some in (licenses[:1], licenses):
        with statements.counting() as counted:
            found = await gateway.ask(document, {"ids": [each.id for each in some]})
        assert [[day["granted"] for day in node["seatUsage"]] for node in found["nodes"]] == [[0, 1, 1]] * len(some)
        counts.append(counted.count)
    assert counts[0] == counts[1] == 2 + 3  # who asks, and the licenses


async def test_of_the_ledger_the_days_alone_are_read(sqlite_gateway: Gateway, statements: Statements) -> None:
    """By the index, however long the history of a license is."""
    license = await sqlite_gateway.staff.license("Counted")
    with statements.counting() as counted:
        await usage(sqlite_gateway, license, "2026-03-01", "2026-03-02")
    asked = [statement.replace("?", "1") for statement in counted.statements if "seat_ledger" in statement]
    assert len(asked) == 2
    for statement in asked:
        plan = [row[3] for row in await sqlite_gateway.rows(f"EXPLAIN QUERY PLAN {statement}")]
        ledger = [step for step in plan if any(name in step for name in ("seat_ledger", "latest", "earliest"))]
        by_key = [step for step in ledger if "INTEGER PRIMARY KEY (rowid=?)" in step]
        by_time = [step for step in ledger if "ix_seat_ledger_by_time (license_id=?" in step]
        assert by_time
        assert len(by_key) + len(by_time) == len(ledger), plan
