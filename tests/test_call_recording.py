"""Calls as telephony systems tell of them: started, updated and ended by `recordCalls`, as often as they like."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gql.ids import global_id
from models.storage import uuid7
from models.user import UserStatus
from resolvers.context import utc_now
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.statements import Statements

pytestmark = pytest.mark.anyio

RECORD = """
mutation Record($calls: [CallRecordInput!]!) {
  recordCalls(input: {calls: $calls}) {
    errors { code path }
    failed { index externalId errors { code path } }
    callRecords {
      id externalId direction startedAt endedAt endedBy talkSeconds wrapUpSeconds
      user { id } queue { id } team { name }
    }
  }
}
"""
START = utc_now().replace(microsecond=0) - timedelta(hours=1)


def at(minutes: float) -> str:
    """A moment, in minutes since the first call."""
    return (START + timedelta(minutes=minutes)).isoformat()


def told(name: str, person: Person | None = None, **more: Any) -> dict[str, Any]:
    """What is told of a call."""
    user = {} if person is None else {"user": {"id": person.id}}
    return {"externalId": name, "direction": "INBOUND", "startedAt": at(0), **user, **more}


async def record(gateway: Gateway, *calls: dict[str, Any], token: str | None = "") -> Any:
    """The payload."""
    return (await gateway.ask(RECORD, {"calls": list(calls)}, token=token))["recordCalls"]


async def recorded(gateway: Gateway, *calls: dict[str, Any]) -> list[Any]:
    """The calls after all were recorded."""
    payload = await record(gateway, *calls)
    assert (payload["errors"], payload["failed"]) == ([], [])
    assert [call["externalId"] for call in payload["callRecords"]] == [call["externalId"] for call in calls]
    return list(payload["callRecords"])


async def failures(gateway: Gateway, *calls: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    """Place, code and the last of the path of what was not recorded; all else was."""
    payload = await record(gateway, *calls)
    assert payload["errors"] == []
    assert len(payload["callRecords"]) + len(payload["failed"]) == len(calls)
    found = []
    for one in payload["failed"]:
        (problem,) = one["errors"]
        assert problem["path"][:3] == ["input", "calls", str(one["index"])]
        assert one["externalId"] == calls[one["index"]]["externalId"]
        found.append((one["index"], problem["code"], problem["path"][-1]))
    return found


async def presence(gateway: Gateway, person: Person) -> str:
    document = "query P($id: ID!) { user(by: {id: $id}) { presence { state } } }"
    return str((await gateway.ask(document, {"id": person.id}))["user"]["presence"]["state"])


async def news(gateway: Gateway) -> list[str]:
    """What the outbox tells of calls and presences, in order."""
    sql = "SELECT kind FROM outbox_events WHERE kind LIKE 'contact.%' OR kind LIKE 'presence.%' ORDER BY sequence"
    return [row[0] for row in await gateway.rows(sql)]


async def test_a_call_begins_goes_on_and_ends(gateway: Gateway, staff: Staff) -> None:
    """E2, E7: while it goes on its agent is ENGAGED, and the outbox tells of both ends."""
    person, queue = await staff.hire(), await staff.queue()
    (begun,) = await recorded(gateway, told("c", person, queueId=queue.id))
    assert begun == {
        **begun,
        "direction": "INBOUND",
        "startedAt": at(0).replace("+00:00", "Z"),
        "endedAt": None,
        "endedBy": None,
        "talkSeconds": 0,
        "wrapUpSeconds": 0,
        "user": {"id": person.id},
        "queue": {"id": queue.id},
        "team": None,
    }
    assert await presence(gateway, person) == "ENGAGED"
    (talked,) = await recorded(gateway, told("c", person, talkSeconds=50))
    assert talked == {**begun, "talkSeconds": 50}
    (ended,) = await recorded(gateway, told("c", person, endedAt=at(2), wrapUpSeconds=9))
    assert ended == {
        **talked,
        "endedAt": at(2).replace("+00:00", "Z"),
        "endedBy": "CONTACT",
        "wrapUpSeconds": 9,
    }
    assert await presence(gateway, person) == "OFFLINE"
    assert await news(gateway) == ["contact.started", "presence.changed", "contact.ended", "presence.changed"]


async def test_telling_it_again_changes_nothing(gateway: Gateway, staff: Staff, statements: Statements) -> None:
    people = await staff.hire(2)
    calls = [told("open", people[0]), told("over", people[1], endedAt=at(3), talkSeconds=5)]
    first = await recorded(gateway, *calls)
    before = await news(gateway)
    with statements.counting() as counted:
        assert await recorded(gateway, *calls) == first
    assert not [each for each in counted.statements if each.startswith(("INSERT", "UPDATE"))]
    assert (
        await recorded(gateway, *(told(call["externalId"], person) for call, person in zip(calls, people, strict=True)))
        == first
    )
    null = {"endedAt": None, "queueId": None, "talkSeconds": None, "wrapUpSeconds": None}
    assert await recorded(gateway, *({**told("over", people[1]), **null},)) == first[1:]
    assert await news(gateway) == before
    assert await gateway.scalar("SELECT count(*) FROM call_records") == 2


async def test_agents_are_named_by_any_of_their_keys(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire("Ann A")
    keys = {
        "id": person.id,
        "email": person.email.upper(),
        "externalId": person.external_id,
        "agentNumber": person.agent_number,
    }
    made = await recorded(gateway, *(told(name, user={name: key}) for name, key in keys.items()))
    assert [call["user"]["id"] for call in made] == [person.id] * 4


async def test_the_team_is_the_first_that_gives_the_queue_or_the_first_at_all(gateway: Gateway, staff: Staff) -> None:
    """A6, A27: it stays, whatever becomes of the membership."""
    own, shared, other = [await staff.queue(name) for name in ("own", "shared", "other")]
    above = await staff.team("Above", queues=[shared])
    alpha, beta = await staff.team("Alpha"), await staff.team("Beta", queues=[own], parent=above)
    person = await staff.hire(teams=[alpha, beta])
    calls = [
        told("own", person, queueId=own.id),
        told("from above", person, queueId=shared.id),
        told("by another way", person, queueId=other.id),
        told("none", person),
        told("no team", await staff.hire(), queueId=own.id),
    ]
    teams = ["Beta", "Beta", "Alpha", "Alpha", None]
    made = await recorded(gateway, *calls)
    assert [call["team"] and call["team"]["name"] for call in made] == teams
    await bulk(gateway, "assignTeams", [person], teams={"set": []})
    again = await recorded(gateway, *(told(call["externalId"], person, talkSeconds=1) for call in calls[:4]))
    assert [call["team"] and call["team"]["name"] for call in again] == teams[:4]


async def test_a_call_that_another_agent_takes_over_goes_to_their_team(gateway: Gateway, staff: Staff) -> None:
    north, south = await staff.team("North"), await staff.team("South")
    first, second = await staff.hire(teams=[north]), await staff.hire(teams=[south])
    await recorded(gateway, told("c", first))
    (moved,) = await recorded(gateway, told("c", second))
    assert (moved["user"]["id"], moved["team"]["name"]) == (second.id, "South")
    assert [await presence(gateway, each) for each in (first, second)] == ["OFFLINE", "ENGAGED"]


@pytest.mark.parametrize(
    ("mutation", "cause"), [("deactivateUsers", "DEACTIVATION"), ("forceUsersOffline", "FORCE_OFFLINE")]
)
async def test_a_call_that_was_ended_here_is_not_opened_again(
    gateway: Gateway, staff: Staff, mutation: str, cause: str
) -> None:
    """E7: its end stays, and talk time that is told later is kept."""
    person = await staff.hire()
    await recorded(gateway, told("c", person))
    await bulk(gateway, mutation, [person])
    (ended,) = await recorded(gateway, told("c", person))
    assert (ended["endedBy"], ended["endedAt"] is not None) == (cause, True)
    (later,) = await recorded(gateway, told("c", person, endedAt=at(59), talkSeconds=70))
    assert later == {**ended, "talkSeconds": 70}
    assert await presence(gateway, person) == "OFFLINE"
    assert (await news(gateway)).count("contact.ended") == 1


async def test_what_cannot_be_recorded_is_named_and_the_others_are_recorded(gateway: Gateway, staff: Staff) -> None:
    """E14: a deactivated person takes no call; what is unknown, invisible or deleted is NOT_FOUND."""
    person, out = await staff.hire(), await staff.hire()
    gone = await staff.hire(status=UserStatus.DELETED)
    stranger = await (await gateway.other()).hire()
    await bulk(gateway, "deactivateUsers", [out])
    unknown = Thing(uuid7(), "User", "")
    future = (utc_now() + timedelta(hours=1)).isoformat()
    calls = [
        told("good", person),
        told("unknown", user={"id": unknown.id}),
        told("elsewhere", user={"email": stranger.email}),
        told("deleted", gone),
        told("out", out),
        told("out, too late", out, endedAt=(utc_now() + timedelta(minutes=1)).isoformat()),
        told("before", out, endedAt=at(1)),
        told("good", person),
        told("queue", person, queueId=global_id("Queue", uuid7())),
        told("backwards", person, endedAt=at(-1)),
        told("not yet", person, startedAt=future),
        told("not over yet", person, endedAt=future),
        told("talk", person, talkSeconds=-1),
        told("wrap-up", person, wrapUpSeconds=-1),
        told("also good", person, endedAt=at(1)),
    ]
    assert await failures(gateway, *calls) == [
        (1, "NOT_FOUND", "user"),
        (2, "NOT_FOUND", "user"),
        (3, "NOT_FOUND", "user"),
        (4, "INVALID_STATE", "user"),
        (5, "INVALID_STATE", "user"),
        (7, "DUPLICATE_IN_REQUEST", "externalId"),
        (8, "NOT_FOUND", "queueId"),
        (9, "INVALID", "endedAt"),
        (10, "INVALID", "startedAt"),
        (11, "INVALID", "endedAt"),
        (12, "INVALID", "talkSeconds"),
        (13, "INVALID", "wrapUpSeconds"),
    ]
    rows = await gateway.rows("SELECT external_id FROM call_records ORDER BY external_id")
    assert [row[0] for row in rows] == ["also good", "before", "good"]


async def test_who_sees_nobody_records_for_nobody(gateway: Gateway, staff: Staff) -> None:
    """A24: and without the permission there is no answer at all."""
    person = await staff.hire()
    blind = await gateway.key("blind", ["REPORTS_WRITE"])
    (failed,) = (await record(gateway, told("c", person), token=blind))["failed"]
    assert failed["errors"][0]["code"] == "NOT_FOUND"
    answer = await gateway.run(RECORD, {"calls": [told("", person)]}, token=await gateway.key("other", ["USERS_READ"]))
    assert answer.codes == ["FORBIDDEN"]


async def test_what_cannot_be_read_refuses_all(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    good = told("good", person)
    for calls, code, path in (
        ([], "REQUIRED", ["calls"]),
        ([good] * 1_001, "TOO_MANY_ITEMS", ["calls"]),
        ([good, told("c", user={"id": "nonsense"})], "INVALID", ["calls", "1", "user", "id"]),
        ([good, told("c", user={"email": ""})], "INVALID", ["calls", "1", "user", "email"]),
        ([good, told("c", user={"agentNumber": "9" * 321})], "INVALID", ["calls", "1", "user", "agentNumber"]),
        ([good, told("c", person, queueId=person.id)], "INVALID", ["calls", "1", "queueId"]),
        ([good, told("", person)], "INVALID", ["calls", "1", "externalId"]),
        ([good, told("\0", person)], "INVALID", ["calls", "1", "externalId"]),
    ):
        payload = await record(gateway, *calls)
        assert payload["errors"] == [{"code": code, "path": ["input", *path]}]
        assert (payload["failed"], payload["callRecords"]) == ([], [])
    assert await gateway.scalar("SELECT count(*) FROM call_records") == 0


async def test_a_thousand_calls_take_as_many_statements_as_two(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    queue = await staff.queue()
    people = await staff.hire(40, teams=[await staff.team(queues=[queue])])
    counts = []
    for size, name in ((2, "few"), (1_000, "many")):
        calls = [told(f"{name} {n}", people[n % len(people)], queueId=queue.id) for n in range(size)]
        for more in ({}, {"endedAt": at(5), "talkSeconds": 3}):
            with statements.counting() as counted:
                payload = await gateway.ask(
                    "mutation R($calls: [CallRecordInput!]!) { recordCalls(input: {calls: $calls}) "
                    "{ errors { code } failed { index } callRecords { id } } }",
                    {"calls": [call | more for call in calls]},
                )
            assert len(payload["recordCalls"]["callRecords"]) == size
            counts.append(counted.count)
    assert counts[:2] == counts[2:]
    assert max(counts) <= 18


async def test_the_same_call_told_from_two_sides_at_once_is_one(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(4)
    for name in ("a", "b", "c"):
        payloads = await asyncio.gather(*(record(gateway, told(name, person)) for person in people))
        assert all(payload["failed"] == [] for payload in payloads)
        assert len({payload["callRecords"][0]["id"] for payload in payloads}) == 1
    assert await gateway.scalar("SELECT count(*) FROM call_records") == 3


async def test_no_call_begins_behind_a_deactivation(gateway: Gateway, staff: Staff) -> None:
    """A5, E7: whichever comes first, nobody deactivated has an active contact."""
    for number in range(6):
        person = await staff.hire()
        await asyncio.gather(
            record(gateway, told(f"race {number}", person)), bulk(gateway, "deactivateUsers", [person])
        )
        assert await presence(gateway, person) == "OFFLINE"
    assert await gateway.scalar("SELECT count(*) FROM call_records WHERE ended_at IS NULL") == 0
