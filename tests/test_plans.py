"""Dry runs and what comes of them: plans that are executed as they were shown, or refused (M7, M8)."""

from __future__ import annotations

from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.changes import Changed, ask_bulk, bulk
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.wholes import whole

pytestmark = pytest.mark.anyio

RECORDS = ("bulk_operations", "bulk_operation_items")


async def a_crowd(gateway: Gateway, staff: Staff) -> list[Thing]:
    """People in all states that matter to a deactivation."""
    team, queue = await staff.team(), await staff.queue()
    license = await staff.license(type=LicenseType.PREMIUM_AGENT, seats=5)
    plain = await staff.hire(teams=[team], queues=[queue], licenses=[license])
    signed_in = await staff.hire(teams=[team])
    await gateway.sign_in(signed_in, "AGENT_DESKTOP")
    busy = await staff.hire(teams=[team])
    await staff.call(busy)
    gone = await staff.hire(status=UserStatus.DEACTIVATED)
    guarded = await staff.hire(protected=True)
    return [plain, signed_in, busy, gone, guarded, Thing(uuid7(), "User", "nobody")]


def seen(changed: Changed) -> list[Any]:
    """What became of each item, without the ids of what was done."""
    return [(item["key"], item["outcome"], item["errors"], item["effects"], item["user"]) for item in changed.items]


@pytest.mark.parametrize(
    "mutation", ["deactivateUsers", "reactivateUsers", "forceUsersOffline", "resumeUsersOnline", "signOutUsers"]
)
async def test_a_dry_run_changes_nothing_and_its_plan_does_what_it_showed(
    gateway: Gateway, staff: Staff, mutation: str
) -> None:
    """A17, Z3."""
    people = await a_crowd(gateway, staff)
    if mutation == "resumeUsersOnline":
        await bulk(gateway, "forceUsersOffline", people[:3])
    before = await whole(gateway.database, without=RECORDS)
    plan = await bulk(gateway, mutation, people, dryRun=True)
    assert await whole(gateway.database, without=RECORDS) == before
    done = await bulk(gateway, mutation, {"planId": plan.operation["id"]})
    assert await whole(gateway.database, without=RECORDS) != before
    assert seen(done) == seen(plan)
    assert done.totals == plan.totals
    assert any(plan.effects(index) for index in range(len(people)))
    document = "query Q($ids: [ID!]!) { nodes(ids: $ids) { ... on BulkOperation { dryRun } } }"
    ids = [plan.operation["id"], done.operation["id"]]
    assert (await gateway.ask(document, {"ids": ids}))["nodes"] == [{"dryRun": True}, {"dryRun": False}]


@pytest.mark.parametrize("named", ["teams", "queues", "skillGroups"])
async def test_an_assignment_is_planned_and_executed(gateway: Gateway, staff: Staff, named: str) -> None:
    """A17."""
    people = await staff.hire(2)
    thing = await {"teams": staff.team, "queues": staff.queue, "skillGroups": staff.skill_group}[named]()
    mutation = f"assign{named[0].upper()}{named[1:]}"
    before = await whole(gateway.database, without=RECORDS)
    plan = await bulk(gateway, mutation, people, dryRun=True, **{named: {"add": [thing.id]}})
    assert await whole(gateway.database, without=RECORDS) == before
    other = await bulk(gateway, mutation, {"planId": plan.operation["id"]}, **{named: {"remove": [thing.id]}})
    assert (other.codes, other.paths, other.operation) == (["INVALID"], [["input", named]], None)
    done = await bulk(gateway, mutation, {"planId": plan.operation["id"]}, **{named: {"add": [thing.id]}})
    assert done.outcomes == plan.outcomes == ["SUCCEEDED", "SUCCEEDED"]
    assert seen(done) == seen(plan)


async def test_people_are_added_in_a_dry_run_by_nobody(gateway: Gateway) -> None:
    """A17."""
    document = """mutation Add($input: AddUsersInput!) { addUsers(input: $input) {
        operation { totals { succeeded failed } items { nodes { user { id } effects { kind } } } }
    } }"""
    new = [{"email": "new@example.com"}, {"email": "no mail"}]
    before = await whole(gateway.database, without=RECORDS)
    added = (await gateway.ask(document, {"input": {"users": new, "dryRun": True}}))["addUsers"]
    assert await whole(gateway.database, without=RECORDS) == before
    assert added["operation"]["totals"] == {"succeeded": 1, "failed": 1}
    assert added["operation"]["items"]["nodes"][0] == {"user": None, "effects": [{"kind": "USER_CREATED"}]}


async def test_a_plan_is_stale_once_somebody_in_it_changed(gateway: Gateway, staff: Staff) -> None:
    """E9."""
    people = await staff.hire(2)
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True)
    await bulk(gateway, "forceUsersOffline", people[1:])
    before = await whole(gateway.database)
    stale = await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})
    assert (stale.codes, stale.paths) == (["PLAN_STALE"], [["input", "target", "planId"]])
    assert stale.operation is None
    assert await whole(gateway.database) == before


async def test_a_plan_is_executed_once(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(2)
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True)
    assert (await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})).codes == []
    assert (await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})).codes == ["PLAN_STALE"]


async def test_presence_and_sessions_make_no_plan_stale(gateway: Gateway, staff: Staff) -> None:
    """E9."""
    person = await staff.hire()
    plan = await bulk(gateway, "deactivateUsers", [person], dryRun=True)
    await gateway.sign_in(person)
    done = await bulk(gateway, "deactivateUsers", {"planId": plan.operation["id"]})
    assert done.outcomes == ["SUCCEEDED"]


async def test_only_a_dry_run_of_the_same_mutation_that_the_caller_sees_is_a_plan(
    gateway: Gateway, staff: Staff
) -> None:
    person = await staff.hire()
    plan = await bulk(gateway, "deactivateUsers", [person], dryRun=True)
    real = await bulk(gateway, "forceUsersOffline", [person])
    another = await gateway.key("another", ["USERS_READ", "USERS_DEACTIVATE"])
    path = ["input", "target", "planId"]
    for mutation, plan_id, token, code in (
        ("deactivateUsers", global_id("BulkOperation", uuid7()), "", "NOT_FOUND"),
        ("deactivateUsers", plan.operation["id"], another, "NOT_FOUND"),
        ("forceUsersOffline", real.operation["id"], "", "NOT_FOUND"),
        ("forceUsersOffline", plan.operation["id"], "", "INVALID"),
        ("deactivateUsers", person.id, "", "INVALID"),
    ):
        answer = await bulk(gateway, mutation, {"planId": plan_id}, token=token)
        assert (answer.codes, answer.paths, answer.operation) == ([code], [path], None)


async def test_the_terms_of_a_plan_hold(gateway: Gateway, staff: Staff) -> None:
    """E7: what is written out must be what the plan says; a default counts as not written."""
    busy = await staff.hire()
    await staff.call(busy)
    said = {"onActiveContact": "SKIP", "reason": "LEAVE", "note": "until spring", "errorPolicy": "ATOMIC"}
    plan = await bulk(gateway, "deactivateUsers", [busy], dryRun=True, **said)
    assert plan.outcomes == ["ACTIVE_CONTACT"]
    target = {"planId": plan.operation["id"]}
    for name, value in (("reason", "CONDUCT"), ("note", "something else")):
        refused = await bulk(gateway, "deactivateUsers", target, **{name: value})
        assert (refused.codes, refused.paths) == (["INVALID"], [["input", name]])
    free = await bulk(gateway, "deactivateUsers", [busy], dryRun=True)
    refused = await bulk(gateway, "deactivateUsers", {"planId": free.operation["id"]}, onActiveContact="SKIP")
    assert (refused.codes, refused.paths) == (["INVALID"], [["input", "onActiveContact"]])
    again = await bulk(gateway, "deactivateUsers", target, **said)
    assert again.outcomes == ["ACTIVE_CONTACT"]
    unsaid = await bulk(gateway, "deactivateUsers", target)
    assert unsaid.outcomes == ["ACTIVE_CONTACT"]
    document = "query Q($id: ID!) { bulkOperation(id: $id) { reason note errorPolicy } }"
    kept = (await gateway.ask(document, {"id": unsaid.operation["id"]}))["bulkOperation"]
    assert kept == {"reason": "LEAVE", "note": "until spring", "errorPolicy": "ATOMIC"}


async def test_everybody_who_matches_is_deactivated_if_they_are_as_many_as_expected(
    gateway: Gateway, staff: Staff
) -> None:
    """Z7, A21: a filter names its people as a list of users does."""
    team = await staff.team()
    people = await staff.hire(3, teams=[team])
    await staff.hire(teams=[team], status=UserStatus.DEACTIVATED)
    await staff.hire()
    matching: dict[str, Any] = {"filter": {"team": {"eq": team.id}}}
    path = ["input", "target", "matching", "expectedCount"]
    unsaid = await bulk(gateway, "deactivateUsers", {"matching": matching})
    assert (unsaid.codes, unsaid.paths) == (["REQUIRED"], [path])
    before = await whole(gateway.database)
    for expected in (2, 4, 0):
        wrong = await bulk(gateway, "deactivateUsers", {"matching": {**matching, "expectedCount": expected}})
        assert (wrong.codes, wrong.paths, wrong.operation) == (["COUNT_MISMATCH"], [path], None)
    assert await whole(gateway.database) == before
    plan = await bulk(gateway, "deactivateUsers", {"matching": matching}, dryRun=True)
    assert plan.totals["succeeded"] == 3
    done = await bulk(gateway, "deactivateUsers", {"matching": {**matching, "expectedCount": 3}})
    assert [item["key"] for item in done.items] == [one.id for one in sorted(people, key=lambda one: one.key)]
    assert done.outcomes == ["SUCCEEDED"] * 3
    nobody = await bulk(gateway, "deactivateUsers", {"matching": {**matching, "expectedCount": 0}})
    assert (nobody.codes, nobody.operation["status"], nobody.items) == ([], "COMPLETED", [])


async def test_a_filter_names_only_whom_the_caller_sees(gateway: Gateway, staff: Staff) -> None:
    """A28."""
    team = await staff.team()
    agent = await staff.hire(teams=[team])
    await staff.hire(teams=[await staff.team()])
    supervisor = await gateway.sign_in(await staff.hire(roles=[UserRole.SUPERVISOR], teams=[team]))
    matching = {"filter": {"role": {"eq": "AGENT"}}, "search": agent.name.split()[-1], "expectedCount": 1}
    forced = await bulk(gateway, "forceUsersOffline", {"matching": matching}, token=supervisor)
    assert forced.codes == []
    assert [item["key"] for item in forced.items] == [agent.id]


async def test_what_is_wrong_with_a_filter_is_told_in_the_payload(gateway: Gateway) -> None:
    for matching, path in (
        ({"filter": {"team": {"eq": "no id"}}}, ["filter", "team", "eq"]),
        ({"filter": {"displayName": {"contains": "x"}}}, ["filter", "displayName", "contains"]),
        ({"filter": {}, "search": "x" * 201}, ["search"]),
    ):
        refused = await bulk(gateway, "deactivateUsers", {"matching": matching}, dryRun=True)
        assert (refused.codes, refused.paths) == (["INVALID"], [["input", "target", "matching", *path]])


async def test_who_may_not_do_it_is_told_so_before_anything_is_read(gateway: Gateway) -> None:
    """A24."""
    token = await gateway.key("reads", ["USERS_READ"])
    for target in ({"ids": []}, {"matching": {"filter": {}}}, {"planId": "no id"}):
        assert (await ask_bulk(gateway, "deactivateUsers", target, token=token)).codes == ["FORBIDDEN"]
