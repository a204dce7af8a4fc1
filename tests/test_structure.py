"""Making, changing and deleting what an organization is made of, through `/graphql`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gql.ids import global_id
from models.storage import uuid7
from tests.editing import codes
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.statements import Statements
from tests.structuring import KINDS, ancestors, ask_structure, change, create, delete, field_of, recorded, update

pytestmark = pytest.mark.anyio

# What else a new thing of a kind must have.
NEEDED: dict[str, dict[str, Any]] = {"Queue": {"channel": "voice"}}


def paths(payload: Any) -> list[tuple[str, list[str] | None]]:
    """Code and place of each error."""
    return [(error["code"], error["path"]) for error in payload["errors"]]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_thing_is_made_changed_and_deleted_each_with_an_audit_and_an_outbox_event(
    gateway: Gateway, kind: str
) -> None:
    """E9: each change is one version; what is so already changes nothing."""
    needed = NEEDED.get(kind, {})
    made = await create(gateway, kind, name="  Söder ", description="South\nof the river", **needed)
    assert (made["version"], made["name"], made["description"]) == (1, "Söder", "South\nof the river")
    assert made["active"] is True
    changed = await update(gateway, kind, made["id"], 1, name="Norr", description=None, active=False)
    assert changed["errors"] == []
    shown = changed[field_of(kind)]
    assert (shown["version"], shown["name"], shown["description"], shown["active"]) == (2, "Norr", None, False)
    assert shown["updatedAt"] > made["updatedAt"]
    assert shown["createdAt"] == made["createdAt"]
    again = await update(gateway, kind, made["id"], 2, name="Norr", description="", active=False)
    assert (again["errors"], again[field_of(kind)]) == ([], shown)
    assert (await delete(gateway, kind, made["id"], 2))[f"deleted{kind}Id"] == made["id"]
    gone = await delete(gateway, kind, made["id"])
    assert (paths(gone), gone[f"deleted{kind}Id"]) == ([("NOT_FOUND", ["input", "id"])], None)
    (created, first), (updated, second), (deleted, third) = await recorded(gateway, made["id"])
    assert (created, updated, deleted) == ("CREATED", "UPDATED", "DELETED")
    assert {name: first[name] for name in ("name", "description")} == {
        "name": (None, "Söder"),
        "description": (None, "South\nof the river"),
    }
    assert second == {
        "name": ("Söder", "Norr"),
        "active": ("true", "false"),
        "description": ("South\nof the river", None),
    }
    assert {name: third[name] for name in ("name", "active")} == {"name": ("Norr", None), "active": ("false", None)}
    word = "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind)[1:]
    kinds = await gateway.rows("SELECT kind FROM outbox_events WHERE kind <> 'api_key.created' ORDER BY sequence")
    assert [row[0] for row in kinds] == [f"{word}.{what}" for what in ("created", "updated", "deleted")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_name_is_one_things_only_whatever_its_case(gateway: Gateway, kind: str) -> None:
    """E11: another organization has names of its own."""
    needed = NEEDED.get(kind, {})
    other = await gateway.key("other", organization_id=(await gateway.other()).organization_id)
    foreign = await change(gateway, "create", kind, {"name": "Söder", **needed}, token=other)
    assert foreign["errors"] == []
    first = await create(gateway, kind, name="Söder", **needed)
    second = await create(gateway, kind, name="Norr", **needed)
    taken = await change(gateway, "create", kind, {"name": "SODER", **needed})
    assert (paths(taken), taken[field_of(kind)]) == ([("NAME_IN_USE", ["input", "name"])], None)
    refused = await update(gateway, kind, second["id"], name="söder")
    assert (paths(refused), refused[field_of(kind)]) == ([("NAME_IN_USE", ["input", "patch", "name"])], second)
    assert (await update(gateway, kind, first["id"], name="SÖDER"))["errors"] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_of_many_who_make_one_name_at_once_one_does(gateway: Gateway, kind: str) -> None:
    """E11."""
    input = {"name": "Söder", **NEEDED.get(kind, {})}
    done = await asyncio.gather(*(change(gateway, "create", kind, input) for _ in range(5)))
    assert sorted(codes(each) for each in done) == [[], *[[("NAME_IN_USE", "name")]] * 4]
    made = await create(gateway, kind, **{**input, "name": "Norr"})
    done = await asyncio.gather(*(update(gateway, kind, made["id"], 1, description=str(each)) for each in range(5)))
    assert sorted(codes(each) for each in done) == [[], *[[("VERSION_CONFLICT", "expectedVersion")]] * 4]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_old_version_is_a_conflict_that_shows_the_thing_as_it_is(gateway: Gateway, kind: str) -> None:
    """E9."""
    made = await create(gateway, kind, name="Söder", **NEEDED.get(kind, {}))
    changed = (await update(gateway, kind, made["id"], description="new"))[field_of(kind)]
    conflict = await update(gateway, kind, made["id"], 1, description="newer")
    assert paths(conflict) == [("VERSION_CONFLICT", ["input", "expectedVersion"])]
    assert conflict[field_of(kind)] == changed
    assert paths(await delete(gateway, kind, made["id"], 1)) == [("VERSION_CONFLICT", ["input", "expectedVersion"])]
    assert (await delete(gateway, kind, made["id"], 2))["errors"] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_unknown_or_another_organizations_is_not_found(gateway: Gateway, kind: str) -> None:
    other = await gateway.key("other", organization_id=(await gateway.other()).organization_id)
    made = await change(gateway, "create", kind, {"name": "Söder", **NEEDED.get(kind, {})}, token=other)
    for key in (made[field_of(kind)]["id"], global_id(kind, uuid7())):
        for payload in (await update(gateway, kind, key, name="Norr"), await delete(gateway, kind, key)):
            assert paths(payload) == [("NOT_FOUND", ["input", "id"])]
            assert list(payload.values())[1] is None
    assert await gateway.scalar("SELECT count(*) FROM audit_events WHERE action IN (1, 2)") == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_null_clears_what_may_be_empty_and_nothing_else(gateway: Gateway, kind: str) -> None:
    made = await create(gateway, kind, name="Söder", description="d", **NEEDED.get(kind, {}))
    needed = [*NEEDED.get(kind, {}), "name", "active"]
    refused = await update(gateway, kind, made["id"], **dict.fromkeys(needed), description=None)
    assert sorted(paths(refused)) == sorted(("REQUIRED", ["input", "patch", name]) for name in needed)
    assert refused[field_of(kind)] == made
    bad = await update(gateway, kind, made["id"], name="a\nb", description="x" * 2_001)
    assert sorted(paths(bad)) == [("INVALID", ["input", "patch", name]) for name in ("description", "name")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_takes_as_many_statements_whatever_there_is(
    gateway: Gateway, staff: Staff, statements: Statements, kind: str
) -> None:
    await gateway.ask("{ viewer { kind } }")
    counts = []
    for number in range(2):
        with statements.counting() as counted:
            made = await create(gateway, kind, name=f"Thing {number}", **NEEDED.get(kind, {}))
            await update(gateway, kind, made["id"], description="new", active=False)
            await delete(gateway, kind, made["id"])
        counts.append(counted.count)
        await staff.hire(20, teams=[await staff.team() for _ in range(10)])
    assert counts[0] == counts[1]


async def test_a_team_in_use_is_neither_deactivated_nor_deleted_and_it_is_told_what_uses_it(
    gateway: Gateway, staff: Staff
) -> None:
    """A6: a team for which calls were taken stays on record."""
    team = await staff.team("North", queues=[await staff.queue()])
    below = await staff.team("Below", parent=team)
    people = await staff.hire(2, teams=[team])
    for call in range(3):
        await staff.call(people[0], team=team, seconds=call + 1)
    off = await update(gateway, "Team", team, active=False)
    assert paths(off) == [("IN_USE", ["input", "patch", "active"])]
    assert off["errors"][0]["message"] == "North is in use: 2 members, 1 queue, 1 team below it."
    gone = await delete(gateway, "Team", team)
    assert paths(gone) == [("IN_USE", ["input", "id"])]
    assert gone["errors"][0]["message"] == "North is in use: 2 members, 1 queue, 1 team below it, 3 call records."
    for sql in ("DELETE FROM memberships", "DELETE FROM team_queues"):
        await gateway.execute(sql)
    assert (await update(gateway, "Team", below, active=False))["errors"] == []
    assert (await update(gateway, "Team", team, active=False))["errors"] == []
    assert codes(await update(gateway, "Team", below, active=True)) == [("INVALID_STATE", "active")]
    gone = await delete(gateway, "Team", team)
    assert gone["errors"][0]["message"] == "North is in use: 1 inactive team below it, 3 call records."
    assert (await delete(gateway, "Team", below))["errors"] == []


async def test_teams_are_moved_with_all_below_them(gateway: Gateway, staff: Staff) -> None:
    """A27."""
    made: dict[str, str] = {}
    for name, parent in (("A", None), ("B", "A"), ("C", "B"), ("X", None), ("Y", "X")):
        made[name] = (await create(gateway, "Team", name=name, parentId=made.get(parent or "")))["id"]
    same = {(name, name, 0) for name in made}
    assert await ancestors(gateway) == same | {("B", "A", 1), ("C", "A", 2), ("C", "B", 1), ("Y", "X", 1)}
    moved = await update(gateway, "Team", made["B"], parentId=made["Y"])
    assert moved["team"]["parent"] == {"name": "Y"}
    below_y = {("B", "Y", 1), ("B", "X", 2), ("C", "B", 1), ("C", "Y", 2), ("C", "X", 3), ("Y", "X", 1)}
    assert await ancestors(gateway) == same | below_y
    for name in ("B", "C"):
        assert codes(await update(gateway, "Team", made["B"], parentId=made[name])) == [("INVALID", "parentId")]
    assert (await update(gateway, "Team", made["B"], parentId=None))["team"]["parent"] is None
    assert await ancestors(gateway) == same | {("C", "B", 1), ("Y", "X", 1)}
    assert (await recorded(gateway, made["B"]))[1:] == [
        ("UPDATED", {"parentId": ("A", "Y")}),
        ("UPDATED", {"parentId": ("Y", None)}),
    ]
    assert (await delete(gateway, "Team", made["C"]))["errors"] == []
    assert await ancestors(gateway) == (same - {("C", "C", 0)}) | {("Y", "X", 1)}


async def test_two_teams_moved_below_each_other_at_once_make_no_circle(gateway: Gateway) -> None:
    one, two = [(await create(gateway, "Team", name=name))["id"] for name in ("One", "Two")]
    done = await asyncio.gather(update(gateway, "Team", one, parentId=two), update(gateway, "Team", two, parentId=one))
    assert sorted(codes(each) for each in done) == [[], [("INVALID", "parentId")]]
    assert len(await ancestors(gateway)) == 3


async def test_what_a_team_refers_to_is_there_and_in_use(gateway: Gateway, staff: Staff) -> None:
    foreign = await (await gateway.other()).team("Foreign")
    idle = await staff.site("Idle", active=False)
    team = await staff.team("North")
    refused = await update(gateway, "Team", team, parentId=foreign.id, siteId=idle.id)
    assert sorted(codes(refused)) == [("INVALID_STATE", "siteId"), ("NOT_FOUND", "parentId")]
    refused = await change(gateway, "create", "Team", {"name": "New", "parentId": foreign.id, "siteId": idle.id})
    assert sorted(codes(refused)) == [("INVALID_STATE", "siteId"), ("NOT_FOUND", "parentId")]
    site = await staff.site("Berlin")
    assert (await update(gateway, "Team", team, siteId=site.id))["team"]["site"] == {"name": "Berlin"}
    assert (await update(gateway, "Team", team, siteId=None))["team"]["site"] is None
    assert (await recorded(gateway, team))[1] == ("UPDATED", {"siteId": ("Berlin", None)})


async def test_a_team_that_is_joined_while_it_is_deleted_is_kept_or_gone(gateway: Gateway, staff: Staff) -> None:
    """Whichever comes first, nobody is left in a team that is not there, and nobody gets a fault."""
    people = await staff.hire(6)

    async def join(person: Thing, team: Thing) -> Any:
        document = """
          mutation Join($input: AssignTeamsInput!) {
            assignTeams(input: $input) { errors { code } failed { errors { code } } }
          }
        """
        input = {"target": {"ids": [person.id]}, "teams": {"add": [team.id]}}
        return await gateway.ask(document, {"input": input})

    for person in people:
        team = await staff.team()
        gone, joined = await asyncio.gather(delete(gateway, "Team", team), join(person, team))
        refused = [error["code"] for error in joined["assignTeams"]["errors"]]
        assert (codes(gone), refused) in (([], ["NOT_FOUND"]), ([("IN_USE", "id")], []))


async def test_who_ended_meanwhile_changes_nothing(gateway: Gateway, staff: Staff) -> None:
    answer = await ask_structure(gateway, "create", "Team", {"name": "New"}, token=None)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert (await ask_structure(gateway, "create", "Team", {"name": "a\0b"})).data["createTeam"]["errors"][0][
        "path"
    ] == ["input", "name"]
