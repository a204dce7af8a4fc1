"""Adding and changing people the way callers do, and what must be true of seats and versions afterwards."""

from __future__ import annotations

from typing import Any

from tests.changes import ANSWER, Changed
from tests.gateway import Answer, Gateway
from tests.people import Person, Thing

ADD = f"mutation Add($input: AddUsersInput!) {{ addUsers(input: $input) {{ {ANSWER} }} }}"
USER = """
  id version updatedAt displayName email externalId firstName lastName nickname agentNumber extension workPhone
  mobilePhone locale timeZone roles protected status contactCenterEnabled identitySource activatedAt
  profile { kind name } desktopProfile { name } site { name } presence { state } effectiveLicense { type }
  teams { nodes { name } } queues { edges { node { name } origins { source } } }
"""
LOOK = f"query Look($id: ID!) {{ user(by: {{id: $id}}) {{ {USER} auditEvents {{ nodes {{ action note }} }} }} }}"
UPDATE = f"""
mutation Update($input: UpdateUserInput!) {{
  updateUser(input: $input) {{ errors {{ code message path }} warnings {{ code path }} user {{ {USER} }} }}
}}
"""


async def add(gateway: Gateway, *users: dict[str, Any], token: str | None = "", **terms: Any) -> Changed:
    """Add people; each is described as in `NewUserInput`."""
    answer = await ask_to_add(gateway, *users, token=token, **terms)
    assert not answer.errors, answer.errors
    return Changed(answer, answer.data["addUsers"])


async def ask_to_add(gateway: Gateway, *users: dict[str, Any], token: str | None = "", **terms: Any) -> Answer:
    """The same, whatever the answer."""
    return await gateway.run(ADD, {"input": {"users": list(users), **terms}}, token=token)


async def add_one(gateway: Gateway, token: str | None = "", **described: Any) -> Any:
    """Add somebody who can be added; the user as it is then."""
    done = await add(gateway, described, token=token)
    assert done.outcomes == ["SUCCEEDED"], done.items
    return await look(gateway, done.items[0]["user"]["id"])


async def update(
    gateway: Gateway, person: Thing | str, *, token: str | None = "", version: int | None = None, **patch: Any
) -> Any:
    """The payload of `updateUser`."""
    answer = await ask_to_update(gateway, person, token=token, version=version, **patch)
    assert not answer.errors, answer.errors
    return answer.data["updateUser"]


async def ask_to_update(
    gateway: Gateway, person: Thing | str, *, token: str | None = "", version: int | None = None, **patch: Any
) -> Answer:
    """The same, whatever the answer."""
    wanted: dict[str, Any] = {"id": person if isinstance(person, str) else person.id, "patch": patch}
    if version is not None:
        wanted["expectedVersion"] = version
    return await gateway.run(UPDATE, {"input": wanted}, token=token)


def codes(payload: Any) -> list[tuple[str, str | None]]:
    """Code of each error of a payload or an item, with the last word of its path."""
    return [(error["code"], error["path"][-1] if error["path"] else None) for error in payload["errors"]]


async def look(gateway: Gateway, person: Person | str) -> Any:
    """A user as the gateway shows it."""
    key = person if isinstance(person, str) else person.id
    return (await gateway.ask(LOOK, {"id": key}))["user"]


async def seats(gateway: Gateway) -> dict[str, int]:
    """Seats granted of each license that has any; asserts that pool, grants and ledger agree."""
    found = await gateway.rows(
        """
        SELECT licenses.name, license_pools.granted,
          (SELECT count(DISTINCT user_id) FROM license_grants
           WHERE license_grants.license_id = licenses.id AND license_grants.state = 0),
          coalesce((SELECT granted_after FROM seat_ledger
                    WHERE seat_ledger.license_id = licenses.id ORDER BY sequence DESC LIMIT 1), 0)
        FROM licenses JOIN license_pools ON license_pools.license_id = licenses.id
        """
    )
    for name, *counts in found:
        assert len(set(counts)) == 1, f"{name}: pool, holders and ledger say {counts}"
    return {name: granted for name, granted, *_ in found if granted}


async def versions_agree(gateway: Gateway) -> None:
    """Asserts that every user's version is that of the last audit event about them."""
    found = await gateway.rows(
        """
        SELECT users.display_name, users.version,
          (SELECT target_version FROM audit_events
           WHERE target_id = users.id AND target_version IS NOT NULL ORDER BY sequence DESC LIMIT 1)
        FROM users
        """
    )
    assert [row for row in found if row[1] != row[2]] == []
