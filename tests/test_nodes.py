"""Finding things by their global ids, and what a caller is told about itself."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gql.ids import PREFIXES, global_id
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.editing import add
from tests.gateway import Gateway
from tests.holdings import holdings_of
from tests.people import Staff

pytestmark = pytest.mark.anyio

NODE = "query One($id: ID!) { node(id: $id) { id __typename } }"
NODES = "query Many($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"


async def nodes(gateway: Gateway, ids: list[str]) -> list[dict[str, str] | None]:
    found: list[dict[str, str] | None] = (await gateway.ask(NODES, {"ids": ids}))["nodes"]
    return found


async def test_one_thing_of_each_kind_is_found_by_its_id(gateway: Gateway, staff: Staff) -> None:
    held = await holdings_of(gateway, staff, gateway.token)
    assert set(held.ids) == set(PREFIXES)
    expected = [{"id": id, "__typename": kind} for kind, id in held.ids.items()]
    assert await nodes(gateway, list(held.ids.values())) == expected
    assert await nodes(gateway, list(held.ids.values())[::-1]) == expected[::-1]
    assert [(await gateway.ask(NODE, {"id": id}))["node"] for id in held.ids.values()] == expected


async def test_what_is_not_there_is_null_in_its_place(gateway: Gateway, staff: Staff) -> None:
    team, person = await staff.team(), await staff.hire()
    found = await nodes(gateway, [person.id, global_id("User", uuid7()), team.id, person.id, person.id])
    assert [node and node["id"] for node in found] == [person.id, None, team.id, person.id, person.id]
    unknown = [global_id(kind, uuid7()) for kind in PREFIXES]
    assert await nodes(gateway, unknown) == [None] * len(PREFIXES)
    assert [(await gateway.ask(NODE, {"id": id}))["node"] for id in unknown] == [None] * len(PREFIXES)
    # The key of a team with the prefix of a queue is nothing.
    assert await nodes(gateway, [global_id("Queue", team.key)]) == [None]
    assert await nodes(gateway, []) == []


async def test_people_are_found_by_id_whatever_became_of_them(gateway: Gateway, staff: Staff) -> None:
    """A7, C11."""
    people = [await staff.hire(status=status) for status in UserStatus]
    found = await gateway.ask(
        "query Who($ids: [ID!]!) { nodes(ids: $ids) { ... on User { displayName status } } }",
        {"ids": [person.id for person in people]},
    )
    expected = [
        {"displayName": person.name, "status": status.name} for person, status in zip(people, UserStatus, strict=True)
    ]
    assert found["nodes"] == expected


def spellings(id: str) -> list[str]:
    """Texts that are no global id, though some of them look like one."""
    raw = base64.b64decode(id)
    return [
        "",
        " ",
        "1",
        "null",
        id[:-1],
        id + "A",
        id + "====",
        " " + id,
        id[:-1] + "\n",
        id.swapcase()[:3] + "-" + id[4:],
        "é" * 24,
        "=" * 24,
        base64.b64encode(b"XX" + raw[2:]).decode(),
        base64.b64encode(raw[:2].lower() + raw[2:]).decode(),
        base64.b64encode(raw[:-3]).decode() + "AAAA=",
        str(uuid7()),
    ]


async def test_what_is_no_global_id_is_refused_with_its_place(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    for text in spellings(person.id):
        for document, variables, path in (
            (NODE, {"id": text}, ["id"]),
            (NODES, {"ids": [person.id, text]}, ["ids", "1"]),
        ):
            answer = await gateway.run(document, variables)
            assert answer.status == 200
            assert answer.data in ({"node": None}, {"nodes": None}), text
            (error,) = answer.errors
            assert (error["extensions"]["code"], error["extensions"]["argumentPath"]) == ("BAD_USER_INPUT", path), text
            assert not text.strip() or text not in error["message"]


async def test_a_hundred_are_found_and_one_more_is_refused(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(101, password=None)
    ids = [person.id for person in people]
    found = await nodes(gateway, ids[:100])
    assert [node and node["id"] for node in found] == ids[:100]
    for many in (ids, ids[:1] * 101):
        answer = await gateway.run(NODES, {"ids": many})
        assert answer.data == {"nodes": None}
        (error,) = answer.errors
        told = error["extensions"]
        assert (told["code"], told["argumentPath"], told["limit"]) == ("BAD_USER_INPUT", ["ids"], 100)


VIEWER = """
{ viewer {
  kind actor { __typename displayName ... on User { id } } session { surface endedAt user { id } }
  organization { name idleTimeoutMinutes } permissions { permission scope }
} }
"""


async def test_a_person_and_a_key_are_told_who_they_are(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire("Sue Supervisor", roles=[UserRole.SUPERVISOR])
    for surface in ("PORTAL", "AGENT_DESKTOP"):
        viewer = (await gateway.ask(VIEWER, token=await gateway.sign_in(person, surface)))["viewer"]
        assert viewer["kind"] == "USER"
        assert viewer["actor"] == {"__typename": "User", "displayName": "Sue Supervisor", "id": person.id}
        assert viewer["session"] == {"surface": surface, "endedAt": None, "user": {"id": person.id}}
        assert viewer["organization"] == {"name": "Acme", "idleTimeoutMinutes": 1440}
        assert {"permission": "USERS_READ", "scope": "OWN_TEAMS"} in viewer["permissions"]

    viewer = (await gateway.ask(VIEWER, token=await gateway.key("nightly", ["AUDIT_READ", "USERS_READ"])))["viewer"]
    assert viewer == {
        "kind": "API_KEY",
        "actor": {"__typename": "ApiKey", "displayName": "nightly"},
        "session": None,
        "organization": {"name": "Acme", "idleTimeoutMinutes": 1440},
        "permissions": [
            {"permission": "USERS_READ", "scope": "ORGANIZATION"},
            {"permission": "AUDIT_READ", "scope": "ORGANIZATION"},
        ],
    }


async def test_a_caller_is_told_the_limits_and_held_to_them(gateway: Gateway, staff: Staff) -> None:
    """D9: at most 25 people are added at once."""
    told = (
        await gateway.ask(
            """
            { viewer { limits {
              maxPageSize maxBulkTargets maxInlineTargets maxCreateUsers maxCallRecords maxFilterConditions
              maxTotalCount
            } } }
            """
        )
    )["viewer"]["limits"]
    assert told == {
        "maxPageSize": 100,
        "maxBulkTargets": 10_000,
        "maxInlineTargets": 1000,
        "maxCreateUsers": 25,
        "maxCallRecords": 1_000,
        "maxFilterConditions": 50,
        "maxTotalCount": 10_000,
    }
    page = await gateway.run("query Page($first: Int) { users(first: $first) { nodes { id } } }", {"first": 101})
    assert (page.codes, page.errors[0]["extensions"]["limit"]) == (["BAD_USER_INPUT"], told["maxPageSize"])
    newcomers: list[dict[str, Any]] = [{"email": f"new.{number}@acme.example"} for number in range(26)]
    assert (await add(gateway, *newcomers)).codes == ["TOO_MANY_ITEMS"]
    assert (await add(gateway, *newcomers[:25])).totals == {"succeeded": 25}
    document = """
    mutation Out($ids: [ID!]!) { signOutUsers(input: {target: {ids: $ids}}) { errors { code path } operation { id } } }
    """
    unknown = [global_id("User", uuid7()) for _ in range(10_001)]
    refused = (await gateway.ask(document, {"ids": unknown}))["signOutUsers"]
    assert refused == {
        "errors": [{"code": "TOO_MANY_ITEMS", "path": ["input", "target", "ids"]}],
        "operation": None,
    }
    assert (await gateway.ask(document, {"ids": unknown[:10_000]}))["signOutUsers"]["operation"]
