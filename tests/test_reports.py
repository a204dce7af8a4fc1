"""Numbers of people, and what the calls of agents add up to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.presence import PresenceState
from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.reading import ask_list, connection, keys, refusal, walked
from tests.statements import Statements

pytestmark = pytest.mark.anyio

STATISTICS = """
query ($filter: UserFilterInput, $search: String) {
  userStatistics(filter: $filter, search: $search) {
    total byStatus { status count } byPresence { state count } byRole { role count }
  }
}
"""
NOW = datetime.now(UTC)
LAST_WEEK = {"since": (NOW - timedelta(days=7)).isoformat(), "until": (NOW + timedelta(days=1)).isoformat()}


async def statistics(gateway: Gateway, token: str | None = "", **asked: Any) -> dict[str, dict[str, int]]:
    """The numbers that are not 0, by grouping."""
    found = (await gateway.ask(STATISTICS, asked, token=token))["userStatistics"]
    grouped = {
        name: {next(value for key, value in one.items() if key != "count"): one["count"] for one in found[name]}
        for name in ("byStatus", "byPresence", "byRole")
    }
    kinds = [set(PresenceState.__members__), set(UserRole.__members__)]
    assert [set(grouped["byPresence"]), set(grouped["byRole"])] == kinds
    assert sum(grouped["byStatus"].values()) == sum(grouped["byPresence"].values()) == found["total"]
    return {name: {kind: count for kind, count in counts.items() if count} for name, counts in grouped.items()}


async def test_numbers_of_people_are_those_of_the_lists(gateway: Gateway, staff: Staff) -> None:
    """A21, A23: deactivated people count, deleted ones only where the filter names them."""
    team = await staff.team()
    await staff.hire(3, teams=[team], presence=PresenceState.AVAILABLE)
    await staff.hire(2, teams=[team], roles=[UserRole.AGENT, UserRole.SUPERVISOR])
    await staff.hire("Zoé Zimmer", teams=[team], roles=[])
    await staff.hire(2, status=UserStatus.DEACTIVATED)
    await staff.hire(status=UserStatus.DELETED)
    cases: list[tuple[dict[str, Any], dict[str, dict[str, int]]]] = [
        (
            {},
            {
                "byStatus": {"ACTIVE": 7, "DEACTIVATED": 2},
                "byPresence": {"OFFLINE": 6, "AVAILABLE": 3},
                "byRole": {"AGENT": 7, "SUPERVISOR": 2, "FULL_ADMINISTRATOR": 1},
            },
        ),
        ({"search": "zoe zim"}, {"byStatus": {"ACTIVE": 1}, "byPresence": {"OFFLINE": 1}, "byRole": {}}),
        ({"search": "nobody"}, {"byStatus": {}, "byPresence": {}, "byRole": {}}),
        (
            {"filter": {"status": {"in": ["DELETED", "DEACTIVATED"]}}},
            {
                "byStatus": {"DEACTIVATED": 2, "DELETED": 1},
                "byPresence": {"OFFLINE": 3},
                "byRole": {"AGENT": 3},
            },
        ),
        (
            {"filter": {"or": [{"team": {"eq": team.id}}, {"status": {"eq": "DELETED"}}], "not": {"role": {"in": []}}}},
            {
                "byStatus": {"ACTIVE": 6, "DELETED": 1},
                "byPresence": {"OFFLINE": 4, "AVAILABLE": 3},
                "byRole": {"AGENT": 6, "SUPERVISOR": 2},
            },
        ),
    ]
    assert [(asked, await statistics(gateway, **asked)) for asked, _ in cases] == cases
    for asked, _ in cases:
        listed = await connection(gateway, "users", "totalCount", includeDeactivated=True, **asked)
        assert sum((await statistics(gateway, **asked))["byStatus"].values()) == listed["totalCount"]


async def test_presence_is_counted_as_it_is_shown(gateway: Gateway, staff: Staff) -> None:
    """E2, E17: an open call engages the active; who ran out of sessions on the desktop is offline."""
    here, gone, engaged = await staff.hire(3, presence=PresenceState.AVAILABLE)
    for person in (here, gone, engaged):
        await gateway.sign_in(person, "AGENT_DESKTOP")
    await staff.call(engaged)
    await staff.call(await staff.hire(status=UserStatus.DEACTIVATED))
    await gateway.execute(
        "UPDATE sessions SET expires_at = started_at WHERE user_id = :key", key=gateway.key_parameter(gone.key)
    )
    counted = (await statistics(gateway))["byPresence"]
    found = await connection(gateway, "users", "nodes { presence { state } }", includeDeactivated=True)
    shown = [node["presence"]["state"] for node in found["nodes"]]
    assert counted == {state: shown.count(state) for state in set(shown)}
    assert counted == {"UNAVAILABLE": 1, "ENGAGED": 1, "OFFLINE": 3}


async def test_numbers_are_of_the_people_that_one_sees(gateway: Gateway, staff: Staff) -> None:
    """A24: an organization without anybody else included."""
    team = await staff.team()
    await staff.hire(2, teams=[team])
    supervisor = await staff.hire(roles=[UserRole.SUPERVISOR], teams=[team])
    token = await gateway.sign_in(supervisor)
    assert (await statistics(gateway, token))["byRole"] == {"AGENT": 2, "SUPERVISOR": 1}
    alone = await gateway.sign_in(await staff.hire())
    assert (await statistics(gateway, alone))["byStatus"] == {"ACTIVE": 1}
    other = await gateway.other()
    theirs = await gateway.key("theirs", None, other.organization_id)
    assert await statistics(gateway, theirs) == {"byStatus": {}, "byPresence": {}, "byRole": {}}
    blind = await gateway.run("{ userStatistics { total } }", token=await gateway.key("blind", ["AUDIT_READ"]))
    assert (blind.codes, blind.data) == (["FORBIDDEN"], {"userStatistics": None})


async def test_only_groupings_that_are_asked_for_are_counted(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    await staff.hire(3)
    await gateway.ask("{ viewer { permissions { scope } } }")
    counts = []
    for selected in ("__typename", "total", "total byStatus { count }", "byRole { count }", "total byRole { count }"):
        with statements.counting() as counted:
            await gateway.ask(f"{{ userStatistics {{ {selected} }} }}")
        counts.append(counted.count)
    nothing = counts[0]
    assert [count - nothing for count in counts] == [0, 1, 1, 1, 2]


Row = tuple[str, int, int, int]


async def report(gateway: Gateway, token: str | None = "", **asked: Any) -> list[Row]:
    """Name, calls, talk and after-call work of each agent of a report."""
    select = "totalCount nodes { id } edges { node { id displayName } calls talkSeconds wrapUpSeconds }"
    found = await connection(gateway, "agentReport", select, token=token, **{**LAST_WEEK, **asked})
    assert found["totalCount"] == len(found["edges"])
    assert found["nodes"] == [{"id": edge["node"]["id"]} for edge in found["edges"]]
    return [
        (edge["node"]["displayName"], edge["calls"], edge["talkSeconds"], edge["wrapUpSeconds"])
        for edge in found["edges"]
    ]


@pytest.fixture
async def agents(gateway: Gateway, staff: Staff) -> dict[str, Any]:
    """People with calls, for North through Sales and otherwise."""
    north, south, sales = await staff.team("North"), await staff.team("South"), await staff.queue("Sales")
    anna = await staff.hire("Anna Able", teams=[north])
    bert = await staff.hire("Bert Bold", teams=[north])
    cleo = await staff.hire("Cleo Calm", status=UserStatus.DELETED)
    await staff.hire("Dora Dull", teams=[north])
    await staff.call(anna, team=north, queue=sales, seconds=60)
    await staff.call(anna, team=south, seconds=30, ago=timedelta(days=2))
    await staff.call(bert, team=north, seconds=10, ago=timedelta(days=6))
    await staff.call(bert, team=north, seconds=1_000, ago=timedelta(days=40))
    await staff.call(cleo, team=south, queue=sales, seconds=5)
    await staff.call(anna, team=north)
    await gateway.execute("UPDATE call_records SET wrap_up_seconds = 7 WHERE talk_seconds = 60")
    return {"north": north, "south": south, "sales": sales, "anna": anna, "bert": bert, "cleo": cleo}


async def test_calls_of_agents_add_up_and_keep_the_place_of_who_left(
    gateway: Gateway, staff: Staff, agents: dict[str, Any]
) -> None:
    """A6, A14: deactivated and deleted people too, by the team for which the calls were taken."""
    anna, bert, cleo = ("Anna Able", 3, 90, 7), ("Bert Bold", 1, 10, 0), ("Cleo Calm", 1, 5, 0)
    north, south, sales = ({"eq": agents[name].id} for name in ("north", "south", "sales"))
    cases: list[tuple[dict[str, Any], list[Row]]] = [
        ({}, [anna, bert, cleo]),
        ({"team": north}, [("Anna Able", 2, 60, 7), bert]),
        ({"team": south, "queue": sales}, [cleo]),
        ({"queue": {"isNull": True}}, [("Anna Able", 2, 30, 0), bert]),
        ({"team": {"notIn": [agents["north"].id]}}, [("Anna Able", 1, 30, 0), cleo]),
        ({"filter": {"status": {"eq": "ACTIVE"}}}, [anna, bert]),
        ({"filter": {"status": {"eq": "DELETED"}}}, [cleo]),
        ({"filter": {"or": [{"id": {"eq": agents["bert"].id}}, {"id": {"eq": agents["cleo"].id}}]}}, [bert, cleo]),
        ({"since": (NOW - timedelta(days=60)).isoformat()}, [anna, ("Bert Bold", 2, 1_010, 0), cleo]),
        ({"since": NOW.isoformat(), "until": NOW.isoformat()}, []),
    ]
    assert [(asked, await report(gateway, **asked)) for asked, _ in cases] == cases
    await bulk(gateway, "deactivateUsers", [agents["anna"], agents["bert"]])
    assert await report(gateway, team=north) == [("Anna Able", 2, 60, 7), bert]
    assert await report(gateway, filter={"status": {"eq": "DEACTIVATED"}}) == [anna, bert]
    await bulk(gateway, "reactivateUsers", [agents["anna"], agents["bert"]])
    assert await report(gateway) == [anna, bert, cleo]


async def test_a_period_ends_before_its_last_instant(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    await staff.call(person, seconds=1)
    (started,) = (await connection(gateway, "callRecords", "nodes { startedAt }"))["nodes"]
    at = datetime.fromisoformat(started["startedAt"])
    later, earlier = (at + timedelta(microseconds=1)).isoformat(), (at - timedelta(days=1)).isoformat()
    assert len(await report(gateway, since=at.isoformat(), until=later)) == 1
    assert await report(gateway, since=earlier, until=at.isoformat()) == []
    assert await report(gateway, since=later, until=later) == []


async def test_a_period_is_refused_backward_or_too_long(gateway: Gateway) -> None:
    since = datetime(2024, 1, 1, tzinfo=UTC)
    year = (since + timedelta(days=366)).isoformat()
    longer = (since + timedelta(days=366, microseconds=1)).isoformat()
    assert await report(gateway, since=since.isoformat(), until=year) == []
    asked = {"since": since.isoformat(), "until": longer}
    assert await refusal(gateway, "agentReport", select="totalCount", **asked) == ("BAD_USER_INPUT", ["until"], 366)
    asked = {"since": year, "until": since.isoformat()}
    assert await refusal(gateway, "agentReport", select="totalCount", **asked) == ("BAD_USER_INPUT", ["until"], None)
    asked = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert await refusal(gateway, "agentReport", select="totalCount", **asked) == ("BAD_USER_INPUT", ["until"], 366)


async def test_reports_are_of_the_calls_and_people_that_one_sees(
    gateway: Gateway, staff: Staff, agents: dict[str, Any]
) -> None:
    """A24, A6."""
    supervisor = await staff.hire("Sue Super", roles=[UserRole.SUPERVISOR], teams=[agents["north"]])
    token = await gateway.sign_in(supervisor)
    assert await report(gateway, token) == [("Anna Able", 2, 60, 7), ("Bert Bold", 1, 10, 0)]
    own = await gateway.sign_in(agents["anna"])
    assert await report(gateway, own) == [("Anna Able", 3, 90, 7)]
    assert await report(gateway, await gateway.key("reports alone", ["REPORTS_READ"])) == []
    blind = await ask_list(
        gateway, "agentReport", "totalCount", token=await gateway.key("blind", ["USERS_READ"]), **LAST_WEEK
    )
    assert (blind.codes, blind.data) == (["FORBIDDEN"], {"agentReport": None})
    other = await gateway.other()
    assert await report(gateway, await gateway.key("theirs", None, other.organization_id)) == []


def by_size(people: list[Person]) -> Iterator[int]:
    """Page sizes from one to more than all."""
    yield from (1, 3, len(people) + 1)


async def test_a_report_is_walked_both_ways_in_as_many_statements_for_each_page(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    """Ties of the name included."""
    people = [*await staff.hire(4), *[await staff.hire("Tina Tie") for _ in range(3)]]
    for person in people:
        await staff.call(person, seconds=3)
    expected = keys(await walked(gateway, "agentReport", 100, **LAST_WEEK))
    assert len(expected) == len(people)
    for size in by_size(people):
        assert keys(await walked(gateway, "agentReport", size, **LAST_WEEK)) == expected
        assert keys(await walked(gateway, "agentReport", size, backward=True, **LAST_WEEK)) == expected
    counts = []
    for size in by_size(people):
        with statements.counting() as counted:
            await connection(gateway, "agentReport", "edges { calls node { displayName } }", first=size, **LAST_WEEK)
        counts.append(counted.count)
    assert len(set(counts)) == 1
