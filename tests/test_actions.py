"""What is said about a person beforehand agrees with what is answered afterwards: actions, and signing in."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from models.license import LicenseType
from models.user import UserRole, UserStatus
from resolvers.actions import UserAction
from tests.changes import ask_bulk, bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.statements import Statements

pytestmark = pytest.mark.anyio

MUTATIONS = {
    "DEACTIVATE": "deactivateUsers",
    "REACTIVATE": "reactivateUsers",
    "FORCE_OFFLINE": "forceUsersOffline",
    "RESUME_ONLINE": "resumeUsersOnline",
    "SIGN_OUT": "signOutUsers",
    "ASSIGN_TEAMS": "assignTeams",
    "ASSIGN_QUEUES": "assignQueues",
    "ASSIGN_SKILL_GROUPS": "assignSkillGroups",
}
STATES: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "signed in": {},
    "protected": {"protected": True},
    "deactivated": {"status": UserStatus.DEACTIVATED},
    "deactivated, blocked and protected": {"status": UserStatus.DEACTIVATED, "blocked": True, "protected": True},
    "deactivated and skilled": {"status": UserStatus.DEACTIVATED, "skilled": True},
    "deleted": {"status": UserStatus.DELETED},
    "blocked by an administrator": {"blocked": True},
    "blocked by a supervisor": {"blocked": True},
    "outside the contact center": {"contact_center_enabled": False},
    "outside the contact center and skilled": {"contact_center_enabled": False, "skilled": True},
    "supervisor": {"roles": [UserRole.SUPERVISOR], "licenses": [LicenseType.PREMIUM_AGENT]},
    "service administrator": {"roles": [UserRole.SERVICE_ADMINISTRATOR]},
    "full administrator": {"roles": [UserRole.FULL_ADMINISTRATOR]},
}
ROLES: dict[str, list[UserRole]] = {role.name.lower(): [role] for role in UserRole} | {"nobody": []}
AVAILABLE = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { availableActions } } }"
ELIGIBLE = """
query ($id: ID!) {
  node(id: $id) { ... on User {
    PORTAL: signInEligibility(surface: PORTAL) { allowed blockers }
    AGENT_DESKTOP: signInEligibility(surface: AGENT_DESKTOP) { allowed blockers }
    anywhere: signInEligibility { allowed blockers }
  } }
}
"""
UPDATE = """
mutation ($id: ID!, $nickname: String!) {
  updateUser(input: {id: $id, patch: {nickname: $nickname}}) { errors { code } }
}
"""


async def available(gateway: Gateway, people: Sequence[Thing], token: str | None = "") -> list[set[str]]:
    """What a caller could do to each of these people."""
    found = await gateway.ask(AVAILABLE, {"ids": [person.id for person in people]}, token=token)
    return [set() if node is None else set(node["availableActions"]) for node in found["nodes"]]


async def doable(
    gateway: Gateway, action: str, people: Sequence[Person], token: str, terms: dict[str, Any]
) -> list[bool]:
    """For each of these people, whether the action is done when it is asked for."""
    if action == "UPDATE":
        done = []
        for person in people:
            answer = await gateway.run(UPDATE, {"id": person.id, "nickname": f"Nick {person.name}"}, token=token)
            done.append(not answer.errors and not answer.data["updateUser"]["errors"])
        return done
    answer = await ask_bulk(gateway, MUTATIONS[action], people, token=token, **terms)
    if answer.errors:
        assert answer.codes == ["FORBIDDEN"]
        return [False] * len(people)
    items = answer.data[MUTATIONS[action]]["operation"]["items"]["nodes"]
    return [item["outcome"] == "SUCCEEDED" for item in items]


async def hired(gateway: Gateway, staff: Staff, team: Thing, state: str, count: int = 1) -> list[Person]:
    """People of a team in one of the states; the last one is signed in where that is the state."""
    away = STATES[state].get("status", UserStatus.ACTIVE) is not UserStatus.ACTIVE
    outside = not STATES[state].get("contact_center_enabled", True)
    terms = {"teams": [] if away or outside else [team], **STATES[state]}
    if terms.pop("skilled", False):
        terms["skill_groups"] = [await staff.skill_group()]
    people = await staff.hire(count, **terms)
    if state == "signed in":
        await gateway.sign_in(people[-1])
    if state == "blocked by a supervisor":
        for person in people:
            await gateway.execute(
                "UPDATE sign_in_blocks SET by_administrator = :no WHERE user_id = :key",
                no=False,
                key=gateway.key_parameter(person.key),
            )
    return people


@pytest.mark.parametrize("role", [*ROLES, "key", "narrow key", "narrowed administrator"])
async def test_an_action_is_available_where_the_mutation_does_it(gateway: Gateway, staff: Staff, role: str) -> None:
    """A24, A28, E14: for every state, on the own team and on another one."""
    north, south = await staff.team("North"), await staff.team("South")
    other, queue, skill = await staff.team("Other"), await staff.queue(), await staff.skill_group()
    given: dict[str, dict[str, Any]] = {
        "ASSIGN_TEAMS": {"teams": {"add": [other.id]}},
        "ASSIGN_QUEUES": {"queues": {"add": [queue.id]}},
        "ASSIGN_SKILL_GROUPS": {"skillGroups": {"add": [skill.id]}},
    }
    if role == "key":
        token = gateway.token
    elif role == "narrow key":
        token = await gateway.key(role, ["USERS_READ", "USERS_SIGN_OUT", "USERS_REACTIVATE"])
    else:
        narrowed = role == "narrowed administrator"
        profile = await staff.profile(
            permissions=["USERS_READ", "USERS_DEACTIVATE", "USERS_ASSIGN"] if narrowed else None
        )
        roles = [UserRole.FULL_ADMINISTRATOR] if narrowed else ROLES[role]
        token = await gateway.sign_in(await staff.hire(roles=roles, teams=[north], profile=profile))
    cases = list(itertools.product(STATES, (north, south)))
    actions_in_order = [action for action in UserAction.__members__ if action != "SIGN_OUT"] + ["SIGN_OUT"]
    groups = [await hired(gateway, staff, team, state, len(actions_in_order)) for state, team in cases]
    found, expected = {}, {}
    for index, action in enumerate(actions_in_order):
        people = [group[index] for group in groups]
        said = await available(gateway, people, token)
        done = await doable(gateway, action, people, token, given.get(action, {}))
        if action == "ASSIGN_SKILL_GROUPS":  # who gets none may have some to lose
            taken = await doable(gateway, action, people, token, {"skillGroups": {"set": []}})
            done = [got or lost for got, lost in zip(done, taken, strict=True)]
        for (state, team), actions, was_done in zip(cases, said, done, strict=True):
            found[action, state, team.name] = action in actions
            expected[action, state, team.name] = was_done
    assert found == expected
    if role in ("full_administrator", "key"):
        assert {action for (action, _, _), was_done in expected.items() if was_done} == set(UserAction.__members__)


async def test_nobody_takes_themselves_or_the_last_administrator_out(gateway: Gateway, staff: Staff) -> None:
    """C16, E6."""
    token = await gateway.sign_in(gateway.admin)
    mine = {"UPDATE", "SIGN_OUT", "ASSIGN_TEAMS", "ASSIGN_QUEUES", "ASSIGN_SKILL_GROUPS"}
    assert await available(gateway, [gateway.admin], token) == [mine]
    assert await available(gateway, [gateway.admin]) == [mine]
    for mutation in ("deactivateUsers", "forceUsersOffline"):
        assert (await bulk(gateway, mutation, [gateway.admin], token=token)).outcomes == ["SELF_ACTION"]
        assert (await bulk(gateway, mutation, [gateway.admin])).outcomes == ["LAST_ADMINISTRATOR"]
    second = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR])
    assert await available(gateway, [gateway.admin, second]) == [
        {*mine, "DEACTIVATE", "FORCE_OFFLINE"},
        {*mine, "DEACTIVATE", "FORCE_OFFLINE"} - {"SIGN_OUT"},
    ]
    await bulk(gateway, "forceUsersOffline", [second])
    assert await available(gateway, [gateway.admin]) == [mine]


async def test_who_finds_no_seat_cannot_be_reactivated(gateway: Gateway, staff: Staff) -> None:
    """E3: seats are looked at for each person alone."""
    one_seat = await staff.license("One seat", seats=1)
    away = await staff.hire(2, licenses=[one_seat], status=UserStatus.DEACTIVATED)
    assert all("REACTIVATE" in actions for actions in await available(gateway, away))
    assert (await bulk(gateway, "reactivateUsers", away)).outcomes == ["SUCCEEDED", "NO_SEAT_AVAILABLE"]
    first, second = await available(gateway, away)
    assert "REACTIVATE" not in first | second
    assert (await bulk(gateway, "reactivateUsers", away[1:])).outcomes == ["NO_SEAT_AVAILABLE"]


async def test_who_must_change_the_password_can_do_nothing_else(gateway: Gateway, staff: Staff) -> None:
    """C3."""
    person = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR], single_use=True)
    token = await gateway.sign_in(person)
    found = await gateway.ask("{ viewer { actor { ... on User { availableActions } } } }", token=token)
    assert found["viewer"]["actor"]["availableActions"] == []


async def test_what_is_said_of_many_people_takes_as_many_statements_as_of_one(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    document = (
        "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { availableActions signInEligibility { allowed } } } }"
    )
    team = await staff.team()
    groups = [await hired(gateway, staff, team, state, 3) for state in STATES if state != "deleted"]
    counts = []
    for some in ([group[0] for group in groups], [person for group in groups for person in group]):
        with statements.counting() as counted:
            await gateway.ask(document, {"ids": [person.id for person in some]})
        counts.append(counted.count)
    assert counts[1] <= counts[0]  # the first may have waited for the note of when the key was last used


@pytest.mark.parametrize("profile", ["both", "portal", "desktop", "none"])
async def test_whether_somebody_may_sign_in_is_what_sign_in_answers(
    gateway: Gateway, staff: Staff, profile: str
) -> None:
    """A2, B18, C12."""
    surfaces = {"both": ["PORTAL", "AGENT_DESKTOP"], "portal": ["PORTAL"], "desktop": ["AGENT_DESKTOP"], "none": []}
    custom = await staff.profile(surfaces=surfaces[profile])
    document = "mutation ($input: SignInInput!) { signIn(input: $input) { session { id } errors { code } } }"
    cases = [(UserStatus.ACTIVE, False, True), (UserStatus.ACTIVE, False, False), (UserStatus.DEACTIVATED, True, True)]
    if profile == "both":
        cases += [(status, blocked, True) for status in UserStatus for blocked in (False, True)][1:]
    for status, blocked, enabled in cases:
        person = await staff.hire(status=status, blocked=blocked, contact_center_enabled=enabled, profile=custom)
        said = (await gateway.ask(ELIGIBLE, {"id": person.id}))["node"]
        for surface in ("PORTAL", "AGENT_DESKTOP"):
            closed = surface not in surfaces[profile] or (surface == "AGENT_DESKTOP" and not enabled)
            blockers = [
                *([status.name] if status is not UserStatus.ACTIVE else []),
                *(["SIGN_IN_BLOCKED"] if blocked else []),
                *(["NO_SURFACE_ACCESS"] if closed else []),
            ]
            assert said[surface] == {"allowed": not blockers, "blockers": blockers}
            terms = {"email": person.email, "password": person.password, "surface": surface}
            answer = (await gateway.ask(document, {"input": terms}, token=None))["signIn"]
            assert (answer["session"] is not None) is said[surface]["allowed"]
            codes = [error["code"] for error in answer["errors"]]
            refused = ["NO_SURFACE_ACCESS"] if blockers == ["NO_SURFACE_ACCESS"] else ["SIGN_IN_REFUSED"]
            assert codes == (refused if blockers else [])
        either = [said[surface]["allowed"] for surface in ("PORTAL", "AGENT_DESKTOP")]
        assert said["anywhere"]["allowed"] is any(either)
        await gateway.execute("DELETE FROM sign_in_failures")


async def test_without_a_profile_the_portal_alone_is_open(gateway: Gateway, staff: Staff) -> None:
    """B18."""
    person = await staff.hire(contact_center_enabled=False)
    said = (await gateway.ask(ELIGIBLE, {"id": person.id}))["node"]
    assert said["anywhere"] == said["PORTAL"] == {"allowed": True, "blockers": []}
    assert said["AGENT_DESKTOP"] == {"allowed": False, "blockers": ["NO_SURFACE_ACCESS"]}
