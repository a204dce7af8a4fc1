"""Pages of every list: each row once, in the order that was asked for, whatever the database (rules Q2 to Q6)."""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.call_record import CallDirection, CallRecord
from models.license import LicenseType
from models.storage import EPOCH, MICROSECOND, uuid7
from models.user import UserStatus
from resolvers.limits import Limits
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.reading import OF_THINGS, SHOWN, ask_list, connection, keys, maker, names, refusal, walked

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
FIELDS = {
    "DISPLAY_NAME": "display_name_key",
    "LAST_NAME": "last_name_key",
    "EMAIL": "email_key",
    "STATUS": "status",
    "LAST_SIGN_IN_AT": "last_sign_in_at",
    "CREATED_AT": "created_at",
    "UPDATED_AT": "updated_at",
    "DEACTIVATED_AT": "deactivated_at",
}
ORDERS: list[list[tuple[str, str]]] = [
    *([(field, direction)] for field in FIELDS for direction in ("ASC", "DESC")),
    [("STATUS", "ASC"), ("LAST_NAME", "DESC")],
    [("LAST_NAME", "DESC"), ("STATUS", "ASC")],
    [("LAST_NAME", "ASC"), ("LAST_SIGN_IN_AT", "DESC"), ("DISPLAY_NAME", "ASC")],
    [("LAST_SIGN_IN_AT", "DESC"), ("DEACTIVATED_AT", "ASC"), ("STATUS", "DESC")],
    [("DEACTIVATED_AT", "DESC"), ("LAST_NAME", "DESC")],
    [("STATUS", "DESC"), ("DISPLAY_NAME", "DESC")],
    [("CREATED_AT", "ASC"), ("UPDATED_AT", "DESC"), ("EMAIL", "ASC")],
]


async def crowd(gateway: Gateway, staff: Staff) -> list[Person]:
    """People among whom every value occurs several times, and those that may be missing are missing several times."""
    people = []
    for number, status in enumerate(list(UserStatus) * 5):
        last = ("", "Öberg", "oberg", "Zorn", "ABC")[number % 5]
        people.append(
            await staff.hire(
                f"{('Ann', 'Änn', 'Zoë')[number % 3]} {last}".strip(),
                email=f"{'abcdefgh'[number % 8]}.{number}@{'xy'[number % 2]}.example",
                status=status,
                at=START + timedelta(microseconds=number // 4),
            )
        )
    for number, person in enumerate(people):
        if number % 3:
            at = START + timedelta(days=number % 2)
            await gateway.execute(
                "UPDATE users SET last_sign_in_at = :at WHERE id = :id",
                at=(at - EPOCH) // MICROSECOND if gateway.database.is_sqlite else at,
                id=gateway.key_parameter(person.key),
            )
    return people


async def in_order(gateway: Gateway, order: Sequence[tuple[str, str]]) -> list[UUID]:
    """Keys of everybody as Python sorts them: the id last, in the direction of the last key, missing values last."""
    columns = ", ".join(FIELDS[field] for field, _ in order)
    rows = [
        (UUID(bytes=row[0]) if isinstance(row[0], bytes) else UUID(str(row[0])), *row[1:])
        for row in await gateway.rows(f"SELECT id, {columns} FROM users")
    ]
    rows.sort(key=lambda row: row[0].bytes, reverse=order[-1][1] == "DESC")
    for place, (_, direction) in reversed(list(enumerate(order, 1))):
        known = [row for row in rows if row[place] is not None]
        known.sort(key=lambda row: _comparable(row[place]), reverse=False) if direction == "ASC" else known.sort(
            key=lambda row: _Reversed(_comparable(row[place]))
        )
        rows = known + [row for row in rows if row[place] is None]
    return [row[0] for row in rows]


def _comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


class _Reversed:
    """Sorts the other way round, and leaves what is equal as it was."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)


EVERYBODY = {"status": {"in": ["ACTIVE", "DEACTIVATED", "DELETED"]}}


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(f"{one[0]}-{one[1]}" for one in order))
async def test_every_order_is_walked_forward_and_backward_each_row_once(
    gateway: Gateway, staff: Staff, order: list[tuple[str, str]]
) -> None:
    people = await crowd(gateway, staff)
    by_key = {person.key: person.id for person in [*people, gateway.admin]}
    expected = [by_key[key] for key in await in_order(gateway, order)]
    asked = {"filter": EVERYBODY, "orderBy": [{"field": field, "direction": way} for field, way in order]}

    forward = await walked(gateway, "users", 3, **asked)
    backward = await walked(gateway, "users", 3, backward=True, **asked)

    assert keys(forward) == expected
    assert keys(backward) == expected
    assert [edge["cursor"] for edge in backward] == [edge["cursor"] for edge in forward]
    assert len({edge["cursor"] for edge in forward}) == len(expected) == 16


async def test_any_part_of_a_list_can_be_asked_for(gateway: Gateway, staff: Staff) -> None:
    people = await crowd(gateway, staff)
    for order in ([("DISPLAY_NAME", "ASC")], [("LAST_NAME", "DESC")], [("LAST_SIGN_IN_AT", "ASC"), ("STATUS", "DESC")]):
        asked = {"filter": EVERYBODY, "orderBy": [{"field": field, "direction": way} for field, way in order]}
        whole = await walked(gateway, "users", 100, **asked)
        assert len(whole) == len(people) + 1
        places = [*itertools.product((0, 3, 7, 15), repeat=2)]
        for after, before in random.Random(7).sample(places, 12):
            between = keys(whole[after + 1 : before])
            limits = {"after": whole[after]["cursor"], "before": whole[before]["cursor"]}
            for way, expected in (({"first": 2}, between[:2]), ({"last": 2}, between[-2:]), ({}, between)):
                select = "nodes { id } pageInfo { hasNextPage hasPreviousPage }"
                page = await connection(gateway, "users", select, **asked, **limits, **way)
                assert [node["id"] for node in page["nodes"]] == expected
                more = len(between) > 2
                cut = {"first": {"hasNextPage": more}, "last": {"hasPreviousPage": more}}.get(next(iter(way), ""), {})
                assert cut.items() <= page["pageInfo"].items()
        # The other way round: `last` after a cursor and `first` before one.
        cursor = whole[5]["cursor"]
        ends = [
            await connection(gateway, "users", "nodes { id } pageInfo { hasNextPage hasPreviousPage }", **asked, **part)
            for part in ({"last": 2, "after": cursor}, {"first": 2, "before": cursor})
        ]
        assert [node["id"] for node in ends[0]["nodes"]] == keys(whole[-2:])
        assert [node["id"] for node in ends[1]["nodes"]] == keys(whole[:2])
        assert ends[0]["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
        assert ends[1]["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False}


async def test_people_who_come_or_change_meanwhile_are_neither_lost_nor_seen_twice(
    gateway: Gateway, staff: Staff
) -> None:
    """Where an offset would skip or repeat somebody."""
    for name in ("B", "D", "F", "H"):
        await staff.hire(name)
    people = {"filter": {"role": {"eq": "AGENT"}}, "first": 2}
    page = await connection(gateway, "users", "nodes { displayName } pageInfo { endCursor }", **people)
    assert [node["displayName"] for node in page["nodes"]] == ["B", "D"]
    await staff.hire("A")
    await staff.hire("E")
    await gateway.execute("UPDATE users SET status = 1 WHERE display_name = 'D'")
    assert await names(gateway, "users", **people, after=page["pageInfo"]["endCursor"]) == ["E", "F"]


async def test_the_filter_may_change_between_pages_the_order_may_not(gateway: Gateway, staff: Staff) -> None:
    for name in ("A", "B", "C", "D"):
        await staff.hire(name, status=UserStatus.DEACTIVATED if name == "C" else UserStatus.ACTIVE)
    page = await connection(gateway, "users", "pageInfo { endCursor }", first=1)
    cursor = page["pageInfo"]["endCursor"]
    assert await names(gateway, "users", after=cursor) == ["B", "D"]
    assert await names(gateway, "users", after=cursor, includeDeactivated=True) == ["B", "C", "D"]
    assert await names(gateway, "users", after=cursor, search="d") == ["D"]
    same = [{"field": "DISPLAY_NAME"}]
    assert await names(gateway, "users", after=cursor, orderBy=same) == ["B", "D"]
    for other in (
        [{"field": "DISPLAY_NAME", "direction": "DESC"}],
        [{"field": "EMAIL"}],
        [{"field": "DISPLAY_NAME"}, {"field": "EMAIL"}],
    ):
        assert await refusal(gateway, "users", after=cursor, orderBy=other) == ("BAD_CURSOR", ["after"], None)
        assert await refusal(gateway, "users", before=cursor, orderBy=other) == ("BAD_CURSOR", ["before"], None)


async def furnished(gateway: Gateway, staff: Staff) -> Person:
    """At least two items in every list."""
    queues = [await staff.queue(), await staff.queue()]
    top = await staff.team(queues=queues)
    teams = [top, await staff.team(parent=top), await staff.team(parent=top)]
    groups = [await staff.skill_group(), await staff.skill_group()]
    for name in ("sites", "userProfiles", "desktopProfiles"):
        await maker(staff, name)()
        await maker(staff, name)()
    person, _ = await staff.hire(
        2, teams=teams, queues=queues, skill_groups=groups, licenses=[LicenseType.STANDARD_AGENT]
    )
    for _ in range(2):
        await staff.call(person, team=top, queue=queues[0], seconds=60)
        await gateway.sign_in(person)
        await bulk(gateway, "signOutUsers", [await staff.hire()])
    await gateway.key("second")
    return person


async def test_a_cursor_of_one_list_opens_no_other(gateway: Gateway, staff: Staff) -> None:
    await furnished(gateway, staff)
    cursors = {
        name: (await connection(gateway, name, "pageInfo { endCursor }", first=1))["pageInfo"]["endCursor"]
        for name in SHOWN
    }
    for name, (other, cursor) in itertools.product(SHOWN, cursors.items()):
        if name == other:
            assert (await connection(gateway, name, "nodes { id }", after=cursor))["nodes"]
        else:
            assert await refusal(gateway, name, after=cursor) == ("BAD_CURSOR", ["after"], None)


NESTED = """
query Nested($id: ID!, $after: String) {
  user(by: {id: $id}) {
    teams(first: 1 AFTER) { ...T }
    queues(first: 1 AFTER) { edges { cursor } pageInfo { ...P } }
    skillGroups(first: 1 AFTER) { edges { cursor } pageInfo { ...P } }
    sessions(first: 1 AFTER) { edges { cursor } pageInfo { ...P } }
    callRecords(first: 1 AFTER) { edges { cursor } pageInfo { ...P } }
    auditEvents(first: 1 AFTER) { edges { cursor } pageInfo { ...P } }
  }
}
fragment T on TeamConnection { edges { cursor } pageInfo { ...P } }
fragment P on PageInfo { hasNextPage hasPreviousPage startCursor endCursor }
"""
LISTS_OF_A_PERSON = ("teams", "queues", "skillGroups", "sessions", "callRecords", "auditEvents")


async def test_lists_of_a_person_have_pages_of_their_own(gateway: Gateway, staff: Staff) -> None:
    person = await furnished(gateway, staff)
    first = (await gateway.ask(NESTED.replace("AFTER", "").replace(", $after: String", ""), {"id": person.id}))["user"]
    cursors = {name: first[name]["pageInfo"]["endCursor"] for name in LISTS_OF_A_PERSON}
    assert all(first[name]["pageInfo"]["hasNextPage"] for name in LISTS_OF_A_PERSON)
    for name, cursor in cursors.items():
        answer = await gateway.run(NESTED.replace("AFTER", ", after: $after"), {"id": person.id, "after": cursor})
        own = answer.data["user"][name]
        assert own["pageInfo"]["hasPreviousPage"] is True
        assert own["edges"][0]["cursor"] != cursor
        assert len(answer.errors) == len(LISTS_OF_A_PERSON) - 1
        assert {error["extensions"]["code"] for error in answer.errors} == {"BAD_CURSOR"}
        assert {tuple(error["extensions"]["argumentPath"]) for error in answer.errors} == {("after",)}
        assert {error["path"][1] for error in answer.errors} == set(LISTS_OF_A_PERSON) - {name}


def packed(content: Any) -> str:
    """Content as a cursor carries it."""
    raw = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unpacked(cursor: str) -> list[Any]:
    """What a cursor carries."""
    content: list[Any] = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return content


WRONG: dict[str, list[Any]] = {
    "DISPLAY_NAME": [None, 1, True, [], {}, "a\0b", 1.5],
    "LAST_NAME": [1, False, ["a"], "\0"],
    "STATUS": [None, "ACTIVE", 9, -1, 1.5, [], {}, "0"],
    "CREATED_AT": [None, "2026-03-01", True, 1.5, 2**63, -(2**63), 10**30, [], 2**62],
    "LAST_SIGN_IN_AT": ["", False, 2**80, {}],
}
NONSENSE = ["", " ", "x", "====", "nonsense", "é", "ﷺ" * 9, "+/+/", packed(b"\xff\xfe"), packed("text"), packed(1)]
NONSENSE += [
    packed(None),
    packed([]),
    packed({}),
    packed([[]]),
    packed([1]),
    packed(b"[" * 300),
    "A" * 5_000,
    "A" * 4_001,
]


@pytest.mark.parametrize("field", WRONG)
async def test_a_cursor_that_somebody_changed_is_refused(gateway: Gateway, staff: Staff, field: str) -> None:
    await staff.hire(3)
    order = {"orderBy": [{"field": field}]}
    page = await connection(gateway, "users", "pageInfo { endCursor }", first=1, **order)
    version, hashed, value, key = unpacked(page["pageInfo"]["endCursor"])
    good = packed([version, hashed, value, key])
    assert good == page["pageInfo"]["endCursor"]
    changed = [packed([version, hashed, wrong, key]) for wrong in WRONG[field]]
    changed += [packed([version, hashed, value, wrong]) for wrong in (None, 1, "", "x", "0" * 31, [], True, key + "00")]
    changed += [
        packed([version + 1, hashed, value, key]),
        packed([version, "00000000", value, key]),
        packed([version, None, value, key]),
        packed([version, hashed, value]),
        packed([version, hashed]),
        packed([version, hashed, value, key, key]),
        packed({"0": version, "1": hashed}),
        good[:-1],
        good + "A",
        good[::-1],
        *NONSENSE,
    ]
    for name in ("after", "before"):
        for cursor in changed:
            answer = await refusal(gateway, "users", **{name: cursor}, **order)
            assert answer == ("BAD_CURSOR", [name], None), (cursor, answer)
    assert (await refusal(gateway, "users", after="a\0", **order))[0] in ("BAD_CURSOR", "BAD_USER_INPUT")


@pytest.mark.parametrize("value", [-62_135_596_800_000_000, 253_402_300_799_999_999, 0, -1])
async def test_any_instant_in_a_cursor_is_a_place_in_the_list(gateway: Gateway, staff: Staff, value: int) -> None:
    await staff.hire(2)
    order = {"orderBy": [{"field": "CREATED_AT"}]}
    page = await connection(gateway, "users", "pageInfo { endCursor }", first=1, **order)
    version, hashed, _, key = unpacked(page["pageInfo"]["endCursor"])
    cursor = packed([version, hashed, value, key])
    behind = (await connection(gateway, "users", "nodes { id }", after=cursor, **order))["nodes"]
    assert len(behind) == (0 if value > 10**17 else 3)


@pytest.mark.parametrize("name", list(SHOWN))
async def test_sizes_of_pages(gateway: Gateway, staff: Staff, name: str) -> None:
    await furnished(gateway, staff)
    limit = (await gateway.ask("{ viewer { limits { maxPageSize } } }"))["viewer"]["limits"]["maxPageSize"]
    assert limit == 100
    about = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount"
    for way in ("first", "last"):
        for size in (-1, limit + 1, 2**31 - 1, -(2**31)):
            assert await refusal(gateway, name, **{way: size}) == ("BAD_USER_INPUT", [way], limit)
        assert len((await connection(gateway, name, about, **{way: limit}))["nodes"]) >= 2
        assert len((await connection(gateway, name, about, **{way: 1}))["nodes"]) == 1
        none = await connection(gateway, name, about, **{way: 0})
        assert none["nodes"] == []
        assert none["totalCount"] >= 2
        further = {"first": "hasNextPage", "last": "hasPreviousPage"}[way]
        assert none["pageInfo"] == {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
            further: True,
        }
        assert len((await connection(gateway, name, about, **{way: None}))["nodes"]) >= 2
    assert await refusal(gateway, name, first=1, last=1) == ("BAD_USER_INPUT", ["last"], None)
    for wrong in (2**31, 1.5, "1", True):
        assert (await ask_list(gateway, name, first=wrong)).codes == ["BAD_USER_INPUT"]


async def test_a_page_has_twenty_five_items_unless_asked_otherwise(gateway: Gateway, staff: Staff) -> None:
    await staff.hire(101, password=None)
    assert len(await names(gateway, "users", filter={"role": {"eq": "AGENT"}})) == 25
    page = await connection(gateway, "users", "nodes { id } pageInfo { hasNextPage }", first=100)
    assert len(page["nodes"]) == 100
    assert page["pageInfo"] == {"hasNextPage": True}


async def test_sizes_of_nested_pages_are_held_to_the_same_limit(gateway: Gateway, staff: Staff) -> None:
    person = await furnished(gateway, staff)
    for name in LISTS_OF_A_PERSON:
        for arguments, path in (("first: 101", "first"), ("last: -1", "last"), ("first: 1, last: 1", "last")):
            document = f"query Q($id: ID!) {{ user(by: {{id: $id}}) {{ {name}({arguments}) {{ totalCount }} id }} }}"
            answer = await gateway.run(document, {"id": person.id})
            assert answer.codes == ["BAD_USER_INPUT"]
            assert answer.errors[0]["extensions"]["argumentPath"] == [path]
            assert answer.data["user"] == {"id": person.id, name: None}


async def test_counting_stops_at_the_limit_and_says_so(gateway: Gateway, staff: Staff) -> None:
    team = await staff.team()
    people = await staff.hire(4, teams=[team], password=None)
    await staff.hire(2, status=UserStatus.DEACTIVATED, password=None)
    filter = {"role": {"eq": "AGENT"}}
    select = "totalCount totalCountPrecision hiddenDeactivatedCount nodes { id }"
    nested = "query Q($id: ID!) { team(id: $id) { members(first: 1) { totalCount totalCountPrecision } } }"
    told = []
    for limit in (1, 3, 4, 5):
        gateway.shared.limits = Limits(max_total_count=limit)
        assert (await gateway.ask("{ viewer { limits { maxTotalCount } } }"))["viewer"]["limits"] == {
            "maxTotalCount": limit
        }
        page = await connection(gateway, "users", select, filter=filter, first=2)
        assert len(page["nodes"]) == 2
        members = (await gateway.ask(nested, {"id": team.id}))["team"]["members"]
        assert (members["totalCount"], members["totalCountPrecision"]) == (
            page["totalCount"],
            page["totalCountPrecision"],
        )
        told.append((page["totalCount"], page["totalCountPrecision"], page["hiddenDeactivatedCount"]))
    assert told == [(1, "AT_LEAST", 1), (3, "AT_LEAST", 2), (4, "EXACT", 2), (4, "EXACT", 2)]
    assert len(people) == 4


async def test_more_keys_than_allowed_and_the_same_key_twice_are_refused(gateway: Gateway) -> None:
    keys = [{"field": "STATUS"}, {"field": "EMAIL"}, {"field": "LAST_NAME"}, {"field": "CREATED_AT"}]
    assert await refusal(gateway, "users", orderBy=keys) == ("BAD_USER_INPUT", ["orderBy"], 3)
    twice = [{"field": "STATUS"}, {"field": "STATUS", "direction": "DESC"}]
    assert await refusal(gateway, "users", orderBy=twice) == ("BAD_USER_INPUT", ["orderBy", "1", "field"], None)
    assert len(await names(gateway, "users", orderBy=keys[:3])) == 0
    assert len((await connection(gateway, "users", "nodes { id }", orderBy=[]))["nodes"]) == 1


@pytest.mark.parametrize("name", OF_THINGS)
async def test_things_are_sorted_by_name_or_otherwise(gateway: Gateway, staff: Staff, name: str) -> None:
    make = maker(staff, name)
    for number, called in enumerate(("Zulu", "élan", "Echo", "alpha", "Über", "Unten")):
        terms = {"type": list(LicenseType)[number % 2]} if name == "licenses" else {}
        await make(called, **terms)
    by_name = ["alpha", "Echo", "élan", "Über", "Unten", "Zulu"]
    made = {"filter": {"name": {"in": by_name}}}
    assert await names(gateway, name, **made) == by_name
    descending = [{"field": "NAME", "direction": "DESC"}]
    assert await names(gateway, name, **made, orderBy=descending) == by_name[::-1]
    if name == "licenses":
        by_type = [{"field": "TYPE", "direction": "DESC"}, {"field": "NAME"}]
        expected = ["alpha", "élan", "Unten", "Echo", "Über", "Zulu"]
    else:
        by_type = [{"field": "CREATED_AT"}]
        expected = ["Zulu", "élan", "Echo", "alpha", "Über", "Unten"]
    assert await names(gateway, name, **made, orderBy=by_type) == expected
    for order in (descending, by_type):
        ids = keys(await walked(gateway, name, 100, **made, orderBy=order))
        assert keys(await walked(gateway, name, 2, **made, orderBy=order)) == ids
        assert keys(await walked(gateway, name, 2, backward=True, **made, orderBy=order)) == ids


async def test_calls_that_began_at_once_are_told_apart_by_id(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    await staff.insert(
        CallRecord,
        *(
            {
                "id": uuid7(START),
                "external_id": f"call-{number}",
                "user_id": person.key,
                "direction": CallDirection.OUTBOUND,
                "started_at": START + timedelta(microseconds=number // 3),
            }
            for number in range(8)
        ),
    )
    whole = await walked(gateway, "callRecords", 100)
    assert len(whole) == 8
    assert keys(await walked(gateway, "callRecords", 2)) == keys(whole)
    assert keys(await walked(gateway, "callRecords", 3, backward=True)) == keys(whole)
    assert set(await names(gateway, "callRecords", first=2)) == {"call-6", "call-7"}


async def test_audit_events_are_walked_the_latest_first(gateway: Gateway, staff: Staff) -> None:
    await staff.hire(7, password=None)
    select = "nodes { id sequence }"
    events = (await connection(gateway, "auditEvents", select, first=100))["nodes"]
    numbers = [int(event["sequence"]) for event in events]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) >= 8
    for backward in (False, True):
        edges = await walked(gateway, "auditEvents", 3, backward=backward)
        assert keys(edges) == [event["id"] for event in events]
