"""What is done to people, apart from who they are and how it is kept: an `Action` and what carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Self
from uuid import UUID

from models.audit import AuditAction
from models.operation import BulkOperationKind
from models.organization import CoverageRule
from models.permission import Permission
from resolvers.assessing import WAITING, Verdict
from resolvers.bulk import Item, Terms, items_of, people_of, settle
from resolvers.caller import Caller
from resolvers.context import Change, Context
from resolvers.coverage import Guarded, Pairs, Shortage, assess_coverage, copies, left
from resolvers.recording import News
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse
from resolvers.targets import Person, UserTarget, lock_people

PLAN_ID = ("input", "target", "planId")


@dataclass(frozen=True, slots=True)
class Carried:
    """What an operation in batches knows of its batches before; of a dry run, nothing of them is in the database.

    Attributes:
        seats: Taken by license (above 0), or freed.
        gone: How many active agents have left each queue with a minimum; of what is no dry run it matters only
            whether there are any, and nobody counts them for longer.
    """

    seats: Mapping[UUID, int] = field(default_factory=dict)
    gone: Mapping[UUID, int] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Self:
        """As it was stored with the operation."""
        return cls(*({UUID(hex=key): count for key, count in (kept or {}).get(name, {}).items()} for name in _CARRIED))

    def kept(self) -> dict[str, Any]:
        """As it is stored."""
        return {name: {key.hex: count for key, count in getattr(self, name).items()} for name in _CARRIED}

    def after(self, done: Done) -> Carried:
        """The same with one batch more."""
        return Carried(_summed(self.seats, done.seats), _summed(self.gone, done.gone))


_CARRIED = ("seats", "gone")


def _summed(one: Mapping[UUID, int], other: Mapping[UUID, int]) -> dict[UUID, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {*one, *other}}


@dataclass(slots=True)
class Run:
    """One action on one batch of people, in one transaction.

    Attributes:
        origin_id: The operation that this one repeats or takes back.
        queued: Whether this is one batch of several.
        carried: Of a dry run in batches: what the batches before would have done.
        short: Otherwise: the queues with a minimum that lost agents in the batches before.
    """

    context: Context
    change: Change
    terms: Terms
    operation_id: UUID
    origin_id: UUID | None = None
    queued: bool = False
    carried: Carried = field(default_factory=Carried)
    short: frozenset[UUID] = frozenset()

    @property
    def caller(self) -> Caller:
        """For whom it is done."""
        return self.context.known


@dataclass(slots=True)
class Done:
    """What an action did.

    Attributes:
        actions: What was done to each changed person, and the version of the person after it.
        news: What others are told besides.
        seats: Seats taken (above 0) and freed, by license.
        gone: How many active agents left each queue with a minimum.
        shortages: The queues of these that are left with too few.
    """

    actions: dict[UUID, tuple[AuditAction, int]] = field(default_factory=dict)
    news: Sequence[News] = ()
    seats: Mapping[UUID, int] = field(default_factory=dict)
    gone: Mapping[UUID, int] = field(default_factory=dict)
    shortages: Sequence[Shortage] = ()


class Action(ABC):
    """What is done to people.

    A dataclass: its fields are the terms of its own, by the names of the input; those that are no argument of the
    constructor hold what it has loaded, and are empty again in every attempt.

    Attributes:
        administrators: Whether it could take the last full administrator out of service (requirement E6).
        takes_agents: Whether queues could lose active agents by it (requirement Z14).
        takes_all: Whether people leave all of their queues by it.
    """

    kind: ClassVar[BulkOperationKind]
    permission: Permission
    administrators: bool = False
    takes_agents: bool = False
    takes_all: bool = False

    @property
    def waits(self) -> bool:
        """Whether people in a contact are waited for."""
        return False

    @abstractmethod
    def kept(self) -> dict[str, Any]:
        """Its terms as they are kept with the operation."""

    @classmethod
    @abstractmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """The action with kept terms."""

    async def load(self, run: Run, people: Collection[Person]) -> None:
        """Read what an assessment needs besides the people.

        Raises:
            Refused: The terms name what cannot be had; nothing is done.
        """
        return

    @abstractmethod
    def assess(self, person: Person, caller: Caller) -> Verdict:
        """Whether it is to be done to somebody."""

    async def guard(self, run: Run, items: Sequence[Item]) -> None:
        """Fail what cannot be done together, looking at the whole batch (rule M6)."""
        return

    @abstractmethod
    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        """Do it; there is somebody to do it to. What happened to each is added to the items."""

    def written_otherwise(self, planned: Self) -> str | None:
        """The input field of a term that differs from the plan's; a default counts as not written (rule M8)."""
        for each in fields(self):  # type: ignore[arg-type]
            ours = getattr(self, each.name)
            default = each.default if each.default_factory is MISSING else each.default_factory()
            if each.init and ours != default and ours != getattr(planned, each.name):
                return str(each.metadata.get("input", camel(each.name)))
        return None


async def carry_out(run: Run, action: Action, named: UserTarget) -> tuple[list[Item], Done]:
    """Lock people, assess them one by one and together, and do it to those who pass.

    In a batch of several, a statement may still be under way: the caller waits for it (`Change.settled`).

    Raises:
        NotAuthenticated: The caller does not stand any more.
        Refused: The terms name what cannot be had, or somebody in a plan changed since.
    """
    people = await lock_people(run.context, run.change, named, action.permission, administrators=action.administrators)
    refuse_stale(moved(named.versions, {key: person.version for key, person in people.items()}))
    if action.takes_agents and not action.takes_all:  # of which `_guarded` learns whether that is needed at all
        await run.change.kept.structure.lock_where_refusing()
    await action.load(run, people.values())
    items = items_of(named, people, run.context, lambda person: _verdict(run, action, person))
    await action.guard(run, items)
    guarded = await _guarded(run, action, items)
    passing = people_of(settle(items, run.terms.error_policy))
    done = await action.apply(run, passing) if passing else Done()
    if not run.queued:
        await run.change.settled()
    if guarded is not None and passing:
        await _tell_shortages(run, action, guarded, passing, done)
    return items, done


def _verdict(run: Run, action: Action, person: Person) -> Verdict:
    """What an action says of somebody; a dry run waits for no contact, and shows what will be done after it."""
    verdict = action.assess(person, run.caller)
    return None if verdict is WAITING and run.terms.dry_run else verdict


async def _guarded(run: Run, action: Action, items: Sequence[Item]) -> Guarded | None:
    """The queues to look after; where the organization wants it, those who may not leave them are refused."""
    passing = people_of([item for item in items if item.passing])
    meant = people_of([item for item in items if item.passing or item.waiting])
    if not action.takes_agents or not meant:
        return None
    queues = run.change.kept.queues
    if run.short and action.takes_all and not await queues.any_guarded(besides=run.short):
        return None
    if action.takes_all:
        guarded = Guarded.counted(await queues.guarded_counts(meant), run.carried.gone)
        if guarded is None:
            return None
        if guarded.rule is not CoverageRule.REFUSE:
            if len(passing) < len(meant):  # who is waited for has not left
                return Guarded.counted(await queues.guarded_counts(passing), run.carried.gone) if passing else None
            return guarded
        await run.change.kept.structure.lock()
    ahead = await _waiting(run, action, items)
    people = {*meant, *(item.user_id for item in ahead if item.user_id is not None)}
    guarded = Guarded.of(await queues.guarded(people), run.carried.gone)
    if guarded is None or guarded.rule is not CoverageRule.REFUSE:
        return guarded
    leaving = guarded.pairs
    if not action.takes_all:
        async with run.change.trial():
            await action.apply(run, copies(passing))  # no assignment waits for anybody
            leaving = left(guarded.pairs, await _pairs(run, passing))
    concerned = {queue for each in leaving.values() for queue in each}
    if concerned:
        in_order = sorted([*items, *ahead], key=lambda item: item.index)
        assess_coverage(in_order, leaving, await queues.agent_counts(concerned), guarded)
    return guarded


async def _waiting(run: Run, action: Action, items: Sequence[Item]) -> list[Item]:
    """Those of other batches who are waited for: their places in the order of the input are kept for them."""
    if not (action.waits and run.queued) or run.terms.dry_run:
        return []
    here = {item.index for item in items}
    rows = await run.change.kept.operations.waiting_for_contacts(run.operation_id)
    return [Item(row.index, row.key, user_id=row.user_id) for row in rows if row.index not in here]


async def _tell_shortages(run: Run, action: Action, guarded: Guarded, passing: Mapping[UUID, Item], done: Done) -> None:
    """Add to what was done which queues lost agents, and which of them have too few by now."""
    gone = dict(guarded.agents)
    if not gone:
        before = {user_id: queues for user_id, queues in guarded.pairs.items() if user_id in passing}
        for queues in (before if action.takes_all else left(before, await _pairs(run, before))).values():
            for queue in queues:
                gone[queue] = gone.get(queue, 0) + 1
    done.gone = gone
    if gone and not run.queued:  # of several batches it is told once, at the end
        agents = await run.change.kept.queues.agent_counts(gone)
        found = [guarded.shortage(queue, agents.get(queue, 0)) for queue in guarded.queues if queue in gone]
        done.shortages = [shortage for shortage in found if shortage is not None]


async def _pairs(run: Run, user_ids: Collection[UUID]) -> Pairs:
    guarded = Guarded.of(await run.change.kept.queues.guarded(user_ids), {})
    return {} if guarded is None else guarded.pairs


def moved(planned: Mapping[UUID, int], versions: Mapping[Any, int | None]) -> int:
    """How many of the people of a plan changed since.

    Args:
        versions: Those that the people have now, by their keys.
    """
    return sum(versions.get(key) != version for key, version in planned.items())


def refuse_stale(moved: int) -> None:
    """Refuse a plan as a whole when so many of the people whom it lists changed since (requirement E9).

    Raises:
        Refused: PLAN_STALE.
    """
    if moved:
        raise refuse(Code.PLAN_STALE, f"{moved:,} of the people changed since the dry run.", *PLAN_ID)


def camel(name: str) -> str:
    """The name of a field as inputs have it."""
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
