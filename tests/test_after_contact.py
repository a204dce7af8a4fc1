"""Plans and guards hold for those who are waited for as well, and nobody is waited for longer than it was to last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import resolvers.queued
from models.presence import PresenceState
from models.user import UserRole
from resolvers.performing import take_back_due
from resolvers.queued import work_on_next
from tests.changes import bulk
from tests.contradiction import broken
from tests.crowds import Clock
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.test_coverage import TOLD, rule
from tests.test_queued import all_done, look, outcomes
from tests.test_times import END, at, person, soon, times
from tests.test_undo import operating

pytestmark = pytest.mark.anyio


async def planned_and_done(
    gateway: Gateway, people: list[Person], calls: list[Thing], mutation: str = "deactivateUsers"
) -> tuple[Any, Any]:
    """What a plan showed, and what came of the same when the contacts ended, one after the other."""
    plan = await bulk(gateway, mutation, people, dryRun=True, onActiveContact="AFTER_CONTACT")
    await all_done(gateway)
    shown = await look(gateway, plan.operation), await gateway.ask(TOLD, {"id": plan.operation["id"]})
    asked = await bulk(gateway, mutation, people, onActiveContact="AFTER_CONTACT")
    await all_done(gateway)
    for call in calls:
        await gateway.execute(END, key=gateway.key_parameter(call.key))
        await all_done(gateway)
    done = await look(gateway, asked.operation), await gateway.ask(TOLD, {"id": asked.operation["id"]})
    assert await broken(gateway) == []
    return shown, done


def what(told: Any) -> Any:
    operation, warnings = told
    return operation["items"], operation["totals"], warnings["bulkOperation"]


@pytest.fixture(params=["at once", "in batches"])
def sized(request: pytest.FixtureRequest, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the answer, or by a worker one by one."""
    if request.param == "in batches":
        monkeypatch.setattr(resolvers.queued, "BATCH", 1)
        monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=1))


@pytest.mark.usefixtures("sized")
@pytest.mark.parametrize("mutation", ["deactivateUsers", "forceUsersOffline", "signOutUsers"])
@pytest.mark.parametrize("presence", [PresenceState.OFFLINE, PresenceState.AVAILABLE])
async def test_a_plan_waits_for_nobody_and_tells_what_is_done_after_the_contacts(
    gateway: Gateway, staff: Staff, mutation: str, presence: PresenceState
) -> None:
    """E7, Z3: who only shows as ENGAGED for the contact does not go offline by it."""
    people = await staff.hire(3, presence=presence)
    for one in people if mutation == "signOutUsers" else []:
        await gateway.sign_in(one, "AGENT_DESKTOP")
    calls = [await staff.call(one) for one in people[:2]]
    shown, done = await planned_and_done(gateway, people, calls, mutation)
    assert outcomes(shown[0]) == ["SUCCEEDED"] * 3
    assert what(done) == what(shown)


@pytest.mark.usefixtures("sized")
async def test_who_is_waited_for_counts_among_the_last_administrators(gateway: Gateway, staff: Staff) -> None:
    """E6, Z3."""
    boss = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR])
    call = await staff.call(boss)
    shown, done = await planned_and_done(gateway, [boss, gateway.admin], [call])
    assert outcomes(shown[0]) == ["LAST_ADMINISTRATOR"] * 2
    assert what(done) == what(shown)


@pytest.mark.usefixtures("sized")
@pytest.mark.parametrize("wanted", ["WARN", "REFUSE"])
@pytest.mark.parametrize("talking", [[0], [1], [2], [2, 0], [0, 1, 2]])
async def test_who_is_waited_for_keeps_the_place_in_the_order_of_the_input(
    gateway: Gateway, staff: Staff, wanted: str, talking: list[int]
) -> None:
    """Z3, Z14: whoever hangs up first, and what was left too small is told at the end."""
    await rule(gateway, wanted)
    queue, other = await staff.queue(minimum_agents=3), await staff.queue(minimum_agents=4)
    people = await staff.hire(4, queues=[queue])
    people += [await staff.hire(queues=[other])]
    calls = [await staff.call(people[place]) for place in talking]
    shown, done = await planned_and_done(gateway, [people[4], *people[:3]], calls)
    refused = "COVERAGE" if wanted == "REFUSE" else "SUCCEEDED"
    assert outcomes(shown[0]) == [refused, "SUCCEEDED", refused, refused]
    assert what(done) == what(shown)


async def test_what_a_worker_is_left_with_knows_which_queues_lost_somebody_before(
    gateway: Gateway, staff: Staff
) -> None:
    """Z14: who is waited for is in none of them."""
    queue = await staff.queue(minimum_agents=5)
    agent, busy = await staff.hire(queues=[queue]), await staff.hire()
    call = await staff.call(busy)
    shown, done = await planned_and_done(gateway, [agent, busy], [call])
    assert [each["code"] for each in shown[1]["bulkOperation"]["warnings"]] == ["COVERAGE"]
    assert what(done) == what(shown)


@pytest.mark.parametrize("mutation", ["deactivateUsers", "signOutUsers"])
async def test_who_changed_since_the_plan_is_left_alone_after_the_contact_too(
    gateway: Gateway, staff: Staff, mutation: str
) -> None:
    """E9."""
    people = await staff.hire(2)
    calls = []
    for one in people:
        await gateway.sign_in(one, "AGENT_DESKTOP")
        calls.append(await staff.call(one))
    plan = await bulk(gateway, mutation, people, dryRun=True, onActiveContact="AFTER_CONTACT")
    done = await bulk(gateway, mutation, {"planId": plan.operation["id"]})
    assert done.outcomes == ["PENDING"] * 2
    await bulk(gateway, "assignTeams", people[:1], teams={"add": [(await staff.team()).id]})
    for call in calls:
        await gateway.execute(END, key=gateway.key_parameter(call.key))
    await all_done(gateway)
    assert outcomes(await look(gateway, done.operation)) == ["PLAN_STALE", "SUCCEEDED"]


@pytest.mark.parametrize("delayed", [True, False])
async def test_what_has_nobody_is_over_at_once(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch, delayed: bool
) -> None:
    """E7, Z8: a filter that matches nobody, or a plan with nobody in it."""
    terms: dict[str, Any] = {"onActiveContact": "AFTER_CONTACT"}
    if delayed:
        team = await staff.team()
        nobody = {"matching": {"filter": {"team": {"eq": team.id}}, "expectedCount": 0}}
        asked = await bulk(gateway, "deactivateUsers", nobody, **terms, executeAt=soon(hours=1))
        expected = ("COMPLETED", [])
    else:
        strangers = {"emails": ["one@acme.example", "two@acme.example"]}
        plan = await bulk(gateway, "deactivateUsers", strangers, **terms, dryRun=True)
        monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=1))
        asked = await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})
        expected = ("COMPLETED_WITH_ERRORS", ["NOT_FOUND"] * 2)
    assert (asked.operation["status"], asked.outcomes) == expected
    assert await broken(gateway) == []
    assert not await work_on_next(gateway.database, now=at(hours=2))


async def test_nobody_is_kept_out_of_service_for_somebody_who_still_talks(gateway: Gateway, staff: Staff) -> None:
    """E7, Z8: at the time until which it lasts, who is waited for is left alone and the others come back."""
    free, busy = await staff.hire(2)
    await staff.call(busy)
    asked = await bulk(gateway, "deactivateUsers", [free, busy], onActiveContact="AFTER_CONTACT", until=soon(hours=1))
    assert asked.outcomes == ["SUCCEEDED", "PENDING"]
    assert not await work_on_next(gateway.database, now=at(minutes=59))
    assert await work_on_next(gateway.database, now=at(hours=2))
    done = await look(gateway, asked.operation)
    assert (done["status"], outcomes(done)) == ("COMPLETED_WITH_ERRORS", ["SUCCEEDED", "SKIPPED"])
    assert await take_back_due(gateway.database, now=at(hours=2))
    assert [(await person(gateway, one))["status"] for one in (free, busy)] == ["ACTIVE", "ACTIVE"]
    assert await broken(gateway) == []


async def test_what_was_for_a_time_only_does_not_begin_after_it(gateway: Gateway, staff: Staff) -> None:
    """Z8: after a standstill, nobody goes out of service to come back at once."""
    people = await staff.hire(2)
    asked = await bulk(gateway, "deactivateUsers", people, executeAt=soon(hours=1), until=soon(hours=2))
    assert await work_on_next(gateway.database, now=at(hours=3))
    done = await look(gateway, asked.operation)
    assert (done["status"], outcomes(done)) == ("COMPLETED_WITH_ERRORS", ["SKIPPED"] * 2)
    assert not await take_back_due(gateway.database, now=at(hours=3))
    assert await broken(gateway) == []


async def test_what_is_tried_again_lasts_as_long_as_it_was_to_last(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z8: it does not become what is for good."""
    busy = await staff.hire()
    call = await staff.call(busy)
    until = soon(hours=1)
    done = await bulk(gateway, "deactivateUsers", [busy], onActiveContact="SKIP", until=until)
    plan = await bulk(gateway, "forceUsersOffline", [busy], onActiveContact="SKIP", until=until, dryRun=True)
    await gateway.execute(END, key=gateway.key_parameter(call.key))
    again = await operating(gateway, "retryBulkOperation", done.operation)
    assert again.outcomes == ["SUCCEEDED"]
    assert (await times(gateway, again.operation))["revertsAt"] == (await times(gateway, done.operation))["until"]
    Clock(monkeypatch).forward(at(hours=2)())
    late = await operating(gateway, "retryBulkOperation", done.operation)
    assert (late.codes, late.paths) == (["INVALID_STATE"], [["input", "id"]])
    late = await bulk(gateway, "forceUsersOffline", {"planId": plan.operation["id"]})
    assert (late.codes, late.paths) == (["INVALID_STATE"], [["input", "target", "planId"]])
