"""Recording calls: input, payload, root field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import INPUT, given
from gql.bulk import answered, parse_optional_id
from gql.call_record import CallRecord
from gql.errors import MutationError
from gql.info import Info
from gql.user import UserKeyInput
from models.call_record import CallDirection
from models.permission import Permission
from models.text import mail_key
from resolvers.call_recording import Call, CallsRecorded, record_calls
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse
from resolvers.targets import MAX_KEY_CHARACTERS, check_size

_NAMED_BY = {"id": "ids", "email": "emails", "external_id": "external_ids", "agent_number": "agent_numbers"}
_FIELDS = {"id": "id", "email": "email", "external_id": "externalId", "agent_number": "agentNumber"}


def _check_key(key: str, *path: str) -> None:
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise refuse(Code.INVALID, f"A key has 1 to {MAX_KEY_CHARACTERS} characters.", *path)


def _optional(description: str) -> Any:
    return strawberry.field(default=UNSET, description=description)


@strawberry.input(
    description="What is known about one call. An omitted field of a call recorded before is left as it is; null "
    "counts as omitted."
)
class CallRecordInput:
    external_id: str = strawberry.field(
        description="Key of the call in the telephony system, by which it is found again."
    )
    user: UserKeyInput = strawberry.field(description="Agent who takes the call.")
    queue_id: strawberry.ID | None = _optional("Queue through which the call comes.")
    direction: CallDirection = strawberry.field(description="Which side started the call.")
    started_at: datetime = strawberry.field(description="When the call started.")
    ended_at: datetime | None = _optional(
        "When the call ended; while it is omitted the call goes on. A call that was ended here, by a deactivation for "
        "example, keeps that end."
    )
    talk_seconds: int | None = _optional("Talk time in seconds.")
    wrap_up_seconds: int | None = _optional("After-call work in seconds.")

    def parsed(self, index: int) -> Call:
        """The call that is described.

        Raises:
            Refused: A malformed id, or a key that nothing can be named by.
        """
        path = ("input", "calls", str(index))
        name = next((each for each in _NAMED_BY if given(getattr(self.user, each)) is not None), "id")
        named: Any = getattr(self.user, name)
        _check_key(self.external_id, *path, "externalId")
        if name == "id":
            named = parse_optional_id(named, "User", *path, "user", "id")
        else:
            _check_key(named, *path, "user", _FIELDS[name])
            named = mail_key(named) if name == "email" else named
        return Call(
            external_id=self.external_id,
            named_by=_NAMED_BY[name],
            named=named,
            queue_id=parse_optional_id(self.queue_id, "Queue", *path, "queueId"),
            direction=self.direction,
            started_at=self.started_at,
            ended_at=given(self.ended_at),
            talk_seconds=given(self.talk_seconds),
            wrap_up_seconds=given(self.wrap_up_seconds),
        )


@strawberry.input(
    description="Records calls of agents; a repetition is harmless, because calls are found again by their external "
    "ids."
)
class RecordCallsInput:
    calls: list[CallRecordInput] = strawberry.field(description="The calls, at most `maxCallRecords`.")


@strawberry.type(description="One call that was not recorded.")
class CallRecordFailure:
    """A view over `resolvers.call_recording.FailedCall`."""

    index: int = strawberry.field(description="Place of the call in the input, from 0.")
    external_id: str = strawberry.field(description="Key of the call in the telephony system.")
    errors: list[MutationError] = strawberry.field(description="Why the call was not recorded.")


@strawberry.type(description="Result of `recordCalls`.")
class RecordCallsPayload:
    """A view over `resolvers.call_recording.CallsRecorded`."""

    errors: list[MutationError] = strawberry.field(
        description="Problems that kept the mutation from doing its work. Empty when it succeeded."
    )
    failed: list[CallRecordFailure] = strawberry.field(description="Calls that were not recorded; the others were.")
    call_records: list[CallRecord] = strawberry.field(
        description="The calls that were recorded, as they are now, in the order of the input."
    )


@strawberry.type
class CallRecording:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(
        graphql_type=RecordCallsPayload | None,
        description="Starts, updates and ends calls of agents, found again by their external ids; a call without an "
        "end is an active contact.",
    )
    async def record_calls(self, info: Info, input: Annotated[RecordCallsInput, INPUT]) -> CallsRecorded:
        context = info.context
        context.require(Permission.REPORTS_WRITE)

        async def work() -> CallsRecorded:
            check_size(len(input.calls), context.limits.max_call_records, "input", "calls")
            return await record_calls(context, [call.parsed(index) for index, call in enumerate(input.calls)])

        return await answered(context, input, work, CallsRecorded)
