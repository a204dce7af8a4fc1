"""Random filters on people, against what the fields of those people say (rule Q1, requirement Z15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anyio import from_thread, to_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.license import LicenseType
from models.presence import PresenceState
from models.storage import EPOCH, MICROSECOND
from models.text import fold
from models.user import UserRole, UserStatus
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import connection

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
MOMENTS = [START + timedelta(days=day) for day in range(6)]
PERSON = """
  nodes {
    id status roles contactCenterEnabled protected email displayName externalId agentNumber
    activatedAt lastSignInAt lastActiveAt createdAt updatedAt deactivation { deactivatedAt }
    presence { state } signInBlock { since } site { id } profile { id } desktopProfile { id }
    effectiveLicense { type } teams(first: 5) { nodes { id } } queues(first: 5) { nodes { id } }
  }
"""
MANY = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

Person = dict[str, Any]


async def population(gateway: Gateway, staff: Staff) -> tuple[list[Person], dict[str, list[str]]]:
    """60 people with ties, missing values and accents, as their fields tell of them; and ids to ask for."""
    queues = [await staff.queue(f"queue {number}") for number in range(3)]
    above = await staff.team("above", queues=queues[:1])
    teams = [above, await staff.team("below", parent=above), await staff.team("beside", queues=queues[1:2])]
    groups = [await staff.skill_group(f"group {number}", queues=queues[number:3]) for number in (1, 2)]
    sites = [await staff.site(f"site {number}") for number in range(2)]
    profile = await staff.profile("rare")
    skills: dict[str, list[str]] = {}
    for number in range(60):
        state = list(PresenceState)[number % 5]
        status = (UserStatus.ACTIVE, UserStatus.ACTIVE, UserStatus.DEACTIVATED, UserStatus.DELETED)[number * 7 % 4]
        active = status is UserStatus.ACTIVE
        member = groups[: number % 3]
        person = await staff.hire(
            f"{('Ann', 'Änn', 'Zoë', 'O’Neil')[number % 4]} {('Öberg', 'oberg', 'Zorn_%')[number % 3]}",
            email=f"{'abcdéf'[number % 6]}.{number}@{'xy'[number % 2]}.example",
            external_id=("Ext-", "ÉXT-")[number % 2] + str(number),
            roles=((UserRole.AGENT,), (UserRole.AGENT, UserRole.SUPERVISOR), ())[number % 3],
            status=status,
            teams=teams[number % 3 : number % 4] if active else (),
            queues=queues[number % 4 :][:1] if active else (),
            skill_groups=member if status is not UserStatus.DELETED else (),
            licenses=list(LicenseType)[number % 3 :] if status is not UserStatus.DELETED else (),
            presence=state if active and state is not PresenceState.ENGAGED else PresenceState.OFFLINE,
            blocked=active and number % 7 == 0,
            protected=number % 5 == 0,
            contact_center_enabled=number % 6 != 1,
            site=(*sites, None)[number % 3],
            profile=profile if number % 10 == 0 else None,
            at=MOMENTS[number % 4],
        )
        skills[person.id] = [group.id for group in member] if status is not UserStatus.DELETED else []
        if active and number % 8 == 4:
            await staff.call(person)
        for column, every in (("last_sign_in_at", 2), ("activated_at", 3), ("last_active_at", 4)):
            if number % every:
                at = MOMENTS[number % 6]
                await gateway.execute(
                    f"UPDATE users SET {column} = :at WHERE id = :id",
                    at=(at - EPOCH) // MICROSECOND if gateway.database.is_sqlite else at,
                    id=gateway.key_parameter(person.key),
                )
    everybody = {"status": {"in": [status.name for status in UserStatus]}}
    found = (await connection(gateway, "users", PERSON, filter=everybody, first=100))["nodes"]
    assert len(found) == 61
    for each in found:
        each["skillGroup"] = skills.get(each["id"], [])
        each["team"] = [node["id"] for node in each["teams"]["nodes"]]
        each["queue"] = [node["id"] for node in each["queues"]["nodes"]]
        for name in ("site", "profile", "desktopProfile"):
            each[name] = each[name] and each[name]["id"]
        each["effectiveLicenseType"] = each["effectiveLicense"] and each["effectiveLicense"]["type"]
        each["presence"] = each["presence"]["state"]
        each["signInBlocked"] = each["signInBlock"] is not None
        each["deactivatedAt"] = each["deactivation"] and each["deactivation"]["deactivatedAt"]
    return found, {
        "id": [each["id"] for each in found[:5]],
        "team": [team.id for team in teams],
        "queue": [queue.id for queue in queues],
        "skillGroup": [group.id for group in groups],
        "site": [site.id for site in sites],
        "profile": sorted({each["profile"] for each in found if each["profile"]}),
        "desktopProfile": sorted({each["desktopProfile"] for each in found if each["desktopProfile"]}),
    }


def condition(operators: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(operators)), st.none(), min_size=1, max_size=2).flatmap(
        lambda names: st.fixed_dictionaries({name: operators[name] for name in names})
    )


def choices(values: list[Any], *, null: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    one, several = st.sampled_from(values), st.lists(st.sampled_from(values), max_size=3)
    return condition({"eq": one, "in": several, "notIn": several, **({"isNull": st.booleans()} if null else {})})


def filters(ids: dict[str, list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    """Filters up to four levels deep."""
    texts = st.sampled_from(["ann", "ÄNN", "ob", "Öberg", "a.", "É", "zo", "%", "n_", "ext-1", "A00001", "x.example"])
    text = condition(
        {
            "eq": st.sampled_from(["Ann Oberg", "ÄNN öberg", "A000012", "EXT-12", "a.0@x.example", "nobody"]),
            "in": st.lists(st.sampled_from(["zoë zorn_%", "ext-3", "e.4@x.example"]), max_size=2),
            "startsWith": texts,
            "contains": texts.filter(lambda typed: len(typed) > 1),
            "isNull": st.booleans(),
        }
    )
    moment = st.sampled_from([at.isoformat() for at in MOMENTS])
    time = condition({"gt": moment, "gte": moment, "lt": moment, "lte": moment, "isNull": st.booleans()})
    conditions: dict[str, st.SearchStrategy[Any]] = {
        **{name: choices(values, null=True) for name, values in ids.items()},
        **dict.fromkeys(("email", "displayName", "externalId", "agentNumber"), text),
        **dict.fromkeys(("activatedAt", "lastSignInAt", "createdAt", "updatedAt", "deactivatedAt"), time),
        **{name: st.booleans() for name in ("contactCenterEnabled", "protected", "signInBlocked")},
        "lastActiveBefore": moment,
        "role": choices([role.name for role in UserRole]),
        "presence": choices([state.name for state in PresenceState]),
        "effectiveLicenseType": choices([type.name for type in LicenseType]),
        "status": choices([status.name for status in UserStatus]),
    }
    leaf = st.sampled_from(sorted(conditions)).flatmap(lambda name: conditions[name].map(lambda said: {name: said}))
    flat = st.lists(leaf, max_size=2).map(lambda parts: {name: said for part in parts for name, said in part.items()})

    def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        several = st.lists(inner, max_size=3)
        kinds = st.one_of(
            several.map(lambda parts: {"and": parts}),
            several.map(lambda parts: {"or": parts}),
            inner.map(lambda part: {"not": part}),
        )
        return st.tuples(flat, kinds).map(lambda both: {**both[0], **both[1]})

    tree = flat
    for _ in range(3):
        tree = st.one_of(flat, nested(tree))
    return tree


def holds(filter: dict[str, Any], person: Person) -> bool:
    """Whether somebody meets a filter, as a reader of the schema would say."""
    return all(_holds(name, said, person) for name, said in filter.items())


def _holds(name: str, said: Any, person: Person) -> bool:
    match name:
        case "and":
            return all(holds(part, person) for part in said)
        case "or":
            return any(holds(part, person) for part in said)
        case "not":
            return not holds(said, person)
        case "lastActiveBefore":
            return person["lastActiveAt"] is None or _at(person["lastActiveAt"]) < _at(said)
        case "role":
            return all(_about_several(operator, value, person["roles"]) for operator, value in said.items())
        case "team" | "queue" | "skillGroup":
            return all(_about_several(operator, value, person[name]) for operator, value in said.items())
        case "status" if person["status"] == "DELETED" and not _names_deleted(said):
            return False
        case "contactCenterEnabled" | "protected" | "signInBlocked":
            return bool(person[name] is said)
    if name in ("email", "displayName", "externalId", "agentNumber"):
        return all(_about_one(operator, value, person[name], fold) for operator, value in said.items())
    read = _at if name.endswith("At") else str
    return all(_about_one(operator, value, person[name], read) for operator, value in said.items())


def _about_several(operator: str, said: Any, values: list[str]) -> bool:
    match operator:
        case "eq":
            return said in values
        case "in":
            return any(value in said for value in values)
        case "notIn":
            return not any(value in said for value in values)
    return bool((not values) is said)


def _about_one(operator: str, said: Any, value: Any, read: Callable[[Any], Any]) -> bool:
    if operator == "isNull":
        return bool((value is None) is said)
    if operator == "notIn":
        return value is None or value not in said
    if value is None:
        return False
    value, said = read(value), [read(one) for one in said] if isinstance(said, list) else read(said)
    tests: dict[str, Callable[[], bool]] = {
        "eq": lambda: value == said,
        "in": lambda: value in said,
        "contains": lambda: said in value,
        "startsWith": lambda: value.startswith(said),
        "gt": lambda: value > said,
        "gte": lambda: value >= said,
        "lt": lambda: value < said,
        "lte": lambda: value <= said,
    }
    return tests[operator]()


def _at(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


def _statuses(filter: dict[str, Any]) -> list[dict[str, Any]]:
    nested = [*filter.get("and", []), *filter.get("or", []), *([filter["not"]] if "not" in filter else [])]
    return [*([filter["status"]] if "status" in filter else []), *(one for part in nested for one in _statuses(part))]


def _names_deleted(condition: dict[str, Any]) -> bool:
    return condition.get("eq") == "DELETED" or "DELETED" in condition.get("in", [])


def shown(filter: dict[str, Any], person: Person, include_deactivated: bool) -> bool:
    """Whether the state of somebody lets them show."""
    said = _statuses(filter)
    if not said:
        return person["status"] == "ACTIVE" or (include_deactivated and person["status"] == "DEACTIVATED")
    return person["status"] != "DELETED" or any(_names_deleted(condition) for condition in said)


async def test_a_filter_finds_whom_the_fields_say(gateway: Gateway, staff: Staff) -> None:
    """A21, B7, Z15: nested in any way, on both databases, and counted alike."""
    everybody, ids = await population(gateway, staff)

    async def agree(filter: dict[str, Any], include_deactivated: bool) -> None:
        asked = {"filter": filter, "includeDeactivated": include_deactivated, "first": 100}
        found = await connection(gateway, "users", "totalCount nodes { id }", **asked)
        expected = {
            person["id"] for person in everybody if holds(filter, person) and shown(filter, person, include_deactivated)
        }
        assert {node["id"] for node in found["nodes"]} == expected
        assert found["totalCount"] == len(found["nodes"]) == len(expected)

    @MANY
    @given(filter=filters(ids), include_deactivated=st.booleans())
    def every_example(filter: dict[str, Any], include_deactivated: bool) -> None:
        from_thread.run(agree, filter, include_deactivated)

    await to_thread.run_sync(every_example)  # hypothesis waits for each example, and so must not sit in the loop
