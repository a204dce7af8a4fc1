"""The coverage guard: queues that would be left with too few active agents are told, or kept (requirement Z14)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

import resolvers.queued
from models.user import UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.statements import Statements
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
async def test_batches_are_guarded_as_one(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """Z14: in a dry run, too, who left in the batches before counts."""
    monkeypatch.setattr(resolvers.queued, "BATCH", 2)
    monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=3))
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
