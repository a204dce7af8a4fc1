"""Every list of the schema, walked from either end under every order while others change it: each row once (Q2, Q3).

The lists are read from the schema, so a new one is walked too.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gql.schema import executable
from models.license import LicenseType
from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Thing
from tests.rounds import THOROUGH

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
# Lists with arguments that a caller must give, and with what; the others need none.
NOW = datetime.now(UTC)
PERIOD = {"since": NOW - timedelta(days=30), "until": NOW + timedelta(days=30)}
GIVEN: dict[str, dict[str, Any]] = {
    "Query.agentReport": {name: f'"{moment.isoformat()}"' for name, moment in PERIOD.items()}
}


@dataclass(frozen=True)
class List:
    """A list of the schema: a field of the root, or one of an object that is found by its id.

    Attributes:
        fields: Fields by which it can be ordered; empty when its order is fixed.
        ordering: Type of `orderBy`; None when there is none.
        wide: Arguments that show everything, whatever its state.
        item: Type of the items.
        named: Whether they have ids.
    """

    owner: str
    name: str
    fields: tuple[str, ...]
    ordering: str | None
    wide: tuple[str, ...]
    item: str
    named: bool

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"

    @property
    def document(self) -> str:
        """Asks for one page."""
        declared = "$first: Int, $last: Int, $after: String, $before: String"
        passed = "first: $first, last: $last, after: $after, before: $before"
        if self.ordering is not None:
            declared, passed = f"{declared}, $orderBy: [{self.ordering}!]", f"{passed}, orderBy: $orderBy"
        passed += "".join(f", {each}" for each in self.wide)
        node = " node { id }" if self.named else ""
        page = f"{self.name}({passed}) {{ edges {{ cursor{node} }} {PAGE_INFO} }}"
        if self.owner == "Query":
            return f"query Page({declared}) {{ {page} }}"
        return f"query Page($id: ID!, {declared}) {{ node(id: $id) {{ ... on {self.owner} {{ {page} }} }} }}"


def lists() -> list[List]:
    """Every list of the schema that can be reached through the root or through `node`."""
    schema = executable()
    assert schema.query_type is not None
    node = schema.type_map["Node"]
    found = []
    for owner in schema.type_map.values():
        if not isinstance(owner, GraphQLObjectType):
            continue
        if owner is not schema.query_type and node not in owner.interfaces:
            continue
        for name, field in owner.fields.items():
            if get_named_type(field.type).name.endswith("Connection"):
                found.append(_list(owner.name, name, field))
    return sorted(found, key=str)


def _list(owner: str, name: str, field: GraphQLField) -> List:
    required = [each for each, argument in field.args.items() if is_required_argument(argument)]
    given = GIVEN.get(f"{owner}.{name}", {})
    assert set(required) <= set(given), f"{owner}.{name} needs {required}: say in GIVEN with what it is walked"
    wide = [f"{each}: {value}" for each, value in given.items()]
    wide += [f"{each}: true" for each in ("includeDeactivated", "includeInactive", "descendants") if each in field.args]
    connection = get_named_type(field.type)
    assert isinstance(connection, GraphQLObjectType)
    edge = get_named_type(connection.fields["edges"].type)
    assert isinstance(edge, GraphQLObjectType)
    item = get_named_type(edge.fields["node"].type)
    ordering: str | None = None
    fields: tuple[str, ...] = ()
    if "orderBy" in field.args:
        input_type = get_named_type(field.args["orderBy"].type)
        assert isinstance(input_type, GraphQLInputObjectType)
        enum = get_named_type(input_type.fields["field"].type)
        assert isinstance(enum, GraphQLEnumType)
        ordering, fields = input_type.name, tuple(enum.values)
    return List(owner, name, fields, ordering, tuple(wide), item.name, "id" in getattr(item, "fields", {}))


LISTS = lists()


@pytest.fixture(scope="module")
async def crowd(module_url: str) -> AsyncIterator[Gateway]:
    """A gateway with several of everything: equal values, missing ones, all states, and one of each that has much."""
    gateway = await Gateway.open(module_url)
    staff = gateway.staff
    queues = [await staff.queue(name, active=name != "Idle") for name in ("Äste", "Asten", "Berg", "Idle")]
    sites = [await staff.site(name) for name in ("Ost", "West", "Öster")]
    top = await staff.team("Top", queues=queues[:3], site=sites[0])
    teams = [top, *[await staff.team(name, parent=top, queues=queues[:2]) for name in ("Mid", "mïd 2", "Low")]]
    groups = [await staff.skill_group(name, queues=queues[:3]) for name in ("French", "Frénch 2", "Dutch")]
    for name in ("Wide", "Narrow"):
        await staff.desktop_profile(name)
    people = []
    for number, status in enumerate([*UserStatus, UserStatus.ACTIVE, UserStatus.ACTIVE, UserStatus.ACTIVE] * 3):
        last = ("", "Öberg", "oberg", "Zorn")[number % 4]
        at_work = {"teams": teams, "queues": queues[:3], "skill_groups": groups} if status is UserStatus.ACTIVE else {}
        people.append(
            await staff.hire(
                f"{('Ann', 'Änn', 'Zoë')[number % 3]} {last}".strip(),
                status=status,
                roles=[UserRole.AGENT] if number % 2 else [],
                at=START + timedelta(microseconds=number // 3),
                site=sites[number % 2],
                licenses=[LicenseType.STANDARD_AGENT],
                **at_work,
            )
        )
    for table, mover in (
        ("users", await staff.hire("Movable")),
        ("teams", await staff.team("Movable")),
        ("queues", await staff.queue("Movable")),
    ):
        MOVERS[id(gateway), table] = mover
    active = people[3:6]
    for number in range(3):
        await gateway.sign_in(active[0])
        await staff.call(active[0], team=top, queue=queues[0], seconds=60 * (number % 2))
        await staff.call(people[number], seconds=60)  # of one who works, one who left, and one who is deleted
        await bulk(gateway, "forceUsersOffline", active[1:])
        await bulk(gateway, "resumeUsersOnline", active[1:])
        await gateway.key(f"Key {number}")
    yield gateway
    await gateway.close()


MOVERS: dict[tuple[int, str], Thing] = {}
OWNERS: dict[tuple[int, str], str] = {}


async def owner_of(gateway: Gateway, listed: List) -> str | None:
    """The object of a kind whose list is the longest among those that there are; None at the root."""
    if listed.owner == "Query":
        return None
    known = (id(gateway), str(listed))
    if known not in OWNERS:
        candidates = await _candidates(gateway, listed.owner)
        sizes = [(len(await page(gateway, listed, each, first=100)), each) for each in candidates]
        OWNERS[known] = max(sizes)[1]
    return OWNERS[known]


async def _candidates(gateway: Gateway, kind: str) -> list[str]:
    found: list[str] = []
    for listed in LISTS:
        if listed.owner == "Query" and listed.item == kind:
            found += [edge["node"]["id"] for edge in await page(gateway, listed, None, first=40)]
    assert found, f"nothing of the kind {kind} is in a list of the root"
    return found


async def page(gateway: Gateway, listed: List, owner: str | None, **arguments: Any) -> list[dict[str, Any]]:
    """The edges of one page."""
    return list((await _connection(gateway, listed, owner, **arguments))["edges"])


async def _connection(gateway: Gateway, listed: List, owner: str | None, **arguments: Any) -> Any:
    variables = arguments if owner is None else {"id": owner, **arguments}
    data = await gateway.ask(listed.document, variables)
    return (data if owner is None else data["node"])[listed.name]


async def walk(
    gateway: Gateway, listed: List, owner: str | None, size: int, order: Any, *, backward: bool, busy: bool
) -> list[str]:
    """What tells the items apart, page by page from one end to the other; somebody may change the list meanwhile."""
    ordered = {} if listed.ordering is None else {"orderBy": order}
    found: list[str] = []
    cursor: str | None = None
    for turn in itertools.count():
        where = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        connection = await _connection(gateway, listed, owner, **where, **ordered)
        items = _told_apart(listed, connection["edges"])
        assert len(items) <= size
        found = [*items, *found] if backward else [*found, *items]
        told = connection["pageInfo"]
        if not told["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        cursor = told["startCursor" if backward else "endCursor"]
        if busy:
            await _disturb(gateway, turn)
    raise AssertionError("unreachable")


async def _disturb(gateway: Gateway, turn: int) -> None:
    """A person, a team and a queue, who are not looked for, move from one end of their lists to the other."""
    key = "zzz" if turn % 2 else "aaa"
    for table, columns in (
        ("users", ("display_name_key", "last_name_key")),
        ("teams", ("name_key",)),
        ("queues", ("name_key",)),
    ):
        changed = ", ".join(f"{column} = :key" for column in columns)
        mover = gateway.key_parameter(MOVERS[id(gateway), table].key)
        await gateway.execute(f"UPDATE {table} SET {changed} WHERE id = :mover", key=key, mover=mover)


SIZES = st.sampled_from([3, 1, 7, 2, 4, 5, 6])  # most are tried with the first
ORDERS = st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["ASC", "DESC"])), max_size=3)


@pytest.mark.parametrize("listed", LISTS, ids=str)
@settings(
    max_examples=25 if THOROUGH else 4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
@given(size=SIZES, picked=ORDERS, busy=st.booleans())
async def test_each_row_comes_once_from_either_end(
    crowd: Gateway, listed: List, size: int, picked: list[tuple[int, str]], busy: bool
) -> None:
    fields = [(listed.fields[number % len(listed.fields)], way) for number, way in picked if listed.fields]
    order = [{"field": field, "direction": way} for field, way in dict(fields).items()]
    owner = await owner_of(crowd, listed)
    ordered = {} if listed.ordering is None else {"orderBy": order}
    movers = {mover.id for mover in MOVERS.values()}
    whole = await page(crowd, listed, owner, first=100, **ordered)
    there = [each for each in _told_apart(listed, whole) if each not in movers]
    assert len(there) > 1, "a list of one row shows nothing"
    for backward in (False, True):
        seen = await walk(crowd, listed, owner, size, order, backward=backward, busy=busy)
        assert [each for each in seen if each not in movers] == there


def _told_apart(listed: List, edges: list[dict[str, Any]]) -> list[str]:
    """What tells items apart: the id, or the cursor where they have none."""
    return [edge["node"]["id"] if listed.named else edge["cursor"] for edge in edges]
