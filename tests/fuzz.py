"""Requests that schemathesis makes up from the whole schema, each answered without a fault and every error with a code.

What it makes up is well formed and mostly meaningless: ids of nobody, pages of two billion. Much of it is therefore
refitted with ids that exist, of this organization and of another, pages that are taken and cursors of other lists.

`python -m tests.fuzz --cases 2000 --seed 1 --db sqlite` tells what came of a larger number, and ends with 1 if
anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import schemathesis
import structlog
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    introspection_from_schema,
    parse,
    print_ast,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from cli.check import violations
from models.user import UserRole
from tests.databases import empty
from tests.documents import KEYS, SCHEMA, is_one_of
from tests.gateway import Gateway
from tests.holdings import holdings_of

TEXTS = [
    "",
    " ",
    "a",
    "word",
    "Anna",
    "%",
    "_%",
    "\\",
    "'",
    '"',
    "é\u0301",
    "\u202e",
    "\ufeff",
    "ß" * 200,
    "x" * 201,
    "-1",
]
CALLERS = {"key": 12, "administrator": 4, "supervisor": 3, "agent": 1}  # how often each asks
AT_ONCE = 60  # documents made for one entry before the next has its turn


@dataclass(frozen=True)
class Case:
    """One request.

    Attributes:
        entry: The root field that it is about.
        caller: One of `CALLERS`.
    """

    entry: str
    document: str
    caller: str


@dataclass
class Tally:
    """What came of the cases.

    Attributes:
        faults: What was answered with 5xx or INTERNAL, by its document.
        uncoded: What was answered with an error that has no code.
        trespasses: What of another organization was shown or changed.
        broken: What always holds and did not, when all was done.
    """

    cases: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    uncoded: list[str] = field(default_factory=list)
    trespasses: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.faults or self.uncoded or self.trespasses or self.broken)

    def __str__(self) -> str:
        return f"cases {self.cases} 5xx {len(self.faults)} without a code {len(self.uncoded)}"


def made_up(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """So many documents with their entries, of every entry of the schema in turn; the same for the same seed."""
    moments = st.datetimes().map(lambda moment: nodes.String(f"{moment.isoformat()}Z"))
    schemathesis.graphql.scalar("DateTime", moments)
    schemathesis.graphql.scalar("Date", st.dates().map(lambda day: nodes.String(day.isoformat())))
    schema = schemathesis.graphql.from_dict(dict(introspection_from_schema(SCHEMA)))
    entries = [(each.label, each.as_strategy()) for each in map(_whole, schema.get_all_operations())]
    made, turn = 0, 0
    while made < count:
        for number, (entry, strategy) in enumerate(entries):
            wanted = min(AT_ONCE, (count - made) // (len(entries) - number))
            for document in _drawn(strategy, wanted, seed + turn):
                made += 1
                yield entry, document
        turn += 1


def _whole(operation: Any) -> Any:
    """What schemathesis makes of an entry, which must be usable."""
    return operation.ok()


def _drawn(strategy: st.SearchStrategy[Any], count: int, seed: int) -> list[str]:
    drawn: list[str] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(case: Any) -> None:
        drawn.append(case.body if isinstance(case.body, str) else case.body["query"])

    if count:
        draw()
    return drawn[:count]


@dataclass(frozen=True)
class Refit:
    """Puts values into documents that lead further than what was made up.

    Attributes:
        own: Ids by kind.
        foreign: Ids of another organization.
        cursors: Of several lists.
    """

    chance: random.Random
    own: Mapping[str, Sequence[str]]
    foreign: Sequence[str]
    cursors: Sequence[str]

    def document(self, text: str) -> str:
        """A document with other values in some of its places."""
        (operation,) = parse(text, no_location=True).definitions
        assert isinstance(operation, OperationDefinitionNode)
        root = SCHEMA.get_root_type(operation.operation)
        return print_ast(replace(operation, selection_set=self._selected(operation.selection_set, root)))

    def _selected(self, selected: SelectionSetNode, type: Any) -> SelectionSetNode:
        return replace(selected, selections=tuple(self._selection(each, type) for each in selected.selections))

    def _selection(self, selection: SelectionNode, type: Any) -> SelectionNode:
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            inside = SCHEMA.type_map[condition.name.value] if condition else type
            return replace(selection, selection_set=self._selected(selection.selection_set, inside))
        if not isinstance(selection, FieldNode) or selection.name.value not in getattr(type, "fields", ()):
            return selection
        definition = type.fields[selection.name.value]
        owner, inside = f"{type.name}.{selection.name.value}", get_named_type(definition.type)
        selected = selection.selection_set
        return replace(
            selection,
            arguments=tuple(self._arguments(selection, definition.args, owner)),
            selection_set=self._selected(selected, inside) if selected else None,
        )

    def _arguments(self, selection: FieldNode, taken: Mapping[str, Any], owner: str) -> Iterator[ArgumentNode]:
        one_end = self.chance.random() < 0.9
        left_out = self.chance.choice((("first", "after"), ("last", "before"))) if one_end else ()
        for argument in selection.arguments or ():
            name, value = argument.name.value, argument.value
            if name in left_out:
                continue
            if name in ("first", "last") and self.chance.random() < 0.8:
                value = IntValueNode(value=str(self.chance.randint(1, 5)))
            elif name in ("after", "before"):
                if self.chance.random() < 0.7:
                    continue
                if self.chance.random() < 0.7:
                    value = StringValueNode(value=self.chance.choice(self.cursors))
            else:
                value = self._value(value, taken[name].type, (f"{owner}({name})",))
            yield replace(argument, value=value)

    def _value(self, value: ValueNode, type: GraphQLInputType, owners: tuple[str, ...]) -> ValueNode:
        nullable = get_nullable_type(type)
        if isinstance(value, ListValueNode) and isinstance(nullable, GraphQLList):
            return replace(value, values=tuple(self._value(each, nullable.of_type, owners) for each in value.values))
        if isinstance(value, ObjectValueNode) and isinstance(nullable, GraphQLInputObjectType):
            return replace(value, fields=tuple(self._fields(value, nullable, owners)))
        if isinstance(value, StringValueNode):
            name = get_named_type(type).name
            if name == "ID" and self.chance.random() < 0.9:
                return StringValueNode(value=self._id(owners))
            if name == "String" and self.chance.random() < 0.4:
                return StringValueNode(value=self.chance.choice(TEXTS))
        return value

    def _fields(
        self, value: ObjectValueNode, type: GraphQLInputObjectType, owners: tuple[str, ...]
    ) -> Iterator[ObjectFieldNode]:
        given = [each for each in value.fields if not isinstance(each.value, NullValueNode)] or value.fields
        for each in (self.chance.choice(given),) if given and is_one_of(type) else value.fields:
            name = each.name.value
            yield replace(each, value=self._value(each.value, type.fields[name].type, (*owners, f"{type.name}.{name}")))

    def _id(self, owners: tuple[str, ...]) -> str:
        for owner in reversed(owners):
            if owner in KEYS["ids"]:
                kinds = KEYS["ids"][owner]
                break
        else:
            kinds = "every kind"
        kind = self.chance.choice(list(self.own) if kinds == "every kind" else kinds)
        roll = self.chance.random()
        if roll < 0.7:
            return self.chance.choice(self.own[kind])
        if roll < 0.85:
            return self.chance.choice(self.foreign)
        return self.chance.choice(self.own[self.chance.choice(list(self.own))])


CURSORS = """
{
  users(first: 1) { pageInfo { endCursor } }
  byMail: users(first: 1, orderBy: {field: EMAIL}) { pageInfo { endCursor } }
  teams(first: 1) { pageInfo { endCursor } }
  auditEvents(first: 1) { pageInfo { endCursor } }
  callRecords(first: 1) { pageInfo { endCursor } }
}
"""


@dataclass
class Target:
    """A gateway with two organizations: the first is attacked, the second must not notice.

    Attributes:
        own: Ids in the first, by kind.
        foreign: Ids in the second.
        tokens: Of each caller, as long as they are good.
    """

    gateway: Gateway
    own: dict[str, list[str]]
    foreign: list[str]
    cursors: list[str]
    tokens: dict[str, str]
    enter: dict[str, Callable[[], Any]]

    @classmethod
    async def on(cls, gateway: Gateway) -> Target:
        """Fill both organizations."""
        staff = gateway.staff
        held = await holdings_of(gateway, staff, gateway.token)
        own = {kind: [key] for kind, key in held.ids.items()}
        for _ in range(3):
            team, queue = await staff.team(), await staff.queue()
            group = await staff.skill_group(queues=[queue])
            site, profile, desktop = await staff.site(), await staff.profile(), await staff.desktop_profile()
            people = await staff.hire(8, teams=[team], queues=[queue], skill_groups=[group], site=site)
            for thing in (team, queue, group, site, profile, desktop, *people):
                own[thing.type_name].append(thing.id)
            for person in people[:2]:
                await staff.call(person, team=team, queue=queue, seconds=60)
        other = await gateway.other()
        await other.hire(roles=[UserRole.FULL_ADMINISTRATOR])
        theirs = await gateway.key("theirs", organization_id=other.organization_id)
        foreign = (await holdings_of(gateway, other, theirs)).ids
        found = await gateway.ask(CURSORS)
        cursors = [each["pageInfo"]["endCursor"] for each in found.values()]
        enter = {
            "administrator": await _person(gateway, UserRole.FULL_ADMINISTRATOR),
            "supervisor": await _person(gateway, UserRole.SUPERVISOR),
            "agent": await _person(gateway, UserRole.AGENT),
        }
        target = cls(gateway, own, list(foreign.values()), cursors, {"key": gateway.token}, enter)
        await target.let_in()
        return target

    async def let_in(self) -> None:
        """Sign everybody in whose session has ended, as somebody new; what was guessed before counts against nobody."""
        for name, enter in self.enter.items():
            if name not in self.tokens:
                await self.gateway.execute("DELETE FROM sign_in_failures")
                self.tokens[name] = await enter()

    async def rows_of_the_other(self) -> dict[str, list[Any]]:
        """Everything that the second organization has, its key's last use aside."""
        kept: dict[str, list[Any]] = {}
        first = self.gateway.key_parameter(self.gateway.organization_id)
        for table in await _tables(self.gateway):
            rows = await self.gateway.rows(f"SELECT * FROM {table} WHERE organization_id <> :first", first=first)
            kept[table] = sorted(map(repr, rows))
        return kept


async def _person(gateway: Gateway, role: UserRole) -> Callable[[], Any]:
    team = await gateway.staff.team()

    async def enter() -> str:
        return await gateway.sign_in(await gateway.staff.hire(roles=[role], teams=[team]))

    return enter


async def _tables(gateway: Gateway) -> list[str]:
    from sqlalchemy import inspect

    def named(connection: Any) -> list[str]:
        looking = inspect(connection)
        return [
            table
            for table in looking.get_table_names()
            if table != "api_keys" and any(one["name"] == "organization_id" for one in looking.get_columns(table))
        ]

    async with gateway.database.reading() as connection:
        return await connection.run_sync(named)


async def fuzzed(gateway: Gateway, count: int, seed: int) -> Tally:
    """Send so many cases, one after another, and look at what is left."""
    target = await Target.on(gateway)
    before = await target.rows_of_the_other()
    tally = Tally()
    chance = random.Random(seed)
    refit = Refit(chance, target.own, target.foreign, target.cursors)
    documents = list(made_up(count, seed))
    chance.shuffle(documents)
    callers, weights = list(CALLERS), list(CALLERS.values())
    for entry, made in documents:
        document = refit.document(made) if chance.random() < 0.9 else made
        await _send(target, Case(entry, document, chance.choices(callers, weights)[0]), tally)
    after = await target.rows_of_the_other()
    tally.trespasses += [
        f"rows of {table} in the other organization" for table in before if before[table] != after[table]
    ]
    tally.broken += [f"{each.name}: {each.what}" for each in await violations(gateway.database)]
    return tally


async def _send(target: Target, case: Case, tally: Tally) -> None:
    await target.let_in()
    answer = await target.gateway.run(case.document, token=target.tokens[case.caller])
    told = f"{case.caller} asks {case.entry}: {case.document}"
    tally.cases += 1
    tally.codes.update(answer.codes if all("code" in each["extensions"] for each in answer.errors) else ())
    if answer.status >= 500 or "INTERNAL" in str(answer.errors):
        tally.faults.append(f"{answer.status} {answer.errors} {told}")
    if any(not each.get("extensions", {}).get("code") or not each.get("message") for each in answer.errors):
        tally.uncoded.append(f"{answer.errors} {told}")
    if not answer.errors and any(key in str(answer.data) for key in target.foreign):
        tally.trespasses.append(told)
    if "UNAUTHENTICATED" in answer.codes:
        assert case.caller != "key", told
        del target.tokens[case.caller]


async def _main(count: int, seed: int, url: str) -> Tally:
    gateway = await Gateway.open(url)
    try:
        return await fuzzed(gateway, count, seed)
    finally:
        await gateway.close()


def main() -> None:
    """Fuzz from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    terms = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with empty(terms.db) as url:
        tally = asyncio.run(_main(terms.cases, terms.seed, url))
    for wrong in (*tally.faults, *tally.uncoded, *tally.trespasses, *tally.broken):
        print(wrong)
    print(", ".join(f"{code} {times}" for code, times in tally.codes.most_common()))
    print(tally)
    sys.exit(0 if tally.clean else 1)


if __name__ == "__main__":
    main()
