"""What is done to people, apart from who they are and how it is kept: an `Action` and what carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Self
from uuid import UUID

from models.audit import AuditAction
from models.operation import BulkOperationKind
from models.permission import Permission
from resolvers.assessing import Verdict
from resolvers.bulk import Item, Terms, items_of, people_of, settle
from resolvers.caller import Caller
from resolvers.context import Change, Context
from resolvers.recording import News
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse
from resolvers.targets import Person, UserTarget, lock_people

PLAN_ID = ("input", "target", "planId")


@dataclass(slots=True)
class Run:
    """One action on one batch of people, in one transaction.

    Attributes:
        origin_id: The operation that this one repeats or takes back.
        queued: Whether this is one batch of several.
        carried: Of a dry run: the seats that the batches before would have taken, by license.
    """

    context: Context
    change: Change
    terms: Terms
    operation_id: UUID
    origin_id: UUID | None = None
    queued: bool = False
    carried: Mapping[UUID, int] = field(default_factory=dict)

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
    """

    actions: dict[UUID, tuple[AuditAction, int]] = field(default_factory=dict)
    news: Sequence[News] = ()
    seats: Mapping[UUID, int] = field(default_factory=dict)


class Action(ABC):
    """What is done to people.

    A dataclass: its fields are the terms of its own, by the names of the input; those that are no argument of the
    constructor hold what it has loaded, and are empty again in every attempt.

    Attributes:
        administrators: Whether it could take the last full administrator out of service (requirement E6).
    """

    kind: ClassVar[BulkOperationKind]
    permission: Permission
    administrators: bool = False

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

    Raises:
        NotAuthenticated: The caller does not stand any more.
        Refused: The terms name what cannot be had, or somebody in a plan changed since.
    """
    people = await lock_people(run.context, run.change, named, action.permission, administrators=action.administrators)
    refuse_stale(named, {key: person.version for key, person in people.items()})
    await action.load(run, people.values())
    items = items_of(named, people, run.context, lambda person: action.assess(person, run.caller))
    await action.guard(run, items)
    passing = people_of(settle(items, run.terms.error_policy))
    return items, await action.apply(run, passing) if passing else Done()


def refuse_stale(named: UserTarget, versions: Mapping[Any, int]) -> None:
    """Refuse a plan as a whole when somebody whom it lists changed since (requirement E9).

    Args:
        versions: Those that the people have now, by their keys.

    Raises:
        Refused: PLAN_STALE.
    """
    moved = sum(versions.get(key) != version for key, version in named.versions.items())
    if moved:
        raise refuse(Code.PLAN_STALE, f"{moved:,} of the people changed since the dry run.", *PLAN_ID)


def camel(name: str) -> str:
    """The name of a field as inputs have it."""
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
