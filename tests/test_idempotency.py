"""Calls with an idempotency key are done once, however often and by however many they are sent (rule M9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from graphql import get_named_type

import repositories.idempotency
import resolvers.performing
from gql.ids import global_id
from models.idempotency import IdempotencyKey
from models.storage import table_of, uuid7
from models.user import UserRole
from repositories.engine import Overtaken
from resolvers.authentication import authenticate
from resolvers.bulk import Terms
from resolvers.context import Context, utc_now
from resolvers.idempotency import LASTS, Call
from resolvers.lifecycle import ForceOffline
from resolvers.performing import perform
from resolvers.queued import work_on_next
from resolvers.refusals import NotAuthenticated
from resolvers.targets import UserTarget
from tests.changes import ANSWER, ask_bulk, bulk
from tests.contradiction import broken, clients
from tests.documents import SCHEMA
from tests.gateway import Gateway
from tests.people import Staff
from tests.wholes import whole

pytestmark = pytest.mark.anyio

KEY = "6f1c0a4e-8f62-4b6d-9c39-0e2d5f3f5f10"
PATH = ["input", "idempotencyKey"]


def takes_key(mutation: str) -> bool:
    fields = SCHEMA.mutation_type.fields[mutation].args  # type: ignore[union-attr]
    return "input" in fields and "idempotencyKey" in get_named_type(fields["input"].type).fields  # type: ignore[attr-defined]


async def inputs(gateway: Gateway, staff: Staff) -> dict[str, dict[str, Any]]:
    """What each mutation that takes a key can be sent once, and not with the same effect again."""
    team, queue, group = await staff.team(), await staff.queue(), await staff.skill_group()
    ids = [person.id for person in await staff.hire(2, teams=[team])]
    target = {"target": {"ids": [*ids, global_id("User", uuid7())]}}
    other = {"ids": [(await staff.hire()).id, global_id("User", uuid7())]}
    done = {"id": (await bulk(gateway, "deactivateUsers", other)).operation["id"]}
    return {
        "undoBulkOperation": done,
        "retryBulkOperation": done,
        "signOutUsers": target,
        "forceUsersOffline": target,
        "resumeUsersOnline": target,
        "deactivateUsers": target,
        "reactivateUsers": target,
        "assignTeams": {**target, "teams": {"add": [team.id]}},
        "assignQueues": {**target, "queues": {"add": [queue.id]}},
        "assignSkillGroups": {**target, "skillGroups": {"add": [group.id]}},
        "addUsers": {"users": [{"email": "new@acme.example"}, {"email": "no mail"}]},
        "createTeam": {"name": "Billing"},
        "createQueue": {"name": "Invoices", "channel": "chat"},
        "createSkillGroup": {"name": "Fluent"},
        "createSite": {"name": "Harbour", "timeZone": "Europe/Berlin"},
        "createUserProfile": {"name": "Lead", "surfaces": ["PORTAL"]},
        "createDesktopProfile": {"name": "Wide"},
    }


async def send(gateway: Gateway, mutation: str, given: dict[str, Any], key: Any = KEY, token: str | None = "") -> Any:
    """What a mutation with a key answers; no top-level error comes of it."""
    name = mutation[0].upper() + mutation[1:]
    made = mutation.removeprefix("create")
    shown = ANSWER if made == mutation else f"errors {{ code path }} {made[0].lower()}{made[1:]} {{ id name version }}"
    document = f"mutation M($input: {name}Input!) {{ {mutation}(input: $input) {{ {shown} }} }}"
    return (await gateway.ask(document, {"input": {"idempotencyKey": key, **given}}, token=token))[mutation]


async def test_what_is_sent_again_under_its_key_is_answered_again_and_not_done(gateway: Gateway, staff: Staff) -> None:
    """Z6: every mutation that takes a key."""
    given = await inputs(gateway, staff)
    assert set(given) == {name for name in SCHEMA.mutation_type.fields if takes_key(name)}  # type: ignore[union-attr]
    for mutation, input in given.items():
        first = await send(gateway, mutation, input)
        assert first["errors"] == []
        assert first.get("failed") or "target" not in input
        after = await whole(gateway.database)
        assert await send(gateway, mutation, dict(reversed(input.items()))) == first
        assert await whole(gateway.database) == after
    assert await gateway.scalar("SELECT count(*) FROM idempotency_keys") == len(given)
    assert await broken(gateway) == []


async def test_a_key_stands_for_one_input_of_one_mutation_of_one_caller(gateway: Gateway, staff: Staff) -> None:
    first = await send(gateway, "createTeam", {"name": "Billing"})
    for other in ({"name": "billing"}, {"name": "Billing", "description": "x"}, {"name": "Billing", "siteId": None}):
        refused = await send(gateway, "createTeam", other)
        assert refused == {"errors": [{"code": "IDEMPOTENCY_MISMATCH", "path": PATH}], "team": None}
    queue = await send(gateway, "createSkillGroup", {"name": "Billing"})
    assert queue["skillGroup"]["name"] == "Billing"
    another = await send(gateway, "createTeam", {"name": "Other"}, token=await gateway.key("another"))
    assert another["team"]["name"] == "Other"
    again = await send(gateway, "createTeam", {"name": "Third"}, KEY.upper())
    assert again["team"]["name"] == "Third"
    assert await send(gateway, "createTeam", {"name": "Billing"}) == first


async def test_a_refused_call_leaves_its_key_free(gateway: Gateway, staff: Staff) -> None:
    taken = await staff.team("Billing")
    refused = await send(gateway, "createTeam", {"name": "Billing"})
    assert [error["code"] for error in refused["errors"]] == ["NAME_IN_USE"]
    person = await staff.hire()
    mistaken = await ask_bulk(gateway, "deactivateUsers", {"ids": []}, idempotencyKey=KEY)
    assert mistaken.data["deactivateUsers"]["errors"][0]["code"] == "REQUIRED"
    assert (await bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY)).outcomes == ["SUCCEEDED"]
    await gateway.execute("UPDATE teams SET name_key = 'else' WHERE id = :id", id=gateway.key_parameter(taken.key))
    assert (await send(gateway, "createTeam", {"name": "Billing"}))["errors"] == []


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_up_to_255_characters(gateway: Gateway, key: str) -> None:
    refused = await send(gateway, "createTeam", {"name": "Billing"}, key)
    assert refused == {"errors": [{"code": "INVALID", "path": PATH}], "team": None}
    assert (await send(gateway, "createTeam", {"name": "Billing"}, "ü" * 255))["errors"] == []


async def test_no_key_is_no_key(gateway: Gateway) -> None:
    await send(gateway, "createTeam", {"name": "Billing"}, None)
    refused = await send(gateway, "createTeam", {"name": "Billing"}, None)
    assert [error["code"] for error in refused["errors"]] == ["NAME_IN_USE"]
    assert await gateway.scalar("SELECT count(*) FROM idempotency_keys") == 0


async def test_a_dry_run_is_repeated_as_a_dry_run(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(2)
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True, idempotencyKey=KEY)
    target = {"planId": plan.operation["id"]}
    done = await bulk(gateway, "deactivateUsers", target, idempotencyKey="and now")
    again = await bulk(gateway, "deactivateUsers", people, dryRun=True, idempotencyKey=KEY)
    assert again.payload == plan.payload
    repeated = await bulk(gateway, "deactivateUsers", target, idempotencyKey="and now")
    assert repeated.payload == done.payload
    assert (await bulk(gateway, "deactivateUsers", target)).codes == ["PLAN_STALE"]


async def test_what_became_of_it_since_is_told(gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that was changed is shown as it is, one that is gone is null, an operation goes on."""
    made = (await send(gateway, "createTeam", {"name": "Billing"}))["team"]
    patch = 'mutation P($id: ID!) { updateTeam(input: {id: $id, patch: {name: "Dunning"}}) { errors { code } } }'
    await gateway.ask(patch, {"id": made["id"]})
    shown = await send(gateway, "createTeam", {"name": "Billing"})
    assert shown == {"errors": [], "team": {"id": made["id"], "name": "Dunning", "version": 2}}
    await gateway.ask("mutation D($id: ID!) { deleteTeam(input: {id: $id}) { errors { code } } }", {"id": made["id"]})
    assert await send(gateway, "createTeam", {"name": "Billing"}) == {"errors": [], "team": None}
    monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=1))
    people = await staff.hire(3)
    queued = await bulk(gateway, "forceUsersOffline", people, idempotencyKey=KEY)
    await work_on_next(gateway.database)
    again = await bulk(gateway, "forceUsersOffline", people, idempotencyKey=KEY)
    assert again.operation["id"] == queued.operation["id"]
    assert (queued.operation["status"], again.operation["status"]) == ("QUEUED", "COMPLETED")


async def test_a_key_lasts_a_day(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    first = await bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY)

    async def age(by: Any) -> None:
        keys = table_of(IdempotencyKey)
        await gateway.database.change(lambda connection: connection.execute(keys.update().values(expires_at=by)))

    async with gateway.database.reading() as connection:
        kept = (await connection.execute(table_of(IdempotencyKey).select())).one()
    assert abs(kept.expires_at - utc_now() - LASTS).total_seconds() < 60
    await age(utc_now())
    second = await bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY, note="another input")
    assert second.outcomes == ["UNCHANGED"]
    assert second.operation["id"] != first.operation["id"]
    assert (await bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY)).codes == ["IDEMPOTENCY_MISMATCH"]
    assert await gateway.scalar("SELECT count(*) FROM idempotency_keys") == 1


async def test_who_may_not_any_more_is_not_answered(gateway: Gateway, staff: Staff) -> None:
    """A4: judged as ever, before what was kept is told."""
    lead = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR])
    token, other = await gateway.sign_in(lead), await gateway.sign_in(lead)
    person = await staff.hire()
    first = await bulk(gateway, "forceUsersOffline", [person], idempotencyKey=KEY, token=token)
    assert (
        await bulk(gateway, "forceUsersOffline", [person], idempotencyKey=KEY, token=other)
    ).payload == first.payload
    caller = await authenticate(gateway.database, token, utc_now())
    await gateway.ask("mutation { signOut { session { id } } }", token=token)
    context = Context(gateway.database, caller)
    context.call = Call("forceUsersOffline", KEY, b"")
    with pytest.raises(NotAuthenticated):
        await perform(context, ForceOffline(), UserTarget("ids", [person.id], [person.key]), Terms())
    update = "mutation U($input: UpdateUserInput!) { updateUser(input: $input) { errors { code } } }"
    await gateway.ask(update, {"input": {"id": lead.id, "patch": {"roles": ["AGENT"]}}})
    answer = await ask_bulk(gateway, "forceUsersOffline", [person], idempotencyKey=KEY, token=other)
    assert answer.codes in (["FORBIDDEN"], ["UNAUTHENTICATED"])


@pytest.mark.parametrize("mutation", ["deactivateUsers", "addUsers", "createQueue"])
async def test_of_many_at_once_one_does_it_and_all_are_answered_alike(
    gateway: Gateway, staff: Staff, mutation: str
) -> None:
    """Z6: over two pools on PostgreSQL."""
    given = (await inputs(gateway, staff))[mutation]
    before = await counts(gateway)
    async with clients(gateway, 8) as made:
        answers = await asyncio.gather(*(send(client, mutation, given) for client in made))
    assert answers[0]["errors"] == []
    assert all(answer == answers[0] for answer in answers)
    made_one = await counts(gateway) - before
    assert made_one == ({"queues": 1} if mutation == "createQueue" else {"bulk_operations": 1})


async def counts(gateway: Gateway) -> Counter[str]:
    """How many operations and queues there are."""
    tables = ("bulk_operations", "queues")
    return Counter({table: await gateway.scalar(f"SELECT count(*) FROM {table}") for table in tables})


async def test_a_call_that_lost_a_race_is_tried_again_under_its_key(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, real, tries = await staff.hire(), resolvers.performing.carry_out, []

    async def lose_once(*arguments: Any) -> Any:
        tries.append(arguments)
        done = await real(*arguments)
        if len(tries) == 1:
            raise Overtaken
        return done

    monkeypatch.setattr(resolvers.performing, "carry_out", lose_once)
    for _ in range(2):
        done = await bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY)
        assert done.outcomes == ["SUCCEEDED"]
    assert len(tries) == 2


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """The first bulk change stops in the middle of its transaction: it sets one event and waits for the other."""
    real, reached, going_on = resolvers.performing.carry_out, asyncio.Event(), asyncio.Event()

    async def carry_out(*arguments: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await going_on.wait()
        return await real(*arguments)

    monkeypatch.setattr(resolvers.performing, "carry_out", carry_out)
    return reached, going_on


async def waiting(gateway: Gateway) -> None:
    """Look until somebody waits for a lock."""
    for _ in range(500):
        if await gateway.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def test_what_is_still_under_way_is_waited_for_a_little(
    postgres_gateway: Gateway, paused: tuple[asyncio.Event, asyncio.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, (reached, going_on) = postgres_gateway, paused
    person = await gateway.staff.hire()
    first = asyncio.create_task(bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY))
    await reached.wait()
    with monkeypatch.context() as impatient:
        impatient.setattr(repositories.idempotency, "PATIENCE_MS", 100)
        second = await bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY)
        assert (second.codes, second.paths, second.operation) == (["IDEMPOTENCY_IN_PROGRESS"], [PATH], None)
    third = asyncio.create_task(bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY))
    await waiting(gateway)
    going_on.set()
    assert (await first).outcomes == ["SUCCEEDED"]
    assert (await third).payload == (await first).payload
    assert await gateway.scalar("SELECT count(*) FROM bulk_operations") == 1


async def test_who_waited_for_a_call_that_came_to_nothing_does_it(
    postgres_gateway: Gateway, paused: tuple[asyncio.Event, asyncio.Event]
) -> None:
    gateway, (reached, going_on) = postgres_gateway, paused
    lead, person = await gateway.staff.hire(roles=[UserRole.FULL_ADMINISTRATOR]), await gateway.staff.hire()
    token = await gateway.sign_in(lead)
    first = asyncio.create_task(ask_bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY, token=token))
    await reached.wait()
    await gateway.execute("UPDATE sessions SET ended_at = now(), end_reason = 0")
    again = await gateway.sign_in(lead)
    second = asyncio.create_task(bulk(gateway, "deactivateUsers", [person], idempotencyKey=KEY, token=again))
    await waiting(gateway)
    going_on.set()
    assert (await first).codes == ["UNAUTHENTICATED"]
    assert (await second).outcomes == ["SUCCEEDED"]
