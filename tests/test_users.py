"""Finding people through `/graphql`: who is shown, every condition of the filter, and one person by a key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import SIGN_IN, Gateway
from tests.people import Person, Staff, Thing
from tests.reading import ask_list, connection, names, refusal

pytestmark = pytest.mark.anyio

ACTIVE, DEACTIVATED, DELETED = ("Anna Active",), ("Dora Deactivated",), ("Dieter Deleted",)
HIDDEN = "nodes { id } hiddenDeactivatedCount totalCount totalCountPrecision"

# What is asked beside nothing else, and who is listed.
STATES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ACTIVE),
    ({"includeDeactivated": False}, ACTIVE),
    ({"includeDeactivated": True}, ACTIVE + DEACTIVATED),
    ({"filter": {"status": {"eq": "ACTIVE"}}}, ACTIVE),
    ({"filter": {"status": {"eq": "ACTIVE"}}, "includeDeactivated": True}, ACTIVE),
    ({"filter": {"status": {"eq": "DEACTIVATED"}}}, DEACTIVATED),
    ({"filter": {"status": {"in": ["DEACTIVATED"]}}, "includeDeactivated": False}, DEACTIVATED),
    ({"filter": {"status": {"in": ["ACTIVE", "DEACTIVATED"]}}}, ACTIVE + DEACTIVATED),
    ({"filter": {"status": {"eq": "DELETED"}}}, DELETED),
    ({"filter": {"status": {"in": ["ACTIVE", "DELETED"]}}}, ACTIVE + DELETED),
    ({"filter": {"status": {"in": ["ACTIVE", "DEACTIVATED", "DELETED"]}}}, ACTIVE + DEACTIVATED + DELETED),
    ({"filter": {"status": {"notIn": ["DEACTIVATED"]}}}, ACTIVE),
    ({"filter": {"status": {"notIn": ["ACTIVE"]}}}, DEACTIVATED),
    ({"filter": {"status": {"notIn": ["ACTIVE"]}}, "includeDeactivated": True}, DEACTIVATED),
    ({"filter": {"status": {"notIn": []}}}, ACTIVE + DEACTIVATED),
    ({"filter": {"status": {"notIn": ["DELETED"]}}}, ACTIVE + DEACTIVATED),
    ({"filter": {"status": {"in": []}}}, ()),
    ({"filter": {"status": {"eq": "DELETED", "notIn": ["DELETED"]}}}, ()),
    ({"filter": {"status": {"in": ["ACTIVE", "DEACTIVATED"], "notIn": ["ACTIVE"]}}}, DEACTIVATED),
    ({"filter": {"status": {"eq": "ACTIVE", "in": ["DEACTIVATED"]}}}, ()),
    # Where nothing is said of the status, it is as if the condition were not there.
    ({"filter": {"status": {}}}, ACTIVE),
    ({"filter": {"status": None}}, ACTIVE),
    ({"filter": {}}, ACTIVE),
    ({"filter": None}, ACTIVE),
    ({"filter": {"status": {}}, "includeDeactivated": True}, ACTIVE + DEACTIVATED),
]


async def three(staff: Staff, **terms: Any) -> list[Person]:
    """Somebody in each state."""
    return [
        await staff.hire("Anna Active", **terms),
        await staff.hire("Dora Deactivated", status=UserStatus.DEACTIVATED, **terms),
        await staff.hire("Dieter Deleted", status=UserStatus.DELETED, **terms),
    ]


async def test_a_condition_on_the_status_alone_decides_who_is_shown(gateway: Gateway, staff: Staff) -> None:
    """A21, A22, B7: without one, deactivated people are hidden unless asked for; deleted ones show only where named."""
    await three(staff)
    found = [(asked, await names(gateway, "users", **asked)) for asked, _ in STATES]
    assert found == [(asked, sorted(expected)) for asked, expected in STATES]


async def test_what_is_hidden_is_counted(gateway: Gateway, staff: Staff) -> None:
    """A21: so that nobody takes a list for the whole."""
    site = await staff.site()
    await three(staff)
    for name in ("Berta Berg", "Carl Carlsen"):
        await staff.hire(name, status=UserStatus.DEACTIVATED, site=site)

    hidden = [
        (await connection(gateway, "users", HIDDEN, **asked))["hiddenDeactivatedCount"]
        for asked in (
            {},
            {"first": 0},
            {"includeDeactivated": True},
            {"filter": {"status": {"eq": "ACTIVE"}}},
            {"filter": {"site": {"eq": site.id}}},
            {"search": "dora"},
            {"search": "anna"},
        )
    ]

    assert hidden == [3, 3, 0, 0, 2, 1, 0]


async def test_lists_by_role_are_slices_and_everything_works_on_each(gateway: Gateway, staff: Staff) -> None:
    """A23: all users, agents, supervisors, administrators; somebody with two roles is in two of them."""
    both = [UserRole.AGENT, UserRole.SUPERVISOR]
    roles = {
        "Ali Agent": [UserRole.AGENT],
        "Bea Both": both,
        "Cid Supervisor": [UserRole.SUPERVISOR],
        "Dan Service": [UserRole.SERVICE_ADMINISTRATOR],
        "Eve Nothing": [],
        "Fay Full": [UserRole.FULL_ADMINISTRATOR],
    }
    people = {name: await staff.hire(name, roles=given) for name, given in roles.items()}
    await staff.hire("Gus Gone", roles=both, status=UserStatus.DEACTIVATED)
    administrators = ["SERVICE_ADMINISTRATOR", "FULL_ADMINISTRATOR"]
    slices = [
        ({}, list(roles)),
        ({"role": {"eq": "AGENT"}}, ["Ali Agent", "Bea Both"]),
        ({"role": {"eq": "SUPERVISOR"}}, ["Bea Both", "Cid Supervisor"]),
        ({"role": {"in": administrators}}, ["Dan Service", "Fay Full"]),
        ({"role": {"notIn": ["AGENT"]}}, ["Cid Supervisor", "Dan Service", "Eve Nothing", "Fay Full"]),
        ({"role": {"eq": "AGENT", "notIn": ["SUPERVISOR"]}}, ["Ali Agent"]),
        ({"role": {"in": []}}, []),
        ({"role": {"notIn": []}}, list(roles)),
        ({"role": {}}, list(roles)),
    ]
    assert [(asked, await names(gateway, "users", filter=asked)) for asked, _ in slices] == slices
    agents = {"role": {"eq": "AGENT"}, "status": {"eq": "DEACTIVATED"}}
    assert await names(gateway, "users", filter=agents) == ["Gus Gone"]

    for asked, expected in (slices[1], slices[2], slices[3]):
        chosen = [people[name] for name in expected]
        away = {**asked, "status": {"eq": "DEACTIVATED"}}
        assert (await bulk(gateway, "deactivateUsers", chosen)).totals == {"succeeded": 2}
        assert await names(gateway, "users", filter=asked) == []
        assert set(await names(gateway, "users", filter=away)) - {"Gus Gone"} == set(expected)
        assert (await bulk(gateway, "reactivateUsers", chosen)).totals == {"succeeded": 2}
        assert await names(gateway, "users", filter=asked) == expected


async def test_the_contact_center_is_a_fact_that_is_filtered_with_the_status(gateway: Gateway, staff: Staff) -> None:
    """B1, B7."""
    for name, enabled in (("Ida In", True), ("Olga Out", False)):
        await staff.hire(f"{name} Active", contact_center_enabled=enabled)
        await staff.hire(f"{name} Deactivated", contact_center_enabled=enabled, status=UserStatus.DEACTIVATED)
    inactive = {"eq": "DEACTIVATED"}
    expected = [
        ({"contactCenterEnabled": True}, ["Ida In Active"]),
        ({"contactCenterEnabled": False}, ["Olga Out Active"]),
        ({"contactCenterEnabled": None}, ["Ida In Active", "Olga Out Active"]),
        ({"contactCenterEnabled": True, "status": inactive}, ["Ida In Deactivated"]),
        ({"contactCenterEnabled": False, "status": inactive}, ["Olga Out Deactivated"]),
    ]
    assert [(asked, await names(gateway, "users", filter=asked)) for asked, _ in expected] == expected
    told = await connection(gateway, "users", "nodes { displayName contactCenterEnabled }")
    assert {"displayName": "Olga Out Active", "contactCenterEnabled": False} in told["nodes"]
    assert {"displayName": "Ida In Active", "contactCenterEnabled": True} in told["nodes"]


@dataclass(frozen=True)
class Scene:
    """People in teams, queues, sites and with licenses, in many ways."""

    people: dict[str, Person]
    things: dict[str, Thing]

    def resolved(self, condition: Any) -> Any:
        """A condition with ids for the names that begin with @."""
        match condition:
            case dict():
                return {name: self.resolved(value) for name, value in condition.items()}
            case list():
                return [self.resolved(value) for value in condition]
            case str() if condition.startswith("@"):
                return (self.things | self.people)[condition[1:]].id
            case _:
                return condition


async def scene(staff: Staff) -> Scene:
    direct, above, skilled = await staff.queue("direct"), await staff.queue("above"), await staff.queue("skilled")
    top = await staff.team("top", queues=[above])
    below = await staff.team("below", parent=top)
    group = await staff.skill_group("group", queues=[skilled, direct])
    north, south = await staff.site("north"), await staff.site("south")
    premium = await staff.built_in_license(LicenseType.PREMIUM_AGENT)
    standard = await staff.built_in_license(LicenseType.STANDARD_AGENT)
    people = {
        "a": await staff.hire("a", queues=[direct], site=north, licenses=[standard]),
        "b": await staff.hire("b", teams=[top], site=north, licenses=[standard, premium]),
        "c": await staff.hire("c", teams=[below], site=south),
        "d": await staff.hire("d", skill_groups=[group], licenses=[premium]),
        "e": await staff.hire("e", teams=[top, below], queues=[direct]),
        "f": await staff.hire("f"),
        "x": await staff.hire("x", skill_groups=[group], status=UserStatus.DEACTIVATED, licenses=[standard]),
    }
    things = (direct, above, skilled, top, below, north, south)
    return Scene(people, {thing.name: thing for thing in things} | {"premium": premium, "standard": standard})


# A filter, and who of "abcdef" meets it; a deactivated `x` where the status asks for it.
FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"id": {"eq": "@a"}}, "a"),
    ({"id": {"in": ["@a", "@c", "@x"]}}, "ac"),
    ({"id": {"in": ["@a", "@c", "@x"], "notIn": ["@a"]}}, "c"),
    ({"id": {"notIn": ["@a", "@c"]}}, "bdef"),
    ({"id": {"in": []}}, ""),
    ({"id": {"notIn": []}}, "abcdef"),
    ({"id": {"isNull": True}}, ""),
    ({"id": {"isNull": False}}, "abcdef"),
    ({"id": {"eq": "@a", "in": ["@b"]}}, ""),
    ({"id": {}}, "abcdef"),
    ({"id": None}, "abcdef"),
    ({"team": {"eq": "@top"}}, "be"),
    ({"team": {"eq": "@below"}}, "ce"),
    ({"team": {"in": ["@top", "@below"]}}, "bce"),
    ({"team": {"in": []}}, ""),
    ({"team": {"notIn": ["@top"]}}, "acdf"),
    ({"team": {"notIn": ["@top", "@below"]}}, "adf"),
    ({"team": {"notIn": []}}, "abcdef"),
    ({"team": {"in": ["@top", "@below"], "notIn": ["@below"]}}, "b"),
    ({"team": {"eq": "@top", "in": ["@below"]}}, "e"),
    ({"team": {"isNull": True}}, "adf"),
    ({"team": {"isNull": False}}, "bce"),
    ({"team": {"isNull": False, "notIn": ["@below"]}}, "b"),
    ({"team": {}}, "abcdef"),
    ({"queue": {"eq": "@direct"}}, "ade"),
    ({"queue": {"eq": "@above"}}, "bce"),
    ({"queue": {"eq": "@skilled"}}, "d"),
    ({"queue": {"in": ["@above", "@skilled"]}}, "bcde"),
    ({"queue": {"in": []}}, ""),
    ({"queue": {"notIn": ["@direct"]}}, "bcf"),
    ({"queue": {"notIn": []}}, "abcdef"),
    ({"queue": {"isNull": True}}, "f"),
    ({"queue": {"isNull": False}}, "abcde"),
    ({"queue": {"eq": "@direct", "notIn": ["@above"]}}, "ad"),
    ({"site": {"eq": "@north"}}, "ab"),
    ({"site": {"in": ["@north", "@south"]}}, "abc"),
    ({"site": {"in": []}}, ""),
    ({"site": {"notIn": ["@north"]}}, "cdef"),
    ({"site": {"notIn": []}}, "abcdef"),
    ({"site": {"isNull": True}}, "def"),
    ({"site": {"isNull": False, "notIn": ["@north"]}}, "c"),
    ({"license": {"eq": "@premium"}}, "bd"),
    ({"license": {"eq": "@standard"}}, "ab"),
    ({"license": {"in": ["@premium", "@standard"]}}, "abd"),
    ({"license": {"notIn": ["@premium"]}}, "acef"),
    ({"license": {"isNull": True}}, "cef"),
    ({"license": {"isNull": False}}, "abd"),
    ({"license": {"eq": "@standard"}, "status": {"eq": "DEACTIVATED"}}, "x"),
    ({"queue": {"eq": "@skilled"}, "status": {"eq": "DEACTIVATED"}}, ""),
    ({"queue": {"isNull": True}, "status": {"eq": "DEACTIVATED"}}, "x"),
    ({"team": {"eq": "@top"}, "queue": {"eq": "@direct"}, "site": {"isNull": True}}, "e"),
    ({"team": {"eq": "@top"}, "license": {"eq": "@premium"}, "id": {"notIn": ["@e"]}}, "b"),
    ({"role": {"eq": "AGENT"}, "contactCenterEnabled": True, "site": {"eq": "@south"}, "team": {"isNull": False}}, "c"),
]


async def test_every_condition_on_people_and_how_they_combine(gateway: Gateway, staff: Staff) -> None:
    """A10, A27: by queue, members of a sub-team count for the queues above, a skill group only for active people."""
    set_up = await scene(staff)
    without_admin = {"notIn": ["FULL_ADMINISTRATOR"]}
    found = []
    for asked, _ in FILTERS:
        filter = {"role": without_admin, **set_up.resolved(asked)}
        found.append((asked, "".join(await names(gateway, "users", filter=filter))))
    assert found == FILTERS
    for asked, expected in FILTERS:
        filter = {"role": without_admin, **set_up.resolved(asked)}
        counted = await connection(gateway, "users", HIDDEN, filter=filter, first=0)
        assert (counted["nodes"], counted["totalCount"]) == ([], len(expected)), asked


async def test_changes_are_followed_by_the_time_of_the_last_one(gateway: Gateway, staff: Staff) -> None:
    """E9: `updatedAt` moves with every change, the deactivation included."""
    start = datetime(2026, 3, 1, 8, tzinfo=UTC)
    people = [await staff.hire(name, at=start + timedelta(microseconds=n)) for n, name in enumerate("abcd")]
    moments = [(start + timedelta(microseconds=n)).isoformat() for n in range(4)]
    expected = [
        ({"gt": moments[1]}, "cd"),
        ({"gte": moments[1]}, "bcd"),
        ({"lt": moments[1]}, "a"),
        ({"lte": moments[1]}, "ab"),
        ({"gt": moments[0], "lt": moments[3]}, "bc"),
        ({"gte": moments[1], "lte": moments[1]}, "b"),
        ({"gte": "2026-03-01T10:00:00.000002+02:00"}, "cd"),
        ({"isNull": True}, ""),
        ({"isNull": False}, "abcd"),
        ({"gt": "0001-01-01T00:00:00Z"}, "abcd"),
        ({"lt": "9999-12-31T23:59:59.999999Z"}, "abcd"),
        ({"gt": "9999-12-31T23:59:59Z"}, ""),
    ]
    not_admin = {"role": {"eq": "AGENT"}}
    found = [
        (asked, "".join(await names(gateway, "users", filter={**not_admin, "updatedAt": asked})))
        for asked, _ in expected
    ]
    assert found == expected

    since = (await connection(gateway, "users", "nodes { updatedAt }", orderBy=[{"field": "UPDATED_AT"}]))["nodes"]
    later = {**not_admin, "updatedAt": {"gt": since[-1]["updatedAt"]}}
    assert await names(gateway, "users", filter=later, includeDeactivated=True) == []
    await bulk(gateway, "deactivateUsers", people[1:2])
    await bulk(gateway, "forceUsersOffline", people[2:3])
    assert await names(gateway, "users", filter=later, includeDeactivated=True) == ["b", "c"]
    assert await names(gateway, "users", filter=later) == ["c"]


async def test_a_filter_that_cannot_be_meant_is_refused_with_its_place(gateway: Gateway, staff: Staff) -> None:
    team, person = await staff.team(), await staff.hire()
    unknown = [global_id("Team", uuid7()) for _ in range(501)]
    one_too_many = {
        "id": {"eq": person.id},
        "team": {"in": unknown},
    }
    refused = [
        ({"team": {"eq": "nonsense"}}, ["filter", "team", "eq"], None),
        ({"team": {"eq": ""}}, ["filter", "team", "eq"], None),
        ({"team": {"eq": person.id}}, ["filter", "team", "eq"], None),
        ({"team": {"eq": team.id + "="}}, ["filter", "team", "eq"], None),
        ({"team": {"eq": team.id[:-1]}}, ["filter", "team", "eq"], None),
        ({"team": {"eq": "é" * 24}}, ["filter", "team", "eq"], None),
        ({"team": {"in": [team.id, "nonsense"]}}, ["filter", "team", "in", "1"], None),
        ({"queue": {"notIn": [team.id]}}, ["filter", "queue", "notIn", "0"], None),
        ({"id": {"eq": team.id}}, ["filter", "id", "eq"], None),
        ({"license": {"eq": team.id}}, ["filter", "license", "eq"], None),
        ({"site": {"in": [person.id]}}, ["filter", "site", "in", "0"], None),
        ({"team": {"eq": None}}, ["filter", "team", "eq"], None),
        ({"team": {"in": None}}, ["filter", "team", "in"], None),
        ({"team": {"isNull": None}}, ["filter", "team", "isNull"], None),
        ({"status": {"eq": None}}, ["filter", "status", "eq"], None),
        ({"role": {"notIn": None}}, ["filter", "role", "notIn"], None),
        ({"updatedAt": {"gt": None}}, ["filter", "updatedAt", "gt"], None),
        (one_too_many, ["filter", "team", "in"], 500),
        ({"team": {"notIn": unknown}}, ["filter", "team", "notIn"], 500),
        ({"status": {"in": ["ACTIVE"] * 501}}, ["filter", "status", "in"], 500),
    ]
    found = [(asked, *(await refusal(gateway, "users", filter=asked))) for asked, *_ in refused]
    assert found == [(asked, "BAD_USER_INPUT", path, limit) for asked, path, limit in refused]
    assert await names(gateway, "users", filter={"team": {"in": unknown[:500]}}) == []


async def test_a_filter_takes_so_many_conditions_and_no_more(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire("Anna One")
    told = (await gateway.ask("{ viewer { limits { maxFilterConditions } } }"))["viewer"]["limits"]
    assert told == {"maxFilterConditions": 50}
    keys = {"eq": person.id, "in": [person.id], "notIn": [], "isNull": False}
    five = {"id": keys, "contactCenterEnabled": True}
    gateway.shared.limits = type(gateway.shared.limits)(max_filter_conditions=5)
    assert await names(gateway, "users", filter=five) == ["Anna One"]
    answer = await refusal(gateway, "users", filter={**five, "role": {"eq": "AGENT"}})
    assert answer[0] == "BAD_USER_INPUT"
    assert answer[2] == 5
    assert answer[1] is not None
    assert answer[1][0] == "filter"


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ({"status": {"eq": "GONE"}}, "GONE"),
        ({"nonsense": True}, "nonsense"),
        ({"updatedAt": {"gt": "yesterday"}}, "RFC 3339"),
        ({"updatedAt": {"gt": "2026-03-01T08:00:00"}}, "RFC 3339"),
        ({"updatedAt": {"gt": "0001-01-01T00:00:00+14:00"}}, "RFC 3339"),
        ({"contactCenterEnabled": "yes"}, "yes"),
        ({"team": {"eq": {"id": "x"}}}, "ID"),
    ],
)
async def test_values_that_fit_no_condition_are_refused_before_anything_runs(
    sqlite_gateway: Gateway, filter: dict[str, Any], words: str
) -> None:
    answer = await ask_list(sqlite_gateway, "users", filter=filter)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert words in answer.errors[0]["message"]


ONE = "query One($by: UserKeyInput!) { user(by: $by) { id displayName status } }"


async def test_a_person_is_found_by_each_key_deactivated_or_not_and_deleted_ones_by_id_only(
    gateway: Gateway, staff: Staff
) -> None:
    """A7, C1: id, mail, agent number, external id."""
    for person in await three(staff):
        found = {}
        for by in (
            {"id": person.id},
            {"email": person.email},
            {"email": f"  {person.email.upper()} "},
            {"agentNumber": person.agent_number},
            {"externalId": person.external_id},
        ):
            one = (await gateway.ask(ONE, {"by": by}))["user"]
            found[str(by)] = one and one["id"]
        ids = list(found.values())
        assert ids == ([person.id] + [None] * 4 if person.name == "Dieter Deleted" else [person.id] * 5)
    nobody = [
        {"id": global_id("User", uuid7())},
        {"email": "nobody@acme.example"},
        {"agentNumber": "nothing"},
        {"externalId": ""},
    ]
    assert [(await gateway.ask(ONE, {"by": by}))["user"] for by in nobody] == [None] * 4


@pytest.mark.parametrize("by", [{}, {"id": "x", "email": "y"}, {"email": None}])
async def test_exactly_one_key_names_a_person(sqlite_gateway: Gateway, by: dict[str, Any]) -> None:
    answer = await sqlite_gateway.run(ONE, {"by": by})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert not (answer.data or {}).get("user")


async def test_a_deleted_person_cannot_sign_in_and_history_keeps_them(gateway: Gateway, staff: Staff) -> None:
    """C11, A6: found by id, in call records and in what was recorded; in no list and by no other key."""
    person = await staff.hire("Dieter Deleted", status=UserStatus.DELETED)
    call = await staff.call(person, seconds=60)
    terms = {"email": person.email, "password": person.password, "surface": "PORTAL"}
    refused = (await gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]
    assert (refused["token"], refused["errors"][0]["code"]) == (None, "SIGN_IN_REFUSED")

    kept = await gateway.ask(
        """
        query Kept($id: ID!, $call: ID!) {
          user(by: {id: $id}) { displayName status callRecords { nodes { externalId } } }
          node(id: $id) { ... on User { displayName } }
          call: node(id: $call) { ... on CallRecord { user { displayName } } }
          callRecords { nodes { externalId user { displayName status } } }
          auditEvents(filter: {target: {eq: $id}}) { nodes { targetLabel target { id } } }
          users(includeDeactivated: true, filter: {id: {eq: $id}}) { nodes { id } }
        }
        """,
        {"id": person.id, "call": call.id},
    )

    name = {"displayName": "Dieter Deleted"}
    assert kept["user"] == {**name, "status": "DELETED", "callRecords": {"nodes": [{"externalId": call.name}]}}
    assert kept["node"] == name
    assert kept["call"] == {"user": name}
    assert kept["callRecords"]["nodes"] == [{"externalId": call.name, "user": {**name, "status": "DELETED"}}]
    assert kept["auditEvents"]["nodes"] == [{"targetLabel": "Dieter Deleted", "target": {"id": person.id}}]
    assert kept["users"]["nodes"] == []


async def test_a_person_is_shown_with_profile_site_and_teams(gateway: Gateway, staff: Staff) -> None:
    """B2, B3, B4: the default profile of everybody, or a custom one."""
    site, custom = await staff.site("Berlin"), await staff.profile("Night shift", surfaces=["AGENT_DESKTOP"])
    teams = [await staff.team("Sales"), await staff.team("Billing")]
    await staff.hire("Ann One", site=site, teams=teams)
    await staff.hire("Bob Two", profile=custom, licenses=[LicenseType.PREMIUM_AGENT])
    await staff.hire("Cara Three", contact_center_enabled=False)
    found = await connection(
        gateway,
        "users",
        """nodes {
          displayName site { name timeZone } profile { name kind surfaces } desktopProfile { name }
          teams { nodes { name } totalCount } effectiveLicense { type }
        }""",
        filter={"role": {"eq": "AGENT"}},
    )
    ann, bob, cara = found["nodes"]
    assert ann["site"] == {"name": "Berlin", "timeZone": "Europe/Berlin"}
    assert ann["teams"] == {"nodes": [{"name": "Billing"}, {"name": "Sales"}], "totalCount": 2}
    assert ann["profile"]["kind"] == "STANDARD_AGENT"
    assert ann["profile"]["surfaces"] == ["PORTAL", "AGENT_DESKTOP"]
    assert ann["desktopProfile"]["name"]
    assert ann["effectiveLicense"] is None
    assert bob["profile"] == {"name": "Night shift", "kind": "CUSTOM", "surfaces": ["AGENT_DESKTOP"]}
    assert bob["effectiveLicense"] == {"type": "PREMIUM_AGENT"}
    assert bob["site"] is None
    assert (cara["profile"], cara["desktopProfile"], cara["teams"]["nodes"]) == (None, None, [])


async def test_people_are_shown_by_name_else_nickname_else_mail(gateway: Gateway, staff: Staff) -> None:
    """E16: as it is kept when people are added and when names change."""
    added = await gateway.ask(
        """
        mutation Add($input: AddUsersInput!) {
          addUsers(input: $input) { errors { code } operation { items { nodes { user { id displayName } } } } }
        }
        """,
        {
            "input": {
                "users": [
                    {"email": "only.mail@acme.example"},
                    {"email": "named@acme.example", "firstName": "Åsa", "lastName": "Öberg"},
                ]
            }
        },
    )
    people = [node["user"] for node in added["addUsers"]["operation"]["items"]["nodes"]]
    assert [person["displayName"] for person in people] == ["only.mail@acme.example", "Åsa Öberg"]
    document = """
    mutation Rename($input: UpdateUserInput!) {
      updateUser(input: $input) { errors { code path } user { displayName } }
    }
    """
    shown = []
    for patch in (
        {"nickname": "Bee"},
        {"lastName": "Only"},
        {"firstName": "First"},
        {"firstName": None, "lastName": None},
        {"nickname": None},
    ):
        done = await gateway.ask(document, {"input": {"id": people[0]["id"], "patch": patch}})
        shown.append(done["updateUser"]["user"]["displayName"])
        assert await names(gateway, "users", search=shown[-1]) == [shown[-1]]
    assert shown == ["Bee", "Only", "First Only", "Bee", "only.mail@acme.example"]
