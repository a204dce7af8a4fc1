"""What was done, as it is found afterwards: the latest first, by what, to whom, by whom, when, in which operation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.user import UserRole
from tests.changes import Changed, bulk
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.reading import ask_list, connection, refusal

pytestmark = pytest.mark.anyio

EVENTS = """nodes {
  id sequence occurredAt action targetLabel targetId note reason requestId
  actor { __typename displayName } target { __typename id } operation { id kind } changes { field before after }
} totalCount"""


async def events(gateway: Gateway, token: str | None = "", **filter: Any) -> list[dict[str, Any]]:
    """What a filter finds, counted too."""
    found = await connection(gateway, "auditEvents", EVENTS, token=token, filter=filter, first=100)
    assert found["totalCount"] == len(found["nodes"])
    return list(found["nodes"])


async def told(gateway: Gateway, **filter: Any) -> list[tuple[str, str]]:
    """What was done and to whom, in short."""
    return [(event["action"], event["targetLabel"].split(" ")[0]) for event in await events(gateway, **filter)]


class History:
    """Ann, Bob and Cid, and what a key and two administrators did to them.

    Attributes:
        done: The operations in the order in which they ended.
        token: Of the session of the administrator Sam, who did the last one.
    """

    ann: Person
    bob: Person
    cid: Person
    sam: Person
    done: list[Changed]
    token: str

    @classmethod
    async def lived(cls, gateway: Gateway, staff: Staff) -> History:
        history = cls()
        history.ann, history.bob, history.cid = [await staff.hire(name) for name in ("Ann A", "Bob B", "Cid C")]
        history.sam = await staff.hire("Sam S", roles=[UserRole.SERVICE_ADMINISTRATOR])
        team = await staff.team("Sales")
        history.done = [
            await bulk(gateway, "assignTeams", [history.ann, history.bob], teams={"add": [team.id]}),
            await bulk(gateway, "deactivateUsers", [history.ann], reason="LEAVE", note="a year"),
            await bulk(gateway, "reactivateUsers", [history.ann]),
        ]
        history.token = await gateway.sign_in(history.sam)
        ours = [history.bob, history.cid]
        history.done.append(await bulk(gateway, "forceUsersOffline", ours, token=history.token, reason="SECURITY"))
        return history


async def test_what_was_done_is_listed_the_latest_first(gateway: Gateway, staff: Staff) -> None:
    await History.lived(gateway, staff)
    listed = await events(gateway)
    assert [(event["action"], event["targetLabel"]) for event in listed[:8]] == [
        ("FORCED_OFFLINE", "Cid C"),
        ("FORCED_OFFLINE", "Bob B"),
        ("SIGNED_IN", "Sam S"),
        ("REACTIVATED", "Ann A"),
        ("DEACTIVATED", "Ann A"),
        ("ASSIGNED", "Bob B"),
        ("ASSIGNED", "Ann A"),
        ("CREATED", "Sam S"),
    ]
    places = [int(event["sequence"]) for event in listed]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places)
    moments = [datetime.fromisoformat(event["occurredAt"]) for event in listed[:8]]
    assert moments == sorted(moments, reverse=True)


async def test_an_event_tells_who_did_what_to_whom_and_why(gateway: Gateway, staff: Staff) -> None:
    """A7: people in the history are found again, deactivated or not."""
    history = await History.lived(gateway, staff)
    forced, _, signed_in, back, away = (await events(gateway))[:5]
    assert away == {
        **away,
        "action": "DEACTIVATED",
        "targetLabel": "Ann A",
        "targetId": history.ann.id,
        "target": {"__typename": "User", "id": history.ann.id},
        "reason": "LEAVE",
        "note": "a year",
        "actor": {"__typename": "ApiKey", "displayName": "tests"},
        "operation": {"id": history.done[1].operation["id"], "kind": "DEACTIVATE"},
    }
    assert away["changes"][0] == {"field": "status", "before": "ACTIVE", "after": "DEACTIVATED"}
    assert away["requestId"] == history.done[1].answer.headers["x-request-id"]
    assert (back["operation"]["id"], back["note"]) == (history.done[2].operation["id"], None)
    assert forced["actor"] == {"__typename": "User", "displayName": "Sam S"}
    assert (forced["operation"]["kind"], forced["reason"]) == ("FORCE_OFFLINE", "SECURITY")
    assert (signed_in["operation"], signed_in["actor"]["displayName"]) == (None, "Sam S")
    created = (await events(gateway, action={"eq": "CREATED"}))[0]
    assert created["actor"]["__typename"] == "SystemActor"

    await bulk(gateway, "deactivateUsers", [history.sam])
    again = (await events(gateway, action={"eq": "FORCED_OFFLINE"}))[0]
    assert again == forced, "what was recorded stays as it was, whatever became of who did it"


async def test_events_are_found_by_action_object_actor_and_operation(gateway: Gateway, staff: Staff) -> None:
    history = await History.lived(gateway, staff)
    ann, bob, cid, sam = (person.id for person in (history.ann, history.bob, history.cid, history.sam))
    viewer = (await gateway.ask("{ viewer { actor { ... on ApiKey { id } } } }"))["viewer"]
    key = viewer["actor"]["id"]
    assigned, away, back, forced = (done.operation["id"] for done in history.done)
    ours = {"target": {"in": [ann, bob, cid]}}
    of_cid = [("FORCED_OFFLINE", "Cid")]
    of_bob = [("FORCED_OFFLINE", "Bob"), ("ASSIGNED", "Bob"), ("CREATED", "Bob")]
    expected: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"target": {"eq": bob}}, of_bob),
        ({"target": {"eq": bob}, "action": {"eq": "ASSIGNED"}}, [of_bob[1]]),
        ({"target": {"in": []}}, []),
        ({**ours, "action": {"in": ["DEACTIVATED", "REACTIVATED"]}}, [("REACTIVATED", "Ann"), ("DEACTIVATED", "Ann")]),
        ({"target": {"eq": bob}, "action": {"notIn": ["CREATED", "ASSIGNED"]}}, [of_bob[0]]),
        ({"action": {"in": []}}, []),
        ({"actor": {"eq": sam}}, [*of_cid, of_bob[0], ("SIGNED_IN", "Sam")]),
        ({**ours, "actor": {"eq": sam}}, [*of_cid, of_bob[0]]),
        (
            {"target": {"eq": ann}, "actor": {"in": [key, sam]}, "action": {"notIn": ["ASSIGNED"]}},
            [("REACTIVATED", "Ann"), ("DEACTIVATED", "Ann")],
        ),
        (
            {"target": {"in": [bob, cid]}, "actor": {"notIn": [key]}, "action": {"notIn": ["CREATED"]}},
            [*of_cid, of_bob[0]],
        ),
        ({**ours, "actor": {"isNull": True}}, [("CREATED", "Cid"), ("CREATED", "Bob"), ("CREATED", "Ann")]),
        ({"operation": {"eq": assigned}}, [("ASSIGNED", "Bob"), ("ASSIGNED", "Ann")]),
        ({"operation": {"in": [away, back]}}, [("REACTIVATED", "Ann"), ("DEACTIVATED", "Ann")]),
        ({"operation": {"eq": forced}, "target": {"eq": cid}}, of_cid),
        ({"target": {"eq": cid}, "operation": {"isNull": True}}, [("CREATED", "Cid")]),
        ({"target": {"eq": cid}, "operation": {"isNull": False}}, of_cid),
    ]
    assert [(asked, await told(gateway, **asked)) for asked, _ in expected] == expected


async def test_events_are_found_by_time(gateway: Gateway, staff: Staff) -> None:
    history = await History.lived(gateway, staff)
    of_ann = {"target": {"eq": history.ann.id}}
    listed = await events(gateway, **of_ann)
    assert [event["action"] for event in listed] == ["REACTIVATED", "DEACTIVATED", "ASSIGNED", "CREATED"]
    away = listed[1]["occurredAt"]
    just_before = (datetime.fromisoformat(away) - timedelta(microseconds=1)).isoformat()
    expected = [
        ({"gte": away}, ["REACTIVATED", "DEACTIVATED"]),
        ({"gt": away}, ["REACTIVATED"]),
        ({"lt": away}, ["ASSIGNED", "CREATED"]),
        ({"gt": just_before, "lte": away}, ["DEACTIVATED"]),
        ({"isNull": True}, []),
    ]
    found = [
        (asked, [event["action"] for event in await events(gateway, **of_ann, occurredAt=asked)])
        for asked, _ in expected
    ]
    assert found == expected


async def test_a_person_shows_what_was_recorded_about_them(gateway: Gateway, staff: Staff) -> None:
    history = await History.lived(gateway, staff)
    document = "query Own($id: ID!) { user(by: {id: $id}) { auditEvents { nodes { id } totalCount } } }"
    for person in (history.ann, history.bob, history.sam):
        own = (await gateway.ask(document, {"id": person.id}))["user"]["auditEvents"]
        expected = [event["id"] for event in await events(gateway, target={"eq": person.id})]
        assert [node["id"] for node in own["nodes"]] == expected
        assert own["totalCount"] == len(expected) >= 2


async def test_what_changed_nothing_is_not_recorded(gateway: Gateway, staff: Staff) -> None:
    """E4."""
    history = await History.lived(gateway, staff)
    before = await told(gateway)
    assert (await bulk(gateway, "reactivateUsers", [history.ann])).totals == {"unchanged": 1}
    assert (await bulk(gateway, "deactivateUsers", [gateway.admin], token=history.token)).outcomes != ["SUCCEEDED"]
    assert await told(gateway) == before


async def test_who_may_read_what_was_done(gateway: Gateway, staff: Staff) -> None:
    """A24."""
    for role in UserRole:
        token = await gateway.sign_in(await staff.hire(roles=[role]))
        answer = await ask_list(gateway, "auditEvents", token=token)
        if role in (UserRole.FULL_ADMINISTRATOR, UserRole.SERVICE_ADMINISTRATOR):
            assert answer.data["auditEvents"]["nodes"]
        else:
            assert (answer.codes, answer.data) == (["FORBIDDEN"], {"auditEvents": None})


async def test_a_filter_of_events_that_cannot_be_meant_is_refused(gateway: Gateway, staff: Staff) -> None:
    team = await staff.team()
    refused: list[tuple[dict[str, Any], list[str]]] = [
        ({"target": {"eq": "nonsense"}}, ["filter", "target", "eq"]),
        ({"actor": {"in": [gateway.admin.id, team.id]}}, ["filter", "actor", "in", "1"]),
        ({"operation": {"eq": gateway.admin.id}}, ["filter", "operation", "eq"]),
        ({"action": {"eq": None}}, ["filter", "action", "eq"]),
        ({"occurredAt": {"gte": None}}, ["filter", "occurredAt", "gte"]),
    ]
    found = [(asked, await refusal(gateway, "auditEvents", filter=asked)) for asked, _ in refused]
    assert found == [(asked, ("BAD_USER_INPUT", path, None)) for asked, path in refused]
