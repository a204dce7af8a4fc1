"""Making, changing and deleting what an organization is made of, through `/graphql`."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gql.ids import global_id, parse_id
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.editing import codes
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.statements import Statements
from tests.structuring import KINDS, ancestors, ask_structure, change, create, delete, field_of, recorded, update
from tests.test_statements import open_sessions, settled

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
    await settled(gateway)
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


@pytest.mark.parametrize("verb", ["update", "delete"])
async def test_a_team_that_is_joined_while_it_is_taken_away_is_kept_or_gone(
    gateway: Gateway, staff: Staff, verb: str
) -> None:
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

    expected = {"update": ("active", "INVALID_STATE"), "delete": ("id", "NOT_FOUND")}
    for person in people:
        team = await staff.team()
        taking = delete(gateway, "Team", team) if verb == "delete" else update(gateway, "Team", team, active=False)
        gone, joined = await asyncio.gather(taking, join(person, team))
        told = joined["assignTeams"]["errors"] + [
            one for each in joined["assignTeams"]["failed"] for one in each["errors"]
        ]
        place, code = expected[verb]
        assert (codes(gone), [one["code"] for one in told]) in (([], [code]), ([("IN_USE", place)], []))


async def test_who_ended_meanwhile_changes_nothing(gateway: Gateway, staff: Staff) -> None:
    answer = await ask_structure(gateway, "create", "Team", {"name": "New"}, token=None)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert (await ask_structure(gateway, "create", "Team", {"name": "a\0b"})).data["createTeam"]["errors"][0][
        "path"
    ] == ["input", "name"]


async def test_everything_in_use_says_what_uses_it(gateway: Gateway, staff: Staff) -> None:
    queue = await staff.queue("Q")
    group = await staff.skill_group("G", queues=[queue])
    await staff.team(queues=[queue])
    site, profile, desktop = await staff.site("S"), await staff.profile("P"), await staff.desktop_profile("D")
    await staff.team(site=site)
    await staff.team(site=site, active=False)
    terms: dict[str, Any] = {"site": site, "profile": profile, "desktop_profile": desktop, "skill_groups": [group]}
    person = await staff.hire(queues=[queue], **terms)
    await staff.hire(status=UserStatus.DEACTIVATED, **terms)
    await staff.hire(status=UserStatus.DELETED, **terms | {"skill_groups": []})
    await staff.call(person, queue=queue, seconds=1)
    await create(gateway, "Site", name="S2", defaultDesktopProfileId=desktop.id)
    settings = {"patch": {"defaultDesktopProfileId": desktop.id}}
    assert (await organization(gateway, settings))["errors"] == []
    for kind, thing, used, kept in (
        ("Queue", queue, "1 person assigned directly, 1 team, 1 skill group", "1 call record"),
        ("SkillGroup", group, "2 members, 1 queue", ""),
        ("Site", site, "2 people, 1 team", "1 inactive team"),
        ("UserProfile", profile, "2 people", ""),
        ("DesktopProfile", desktop, "2 people, 1 site, 1 organization", ""),
    ):
        off, gone = await update(gateway, kind, thing, active=False), await delete(gateway, kind, thing)
        assert paths(off) == [("IN_USE", ["input", "patch", "active"])]
        assert paths(gone) == [("IN_USE", ["input", "id"])]
        assert off["errors"][0]["message"] == f"{thing.name} is in use: {used}."
        told = gone["errors"][0]["message"].removeprefix(f"{thing.name} is in use: ").removesuffix(".").split(", ")
        assert set(told) >= {*used.split(", "), *filter(None, [kept])}
        assert ("1 deleted person" in told) is (kind in ("Site", "UserProfile", "DesktopProfile"))


async def organization(gateway: Gateway, input: dict[str, Any], token: str | None = "") -> Any:
    """The payload of `updateOrganization`."""
    document = """
      mutation Settings($input: UpdateOrganizationInput!) {
        updateOrganization(input: $input) {
          errors { code path message }
          organization { id version name timeZone sendsInvitations idleTimeoutMinutes defaultDesktopProfile { name } }
        }
      }
    """
    return (await gateway.ask(document, {"input": input}, token=token))["updateOrganization"]


async def test_a_queue_a_site_and_a_profile_have_values_of_their_own(gateway: Gateway, staff: Staff) -> None:
    queue = await create(gateway, "Queue", name="Q", channel=" chat ", minimumAgents=3)
    assert (queue["channel"], queue["minimumAgents"]) == ("chat", 3)
    assert (await update(gateway, "Queue", queue["id"], minimumAgents=0))["queue"]["minimumAgents"] == 0
    assert paths(await update(gateway, "Queue", queue["id"], minimumAgents=-1, channel=" ")) == [
        ("INVALID", ["input", "patch", "channel"]),
        ("INVALID", ["input", "patch", "minimumAgents"]),
    ]
    desktop = await staff.desktop_profile("D")
    site = await create(gateway, "Site", name="S", timeZone="Europe/Stockholm", defaultDesktopProfileId=desktop.id)
    assert (site["timeZone"], site["defaultDesktopProfile"]) == ("Europe/Stockholm", {"name": "D"})
    assert codes(await update(gateway, "Site", site["id"], timeZone="Mars")) == [("INVALID", "timeZone")]
    cleared = await update(gateway, "Site", site["id"], timeZone=None, defaultDesktopProfileId=None)
    assert (cleared["site"]["timeZone"], cleared["site"]["defaultDesktopProfile"]) == (None, None)
    profile = await create(gateway, "UserProfile", name="P")
    assert (profile["kind"], profile["surfaces"]) == ("CUSTOM", ["PORTAL", "AGENT_DESKTOP"])
    every = profile["permissions"]
    assert "USERS_CREATE" in every
    assert "DIRECTORY_SYNC" not in every
    narrow = await update(gateway, "UserProfile", profile["id"], surfaces=["PORTAL"] * 2, permissions=["USERS_READ"])
    assert (narrow["userProfile"]["surfaces"], narrow["userProfile"]["permissions"]) == (["PORTAL"], ["USERS_READ"])
    assert (await update(gateway, "UserProfile", profile["id"], permissions=None))["userProfile"][
        "permissions"
    ] == every
    refused = await update(gateway, "UserProfile", profile["id"], surfaces=[], permissions=["DIRECTORY_SYNC"])
    assert codes(refused) == [("INVALID", "surfaces"), ("INVALID", "permissions")]
    assert (await recorded(gateway, profile["id"]))[1][1] == {
        "surfaces": ("PORTAL, AGENT_DESKTOP", "PORTAL"),
        "permissions": (None, "USERS_READ"),
    }


async def test_built_in_profiles_are_neither_changed_nor_deleted(gateway: Gateway) -> None:
    """B17, B2."""
    found = await gateway.rows("SELECT id FROM user_profiles")
    assert len(found) == 5
    for (key,) in found:
        id = global_id("UserProfile", UUID(bytes=key) if isinstance(key, bytes) else key)
        for payload in (
            await update(gateway, "UserProfile", id, name="Other"),
            await update(gateway, "UserProfile", id, surfaces=["PORTAL"]),
            await delete(gateway, "UserProfile", id),
        ):
            assert ("INVALID_STATE", ["input", "id"]) in paths(payload)
    assert await gateway.scalar("SELECT count(*) FROM user_profiles WHERE version = 1") == 5


VIEWER = "{ viewer { permissions { permission } } }"


async def test_a_profile_that_takes_a_surface_ends_the_sessions_on_it(gateway: Gateway, staff: Staff) -> None:
    """B18, E2: presence follows the desktop."""
    profile = await staff.profile("P")
    people = await staff.hire(3, profile=profile)
    other = await staff.hire()
    portal = [await gateway.sign_in(person) for person in people]
    desktop = [await gateway.sign_in(person, "AGENT_DESKTOP") for person in (*people[:2], other)]
    changed = await update(gateway, "UserProfile", profile, surfaces=["PORTAL"])
    assert changed["errors"] == []
    ended = [(await gateway.run(VIEWER, token=token)).codes for token in (*portal, *desktop)]
    assert ended == [[], [], [], ["UNAUTHENTICATED"], ["UNAUTHENTICATED"], []]
    assert await gateway.scalar("SELECT count(*) FROM sessions WHERE end_reason = 5") == 2
    for person in people[:2]:
        assert (await recorded(gateway, person))[-1] == (
            "SIGNED_OUT",
            {"endedSessions": (None, "1"), "presence": (None, "OFFLINE")},
        )
    assert (await recorded(gateway, people[2]))[-1][0] == "SIGNED_IN"
    assert (await recorded(gateway, profile))[-1][1]["endedSessions"] == (None, "2")
    answer = await gateway.ask("{ users { nodes { id presence { state } } } }")
    shown = {one["id"]: one["presence"]["state"] for one in answer["users"]["nodes"]}
    assert [shown[person.id] for person in (*people, other)] == ["OFFLINE", "OFFLINE", "OFFLINE", "UNAVAILABLE"]


async def test_a_profile_that_takes_permissions_ends_the_sessions_of_who_had_them(
    gateway: Gateway, staff: Staff
) -> None:
    """B3, B18, A24: agents have none of them, and stay."""
    profile = await staff.profile("P")
    agent = await staff.hire(profile=profile)
    service = await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR], profile=profile)
    tokens = [await gateway.sign_in(person, "AGENT_DESKTOP") for person in (agent, service)]
    kept = ["USERS_READ", "PROFILES_WRITE"]
    assert (await update(gateway, "UserProfile", profile, permissions=kept))["errors"] == []
    assert [(await gateway.run(VIEWER, token=token)).codes for token in tokens] == [[], ["UNAUTHENTICATED"]]
    token = await gateway.sign_in(service)
    assert (await update(gateway, "UserProfile", profile, permissions=[*kept, "AUDIT_READ"]))["errors"] == []
    assert len((await gateway.ask(VIEWER, token=token))["viewer"]["permissions"]) == 4
    wider = {"id": profile.id, "patch": {"permissions": None}}
    refused = await change(gateway, "update", "UserProfile", wider, token=token)
    assert paths(refused) == [("FORBIDDEN", ["input", "patch", "permissions"])]
    await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR], profile=profile)
    narrower = {"id": profile.id, "patch": {"permissions": ["PROFILES_WRITE"]}}
    refused = await change(gateway, "update", "UserProfile", narrower, token=token)
    assert paths(refused) == [("FORBIDDEN", ["input", "id"])]


async def test_narrowing_a_profile_takes_as_many_statements_for_a_hundred_people_as_for_one(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    await settled(gateway)
    counts = []
    for count in (1, 100):
        profile = await staff.profile()
        people: list[Person] = await staff.hire(count, profile=profile)
        await open_sessions(staff, people)
        with statements.counting() as counted:
            assert (await update(gateway, "UserProfile", profile, surfaces=["PORTAL"]))["errors"] == []
        counts.append(counted.count)
        assert await gateway.scalar("SELECT count(*) FROM sessions WHERE end_reason = 5") == sum(
            (1, 100)[: len(counts)]
        )
    assert counts[0] == counts[1]


async def test_no_agent_loses_the_desktop_profile_by_a_default_taken_away(gateway: Gateway, staff: Staff) -> None:
    """B5."""
    desktop = await staff.desktop_profile("D")
    site = await create(gateway, "Site", name="S", defaultDesktopProfileId=desktop.id)
    key = parse_id(site["id"])
    assert key is not None
    person = await staff.hire(site=Thing(key[1], "Site", "S"))
    await gateway.execute("UPDATE users SET desktop_profile_id = NULL")
    assert (await organization(gateway, {"patch": {"defaultDesktopProfileId": None}}))["errors"] == []
    refused = await update(gateway, "Site", site["id"], defaultDesktopProfileId=None)
    assert paths(refused) == [("DESKTOP_PROFILE_REQUIRED", ["input", "patch", "defaultDesktopProfileId"])]
    assert refused["site"] == site
    back = await organization(gateway, {"patch": {"defaultDesktopProfileId": desktop.id}})
    assert back["organization"]["defaultDesktopProfile"] == {"name": "D"}
    assert (await update(gateway, "Site", site["id"], defaultDesktopProfileId=None))["errors"] == []
    refused = await organization(gateway, {"patch": {"defaultDesktopProfileId": None}})
    assert paths(refused) == [("DESKTOP_PROFILE_REQUIRED", ["input", "patch", "defaultDesktopProfileId"])]
    assert refused["organization"] == back["organization"]
    assert person.id


async def test_the_organization_is_changed_while_others_refer_to_it(postgres_gateway: Gateway) -> None:
    """Every row that is written refers to it: who changes its settings, the name aside, waits for none."""
    async with postgres_gateway.database.writer.begin() as connection:
        await connection.execute(text("SELECT id FROM organizations FOR KEY SHARE"))
        async with asyncio.timeout(10):
            done = await organization(postgres_gateway, {"patch": {"timeZone": "Europe/Berlin"}})
    assert done["errors"] == []


async def test_the_settings_of_the_organization_are_changed(gateway: Gateway) -> None:
    """A29, E11: a name is one organization's only."""
    await gateway.other("Globex")
    patch = {"name": "Acme AB", "timeZone": "Europe/Stockholm", "sendsInvitations": False, "idleTimeoutMinutes": 30}
    done = await organization(gateway, {"patch": patch, "expectedVersion": 1})
    assert done["errors"] == []
    assert {name: done["organization"][name] for name in patch} == patch
    assert done["organization"]["version"] == 2
    again = await organization(gateway, {"patch": patch})
    assert (again["errors"], again["organization"]) == ([], done["organization"])
    conflict = await organization(gateway, {"patch": {"name": "Other"}, "expectedVersion": 1})
    assert paths(conflict) == [("VERSION_CONFLICT", ["input", "expectedVersion"])]
    assert conflict["organization"] == done["organization"]
    bad = {"name": None, "timeZone": "Mars", "sendsInvitations": None, "idleTimeoutMinutes": 10_081}
    refused = await organization(gateway, {"patch": bad})
    assert sorted(codes(refused)) == [
        ("INVALID", "idleTimeoutMinutes"),
        ("INVALID", "timeZone"),
        ("REQUIRED", "name"),
        ("REQUIRED", "sendsInvitations"),
    ]
    assert codes(await organization(gateway, {"patch": {"name": "GLOBEX"}})) == [("NAME_IN_USE", "name")]
    assert await recorded(gateway, done["organization"]["id"]) == [
        (
            "UPDATED",
            {
                "name": ("Acme", "Acme AB"),
                "timeZone": ("UTC", "Europe/Stockholm"),
                "sendsInvitations": ("true", "false"),
                "idleTimeoutMinutes": ("1440", "30"),
            },
        )
    ]
