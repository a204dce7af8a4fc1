"""Queues as callers find them: who works in them, in which ways they came there, and whether they are enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gql.ids import global_id
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.reading import connection, names, with_ids
from tests.structuring import create, update

pytestmark = pytest.mark.anyio

EDGES = "edges { node { NAME } origins { source assignedAt team { name } skillGroup { name } } } totalCount"
QUEUES = f"""
query Queues($id: ID!, $source: [QueueAssignmentSource!]) {{
  user(by: {{id: $id}}) {{ queues(source: $source) {{ {EDGES.replace("NAME", "name")} }} }}
}}
"""
MEMBERS = f"""
query Members($id: ID!, $source: [QueueAssignmentSource!], $deactivated: Boolean! = false) {{
  queue(id: $id) {{
    members(source: $source, includeDeactivated: $deactivated) {{ {EDGES.replace("NAME", "displayName")} }}
  }}
}}
"""
SOURCES: list[tuple[list[str] | None, str]] = [
    (None, "dst"),
    (["DIRECT"], "d"),
    (["TEAM"], "t"),
    (["SKILL_GROUP"], "s"),
    (["TEAM", "SKILL_GROUP"], "st"),
    (["DIRECT", "DIRECT"], "d"),
    (["DIRECT", "TEAM", "SKILL_GROUP"], "dst"),
    ([], ""),
]


def told(found: Any) -> dict[str, list[str]]:
    """What a list of edges tells: by name each way in short, its source and through what."""
    ways = {}
    for edge in found["edges"]:
        name = edge["node"].get("name") or edge["node"]["displayName"]
        assert name not in ways, "an edge comes twice"
        ways[name] = [way_of(origin) for origin in edge["origins"]]
    assert found["totalCount"] == len(ways)
    return ways


def way_of(origin: dict[str, Any]) -> str:
    through = {"DIRECT": None, "TEAM": origin["team"], "SKILL_GROUP": origin["skillGroup"]}[origin["source"]]
    others = [origin["team"], origin["skillGroup"]]
    assert [other for other in others if other is not None] == ([through] if through else [])
    assert origin["assignedAt"].endswith("Z")
    return f"{origin['source']} {through['name']}" if through else str(origin["source"])


async def queues(gateway: Gateway, person: Person, source: list[str] | None = None) -> dict[str, list[str]]:
    return told((await gateway.ask(QUEUES, {"id": person.id, "source": source}))["user"]["queues"])


async def members(
    gateway: Gateway, queue: Thing, source: list[str] | None = None, *, deactivated: bool = False
) -> dict[str, list[str]]:
    variables = {"id": queue.id, "source": source, "deactivated": deactivated}
    return told((await gateway.ask(MEMBERS, variables))["queue"]["members"])


async def agents(gateway: Gateway, queue: Thing) -> int:
    found = await gateway.ask("query Count($id: ID!) { queue(id: $id) { activeAgentCount } }", {"id": queue.id})
    return int(found["queue"]["activeAgentCount"])


async def test_a_person_has_each_queue_once_with_every_way_to_it(gateway: Gateway, staff: Staff) -> None:
    """A27: direct, by a team, by a team above it, by a skill group, and all of them at once."""
    everywhere = await staff.queue("everywhere")
    direct, own, above, skilled, nobody = [
        await staff.queue(name) for name in ("direct", "own", "above", "skilled", "nobody's")
    ]
    top = await staff.team("Top", queues=[above, everywhere])
    below = await staff.team("Below", parent=top, queues=[own, everywhere])
    beside = await staff.team("Beside", parent=top, queues=[nobody])
    group = await staff.skill_group("Swedish", queues=[skilled, everywhere])
    other = await staff.skill_group("Finnish", queues=[skilled])
    person = await staff.hire(teams=[below], queues=[direct, everywhere], skill_groups=[group, other])

    found = await queues(gateway, person)

    assert list(found) == ["above", "direct", "everywhere", "own", "skilled"]
    assert found["direct"] == ["DIRECT"]
    assert found["own"] == ["TEAM Below"]
    assert found["above"] == ["TEAM Top"]
    assert sorted(found["skilled"]) == ["SKILL_GROUP Finnish", "SKILL_GROUP Swedish"]
    assert found["everywhere"][0] == "DIRECT"
    assert sorted(found["everywhere"]) == ["DIRECT", "SKILL_GROUP Swedish", "TEAM Below", "TEAM Top"]
    assert await members(gateway, everywhere) == {person.name: found["everywhere"]}
    assert await members(gateway, above) == {person.name: ["TEAM Top"]}

    await bulk(gateway, "assignTeams", [person], teams={"add": [beside.id]})
    assert (await queues(gateway, person))["above"] == ["TEAM Top"], "one way, though by two teams below it"
    await bulk(gateway, "assignTeams", [person], teams={"set": []})
    assert sorted((await queues(gateway, person))["everywhere"]) == ["DIRECT", "SKILL_GROUP Swedish"]
    assert "above" not in await queues(gateway, person)


async def test_a_source_chooses_queues_and_people_and_still_tells_every_way(gateway: Gateway, staff: Staff) -> None:
    by_name = {name: await staff.queue(name) for name in ("d", "s", "t")}
    team, group = await staff.team("T", queues=[by_name["t"]]), await staff.skill_group("S", queues=[by_name["s"]])
    person = await staff.hire(teams=[team], queues=[by_name["d"]], skill_groups=[group])
    assert [(source, "".join(await queues(gateway, person, source))) for source, _ in SOURCES] == SOURCES

    one = await staff.queue("one")
    team, group = await staff.team("T1", queues=[one]), await staff.skill_group("S1", queues=[one])
    await staff.hire("d", queues=[one])
    await staff.hire("s", skill_groups=[group])
    await staff.hire("t", teams=[team])
    assert [(source, "".join(await members(gateway, one, source))) for source, _ in SOURCES] == SOURCES

    both = await staff.hire("Both Ways", queues=[one], teams=[team])
    assert await queues(gateway, both, ["TEAM"]) == {"one": ["DIRECT", "TEAM T1"]}
    assert (await members(gateway, one, ["TEAM"]))["Both Ways"] == ["DIRECT", "TEAM T1"]


async def test_a_person_came_to_a_queue_when_both_links_were_there(gateway: Gateway, staff: Staff) -> None:
    """A27: the later of membership and assignment; of two ways through one team the earlier."""
    now = utc_now()
    long_ago, ahead, far_ahead = now - timedelta(days=9), now + timedelta(days=1), now + timedelta(days=2)
    queue = await staff.queue()
    top = await staff.team("Top", queues=[queue])
    first, second = await staff.team(parent=top), await staff.team(parent=top)
    group = await staff.skill_group(queues=[queue])
    old = await staff.hire(queues=[queue], teams=[first], skill_groups=[group], at=long_ago)
    new = await staff.hire(teams=[second], skill_groups=[group], at=far_ahead)
    twice = await staff.hire(teams=[first], at=ahead)

    async def moments(person: Person) -> dict[str, datetime]:
        found = (await gateway.ask(QUEUES, {"id": person.id}))["user"]["queues"]["edges"]
        (edge,) = found
        return {origin["source"]: datetime.fromisoformat(origin["assignedAt"]) for origin in edge["origins"]}

    of_old = await moments(old)
    assert of_old["DIRECT"] == long_ago
    assert now <= of_old["TEAM"] < ahead
    assert now <= of_old["SKILL_GROUP"] < ahead
    assert await moments(new) == {"TEAM": far_ahead, "SKILL_GROUP": far_ahead}
    assert await moments(twice) == {"TEAM": ahead}
    await bulk(gateway, "assignTeams", [twice], teams={"add": [second.id]})
    assert now <= (await moments(twice))["TEAM"] < ahead


async def test_a_queue_lists_and_counts_active_people_only_unless_asked(gateway: Gateway, staff: Staff) -> None:
    """A10: a skill group counts only while the person is active, and again after the reactivation."""
    queue = await staff.queue()
    team, group = await staff.team("Team", queues=[queue]), await staff.skill_group("Group", queues=[queue])
    stays = await staff.hire("Sue Stays", queues=[queue], teams=[team], skill_groups=[group])
    gone = await staff.hire("Gus Gone", queues=[queue], teams=[team], skill_groups=[group])
    await staff.hire("Dan Deleted", skill_groups=[group], status=UserStatus.DELETED)
    every_way = ["DIRECT", "TEAM Team", "SKILL_GROUP Group"]
    of_stays, of_gone = {"Sue Stays": every_way}, {"Gus Gone": every_way}
    assert await members(gateway, queue) == of_gone | of_stays
    assert await agents(gateway, queue) == 2

    await bulk(gateway, "deactivateUsers", [gone])
    assert await queues(gateway, gone) == {}
    assert await members(gateway, queue) == of_stays
    assert await members(gateway, queue, deactivated=True) == {"Gus Gone": every_way[2:], **of_stays}
    assert list(await members(gateway, queue, ["DIRECT", "TEAM"], deactivated=True)) == ["Sue Stays"]
    assert await agents(gateway, queue) == 1
    assert list(await queues(gateway, stays)) == [queue.name]

    await bulk(gateway, "reactivateUsers", [gone])
    assert await queues(gateway, gone) == {queue.name: every_way[2:]}
    assert await members(gateway, queue) == {"Gus Gone": every_way[2:], **of_stays}
    assert await agents(gateway, queue) == 2


async def test_agents_are_counted_once_and_only_those_who_can_sign_in(gateway: Gateway, staff: Staff) -> None:
    """C14: who is forced offline stays in the queue, and does not count while blocked."""
    queue = await staff.queue()
    team = await staff.team(queues=[queue])
    group = await staff.skill_group(queues=[queue])
    assert await agents(gateway, queue) == 0
    person = await staff.hire(queues=[queue], teams=[team], skill_groups=[group])
    await staff.hire(teams=[team])
    await staff.hire(skill_groups=[group], status=UserStatus.DEACTIVATED)
    await staff.hire()
    assert await agents(gateway, queue) == 2
    await bulk(gateway, "forceUsersOffline", [person])
    assert await agents(gateway, queue) == 1
    assert person.name in await members(gateway, queue)
    await bulk(gateway, "resumeUsersOnline", [person])
    assert await agents(gateway, queue) == 2


async def test_a_supervisor_sees_the_number_of_agents_and_names_of_the_own_teams(
    gateway: Gateway, staff: Staff
) -> None:
    """A24."""
    queue = await staff.queue()
    own, other = await staff.team("Own", queues=[queue]), await staff.team("Other", queues=[queue])
    supervisor = await staff.hire("Sue Supervisor", roles=[UserRole.SUPERVISOR], teams=[own])
    await staff.hire("Ann Own", teams=[own])
    await staff.hire("Bob Other", teams=[other])
    token = await gateway.sign_in(supervisor)
    document = """
    query Seen($id: ID!) {
      queue(id: $id) { activeAgentCount members { nodes { displayName } totalCount } teams { nodes { name } } }
    }
    """
    assert (await gateway.ask(document, {"id": queue.id}, token=token))["queue"] == {
        "activeAgentCount": 3,
        "members": {"nodes": [{"displayName": "Ann Own"}, {"displayName": "Sue Supervisor"}], "totalCount": 2},
        "teams": {"nodes": [{"name": "Other"}, {"name": "Own"}]},
    }


async def test_members_of_a_queue_have_pages(gateway: Gateway, staff: Staff) -> None:
    queue = await staff.queue()
    team = await staff.team(queues=[queue])
    people = await staff.hire(5, teams=[team], queues=[queue])
    document = """
    query Page($id: ID!, $after: String) {
      queue(id: $id) {
        members(first: 2, after: $after) {
          edges { node { id } origins { source } } totalCount pageInfo { hasNextPage endCursor }
        }
      }
    }
    """
    found: list[str] = []
    after, sizes = None, []
    while len(sizes) < 4:
        page = (await gateway.ask(document, {"id": queue.id, "after": after}))["queue"]["members"]
        assert page["totalCount"] == 5
        assert all(len(edge["origins"]) == 2 for edge in page["edges"])
        sizes.append(len(page["edges"]))
        found += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sizes == [2, 2, 1]
    assert sorted(found) == sorted(person.id for person in people)


async def test_queues_that_are_not_in_use_are_listed_where_asked_for(gateway: Gateway, staff: Staff) -> None:
    """B7: active by default, inactive only, both; by id a queue is always found."""
    await staff.queue("Used")
    unused = await staff.queue("Unused", active=False)
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["Used"]),
        ({"includeInactive": True}, ["Unused", "Used"]),
        ({"filter": {"active": True}}, ["Used"]),
        ({"filter": {"active": False}}, ["Unused"]),
        ({"filter": {"active": None}}, ["Used"]),
        ({"filter": {"active": True}, "includeInactive": True}, ["Used"]),
        ({"filter": {"active": False, "channel": {"eq": "chat"}}}, []),
    ]
    assert [(asked, await names(gateway, "queues", **asked)) for asked, _ in expected] == expected
    found = await gateway.ask("query One($id: ID!) { queue(id: $id) { name active } }", {"id": unused.id})
    assert found["queue"] == {"name": "Unused", "active": False}


# A filter, and which of the queues of the test meet it.
FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "abcdef"),
    ({"name": {"in": ["A", "b"]}}, "ab"),
    ({"name": {"startsWith": "É"}}, "e"),
    ({"channel": {"eq": "voice"}}, "abd"),
    ({"channel": {"eq": "VOICE"}}, "abd"),
    ({"channel": {"in": ["chat", "email"]}}, "ce"),
    ({"channel": {"startsWith": "em"}}, "e"),
    ({"channel": {"eq": "CHÂT"}}, "c"),
    ({"channel": {"contains": "ruck"}}, "f"),
    ({"channel": {"in": ["RÜCKRUF"]}}, "f"),
    ({"channel": {"startsWith": "ruckr"}}, "f"),
    ({"channel": {"isNull": True}}, ""),
    ({"team": {"eq": "@one"}}, "ab"),
    ({"team": {"in": ["@one", "@two"]}}, "abc"),
    ({"team": {"notIn": ["@one"]}}, "cdef"),
    ({"team": {"isNull": True}}, "def"),
    ({"team": {"isNull": False, "notIn": ["@two"]}}, "a"),
    ({"team": {"eq": "@below"}}, ""),
    ({"belowMinimum": True}, "bd"),
    ({"belowMinimum": False}, "acef"),
    ({"belowMinimum": None}, "abcdef"),
    ({"belowMinimum": True, "channel": {"eq": "voice"}, "team": {"eq": "@two"}}, "b"),
]


async def test_every_condition_on_queues_and_how_they_combine(gateway: Gateway, staff: Staff) -> None:
    a, b = await staff.queue("a", minimum_agents=3), await staff.queue("b", minimum_agents=4, channel="Voice")
    c, d = await staff.queue("c", channel="chat"), await staff.queue("d", minimum_agents=1)
    await staff.queue("é", channel="email")
    await staff.queue("f", channel="Rückruf")
    one, two = await staff.team("one", queues=[a, b]), await staff.team("two", queues=[b, c])
    below = await staff.team("below", parent=one)
    group = await staff.skill_group(queues=[a, d])
    await staff.hire(teams=[one, two], queues=[a, b])
    await staff.hire(teams=[below])
    await staff.hire(queues=[a, b])
    await staff.hire(queues=[b, d], blocked=True)
    await staff.hire(skill_groups=[group], status=UserStatus.DEACTIVATED)
    things = {thing.name: thing for thing in (one, two, below)}

    found = []
    for asked, expected in FILTERS:
        filter = with_ids(asked, things)
        found.append((asked, "".join(await names(gateway, "queues", filter=filter)).replace("é", "e")))
        counted = await connection(gateway, "queues", "totalCount nodes { id }", filter=filter)
        assert counted["totalCount"] == len(expected), asked
    assert found == [(asked, expected) for asked, expected in FILTERS]


async def test_a_channel_is_found_however_it_is_written(gateway: Gateway, staff: Staff) -> None:
    """Regardless of case and accents, from the moment at which it is given or changed."""
    queue = await create(gateway, "Queue", name="Q", channel="Rückruf")
    for text in ("ruckruf", "RÜCKRUF", "Ru\u0308ckruf"):
        assert await names(gateway, "queues", filter={"channel": {"eq": text}}) == ["Q"], text
    await update(gateway, "Queue", queue["id"], channel="Câble")
    assert await names(gateway, "queues", filter={"channel": {"eq": "ruckruf"}}) == []
    assert await names(gateway, "queues", filter={"channel": {"startsWith": "CABLE"}}) == ["Q"]


async def test_a_queue_falls_below_its_minimum_and_rises_with_its_people(gateway: Gateway, staff: Staff) -> None:
    """A10, C12, C13: deactivation and block take agents away; what comes back counts again."""
    queue = await staff.queue("queue", minimum_agents=2)
    group = await staff.skill_group(queues=[queue])
    one, other = await staff.hire(2, skill_groups=[group])
    below = {"filter": {"belowMinimum": True}}
    assert await names(gateway, "queues", **below) == []
    for there, back, person in (
        ("deactivateUsers", "reactivateUsers", one),
        ("forceUsersOffline", "resumeUsersOnline", other),
    ):
        await bulk(gateway, there, [person])
        assert await names(gateway, "queues", **below) == ["queue"]
        await bulk(gateway, back, [person])
        assert await names(gateway, "queues", **below) == []


async def test_a_queue_that_is_not_there_is_null(gateway: Gateway) -> None:
    found = await gateway.ask("query One($id: ID!) { queue(id: $id) { name } }", {"id": global_id("Queue", uuid7())})
    assert found == {"queue": None}
