"""Who may do what to whom: the tables in `permissions.toml`, every cell of them run through `/graphql`."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gql.guard import OPEN_TO_ALL
from models.license import LicenseType
from models.permission import Permission, PermissionScope
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from resolvers.permissions import FULL_ADMINISTRATOR, permissions_of
from tests.changes import ask_bulk, bulk
from tests.documents import Field, root_fields
from tests.gateway import Answer, Gateway
from tests.people import Person, Staff, Thing

pytestmark = pytest.mark.anyio

TABLES = tomllib.loads((Path(__file__).parent / "permissions.toml").read_text("utf-8"))
ROLES: dict[str, list[UserRole]] = {role.name.lower(): [role] for role in UserRole} | {"nobody": []}
KEYS = ("key", "blind_key", "other_key", "whole_key")
SUPERVISORS_TOO = ("forceUsersOffline", "signOutUsers", "resumeUsersOnline")


@dataclass(frozen=True)
class Place:
    """Teams, a queue, a skill group and a license, and who works there."""

    gateway: Gateway
    teams: dict[str, Thing]
    queue: Thing
    skill_group: Thing
    license: Thing
    structure: Mapping[str, Thing]
    operation: str

    async def caller(self, name: str) -> tuple[str, str]:
        """A token of somebody with this role, a member of North, who may sign in everywhere; and their password."""
        staff = self.gateway.staff
        profile = await staff.profile()
        person = await staff.hire(roles=ROLES[name], teams=[self.teams["North"]], profile=profile)
        return await self.gateway.sign_in(person, "AGENT_DESKTOP"), person.password

    async def colleagues(self) -> list[Person]:
        """A fresh colleague for each entry of the table, with a call: an agent of North in some state, or another."""
        wanted = [action.get("colleague") for action in TABLES["action"]]
        hired = {state: await self._hired(state, wanted.count(state)) for state in set(wanted)}
        await self.gateway.staff.calls(list(itertools.chain(*hired.values())), team=self.teams["North"], seconds=60)
        return [hired[state].pop() for state in wanted]

    async def _hired(self, state: str | None, count: int) -> list[Person]:
        terms: dict[str, Any] = {"teams": [self.teams["North"]], "licenses": [LicenseType.PREMIUM_AGENT]}
        match state:
            case "deactivated":
                terms["status"] = UserStatus.DEACTIVATED
            case "blocked by a supervisor" | "blocked by an administrator":
                terms["blocked"] = True
            case "service administrator" | "full administrator":
                terms["roles"] = [UserRole[state.upper().replace(" ", "_")]]
            case _:
                assert state in (None, "signed in"), state
        people = await self.gateway.staff.hire(count, **terms)
        for person in people:
            if state == "signed in":
                await self.gateway.sign_in(person)
            if state == "blocked by a supervisor":
                await self.gateway.execute(
                    "UPDATE sign_in_blocks SET by_administrator = :no WHERE user_id = :key",
                    no=False,
                    key=self.gateway.key_parameter(person.key),
                )
        return people


@pytest.fixture
async def place(gateway: Gateway, staff: Staff) -> Place:
    queue = await staff.queue()
    above = await staff.team("Above")
    north = await staff.team("North", parent=above)
    teams = [above, north, await staff.team("Below", parent=north), await staff.team("South")]
    structure = [
        await staff.skill_group(),
        await staff.site(),
        await staff.profile(),
        await staff.desktop_profile(),
    ]
    done = await bulk(gateway, "deactivateUsers", [await staff.hire()])
    return Place(
        gateway,
        {team.name: team for team in teams},
        queue,
        await staff.skill_group(),
        await staff.built_in_license(LicenseType.PREMIUM_AGENT),
        {thing.type_name: thing for thing in structure},
        done.operation["id"],
    )


@pytest.mark.parametrize("role", ROLES)
def test_the_permissions_of_a_role_are_those_of_the_table(role: str) -> None:
    """A24, E15: without a role there is oneself."""
    assert set(TABLES["permissions"]) == {permission.name for permission in Permission}
    assert {one.name: scope.name for one, scope in permissions_of(ROLES[role], None).items()} == {
        name: scopes[role] for name, scopes in TABLES["permissions"].items() if role in scopes
    }


def test_roles_add_up_to_the_widest_reach() -> None:
    """E15."""
    both = permissions_of([UserRole.AGENT, UserRole.SUPERVISOR], None)
    assert both == permissions_of([UserRole.SUPERVISOR], None)
    assert both[Permission.USERS_READ] is PermissionScope.OWN_TEAMS


def test_every_entry_has_its_actions() -> None:
    assert {action["field"] for action in TABLES["action"]} == {
        str(field) for field in root_fields() if field.name not in OPEN_TO_ALL
    }
    assert all(set(action["expected"]) == {*ROLES, *KEYS} for action in TABLES["action"])


def outcome(answer: Answer) -> str:
    """What came of an action, in one word."""
    if answer.codes:
        return answer.codes[0] + "!"
    (value,) = answer.data.values()
    if isinstance(value, Mapping) and "errors" in value:
        if value["errors"]:
            return str(value["errors"][0]["code"])
        if value.get("failed"):
            return str(value["failed"][0]["errors"][0]["code"])
        if "operation" not in value:
            return "SUCCEEDED"
        (item,) = value["operation"]["items"]["nodes"]
        return str(item["errors"][0]["code"] if item["errors"] else item["outcome"])
    if isinstance(value, Mapping) and "nodes" in value:
        value = value["nodes"]
    return "seen" if value and value != [None] else "none"


_fresh = itertools.count(1)


async def outcome_of(place: Place, action: Mapping[str, Any], colleague: Person, token: str, password: str) -> str:
    """Do what an entry of the table says, to a fresh colleague."""
    number = next(_fresh)
    given = {
        "$colleague": colleague.id,
        "$email": colleague.email,
        "$south": place.teams["South"].id,
        "$queue": place.queue.id,
        "$skillGroup": place.skill_group.id,
        "$license": place.license.id,
        "$skill_group": place.structure["SkillGroup"].id,
        "$site": place.structure["Site"].id,
        "$user_profile": place.structure["UserProfile"].id,
        "$desktop_profile": place.structure["DesktopProfile"].id,
        "$operation": place.operation,
        "$since": (utc_now() - timedelta(days=1)).isoformat(),
        "$until": (utc_now() + timedelta(days=1)).isoformat(),
        "$password": password,
        "$newPassword": "another correct horse",
        "$newEmail": f"new.{number}@acme.example",
        "$newNumber": f"N{number}",
        "$newName": f"New {number}",
        "$newCall": f"call {number}",
    }
    for kind, make in UNUSED.items():
        if f"$unused{kind}" in str(action.get("variables")):
            given[f"$unused{kind}"] = (await make(place.gateway.staff)).id
    variables = filled(action.get("variables", {}), given)
    document = Field(*action["field"].split(".")).document(variables)
    return outcome(await place.gateway.run(document, variables, token=token))


# Things that can be deleted.
UNUSED: dict[str, Callable[[Staff], Awaitable[Thing]]] = {
    "Team": Staff.team,
    "Queue": Staff.queue,
    "SkillGroup": Staff.skill_group,
    "Site": Staff.site,
    "UserProfile": lambda staff: staff.profile(permissions=[]),
    "DesktopProfile": Staff.desktop_profile,
}


def filled(value: Any, given: Mapping[str, str]) -> Any:
    """Variables with what stands behind their names."""
    if isinstance(value, dict):
        return {name: filled(part, given) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, given) for part in value]
    return given[value] if isinstance(value, str) and value.startswith("$") else value


@pytest.mark.parametrize("name", ROLES)
async def test_what_each_role_may_do_is_what_the_table_says(place: Place, name: str) -> None:
    """A24, D18: every action, among them that full administrators alone add people."""
    token, password = await place.caller(name)
    found, expected = {}, {}
    for action, colleague in zip(TABLES["action"], await place.colleagues(), strict=True):
        title = f"{action['field']}: {action.get('what', '')}"
        found[title] = await outcome_of(place, action, colleague, token, password)
        expected[title] = action["expected"][name]
    assert found == expected


@pytest.mark.parametrize("name", KEYS)
async def test_what_each_key_may_do_is_what_the_table_says(place: Place, name: str) -> None:
    """A24: a key has the permissions that it was given, in the whole organization, and no other."""
    found, expected = {}, {}
    tokens: dict[tuple[str, ...], str] = {}
    for action, colleague in zip(TABLES["action"], await place.colleagues(), strict=True):
        title = f"{action['field']}: {action.get('what', '')}"
        needs = action.get("needs", [])
        every = [permission.name for permission in FULL_ADMINISTRATOR]
        permissions = {
            "key": sorted({*needs, "USERS_READ"}),
            "blind_key": needs,
            "other_key": [one for one in every if one not in needs[:1]],
            "whole_key": every,
        }[name]
        given = tuple(permissions)
        if given not in tokens:
            tokens[given] = await place.gateway.key(f"{name} {len(tokens)}", permissions)
        found[title] = await outcome_of(place, action, colleague, tokens[given], "")
        expected[title] = action["expected"][name]
    assert found == expected


@pytest.mark.parametrize("name", ["supervisor", "service_administrator", "full_administrator"])
async def test_whom_each_role_reaches_is_what_the_table_says(place: Place, name: str) -> None:
    """A28: supervisors reach agents of their own teams and of those below, administrators all but their betters."""
    token, _ = await place.caller(name)
    mutations = SUPERVISORS_TOO if name == "supervisor" else (*SUPERVISORS_TOO, "deactivateUsers", "reactivateUsers")
    found, expected = {}, {}
    for row in TABLES["reach"]:
        teams = [place.teams[row["team"]]] if "team" in row else []
        person = await place.gateway.staff.hire(roles=[UserRole[role] for role in row["roles"]], teams=teams)
        for mutation in mutations:
            (item,) = (await bulk(place.gateway, mutation, [person], token=token)).items
            reached = item["outcome"] in ("SUCCEEDED", "UNCHANGED")
            found[row["whom"], mutation] = "reached" if reached else item["errors"][0]["code"]
            expected[row["whom"], mutation] = row[name]
    assert found == expected


async def test_nobody_without_the_permission_acts_on_themselves_either(gateway: Gateway, staff: Staff) -> None:
    """A24, C16: and who has it neither deactivates nor forces offline themselves."""
    agent = await staff.hire()
    token = await gateway.sign_in(agent)
    for mutation in ("deactivateUsers", "forceUsersOffline", "signOutUsers"):
        assert (await ask_bulk(gateway, mutation, [agent], token=token)).codes == ["FORBIDDEN"]
    team = await staff.team()
    supervisor = await staff.hire(roles=[UserRole.SUPERVISOR], teams=[team])
    token = await gateway.sign_in(supervisor)
    assert (await bulk(gateway, "forceUsersOffline", [supervisor], token=token)).outcomes == ["SELF_ACTION"]
    assert (await bulk(gateway, "signOutUsers", [supervisor], token=token)).outcomes == ["SUCCEEDED"]


async def test_a_custom_profile_takes_permissions_away_and_gives_none(gateway: Gateway, staff: Staff) -> None:
    """A24, B3."""
    profile = await staff.profile(permissions=["USERS_READ", "USERS_DEACTIVATE", "USERS_CREATE"])
    narrowed = await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR], profile=profile)
    agent = await staff.hire(profile=profile)
    token = await gateway.sign_in(narrowed)
    granted = (await gateway.ask("{ viewer { permissions { permission scope } } }", token=token))["viewer"][
        "permissions"
    ]
    assert granted == [
        {"permission": "USERS_READ", "scope": "ORGANIZATION"},
        {"permission": "USERS_DEACTIVATE", "scope": "ORGANIZATION"},
        {"permission": "REPORTS_READ", "scope": "SELF"},
    ]
    assert (await bulk(gateway, "deactivateUsers", [await staff.hire()], token=token)).outcomes == ["SUCCEEDED"]
    assert (await ask_bulk(gateway, "forceUsersOffline", [agent], token=token)).codes == ["FORBIDDEN"]
    for document in ("{ auditEvents { nodes { id } } }", "{ licenses { nodes { id } } }"):
        assert (await gateway.run(document, token=token)).codes == ["FORBIDDEN"]
    ordinary = await gateway.sign_in(agent)
    assert (await ask_bulk(gateway, "deactivateUsers", [narrowed], token=ordinary)).codes == ["FORBIDDEN"]


async def test_who_may_see_only_themselves_finds_nobody_to_act_on(gateway: Gateway, staff: Staff) -> None:
    """A24: the permission to read is one of its own."""
    blind = await staff.profile(permissions=["USERS_DEACTIVATE"])
    token = await gateway.sign_in(await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR], profile=blind))
    assert (await bulk(gateway, "deactivateUsers", [await staff.hire()], token=token)).outcomes == ["NOT_FOUND"]
