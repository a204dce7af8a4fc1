"""Giving teams, direct queues and skill groups, and who may act on whose people, through `/graphql`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.presence import PresenceState
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.changes import ask_bulk, bulk
from tests.editing import look, versions_agree
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing

pytestmark = pytest.mark.anyio

ASSIGNING = pytest.mark.parametrize("kind", ["team", "queue", "skill_group"])


class Kind:
    """One of the mutations that assign, seen the same way."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self.gateway = gateway
        self.name = name
        self.type_name = "".join(word.capitalize() for word in name.split("_"))
        self.mutation = f"assign{self.type_name}s"
        self.field = f"{self.type_name[0].lower()}{self.type_name[1:]}s"
        self.hired_with = f"{name}s"

    async def make(self, name: str | None = None, **terms: Any) -> Thing:
        made: Thing = await getattr(self.gateway.staff, self.name)(name, **terms)
        return made

    async def assign(self, people: Any, *, token: str = "", terms: Any = None, **way: list[Thing]) -> Any:
        change = {key: [thing.id for thing in things] for key, things in way.items()}
        return await bulk(self.gateway, self.mutation, people, token=token, **{self.field: change}, **(terms or {}))

    async def held(self, person: Person) -> list[str]:
        """Names of the teams, direct queues or skill groups of a person."""
        if self.name == "skill_group":
            found = await self.gateway.rows(
                "SELECT skill_groups.name FROM skill_groups JOIN skill_group_members "
                "ON skill_group_members.skill_group_id = skill_groups.id WHERE user_id = :key ORDER BY 1",
                key=self.gateway.key_parameter(person.key),
            )
            return [row.name for row in found]
        user = await look(self.gateway, person)
        if self.name == "team":
            return sorted(node["name"] for node in user["teams"]["nodes"])
        edges = user["queues"]["edges"]
        return sorted(edge["node"]["name"] for edge in edges if {"source": "DIRECT"} in edge["origins"])


@ASSIGNING
async def test_things_are_added_removed_and_set(gateway: Gateway, staff: Staff, kind: str) -> None:
    """B4, C2, E9: each change is one version, repeating is none."""
    which = Kind(gateway, kind)
    a, b, c = [await which.make(name) for name in ("A", "B", "C")]
    person = await staff.hire()
    for number, (way, things, after, effects) in enumerate(
        [
            ("add", [b, a], ["A", "B"], [("ASSIGNED", "B"), ("ASSIGNED", "A")]),
            ("set", [b, c], ["B", "C"], [("ASSIGNED", "C"), ("UNASSIGNED", "A")]),
            ("remove", [a, b], ["C"], [("UNASSIGNED", "B")]),
            ("set", [], [], [("UNASSIGNED", "C")]),
        ],
        2,
    ):
        before = await look(gateway, person)
        done = await which.assign([person], **{way: things}, terms={"note": way})
        assert (done.outcomes, done.effects()) == (["SUCCEEDED"], effects)
        assert await which.held(person) == after
        once = await look(gateway, person)
        assert (once["version"], once["auditEvents"]["nodes"][0]["note"]) == (number, way)
        assert once["updatedAt"] > before["updatedAt"]
        again = await which.assign([person], **{way: things})
        assert (again.outcomes, again.operation["status"]) == (["UNCHANGED"], "COMPLETED")
        assert (await look(gateway, person))["updatedAt"] == once["updatedAt"]
        await versions_agree(gateway)
    actions = [event["action"] for event in (await look(gateway, person))["auditEvents"]["nodes"]]
    assert actions == ["UNASSIGNED", "UNASSIGNED", "ASSIGNED", "ASSIGNED", "CREATED"]


@ASSIGNING
async def test_many_people_are_assigned_together_each_as_needed(gateway: Gateway, staff: Staff, kind: str) -> None:
    """C17, E4."""
    which = Kind(gateway, kind)
    a, b = await which.make("A"), await which.make("B")
    none, one, both = await staff.hire(), await staff.hire(), await staff.hire()
    await which.assign([one, both], add=[a])
    await which.assign([both], add=[b])
    done = await which.assign([none, both, one], add=[a, b])
    assert done.outcomes == ["SUCCEEDED", "UNCHANGED", "SUCCEEDED"]
    assert [await which.held(person) for person in (none, one, both)] == [["A", "B"]] * 3
    assert (done.effects(2), done.effects(1)) == ([("ASSIGNED", "B")], [])


@pytest.mark.parametrize("kind", ["team", "queue"])
async def test_what_a_deactivation_took_is_given_back_by_hand(gateway: Gateway, staff: Staff, kind: str) -> None:
    """C17, A15, A16: the reactivation brings nothing back."""
    which = Kind(gateway, kind)
    a = await which.make("A")
    people = await staff.hire(3)
    await which.assign(people, add=[a])
    await bulk(gateway, "deactivateUsers", people)
    refused = await which.assign(people, add=[a])
    assert refused.outcomes == ["INVALID_STATE"] * 3
    await bulk(gateway, "reactivateUsers", people)
    assert [await which.held(person) for person in people] == [[]] * 3
    assert (await which.assign(people, add=[a])).outcomes == ["SUCCEEDED"] * 3
    assert [await which.held(person) for person in people] == [["A"]] * 3


@ASSIGNING
async def test_who_can_be_assigned(gateway: Gateway, staff: Staff, kind: str) -> None:
    """E14, B10: the blocked can, the deactivated, deleted and those outside the contact center cannot."""
    which = Kind(gateway, kind)
    a = await which.make("A")
    people = [
        await staff.hire(blocked=True),
        await staff.hire(status=UserStatus.DEACTIVATED),
        await staff.hire(status=UserStatus.DELETED),
        await staff.hire(contact_center_enabled=False),
        await (await gateway.other()).hire(),
        await staff.hire(protected=True),
    ]
    expected = ["SUCCEEDED", "INVALID_STATE", "NOT_FOUND", "NOT_CONTACT_CENTER_ENABLED", "NOT_FOUND", "SUCCEEDED"]
    assert (await which.assign(people, add=[a])).outcomes == expected
    nothing = await which.assign(people, set=[])
    assert nothing.outcomes == ["SUCCEEDED", "UNCHANGED", "NOT_FOUND", "UNCHANGED", "NOT_FOUND", "SUCCEEDED"]


@ASSIGNING
async def test_what_is_unknown_or_not_in_use_refuses_the_whole_request(
    gateway: Gateway, staff: Staff, kind: str
) -> None:
    """E14: though what is not in use can be left."""
    which = Kind(gateway, kind)
    a, idle = await which.make("A"), await which.make("Idle", active=False)
    foreign = await getattr(await gateway.other(), kind)()
    unknown = Thing(uuid7(), which.type_name, "?")
    person = await staff.hire(**{which.hired_with: [idle]})
    for way in ("add", "set"):
        done = await which.assign([person], **{way: [a, unknown, foreign, idle]})
        path = ["input", which.field, way]
        assert list(zip(done.codes, done.paths, strict=True)) == [
            ("NOT_FOUND", [*path, "1"]),
            ("NOT_FOUND", [*path, "2"]),
            ("INVALID_STATE", [*path, "3"]),
        ]
        assert done.operation is None
    assert await gateway.scalar("SELECT count(*) FROM bulk_operations") == 0
    assert (await which.assign([person], remove=[foreign])).codes == ["NOT_FOUND"]
    assert (await which.assign([person], remove=[idle])).outcomes == ["SUCCEEDED"]


@ASSIGNING
async def test_lists_that_cannot_be_meant_are_refused(gateway: Gateway, staff: Staff, kind: str) -> None:
    which = Kind(gateway, kind)
    a, person = await which.make("A"), await staff.hire()
    wrong = Thing(a.key, "User", "?")
    for way, things, code, last in (
        ("add", [], "REQUIRED", "add"),
        ("remove", [], "REQUIRED", "remove"),
        ("add", [a, a], "DUPLICATE_IN_REQUEST", "1"),
        ("set", [a, wrong], "INVALID", "1"),
    ):
        done = await which.assign([person], **{way: things})
        assert (done.codes, [path[-1] for path in done.paths if path], done.operation) == ([code], [last], None)
    for change in ({}, {"add": [a.id], "remove": [a.id]}, {"add": None}):
        answer = await ask_bulk(gateway, which.mutation, [person], **{which.field: change})
        assert answer.codes == ["BAD_USER_INPUT"]
    long = await which.assign([person], add=[a], terms={"note": "x" * 2001})
    assert (long.codes, long.paths) == (["INVALID"], [["input", "note"]])
    assert await which.held(person) == []


@ASSIGNING
async def test_atomic_assigns_nobody_when_one_cannot_be(gateway: Gateway, staff: Staff, kind: str) -> None:
    which = Kind(gateway, kind)
    a, person = await which.make("A"), await staff.hire()
    out = await staff.hire(status=UserStatus.DEACTIVATED)
    done = await which.assign([person, out], add=[a], terms={"errorPolicy": "ATOMIC"})
    assert done.outcomes == ["SKIPPED", "INVALID_STATE"]
    assert (await which.held(person), (await look(gateway, person))["version"]) == ([], 1)
    done = await which.assign([person, person, out], add=[a])
    assert done.outcomes == ["SUCCEEDED", "DUPLICATE_IN_REQUEST", "INVALID_STATE"]


@ASSIGNING
async def test_only_administrators_assign(gateway: Gateway, staff: Staff, kind: str) -> None:
    """C9, D18, A24."""
    which = Kind(gateway, kind)
    a, person = await which.make("A"), await staff.hire()
    for role, code in ((UserRole.SUPERVISOR, ["FORBIDDEN"]), (UserRole.AGENT, ["FORBIDDEN"])):
        token = await gateway.sign_in(await staff.hire(roles=[role]))
        answer = await ask_bulk(gateway, which.mutation, [person], token=token, **{which.field: {"add": [a.id]}})
        assert answer.codes == code
    token = await gateway.sign_in(await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR]))
    done = await which.assign([person, gateway.admin], token=token, add=[a])
    assert done.outcomes == ["SUCCEEDED", "FORBIDDEN"]


async def test_a_queue_of_a_team_is_no_direct_one(gateway: Gateway, staff: Staff) -> None:
    """B4, A9: taking the direct assignment leaves what the team gives."""
    queue = await staff.queue("Both ways")
    team = await staff.team("Billing", queues=[queue])
    person = await staff.hire(teams=[team], queues=[queue])
    which = Kind(gateway, "queue")
    assert (await which.assign([person], remove=[queue])).outcomes == ["SUCCEEDED"]
    (edge,) = (await look(gateway, person))["queues"]["edges"]
    assert edge["origins"] == [{"source": "TEAM"}]
    assert (await which.assign([person], remove=[queue])).outcomes == ["UNCHANGED"]


async def test_skill_groups_stay_while_somebody_is_out(gateway: Gateway, staff: Staff) -> None:
    """C4, E3, E14: they can be left meanwhile, and given when somebody is back."""
    which = Kind(gateway, "skill_group")
    queue = await staff.queue("French")
    group, other = await staff.skill_group("Speaks French", queues=[queue]), await staff.skill_group("Other")
    person = await staff.hire()
    assert (await which.assign([person], add=[group, other])).outcomes == ["SUCCEEDED"]
    (edge,) = (await look(gateway, person))["queues"]["edges"]
    assert (edge["node"]["name"], edge["origins"]) == ("French", [{"source": "SKILL_GROUP"}])
    await bulk(gateway, "deactivateUsers", [person])
    assert await which.held(person) == ["Other", "Speaks French"]
    assert (await which.assign([person], add=[await which.make()])).outcomes == ["INVALID_STATE"]
    assert (await which.assign([person], remove=[other])).outcomes == ["SUCCEEDED"]
    await bulk(gateway, "reactivateUsers", [person])
    (edge,) = (await look(gateway, person))["queues"]["edges"]
    assert edge["origins"] == [{"source": "SKILL_GROUP"}]


async def test_opposite_assignments_at_once_end_in_one_truth(gateway: Gateway, staff: Staff) -> None:
    """E9: as many versions as changes were told."""
    teams = [await staff.team(name) for name in ("A", "B")]
    people = await staff.hire(8)
    which = Kind(gateway, "team")
    ways = [{"add": teams}, {"remove": [teams[0]]}, {"set": [teams[1]]}, {"set": []}] * 3
    done = await asyncio.gather(*(which.assign(people[::-1] if i % 2 else people, **way) for i, way in enumerate(ways)))
    changed = sum(each.totals.get("succeeded", 0) for each in done)
    assert await gateway.scalar("SELECT sum(version - 1) FROM users") == changed
    await versions_agree(gateway)


class Floor:
    """A supervisor with people of every kind around."""

    def __init__(self, **people: Person) -> None:
        self.__dict__.update(people)
        self.people = people

    @classmethod
    async def staffed(cls, staff: Staff) -> Floor:
        above = await staff.team("Above")
        own = await staff.team("Own", parent=above)
        below = await staff.team("Below", parent=own)
        aside = await staff.team("Aside", parent=above)
        premium = [LicenseType.PREMIUM_AGENT]
        return cls(
            supervisor=await staff.hire(roles=[UserRole.SUPERVISOR], teams=[own], licenses=premium),
            agent=await staff.hire(teams=[own]),
            plain=await staff.hire(roles=[], teams=[own]),
            below=await staff.hire(teams=[below]),
            mate=await staff.hire(roles=[UserRole.SUPERVISOR, UserRole.AGENT], teams=[below], licenses=premium),
            service=await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR], teams=[own]),
            above=await staff.hire(teams=[above]),
            aside=await staff.hire(teams=[aside]),
            nowhere=await staff.hire(),
        )


OTHERS = ["agent", "plain", "below", "mate", "service", "above", "aside", "nowhere"]
OUT_OF_REACH = ["FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]


@pytest.mark.parametrize("mutation", ["signOutUsers", "forceUsersOffline", "resumeUsersOnline"])
async def test_a_supervisor_acts_on_agents_of_own_teams_and_teams_below(
    gateway: Gateway, staff: Staff, mutation: str
) -> None:
    """A28, E15: agents only means no role beyond AGENT; who is not seen is nobody."""
    floor = await Floor.staffed(staff)
    people = [floor.people[name] for name in OTHERS]
    token = await gateway.sign_in(floor.people["supervisor"])
    if mutation == "signOutUsers":
        for person in people:
            await gateway.sign_in(person)
    if mutation == "resumeUsersOnline":
        done = await bulk(gateway, "forceUsersOffline", people[:3], token=token)
        assert done.outcomes == ["SUCCEEDED"] * 3
    done = await bulk(gateway, mutation, people, token=token)
    assert done.outcomes == ["SUCCEEDED"] * 3 + OUT_OF_REACH
    assert [item["user"] for item in done.items[5:]] == [None] * 3


async def test_a_supervisor_has_no_further_power(gateway: Gateway, staff: Staff) -> None:
    """A28, A24: and none over themselves, signing out aside."""
    floor = await Floor.staffed(staff)
    supervisor = floor.people["supervisor"]
    token = await gateway.sign_in(supervisor)
    for mutation in ("deactivateUsers", "reactivateUsers"):
        assert (await ask_bulk(gateway, mutation, [floor.people["agent"]], token=token)).codes == ["FORBIDDEN"]
    offline = await bulk(gateway, "forceUsersOffline", [supervisor], token=token)
    assert offline.outcomes == ["SELF_ACTION"]
    seen = (await gateway.ask("{ users(first: 50) { nodes { id } } }", token=token))["users"]["nodes"]
    assert {one["id"] for one in seen} == {
        floor.people[name].id for name in ("supervisor", "agent", "plain", "below", "mate", "service")
    }
    own = await bulk(gateway, "signOutUsers", [supervisor], token=token)
    assert own.outcomes == ["SUCCEEDED"]


async def test_an_administrators_block_stands_above_a_supervisors(gateway: Gateway, staff: Staff) -> None:
    """A28, E14: it takes the place of the supervisor's, and a supervisor does not lift it."""
    floor = await Floor.staffed(staff)
    agent = floor.people["agent"]
    supervisor = await gateway.sign_in(floor.people["supervisor"])
    admin = await gateway.sign_in(floor.people["service"])

    async def block() -> Any:
        document = "query B($id: ID!) { user(by: {id: $id}) { version signInBlock { note setBy { displayName } } } }"
        return (await gateway.ask(document, {"id": agent.id}))["user"]

    first = await bulk(gateway, "forceUsersOffline", [agent], token=supervisor, note="late")
    assert first.outcomes == ["SUCCEEDED"]
    again = await bulk(gateway, "forceUsersOffline", [agent], token=supervisor, note="later")
    assert again.outcomes == ["UNCHANGED"]
    taken = await bulk(gateway, "forceUsersOffline", [agent], token=admin, note="security")
    assert (taken.outcomes, taken.effects()) == (["SUCCEEDED"], [("SIGN_IN_BLOCKED", None)])
    assert await block() == {
        "version": 3,
        "signInBlock": {"note": "security", "setBy": {"displayName": floor.people["service"].name}},
    }
    for token, outcome in ((admin, "UNCHANGED"), (supervisor, "UNCHANGED")):
        assert (await bulk(gateway, "forceUsersOffline", [agent], token=token)).outcomes == [outcome]
    lifted = await bulk(gateway, "resumeUsersOnline", [agent], token=supervisor)
    assert lifted.outcomes == ["BLOCKED_BY_ADMINISTRATOR"]
    assert (await bulk(gateway, "resumeUsersOnline", [agent], token=admin)).outcomes == ["SUCCEEDED"]
    await bulk(gateway, "forceUsersOffline", [agent], token=supervisor)
    assert (await bulk(gateway, "resumeUsersOnline", [agent], token=admin)).outcomes == ["SUCCEEDED"]
    await versions_agree(gateway)


async def test_the_block_of_a_key_is_an_administrators(gateway: Gateway, staff: Staff) -> None:
    """E14, A28: whatever little the key may do besides."""
    floor = await Floor.staffed(staff)
    agent = floor.people["agent"]
    key = await gateway.key("watch", ["USERS_READ", "USERS_FORCE_OFFLINE"])
    await bulk(gateway, "forceUsersOffline", [agent], token=key)
    token = await gateway.sign_in(floor.people["supervisor"])
    assert (await bulk(gateway, "resumeUsersOnline", [agent], token=token)).outcomes == ["BLOCKED_BY_ADMINISTRATOR"]
    assert (await bulk(gateway, "forceUsersOffline", [gateway.admin], token=key)).outcomes == ["FORBIDDEN"]


async def test_who_left_the_team_is_out_of_reach_at_once(gateway: Gateway, staff: Staff) -> None:
    """A28: the supervisor's own teams count as they are now."""
    team = await staff.team("Own")
    supervisor = await staff.hire(roles=[UserRole.SUPERVISOR], teams=[team], licenses=[LicenseType.PREMIUM_AGENT])
    agent = await staff.hire(teams=[team])
    token = await gateway.sign_in(supervisor)
    assert (await bulk(gateway, "forceUsersOffline", [agent], token=token)).outcomes == ["SUCCEEDED"]
    await Kind(gateway, "team").assign([agent], set=[])
    assert (await bulk(gateway, "resumeUsersOnline", [agent], token=token)).outcomes == ["NOT_FOUND"]
    other = await staff.hire(teams=[team])
    await Kind(gateway, "team").assign([supervisor], remove=[team])
    assert (await bulk(gateway, "forceUsersOffline", [other], token=token)).outcomes == ["NOT_FOUND"]


async def test_names_of_people_a_supervisor_does_not_see_open_no_door(gateway: Gateway, staff: Staff) -> None:
    """A28: known, unknown and foreign keys read the same."""
    floor = await Floor.staffed(staff)
    token = await gateway.sign_in(floor.people["supervisor"])
    stranger = floor.people["nowhere"]
    done = await bulk(gateway, "forceUsersOffline", {"emails": [stranger.email, "nobody@acme.example"]}, token=token)
    assert [item["errors"] for item in done.items] == [[{"code": "NOT_FOUND", "path": None}]] * 2
    done = await bulk(gateway, "forceUsersOffline", {"ids": [stranger.id, global_id("User", uuid7())]}, token=token)
    assert [item["user"] for item in done.items] == [None, None]
    assert stranger.name not in str(done.answer.body)
    assert (await look(gateway, stranger))["presence"]["state"] == PresenceState.OFFLINE.name
