"""Teams as callers find them: what is above and below, who is in them, which of them a list shows."""

from __future__ import annotations

from typing import Any

import pytest

from gql.ids import global_id
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.reading import connection, names, with_ids

pytestmark = pytest.mark.anyio

NESTING = """
query Nesting($id: ID!) {
  team(id: $id) {
    name
    parent { name parent { name parent { name } } }
    children { nodes { name } totalCount }
  }
}
"""
MEMBERS = """
query Members($id: ID!, $below: Boolean!, $first: Int, $after: String) {
  team(id: $id) {
    members(includeDescendants: $below, first: $first, after: $after) {
      nodes { displayName } totalCount pageInfo { hasNextPage endCursor }
    }
  }
}
"""
QUEUES = "query Queues($id: ID!) { user(by: {id: $id}) { queues { nodes { name } totalCount } } }"


async def tree(staff: Staff) -> dict[str, Thing]:
    """Company > (Sales > (North, South), Care), and Apart beside it; each team has a queue of its own name."""
    made: dict[str, Thing] = {}
    above = {"Company": None, "Sales": "Company", "North": "Sales", "South": "Sales", "Care": "Company", "Apart": None}
    for name, parent in above.items():
        queue = await staff.queue(f"{name} calls")
        made[name] = await staff.team(name, parent=made[parent] if parent else None, queues=[queue])
    return made


async def members(gateway: Gateway, team: Thing, *, below: bool = False) -> list[str]:
    """Who is listed in a team, counted too."""
    found = (await gateway.ask(MEMBERS, {"id": team.id, "below": below}))["team"]["members"]
    listed = [node["displayName"] for node in found["nodes"]]
    assert found["totalCount"] == len(listed)
    return listed


async def queues(gateway: Gateway, person: Thing) -> list[str]:
    """In which queues a person works, without the word that all of them share."""
    found = (await gateway.ask(QUEUES, {"id": person.id}))["user"]["queues"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["name"].removesuffix(" calls") for node in found["nodes"]]


async def test_a_team_shows_what_is_above_and_directly_below(gateway: Gateway, staff: Staff) -> None:
    """A27."""
    teams = await tree(staff)
    found = {name: (await gateway.ask(NESTING, {"id": team.id}))["team"] for name, team in teams.items()}
    assert {name: [node["name"] for node in team["children"]["nodes"]] for name, team in found.items()} == {
        "Company": ["Care", "Sales"],
        "Sales": ["North", "South"],
        "North": [],
        "South": [],
        "Care": [],
        "Apart": [],
    }
    assert all(team["children"]["totalCount"] == len(team["children"]["nodes"]) for team in found.values())
    assert found["North"]["parent"] == {"name": "Sales", "parent": {"name": "Company", "parent": None}}
    assert [found[name]["parent"] for name in ("Company", "Apart")] == [None, None]


async def test_a_team_lists_its_own_members_and_on_request_those_of_all_teams_below(
    gateway: Gateway, staff: Staff
) -> None:
    """A27: somebody in several of the teams is listed once."""
    teams = await tree(staff)
    for name, places in (
        ("Zoe Top", ["Company"]),
        ("Ann Sales", ["Sales"]),
        ("Bob North", ["North"]),
        ("Cid Both", ["North", "South"]),
        ("Dan Up", ["North", "Company"]),
        ("Eve Care", ["Care", "Apart"]),
    ):
        await staff.hire(name, teams=[teams[place] for place in places])

    assert {name: await members(gateway, team) for name, team in teams.items()} == {
        "Company": ["Dan Up", "Zoe Top"],
        "Sales": ["Ann Sales"],
        "North": ["Bob North", "Cid Both", "Dan Up"],
        "South": ["Cid Both"],
        "Care": ["Eve Care"],
        "Apart": ["Eve Care"],
    }
    assert {name: await members(gateway, team, below=True) for name, team in teams.items()} == {
        "Company": ["Ann Sales", "Bob North", "Cid Both", "Dan Up", "Eve Care", "Zoe Top"],
        "Sales": ["Ann Sales", "Bob North", "Cid Both", "Dan Up"],
        "North": ["Bob North", "Cid Both", "Dan Up"],
        "South": ["Cid Both"],
        "Care": ["Eve Care"],
        "Apart": ["Eve Care"],
    }


async def test_members_of_all_teams_below_have_pages(gateway: Gateway, staff: Staff) -> None:
    teams = await tree(staff)
    people = await staff.hire(7, teams=[teams["North"], teams["South"], teams["Company"]])
    variables: dict[str, Any] = {"id": teams["Company"].id, "below": True, "first": 3}
    found: list[str] = []
    sizes = []
    while True:
        page = (await gateway.ask(MEMBERS, variables))["team"]["members"]
        assert page["totalCount"] == 7
        sizes.append(len(page["nodes"]))
        found += [node["displayName"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    assert sizes == [3, 3, 1]
    assert sorted(found) == sorted(person.name for person in people)


async def test_members_of_a_sub_team_receive_the_queues_of_all_teams_above(gateway: Gateway, staff: Staff) -> None:
    """A27: never those of a team below or beside, and only as long as they are members."""
    teams = await tree(staff)
    top, middle, low = [await staff.hire(teams=[teams[name]]) for name in ("Company", "Sales", "North")]
    assert await queues(gateway, top) == ["Company"]
    assert await queues(gateway, middle) == ["Company", "Sales"]
    assert await queues(gateway, low) == ["Company", "North", "Sales"]

    await bulk(gateway, "assignTeams", [low], teams={"add": [teams["Care"].id]})
    assert await queues(gateway, low) == ["Care", "Company", "North", "Sales"]
    await bulk(gateway, "assignTeams", [low], teams={"remove": [teams["North"].id]})
    assert await queues(gateway, low) == ["Care", "Company"]
    await bulk(gateway, "assignTeams", [low], teams={"set": []})
    assert await queues(gateway, low) == []


async def test_a_deactivation_takes_one_member_and_leaves_the_team_as_it_was(gateway: Gateway, staff: Staff) -> None:
    """A10, A8: the queues of the teams and the other members stay; the teams list active people only."""
    teams = await tree(staff)
    gone, stays = [await staff.hire(name, teams=[teams["North"], teams["Care"]]) for name in ("Gus Gone", "Sue Stays")]
    await bulk(gateway, "deactivateUsers", [gone])

    for name, below in (("North", False), ("Care", False), ("Company", True), ("Sales", True)):
        assert await members(gateway, teams[name], below=below) == ["Sue Stays"]
    assert await queues(gateway, stays) == ["Care", "Company", "North", "Sales"]
    assert await queues(gateway, gone) == []
    found = await gateway.ask(
        "query Own($id: ID!) { team(id: $id) { version queues { nodes { name } totalCount } } }",
        {"id": teams["North"].id},
    )
    assert found["team"] == {"version": 1, "queues": {"nodes": [{"name": "North calls"}], "totalCount": 1}}


async def test_even_a_row_that_should_not_be_there_shows_no_deactivated_member(gateway: Gateway, staff: Staff) -> None:
    """A10."""
    top = await staff.team("Top")
    below = await staff.team("Below", parent=top)
    for status in UserStatus:
        await staff.hire(f"{status.name} Person", teams=[below], status=status)
    assert await members(gateway, below) == ["ACTIVE Person"]
    assert await members(gateway, top, below=True) == ["ACTIVE Person"]


async def test_teams_that_are_not_in_use_are_listed_where_asked_for(gateway: Gateway, staff: Staff) -> None:
    """B7: active by default, inactive only, both; by id and below its parent a team is always found."""
    top = await staff.team("Top")
    await staff.team("Used", parent=top)
    unused = await staff.team("Unused", parent=top, active=False)
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["Top", "Used"]),
        ({"includeInactive": True}, ["Top", "Unused", "Used"]),
        ({"filter": {"active": True}}, ["Top", "Used"]),
        ({"filter": {"active": False}}, ["Unused"]),
        ({"filter": {"active": None}}, ["Top", "Used"]),
        ({"filter": {"active": True}, "includeInactive": True}, ["Top", "Used"]),
        ({"filter": {"active": None}, "includeInactive": True}, ["Top", "Unused", "Used"]),
        ({"filter": {"active": False, "name": {"startsWith": "us"}}}, []),
    ]
    assert [(asked, await names(gateway, "teams", **asked)) for asked, _ in expected] == expected
    found = await gateway.ask("query One($id: ID!) { team(id: $id) { name active } }", {"id": unused.id})
    assert found["team"] == {"name": "Unused", "active": False}
    below = (await gateway.ask(NESTING, {"id": top.id}))["team"]["children"]
    assert below == {"nodes": [{"name": "Unused"}, {"name": "Used"}], "totalCount": 2}


# A filter, and which of the teams of the test meet it.
FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["Café", "Cafeteria", "North_1", "North1", "Sales"]),
    ({"name": {"eq": "cafe"}}, ["Café"]),
    ({"name": {"eq": "CAFÉ"}}, ["Café"]),
    ({"name": {"eq": "caf"}}, []),
    ({"name": {"in": ["sales", "NORTH1", "nothing"]}}, ["North1", "Sales"]),
    ({"name": {"in": []}}, []),
    ({"name": {"startsWith": "Caf"}}, ["Café", "Cafeteria"]),
    ({"name": {"startsWith": "north_"}}, ["North_1"]),
    ({"name": {"startsWith": "%"}}, []),
    ({"name": {"startsWith": "eteria"}}, []),
    ({"name": {"startsWith": "caf", "in": ["sales", "cafeteria"]}}, ["Cafeteria"]),
    ({"name": {"isNull": True}}, []),
    ({"name": {"isNull": False}}, ["Café", "Cafeteria", "North_1", "North1", "Sales"]),
    ({"site": {"eq": "@north"}}, ["North_1", "North1"]),
    ({"site": {"in": ["@north", "@south"]}}, ["North_1", "North1", "Sales"]),
    ({"site": {"notIn": ["@north"]}}, ["Café", "Cafeteria", "Sales"]),
    ({"site": {"isNull": True}}, ["Café", "Cafeteria"]),
    ({"parent": {"eq": "@Sales"}}, ["North_1", "North1"]),
    ({"parent": {"in": ["@Sales", "@North1"]}}, ["Café", "North_1", "North1"]),
    ({"parent": {"notIn": ["@Sales"]}}, ["Café", "Cafeteria", "Sales"]),
    ({"parent": {"isNull": True}}, ["Cafeteria", "Sales"]),
    ({"parent": {"isNull": False}}, ["Café", "North_1", "North1"]),
    ({"hasMembers": True}, ["Café", "North1"]),
    ({"hasMembers": False}, ["Cafeteria", "North_1", "Sales"]),
    ({"hasMembers": None}, ["Café", "Cafeteria", "North_1", "North1", "Sales"]),
    ({"parent": {"eq": "@Sales"}, "site": {"eq": "@north"}, "hasMembers": False}, ["North_1"]),
]


async def test_every_condition_on_teams_and_how_they_combine(gateway: Gateway, staff: Staff) -> None:
    north, south = await staff.site("north"), await staff.site("south")
    sales = await staff.team("Sales", site=south)
    plain, scored = [await staff.team(name, parent=sales, site=north) for name in ("North1", "North_1")]
    cafe, cafeteria = await staff.team("Café", parent=plain), await staff.team("Cafeteria")
    await staff.hire(teams=[plain])
    await staff.hire(2, teams=[cafe])
    await bulk(gateway, "deactivateUsers", [await staff.hire(teams=[cafeteria])])
    things = {thing.name: thing for thing in (north, south, sales, plain, scored)}

    found = []
    for asked, expected in FILTERS:
        filter = with_ids(asked, things)
        found.append((asked, await names(gateway, "teams", filter=filter)))
        counted = await connection(gateway, "teams", "totalCount totalCountPrecision nodes { id }", filter=filter)
        assert (counted["totalCount"], counted["totalCountPrecision"]) == (len(expected), "EXACT"), asked
    assert [(asked, sorted(listed)) for asked, listed in found] == [
        (asked, sorted(expected)) for asked, expected in FILTERS
    ]


async def test_a_team_has_the_members_that_the_caller_sees(gateway: Gateway, staff: Staff) -> None:
    """A24: the filter tells nothing about people whom a supervisor does not see."""
    own, other, _ = await staff.team("Own"), await staff.team("Other"), await staff.team("Empty")
    supervisor = await staff.hire("Sue Supervisor", roles=[UserRole.SUPERVISOR], teams=[own])
    await staff.hire(teams=[other])
    token = await gateway.sign_in(supervisor)
    assert await names(gateway, "teams", token=token) == ["Empty", "Other", "Own"]
    assert await names(gateway, "teams", token=token, filter={"hasMembers": True}) == ["Own"]
    assert await names(gateway, "teams", token=token, filter={"hasMembers": False}) == ["Empty", "Other"]
    assert await names(gateway, "teams", filter={"hasMembers": True}) == ["Other", "Own"]


async def test_a_team_that_is_not_there_is_null(gateway: Gateway) -> None:
    found = await gateway.ask("query One($id: ID!) { team(id: $id) { name } }", {"id": global_id("Team", uuid7())})
    assert found == {"team": None}
