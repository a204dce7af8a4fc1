"""Every field of the schema asked for by every caller, and compared with what `visibility.toml` says of it.

A cell is a field and a caller, or one more question about a field that is held back. What a caller is shown must be the
same as for a key with every permission, a list at most as long; and whatever is shown that has an id must be found by
that id too, so that there is no second way to what is hidden.

`python -m tests.cells --db sqlite` walks them all, names those that differ, and ends with 1 if there are any.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_introspection_type,
    is_leaf_type,
    is_required_argument,
)

from gql.ids import global_id
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from tests.changes import bulk
from tests.databases import empty
from tests.documents import ROOTS, SCHEMA
from tests.gateway import Gateway
from tests.people import Thing

TABLES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "visibility.toml").read_text("utf-8"))
CALLERS: list[str] = TABLES["callers"]
ANONYMOUS, EVERYTHING = "anonymous", "whole_key"
ROLES = {role.name.lower(): [role] for role in UserRole} | {"nobody": []}
KEYS = {"reader": ["USERS_READ"], "auditor": ["AUDIT_READ"], "whole_key": None, "bare_key": []}
OPEN_RULES = {"with_the_object", "callers_own", "an_entry"}
OPEN_TO_ALL = {"Mutation.signIn", "SignInPayload"}
AT_ONCE = 20  # questions in one document

PLACES: dict[str, str] = {name: at for shown in TABLES["shown"].values() for name, at in shown.items()}
SHOWN: dict[str, list[str]] = {
    name: TABLES["audiences"][audience] for audience, shown in TABLES["shown"].items() for name in shown
}


def rules() -> Iterator[tuple[str, str]]:
    """Every field in the table with its rule."""
    for type_name, ruled in TABLES["fields"].items():
        for rule, names in ruled.items():
            for name in names:
                yield f"{type_name}.{name}", rule


def fields_of_the_schema() -> list[str]:
    """Every field of every object and interface; those of introspection are not ours."""
    return [f"{type.name}.{name}" for type in composite_types() for name in type.fields]


def composite_types() -> list[GraphQLObjectType | GraphQLInterfaceType]:
    """Every type that has fields."""
    return [
        type
        for type in SCHEMA.type_map.values()
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(type)
    ]


@dataclass(frozen=True)
class Question:
    """Something to ask of every caller.

    Attributes:
        what: Of which fields, or how it is called.
        asked: A root field with its selection.
        at: The way to what is looked at, by response keys.
    """

    what: str
    asked: str
    at: tuple[str, ...]
    changes: bool = False

    @property
    def variables(self) -> set[str]:
        """Names of the variables that it uses."""
        return set(re.findall(r"\$(\w+)", self.asked))


@dataclass(frozen=True)
class Reply:
    """What a question was answered with.

    Attributes:
        codes: Of the errors below its root field.
    """

    codes: tuple[str, ...]
    data: Any

    def at(self, path: Sequence[str]) -> Any:
        """What stands at a place; None where there is none. Of a list the first, unless a number says which."""
        value = self.data
        for name in path:
            if isinstance(value, list):
                index = int(name) if name.isdecimal() else 0
                value = value[index] if index < len(value) else None
                if name.isdecimal():
                    continue
            value = value.get(name) if isinstance(value, dict) else None
        return value


@dataclass
class Walk:
    """What was compared.

    Attributes:
        differing: What was found and expected, by cell.
        seen: Fields of which the key with every permission was shown a value.
    """

    cells: int = 0
    differing: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def cell(self, what: str, caller: str, found: Any, expected: Any) -> None:
        """Compare one."""
        self.cells += 1
        if found != expected:
            self.differing[f"{what}: {caller}"] = (found, expected)

    def __str__(self) -> str:
        return f"cells {self.cells} differing {len(self.differing)}"


@dataclass(frozen=True)
class Scene:
    """People of three teams, what they did, and everybody who looks at it.

    Attributes:
        given: Ids by the names of the variables in the table.
        tokens: Of each caller.
    """

    gateway: Gateway
    given: Mapping[str, str]
    tokens: Mapping[str, str | None]

    async def replies(self, questions: Sequence[Question], caller: str) -> dict[str, Reply]:
        """What a caller is answered, by question; many are asked at once, changes one by one."""
        found: dict[str, Reply] = {}
        reading = [question for question in questions if not question.changes]
        for start in range(0, len(reading), AT_ONCE):
            found |= await self._ask(reading[start : start + AT_ONCE], caller, "query")
        for question in questions:
            if question.changes:
                found |= await self._ask([question], caller, "mutation")
        return found

    async def _ask(self, questions: Sequence[Question], caller: str, kind: str) -> dict[str, Reply]:
        names = sorted(set().union(*(question.variables for question in questions)))
        types = {"since": "DateTime!", "until": "DateTime!"}
        declared = ", ".join(f"${name}: {types.get(name, 'ID!')}" for name in names)
        declared = f"({declared})" if declared else ""
        asked = " ".join(f"q{number}: {question.asked}" for number, question in enumerate(questions))
        answer = await self.gateway.run(
            f"{kind} Walk{declared} {{ {asked} }}",
            {name: self.given[name] for name in names},
            token=self.tokens[caller],
        )
        assert answer.data is not None or answer.codes, answer
        replies = {}
        for number, question in enumerate(questions):
            alias = f"q{number}"
            codes = [error["extensions"]["code"] for error in answer.errors if error.get("path", [alias])[0] == alias]
            replies[question.what] = Reply(tuple(sorted(set(codes))), (answer.data or {}).get(alias))
        return replies


async def scene_of(gateway: Gateway) -> Scene:
    """Fill a gateway's organization."""
    settings = gateway.shared.settings
    patient = settings.graphql.model_copy(update={"query_timeout_s": 600})  # many questions at once, and a busy machine
    gateway.shared.settings = settings.model_copy(update={"graphql": patient})
    gateway.shared.limits = replace(
        gateway.shared.limits,
        **dict.fromkeys(("max_tokens", "max_document_characters", "max_aliases", "max_cost"), 1_000_000),
    )
    staff = gateway.staff
    queue, quiet, alone = [await staff.queue() for _ in range(3)]
    site, skill_group = await staff.site(), await staff.skill_group(queues=[quiet])
    profile, desktop_profile = await staff.profile(), await staff.desktop_profile()
    north, south = await staff.team("North", site=site, queues=[quiet]), await staff.team("South")
    below = await staff.team("Below", parent=north)
    colleague = await staff.hire(
        teams=[north], queues=[queue, quiet, alone], licenses=[LicenseType.STANDARD_AGENT], site=site
    )
    stranger = await staff.hire(teams=[south], queues=[queue], skill_groups=[skill_group])
    await staff.hire(teams=[below], skill_groups=[skill_group])
    blocked = await staff.hire(teams=[north], queues=[queue], blocked=True)
    gone = await staff.hire(teams=[north], skill_groups=[skill_group], status=UserStatus.DEACTIVATED)
    for table in ("deactivations", "sign_in_blocks"):
        await gateway.execute(f"UPDATE {table} SET note = 'between us'")
    for table in ("teams", "queues", "skill_groups", "sites", "user_profiles", "desktop_profiles"):
        await gateway.execute(f"UPDATE {table} SET description = 'in words'")
    for column in ("nickname", "extension", "work_phone", "mobile_phone", "locale", "time_zone"):
        await gateway.execute(f"UPDATE users SET {column} = 'said'")
    await gateway.execute("UPDATE presences SET reason_code = 'lunch'")
    await gateway.key("idle")
    await gateway.execute("UPDATE api_keys SET last_used_at = created_at")
    await gateway.execute("UPDATE license_pools SET seats = 99")
    calls = [await staff.call(colleague, team=team, queue=queue, seconds=60) for team in (north, south)]
    of_north = await staff.call(stranger, team=north, seconds=60)
    await gateway.sign_in(colleague)
    tokens: dict[str, str | None] = {ANONYMOUS: None}
    callers: dict[str, str] = {}
    for name, roles in ROLES.items():
        person = await staff.hire(
            roles=roles,
            teams=[north] if name in ("supervisor", "agent") else [],
            licenses=[LicenseType.STANDARD_AGENT] if roles else [],
        )
        await staff.call(person, seconds=60)
        tokens[name] = await gateway.sign_in(person)
        callers[name] = person.id
    for name, permissions in KEYS.items():
        tokens[name] = gateway.token if permissions is None else await gateway.key(name, permissions)
    moved = await staff.hire(teams=[north])
    await gateway.sign_in(moved)
    supervised = await bulk(gateway, "signOutUsers", [moved], token=tokens["supervisor"])
    await bulk(gateway, "assignTeams", [moved], teams={"set": [south.id]}, note="as agreed")
    thin = await staff.queue(minimum_agents=1)
    done = await bulk(gateway, "deactivateUsers", [await staff.hire(queues=[thin])], note="as agreed")
    licenses = [(await staff.built_in_license(type)).id for type in LicenseType]
    warned = await gateway.ask(
        'mutation ($licenses: [ID!]!) { addUsers(input: {users: [{email: "-", licenseIds: $licenses}]}) '
        "{ operation { id } } }",
        {"licenses": licenses},
    )
    found = await gateway.ask(
        """
        query Ids($colleague: ID!, $moved: ID!, $operation: ID!) {
          viewer { actor { ... on ApiKey { id } } organization { id } }
          apiKeys(first: 100) { nodes { id name } }
          user(by: {id: $colleague}) {
            effectiveLicense { id } licenseGrants { id } sessions { nodes { id } }
          }
          moved: user(by: {id: $moved}) { auditEvents { nodes { id action } } }
          bulkOperation(id: $operation) { items { nodes { id } } }
        }
        """,
        {"colleague": colleague.id, "moved": moved.id, "operation": done.operation["id"]},
    )
    (session,) = (each["id"] for each in found["user"]["sessions"]["nodes"])
    events = {event["action"]: event["id"] for event in found["moved"]["auditEvents"]["nodes"]}
    (idle,) = (each["id"] for each in found["apiKeys"]["nodes"] if each["name"] == "idle")
    things: Sequence[Thing] = (colleague, north, quiet, skill_group, site, calls[0], profile, desktop_profile)
    given = {thing.type_name: thing.id for thing in things} | {
        "Session": session,
        "ApiKey": idle,
        "Organization": found["viewer"]["organization"]["id"],
        "License": found["user"]["effectiveLicense"]["id"],
        "LicenseGrant": found["user"]["licenseGrants"][0]["id"],
        "grant": found["user"]["licenseGrants"][0]["id"],
        "AuditEvent": events["ASSIGNED"],
        "BulkOperation": done.operation["id"],
        "BulkOperationItem": found["bulkOperation"]["items"]["nodes"][0]["id"],
        "since": (utc_now() - timedelta(days=1)).isoformat(),
        "until": (utc_now() + timedelta(days=1)).isoformat(),
        "colleague": colleague.id,
        "blocked": blocked.id,
        "gone": gone.id,
        "call": of_north.id,
        "stranger": stranger.id,
        "supervisor": callers["supervisor"],
        "session": session,
        "north": north.id,
        "south": south.id,
        "queue": queue.id,
        "skillGroup": skill_group.id,
        "operation": done.operation["id"],
        "supervised": supervised.operation["id"],
        "warned": warned["addUsers"]["operation"]["id"],
        "alone": alone.id,
        "unknown": global_id("User", uuid7()),
        "event": events["SIGNED_OUT"],
        "wholeKey": found["viewer"]["actor"]["id"],
    }
    return Scene(gateway, given, tokens)


def place(type_name: str) -> tuple[str, tuple[str, ...]]:
    """Where an object of a type is found: a root field with `…` for the object's own fields, and the way there."""
    told = PLACES[type_name]
    if told == "by id":
        return f"node(id: ${type_name}) {{ ... on {type_name} {{ … }} }}", ("node",)
    start, *steps = re.split(r"\.(?![^(]*\))", told)
    asked, way = ("…", ()) if start in ROOTS else place(start)
    type = SCHEMA.type_map[start]
    for step in steps:
        if step in SCHEMA.type_map:  # one of the types that are possible here
            type = SCHEMA.type_map[step]
            asked = asked.replace("…", f"... on {step} {{ … }}")
            continue
        name = step.partition("(")[0]
        assert isinstance(type, GraphQLObjectType | GraphQLInterfaceType), told
        type = get_named_type(type.fields[name].type)
        asked, way = asked.replace("…", f"{step} {{ … }}"), (*way, name)
    return (asked if type.name == type_name else asked.replace("…", f"... on {type_name} {{ … }}")), way


def shallow(type_name: str, depth: int = 2) -> str:
    """What tells one object from another, and what is in it if it is a list or an item of one."""
    type = SCHEMA.type_map[type_name]
    if not isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    parts = ["__typename"]
    if "id" in type.fields:
        parts.append("id")
    elif isinstance(type, GraphQLInterfaceType):
        parts.append("... on Node { id }")
    for name in ("nodes", "node"):
        if name in type.fields and depth:
            parts.append(f"{name} {shallow(get_named_type(type.fields[name].type).name, depth - 1)}")
    return f"{{ {' '.join(parts)} }}"


def own_fields(type: GraphQLObjectType | GraphQLInterfaceType) -> str:
    """All fields of an object, each with what tells its value from another."""
    parts = []
    for name, definition in type.fields.items():
        required = [one for one, argument in definition.args.items() if is_required_argument(argument)]
        arguments = TABLES.get("arguments", {}).get(f"{type.name}.{name}", "")
        assert bool(required) == bool(arguments), f"{type.name}.{name} takes arguments that visibility.toml has not"
        named = get_named_type(definition.type)
        parts.append(f"{name}{arguments} {'' if is_leaf_type(named) else shallow(named.name)}".strip())
    return " ".join(parts)


def objects() -> list[Question]:
    """For each type one object with all its fields."""
    found = []
    for name in PLACES:
        type = SCHEMA.type_map[name]
        assert isinstance(type, GraphQLObjectType | GraphQLInterfaceType)
        asked, way = place(name)
        first = re.match(r"\w+", asked)
        mutation = SCHEMA.mutation_type
        changes = mutation is not None and first is not None and first[0] in mutation.fields
        found.append(Question(name, asked.replace("…", own_fields(type)), way[1:], changes))
    return sorted(found, key=lambda question: question.what == "SignOutPayload")  # it ends the session that asks


def entries() -> Iterator[tuple[Question, list[str]]]:
    """Every entry that reads, and who may use it."""
    query = SCHEMA.type_map["Query"]
    assert isinstance(query, GraphQLObjectType)
    for audience, calls in TABLES["entries"].items():
        for call in calls:
            name = call.partition("(")[0]
            selected = shallow(get_named_type(query.fields[name].type).name, 0)
            yield Question(f"Query.{name}", f"{call} {selected}", ()), TABLES["audiences"][audience]


def probes() -> Iterator[tuple[Question, Mapping[str, Any]]]:
    """What else is asked about fields that are held back, and what becomes of it for each caller."""
    for probe in TABLES["probe"]:
        asked, changes = probe["document"], probe["document"].startswith("mutation ")
        what = f"{', '.join(probe['fields'])} {probe.get('what', '')}".strip()
        path = tuple(probe["at"].split("."))[1:]
        yield Question(what, asked.removeprefix("mutation "), path, changes), probe["expected"]


async def walked(scene: Scene) -> Walk:
    """Ask everything of everybody."""
    walk = Walk()
    rule_of = dict(rules())
    for name in fields_of_the_schema():
        if name not in rule_of:
            walk.cell(name, "a rule", "missing", "there")
    for type in composite_types():
        if type.name not in PLACES and type.name not in ROOTS:
            walk.cell(type.name, "a place", "missing", "there")
    things, doors, held = objects(), list(entries()), list(probes())
    for changing in (False, True):  # first what is read, by everybody
        some = [question for question in things if question.changes is changing]
        asked = [question for question, _ in (*doors, *held) if question.changes is changing]
        truth: dict[str, Reply] = {}
        for caller in (EVERYTHING, *(one for one in (*CALLERS, ANONYMOUS) if one != EVERYTHING)):
            replies = await scene.replies(asked, caller)
            for question, audience in doors:
                if question.what in replies:
                    _door(walk, question.what, caller, replies[question.what], audience)
            for question, expected in held:
                if question.what in replies:
                    found = outcome(replies[question.what], question.at)
                    walk.cell(question.what, caller, found, expected.get(caller, "UNAUTHENTICATED"))
            replies = await scene.replies(some, caller)
            truth = truth or replies
            for question in some:
                _object(walk, question, caller, replies[question.what], truth[question.what], rule_of)
            if not changing:
                await _ways(walk, scene, caller, replies)
    walk.cell(
        "fields whose value was never seen",
        EVERYTHING,
        sorted(never_seen(walk)),
        sorted(TABLES["never_seen"]["fields"]),
    )
    return walk


def never_seen(walk: Walk) -> list[str]:
    """Fields that are null or empty in the scene even for who sees everything: a difference would not be noticed."""
    return [
        f"{type.name}.{name}"
        for type in composite_types()
        if type.name not in ROOTS and not type.name.endswith("Payload")
        for name in type.fields
        if f"{type.name}.{name}" not in walk.seen
    ]


def outcome(reply: Reply, at: Sequence[str]) -> str | int:
    """What became of a field at a place, in a word or its number."""
    if reply.codes:
        return ", ".join(reply.codes)
    value, above, last = reply.at(at), reply.at(at[:-1]), at[-1] if at else ""
    if isinstance(above, list) and not last.isdecimal():
        above = above[0] if above else None
    there = int(last) < len(above) if isinstance(above, list) else above is not None and last in above
    if at and not there:
        return "hidden"
    if value is None:
        return "null"
    return value if isinstance(value, int) else "seen" if value else "empty"


def _door(walk: Walk, what: str, caller: str, reply: Reply, audience: Sequence[str]) -> None:
    closed = "UNAUTHENTICATED" if caller == ANONYMOUS else "FORBIDDEN"
    expected = () if caller in audience or (caller == ANONYMOUS and what in OPEN_TO_ALL) else (closed,)
    walk.cell(what, caller, reply.codes, expected)


def _object(
    walk: Walk, question: Question, caller: str, reply: Reply, truth: Reply, rule_of: Mapping[str, str]
) -> None:
    """The cells of one object: all of its fields, or none for who is not shown it."""
    name = question.what
    type = SCHEMA.type_map[name]
    assert isinstance(type, GraphQLObjectType | GraphQLInterfaceType)
    audience = SHOWN[name]
    if question.changes:
        entry = re.match(r"\w+", question.asked)
        assert entry is not None
        _door(walk, f"Mutation.{entry[0]}", caller, reply, audience)
    shown = caller in audience or (caller == ANONYMOUS and name in OPEN_TO_ALL)
    found, true = _first(reply.at(question.at)), _first(truth.at(question.at)) or {}
    for one in type.fields:
        what, rule = f"{name}.{one}", rule_of.get(f"{name}.{one}")
        if caller == EVERYTHING and found is not None and found.get(one) not in (None, []):
            walk.seen.add(what)
        if not shown:
            walk.cell(what, caller, "hidden" if found is None else found.get(one), "hidden")
            if caller == ANONYMOUS:
                walk.cell(what, "anonymous, told", reply.codes, ("UNAUTHENTICATED",))
        elif reply.codes or found is None:
            walk.cell(what, caller, reply.codes or "hidden", "seen")
        elif rule == "with_the_object":
            walk.cell(what, caller, found.get(one), _as_much(found.get(one), true.get(one)))
        else:
            walk.cell(what, caller, one in found, True)  # what becomes of it is asked by the probes


def _first(value: Any) -> Any:
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _as_much(found: Any, true: Any) -> Any:
    """What is expected: the same as is true, of a list of objects no others, in the same order."""
    if isinstance(found, list) and isinstance(true, list) and all(isinstance(each, dict) for each in true):
        return [each for each in true if each in found]
    if isinstance(found, dict) and isinstance(true, dict):
        return {name: _as_much(found.get(name), each) for name, each in true.items()}
    return true


async def _ways(walk: Walk, scene: Scene, caller: str, replies: Mapping[str, Reply]) -> None:
    """Whatever was shown anywhere is found by its id, unless the table says that it is shown there only."""
    met: set[tuple[str, str]] = set()
    for reply in replies.values():
        _collect(reply.data, met)
    if not met:
        return
    allowed = {kind for kind, who in TABLES["shown_without_being_found"].items() if caller in TABLES["audiences"][who]}
    ids = sorted(key for kind, key in met if kind not in allowed)
    for start in range(0, len(ids), 100):
        some = ids[start : start + 100]
        found = await scene.gateway.ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": some}, token=scene.tokens[caller]
        )
        missing = {key for key, node in zip(some, found["nodes"], strict=True) if node is None}
        walk.cell("what is shown is found by its id", caller, sorted(each for each in met if each[1] in missing), [])


def _collect(value: Any, met: set[tuple[str, str]]) -> None:
    if isinstance(value, list):
        for each in value:
            _collect(each, met)
    elif isinstance(value, dict):
        if value.get("id") and "__typename" in value:
            met.add((value["__typename"], value["id"]))
        for each in value.values():
            _collect(each, met)


async def _main(url: str) -> Walk:
    gateway = await Gateway.open(url)
    try:
        return await walked(await scene_of(gateway))
    finally:
        await gateway.close()


def main() -> None:
    """Walk from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cells", description=__doc__)
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    terms = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with empty(terms.db) as url:
        walk = asyncio.run(_main(url))
    for cell, (found, expected) in walk.differing.items():
        print(f"{cell}: {found}, and not {expected}")
    print(walk)
    sys.exit(1 if walk.differing else 0)


if __name__ == "__main__":
    main()
