"""Filters whose conditions stand in `and`, `or` and `not`, and where they end (rules Q1 and Q8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.user import UserStatus
from repositories.keyset import FEW, Within, sliced
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import connection, names, refusal, with_ids

pytestmark = pytest.mark.anyio

AGENTS = {"role": {"eq": "AGENT"}}

# A filter, and who meets it; `x` is deactivated, `z` deleted, and only `a` and `b` have a site.
NESTED: list[tuple[dict[str, Any], str]] = [
    ({"and": [{"site": {"isNull": False}}, {"id": {"notIn": ["@b"]}}]}, "a"),
    ({"or": [{"id": {"eq": "@a"}}, {"id": {"eq": "@c"}}]}, "ac"),
    ({"or": [{"id": {"eq": "@a"}}, {"id": {"eq": "@c"}}], "site": {"isNull": True}}, "c"),
    ({"not": {"id": {"eq": "@a"}}}, "bc"),
    ({"not": {"site": {"eq": "@north"}}}, "bc"),
    ({"not": {"not": {"site": {"eq": "@north"}}}}, "a"),
    ({"not": {"or": [{"site": {"eq": "@north"}}, {"site": {"isNull": True}}]}}, "b"),
    ({"not": {"and": [{"site": {"isNull": False}}, {"id": {"eq": "@a"}}]}}, "bc"),
    ({"or": [{"and": [{"id": {"eq": "@a"}}, {"site": {"isNull": True}}]}, {"id": {"eq": "@b"}}]}, "b"),
    ({"and": []}, "abc"),
    ({"or": []}, ""),
    ({"not": {"or": []}}, "abc"),
    ({"or": [{}]}, "abc"),
    ({"not": {}}, ""),
    ({"and": None, "or": None, "not": None}, "abc"),
    # A condition on the status anywhere decides alone, and deleted people show only where one names them.
    ({"and": [{"status": {"eq": "DEACTIVATED"}}]}, "x"),
    ({"or": [{"status": {"eq": "DEACTIVATED"}}, {"id": {"eq": "@a"}}]}, "ax"),
    ({"or": [{"status": {"eq": "DELETED"}}, {"id": {"eq": "@a"}}]}, "az"),
    ({"or": [{"status": {"notIn": ["ACTIVE"]}}, {"id": {"in": ["@a", "@z"]}}]}, "ax"),
    ({"not": {"status": {"eq": "ACTIVE"}}}, "x"),
    ({"not": {"status": {"eq": "DEACTIVATED"}}}, "abc"),
    ({"not": {"status": {"notIn": ["ACTIVE"]}}}, "abc"),
    ({"not": {"status": {"in": ["ACTIVE", "DELETED"]}}}, "x"),
    ({"and": [{"status": {"in": ["DELETED", "ACTIVE"]}}, {"status": {"notIn": ["ACTIVE"]}}]}, ""),
    ({"and": [{"status": {}}]}, "abc"),
]


@pytest.mark.parametrize("few", [0, 1, FEW])
async def test_conditions_on_people_nest_and_the_status_decides_wherever_it_stands(
    gateway: Gateway, staff: Staff, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A21, A22, B7: whether few people are looked up or many are tested in the order of the list."""

    def sliced_so(*given: Any, within: Within | None, **more: Any) -> Any:
        return sliced(*given, within=within and replace(within, few=few), **more)

    monkeypatch.setattr("repositories.users.sliced", sliced_so)
    north, south = await staff.site("north"), await staff.site("south")
    people = {
        "a": await staff.hire("a", site=north),
        "b": await staff.hire("b", site=south),
        "c": await staff.hire("c"),
        "x": await staff.hire("x", status=UserStatus.DEACTIVATED),
        "z": await staff.hire("z", status=UserStatus.DELETED),
    }
    found = []
    for asked, _ in NESTED:
        filter = {**AGENTS, **with_ids(asked, {**people, "north": north, "south": south})}
        found.append((asked, "".join(await names(gateway, "users", filter=filter))))
    assert found == NESTED


async def test_only_active_people_work_in_a_queue_whoever_else_is_asked_for(gateway: Gateway, staff: Staff) -> None:
    """However few are looked up by the queue, of whom those who are active need no second look."""
    queue = await staff.queue("front")
    group = await staff.skill_group("spanish", queues=[queue])
    await staff.hire("a", skill_groups=[group])
    await staff.hire("x", skill_groups=[group], status=UserStatus.DEACTIVATED)
    for statuses in (["ACTIVE"], ["ACTIVE", "DEACTIVATED"]):
        filter = {"queue": {"eq": queue.id}, "status": {"in": statuses}}
        assert await names(gateway, "users", filter=filter) == ["a"]
    filter = {"skillGroup": {"eq": group.id}, "status": {"in": ["ACTIVE", "DEACTIVATED"]}}
    assert await names(gateway, "users", filter=filter) == ["a", "x"]


async def test_nobody_is_counted_as_hidden_where_the_filter_speaks_of_the_status(
    gateway: Gateway, staff: Staff
) -> None:
    """A21: what decides stands four levels deep."""
    await staff.hire("a")
    await staff.hire("x", status=UserStatus.DEACTIVATED)
    select = "hiddenDeactivatedCount totalCount"
    deep: dict[str, Any] = {"status": {"eq": "ACTIVE"}}
    for _ in range(2):
        deep = {"or": [{"and": [deep]}]}
    for filter, hidden in ((AGENTS, 1), ({**AGENTS, **deep}, 0), ({"or": [AGENTS, {"id": {"in": []}}]}, 1)):
        found = await connection(gateway, "users", select, filter=filter)
        assert found == {"hiddenDeactivatedCount": hidden, "totalCount": 1}, filter


@pytest.mark.parametrize("kind", ["teams", "queues", "licenses"])
async def test_conditions_on_the_structure_nest_and_use_decides_wherever_it_stands(
    gateway: Gateway, staff: Staff, kind: str
) -> None:
    """B7: what is not in use is listed only where it is asked for."""
    make = {"teams": staff.team, "queues": staff.queue, "licenses": staff.license}[kind]
    for name, active in (("Äbc", True), ("abd", True), ("xyz", True), ("abz", False)):
        await make(name, active=active)
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({"name": {"contains": "AB"}}, ["Äbc", "abd"]),
        ({"name": {"contains": "AB"}, "not": {"name": {"contains": "bd"}}}, ["Äbc"]),
        ({"or": [{"name": {"eq": "ABC"}}, {"name": {"startsWith": "x"}}]}, ["Äbc", "xyz"]),
        ({"or": [{"active": False, "name": {"contains": "bz"}}, {"name": {"eq": "abd"}}]}, ["abd", "abz"]),
        ({"and": [{"active": False}, {"name": {"startsWith": "ä"}}]}, ["abz"]),
        ({"not": {"active": True}}, ["abz"]),
        ({"name": {"contains": "%b"}}, []),
        ({"name": {"contains": "a_d"}}, []),
    ]
    assert [(asked, await names(gateway, kind, filter=asked)) for asked, _ in expected] == expected
    unused = {"and": [{"name": {"startsWith": "ab"}}]}
    assert await names(gateway, kind, filter=unused, includeInactive=True) == ["Äbc", "abd", "abz"]
    decided = {"and": [{"name": {"startsWith": "ab"}, "active": True}]}
    assert await names(gateway, kind, filter=decided, includeInactive=True) == ["Äbc", "abd"]


async def test_limits_of_a_filter_are_told_with_the_place(gateway: Gateway, staff: Staff) -> None:
    """50 conditions, 4 levels, 500 values, 2 characters, wherever in the tree they stand."""

    def levels(count: int, inside: dict[str, Any]) -> dict[str, Any]:
        for level in range(count):
            inside = {"not": inside} if level % 2 else {"or": [inside]}
        return inside

    one, name = {"active": True}, {"name": {"contains": "ab", "startsWith": "a"}}
    fits = [
        levels(4, one),
        {"or": [one] * 50},
        {"and": [{}] * 50},
        {"or": [name] * 25},
        {"name": {"in": ["ab"] * 500}},
        {"and": [{"name": {"contains": "ä é"}}]},
    ]
    for filter in fits:
        await names(gateway, "teams", filter=filter)
    refused: list[tuple[dict[str, Any], list[str], int | None]] = [
        (levels(5, one), ["or", "0", "not", "or", "0", "not", "or", "0"], 4),
        (levels(20, one), ["not", "or", "0", "not", "or", "0", "not"], 4),
        ({"or": [one] * 51}, ["or", "50", "active"], 50),
        ({"and": [{}] * 51}, ["and", "50"], 50),
        ({"active": True, "or": [name] * 25}, ["or", "24", "name", "startsWith"], 50),
        ({"and": [one, {"or": [{"name": {"in": ["ab"] * 501}}]}]}, ["and", "1", "or", "0", "name", "in"], 500),
        ({"name": {"contains": "a"}}, ["name", "contains"], 2),
        ({"not": {"name": {"contains": " a "}}}, ["not", "name", "contains"], 2),
        ({"name": {"contains": ""}}, ["name", "contains"], 2),
        ({"and": [{"name": {"contains": None}}]}, ["and", "0", "name", "contains"], None),
        ({"and": [{"site": {"eq": "nonsense"}}]}, ["and", "0", "site", "eq"], None),
        ({"not": {"name": {"in": ["a", "\0"]}}}, ["not", "name", "in", "1"], None),
        ({"not": {"name": {"contains": "a" * 321}}}, ["not", "name", "contains"], 320),
    ]
    for filter, path, limit in refused:
        assert await refusal(gateway, "teams", filter=filter) == ("BAD_USER_INPUT", ["filter", *path], limit), path
