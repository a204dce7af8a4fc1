"""Random organizations, and random bulk mutations on their people, as hypothesis draws them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from hypothesis import strategies as st
from sqlalchemy import select

import resolvers.queued
from gql.ids import global_id, key_of
from models.audit import ActorKind
from models.call_record import CallRecord
from models.license import LicenseType
from models.operation import UNFINISHED, BulkOperation, BulkOperationKind, StateChangeReason
from models.organization import CoverageRule
from models.session import SignInBlock
from models.storage import table_of
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from resolvers.performing import take_back_due
from resolvers.queued import work_on_next
from tests.changes import Changed, bulk
from tests.contradiction import sign_in
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing

TEAMS, QUEUES, GROUPS = 3, 2, 2
FEW, MANY = 2, 1_000  # as many as an assignment may name
LISTS = {"assignTeams": "teams", "assignQueues": "queues", "assignSkillGroups": "skillGroups"}


@dataclass(frozen=True)
class Somebody:
    """Who is hired: what they have is named by its place in the organization.

    Attributes:
        blocked: By whom: nobody, an administrator, a supervisor.
    """

    roles: tuple[UserRole, ...]
    active: bool
    protected: bool
    blocked: str
    enabled: bool
    teams: frozenset[int]
    queues: frozenset[int]
    groups: frozenset[int]
    licensed: bool
    signed_in: bool
    busy: bool


@dataclass(frozen=True)
class Structure:
    """What people can have.

    Attributes:
        spare: Seats of the limited license that nobody has; None where it has no limit.
        minimums: Of each queue.
        served: The queues of each team, and of each skill group.
        nested: Whether each team stands below the one before it.
    """

    rule: CoverageRule
    spare: int | None
    minimums: tuple[int, ...]
    served: tuple[frozenset[int], ...]
    nested: bool


@dataclass(frozen=True)
class Mutation:
    """A bulk mutation.

    Attributes:
        whom: Places of people, one perhaps twice.
        named_by: As the input has it; `matching` names people by `filter` instead.
        things: What is assigned, where something is.
        batches: Items a batch of a worker; None does all of it before the answer.
        delay: In how many minutes it is to begin; None for at once.
        lasting: After how many minutes it is to be taken back; None for never.
    """

    name: str
    whom: tuple[int, ...]
    named_by: str
    filter: str
    terms: dict[str, Any]
    way: str
    things: tuple[int, ...]
    supervised: bool
    batches: int | None
    delay: int | None = None
    lasting: int | None = None

    def times(self, since: datetime) -> dict[str, str]:
        """`executeAt` and `until`, counted from an instant."""
        begin = since + timedelta(minutes=self.delay or 0)
        times = {} if self.delay is None else {"executeAt": begin.isoformat()}
        if self.lasting is not None:
            times["until"] = (begin + timedelta(minutes=self.lasting)).isoformat()
        return times


class Clock:
    """The time of the whole program, which goes on by itself and can be put forward."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead = timedelta()
        patch.setattr("resolvers.context.datetime", self)

    def now(self, zone: tzinfo = UTC) -> datetime:
        """What `utc_now` asks."""
        return datetime.now(zone) + self._ahead

    def forward(self, to: datetime) -> None:
        """It is that late now, if it was not later."""
        self._ahead += max(to - self.now(), timedelta())


def _some(count: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(0, count - 1))


_FULL = (UserRole.FULL_ADMINISTRATOR,)
_ROLES = st.sampled_from(
    [(UserRole.AGENT,)] * 4
    + [_FULL] * 2
    + [(UserRole.SERVICE_ADMINISTRATOR, UserRole.AGENT), (UserRole.SUPERVISOR,), ()]
)
_RARELY = st.sampled_from([False] * 4 + [True])
PEOPLE = st.lists(
    st.builds(
        Somebody,
        roles=_ROLES,
        active=st.sampled_from([True] * 4 + [False]),
        protected=_RARELY,
        blocked=st.sampled_from(["no"] * 4 + ["administrator", "supervisor"]),
        enabled=st.sampled_from([True] * 5 + [False]),
        teams=_some(TEAMS),
        queues=_some(QUEUES),
        groups=_some(GROUPS),
        licensed=st.booleans(),
        signed_in=_RARELY,
        busy=st.sampled_from([False, False, False, True, True]),
    ),
    min_size=2,
    max_size=7,
)
STRUCTURES = st.builds(
    Structure,
    rule=st.sampled_from(CoverageRule),
    spare=st.none() | st.integers(0, 2),
    minimums=st.tuples(*[st.integers(0, 3)] * QUEUES),
    served=st.tuples(*[_some(QUEUES)] * (TEAMS + GROUPS)),
    nested=st.booleans(),
)
_POLICY = st.fixed_dictionaries(
    {"onActiveContact": st.sampled_from(["END_NOW", "SKIP", "AFTER_CONTACT", "AFTER_CONTACT"])}
)
_REASONS = st.fixed_dictionaries(
    {}, optional={"reason": st.sampled_from([each.name for each in StateChangeReason]), "note": st.just("why")}
)
_RESTORE = st.fixed_dictionaries({"restore": st.lists(st.sampled_from(["TEAMS", "QUEUES"]), max_size=2)})
_OWN: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "deactivateUsers": _POLICY,
    "reactivateUsers": _RESTORE,
    "forceUsersOffline": _POLICY,
    "resumeUsersOnline": st.just({}),
    "signOutUsers": _POLICY,
    "assignTeams": st.just({}),
    "assignQueues": st.just({}),
    "assignSkillGroups": st.just({}),
}
_MINUTES = st.sampled_from([None, None, None, 1, 3])
LASTING = ("deactivateUsers", "forceUsersOffline")


@st.composite
def mutations(
    draw: st.DrawFn, names: Sequence[str] = tuple(_OWN), *, atomic: bool = True, lasting: bool = True
) -> Mutation:
    """Any bulk mutation on any terms.

    Args:
        lasting: Whether it may be for a time only.
    """
    name = draw(st.sampled_from(names))
    terms = {**draw(_OWN[name]), **draw(_REASONS)}
    way = draw(st.sampled_from(["add", "remove", "set"]))
    batches = draw(st.sampled_from([None, None, 1, 2, 3]))
    waits = terms.get("onActiveContact") == "AFTER_CONTACT"
    if atomic and batches is None and not waits and draw(_RARELY):
        terms["errorPolicy"] = "ATOMIC"
    return Mutation(
        name=name,
        whom=tuple(draw(st.lists(st.integers(0, 7), min_size=1, max_size=8))),
        named_by=draw(st.sampled_from(["ids", "ids", "emails", "externalIds", "agentNumbers", "matching"])),
        filter=draw(st.sampled_from(["all", "team", "agents", "blocked", "deactivated"])),
        terms=terms,
        way=way,
        things=tuple(draw(st.lists(st.integers(0, 1), min_size=int(way != "set"), max_size=2, unique=True))),
        supervised=name in ("forceUsersOffline", "resumeUsersOnline") and draw(_RARELY),
        batches=batches,
        delay=None if name in LISTS else draw(_MINUTES),
        lasting=draw(_MINUTES) if lasting and name in LASTING else None,
    )


class Crowd:
    """A random organization in the database of a gateway, and what is done to its people.

    Attributes:
        gateway: The same gateway with a key of this organization.
        people: In the order in which they were drawn; mutations name them by place, modulo their number.
        supervisors: Hired when somebody was to ask who is no administrator; each is in the first team.
        clock: The time of the gateway and of whoever works for it.
    """

    def __init__(self, gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
        self.gateway = gateway
        self._patch = patch
        self._supervisor: str | None = None
        self.supervisors: list[Person] = []
        self._calls = 0
        self.clock = Clock(patch)

    @classmethod
    async def hired(
        cls, gateway: Gateway, patch: pytest.MonkeyPatch, structure: Structure, people: Sequence[Somebody]
    ) -> Crowd:
        """Make the organization, in a database that is as new."""
        await gateway.begin_anew()
        ours = copy.copy(gateway)
        ours.organization_id = await gateway.organization(f"Organization {utc_now():%H%M%S%f}")
        ours.token = await gateway.key("crowd", organization_id=ours.organization_id)
        ours.staff = Staff(gateway.database, ours.organization_id)
        crowd = cls(ours, patch)
        await crowd._build(structure, people)
        return crowd

    async def _build(self, structure: Structure, people: Sequence[Somebody]) -> None:
        staff = self.gateway.staff
        await self.gateway.execute(
            "UPDATE organizations SET coverage_rule = :rule WHERE id = :key",
            rule=structure.rule.value,
            key=self.gateway.key_parameter(self.gateway.organization_id),
        )
        queues = [await staff.queue(minimum_agents=minimum) for minimum in structure.minimums]
        served = [[queues[each] for each in sorted(some)] for some in structure.served]
        teams: list[Thing] = []
        for each in served[:TEAMS]:
            above = teams[-1] if structure.nested and teams else None
            teams.append(await staff.team(queues=each, parent=above))
        groups = [await staff.skill_group(queues=each) for each in served[TEAMS:]]
        self.things = {"teams": teams, "queues": queues, "skillGroups": groups}
        people = [replace(people[0], roles=_FULL, active=True, blocked="no"), *people[1:]]  # somebody must be
        seated = sum(each.licensed and each.enabled and each.active for each in people)
        seats = None if structure.spare is None else seated + structure.spare
        self.license = await staff.license(type=LicenseType.PREMIUM_AGENT, seats=seats)
        self.people = [await self._hire(each) for each in people]
        busy = [who.busy and who.enabled and who.active and who.blocked == "no" for who in people]
        await self.talk(place for place, one in enumerate(busy) if one)
        self._supervisor_terms = {"roles": [UserRole.SUPERVISOR], "teams": teams[:1]}

    async def _hire(self, who: Somebody) -> Person:
        staff = self.gateway.staff
        works = who.active and who.enabled
        person = await staff.hire(
            roles=who.roles,
            status=UserStatus.ACTIVE if who.active else UserStatus.DEACTIVATED,
            protected=who.protected,
            blocked=who.blocked == "administrator",
            contact_center_enabled=who.enabled,
            teams=[self.things["teams"][each] for each in sorted(who.teams)] if works else [],
            queues=[self.things["queues"][each] for each in sorted(who.queues)] if works else [],
            skill_groups=[self.things["skillGroups"][each] for each in sorted(who.groups)] if who.enabled else [],
            licenses=[self.license] if who.licensed and who.enabled else [],
        )
        if who.blocked == "supervisor":
            await staff.insert(
                SignInBlock,
                {
                    "user_id": person.key,
                    "since": utc_now(),
                    "by_administrator": False,
                    "actor_kind": ActorKind.SYSTEM,
                    "actor_id": None,
                    "reason": StateChangeReason.UNKNOWN,
                },
            )
        if who.active and who.blocked == "no" and who.signed_in and who.enabled:
            await sign_in(self.gateway, person, "PORTAL")
        return person

    async def send(self, mutation: Mutation, **otherwise: Any) -> Any:
        """Send a mutation, let the worker do what is left to it, and look at the operation that came of it.

        Args:
            otherwise: As in `ask`.
        """
        sent = await self.ask(mutation, **otherwise)
        assert sent.codes == [], sent.payload
        await self.finish()
        return await self.look(sent.operation["id"])

    async def ask(self, mutation: Mutation, **otherwise: Any) -> Changed:
        """Send a mutation.

        Args:
            otherwise: `plan`: its id instead of the target, with the times of the plan; `since`: from when times are
                counted, instead of from now; further terms.
        """
        plan, since = otherwise.pop("plan", None), otherwise.pop("since", None)
        times = mutation.times(since or self.clock.now()) if plan is None else {}
        terms = {**mutation.terms, **times, **otherwise}
        if mutation.name in LISTS:
            things = self.things[LISTS[mutation.name]]
            terms[LISTS[mutation.name]] = {mutation.way: [things[each].id for each in mutation.things]}
        self.batches(mutation.batches)
        target = {"planId": plan} if plan is not None else await self._target(mutation)
        token = await self._supervised() if mutation.supervised else ""
        return await bulk(self.gateway, mutation.name, target, token=token, **terms)

    def batches(self, size: int | None) -> None:
        """From now on everything is handled before the answer, or by a worker in batches of so many."""
        shared = self.gateway.shared
        limits = replace(shared.limits, max_inline_targets=MANY if size is None else FEW)
        self._patch.setattr(shared, "limits", limits)
        self._patch.setattr(resolvers.queued, "BATCH", size or MANY)

    async def finish(self) -> None:
        """Do what is left to the worker: at its time, and after the contacts that are waited for."""
        while left := await self.left_to_do():
            if not await self.work():
                assert not any(each.dry_run for each in left), "a dry run waits for nobody"
                assert await self.hang_up(), "it waits, and nobody talks"

    async def work(self) -> bool:
        """Do one batch, of what comes next if nothing is due; whether there was any that waits for no contact."""
        if await work_on_next(self.gateway.database):
            return True
        scheduled = [each.execute_at for each in await self.left_to_do() if each.started_at is None]
        if not any(scheduled):
            return False
        self.clock.forward(min(each for each in scheduled if each is not None))
        return await work_on_next(self.gateway.database)

    async def left_to_do(self) -> Sequence[Any]:
        """The operations that have not ended: `dry_run`, `execute_at`, `started_at`."""
        operations = table_of(BulkOperation).c
        async with self.gateway.database.reading() as connection:
            wanted = select(operations.dry_run, operations.execute_at, operations.started_at).where(
                operations.organization_id == self.gateway.organization_id, operations.status.in_(UNFINISHED)
            )
            return (await connection.execute(wanted)).all()

    async def wait_for_the_end(self, global_operation_id: str) -> Any:
        """Let the time come until which an operation lasts; what takes it back then."""
        operations = table_of(BulkOperation).c
        operation_id = key_of(global_operation_id, "BulkOperation")
        async with self.gateway.database.reading() as connection:
            wanted = select(operations.until).where(operations.id == operation_id)
            self.clock.forward((await connection.execute(wanted)).scalar_one())
            while await take_back_due(self.gateway.database):
                pass
            wanted = select(operations.id).where(
                operations.origin_id == operation_id,
                operations.kind == BulkOperationKind.UNDO,
                ~operations.dry_run,
            )
            found = (await connection.execute(wanted)).scalar_one()
        return await self.look(global_id("BulkOperation", found))

    async def talk(self, places: Iterable[int]) -> list[Any]:
        """A contact begins for each of these people, as a telephony system tells of it; who takes none is told."""
        calls = []
        for place in places:
            self._calls += 1
            calls.append((f"contact {self._calls}", self.people[place % len(self.people)].id))
        return await self._record(calls, ended=False)

    async def hang_up(self, *external_ids: str) -> list[Any]:
        """Contacts that go on end: those with these ids, or all."""
        going = [call for call in await self.contacts() if not external_ids or call.external_id in external_ids]
        calls = [(call.external_id, global_id("User", call.user_id)) for call in going]
        return await self._record(calls, ended=True)

    async def contacts(self) -> Sequence[Any]:
        """The contacts that go on: `id`, `external_id`, `user_id`."""
        calls = table_of(CallRecord).c
        async with self.gateway.database.reading() as connection:
            wanted = select(calls.id, calls.external_id, calls.user_id).where(
                calls.organization_id == self.gateway.organization_id, calls.ended_at.is_(None)
            )
            return (await connection.execute(wanted.order_by(calls.id))).all()

    async def _record(self, calls: Sequence[tuple[str, str]], *, ended: bool) -> list[Any]:
        """Tell of calls, by external id and person; those that were recorded."""
        if not calls:
            return []
        at = utc_now()
        told = [
            {
                "externalId": name,
                "user": {"id": person},
                "direction": "INBOUND",
                "startedAt": at.isoformat(),
                "queueId": self.things["queues"][0].id,
                "endedAt": at.isoformat() if ended else None,
            }
            for name, person in calls
        ]
        payload = (await self.gateway.ask(_RECORD, {"calls": told}))["recordCalls"]
        assert payload["errors"] == []
        assert {each["errors"][0]["code"] for each in payload["failed"]} <= {"INVALID_STATE"}
        assert len(payload["callRecords"]) + len(payload["failed"]) == len(calls)
        return list(payload["callRecords"])

    async def _target(self, mutation: Mutation) -> dict[str, Any]:
        if mutation.named_by == "matching":
            wanted = self._filter(mutation.filter)
            document = "query C($filter: UserFilterInput) { users(filter: $filter) { totalCount } }"
            token = await self._supervised() if mutation.supervised else ""
            found = await self.gateway.ask(document, {"filter": wanted}, token=token)
            return {"matching": {"filter": wanted, "expectedCount": found["users"]["totalCount"]}}
        attribute = {"emails": "email", "externalIds": "external_id", "agentNumbers": "agent_number", "ids": "id"}
        whom = [self.people[each % len(self.people)] for each in mutation.whom]
        return {mutation.named_by: [getattr(one, attribute[mutation.named_by]) or "nobody" for one in whom]}

    def _filter(self, wanted: str) -> dict[str, Any]:
        return {
            "all": {},
            "team": {"team": {"eq": self.things["teams"][0].id}},
            "agents": {"role": {"eq": "AGENT"}},
            "blocked": {"signInBlocked": True},
            "deactivated": {"status": {"eq": "DEACTIVATED"}},
        }[wanted]

    async def _supervised(self) -> str:
        """The session of a supervisor of the first team, who is none of the people; of another one when that ended."""
        if self._supervisor is not None:
            answer = await self.gateway.run("{ viewer { kind } }", token=self._supervisor)
            if answer.codes:
                assert answer.codes == ["UNAUTHENTICATED"]
                self._supervisor = None
        if self._supervisor is None:
            self.supervisors.append(await self.gateway.staff.hire(**self._supervisor_terms))
            self._supervisor = await self.gateway.sign_in(self.supervisors[-1])
        return self._supervisor

    async def look(self, operation_id: str) -> Any:
        """An operation as its administrators see it."""
        return (await self.gateway.ask(_OPERATION, {"id": operation_id}))["bulkOperation"]


_RECORD = """
mutation Record($calls: [CallRecordInput!]!) { recordCalls(input: {calls: $calls}) {
  errors { code path } failed { externalId errors { code path } } callRecords { id externalId endedAt user { id } }
} }
"""
_OPERATION = """
query Operation($id: ID!) { bulkOperation(id: $id) {
  id kind status undoable warnings { code message }
  totals {
    succeeded unchanged failed skipped sessionsEnded teamsLeft queuesLeft contactsEnded seatsFreed seatsNeeded
    queuesBelowMinimum { queue { id } minimumAgents activeAgentCount }
  }
  items(first: 100) { nodes {
    index key outcome errors { code message path } warnings { code message }
    effects { kind subjectLabel description } user { id }
  } }
} }
"""
