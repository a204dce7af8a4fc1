"""What holds of every bulk operation on every organization: plans are exact, and what was done is taken back exactly.

Organizations, mutations and what others do meanwhile are drawn by hypothesis.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import SQLModel

from gql.ids import global_id
from models.deactivation import Deactivation
from models.listing import ListingKind
from models.storage import table_of
from tests.contradiction import broken
from tests.crowds import PEOPLE, STRUCTURES, Crowd, Mutation, Somebody, Structure, mutations
from tests.gateway import Gateway
from tests.rounds import THOROUGH
from tests.test_plans import RECORDS
from tests.test_undo import BESIDE, COUNTED_UP, undo
from tests.wholes import COLUMNS_OF_USE, whole

pytestmark = pytest.mark.anyio

DEACTIVATIONS = ("deactivations", "deactivation_teams", "deactivation_queues")
UNDOABLE = (
    "deactivateUsers",
    "reactivateUsers",
    "forceUsersOffline",
    "resumeUsersOnline",
    "assignTeams",
    "assignQueues",
    "assignSkillGroups",
)
FEW = settings(
    max_examples=300 if THOROUGH else 5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=not THOROUGH,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if THOROUGH else [])],
)
# Who talks is listed as such; contacts and presences do not come back.
PRESENCES = (ListingKind.AVAILABLE, ListingKind.ENGAGED, ListingKind.WRAP_UP, ListingKind.UNAVAILABLE)
TALKING = st.frozensets(st.integers(0, 7), max_size=3)
HISTORY = st.lists(mutations(atomic=False), max_size=2)


async def rows_of_people(gateway: Gateway) -> dict[UUID, Counter[Any]]:
    """The rows of each person, those apart that tell of what happened and not of how it is."""
    found: dict[UUID, Counter[Any]] = {}
    ignored = {*COLUMNS_OF_USE, *COUNTED_UP}
    async with gateway.database.reading() as connection:
        for name, table in SQLModel.metadata.tables.items():
            owner = table.c.id if name == "users" else table.c.get("user_id")
            if owner is None or name in (*BESIDE, *DEACTIVATIONS):
                continue
            columns = [column for column in table.columns if column.name not in ignored]
            statement = select(owner.label("owner"), *columns)
            if name == "listings":
                statement = statement.where(table.c.kind.not_in(PRESENCES))
            for row in await connection.execute(statement):
                found.setdefault(row.owner, Counter())[name, repr(tuple(row[1:]))] += 1
        standing = table_of(Deactivation).c
        for row in await connection.execute(select(*standing).where(standing.reactivated_at.is_(None))):
            found.setdefault(row.user_id, Counter())["deactivations", repr(tuple(row))] += 1
    return found


def told(operation: Any) -> Any:
    """What an operation tells of its items and of them all together."""
    return operation["items"], operation["totals"], operation["warnings"]


def exactly(operation: Any) -> set[str]:
    """Who was changed without anything that could not be done."""
    items = operation["items"]["nodes"]
    return {item["user"]["id"] for item in items if item["outcome"] == "SUCCEEDED" and not item["warnings"]}


@FEW
@given(
    structure=STRUCTURES,
    people=PEOPLE,
    history=HISTORY,
    talking=TALKING,
    mutation=mutations(),
    executed_in=st.sampled_from([None, 1, 2, 3]),
    planned=st.booleans(),
)
async def test_a_dry_run_changes_no_row_and_tells_what_the_execution_does(
    gateway: Gateway,
    structure: Structure,
    people: list[Somebody],
    history: list[Mutation],
    talking: frozenset[int],
    mutation: Mutation,
    executed_in: int | None,
    planned: bool,
) -> None:
    """A17, Z3: the whole database is compared, and batches of one size with those of another."""
    with pytest.MonkeyPatch.context() as patch:
        crowd = await Crowd.hired(gateway, patch, structure, people)
        for before in history:
            await crowd.send(before)
        await crowd.talk(talking)
        if mutation.supervised:
            await crowd.send(mutation, dryRun=True)  # the supervisor comes
        there = await whole(gateway.database, without=RECORDS)
        plan = await crowd.send(mutation, dryRun=True)
        assert await whole(gateway.database, without=RECORDS) == there
        if "errorPolicy" not in mutation.terms:
            mutation = _in_batches(mutation, executed_in)
        done = await crowd.send(mutation, **({"plan": plan["id"]} if planned else {}))
        assert told(done) == told(plan)
        assert await broken(gateway) == []
        if done["undoable"]:
            there = await whole(gateway.database, without=RECORDS)
            crowd.batches(executed_in)
            shown = await _taken_back(crowd, done["id"], dryRun=True)
            assert await whole(gateway.database, without=RECORDS) == there
            crowd.batches(mutation.batches)
            assert told(await _taken_back(crowd, done["id"])) == told(shown)


@FEW
@given(
    structure=STRUCTURES,
    people=PEOPLE,
    history=HISTORY,
    mutation=mutations(UNDOABLE),
    meanwhile=st.lists(mutations(atomic=False, lasting=False), max_size=2),
    talking=TALKING,
    taken_back_in=st.sampled_from([None, 1, 2]),
    by_itself=st.booleans(),
)
async def test_what_was_done_is_taken_back_exactly_unless_somebody_was_changed_since(
    gateway: Gateway,
    structure: Structure,
    people: list[Somebody],
    history: list[Mutation],
    mutation: Mutation,
    meanwhile: list[Mutation],
    talking: frozenset[int],
    taken_back_in: int | None,
    by_itself: bool,
) -> None:
    """E10, Z5, Z8: the rows of each person are compared; who was changed since is told and left alone; and back again.

    What was for a time only is taken back by whoever asks, or by the server when the time has come.
    """
    with pytest.MonkeyPatch.context() as patch:
        crowd = await Crowd.hired(gateway, patch, structure, people)
        for each in history:
            await crowd.send(each)
        if mutation.supervised:
            await crowd.send(mutation, dryRun=True)  # the supervisor comes
        before, entire = await rows_of_people(gateway), await _state(gateway)
        done = await crowd.send(mutation)
        if not done["undoable"]:
            return
        after, versions = await rows_of_people(gateway), await _versions(gateway)
        for each in meanwhile:
            await crowd.send(each)
        await crowd.talk(talking)  # which is no change of anybody
        changed = {
            global_id("User", key)
            for key, version in (await _versions(gateway)).items()
            if versions.get(key, version) != version
        }
        found = await rows_of_people(gateway)

        crowd.batches(taken_back_in)
        if by_itself and mutation.lasting is not None:
            back = await crowd.wait_for_the_end(done["id"])
        else:
            back = await _taken_back(crowd, done["id"])
        conflicts = {item["user"]["id"] for item in back["items"]["nodes"] if _code(item) == "VERSION_CONFLICT"}
        succeeded = {item["user"]["id"] for item in done["items"]["nodes"] if item["outcome"] == "SUCCEEDED"}
        assert {item["user"]["id"] for item in back["items"]["nodes"]} == succeeded
        assert conflicts == succeeded & changed
        now = await rows_of_people(gateway)
        for person in crowd.people:
            expected = before if person.id in exactly(back) else found
            if person.id not in _partly(back):
                assert now.get(person.key) == expected.get(person.key), person
        if not meanwhile and exactly(back) == succeeded:
            assert await _state(gateway) == entire
        assert await broken(gateway) == []
        if not back["undoable"]:
            return

        forth = await _taken_back(crowd, back["id"])
        again = await rows_of_people(gateway)
        for person in crowd.people:
            expected = after if person.id in exactly(forth) & exactly(back) else now
            if person.id not in _partly(forth) | _partly(back):
                assert again.get(person.key) == expected.get(person.key), person
        assert await broken(gateway) == []


def _code(item: Any) -> str | None:
    return item["errors"][0]["code"] if item["errors"] else None


def _partly(operation: Any) -> set[str]:
    """Who was changed, but did not get everything."""
    return {item["user"]["id"] for item in operation["items"]["nodes"] if item["warnings"]}


def _in_batches(mutation: Mutation, size: int | None) -> Mutation:
    return replace(mutation, batches=size)


async def _taken_back(crowd: Crowd, operation_id: str, **terms: Any) -> Any:
    sent = await undo(crowd.gateway, {"id": operation_id}, **terms)
    assert sent.codes == [], sent.payload
    await crowd.finish()
    return await crowd.look(sent.operation["id"])


async def _state(gateway: Gateway) -> Any:
    return await whole(
        gateway.database,
        without=(*BESIDE, *DEACTIVATIONS),
        without_columns=COUNTED_UP,
        without_listings=PRESENCES,
    )


async def _versions(gateway: Gateway) -> dict[UUID, int]:
    users = SQLModel.metadata.tables["users"].c
    async with gateway.database.reading() as connection:
        return {row.id: row.version for row in await connection.execute(select(users.id, users.version))}
