"""Taking back what was done, exactly, unless somebody changed it since; restoring; trying again (E10, Z1, Z5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

import resolvers.queued
from gql.ids import global_id
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.changes import ANSWER, Changed, bulk
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.test_queued import CANCEL, all_done, look, outcomes
from tests.wholes import whole

pytestmark = pytest.mark.anyio

# What a change leaves behind that is no state of a person: records, sessions that ended, and when it was.
BESIDE = (
    "audit_events",
    "audit_chain",
    "audit_heads",
    "outbox_events",
    "bulk_operations",
    "bulk_operation_items",
    "sessions",
    "presences",
    "seat_ledger",
    "call_records",
)
COUNTED_UP = {"version", "updated_at", "status_changed_at"}


async def state(gateway: Gateway, *, without: Collection[str] = ()) -> Any:
    return await whole(gateway.database, without=(*BESIDE, *without), without_columns=COUNTED_UP)


async def operating(gateway: Gateway, mutation: str, operation: Any, *, token: str = "", **terms: Any) -> Changed:
    """Undo or retry an operation."""
    name = mutation[0].upper() + mutation[1:] + "Input"
    document = f"mutation Change($input: {name}!) {{ {mutation}(input: $input) {{ {ANSWER} }} }}"
    answer = await gateway.run(document, {"input": {"id": operation["id"], **terms}}, token=token)
    assert not answer.errors, answer.errors
    return Changed(answer, answer.data[mutation])


async def undo(gateway: Gateway, operation: Any, **terms: Any) -> Changed:
    return await operating(gateway, "undoBulkOperation", operation, **terms)


async def last_actions(gateway: Gateway, people: Sequence[Person]) -> list[str]:
    """What the audit says was done last to each of these people."""
    asked = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { auditEvents(first: 1) { nodes { action } } } } }"
    found = await gateway.ask(asked, {"ids": [one.id for one in people]})
    return [node["auditEvents"]["nodes"][0]["action"] for node in found["nodes"]]


async def a_place(staff: Staff) -> dict[str, Any]:
    return {
        "teams": [await staff.team(), await staff.team()],
        "queues": [await staff.queue()],
        "skill_groups": [await staff.skill_group()],
        "licenses": [await staff.license(type=LicenseType.PREMIUM_AGENT, seats=10)],
    }


async def test_undoing_a_deactivation_restores_exactly_what_was_there(gateway: Gateway, staff: Staff) -> None:
    """E10, Z5: rows compared, and the undo is undone, and that too."""
    place = await a_place(staff)
    people = [*await staff.hire(2, **place), await staff.hire(), await staff.hire(protected=True)]
    states = [await state(gateway, without=["deactivations", "deactivation_teams", "deactivation_queues"])]
    done = await bulk(gateway, "deactivateUsers", people)
    gone = await state(gateway)
    back = await undo(gateway, done.operation)
    assert (back.outcomes, back.totals["succeeded"]) == (["SUCCEEDED"] * 3, 3)
    assert ("ASSIGNED", place["teams"][0].name) in back.effects()
    assert states == [await state(gateway, without=["deactivations", "deactivation_teams", "deactivation_queues"])]
    again = await undo(gateway, back.operation)
    assert again.outcomes == ["SUCCEEDED"] * 3
    assert await state(gateway) == gone
    home = await undo(gateway, again.operation)
    assert home.outcomes == ["SUCCEEDED"] * 3
    assert states == [await state(gateway, without=["deactivations", "deactivation_teams", "deactivation_queues"])]


@pytest.mark.parametrize("mutation", ["forceUsersOffline", "resumeUsersOnline", "reactivateUsers"])
async def test_other_changes_are_taken_back_exactly_and_forth_again(
    gateway: Gateway, staff: Staff, mutation: str
) -> None:
    """Z5."""
    place = await a_place(staff)
    people = await staff.hire(2, **place)
    if mutation == "reactivateUsers":
        await bulk(gateway, "deactivateUsers", people, reason="LEAVE", note="kept")
    if mutation == "resumeUsersOnline":
        await bulk(gateway, "forceUsersOffline", people, reason="SECURITY", note="kept")
    before = await state(gateway)
    terms = {"restore": ["TEAMS", "QUEUES"]} if mutation == "reactivateUsers" else {}
    done = await bulk(gateway, mutation, people, **terms)
    after = await state(gateway, without=["deactivations"])
    assert done.outcomes == ["SUCCEEDED"] * 2
    back = await undo(gateway, done.operation)
    assert back.outcomes == ["SUCCEEDED"] * 2
    assert await state(gateway) == before
    forth = await undo(gateway, back.operation)
    assert forth.outcomes == ["SUCCEEDED"] * 2
    assert await state(gateway, without=["deactivations"]) == after


async def test_an_older_block_comes_back(gateway: Gateway, staff: Staff) -> None:
    """A28, E14: an administrator's block had taken the place of a supervisor's."""
    team = await staff.team()
    supervisor = await gateway.sign_in(await staff.hire(roles=[UserRole.SUPERVISOR], teams=[team]))
    agent = await staff.hire(teams=[team])
    await bulk(gateway, "forceUsersOffline", [agent], token=supervisor, note="the older one")
    before = await state(gateway)
    done = await bulk(gateway, "forceUsersOffline", [agent])
    (back,) = (await undo(gateway, done.operation)).items
    assert back["outcome"] == "SUCCEEDED"
    assert "the older sign-in block is back" in [effect["description"] for effect in back["effects"]]
    assert await state(gateway) == before
    assert await last_actions(gateway, [agent]) == ["FORCED_OFFLINE"]


@pytest.mark.parametrize("named", ["teams", "queues", "skillGroups"])
@pytest.mark.parametrize("way", ["add", "remove", "set"])
async def test_an_assignment_is_taken_back_exactly(gateway: Gateway, staff: Staff, named: str, way: str) -> None:
    """C17, Z5: everybody had something else before."""
    make = {"teams": staff.team, "queues": staff.queue, "skillGroups": staff.skill_group}[named]
    one, two, three = [await make() for _ in range(3)]
    terms = {"teams": "teams", "queues": "queues", "skillGroups": "skill_groups"}[named]
    people = [await staff.hire(**{terms: had}) for had in ([one], [one, two], [two], [three], [])]
    before = await state(gateway)
    mutation = f"assign{named[0].upper()}{named[1:]}"
    done = await bulk(gateway, mutation, people, **{named: {way: [one.id, two.id]}})
    after = await state(gateway)
    assert after != before
    back = await undo(gateway, done.operation)
    assert set(back.outcomes) == {"SUCCEEDED"}
    assert await state(gateway) == before
    changed = [one for one, outcome in zip(people, done.outcomes, strict=True) if outcome == "SUCCEEDED"]
    gets_back = people if way == "remove" else [people[3]] if way == "set" else []  # who had lost something
    actions = ["ASSIGNED" if one in gets_back else "UNASSIGNED" for one in changed]
    assert await last_actions(gateway, changed) == actions
    assert set((await undo(gateway, back.operation)).outcomes) == {"SUCCEEDED"}
    assert await state(gateway) != before


async def whole_links(gateway: Gateway) -> Any:
    return [await gateway.rows(f"SELECT * FROM {table}") for table in ("memberships", "user_queues")]


async def test_who_was_changed_since_is_left_alone_and_told(gateway: Gateway, staff: Staff) -> None:
    """Z5, E9: never overwritten."""
    team = await staff.team()
    people = await staff.hire(3, teams=[team])
    done = await bulk(gateway, "deactivateUsers", people)
    await bulk(gateway, "reactivateUsers", people[:1])
    before = await whole(gateway.database, without=BESIDE)
    shown = await undo(gateway, done.operation, dryRun=True)
    assert shown.outcomes == ["VERSION_CONFLICT", "SUCCEEDED", "SUCCEEDED"]
    assert await whole(gateway.database, without=BESIDE) == before
    back = await undo(gateway, done.operation)
    assert (back.outcomes, back.operation["kind"]) == (shown.outcomes, "UNDO")
    document = "query Q($id: ID!) { user(by: {id: $id}) { teams { nodes { id } } } }"
    assert (await gateway.ask(document, {"id": people[0].id}))["user"]["teams"]["nodes"] == []


async def test_what_cannot_come_back_is_told(gateway: Gateway, staff: Staff) -> None:
    """Z1: a team that is gone, a queue that is not in use, no seat."""
    gone, kept = await staff.team(), await staff.team()
    queue = await staff.queue()
    license = await staff.license(type=LicenseType.PREMIUM_AGENT, seats=2)
    people = await staff.hire(2, teams=[gone, kept], queues=[queue], licenses=[license])
    done = await bulk(gateway, "deactivateUsers", people)
    await gateway.ask("mutation D($id: ID!) { deleteTeam(input: {id: $id}) { errors { code } } }", {"id": gone.id})
    await gateway.ask(
        "mutation U($id: ID!) { updateQueue(input: {id: $id, patch: {active: false}}) { errors { code } } }",
        {"id": queue.id},
    )
    await staff.hire(licenses=[license])
    back = await undo(gateway, done.operation)
    assert back.outcomes == ["SUCCEEDED", "NO_SEAT_AVAILABLE"]
    assert [warning["code"] for warning in back.items[0]["warnings"]] == ["NOT_RESTORED", "NOT_RESTORED"]
    assert ("ASSIGNED", kept.name) in back.effects()


@pytest.mark.parametrize("restore", [[], ["TEAMS"], ["QUEUES"], ["QUEUES", "TEAMS", "TEAMS"]])
async def test_a_reactivation_restores_what_it_is_asked_to(gateway: Gateway, staff: Staff, restore: list[str]) -> None:
    """A15, A16, Z1."""
    team, queue = await staff.team(), await staff.queue()
    person = await staff.hire(teams=[team], queues=[queue])
    before = await whole_links(gateway)
    await bulk(gateway, "deactivateUsers", [person])
    done = await bulk(gateway, "reactivateUsers", [person], restore=restore)
    assert done.outcomes == ["SUCCEEDED"]
    expected = [rows if name in restore else [] for rows, name in zip(before, ("TEAMS", "QUEUES"), strict=True)]
    assert await whole_links(gateway) == expected


UNDOABLE = "query U($id: ID!) { bulkOperation(id: $id) { undoable origin { id } } }"


async def test_an_operation_tells_whether_it_can_be_taken_back(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(2)
    done = await bulk(gateway, "deactivateUsers", people)
    same = await bulk(gateway, "deactivateUsers", people)
    plan = await bulk(gateway, "reactivateUsers", people, dryRun=True)
    nobody = await bulk(gateway, "signOutUsers", people)

    async def told(operation: Any) -> Any:
        return (await gateway.ask(UNDOABLE, {"id": operation["id"]}))["bulkOperation"]

    assert [(await told(each.operation))["undoable"] for each in (done, same, plan, nobody)] == [
        True,
        False,
        False,
        False,
    ]
    for each in (same, plan, nobody):
        refused = await undo(gateway, each.operation)
        assert (refused.codes, refused.paths, refused.operation) == (["INVALID_STATE"], [["input", "id"]], None)
    await undo(gateway, done.operation, dryRun=True)
    assert (await told(done.operation))["undoable"]
    back = await undo(gateway, done.operation)
    assert await told(back.operation) == {"undoable": True, "origin": {"id": done.operation["id"]}}
    assert not (await told(done.operation))["undoable"]
    assert (await undo(gateway, done.operation)).codes == ["INVALID_STATE"]


async def test_what_is_forgotten_is_neither_taken_back_nor_executed(gateway: Gateway, staff: Staff) -> None:
    """E10: nothing is done to nobody, and said to be done."""
    people = await staff.hire(2)
    plan = await bulk(gateway, "forceUsersOffline", people, dryRun=True)
    done = await bulk(gateway, "deactivateUsers", [*people, gateway.admin])
    yes = "1" if gateway.database.is_sqlite else "true"
    await gateway.execute("DELETE FROM bulk_operation_items")
    await gateway.execute(f"UPDATE bulk_operations SET items_forgotten = {yes}")
    assert not (await gateway.ask(UNDOABLE, {"id": done.operation["id"]}))["bulkOperation"]["undoable"]
    assert (await undo(gateway, done.operation)).codes == ["INVALID_STATE"]
    assert (await operating(gateway, "retryBulkOperation", done.operation)).codes == ["INVALID_STATE"]
    executed = await bulk(gateway, "forceUsersOffline", {"planId": plan.operation["id"]})
    assert (executed.codes, executed.paths) == (["INVALID_STATE"], [["input", "target", "planId"]])


async def test_who_may_not_do_the_opposite_does_not_take_it_back(gateway: Gateway, staff: Staff) -> None:
    """A24."""
    done = await bulk(gateway, "deactivateUsers", [await staff.hire()])
    key = await gateway.key("half", ["USERS_READ", "USERS_DEACTIVATE", "AUDIT_READ"])
    refused = await undo(gateway, done.operation, token=key)
    assert (refused.codes, refused.paths) == (["FORBIDDEN"], [["input", "id"]])
    stranger = await gateway.key("stranger", ["USERS_READ", "USERS_REACTIVATE"])
    assert (await undo(gateway, done.operation, token=stranger)).codes == ["NOT_FOUND"]
    assert (await undo(gateway, {"id": global_id("BulkOperation", uuid7())})).codes == ["NOT_FOUND"]


async def test_guards_hold_for_an_undo(gateway: Gateway, staff: Staff) -> None:
    """C16, E6: nobody takes back their own reactivation."""
    boss = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR], status=UserStatus.DEACTIVATED)
    done = await bulk(gateway, "reactivateUsers", [boss])
    token = await gateway.sign_in(boss)
    assert (await undo(gateway, done.operation, token=token)).outcomes == ["SELF_ACTION"]
    assert (await undo(gateway, done.operation)).outcomes == ["SUCCEEDED"]


async def test_what_failed_is_tried_again_and_nothing_else(gateway: Gateway, staff: Staff) -> None:
    busy, free = await staff.hire(2)
    call = await staff.call(busy)
    terms = {"onActiveContact": "SKIP", "reason": "LEAVE", "note": "again"}
    mails = [busy.email, free.email, "late@acme.example", free.email]
    done = await bulk(gateway, "deactivateUsers", {"emails": mails}, **terms)
    assert done.outcomes == ["ACTIVE_CONTACT", "SUCCEEDED", "NOT_FOUND", "DUPLICATE_IN_REQUEST"]
    await gateway.execute(
        "UPDATE call_records SET ended_at = started_at, ended_by = 0 WHERE id = :key",
        key=gateway.key_parameter(call.key),
    )
    late = await staff.hire()
    await gateway.execute(
        "UPDATE users SET email_key = :mail WHERE id = :key",
        mail="late@acme.example",
        key=gateway.key_parameter(late.key),
    )
    again = await operating(gateway, "retryBulkOperation", done.operation)
    assert [item["key"] for item in again.items] == [busy.email, "late@acme.example"]
    assert again.outcomes == ["SUCCEEDED", "SUCCEEDED"]
    kept = await gateway.ask(
        "query Q($id: ID!) { bulkOperation(id: $id) { kind reason note origin { id } } }", {"id": again.operation["id"]}
    )
    assert kept["bulkOperation"] == {
        "kind": "DEACTIVATE",
        "reason": "LEAVE",
        "note": "again",
        "origin": {"id": done.operation["id"]},
    }
    refused = await operating(gateway, "retryBulkOperation", again.operation)
    assert (refused.codes, refused.paths) == (["INVALID_STATE"], [["input", "id"]])


async def test_large_operations_are_taken_back_and_tried_again_by_the_worker(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z4, Z5: canceled in the middle, the rest done, all of it taken back."""
    monkeypatch.setattr(resolvers.queued, "BATCH", 2)
    monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=2))
    team = await staff.team()
    people: list[Person] = await staff.hire(7, teams=[team])
    before = await state(gateway, without=["deactivations", "deactivation_teams", "deactivation_queues"])
    done = await bulk(gateway, "deactivateUsers", people)
    await resolvers.queued.work_on_next(gateway.database)
    going = await undo(gateway, done.operation)
    assert (going.codes, going.paths) == (["INVALID_STATE"], [["input", "id"]])
    await gateway.ask(CANCEL, {"id": done.operation["id"]})
    rest = await operating(gateway, "retryBulkOperation", done.operation)
    assert rest.operation["status"] == "QUEUED"
    await all_done(gateway)
    assert outcomes(await look(gateway, rest.operation)) == ["SUCCEEDED"] * 5
    backs = [await undo(gateway, each.operation) for each in (done, rest)]
    assert [back.operation["status"] for back in backs] == ["COMPLETED", "QUEUED"]
    await all_done(gateway)
    assert outcomes(await look(gateway, backs[1].operation)) == ["SUCCEEDED"] * 5
    assert await state(gateway, without=["deactivations", "deactivation_teams", "deactivation_queues"]) == before


async def test_an_undo_that_was_tried_again_can_itself_be_taken_back(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z5: stopped in the middle, the rest tried again; neither part counts as taken back by that."""
    people = await staff.hire(5, teams=[await staff.team()])
    done = await bulk(gateway, "deactivateUsers", people)
    gone = await state(gateway)
    monkeypatch.setattr(resolvers.queued, "BATCH", 2)
    monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=2))
    back = await undo(gateway, done.operation)
    await resolvers.queued.work_on_next(gateway.database)
    await gateway.ask(CANCEL, {"id": back.operation["id"]})
    rest = await operating(gateway, "retryBulkOperation", back.operation)
    await all_done(gateway)
    assert outcomes(await look(gateway, rest.operation)) == ["SUCCEEDED"] * 3
    for each in (back, rest):
        asked = await gateway.ask(
            "query Q($id: ID!) { bulkOperation(id: $id) { undoable } }", {"id": each.operation["id"]}
        )
        assert asked["bulkOperation"]["undoable"]
        assert (await undo(gateway, each.operation)).codes == []
    await all_done(gateway)
    assert await state(gateway) == gone
    assert (await undo(gateway, back.operation)).codes == ["INVALID_STATE"]
