"""Lists of what was done and by what: bulk operations and API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gql.ids import global_id
from models.storage import uuid7
from models.user import UserRole
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import ask_list, connection, keys, names, walked
from tests.statements import Statements

pytestmark = pytest.mark.anyio


async def test_operations_are_found_by_kind_state_caller_and_time(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(2)
    admin = await gateway.sign_in(gateway.admin)
    before = datetime.now(UTC)
    await bulk(gateway, "deactivateUsers", people)
    await bulk(gateway, "reactivateUsers", people, token=admin)
    await bulk(gateway, "deactivateUsers", [gateway.admin], token=admin)
    key = (await gateway.ask("{ viewer { actor { ... on ApiKey { id } } } }"))["viewer"]["actor"]["id"]
    first, second, third = "DEACTIVATE", "REACTIVATE", "DEACTIVATE"
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [third, second, first]),
        ({"kind": {"eq": "REACTIVATE"}}, [second]),
        ({"kind": {"notIn": ["REACTIVATE"]}}, [third, first]),
        ({"kind": {"in": []}}, []),
        ({"status": {"eq": "COMPLETED"}}, [second, first]),
        ({"status": {"in": ["COMPLETED_WITH_ERRORS"]}}, [third]),
        ({"status": {"eq": "COMPLETED"}, "requestedBy": {"eq": gateway.admin.id}}, [second]),
        ({"requestedBy": {"in": [key, gateway.admin.id]}}, [third, second, first]),
        ({"requestedBy": {"notIn": [key]}}, [third, second]),
        ({"requestedBy": {"eq": global_id("User", uuid7())}}, []),
        ({"createdAt": {"gte": before.isoformat()}}, [third, second, first]),
        ({"createdAt": {"lt": before.isoformat()}}, []),
    ]
    assert [(asked, await names(gateway, "bulkOperations", filter=asked)) for asked, _ in expected] == expected
    for asked, listed in expected:
        counted = await connection(gateway, "bulkOperations", "totalCount", filter=asked)
        assert counted["totalCount"] == len(listed)


async def test_operations_are_ones_own_or_all_with_the_permission(gateway: Gateway, staff: Staff) -> None:
    """A24."""
    team = await staff.team()
    agent = await staff.hire(teams=[team])
    supervisor = await staff.hire(roles=[UserRole.SUPERVISOR], teams=[team])
    token = await gateway.sign_in(supervisor)
    assert await names(gateway, "bulkOperations", token=token) == []
    await bulk(gateway, "forceUsersOffline", [agent], token=token)
    await bulk(gateway, "deactivateUsers", [agent])
    assert await names(gateway, "bulkOperations", token=token) == ["FORCE_OFFLINE"]
    assert await names(gateway, "bulkOperations", token=await gateway.key("other", ["USERS_READ"])) == []
    assert await names(gateway, "bulkOperations") == ["DEACTIVATE", "FORCE_OFFLINE"]
    other = await gateway.other()
    assert await names(gateway, "bulkOperations", token=await gateway.key("x", None, other.organization_id)) == []


async def test_operations_are_walked_both_ways_without_a_statement_for_each(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    person = await staff.hire()
    for _ in range(4):
        await bulk(gateway, "signOutUsers", [person])
    forward = keys(await walked(gateway, "bulkOperations", 1))
    assert forward == keys(await walked(gateway, "bulkOperations", 3, backward=True))
    assert len(set(forward)) == 4
    select = "totalCount nodes { requestedBy { displayName } items { nodes { user { displayName } } } }"
    counts = []
    for size in (1, 4):
        with statements.counting() as counted:
            await connection(gateway, "bulkOperations", select, first=size)
        counts.append(counted.count)
    assert counts[1] <= counts[0]  # the first may have waited for the note of when the key was last used


async def test_keys_are_listed_by_name_without_what_opens_the_gateway(gateway: Gateway) -> None:
    """Revoked and expired ones only where asked for."""
    secrets = {name: await gateway.key(name) for name in ("Zulu", "alpha", "Expired", "Revoked")}
    past, future = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)

    def instant(value: datetime) -> Any:
        return int(value.timestamp() * 1_000_000) if gateway.database.is_sqlite else value

    for name, column, value in (
        ("Expired", "expires_at", past),
        ("Revoked", "revoked_at", past),
        ("Zulu", "expires_at", future),
    ):
        await gateway.execute(f"UPDATE api_keys SET {column} = :at WHERE name = :name", at=instant(value), name=name)
    assert await names(gateway, "apiKeys") == ["alpha", "tests", "Zulu"]
    everything = ["alpha", "Expired", "Revoked", "tests", "Zulu"]
    assert await names(gateway, "apiKeys", includeInactive=True) == everything
    shown = await connection(
        gateway, "apiKeys", "totalCount nodes { name prefix permissions lastUsedAt }", includeInactive=True
    )
    assert shown["totalCount"] == 5
    for node in shown["nodes"]:
        assert node["prefix"].startswith("rql_")
        if node["name"] in secrets:
            assert secrets[node["name"]].startswith(node["prefix"])
            assert secrets[node["name"]][len(node["prefix"]) + 1 :] not in str(shown)
    assert keys(await walked(gateway, "apiKeys", 2)) == keys(await walked(gateway, "apiKeys", 1, backward=True))


async def test_keys_are_listed_for_who_manages_them_alone(gateway: Gateway, staff: Staff) -> None:
    """A24."""
    service = await gateway.sign_in(await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR]))
    for token in (service, await gateway.key("reader", ["USERS_READ", "AUDIT_READ"])):
        answer = await ask_list(gateway, "apiKeys", token=token)
        assert (answer.codes, answer.data) == (["FORBIDDEN"], {"apiKeys": None})
    keeper = await gateway.key("keeper", ["KEYS_MANAGE"])
    assert await names(gateway, "apiKeys", token=keeper) == ["keeper", "reader", "tests"]
    other = await gateway.other()
    theirs = await gateway.key("theirs", None, other.organization_id)
    assert await names(gateway, "apiKeys", token=theirs) == ["theirs"]
