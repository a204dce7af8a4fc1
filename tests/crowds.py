"""Random organizations, and random bulk mutations on their people, as hypothesis draws them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import strategies as st

import resolvers.queued
from models.audit import ActorKind
from models.license import LicenseType
from models.operation import StateChangeReason
from models.organization import CoverageRule
from models.session import SignInBlock
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
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
        busy=_RARELY,
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
_POLICY = st.fixed_dictionaries({"onActiveContact": st.sampled_from(["END_NOW", "SKIP"])})
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


@st.composite
def mutations(draw: st.DrawFn, names: Sequence[str] = tuple(_OWN), *, atomic: bool = True) -> Mutation:
    """Any bulk mutation on any terms."""
    name = draw(st.sampled_from(names))
    terms = {**draw(_OWN[name]), **draw(_REASONS)}
    way = draw(st.sampled_from(["add", "remove", "set"]))
    batches = draw(st.sampled_from([None, None, 1, 2, 3]))
    if atomic and batches is None and draw(_RARELY):
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
    )


class Crowd:
    """A random organization in the database of a gateway, and what is done to its people.

    Attributes:
        gateway: The same gateway with a key of this organization.
        people: In the order in which they were drawn; mutations name them by place, modulo their number.
    """

    def __init__(self, gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
        self.gateway = gateway
        self._patch = patch
        self._supervisor: str | None = None

    @classmethod
    async def hired(
        cls, gateway: Gateway, patch: pytest.MonkeyPatch, structure: Structure, people: Sequence[Somebody]
    ) -> Crowd:
        """Make the organization."""
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
        if who.active and who.blocked == "no":
            if who.signed_in and who.enabled:
                await sign_in(self.gateway, person, "PORTAL")
            if who.busy and who.enabled:
                await staff.call(person, queue=self.things["queues"][0])
        return person

    async def send(self, mutation: Mutation, **otherwise: Any) -> Any:
        """Send a mutation, let the worker do what is left to it, and look at the operation that came of it.

        Args:
            otherwise: `plan`: its id instead of the target; further terms.
        """
        sent = await self.ask(mutation, **otherwise)
        assert sent.codes == [], sent.payload
        await self.finish()
        return await self.look(sent.operation["id"])

    async def ask(self, mutation: Mutation, **otherwise: Any) -> Changed:
        """Send a mutation."""
        plan = otherwise.pop("plan", None)
        terms = {**mutation.terms, **otherwise}
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
        """Do what is left to the worker."""
        while await work_on_next(self.gateway.database):
            pass

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
        """The session of a supervisor of the first team, who is none of the people."""
        if self._supervisor is None:
            self._supervisor = await self.gateway.sign_in(await self.gateway.staff.hire(**self._supervisor_terms))
        return self._supervisor

    async def look(self, operation_id: str) -> Any:
        """An operation as its administrators see it."""
        return (await self.gateway.ask(_OPERATION, {"id": operation_id}))["bulkOperation"]


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
