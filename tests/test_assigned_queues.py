"""Queues of teams and skill groups, given and taken through `/graphql`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contradiction import broken
from tests.editing import codes, look
from tests.gateway import Gateway
from tests.people import Staff, Thing
from tests.statements import Statements

pytestmark = pytest.mark.anyio

KINDS = pytest.mark.parametrize("kind", ["team", "skill_group"])


async def assign(gateway: Gateway, thing: Thing, **way: list[Thing]) -> Any:
    """The payload of the mutation for this kind of thing."""
    name = thing.type_name
    field = name[0].lower() + name[1:]
    document = (
        f"mutation A($input: Assign{name}QueuesInput!) {{ assign{name}Queues(input: $input) "
        f"{{ errors {{ code message path }} {field} {{ id version }} }} }}"
    )
    change = {key: [each.id for each in things] for key, things in way.items()}
    payload = (await gateway.ask(document, {"input": {"id": thing.id, "queues": change}}))[f"assign{name}Queues"]
    return payload | {"thing": payload[field]}


@KINDS
async def test_members_reach_what_their_team_or_skill_group_is_given(gateway: Gateway, staff: Staff, kind: str) -> None:
    """A10, A27, E4: the people themselves are not changed."""
    thing = await getattr(staff, kind)("Billing")
    a, b, c = [await staff.queue(name) for name in "ABC"]
    person = await staff.hire(**{f"{kind}s": [thing]})
    for version, (way, queues, reached) in enumerate(
        [("add", [b, a], "AB"), ("set", [b, c], "BC"), ("remove", [a, b], "C"), ("set", [], "")], 2
    ):
        payload = await assign(gateway, thing, **{way: queues})
        assert (codes(payload), payload["thing"]["version"]) == ([], version)
        again = await assign(gateway, thing, **{way: queues})
        assert (codes(again), again["thing"]["version"]) == ([], version)
        user = await look(gateway, person)
        assert sorted(edge["node"]["name"] for edge in user["queues"]["edges"]) == list(reached)
        assert user["version"] == 1
    told = await gateway.rows(
        "SELECT action, target_version FROM audit_events WHERE target_label = 'Billing' ORDER BY sequence"
    )
    assert [tuple(row) for row in told] == [(9, 2), (9, 3), (10, 4), (10, 5)]  # ASSIGNED, UNASSIGNED
    assert await broken(gateway) == []


@KINDS
async def test_what_is_unknown_or_not_in_use_is_refused(gateway: Gateway, staff: Staff, kind: str) -> None:
    """E14: what is not in use can be left."""
    thing, unused = await getattr(staff, kind)(), await getattr(staff, kind)(active=False)
    other = await gateway.other()
    foreign, queue, idle = await getattr(other, kind)(), await staff.queue(), await staff.queue(active=False)
    gone = await assign(gateway, foreign, add=[queue])
    assert (codes(gone), gone["thing"]) == ([("NOT_FOUND", "id")], None)
    assert codes(await assign(gateway, unused, add=[queue])) == [("INVALID_STATE", "id")]
    refused = await assign(gateway, thing, add=[await other.queue(), idle])
    assert codes(refused) == [("NOT_FOUND", "0"), ("INVALID_STATE", "1")]
    assert refused["thing"] == {"id": thing.id, "version": 1}
    assert codes(await assign(gateway, thing, remove=[idle])) == []


@KINDS
async def test_many_queues_take_as_many_statements_as_one(
    gateway: Gateway, staff: Staff, statements: Statements, kind: str
) -> None:
    one, many = await getattr(staff, kind)(), await getattr(staff, kind)()
    queues = [await staff.queue() for _ in range(12)]
    counts = []
    for thing, given in ((one, queues[:1]), (many, queues)):
        with statements.counting() as counted:
            assert codes(await assign(gateway, thing, add=given)) == []
            assert codes(await assign(gateway, thing, set=[])) == []
        counts.append(counted.count)
    assert counts[0] == counts[1]
