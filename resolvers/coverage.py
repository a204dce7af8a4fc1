"""The coverage guard: no queue falls below its minimum of active agents unnoticed (requirement Z14).

The organization says what happens (`CoverageRule`): a warning, or a refusal of those who would leave too few behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from models.organization import CoverageRule
from repositories.kept import Kept
from resolvers.deltas import Delta
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import MutationWarningCode, Problem, Refused, Warning

if TYPE_CHECKING:
    from resolvers.bulk import Item

Pairs = Mapping[UUID, Collection[UUID]]  # the guarded queues of each person


@dataclass(frozen=True, slots=True)
class Shortage:
    """A queue that is left with fewer active agents than its minimum."""

    queue_id: UUID
    name: str
    minimum: int
    agents: int

    def kept(self) -> dict[str, Any]:
        """As it is stored with the operation."""
        return {
            "queue": self.queue_id.hex,
            "name": self.name,
            "minimum": self.minimum,
            "agents": self.agents,
        }

    @property
    def warning(self) -> Warning:
        """The same in words."""
        return Warning(MutationWarningCode.COVERAGE, self._words("is"))

    @property
    def problem(self) -> Problem:
        """Why nobody may be taken from it."""
        return Problem(Code.COVERAGE, self._words("would be"))

    def _words(self, verb: str) -> str:
        return f"{self.name} {verb} left with {self.agents:,} of at least {self.minimum:,} active agents."


def shortage_of(kept: Mapping[str, Any]) -> Shortage:
    """A shortage as it was stored."""
    return Shortage(UUID(hex=kept["queue"]), kept["name"], kept["minimum"], kept["agents"])


@dataclass(frozen=True, slots=True)
class Guarded:
    """What is looked after while people are changed.

    Attributes:
        rule: What the organization wants.
        pairs: The queues with a minimum in which the people work as active agents.
        queues: Name and minimum of each.
        agents: How many of the people work in each, where it does not matter who.
        gone: Of a dry run in batches: how many have left each queue in the batches before.
    """

    rule: CoverageRule
    pairs: Pairs
    queues: Mapping[UUID, tuple[str, int]]
    gone: Mapping[UUID, int] = field(default_factory=dict)
    agents: Mapping[UUID, int] = field(default_factory=dict)

    @classmethod
    def counted(cls, rows: Sequence[Any], gone: Mapping[UUID, int]) -> Guarded | None:
        """From what `QueueRepository.guarded_counts` tells; None when nothing is to be looked after."""
        if not rows:
            return None
        agents = {row.queue_id: row.agents for row in rows}
        return cls(rows[0].rule, {}, _minimums(rows), gone, agents)

    @classmethod
    def of(cls, rows: Sequence[Any], gone: Mapping[UUID, int]) -> Guarded | None:
        """From what `QueueRepository.guarded` tells; None when nothing is to be looked after."""
        if not rows:
            return None
        pairs: dict[UUID, list[UUID]] = {}
        for row in rows:
            pairs.setdefault(row.user_id, []).append(row.queue_id)
        return cls(rows[0].rule, pairs, _minimums(rows), gone)

    @classmethod
    def among(cls, rows: Sequence[Any], gone: Mapping[UUID, int]) -> Guarded:
        """Queues by themselves, from what `QueueRepository.minimums` tells."""
        return cls(CoverageRule.WARN, {}, {row.id: (row.name, row.minimum_agents) for row in rows}, gone)

    def shortage(self, queue_id: UUID, agents: int) -> Shortage | None:
        """The shortage of a queue with so many active agents; None when they are enough."""
        name, minimum = self.queues[queue_id]
        agents -= self.gone.get(queue_id, 0)
        return Shortage(queue_id, name, minimum, agents) if agents < minimum else None


def _minimums(rows: Sequence[Any]) -> dict[UUID, tuple[str, int]]:
    return {row.queue_id: (row.name, row.minimum_agents) for row in rows}


def assess_coverage(items: Sequence[Item], leaving: Pairs, agents: Mapping[UUID, int], guarded: Guarded) -> None:
    """Fail those who would leave too few behind, in the order of the input: the others go first come, first served.

    Args:
        leaving: The queues that each person would leave.
        agents: Active agents of each queue now.
    """
    left = dict(agents)
    for item in items:
        meant = item.passing or item.waiting
        queues = leaving.get(item.user_id, ()) if meant and item.user_id is not None else ()
        shortages = [
            shortage for queue in queues if (shortage := guarded.shortage(queue, left.get(queue, 0) - 1)) is not None
        ]
        for shortage in shortages:
            item.fail(shortage.problem)
        if not shortages:
            for queue in queues:
                left[queue] = left.get(queue, 0) - 1


async def shortages_among(kept: Kept, queue_ids: Collection[UUID]) -> list[Shortage]:
    """Those of these queues that are looked after and have too few active agents now."""
    rows = await kept.queues.looked_after(queue_ids)
    return _short(rows, await kept.queues.agent_counts([row.id for row in rows])) if rows else []


@asynccontextmanager
async def guarding(kept: Kept, queue_ids: Collection[UUID], warnings: list[Warning], *path: str) -> AsyncIterator[None]:
    """Look after queues while something is changed inside that may take agents from them.

    Where the organization refuses that, what was changed inside is taken back; the organization is locked by then
    (`StructureRepository.lock`, or `lock_where_refusing`).

    Args:
        warnings: Where those are put that the change brings about.
        path: To the input value to blame.

    Raises:
        Refused: COVERAGE, for each queue that would be left with too few.
    """
    rows = await kept.queues.looked_after(queue_ids) if queue_ids else []
    if not rows:
        yield
        return
    ids, refusing = [row.id for row in rows], rows[0].rule is CoverageRule.REFUSE
    before = await kept.queues.agent_counts(ids)
    async with kept.connection.begin_nested() if refusing else nullcontext():
        yield
        after = await kept.queues.agent_counts(ids)
        short = [each for each in _short(rows, after) if each.agents < before.get(each.queue_id, 0)]
        if short and refusing:
            raise Refused(*(replace(shortage.problem, path=path) for shortage in short))
    warnings += [replace(shortage.warning, path=path) for shortage in short]


def _short(rows: Sequence[Any], agents: Mapping[UUID, int]) -> list[Shortage]:
    return [
        Shortage(row.id, row.name, row.minimum_agents, agents.get(row.id, 0))
        for row in rows
        if agents.get(row.id, 0) < row.minimum_agents
    ]


def copies(items: Mapping[UUID, Item]) -> dict[UUID, Item]:
    """The same items with nothing done to them, to try on what would happen."""
    return {
        user_id: replace(item, errors=[], warnings=[], effects=[], changes=[], delta=Delta())
        for user_id, item in items.items()
    }


def left(before: Pairs, after: Pairs) -> dict[UUID, list[UUID]]:
    """The queues that each person works in no longer."""
    return {
        user_id: gone
        for user_id, queues in before.items()
        if (gone := [queue for queue in queues if queue not in after.get(user_id, ())])
    }
