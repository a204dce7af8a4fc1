"""A call that is sent again under its key is done once, and answered again (rule M9).

The key is taken in the transaction of the change and committed with it: neither is there without the other, whichever
process did it. What is kept of the answer is what came of the call; the rest is read anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

from repositories.idempotency import StillRunning
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import NotAuthenticated, refuse

if TYPE_CHECKING:
    from resolvers.context import Change, Context

LASTS = timedelta(hours=24)
MAX_CHARACTERS = 255
PATH = ("input", "idempotencyKey")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One logical call, however often it is sent.

    Attributes:
        mutation: Root field.
        key: As the caller gave it.
        input_hash: Of everything that was asked for besides.
    """

    mutation: str
    key: str
    input_hash: bytes


class Answers(Protocol[T]):
    """How the answers of some mutations are kept."""

    def result(self, answer: T) -> UUID:
        """What came of a call that was done."""

    async def again(self, change: Change, result_id: UUID) -> T:
        """The answer of a call of which this came, with what is there by now."""


async def done_once(
    context: Context, change: Change, call: Call, work: Callable[[Change], Awaitable[T]], answers: Answers[T]
) -> T:
    """Do what a call asks for, or answer what came of it when it was done before.

    Raises:
        NotAuthenticated: The caller does not stand any more.
        Refused: IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_PROGRESS, or what the work raises; the key stays free then.
    """
    keys, caller = change.kept.idempotency, context.known
    actor_id = caller.id or caller.organization_id  # the system is nobody in particular, but of one organization
    scope = {"actor_kind": caller.kind, "actor_id": actor_id, "mutation": call.mutation, "key": call.key}
    row = {**scope, "input_hash": call.input_hash, "result_id": None, "expires_at": change.at + LASTS}
    try:
        claimed = await keys.claim(row, change.at)
    except StillRunning:
        words = "A call with this key is still under way. Send the same again in a moment."
        raise refuse(Code.IDEMPOTENCY_IN_PROGRESS, words, *PATH) from None
    change.at = context.now()
    if claimed:
        answer = await work(change)
        await keys.settle(scope, answers.result(answer))
        return answer
    if not await change.kept.standing.caller_stands(caller.kind, caller.id, caller.session_id, change.at):
        raise NotAuthenticated("Your session or key has ended.")
    done = await keys.by_scope(scope)
    assert done is not None
    assert done.result_id is not None
    if done.input_hash != call.input_hash:
        raise refuse(Code.IDEMPOTENCY_MISMATCH, "This key was used for another input.", *PATH)
    return await answers.again(change, done.result_id)
