"""Skill groups as callers find them: who is in them, what queues they have, and whom they count for."""

from __future__ import annotations

from typing import Any

import pytest

from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.reading import connection, names, with_ids

pytestmark = pytest.mark.anyio

GROUP = """
query Group($id: ID!, $deactivated: Boolean! = false, $first: Int, $after: String) {
  skillGroup(id: $id) {
    members(includeDeactivated: $deactivated, first: $first, after: $after) {
      nodes { displayName } totalCount hiddenDeactivatedCount pageInfo { hasNextPage endCursor }
    }
  }
}
"""
EDGES = """
query Edges($person: ID!, $queue: ID!, $group: ID!) {
  user(by: {id: $person}) { skillGroups { nodes { name } totalCount } }
  queue(id: $queue) { skillGroups { nodes { name } totalCount } }
  skillGroup(id: $group) { queues { nodes { name } totalCount } }
}
"""


async def members(
    gateway: Gateway, group: Thing, *, deactivated: bool = False, token: str | None = ""
) -> tuple[list[str], int]:
    """Who is listed in a skill group, counted too, and how many are left out."""
    variables = {"id": group.id, "deactivated": deactivated}
    found = (await gateway.ask(GROUP, variables, token=token))["skillGroup"]["members"]
    listed = [node["displayName"] for node in found["nodes"]]
    assert found["totalCount"] == len(listed)
    return listed, found["hiddenDeactivatedCount"]


async def edges(gateway: Gateway, person: Person, queue: Thing, group: Thing) -> list[list[str]]:
    """Names at the ends of the three edges: of the person, of the queue, of the skill group."""
    found = await gateway.ask(EDGES, {"person": person.id, "queue": queue.id, "group": group.id})
    lists = [found["user"]["skillGroups"], found["queue"]["skillGroups"], found["skillGroup"]["queues"]]
    assert [one["totalCount"] for one in lists] == [len(one["nodes"]) for one in lists]
    return [[node["name"] for node in one["nodes"]] for one in lists]


async def test_a_skill_group_is_found_from_its_people_and_its_queues_and_back(gateway: Gateway, staff: Staff) -> None:
    chat, calls, other = [await staff.queue(name) for name in ("chat", "calls", "other")]
    swedish = await staff.skill_group("Swedish", queues=[chat, calls])
    finnish = await staff.skill_group("Finnish", queues=[chat], active=False)
    person = await staff.hire(skill_groups=[swedish, finnish])
    alone = await staff.hire()
    assert await edges(gateway, person, chat, swedish) == [
        ["Finnish", "Swedish"],
        ["Finnish", "Swedish"],
        ["calls", "chat"],
    ]
    assert await edges(gateway, alone, other, finnish) == [[], [], ["chat"]]


async def test_a_skill_group_lists_active_members_and_on_request_deactivated_ones(
    gateway: Gateway, staff: Staff
) -> None:
    """A10, E3: a deactivation leaves the skill group and hides the person; a reactivation shows them again."""
    group, empty = await staff.skill_group(), await staff.skill_group()
    ann, _ = await staff.hire("Ann Active", skill_groups=[group]), await staff.hire("Bob Bare")
    zoe = await staff.hire("Zoe Gone", skill_groups=[group])
    await staff.hire("Old Deleted", skill_groups=[group], status=UserStatus.DELETED)

    assert await members(gateway, group) == (["Ann Active", "Zoe Gone"], 0)
    await bulk(gateway, "deactivateUsers", [zoe])
    assert await members(gateway, group) == (["Ann Active"], 1)
    assert await members(gateway, group, deactivated=True) == (["Ann Active", "Zoe Gone"], 0)
    assert await members(gateway, empty) == ([], 0)
    queue = await staff.queue()
    assert (await edges(gateway, zoe, queue, group))[0] == [group.name]
    await bulk(gateway, "deactivateUsers", [ann])
    await bulk(gateway, "reactivateUsers", [zoe])
    assert await members(gateway, group) == (["Zoe Gone"], 1)


async def test_members_of_a_skill_group_have_pages(gateway: Gateway, staff: Staff) -> None:
    group = await staff.skill_group()
    people = await staff.hire(5, skill_groups=[group], password=None)
    await bulk(gateway, "deactivateUsers", people[:1])
    for deactivated, expected in ((False, 4), (True, 5)):
        variables: dict[str, Any] = {"id": group.id, "deactivated": deactivated, "first": 2}
        found: list[str] = []
        while True:
            page = (await gateway.ask(GROUP, variables))["skillGroup"]["members"]
            assert (page["totalCount"], page["hiddenDeactivatedCount"]) == (expected, 5 - expected)
            found += [node["displayName"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            variables["after"] = page["pageInfo"]["endCursor"]
        assert sorted(found) == sorted(person.name for person in people[0 if deactivated else 1 :])


async def test_a_skill_group_shows_the_members_that_the_caller_sees(gateway: Gateway, staff: Staff) -> None:
    """A24: neither lists, counts nor the filter tell about people whom a supervisor does not see."""
    group, others = await staff.skill_group("Own"), await staff.skill_group("Others")
    north, south = await staff.team(), await staff.team()
    sue = await staff.hire("Sue Supervisor", roles=[UserRole.SUPERVISOR], teams=[north])
    await staff.hire("Ann North", teams=[north], skill_groups=[group])
    stranger, gone = await staff.hire(2, teams=[south], skill_groups=[group, others])
    await bulk(gateway, "deactivateUsers", [gone])
    token = await gateway.sign_in(sue)

    assert await members(gateway, group, token=token) == (["Ann North"], 0)
    assert await members(gateway, others, token=token) == ([], 0)
    assert await members(gateway, others) == ([stranger.name], 1)
    assert await names(gateway, "skillGroups", token=token) == ["Others", "Own"]
    assert await names(gateway, "skillGroups", token=token, filter={"hasMembers": True}) == ["Own"]
    assert await names(gateway, "skillGroups", token=token, filter={"hasMembers": False}) == ["Others"]


# A filter, and which of the skill groups of the test meet it; what is not in use is left out unless asked for.
FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["English", "Finnish", "Swedish"]),
    ({"active": False}, ["Latin"]),
    ({"name": {"eq": "SWEDISH"}}, ["Swedish"]),
    ({"name": {"startsWith": "fin"}}, ["Finnish"]),
    ({"queue": {"eq": "@chat"}}, ["English", "Swedish"]),
    ({"queue": {"in": ["@chat", "@calls"]}}, ["English", "Finnish", "Swedish"]),
    ({"queue": {"in": []}}, []),
    ({"queue": {"notIn": ["@calls"]}}, ["English"]),
    ({"queue": {"isNull": True}}, []),
    ({"queue": {"isNull": True}, "active": False}, ["Latin"]),
    ({"queue": {"isNull": False}}, ["English", "Finnish", "Swedish"]),
    ({"hasMembers": True}, ["Swedish"]),
    ({"hasMembers": False}, ["English", "Finnish"]),
    ({"hasMembers": False, "queue": {"eq": "@chat"}}, ["English"]),
]


async def test_every_condition_on_skill_groups_and_how_they_combine(gateway: Gateway, staff: Staff) -> None:
    chat, calls = await staff.queue("chat"), await staff.queue("calls")
    swedish = await staff.skill_group("Swedish", queues=[chat, calls])
    finnish = await staff.skill_group("Finnish", queues=[calls])
    await staff.skill_group("English", queues=[chat])
    await staff.skill_group("Latin", active=False)
    await staff.hire(skill_groups=[swedish])
    await bulk(gateway, "deactivateUsers", [await staff.hire(skill_groups=[finnish])])
    things = {thing.name: thing for thing in (chat, calls)}

    found = []
    for asked, expected in FILTERS:
        filter = with_ids(asked, things)
        found.append((asked, await names(gateway, "skillGroups", filter=filter)))
        counted = await connection(gateway, "skillGroups", "totalCount totalCountPrecision", filter=filter)
        assert (counted["totalCount"], counted["totalCountPrecision"]) == (len(expected), "EXACT"), asked
    assert found == FILTERS
