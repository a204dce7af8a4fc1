"""What a page of people costs in a large organization, counted and not timed: steps of SQLite, blocks of PostgreSQL.

`python -m tests.work --db sqlite` seeds 100,000 people and tells what pages of 100 take, the first one and page 1,000:
of questions with `contains` or `not`, and of all that take more than the rule allows; it ends with 1 if there are any.
With `--url` it asks a database that was seeded before, a copy best: it gets a key, and who is at work there stays.
The questions follow from the schema: each order in both directions, each condition of `UserFilterInput`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
)
from sqlalchemy import event

from cli.seeding.large import seed
from cli.seeding.plan import Order
from gql.ids import global_id
from gql.schema import print_schema
from models.storage import EPOCH, MICROSECOND
from tests.databases import empty
from tests.gateway import Gateway

USERS, PAGE = 100_000, 100  # people, and those in a page, unless others are asked for
DEEP = 1_000  # the number of the page that is compared with the first one
LEAST = 100  # below which nothing is compared: a page of nobody takes next to nothing
STEPS_AT_ONCE = 50  # of SQLite, between two calls of the handler that counts

# What a caller who lists people asks for; everything but this list's own statement is left out of the count.
USERS_PAGE = """
query Page($filter: UserFilterInput, $orderBy: [UserOrderInput!], $after: String, $all: Boolean!, $first: Int!) {
  users(first: $first, after: $after, filter: $filter, orderBy: $orderBy, includeDeactivated: $all) {
    edges { cursor }
  }
}
"""


@dataclass(frozen=True)
class Question:
    """A list of people that is asked for.

    Attributes:
        listed: Why its work is told and not held to the rule: it holds `contains` or `not`; None for the others.
    """

    name: str
    filter: Mapping[str, Any] | None = None
    order: Sequence[Mapping[str, str]] | None = None
    all: bool = False
    listed: bool = False


@dataclass(frozen=True)
class Work:
    """What a question took.

    Attributes:
        page: How many people are in a page.
        first, deep: Of the first page, and of page 1,000; of the last page where there are fewer; None where
            there is one page only.
        rows: How many match, up to the end of page 1,000.
    """

    question: Question
    page: int
    first: int
    deep: int | None
    rows: int

    @property
    def within(self) -> bool:
        """Whether it keeps the rule."""
        return self.first <= 200 * self.page + 5_000 and (self.deep is None or self.deep <= 2 * max(self.first, LEAST))

    def __str__(self) -> str:
        matching = f"{self.rows:,}" + ("+" if self.rows == self.page * DEEP else "")
        later = "" if self.deep is None else f", later {self.deep:,}"
        return f"{self.question.name}: {matching} people, first page {self.first:,}{later}"


class Samples:
    """Values that conditions are given: those of things and people in the middle of the organization."""

    def __init__(self, things: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> None:
        self._things, self._texts = things, texts

    def of(self, schema: GraphQLSchema, name: str, type_: GraphQLInputType) -> Iterator[tuple[str, Any]]:
        """The conditions that a field of the filter can have, each with its name.

        Raises:
            KeyError: There is no sample for a field: add one.
        """
        kind = get_nullable_type(type_)
        if not isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}{_shown(value)}", {name: value}) for value in self._plain(name, kind))
            return
        for condition, field in kind.fields.items():
            nullable = get_nullable_type(field.type)
            values = self._plain(name, get_named_type(field.type))
            if isinstance(nullable, GraphQLList):
                values = [values[:2]] if condition == "in" else [values[:1]]
            elif not isinstance(get_named_type(field.type), GraphQLEnumType) and values != [True, False]:
                values = values[:1]
            for value in values:
                if condition == "contains":
                    value = max(value.split(), key=len)[-4:]
                elif condition == "startsWith":
                    value = value[:-2]  # nobody looks for the first letter of all numbers
                yield f"{name}.{condition}{_shown(value)}", {name: {condition: value}}

    def _plain(self, name: str, kind: Any) -> list[Any]:
        if isinstance(kind, GraphQLEnumType):
            return list(kind.values)
        if kind.name == "Boolean":
            return [True, False]
        if kind.name == "DateTime":
            return [self._texts[name][0]] if name in self._texts else [MIDDLE[name]]
        return list((self._things if kind.name == "ID" else self._texts)[name])


# Moments that half of those who have one at all lie before.
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = {
    "activatedAt": (NOW - timedelta(days=600)).isoformat(),
    "lastSignInAt": (NOW - timedelta(days=4)).isoformat(),
    "lastActiveBefore": (NOW - timedelta(days=4)).isoformat(),
    "createdAt": (NOW - timedelta(days=600)).isoformat(),
    "updatedAt": (NOW - timedelta(days=600)).isoformat(),
    "deactivatedAt": (NOW - timedelta(days=30)).isoformat(),
}


def _shown(value: Any) -> str:
    """A value of a closed set, for the name of its question."""
    if isinstance(value, bool):
        return f" {str(value).lower()}"
    return f" {value}" if isinstance(value, str) and value.isupper() and value.replace("_", "").isalpha() else ""


class Large:
    """A large organization behind a gateway, whose questions are counted."""

    def __init__(self, gateway: Gateway, organization_id: UUID, page: int) -> None:
        self.gateway, self.page, self._organization_id = gateway, page, organization_id
        self._sent: list[tuple[str, Any]] | None = None
        self.token = ""
        self._sqlite: sqlite3.Connection | None = None
        if (path := gateway.database.path) is not None:
            self._sqlite = sqlite3.connect(path)
            self._sqlite.execute("PRAGMA mmap_size = 2000000000")
        for engine in gateway.database.engines:
            event.listen(engine.sync_engine, "before_cursor_execute", self._see)

    @classmethod
    async def make(cls, url: str, users: int = USERS, page: int = PAGE) -> Large:
        """Seed an empty, migrated database."""
        gateway = await Gateway.over(url)
        await seed(gateway.database, Order(users, 1, "Seed 1", NOW.date()))
        if not gateway.database.is_sqlite:
            async with gateway.database.reading() as connection:
                await connection.exec_driver_sql("VACUUM (ANALYZE)")
        return await cls.of(gateway, page)

    @classmethod
    async def of(cls, gateway: Gateway, page: int = PAGE) -> Large:
        """The largest organization of a seeded database. Who is at work there stays at work, whatever the time is."""
        largest = "SELECT organization_id FROM users GROUP BY organization_id ORDER BY count(*) DESC LIMIT 1"
        organization_id = gateway.key_of(await gateway.scalar(largest))
        later = datetime(2999, 1, 1, tzinfo=UTC)
        await gateway.execute(
            "UPDATE sessions SET last_active_at = :later, expires_at = :later WHERE ended_at IS NULL",
            later=(later - EPOCH) // MICROSECOND if gateway.database.is_sqlite else later,
        )
        large = cls(gateway, organization_id, page)
        large.token = await gateway.key(f"work {uuid4()}", organization_id=organization_id)
        await gateway.run("{ viewer { kind } }", token=large.token)  # a first request writes the last use of the key
        return large

    async def close(self) -> None:
        """Let the database go."""
        if self._sqlite is not None:
            self._sqlite.close()
        await self.gateway.close()

    async def questions(self) -> list[Question]:
        """Every order and every condition that the schema has."""
        schema = build_schema(print_schema())
        samples, found = await self._samples(), []
        (by,) = (schema.type_map[name] for name in ("UserOrderField",))
        assert isinstance(by, GraphQLEnumType)
        for field in by.values:
            for direction in ("ASC", "DESC"):
                for all in (False, True):
                    name = f"order by {field} {direction}" + (", the deactivated too" if all else "")
                    found.append(Question(name, order=[{"field": field, "direction": direction}], all=all))
        kind = schema.type_map["UserFilterInput"]
        assert isinstance(kind, GraphQLInputObjectType)
        pairs = [*samples.of(schema, "site", kind.fields["site"].type)][:1] * 2
        pairs[1] = next(iter(samples.of(schema, "contactCenterEnabled", kind.fields["contactCenterEnabled"].type)))
        for name, field in kind.fields.items():
            if name in ("and", "or"):
                found.append(Question(f"{name}: two conditions", {name: [each for _, each in pairs]}))
            elif name == "not":
                found.append(Question("not: site", {"not": pairs[0][1]}, listed=True))
            else:
                for shown, condition in samples.of(schema, name, field.type):
                    listed = isinstance(condition[name], dict) and "contains" in condition[name]
                    found.append(Question(shown, condition, listed=listed))
        return found

    async def _samples(self) -> Samples:
        own = self.gateway.key_parameter(self._organization_id)

        async def keys(kind: str, table: str) -> list[str]:
            sql = f"SELECT id FROM {table} WHERE organization_id = :own ORDER BY name_key, id LIMIT 2 OFFSET 1"
            rows = await self.gateway.rows(sql, own=own)
            return [self._id(kind, row.id) for row in rows]

        middle = """
            SELECT * FROM users WHERE organization_id = :own AND agent_number IS NOT NULL AND length(last_name) >= 4
            ORDER BY id
        """
        users = await self.gateway.scalar("SELECT count(*) FROM users WHERE organization_id = :own", own=own)
        people = await self.gateway.rows(f"{middle} LIMIT 2 OFFSET {users // 3}", own=own)
        return Samples(
            {
                "id": [self._id("User", row.id) for row in people],
                "team": await keys("Team", "teams"),
                "queue": await keys("Queue", "queues"),
                "skillGroup": await keys("SkillGroup", "skill_groups"),
                "license": await keys("License", "licenses"),
                "site": await keys("Site", "sites"),
                "profile": await keys("UserProfile", "user_profiles"),
                "desktopProfile": (await self._desktop(own)) * 2,
            },
            {
                "email": [row.email for row in people],
                "displayName": [row.display_name for row in people],
                "externalId": [row.external_id for row in people],
                "agentNumber": [row.agent_number for row in people],
            },
        )

    async def _desktop(self, own: Any) -> list[str]:
        rows = await self.gateway.rows("SELECT id FROM desktop_profiles WHERE organization_id = :own", own=own)
        return [self._id("DesktopProfile", row.id) for row in rows]

    def _id(self, kind: str, key: Any) -> str:
        return global_id(kind, self.gateway.key_of(key))

    def _see(self, _connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        if self._sent is not None:
            self._sent.append((sql, tuple(parameters)))

    @contextmanager
    def _listening(self) -> Iterator[list[tuple[str, Any]]]:
        self._sent = []
        try:
            yield self._sent
        finally:
            self._sent = None

    async def work(self, question: Question) -> Work:
        """What the first page of a list takes, and page 1,000, or the last one where there are fewer."""
        cursors, sql, parameters = await self._page(question, None)
        first = await self._counted(sql, parameters)
        if len(cursors) < self.page:
            return Work(question, self.page, first, None, len(cursors))
        start, rows = await self._deep(sql, parameters)
        if start is None:
            return Work(question, self.page, first, None, rows)
        alone = {"id": {"eq": self._id("User", start)}}
        status = {"status": {"in": ["ACTIVE", "DEACTIVATED"]}}
        variables = {"filter": {**alone, **status}, "orderBy": question.order, "all": True, "first": 1, "after": None}
        asked = await self.gateway.ask(USERS_PAGE, variables, token=self.token)
        _, sql, parameters = await self._page(question, asked["users"]["edges"][0]["cursor"])
        return Work(question, self.page, first, await self._counted(sql, parameters), rows)

    async def _page(self, question: Question, after: str | None) -> tuple[list[str], str, Any]:
        """The cursors of a page, and the statement that found it."""
        variables = {
            "filter": question.filter,
            "orderBy": question.order,
            "all": question.all,
            "first": self.page,
            "after": after,
        }
        with self._listening() as sent:
            asked = await self.gateway.ask(USERS_PAGE, variables, token=self.token)
        (statement,) = [each for each in sent if self.page + 1 in each[1]]
        return [edge["cursor"] for edge in asked["users"]["edges"]], *statement

    async def _deep(self, sql: str, parameters: Any) -> tuple[Any, int]:
        """The key of the person before page 1,000, or before the last page; and how many there are so far."""
        many = tuple(self.page * DEEP if value == self.page + 1 else value for value in parameters)
        found = await self._rows(f"SELECT id FROM ({sql}) AS page", many)
        start = (len(found) - 1) // self.page * self.page
        return (found[start - 1][0] if start > 0 else None), len(found)

    async def _rows(self, sql: str, parameters: Any) -> list[Any]:
        if self._sqlite is not None:
            return self._sqlite.execute(sql, parameters).fetchall()
        async with self.gateway.database.reading() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            return list(await driver.fetch(sql, *parameters))

    async def _counted(self, sql: str, parameters: Any) -> int:
        if self._sqlite is None:
            explained = await self._rows(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", parameters)
            told = explained[0][0]  # a codec of the pool may have read it already
            plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
            return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        calls = 0

        def call() -> int:
            nonlocal calls
            calls += 1
            return 0

        self._sqlite.set_progress_handler(call, STEPS_AT_ONCE)
        self._sqlite.execute(sql, parameters).fetchall()
        self._sqlite.set_progress_handler(None, 0)
        return calls * STEPS_AT_ONCE


async def told(large: Large) -> list[Work]:
    """What all questions take."""
    return [await large.work(question) for question in await large.questions()]


async def _main(url: str, seeded: bool, users: int, page: int) -> list[Work]:
    large = await (Large.of(await Gateway.over(url), page) if seeded else Large.make(url, users, page))
    try:
        return await told(large)
    finally:
        await large.close()


def main() -> None:
    """Count from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.work", description=__doc__)
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--page", type=int, default=PAGE)
    parser.add_argument("--url", help="of a seeded database; --db and --users are not needed then")
    terms = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if terms.url is None:
        with empty(terms.db) as url:
            works = asyncio.run(_main(url, False, terms.users, terms.page))
    else:
        works = asyncio.run(_main(terms.url, True, terms.users, terms.page))
    over = [work for work in works if not work.within and not work.question.listed]
    print("Listed, because everybody must be looked at:")
    for work in works:
        if work.question.listed:
            print(f"  {work}")
    if over:
        print("Over what the rule allows:")
    for work in over:
        print(f"  {work}")
    print(f"questions {len(works)} over {len(over)}")
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main()
