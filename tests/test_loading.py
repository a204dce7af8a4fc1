"""Statements counted: whatever is shown of each item, a hundred of them take no more statements than one."""

from __future__ import annotations

from typing import Any

import pytest

from models.license import LicenseType
from models.presence import PresenceState
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Staff
from tests.statements import Counted, Statements
from tests.test_statements import settled

pytestmark = pytest.mark.anyio

COUNT = 100
# Fields that want things of one kind are served by one statement or by one each, as the answers before them arrive:
# the site of a person and that of their team, say. A statement for each item would make a difference of 99.
TOGETHER_OR_APART = 4
PERSON = """
  id displayName roles presence { state } site { name } profile { name } desktopProfile { name }
  effectiveLicense { name seats { available } } signInBlock { since setBy { displayName } } deactivation { reason }
  teams(first: 5) { totalCount nodes { name parent { name } site { name } } }
  queues(first: 5) { totalCount edges { node { name } origins { source team { name } skillGroup { name } } } }
  sessions(first: 1) { nodes { id } } callRecords(first: 1) { nodes { queue { name } team { name } } }
  auditEvents(first: 1) { nodes { action actor { displayName } } }
"""
LISTS = {
    "users": "users(first: $first, filter: {role: {eq: AGENT}}) { totalCount nodes { PERSON } }",
    "teams": """
    teams(first: $first) { nodes {
      name parent { name } children(first: 2) { nodes { name } } queues(first: 5) { nodes { name } }
      members(first: 2) { totalCount nodes { displayName presence { state } } }
      everybody: members(first: 2, includeDescendants: true) { totalCount nodes { displayName } }
    } }
    """,
    "queues": """
    queues(first: $first) { nodes {
      name activeAgentCount teams(first: 5) { nodes { name } }
      members(first: 2) {
        totalCount edges { node { displayName effectiveLicense { name } } origins { source team { name } } }
      }
    } }
    """,
    "callRecords": "callRecords(first: $first) { nodes { user { PERSON } queue { name } team { name } } }",
    "auditEvents": """
    auditEvents(first: $first, filter: {action: {eq: ASSIGNED}}) { nodes {
      actor { displayName } operation { kind requestedBy { displayName } } target { ... on User { PERSON } }
    } }
    """,
}


async def populated(gateway: Gateway, staff: Staff) -> str:
    """A hundred people who all have everything, in a hundred teams and queues; the id of an operation on them."""
    site, top = await staff.site(), await staff.team("top", queues=[await staff.queue()])
    for number in range(COUNT):
        queue = await staff.queue()
        team = await staff.team(parent=top, queues=[queue], site=site)
        group = await staff.skill_group(queues=[queue])
        terms: dict[str, Any] = {"licenses": [LicenseType.STANDARD_AGENT], "presence": PresenceState.AVAILABLE}
        person = await staff.hire(
            site=site,
            teams=[team],
            queues=[queue],
            skill_groups=[group],
            password=None,
            blocked=number % 2 == 0,
            **terms,
        )
        await staff.call(person, queue=queue, team=team, seconds=1)
    rows = await gateway.ask("{ users(first: 100, filter: {role: {eq: AGENT}}) { nodes { id } } }")
    ids = [node["id"] for node in rows["users"]["nodes"]]
    assert len(ids) == COUNT
    done = await bulk(gateway, "assignTeams", {"ids": ids}, teams={"add": [top.id]})
    assert done.totals == {"succeeded": COUNT}
    return str(done.operation["id"])


async def asked(gateway: Gateway, statements: Statements, document: str, **variables: Any) -> tuple[Any, Counted]:
    with statements.counting() as counted:
        found = await gateway.ask(document, variables)
    return found, counted


async def test_no_list_takes_a_statement_for_each_item(gateway: Gateway, staff: Staff, statements: Statements) -> None:
    operation = await populated(gateway, staff)
    await settled(gateway)
    for name, field in LISTS.items():
        document = f"query List($first: Int!) {{ {field.replace('PERSON', PERSON)} }}"
        one, few = await asked(gateway, statements, document, first=1)
        many, all = await asked(gateway, statements, document, first=COUNT)
        assert (len(one[name]["nodes"]), len(many[name]["nodes"])) == (1, COUNT)
        assert abs(all.count - few.count) <= TOGETHER_OR_APART, f"{name}: for many\n{all}"
        assert few.count > 2

    items = """
    query Items($id: ID!, $first: Int!) {
      bulkOperation(id: $id) { items(first: $first) { nodes { outcome effects { subject { id } } user { PERSON } } } }
    }
    """.replace("PERSON", PERSON)
    one, few = await asked(gateway, statements, items, id=operation, first=1)
    many, all = await asked(gateway, statements, items, id=operation, first=COUNT)
    assert len(many["bulkOperation"]["items"]["nodes"]) == COUNT
    assert abs(all.count - few.count) <= TOGETHER_OR_APART, f"for many\n{all}"


async def test_nodes_of_many_kinds_are_fetched_together(gateway: Gateway, staff: Staff, statements: Statements) -> None:
    people, teams = await staff.hire(40, password=None), [await staff.team() for _ in range(40)]
    await settled(gateway)
    document = """
    query Many($ids: [ID!]!) { nodes(ids: $ids) {
      ... on User { teams { nodes { name } } } ... on Team { members { nodes { id } } }
    } }
    """
    _, few = await asked(gateway, statements, document, ids=[people[0].id, teams[0].id])
    mixed = [thing.id for pair in zip(people, teams, strict=True) for thing in pair]
    found, all = await asked(gateway, statements, document, ids=mixed)
    assert None not in found["nodes"]
    assert abs(all.count - few.count) <= TOGETHER_OR_APART


async def test_a_hundred_people_with_teams_and_queues_take_exactly_as_many_statements_as_one(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    await populated(gateway, staff)
    await settled(gateway)
    document = """
    query List($first: Int!) { users(first: $first, filter: {role: {eq: AGENT}}) { nodes {
      displayName roles site { name } profile { name } presence { state } effectiveLicense { name }
      teams(first: 5) { nodes { name } } queues(first: 5) { edges { node { name } origins { source team { name } } } }
    } } }
    """
    counts = [(await asked(gateway, statements, document, first=first))[1].count for first in (1, 10, COUNT)]
    assert counts == [counts[0]] * 3
    # The key; people, and one each for the nine kinds of things that are shown of them.
    assert counts[0] == 11
