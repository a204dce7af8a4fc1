"""Every edge of the schema, found by walking it: from a hundred parents it takes as many statements as from ten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument
from sqlmodel import SQLModel

from gql.ids import PREFIXES, global_id
from models.api_key import ApiKey
from models.audit import ActorKind
from models.call_record import CallDirection, CallRecord
from models.license import License, LicenseGrant, LicensePool, LicenseType
from models.operation import BulkErrorPolicy, BulkOperation, BulkOperationKind, BulkOperationStatus
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.queue import Queue, SkillGroupQueue, TeamQueue, UserQueue
from models.session import Session, Surface
from models.site import Site
from models.skill_group import SkillGroup, SkillGroupMember
from models.storage import uuid7
from models.team import Membership, Team, TeamAncestor
from models.text import fold
from resolvers.context import utc_now
from resolvers.signing_in import SESSION_LASTS
from tests.changes import bulk
from tests.documents import SCHEMA, Field, plausible, with_required
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.statements import Statements

pytestmark = pytest.mark.anyio

FEW, MANY = 10, 100
# Kinds of which there are no hundred to ask, each with the reason.
FEWER = {"Organization": "a caller sees their own and no other"}
# What fills arguments that an edge cannot do without.
SAMPLES = {"DateTime": "2026-11-24T08:00:00Z", "Date": "2026-11-24", "Int": 1, "Boolean": True, "String": "word"}


def node_types() -> list[GraphQLObjectType]:
    """Every type whose objects have a global id."""
    return [
        type
        for type in SCHEMA.type_map.values()
        if isinstance(type, GraphQLObjectType) and any(above.name == "Node" for above in type.interfaces)
    ]


def shown(type: Any, above: tuple[str, ...] = ()) -> str:
    """A selection of everything up to the next objects with a global id, which are told by their ids alone."""
    named = get_named_type(type)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLInterfaceType) or not isinstance(named, GraphQLObjectType):
        return "{ __typename }"
    if any(one.name == "Node" for one in named.interfaces):
        return "{ id }"
    parts = [
        f"{name} {shown(field.type, (*above, named.name))}".strip()
        for name, field in named.fields.items()
        if get_named_type(field.type).name not in above and not any(map(is_required_argument, field.args.values()))
    ]
    return f"{{ {' '.join(parts)} }}"


def walked() -> dict[str, tuple[str, dict[str, Any]]]:
    """By kind and edge a document that asks it of objects `$ids`, with its variables; plain values together."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for type in node_types():
        plain = []
        for name, field in type.fields.items():
            variables = with_required(Field(type.name, name), plausible(SAMPLES))
            if "first" in field.args:
                variables["first"] = 2
            called = f"{name}{'(' + ', '.join(f'{one}: ${one}' for one in variables) + ')' if variables else ''}"
            if is_leaf_type(get_named_type(field.type)) and not variables:
                plain.append(name)
                continue
            declared = "".join(f", ${one}: {field.args[one].type}" for one in variables)
            selected = f"... on {type.name} {{ {called} {shown(field.type)} }}"
            document = f"query Edge($ids: [ID!]!{declared}) {{ nodes(ids: $ids) {{ {selected} }} }}"
            found[f"{type.name}.{name}"] = (document, variables)
        document = f"query Plain($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {type.name} {{ {' '.join(plain)} }} }} }}"
        found[f"{type.name}: plain values"] = (document, {})
    return found


async def populated(gateway: Gateway, staff: Staff) -> list[Person]:
    """A hundred of each kind and more, with everything that leads from one to another; every other person left.

    One statement a kind. The thing with a number belongs to the person with that number.
    """
    at, every = utc_now(), range(MANY)
    desks = await staff.found(DesktopProfile, *({} for _ in every))
    sites = await staff.found(Site, *({"default_desktop_profile_id": desk.key} for desk in desks))
    rights = {"kind": UserProfileKind.CUSTOM, "surfaces": ["PORTAL"], "permissions": None}
    await staff.found(UserProfile, *(rights for _ in every))
    queues = await staff.found(Queue, *({"channel": "voice"} for _ in every))
    top = await staff.team("top")
    teams = await staff.found(Team, *({"site_id": site.key, "parent_id": top.key} for site in sites))
    above = [(team.key, key, depth) for team in teams for depth, key in enumerate((team.key, top.key))]
    await staff.insert(TeamAncestor, *({"team_id": a, "ancestor_id": b, "depth": depth} for a, b, depth in above))
    groups = await staff.found(SkillGroup, *({} for _ in every))
    licenses = await staff.found(License, *({"type": LicenseType.STANDARD_AGENT} for _ in every))
    await staff.insert(LicensePool, *({"license_id": each.key, "seats": None, "granted": 1} for each in licenses))
    await staff.insert(
        ApiKey,
        *(
            {"id": uuid7(at), "name": f"key {n}", "name_key": fold(f"key {n}"), "permissions": [], "created_at": at}
            for n in every
        ),
    )
    done = {"kind": BulkOperationKind.SIGN_OUT, "status": BulkOperationStatus.COMPLETED, "terms": {}}
    times = dict.fromkeys(("created_at", "started_at", "finished_at"), at)
    by_server = {"error_policy": BulkErrorPolicy.CONTINUE, "actor_kind": ActorKind.SYSTEM}
    await staff.insert(BulkOperation, *({"id": uuid7(at), **done, **times, **by_server} for _ in every))

    staying = await staff.hire(MANY, password=None, site=sites[0], blocked=True)
    leaving = await staff.hire(MANY, password=None, site=sites[1])
    for people in (staying, leaving):
        await equipped(staff, people, teams, queues, groups, licenses)
    at_queues = [{"queue_id": queue.key, "assigned_at": at} for queue in queues]
    await staff.insert(TeamQueue, *({"team_id": t.key, **q} for t, q in zip(teams, at_queues, strict=True)))
    await staff.insert(
        SkillGroupQueue, *({"skill_group_id": g.key, **q} for g, q in zip(groups, at_queues, strict=True))
    )
    left = await bulk(gateway, "deactivateUsers", leaving)
    assert left.totals["succeeded"] == MANY
    return [person for pair in zip(staying, leaving, strict=True) for person in pair]


async def equipped(
    staff: Staff,
    people: list[Person],
    teams: list[Thing],
    queues: list[Thing],
    groups: list[Thing],
    licenses: list[Thing],
) -> None:
    """Give each person one of everything."""
    at = utc_now()
    given = list(zip(people, teams, queues, groups, licenses, strict=True))
    since = {"assigned_at": at}
    await staff.insert(Membership, *({"user_id": p.key, "team_id": t.key, **since} for p, t, *_ in given))
    await staff.insert(UserQueue, *({"user_id": p.key, "queue_id": q.key, **since} for p, _, q, *_ in given))
    await staff.insert(
        SkillGroupMember, *({"user_id": p.key, "skill_group_id": g.key, **since} for p, _, _, g, _ in given)
    )
    await staff.insert(
        LicenseGrant, *({"id": uuid7(at), "user_id": p.key, "license_id": one.key, **since} for p, *_, one in given)
    )
    began = {"started_at": at, "direction": CallDirection.INBOUND}
    await staff.insert(
        CallRecord,
        *(
            {
                "id": (key := uuid7(at)),
                "external_id": key.hex,
                "user_id": p.key,
                "team_id": t.key,
                "queue_id": q.key,
                "talk_seconds": 0,
                "wrap_up_seconds": 0,
                **began,
            }
            for p, t, q, *_ in given
        ),
    )
    await staff.insert(
        Session,
        *(
            {
                "id": (key := uuid7(at)),
                "user_id": p.key,
                "token_hash": key.bytes * 2,
                "surface": Surface.PORTAL,
                "started_at": at,
                "last_active_at": at,
                "expires_at": at + SESSION_LASTS,
            }
            for p, *_ in given
        ),
    )


async def parents(gateway: Gateway, people: list[Person]) -> Mapping[str, list[str]]:
    """Global ids of a hundred of each kind, the latest first: those are alike, ten of them as well as a hundred."""
    found = {"User": [person.id for person in people[:MANY]]}
    tables = {model.__name__: model.__tablename__ for model in SQLModel.__subclasses__()}
    for kind in PREFIXES:
        if kind not in found:
            order = "sequence" if kind == "AuditEvent" else "id"
            rows = await gateway.rows(f"SELECT id FROM {tables[kind]} ORDER BY {order} DESC LIMIT {MANY}")
            found[kind] = [global_id(kind, gateway.key_of(row[0])) for row in rows]
    return found


def reads(statement: str) -> bool:
    """Whether a statement asks for something; that a key was used is written beside, when a minute is over."""
    return statement.lstrip().upper().startswith(("SELECT", "WITH"))


async def test_every_edge_takes_as_many_statements_from_a_hundred_parents_as_from_ten(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    people = await populated(gateway, staff)
    ids = await parents(gateway, people)
    assert {kind: len(some) for kind, some in ids.items() if len(some) < MANY} == dict.fromkeys(FEWER, 1)

    edges = walked()
    assert len(edges) > 2 * len(PREFIXES)
    differing: dict[str, list[int]] = {}
    unseen: dict[str, Any] = {}
    for edge, (document, variables) in edges.items():
        kind = edge.replace(":", ".").split(".")[0]
        if kind in FEWER:
            continue
        counts = []
        for size in (FEW, MANY):
            with statements.counting() as counted:
                answer = await gateway.run(document, {"ids": ids[kind][:size], **variables})
            counts.append(sum(map(reads, counted.statements)))
        if answer.errors or None in answer.data["nodes"]:
            unseen[edge] = answer.errors
        if counts[0] != counts[1]:
            differing[edge] = counts
    assert (differing, unseen) == ({}, {})
