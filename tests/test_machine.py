"""Operations that contradict each other on the same people, one after the other, some of them cut off in the middle.

A state machine of hypothesis chooses what is sent. After every step `check` finds nothing, and the effects that were
told, added up, are what is in the database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import event, select

from models.license import LicenseGrant, LicenseGrantState
from models.operation import BulkItemOutcome, BulkOperation, BulkOperationItem, BulkOperationKind, UserEffectKind
from models.queue import UserQueue
from models.session import SignInBlock
from models.skill_group import SkillGroupMember
from models.storage import table_of
from models.team import Membership
from models.user import User, UserStatus
from repositories.engine import Database
from resolvers.bulk import HANDLED
from resolvers.queued import work_on_next
from tests.contradiction import broken
from tests.crowds import PEOPLE, STRUCTURES, Crowd, Mutation, Somebody, Structure, mutations
from tests.gateway import Gateway
from tests.rounds import THOROUGH
from tests.test_queued import CANCEL
from tests.test_undo import operating

pytestmark = pytest.mark.anyio

T = TypeVar("T")
Fact = tuple[Any, ...]
CONTRADICTIONS = mutations(atomic=False)
KEYS = st.none() | st.sampled_from(["one", "two"])


class Killed(BaseException):
    """The process is gone: nothing of ours gets to handle it."""


@contextmanager
def killed_at(database: Database, statement: int) -> Iterator[None]:
    """Whoever sends the statement with this number ends there, and nobody commits what came before."""
    left = statement

    def see(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    engine = database.writer.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", see)


def _dead(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_dead(each) for each in error.exceptions)
    return isinstance(error, Killed)


class Contradictions(RuleBasedStateMachine):
    """What is sent about the same few people."""

    gateway: Gateway
    loop: asyncio.AbstractEventLoop
    kills = 0

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.operations: list[str] = []
        self.plans: list[tuple[Mutation, str]] = []
        self.keyed: dict[str, tuple[Mutation, str | None]] = {}
        self.seen: set[UUID] = set()
        self.facts: set[Fact] = set()

    def _await(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(60)

    def teardown(self) -> None:
        """Leave nothing to others."""
        if hasattr(self, "crowd"):
            self._await(self.crowd.finish())
        self.patch.undo()

    @initialize(structure=STRUCTURES, people=PEOPLE)
    def hire(self, structure: Structure, people: list[Somebody]) -> None:
        """An organization."""
        self.crowd = self._await(Crowd.hired(self.gateway, self.patch, structure, people))
        self.facts = self._await(self._in_database())

    @rule(mutation=CONTRADICTIONS, dry=st.sampled_from([False, False, True]))
    def change(self, mutation: Mutation, dry: bool) -> None:
        """Change people, or plan it."""
        sent = self._await(self.crowd.ask(mutation, dryRun=dry))
        assert sent.codes == [], sent.payload
        if dry:
            self.plans.append((mutation, sent.operation["id"]))
        else:
            self.operations.append(sent.operation["id"])
        self._told(sent.operation)

    @rule(mutation=CONTRADICTIONS, key=st.sampled_from(["one", "two"]))
    def change_with_a_key(self, mutation: Mutation, key: str) -> None:
        """A key that was used for something else is refused; for the same, it gives the same operation."""
        if key in self.keyed:
            mutation, before = self.keyed[key]
            if mutation.named_by == "matching":
                return  # how many match by now may differ, which is another request
        else:
            before = None
        sent = self._await(self.crowd.ask(mutation, idempotencyKey=key))
        assert sent.codes == [], sent.payload
        assert before in (None, sent.operation["id"])
        self.keyed[key] = (mutation, sent.operation["id"])
        if before is None:
            self.operations.append(sent.operation["id"])

    @rule(number=st.integers(0, 50))
    def execute_a_plan(self, number: int) -> None:
        """A plan is done, or stale."""
        if self.plans:
            mutation, plan = self.plans[number % len(self.plans)]
            sent = self._await(self.crowd.ask(mutation, plan=plan))
            assert set(sent.codes) <= {"PLAN_STALE", "INVALID_STATE"}
            if sent.operation is not None:
                self.operations.append(sent.operation["id"])

    @rule(number=st.integers(0, 50), way=st.sampled_from(["undo", "undo", "retry", "cancel"]), dry=st.booleans())
    def come_back_to(self, number: int, way: str, dry: bool) -> None:
        """Take an operation back, try it again, or cancel it."""
        if not self.operations:
            return
        operation = {"id": self.operations[-1 - number % len(self.operations)]}
        if way == "cancel":
            canceled = self._await(self.crowd.gateway.ask(CANCEL, operation))["cancelBulkOperation"]
            assert {error["code"] for error in canceled["errors"]} <= {"INVALID_STATE"}
            return
        terms = {"dryRun": dry} if way == "undo" else {}
        sent = self._await(operating(self.crowd.gateway, f"{way}BulkOperation", operation, **terms))
        assert set(sent.codes) <= {"INVALID_STATE"}
        if sent.operation is not None:
            self.operations.append(sent.operation["id"])

    @rule(size=st.integers(1, 3))
    def work(self, size: int) -> None:
        """The worker does one batch."""
        self.crowd.batches(size)
        self._await(work_on_next(self.gateway.database))

    @rule(size=st.integers(1, 3), statement=st.integers(0, 40))
    def kill_the_worker(self, size: int, statement: int) -> None:
        """A batch is cut off in the middle, or was just in time."""
        self.crowd.batches(size)
        self._await(self._killed(work_on_next(self.gateway.database), statement))

    @rule(mutation=CONTRADICTIONS, statement=st.integers(0, 40), key=KEYS)
    def kill_a_request(self, mutation: Mutation, statement: int, key: str | None) -> None:
        """A request is cut off; nobody knows whether it was done, and who sends its key again is told."""
        if mutation.named_by == "matching" or mutation.supervised or key in self.keyed:
            return
        terms = {} if key is None else {"idempotencyKey": key}
        done = self._await(self._killed(self.crowd.ask(mutation, **terms), statement))
        if key is not None:
            self.keyed[key] = (mutation, None if done is None else done.operation["id"])

    async def _killed(self, work: Awaitable[T], statement: int) -> T | None:
        with killed_at(self.gateway.database, statement):
            try:
                return await work
            except BaseException as error:
                if not _dead(error):
                    raise
                type(self).kills += 1
                return None

    def _told(self, operation: Any) -> None:
        """The totals of an answer count its items."""
        if operation["status"] == "QUEUED":
            return
        found = Counter(item["outcome"].lower() for item in operation["items"]["nodes"])
        assert {name: operation["totals"][name] for name in HANDLED} == {name: found[name] for name in HANDLED}

    @invariant()
    def check_finds_nothing(self) -> None:
        """`rosterql check`."""
        if hasattr(self, "crowd"):
            assert self._await(broken(self.gateway)) == []

    @invariant()
    def what_was_told_is_so(self) -> None:
        """The effects of every item that was handled since, added to what was, are what is."""
        if hasattr(self, "crowd"):
            self._await(self._add_up())
            there = self._await(self._in_database())
            assert there == self.facts, there ^ self.facts

    async def _add_up(self) -> None:
        operations, items = table_of(BulkOperation).c, table_of(BulkOperationItem).c
        async with self.gateway.database.reading() as connection:
            found = await connection.execute(
                select(items, operations.kind)
                .join_from(table_of(BulkOperationItem), table_of(BulkOperation), operations.id == items.operation_id)
                .where(
                    operations.organization_id == self.crowd.gateway.organization_id,
                    ~operations.dry_run,
                    items.outcome != BulkItemOutcome.PENDING,
                )
            )
            rows = [row for row in found if row.id not in self.seen]
        for row in rows:
            self.seen.add(row.id)
            if row.outcome is BulkItemOutcome.SUCCEEDED:
                assert row.effects, row
                for effect in row.effects:
                    self._apply(row.user_id, effect)
            elif row.outcome is BulkItemOutcome.UNCHANGED:
                assert row.effects == [], row
                closed = row.kind is BulkOperationKind.DEACTIVATE
                if closed or row.kind is BulkOperationKind.REACTIVATE:
                    assert (("status", row.user_id, "DEACTIVATED") in self.facts) is closed, row

    def _apply(self, user_id: UUID, effect: Any) -> None:
        kind = UserEffectKind(effect["kind"])
        subject = (effect["subject"][0], UUID(hex=effect["subject"][1])) if effect["subject"] else None
        match kind:
            case UserEffectKind.STATUS_CHANGED:
                fact, there = ("status", user_id, "DEACTIVATED"), effect["description"] == "deactivated"
                assert (fact in self.facts) is not there, effect
            case UserEffectKind.SIGN_IN_BLOCKED:
                fact, there = ("blocked", user_id), True
            case UserEffectKind.SIGN_IN_BLOCK_LIFTED:
                fact, there = ("blocked", user_id), False
                assert fact in self.facts
            case UserEffectKind.ASSIGNED | UserEffectKind.UNASSIGNED:
                fact, there = ("has", user_id, subject), kind is UserEffectKind.ASSIGNED
                assert (fact in self.facts) is not there, effect
            case UserEffectKind.SEAT_TAKEN | UserEffectKind.SEAT_FREED:
                fact, there = ("seat", user_id, subject), kind is UserEffectKind.SEAT_TAKEN
                assert (fact in self.facts) is not there, effect
            case _:
                return
        (self.facts.add if there else self.facts.discard)(fact)

    async def _in_database(self) -> set[Fact]:
        ours = self.crowd.gateway.organization_id
        users, blocks, grants = table_of(User).c, table_of(SignInBlock).c, table_of(LicenseGrant).c
        facts: set[Fact] = set()
        async with self.gateway.database.reading() as connection:
            closed = select(users.id).where(users.organization_id == ours, users.status == UserStatus.DEACTIVATED)
            facts |= {("status", row.id, "DEACTIVATED") for row in await connection.execute(closed)}
            blocked = select(blocks.user_id).where(blocks.organization_id == ours)
            facts |= {("blocked", row.user_id) for row in await connection.execute(blocked)}
            seated = select(grants.user_id, grants.license_id).where(
                grants.organization_id == ours, grants.state == LicenseGrantState.ACTIVE
            )
            facts |= {("seat", row.user_id, ("License", row.license_id)) for row in await connection.execute(seated)}
            for name, model, column in (
                ("Team", Membership, "team_id"),
                ("Queue", UserQueue, "queue_id"),
                ("SkillGroup", SkillGroupMember, "skill_group_id"),
            ):
                link = table_of(model).c
                linked = select(link.user_id, link[column].label("thing")).where(link.organization_id == ours)
                facts |= {("has", row.user_id, (name, row.thing)) for row in await connection.execute(linked)}
        return facts


async def test_whatever_contradicts_itself_is_told_as_it_is_and_breaks_nothing(gateway: Gateway) -> None:
    """E6, Z4, Z5: at every step, on both databases."""

    class Machine(Contradictions):
        loop = asyncio.get_running_loop()

    Machine.gateway = gateway
    chosen = settings(
        max_examples=100 if THOROUGH else 3,
        stateful_step_count=50 if THOROUGH else 20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=not THOROUGH,
        phases=[Phase.generate, *([Phase.shrink] if THOROUGH else [])],
    )
    await asyncio.to_thread(run_state_machine_as_test, Machine, settings=chosen)
    assert Machine.kills
