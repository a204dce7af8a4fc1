"""Calls as reports find them: those of deactivated and deleted people too, by the team for which they were taken."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.call_record import CallEndReason
from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.reading import ask_list, connection, names, refusal, with_ids

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


class Calls:
    """Seven calls of three people for two teams in two queues; number one is the oldest."""

    def __init__(self, gateway: Gateway, people: dict[str, Person], things: dict[str, Thing]) -> None:
        self.gateway = gateway
        self.people = people
        self.things = things
        self.numbers: dict[str, str] = {}

    @classmethod
    async def made(cls, gateway: Gateway, staff: Staff) -> Calls:
        """Let them happen; the sixth and the seventh still go on."""
        support, sales = await staff.queue("support"), await staff.queue("sales")
        north, south = await staff.team("north"), await staff.team("south")
        below = await staff.team("below", parent=north)
        ann, bob = await staff.hire("Ann A", teams=[north]), await staff.hire("Bob B", teams=[north, south])
        cid = await staff.hire("Cid C", teams=[below])
        things = {thing.name: thing for thing in (support, sales, north, south, below)}
        calls = cls(gateway, {"ann": ann, "bob": bob, "cid": cid}, things)
        for number, (person, queue, team, seconds) in enumerate(
            (
                (ann, support, north, 60),
                (ann, sales, north, 30),
                (bob, support, north, 30),
                (bob, support, south, 10),
                (bob, None, None, 10),
                (cid, sales, below, None),
                (ann, None, north, None),
            ),
            1,
        ):
            ago = (10 - number) * MINUTE
            call = await staff.call(person, queue=queue, team=team, seconds=seconds, ago=ago)
            calls.numbers[call.name] = str(number)
        return calls

    async def found(self, token: str | None = "", **filter: Any) -> str:
        """Numbers of the calls that meet a filter, as they are listed; they are counted too."""
        asked = with_ids(filter, self.things | self.people)
        listed = await names(self.gateway, "callRecords", token=token, filter=asked)
        counted = await connection(self.gateway, "callRecords", "totalCount", token=token, filter=asked)
        assert counted["totalCount"] == len(listed)
        return "".join(self.numbers[name] for name in listed)


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "7654321"),
    ({"user": {"eq": "@ann"}}, "721"),
    ({"user": {"in": ["@ann", "@cid"]}}, "7621"),
    ({"user": {"notIn": ["@ann"]}}, "6543"),
    ({"user": {"in": []}}, ""),
    ({"team": {"eq": "@north"}}, "7321"),
    ({"team": {"eq": "@south"}}, "4"),
    ({"team": {"eq": "@below"}}, "6"),
    ({"team": {"in": ["@north", "@below"]}}, "76321"),
    ({"team": {"notIn": ["@north"]}}, "654"),
    ({"team": {"isNull": True}}, "5"),
    ({"team": {"isNull": False, "notIn": ["@north"]}}, "64"),
    ({"queue": {"eq": "@support"}}, "431"),
    ({"queue": {"isNull": True}}, "75"),
    ({"queue": {"in": ["@support", "@sales"]}, "user": {"eq": "@ann"}}, "21"),
    ({"active": True}, "76"),
    ({"active": False}, "54321"),
    ({"active": None}, "7654321"),
    ({"active": True, "team": {"eq": "@north"}}, "7"),
    ({"active": False, "user": {"eq": "@ann"}, "queue": {"eq": "@sales"}, "team": {"eq": "@north"}}, "2"),
]


async def test_calls_are_found_by_person_team_queue_and_whether_they_go_on(gateway: Gateway, staff: Staff) -> None:
    """A6, E7: the latest first."""
    calls = await Calls.made(gateway, staff)
    assert [(asked, await calls.found(**asked)) for asked, _ in FILTERS] == FILTERS


async def test_calls_are_found_by_the_time_of_their_start(gateway: Gateway, staff: Staff) -> None:
    """A6: a period is from its beginning up to and without its end."""
    calls = await Calls.made(gateway, staff)
    listed = (await connection(gateway, "callRecords", "nodes { startedAt }"))["nodes"]
    starts = [node["startedAt"] for node in reversed(listed)]
    third, fifth = starts[2], starts[4]
    just_before = (datetime.fromisoformat(third) - timedelta(microseconds=1)).isoformat()
    expected: list[tuple[dict[str, Any], str]] = [
        ({"gte": third}, "76543"),
        ({"gt": third}, "7654"),
        ({"lte": third}, "321"),
        ({"lt": third}, "21"),
        ({"gte": third, "lt": fifth}, "43"),
        ({"gt": just_before, "lte": third}, "3"),
        ({"gte": third.replace("Z", "+00:00"), "lte": third}, "3"),
        ({"gt": fifth, "lt": third}, ""),
        ({"isNull": True}, ""),
    ]
    assert [(asked, await calls.found(startedAt=asked)) for asked, _ in expected] == expected
    assert await calls.found(startedAt={"gte": third}, team={"eq": "@north"}) == "73"


async def test_a_call_keeps_its_person_and_team_whatever_becomes_of_them(gateway: Gateway, staff: Staff) -> None:
    """A6, A7, A14: reports read the same before, while and after somebody is deactivated, and of the deleted."""
    calls = await Calls.made(gateway, staff)
    ann, bob = calls.people["ann"], calls.people["bob"]
    asked: list[dict[str, Any]] = [
        {"team": {"eq": "@north"}},
        {"user": {"eq": "@ann"}},
        {"queue": {"eq": "@support"}},
        {"team": {"eq": "@south"}, "user": {"eq": "@bob"}},
    ]
    before = [await calls.found(**one) for one in asked]
    assert before == ["7321", "721", "431", "4"]

    select = "nodes { id externalId team { name } user { displayName status } }"
    for mutation, status in (("deactivateUsers", "DEACTIVATED"), ("reactivateUsers", "ACTIVE")):
        done = await bulk(gateway, mutation, [ann, bob])
        assert done.totals["succeeded"] == 2
        assert [await calls.found(**one) for one in asked] == before
        nodes = await connection(gateway, "callRecords", select, filter={"team": {"eq": calls.things["south"].id}})
        assert nodes["nodes"][0]["user"] == {"displayName": "Bob B", "status": status}
        assert nodes["nodes"][0]["team"] == {"name": "south"}
        again = await gateway.ask(
            "query Call($id: ID!) { node(id: $id) { ... on CallRecord { user { status } } } }",
            {"id": nodes["nodes"][0]["id"]},
        )
        assert again["node"] == {"user": {"status": status}}
    # Teams are not given back, and the calls are those of the team all the same.
    assert (await gateway.ask("query T($id: ID!) { user(by: {id: $id}) { teams { totalCount } } }", {"id": ann.id}))[
        "user"
    ]["teams"]["totalCount"] == 0


async def test_a_deleted_person_is_shown_in_calls(gateway: Gateway, staff: Staff) -> None:
    """A7, C11."""
    person = await staff.hire("Dan Deleted", status=UserStatus.DELETED)
    await staff.call(person, seconds=5)
    select = "nodes { user { displayName status } }"
    found = await connection(gateway, "callRecords", select, filter={"user": {"eq": person.id}})
    assert found["nodes"] == [{"user": {"displayName": "Dan Deleted", "status": "DELETED"}}]


async def test_a_contact_that_an_action_ended_says_so(gateway: Gateway, staff: Staff) -> None:
    """E7: it ends with the action, and is a call like the others from then on."""
    people = await staff.hire(3)
    for person in people:
        await staff.call(person)
    await staff.call(people[0], seconds=60, ago=10 * MINUTE)
    await staff.call(people[0], seconds=60, ago=20 * MINUTE, ended_by=CallEndReason.SIGN_OUT)
    select = "nodes { endedAt endedBy startedAt talkSeconds direction user { id } }"
    open_calls = (await connection(gateway, "callRecords", select, filter={"active": True}))["nodes"]
    assert [(node["endedAt"], node["endedBy"], node["talkSeconds"]) for node in open_calls] == [(None, None, 0)] * 3

    await bulk(gateway, "deactivateUsers", people[:1])
    await bulk(gateway, "forceUsersOffline", people[1:2])
    await bulk(gateway, "signOutUsers", people[2:], onActiveContact="SKIP")

    found = (await connection(gateway, "callRecords", select, filter={"active": False}))["nodes"]
    ended = {(node["user"]["id"], node["endedBy"]) for node in found}
    assert ended == {
        (people[0].id, "DEACTIVATION"),
        (people[0].id, "CONTACT"),
        (people[0].id, "SIGN_OUT"),
        (people[1].id, "FORCE_OFFLINE"),
    }
    assert all(node["endedAt"] > node["startedAt"] for node in found)
    going_on = (await connection(gateway, "callRecords", select, filter={"active": True}))["nodes"]
    assert [node["user"]["id"] for node in going_on] == [people[2].id]


async def test_the_calls_of_one_person_are_filtered_the_same_way(gateway: Gateway, staff: Staff) -> None:
    """A6, A14."""
    calls = await Calls.made(gateway, staff)
    document = """
    query Own($id: ID!, $filter: CallRecordFilterInput) {
      user(by: {id: $id}) { callRecords(filter: $filter) { nodes { externalId } totalCount } }
    }
    """
    await bulk(gateway, "deactivateUsers", [calls.people["bob"]])
    expected: list[tuple[str, dict[str, Any] | None, str]] = [
        ("ann", None, "721"),
        ("ann", {"active": True}, "7"),
        ("ann", {"queue": {"eq": "@sales"}}, "2"),
        ("bob", {}, "543"),
        ("bob", {"team": {"eq": "@south"}}, "4"),
        ("bob", {"user": {"eq": "@ann"}}, ""),
        ("cid", {"active": False}, ""),
    ]
    found = []
    for name, asked, _ in expected:
        filter = with_ids(asked, calls.things | calls.people)
        told = await gateway.ask(document, {"id": calls.people[name].id, "filter": filter})
        records = told["user"]["callRecords"]
        assert records["totalCount"] == len(records["nodes"])
        found.append((name, asked, "".join(calls.numbers[node["externalId"]] for node in records["nodes"])))
    assert found == expected


async def test_a_supervisor_reads_the_calls_of_the_own_teams_and_an_agent_the_own_ones(
    gateway: Gateway, staff: Staff
) -> None:
    """A24: by the team for which a call was taken, those of teams below too."""
    calls = await Calls.made(gateway, staff)
    north = calls.things["north"]
    supervisor = await staff.hire(roles=[UserRole.SUPERVISOR], teams=[north])
    token = await gateway.sign_in(supervisor)
    seen = await calls.found(token)
    assert seen == "76321"
    assert await calls.found(token, team={"eq": "@south"}) == ""
    assert await calls.found(token, active=True) == "76"

    agent = await gateway.sign_in(calls.people["ann"])
    assert await calls.found(agent) == "721"
    assert await calls.found(agent, team={"eq": "@north"}, user={"eq": "@bob"}) == ""
    answer = await ask_list(gateway, "callRecords", token=await gateway.key("reader", ["USERS_READ"]))
    assert (answer.codes, answer.data) == (["FORBIDDEN"], {"callRecords": None})


async def test_a_filter_of_calls_that_cannot_be_meant_is_refused(gateway: Gateway, staff: Staff) -> None:
    person, team = await staff.hire(), await staff.team()
    refused: list[tuple[dict[str, Any], list[str]]] = [
        ({"user": {"eq": team.id}}, ["filter", "user", "eq"]),
        ({"team": {"in": [team.id, person.id]}}, ["filter", "team", "in", "1"]),
        ({"queue": {"eq": None}}, ["filter", "queue", "eq"]),
        ({"startedAt": {"lt": None}}, ["filter", "startedAt", "lt"]),
    ]
    found = [(asked, await refusal(gateway, "callRecords", filter=asked)) for asked, _ in refused]
    assert found == [(asked, ("BAD_USER_INPUT", path, None)) for asked, path in refused]
