"""The coverage guard: queues that would be left with too few active agents are told, or kept (requirement Z14)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from models.user import UserStatus
from resolvers.queued import work_on_next
from tests import editing
from tests.changes import bulk
from tests.contradiction import deadlocks
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.statements import Statements
from tests.structuring import field_of
from tests.test_plans import RECORDS
from tests.test_queued import all_done
from tests.test_undo import undo
from tests.wholes import whole

pytestmark = pytest.mark.anyio

TOLD = """
query Told($id: ID!) { bulkOperation(id: $id) {
  warnings { code message }
  totals { queuesBelowMinimum { queue { name } minimumAgents activeAgentCount } }
} }
"""
RULE = """
mutation Rule($rule: CoverageRule!) { updateOrganization(input: {patch: {coverageRule: $rule}}) {
  errors { code } organization { coverageRule }
} }
"""
REFUSED = "query R($id: ID!) { bulkOperation(id: $id) { items(outcome: FAILED) { nodes { errors { message } } } } }"
COUNT = "query Count($id: ID!) { queue(id: $id) { activeAgentCount } }"


async def rule(gateway: Gateway, wanted: str) -> None:
    payload = (await gateway.ask(RULE, {"rule": wanted}))["updateOrganization"]
    assert payload == {"errors": [], "organization": {"coverageRule": wanted}}


async def shortages(gateway: Gateway, operation: Any) -> list[tuple[str, int, int]]:
    """Name, minimum and what is left of each queue that the operation tells of."""
    told = (await gateway.ask(TOLD, {"id": operation["id"]}))["bulkOperation"]
    found = told["totals"]["queuesBelowMinimum"]
    assert [warning["code"] for warning in told["warnings"]] == ["COVERAGE"] * len(found)
    for warning, shortage in zip(told["warnings"], found, strict=True):
        assert shortage["queue"]["name"] in warning["message"]
    return [(each["queue"]["name"], each["minimumAgents"], each["activeAgentCount"]) for each in found]


async def agents(gateway: Gateway, queue: Thing) -> int:
    return int((await gateway.ask(COUNT, {"id": queue.id}))["queue"]["activeAgentCount"])


async def test_a_plan_warns_of_the_queues_that_would_be_left_with_too_few(gateway: Gateway, staff: Staff) -> None:
    """Z14: however people came to the queue, each counted once; what nobody leaves is not told of."""
    queue = await staff.queue("Billing", minimum_agents=4)
    other = await staff.queue("Enough", minimum_agents=1)
    idle = await staff.queue("Idle", minimum_agents=9)
    team, group = await staff.team(queues=[queue, other]), await staff.skill_group(queues=[queue])
    people = await staff.hire(3, teams=[team], skill_groups=[group], queues=[queue])
    await staff.hire(2, teams=[team])
    await staff.hire(queues=[idle])
    await staff.hire(skill_groups=[group], status=UserStatus.DEACTIVATED)
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True)
    assert await shortages(gateway, plan.operation) == [("Billing", 4, 2)]
    assert [warning["code"] for warning in plan.payload["warnings"]] == ["COVERAGE"]
    assert await agents(gateway, queue) == 5
    done = await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})
    assert done.outcomes == ["SUCCEEDED"] * 3
    assert await shortages(gateway, done.operation) == [("Billing", 4, 2)]
    assert await agents(gateway, queue) == 2


@pytest.mark.parametrize(
    ("mutation", "terms"),
    [
        ("deactivateUsers", {}),
        ("forceUsersOffline", {}),
        ("assignTeams", {"teams": {"set": []}}),
        ("assignSkillGroups", {"skillGroups": {"set": []}}),
        ("assignQueues", {"queues": {"set": []}}),
    ],
)
async def test_who_would_leave_too_few_behind_is_refused_where_the_organization_wants_it(
    gateway: Gateway, staff: Staff, mutation: str, terms: dict[str, Any]
) -> None:
    """Z14: first come, first served; who stays in the queue in another way does not count."""
    await rule(gateway, "REFUSE")
    queue = await staff.queue("Billing", minimum_agents=3)
    team, group = await staff.team(queues=[queue]), await staff.skill_group(queues=[queue])
    way = {"assignSkillGroups": {"skill_groups": [group]}, "assignQueues": {"queues": [queue]}}.get(
        mutation, {"teams": [team]}
    )
    people = await staff.hire(5, **way)
    outside = await staff.hire(teams=[await staff.team()])
    target = [outside, *people]
    before = await whole(gateway.database, without=RECORDS)
    plan = await bulk(gateway, mutation, target, dryRun=True, **terms)
    assert await whole(gateway.database, without=RECORDS) == before
    assert plan.outcomes[1:] == ["SUCCEEDED"] * 2 + ["COVERAGE"] * 3
    done = await bulk(gateway, mutation, target, **terms)
    assert done.outcomes == plan.outcomes
    assert await agents(gateway, queue) == 3
    assert await shortages(gateway, done.operation) == []
    refused = (await gateway.ask(REFUSED, {"id": done.operation["id"]}))["bulkOperation"]["items"]["nodes"]
    words = "Billing would be left with 2 of at least 3 active agents."
    assert [item["errors"] for item in refused] == [[{"message": words}]] * 3
    atomic = await bulk(gateway, mutation, people[3:], errorPolicy="ATOMIC", **terms)
    assert atomic.outcomes == ["COVERAGE", "COVERAGE"]


async def test_who_stays_in_the_queue_by_another_way_leaves_nobody_behind(gateway: Gateway, staff: Staff) -> None:
    await rule(gateway, "REFUSE")
    queue = await staff.queue(minimum_agents=2)
    team, group = await staff.team(queues=[queue]), await staff.skill_group(queues=[queue])
    people = await staff.hire(2, teams=[team], skill_groups=[group])
    assert (await bulk(gateway, "assignTeams", people, teams={"set": []})).outcomes == ["SUCCEEDED"] * 2
    assert (await bulk(gateway, "assignSkillGroups", people, skillGroups={"set": []})).outcomes == ["COVERAGE"] * 2


async def test_nothing_is_looked_after_where_the_organization_does_not_want_it(gateway: Gateway, staff: Staff) -> None:
    await rule(gateway, "OFF")
    queue = await staff.queue(minimum_agents=5)
    people = await staff.hire(2, queues=[queue])
    done = await bulk(gateway, "deactivateUsers", people)
    assert (done.outcomes, done.payload["warnings"]) == (["SUCCEEDED"] * 2, [])
    assert await shortages(gateway, done.operation) == []


async def test_a_queue_that_is_not_in_use_needs_nobody(gateway: Gateway, staff: Staff) -> None:
    queue = await staff.queue(minimum_agents=5, active=False)
    done = await bulk(gateway, "deactivateUsers", [await staff.hire(queues=[queue])])
    assert await shortages(gateway, done.operation) == []


async def test_an_undo_is_guarded_too(gateway: Gateway, staff: Staff) -> None:
    """Z5, Z14: what takes people back out of a queue."""
    queue = await staff.queue("Billing", minimum_agents=2)
    people = await staff.hire(2, queues=[queue])
    gone = await bulk(gateway, "deactivateUsers", people)
    back = await undo(gateway, gone.operation)
    await rule(gateway, "REFUSE")
    assert (await undo(gateway, back.operation)).outcomes == ["COVERAGE"] * 2
    await rule(gateway, "WARN")
    again = await undo(gateway, back.operation)
    assert await shortages(gateway, again.operation) == [("Billing", 2, 0)]


@pytest.mark.parametrize("wanted", ["WARN", "REFUSE"])
@pytest.mark.usefixtures("small")
async def test_batches_are_guarded_as_one(gateway: Gateway, staff: Staff, wanted: str) -> None:
    """Z14: in a dry run, too, who left in the batches before counts."""
    await rule(gateway, wanted)
    queue, small = await staff.queue("Billing", minimum_agents=3), await staff.queue("Small", minimum_agents=1)
    people = [await staff.hire(queues=[queue, small]), *await staff.hire(4, queues=[queue])]
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True)
    await all_done(gateway)
    done = await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})
    await all_done(gateway)
    for each in (plan, done):
        expected = [("Small", 1, 0), ("Billing", 3, 0)] if wanted == "WARN" else []
        assert sorted(await shortages(gateway, each.operation)) == sorted(expected)
    assert await agents(gateway, queue) == (0 if wanted == "WARN" else 3)


async def test_two_who_take_agents_at_the_same_time_see_each_other(gateway: Gateway, staff: Staff) -> None:
    """Z14: on both databases as many stay as must."""
    await rule(gateway, "REFUSE")
    for _ in range(3):
        queue = await staff.queue(minimum_agents=3)
        people = await staff.hire(6, queues=[queue])
        await asyncio.gather(*(bulk(gateway, "deactivateUsers", [one]) for one in people))
        assert await agents(gateway, queue) == 3


async def test_the_guard_takes_a_fixed_number_of_statements(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    await rule(gateway, "REFUSE")
    queues = [await staff.queue(minimum_agents=1) for _ in range(5)]
    counts = []
    for size in (2, 20):
        people = await staff.hire(size, queues=queues)
        with statements.counting() as counted:
            await bulk(gateway, "assignQueues", people, queues={"set": []})
        counts.append(counted.count)
    assert counts[0] == counts[1], counted


MEMBERS = {"team": "teams", "skill_group": "skill_groups"}
WARNED = "errors { code message path } warnings { code message path }"


async def give(gateway: Gateway, thing: Thing, **way: list[Thing]) -> Any:
    """Change the queues of a team or skill group."""
    name = thing.type_name
    document = f"""
      mutation G($input: Assign{name}QueuesInput!) {{
        assign{name}Queues(input: $input) {{ {WARNED} {field_of(name)} {{ id version }} }}
      }}
    """
    queues = {key: [each.id for each in things] for key, things in way.items()}
    return (await gateway.ask(document, {"input": {"id": thing.id, "queues": queues}}))[f"assign{name}Queues"]


async def alter(gateway: Gateway, thing: Thing, **patch: Any) -> Any:
    """Change a team or a queue."""
    name = thing.type_name
    document = f"""
      mutation A($input: Update{name}Input!) {{
        update{name}(input: $input) {{ {WARNED} {field_of(name)} {{ id version }} }}
      }}
    """
    return (await gateway.ask(document, {"input": {"id": thing.id, "patch": patch}}))[f"update{name}"]


def about(name: str, agents: int, minimum: int, path: str, *, refused: bool = False) -> list[dict[str, Any]]:
    """The one problem or warning of a queue with too few."""
    words = f"{name} {'would be' if refused else 'is'} left with {agents} of at least {minimum} active agents."
    return [{"code": "COVERAGE", "message": words, "path": path.split(".")}]


@pytest.mark.parametrize("kind", list(MEMBERS))
async def test_what_is_taken_from_a_team_takes_its_people(gateway: Gateway, staff: Staff, kind: str) -> None:
    """Z14: those who stay by another way, the deactivated and queues with enough left are none of it."""
    billing, sales = await staff.queue("Billing", minimum_agents=2), await staff.queue("Sales", minimum_agents=2)
    plenty, unused = await staff.queue(minimum_agents=1), await staff.queue(minimum_agents=9, active=False)
    thing = await getattr(staff, kind)(queues=[billing, sales, plenty, unused])
    members = {MEMBERS[kind]: [thing]}
    await staff.hire(3, **members)
    await staff.hire(status=UserStatus.DEACTIVATED, queues=[billing])
    await staff.hire(1, queues=[billing])
    await staff.hire(2, queues=[sales, plenty])
    left = {"remove": [billing, sales, plenty, unused]}

    await rule(gateway, "REFUSE")
    before = await whole(gateway.database)
    refused = await give(gateway, thing, **left)
    assert refused == {
        "errors": about("Billing", 1, 2, "input.queues", refused=True),
        "warnings": [],
        field_of(thing.type_name): {"id": thing.id, "version": 1},
    }
    assert await whole(gateway.database) == before
    allowed = await give(gateway, thing, remove=[sales, plenty, unused])
    assert (allowed["errors"], allowed["warnings"]) == ([], [])

    await rule(gateway, "WARN")
    warned = await give(gateway, thing, set=[])
    assert (warned["errors"], warned["warnings"]) == ([], about("Billing", 1, 2, "input.queues"))
    assert (await agents(gateway, billing), await agents(gateway, sales)) == (1, 2)


@pytest.mark.parametrize("wanted", ["OFF", "WARN"])
async def test_a_queue_that_had_too_few_is_told_of_when_it_loses_more(
    gateway: Gateway, staff: Staff, wanted: str
) -> None:
    await rule(gateway, wanted)
    queue = await staff.queue("Billing", minimum_agents=5)
    nobodys = await staff.queue(minimum_agents=5)
    team, empty = await staff.team(queues=[queue]), await staff.team(queues=[queue, nobodys])
    await staff.hire(2, teams=[team])
    assert (await give(gateway, empty, set=[]))["warnings"] == []
    told = (await give(gateway, team, set=[]))["warnings"]
    assert told == (about("Billing", 0, 5, "input.queues") if wanted == "WARN" else [])


async def test_a_team_that_is_moved_leaves_the_queues_of_those_above(gateway: Gateway, staff: Staff) -> None:
    """Z14, A10: with all below it; its own queues go with it."""
    high, own = await staff.queue("High", minimum_agents=2), await staff.queue("Own", minimum_agents=2)
    top = await staff.team(queues=[high])
    middle = await staff.team(parent=top)
    moved = await staff.team(parent=middle, queues=[own])
    below = await staff.team(parent=moved)
    await staff.hire(1, teams=[moved])
    await staff.hire(1, teams=[below])

    await rule(gateway, "REFUSE")
    before = await whole(gateway.database)
    refused = await alter(gateway, moved, parentId=None, name="Elsewhere")
    assert refused["errors"] == about("High", 0, 2, "input.patch.parentId", refused=True)
    assert refused["team"] == {"id": moved.id, "version": 1}
    assert await whole(gateway.database) == before
    within = await alter(gateway, moved, parentId=top.id)
    assert (within["errors"], within["warnings"]) == ([], [])

    await rule(gateway, "WARN")
    warned = await alter(gateway, moved, parentId=None)
    assert (warned["errors"], warned["warnings"]) == ([], about("High", 0, 2, "input.patch.parentId"))
    assert (await agents(gateway, high), await agents(gateway, own)) == (0, 2)


async def test_somebody_who_changes_the_site_leaves_the_queues_of_the_teams(gateway: Gateway, staff: Staff) -> None:
    """Z14, B14: refused as a whole, the roles that were to change with it among that."""
    north, south = await staff.site(), await staff.site()
    queue, direct = await staff.queue("Billing", minimum_agents=1), await staff.queue(minimum_agents=1)
    team = await staff.team(queues=[queue, direct])
    one = await staff.hire(site=north, teams=[team], queues=[direct])
    patch = {"siteId": south.id, "nickname": "Nix", "roles": []}

    await rule(gateway, "REFUSE")
    before = await whole(gateway.database)
    refused = await editing.update(gateway, one, **patch)
    assert refused["errors"] == about("Billing", 0, 1, "input.patch.siteId", refused=True)
    assert refused["warnings"] == []
    assert refused["user"]["version"] == 1
    assert await whole(gateway.database) == before

    await rule(gateway, "WARN")
    warned = await editing.update(gateway, one, **patch)
    assert warned["errors"] == []
    assert [each["code"] for each in warned["warnings"]] == ["TEAMS_RESET", "COVERAGE"]
    assert warned["user"]["nickname"] == "Nix"


@pytest.mark.parametrize("wanted", ["WARN", "REFUSE"])
async def test_who_asks_for_more_agents_than_there_are_is_told_so(gateway: Gateway, staff: Staff, wanted: str) -> None:
    """Z14: nobody is taken away by it, so it is never refused."""
    await rule(gateway, wanted)
    queue = await staff.queue("Billing", minimum_agents=1)
    await staff.hire(2, queues=[queue])
    assert (await alter(gateway, queue, minimumAgents=2))["warnings"] == []
    told = await alter(gateway, queue, minimumAgents=4)
    assert (told["errors"], told["warnings"]) == ([], about("Billing", 2, 4, "input.patch.minimumAgents"))
    assert (await alter(gateway, queue, minimumAgents=3))["warnings"] == []
    assert (await alter(gateway, queue, name="Sales"))["warnings"] == []
    asleep = await staff.queue("Asleep", minimum_agents=1, active=False)
    assert (await alter(gateway, asleep, minimumAgents=2))["warnings"] == []
    assert (await alter(gateway, asleep, active=True))["warnings"] == about("Asleep", 0, 2, "input.patch.active")


@pytest.mark.usefixtures("small")
async def test_who_stops_an_operation_is_told_what_it_has_left(gateway: Gateway, staff: Staff) -> None:
    """Z14."""
    people = await staff.hire(4, queues=[await staff.queue("Billing", minimum_agents=3)])
    asked = await bulk(gateway, "deactivateUsers", people)
    assert await work_on_next(gateway.database)
    document = f"mutation C($id: ID!) {{ cancelBulkOperation(input: {{id: $id}}) {{ {WARNED} }} }}"
    told = (await gateway.ask(document, {"id": asked.operation["id"]}))["cancelBulkOperation"]
    words = "Billing is left with 2 of at least 3 active agents."
    assert told == {"errors": [], "warnings": [{"code": "COVERAGE", "message": words, "path": None}]}


async def test_all_who_take_agents_at_once_see_each_other_and_none_waits_in_a_circle(
    gateway: Gateway, staff: Staff
) -> None:
    """Z14: people and structure, which need the same rows in many orders; two of five agents stay."""
    await rule(gateway, "REFUSE")
    high, low = await staff.site(), await staff.site()
    for _ in range(4):
        queue = await staff.queue(minimum_agents=2)
        top = await staff.team(queues=[queue])
        teams = [await staff.team(queues=[queue]) for _ in range(2)]
        below = await staff.team(parent=top)
        one, two, moved, direct, other = [
            *await staff.hire(1, teams=teams[:1]),
            *await staff.hire(1, teams=teams[1:], site=high),
            *await staff.hire(1, teams=[below]),
            *await staff.hire(2, queues=[queue]),
        ]
        await asyncio.gather(
            *(give(gateway, team, remove=[queue]) for team in teams),
            alter(gateway, below, parentId=None),
            editing.update(gateway, two, siteId=low.id),
            bulk(gateway, "deactivateUsers", [one]),
            bulk(gateway, "deactivateUsers", [moved]),
            bulk(gateway, "assignQueues", [direct], queues={"remove": [queue.id]}),
            bulk(gateway, "assignQueues", [other], queues={"remove": [queue.id]}),
        )
        assert await agents(gateway, queue) == 2
        asked = await staff.queue(minimum_agents=2)
        team = await staff.team(queues=[asked])
        movers = await staff.hire(5, teams=[team], site=high)
        await asyncio.gather(*(editing.update(gateway, each, siteId=low.id) for each in movers))
        assert await agents(gateway, asked) == 2
    await asyncio.sleep(1)  # PostgreSQL counts once a second
    assert await deadlocks(gateway) == 0


async def test_guarding_a_team_takes_a_fixed_number_of_statements(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    """The agents are counted before and after, and nothing else is asked."""
    counts: dict[tuple[str, int], int] = {}
    for wanted in ("OFF", "WARN", "REFUSE"):
        await rule(gateway, wanted)
        for size in (1, 20):
            queues = [await staff.queue(minimum_agents=1) for _ in range(size)]
            team = await staff.team(queues=queues)
            await staff.hire(size, teams=[team], queues=queues)
            with statements.counting() as counted:
                assert (await give(gateway, team, set=[]))["errors"] == []
            counts[wanted, size] = counted.count
    without = counts["OFF", 1]
    more = {"OFF": 0, "WARN": 2, "REFUSE": 2}
    assert {key: count - without for key, count in counts.items()} == {key: more[key[0]] for key in counts}
