"""Operations that contradict each other on the same people, one after the other, some of them cut off in the middle.

A state machine of hypothesis chooses what is sent, when contacts begin and end, and how the time goes by. After every
step `check` finds nothing, the effects that were told, added up, are what is in the database, and nothing was done
before its time. When nothing is left to wait for, everything is done.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import event, select

from gql.ids import key_of
from models.audit import ActorKind
from models.call_record import CallRecord
from models.license import LicenseGrant, LicenseGrantState
from models.operation import (
    UNFINISHED,
    ActiveContactPolicy,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationItem,
    BulkOperationKind,
    UserEffectKind,
)
from models.queue import UserQueue
from models.session import SignInBlock
from models.skill_group import SkillGroupMember
from models.storage import table_of
from models.team import Membership
from models.user import User, UserStatus
from repositories.engine import Database
from resolvers.bulk import HANDLED
from resolvers.performing import take_back_due
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
_RARELY = st.sampled_from([False] * 3 + [True])
# Those that are the same request whenever they are sent.
REPEATABLE = CONTRADICTIONS.filter(lambda mutation: mutation.named_by != "matching" and not mutation.supervised)
WAKE_S = 0.1  # in which a request that died has ended, if it ends at all
_WORK = {False: work_on_next, True: take_back_due}
KEYS = st.none() | st.sampled_from(["one", "two"])


def _key(global_id: str) -> UUID:
    key = key_of(global_id, "BulkOperation", "CallRecord", "User")
    assert key is not None
    return key


class Killed(BaseException):
    """The process is gone: nothing of ours gets to handle it."""


@contextmanager
def killed_at(database: Database, statement: int) -> Iterator[asyncio.Event]:
    """Whoever sends the statement with this number ends there, and nobody commits what came before.

    Returns:
        What is set when that happens.
    """
    left = statement
    died = asyncio.Event()

    def see(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            died.set()
            raise Killed

    engine = database.writer.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    try:
        yield died
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
        self.planned: dict[UUID, UUID] = {}
        self.keyed: dict[str, tuple[Mutation, datetime, str | None]] = {}
        self.called_off: set[UUID] = set()
        self.seen: set[UUID] = set()
        self.facts: set[Fact] = set()
        self.shown: dict[tuple[UUID, UUID | None], int] = {}

    def _await(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(60)

    def teardown(self) -> None:
        """What is left is done, at its time and after its contacts; nothing is left to others."""
        try:
            if hasattr(self, "crowd") and sys.exc_info()[0] is None:
                self._wait_for_everything()
        finally:
            self.patch.undo()

    def _wait_for_everything(self) -> None:
        self.crowd.batches(3)
        self._finish()
        self.let_time_pass(60)
        while self._await(take_back_due(self.gateway.database)):
            self._hold()
        self._finish()
        assert [each for each in self._await(self._operations()) if each.reverts_at is not None] == []

    def _finish(self) -> None:
        while self._await(self.crowd.left_to_do()):
            if not self._await(self.crowd.work()):
                self.hang_up(0, every=True)
            self._hold()

    def _hold(self) -> None:
        self.check_finds_nothing()
        self.what_was_told_is_so()
        self.everything_has_its_time()

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
        since, before = self.crowd.clock.now(), None
        if key in self.keyed:
            mutation, since, before = self.keyed[key]
            if mutation.named_by == "matching":
                return  # how many match by now may differ, which is another request
        sent = self._await(self.crowd.ask(mutation, idempotencyKey=key, since=since))
        if before is None and self._passed(mutation, since) and sent.codes:
            assert sent.codes == ["INVALID"]  # it was not done before it was cut off
            return
        assert sent.codes == [], sent.payload
        assert before in (None, sent.operation["id"])
        self.keyed[key] = (mutation, since, sent.operation["id"])
        if before is None:
            self.operations.append(sent.operation["id"])

    def _passed(self, mutation: Mutation, since: datetime) -> bool:
        now = self.crowd.clock.now()
        return any(datetime.fromisoformat(each) <= now for each in mutation.times(since).values())

    @rule(number=st.integers(0, 50))
    def execute_a_plan(self, number: int) -> None:
        """A plan is done, or stale."""
        if self.plans:
            mutation, plan = self.plans[number % len(self.plans)]
            sent = self._await(self.crowd.ask(mutation, plan=plan))
            assert set(sent.codes) <= {"PLAN_STALE", "INVALID_STATE"}
            if sent.operation is not None:
                self.operations.append(sent.operation["id"])
                self.planned[_key(sent.operation["id"])] = _key(plan)
                self._told(sent.operation)

    @rule(number=st.integers(0, 50), way=st.sampled_from(["undo", "undo", "retry", "cancel"]), dry=st.booleans())
    def come_back_to(self, number: int, way: str, dry: bool) -> None:
        """Take an operation back, try it again, or cancel it."""
        if not self.operations:
            return
        operation = {"id": self.operations[-1 - number % len(self.operations)]}
        if way == "cancel":
            canceled = self._await(self.crowd.gateway.ask(CANCEL, operation))["cancelBulkOperation"]
            assert {error["code"] for error in canceled["errors"]} <= {"INVALID_STATE"}
            if not canceled["errors"]:
                self.called_off.add(_key(operation["id"]))
                again = self._await(self.crowd.gateway.ask(CANCEL, operation))["cancelBulkOperation"]
                assert again == canceled
            return
        terms = {"dryRun": dry} if way == "undo" else {}
        sent = self._await(operating(self.crowd.gateway, f"{way}BulkOperation", operation, **terms))
        assert set(sent.codes) <= {"INVALID_STATE"}
        if sent.operation is not None:
            self.operations.append(sent.operation["id"])

    @rule(size=st.integers(1, 3), back=_RARELY)
    def work(self, size: int, back: bool) -> None:
        """The worker does one batch, or takes back what was for a time only."""
        self.crowd.batches(size)
        self._await(_WORK[back](self.gateway.database))

    @rule(size=st.integers(1, 3), statement=st.integers(0, 40), back=_RARELY)
    def kill_the_worker(self, size: int, statement: int, back: bool) -> None:
        """A batch is cut off in the middle, or was just in time."""
        self.crowd.batches(size)
        self._await(self._killed(_WORK[back](self.gateway.database), statement))

    @rule(minutes=st.integers(1, 3))
    def let_time_pass(self, minutes: int) -> None:
        """Perhaps something is due by then."""
        self.crowd.clock.forward(self.crowd.clock.now() + timedelta(minutes=minutes))

    @rule(places=st.lists(st.integers(0, 7), min_size=1, max_size=3))
    def talk(self, places: list[int]) -> None:
        """Contacts begin, but for who is deactivated."""
        whom = [self.crowd.people[place % len(self.crowd.people)] for place in places]
        begun = self._await(self.crowd.talk(places))
        takes = [one.id for one in whom if ("status", one.key, "DEACTIVATED") not in self.facts]
        assert [each["user"]["id"] for each in begun] == takes
        self.facts |= {("contact", _key(each["user"]["id"]), _key(each["id"])) for each in begun}

    @rule(number=st.integers(0, 50), every=_RARELY)
    def hang_up(self, number: int, every: bool) -> None:
        """One contact ends, or all do."""
        going = self._await(self.crowd.contacts())
        if going:
            chosen = [] if every else [going[number % len(going)].external_id]
            ended = self._await(self.crowd.hang_up(*chosen))
            assert len(ended) == len(chosen or going)
            assert all(each["endedAt"] for each in ended)
            self.facts -= {("contact", _key(each["user"]["id"]), _key(each["id"])) for each in ended}

    @rule(mutation=REPEATABLE, statement=st.integers(0, 40), key=KEYS)
    def kill_a_request(self, mutation: Mutation, statement: int, key: str | None) -> None:
        """A request is cut off; nobody knows whether it was done, and who sends its key again is told."""
        if key in self.keyed:
            return
        since = self.crowd.clock.now()
        terms = {} if key is None else {"idempotencyKey": key}
        done = self._await(self._killed(self.crowd.ask(mutation, since=since, **terms), statement))
        if key is not None:
            self.keyed[key] = (mutation, since, None if done is None else done.operation["id"])

    async def _killed(self, work: Coroutine[Any, Any, T], statement: int) -> T | None:
        database = self.gateway.database
        with killed_at(database, statement) as died:
            doing = asyncio.create_task(work)
            death = asyncio.create_task(died.wait())
            await asyncio.wait({doing, death}, return_when=asyncio.FIRST_COMPLETED)
            death.cancel()
            if died.is_set():
                await asyncio.wait({doing}, timeout=WAKE_S)
                await database.settle()
                doing.cancel()  # it may wait for what died beside it
            try:
                return await doing
            except BaseException as error:
                if not died.is_set() or not (_dead(error) or isinstance(error, asyncio.CancelledError)):
                    raise
                type(self).kills += 1
                return None

    def _told(self, operation: Any) -> None:
        """The totals of an answer count its items; only those who talk are waited for."""
        if operation["status"] in ("QUEUED", "SCHEDULED"):
            return
        items = operation["items"]["nodes"]
        found = Counter(item["outcome"].lower() for item in items)
        assert {name: operation["totals"][name] for name in HANDLED} == {name: found[name] for name in HANDLED}
        waiting = {_key(item["user"]["id"]) for item in items if item["outcome"] == "PENDING"}
        assert waiting <= self._talking(), operation
        assert (operation["status"] == "RUNNING") is bool(waiting)

    def _talking(self) -> set[UUID]:
        return {fact[1] for fact in self.facts if fact[0] == "contact"}

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

    @invariant()
    def everything_has_its_time(self) -> None:
        """Nothing was begun or taken back before its time, and what is for a time only will be taken back, once."""
        if hasattr(self, "crowd"):
            self._await(self._in_time())

    async def _in_time(self) -> None:
        operations = {each.id: each for each in await self._operations()}
        now = self.crowd.clock.now()
        undone = [each for each in operations.values() if each.kind is BulkOperationKind.UNDO and not each.dry_run]
        for undo in undone:
            until = operations[undo.origin_id].until
            if undo.actor_kind is ActorKind.SYSTEM:
                assert until is not None, undo
                assert until <= undo.created_at, undo
                assert undo.origin_id not in self.called_off, undo
        called_off = self.called_off | {undo.origin_id for undo in undone}
        for each in operations.values():
            if each.execute_at is not None and each.started_at is not None and not each.dry_run:
                assert each.execute_at <= each.started_at <= now, each
            lasts = each.until is not None and not each.dry_run and each.status not in UNFINISHED
            due = lasts and each.succeeded > 0 and each.id not in called_off
            assert each.reverts_at == (each.until if due else None), each

    async def _operations(self) -> Sequence[Any]:
        operations = table_of(BulkOperation).c
        wanted = select(operations).where(operations.organization_id == self.crowd.gateway.organization_id)
        async with self.gateway.database.reading() as connection:
            return (await connection.execute(wanted)).all()

    async def _add_up(self) -> None:
        operations, items = table_of(BulkOperation).c, table_of(BulkOperationItem).c
        ours = operations.organization_id == self.crowd.gateway.organization_id
        joined = table_of(BulkOperationItem).join(table_of(BulkOperation), operations.id == items.operation_id)
        wanted = select(items, operations.kind, operations.terms, operations.dry_run).select_from(joined)
        async with self.gateway.database.reading() as connection:
            found = await connection.execute(wanted.where(ours, items.outcome != BulkItemOutcome.PENDING))
            rows = [row for row in found if row.id not in self.seen]
        for one in [one for one in self.crowd.supervisors if one.key not in self.seen]:
            self.seen.add(one.key)
            self.facts.add(("has", one.key, ("Team", self.crowd.things["teams"][0].key)))
        talking = self._talking()
        for row in rows:
            self.seen.add(row.id)
            if row.dry_run:
                self.shown[row.operation_id, row.user_id] = row.user_version
                continue
            if row.outcome is BulkItemOutcome.SUCCEEDED:
                assert row.effects, row
                self._as_planned(row)
                if row.terms.get("onActiveContact") not in (None, ActiveContactPolicy.END_NOW.name):
                    assert row.user_id not in talking, row
                for effect in row.effects:
                    self._apply(row.user_id, effect)
            elif row.outcome is BulkItemOutcome.UNCHANGED:
                assert row.effects == [], row
                closed = row.kind is BulkOperationKind.DEACTIVATE
                if closed or row.kind is BulkOperationKind.REACTIVATE:
                    assert (("status", row.user_id, "DEACTIVATED") in self.facts) is closed, row
            elif "ACTIVE_CONTACT" in {error["code"] for error in row.errors}:
                assert row.terms["onActiveContact"] == ActiveContactPolicy.SKIP.name, row
                assert row.user_id in talking, row

    def _as_planned(self, row: Any) -> None:
        """E9: who is changed by a plan is as they were when it was made; a sign-out does not count."""
        if row.operation_id in self.planned:
            before = self.shown[self.planned[row.operation_id], row.user_id]
            assert row.user_version == before + (row.kind is not BulkOperationKind.SIGN_OUT), row

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
            case UserEffectKind.CONTACT_ENDED:
                assert subject is not None
                fact, there = ("contact", user_id, subject[1]), False
                assert fact in self.facts, effect
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
            calls = table_of(CallRecord).c
            going = select(calls.user_id, calls.id).where(calls.organization_id == ours, calls.ended_at.is_(None))
            facts |= {("contact", row.user_id, row.id) for row in await connection.execute(going)}
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
    """E7, Z4, Z8: at every step, on both databases."""

    class Machine(Contradictions):
        loop = asyncio.get_running_loop()

    Machine.gateway = gateway
    chosen = settings(
        max_examples=100 if THOROUGH else 5,
        stateful_step_count=50 if THOROUGH else 20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=not THOROUGH,
        phases=[Phase.generate, *([Phase.shrink] if THOROUGH else [])],
    )
    await asyncio.to_thread(run_state_machine_as_test, Machine, settings=chosen)
    assert Machine.kills
