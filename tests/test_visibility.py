"""Who sees what: every field of the schema has its rule in `visibility.toml`, and what is held back is held back."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, is_introspection_type

from gql.ids import PREFIXES
from models.license import LicenseType
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from tests.changes import bulk
from tests.documents import SCHEMA
from tests.gateway import Answer, Gateway
from tests.people import Staff

pytestmark = pytest.mark.anyio

TABLES = tomllib.loads((Path(__file__).parent / "visibility.toml").read_text("utf-8"))
OPEN_RULES = {"with_the_object", "an_entry"}
ROLES = {
    "full_administrator": UserRole.FULL_ADMINISTRATOR,
    "service_administrator": UserRole.SERVICE_ADMINISTRATOR,
    "supervisor": UserRole.SUPERVISOR,
    "agent": UserRole.AGENT,
}
KEYS = {"reader": ["USERS_READ"], "auditor": ["AUDIT_READ"], "whole_key": None}
CALLERS = [*ROLES, *KEYS]


def ruled() -> Iterator[tuple[str, str]]:
    """Every field in the table with its rule."""
    for type_name, rules in TABLES["fields"].items():
        for rule, names in rules.items():
            for name in names:
                yield f"{type_name}.{name}", rule


def test_every_field_of_the_schema_has_one_rule() -> None:
    rules = list(ruled())
    assert len(dict(rules)) == len(rules)
    assert {rule for _, rule in rules} == set(TABLES["rules"])
    assert dict(rules).keys() == {
        f"{type.name}.{name}"
        for type in SCHEMA.type_map.values()
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(type)
        for name in type.fields
    }


def test_every_field_that_is_held_back_is_tried_on_every_caller() -> None:
    tried = {field for probe in TABLES["probe"] for field in probe["fields"]}
    assert tried == {field for field, rule in ruled() if rule not in OPEN_RULES}
    assert all(list(probe["expected"]) == CALLERS for probe in TABLES["probe"])
    assert set(TABLES["nodes"]) == set(PREFIXES)


@dataclass(frozen=True)
class Scene:
    """People of three teams, what they did, and everybody who looks at it.

    Attributes:
        given: Ids by the names of the variables in the table.
        nodes: An id of each kind.
        tokens: Of each caller.
    """

    gateway: Gateway
    given: Mapping[str, str]
    nodes: Mapping[str, str]
    tokens: Mapping[str, str]


@pytest.fixture
async def scene(gateway: Gateway, staff: Staff) -> Scene:
    queue, site, skill_group = await staff.queue(), await staff.site(), await staff.skill_group()
    north, south = await staff.team("North"), await staff.team("South")
    below = await staff.team("Below", parent=north)
    colleague = await staff.hire(teams=[north], queues=[queue], licenses=[LicenseType.STANDARD_AGENT])
    stranger = await staff.hire(teams=[south], queues=[queue], skill_groups=[skill_group])
    await staff.hire(teams=[below], skill_groups=[skill_group])
    blocked = await staff.hire(teams=[north], queues=[queue], blocked=True)
    gone = await staff.hire(teams=[north], skill_groups=[skill_group], status=UserStatus.DEACTIVATED)
    for table in ("deactivations", "sign_in_blocks"):
        await gateway.execute(f"UPDATE {table} SET note = 'between us'")
    calls = [await staff.call(colleague, team=team, seconds=60) for team in (north, south)]
    of_north = await staff.call(stranger, team=north, seconds=60)
    await gateway.sign_in(colleague)
    tokens = {}
    for name, role in ROLES.items():
        teams = [north] if name in ("supervisor", "agent") else []
        person = await staff.hire(roles=[role], teams=teams, licenses=[LicenseType.STANDARD_AGENT])
        await staff.call(person, seconds=60)
        tokens[name] = await gateway.sign_in(person)
    for name, permissions in KEYS.items():
        tokens[name] = gateway.token if permissions is None else await gateway.key(name, permissions)
    moved = await staff.hire(teams=[north])
    await gateway.sign_in(moved)
    supervised = await bulk(gateway, "signOutUsers", [moved], token=tokens["supervisor"])
    await bulk(gateway, "assignTeams", [moved], teams={"set": [south.id]})
    done = await bulk(gateway, "deactivateUsers", [await staff.hire()])
    found = await gateway.ask(
        """
        query Ids($colleague: ID!, $moved: ID!, $operation: ID!) {
          viewer { actor { ... on ApiKey { id } } organization { id } }
          user(by: {id: $colleague}) {
            profile { id } desktopProfile { id } effectiveLicense { id } licenseGrants { id }
            sessions { nodes { id } } auditEvents { nodes { id } }
          }
          moved: user(by: {id: $moved}) { auditEvents { nodes { id action } } }
          bulkOperation(id: $operation) { items { nodes { id } } }
        }
        """,
        {"colleague": colleague.id, "moved": moved.id, "operation": done.operation["id"]},
    )
    session = found["user"]["sessions"]["nodes"][0]["id"]
    events = {event["action"]: event["id"] for event in found["moved"]["auditEvents"]["nodes"]}
    given = {
        "since": (utc_now() - timedelta(days=1)).isoformat(),
        "until": (utc_now() + timedelta(days=1)).isoformat(),
        "colleague": colleague.id,
        "blocked": blocked.id,
        "gone": gone.id,
        "call": of_north.id,
        "session": session,
        "grant": found["user"]["licenseGrants"][0]["id"],
        "north": north.id,
        "south": south.id,
        "queue": queue.id,
        "skillGroup": skill_group.id,
        "operation": done.operation["id"],
        "supervised": supervised.operation["id"],
        "event": events["SIGNED_OUT"],
    }
    nodes = {thing.type_name: thing.id for thing in (colleague, north, queue, skill_group, site, calls[0])} | {
        "Session": session,
        "ApiKey": found["viewer"]["actor"]["id"],
        "Organization": found["viewer"]["organization"]["id"],
        "UserProfile": found["user"]["profile"]["id"],
        "DesktopProfile": found["user"]["desktopProfile"]["id"],
        "License": found["user"]["effectiveLicense"]["id"],
        "LicenseGrant": found["user"]["licenseGrants"][0]["id"],
        "AuditEvent": found["user"]["auditEvents"]["nodes"][0]["id"],
        "BulkOperation": done.operation["id"],
        "BulkOperationItem": found["bulkOperation"]["items"]["nodes"][0]["id"],
    }
    return Scene(gateway, given, nodes, tokens)


def shown(answer: Answer, at: str) -> str | int:
    """What became of the field at a place of the answer."""
    if answer.codes:
        return ", ".join(sorted(set(answer.codes)))
    value = answer.data
    for name in at.split("."):
        if value is None or (isinstance(value, dict) and name not in value):
            return "hidden"
        if isinstance(value, list) and int(name) >= len(value):
            return "hidden"
        value = value[int(name)] if isinstance(value, list) else value[name]
    if value is None:
        return "null"
    if isinstance(value, int):
        return value
    return "seen" if value else "empty"


async def test_each_caller_sees_of_each_field_what_the_table_says(scene: Scene) -> None:
    """A24: who sees what, beyond the row of a person in the scope of USERS_READ."""
    found, expected = {}, {}
    for probe in TABLES["probe"]:
        variables = {name: key for name, key in scene.given.items() if f"${name}:" in probe["document"]}
        for caller, token in scene.tokens.items():
            answer = await scene.gateway.run(probe["document"], variables, token=token)
            cell = f"{probe['fields'][0]} {probe.get('what', '')}: {caller}"
            found[cell], expected[cell] = shown(answer, probe["at"]), probe["expected"][caller]
    differing = {cell: (found[cell], expected[cell]) for cell in found if found[cell] != expected[cell]}
    assert differing == {}


async def test_each_caller_finds_by_id_what_the_table_says(scene: Scene) -> None:
    """A24: what is denied looks like what is missing, by `node` and by `nodes`."""
    ids = list(scene.nodes.values())
    finders: dict[str, list[str]] = {kind: [] for kind in scene.nodes}
    for caller, token in scene.tokens.items():
        found = await scene.gateway.ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", {"ids": ids}, token=token
        )
        for (kind, key), node in zip(scene.nodes.items(), found["nodes"], strict=True):
            alone = await scene.gateway.ask(
                "query ($id: ID!) { node(id: $id) { id __typename } }", {"id": key}, token=token
            )
            assert alone["node"] == node
            if node is not None:
                assert node == {"id": key, "__typename": kind}
                finders[kind].append(caller)
    assert finders == TABLES["nodes"]
