"""What all bulk mutations share: whom they work on, on which terms, and how they answer (rules M1, M2, M4, M14)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gql.arguments import given, unstorable
from gql.errors import MutationError, MutationWarning
from gql.filters import FilterReader, nested
from gql.idempotency import call_of, idempotency_key
from gql.ids import global_id, key_of
from gql.node import later
from gql.user import UserFilterInput
from models.operation import BulkErrorPolicy, StateChangeReason
from models.text import mail_key
from repositories.users import UserCriteria
from resolvers.acting import Action
from resolvers.bulk import BulkAnswer, Terms
from resolvers.context import Context
from resolvers.performing import perform
from resolvers.refusals import BadInput, Problem, Refused, refuse
from resolvers.refusals import MutationErrorCode as Code
from resolvers.targets import MatchingTarget, PlanTarget, Target, UserTarget, check_keys, check_size
from resolvers.users import UserQuestion, search_words

MAX_NOTE = 2_000

T = TypeVar("T")


@strawberry.input(description="Names all users that match a filter and a search.")
class UserMatchInput:
    filter: UserFilterInput = strawberry.field(description="Condition on the users.")
    search: str | None = strawberry.field(default=strawberry.UNSET, description="Search text as in `Query.users`.")
    expected_count: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Number of users the caller expects, for example from a dry run. When another number matches, "
        "nothing is done. Required unless `dryRun` is true.",
    )

    def target(self, context: Context, dry_run: bool) -> MatchingTarget:
        """The people who match, whoever they are by then.

        Raises:
            Refused: A condition that cannot be read, or no expected number (rule M7).
        """
        path = ("input", "target", "matching")
        expected = given(self.expected_count)
        if expected is None and not dry_run:
            words = "Say how many users you expect; `dryRun` tells."
            raise refuse(Code.REQUIRED, words, *path, "expectedCount")
        try:
            wanted = nested(self.filter, FilterReader.of(context), UserCriteria)
            words_sought = search_words(given(self.search))
        except BadInput as refusal:
            raise refuse(Code.INVALID, refusal.message, *path, *(refusal.path or ())) from refusal
        question = UserQuestion(wanted.asking(words=words_sought))
        return MatchingTarget(question, expected, lambda key: global_id("User", key))


@strawberry.input(one_of=True, description="Names the users that a bulk mutation works on, in exactly one way.")
class UserTargetInput:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Global ids, at most `maxBulkTargets`."
    )
    external_ids: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Keys in the system of record, at most `maxBulkTargets`."
    )
    emails: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Mail addresses, at most `maxBulkTargets`."
    )
    agent_numbers: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Numbers of agents, at most `maxBulkTargets`."
    )

    matching: UserMatchInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="All users that match, at most `maxMatchedTargets`. As in `Query.users`, deactivated ones only "
        "where the filter has a condition on the status.",
    )
    plan_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Users found by a dry run of the same mutation, by the id of its operation. Fails with PLAN_STALE "
        "when they changed since.",
    )

    def target(self, context: Context, dry_run: bool = False) -> Target:
        """The people that are named.

        Raises:
            Refused: Nobody, too many, or a malformed id.
        """
        limits = context.limits
        if matching := given(self.matching):
            return matching.target(context, dry_run)
        if (plan_id := given(self.plan_id)) is not None:
            key = parse_optional_id(plan_id, "BulkOperation", "input", "target", "planId")
            assert key is not None
            return PlanTarget(key)
        for named_by, name in _NAMED_BY.items():
            named = getattr(self, named_by)
            if named:
                path = ("input", "target", name)
                check_size(len(named), limits.max_bulk_targets, *path)
                check_keys(named, *path)
                keys: Sequence[Any] = named
                if named_by == "ids":
                    keys = parse_ids(named, "User", *path)
                elif named_by == "emails":
                    keys = [mail_key(mail) for mail in named]
                return UserTarget(named_by, named, keys)
        name = next((name for named_by, name in _NAMED_BY.items() if getattr(self, named_by) == []), "ids")
        raise refuse(Code.REQUIRED, "Name at least one.", "input", "target", name)


_NAMED_BY = {"ids": "ids", "external_ids": "externalIds", "emails": "emails", "agent_numbers": "agentNumbers"}


def parse_ids(given: Sequence[str], type_name: str, *path: str) -> list[UUID]:
    """The keys in global ids of one type.

    Raises:
        Refused: INVALID, with a problem for each of the first hundred that are malformed.
    """
    keys: list[UUID] = []
    problems: list[Problem] = []
    for index, text in enumerate(given):
        key = key_of(text, type_name)
        if key is None:
            problems.append(Problem(Code.INVALID, f"This is not the id of a {type_name}.", (*path, str(index))))
        else:
            keys.append(key)
    if problems:
        raise Refused(*problems[:100])
    return keys


def parse_optional_id(given: str | None, type_name: str, *path: str) -> UUID | None:
    """The key in a global id, or None for none.

    Raises:
        Refused: INVALID.
    """
    if given is None or given is strawberry.UNSET:
        return None
    key = key_of(given, type_name)
    if key is None:
        raise refuse(Code.INVALID, f"This is not the id of a {type_name}.", *path)
    return key


@strawberry.input
class BulkTermsInput:
    """Fields that the inputs of bulk mutations share; not a type of its own in the schema."""

    idempotency_key: str | None = idempotency_key()
    target: UserTargetInput = strawberry.field(description="Users to work on.")
    error_policy: BulkErrorPolicy = strawberry.field(
        default=BulkErrorPolicy.CONTINUE, description="What happens to the other users when one fails."
    )
    dry_run: bool = strawberry.field(default=False, description="Whether to only show what would be done.")
    reason: StateChangeReason = strawberry.field(
        default=StateChangeReason.UNKNOWN, description="Reason, kept with the operation and the audit events."
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET, description="Note, kept with the operation and the audit events."
    )

    def terms(self) -> Terms:
        """On which terms.

        Raises:
            Refused: The note is too long.
        """
        return Terms(
            self.error_policy,
            self.reason,
            checked_note(self.note),
            self.dry_run,
            execute_at=given(getattr(self, "execute_at", None)),
            until=given(getattr(self, "until", None)),
        )


def checked_note(note: str | None) -> str | None:
    """A note as it is kept.

    Raises:
        Refused: It is too long.
    """
    if not note:
        return None
    if len(note) > MAX_NOTE:
        raise refuse(Code.INVALID, f"A note has at most {MAX_NOTE:,} characters.", "input", "note")
    return note


async def answered(
    context: Context, input: Any, work: Callable[[], Awaitable[T]], refused: Callable[[list[Problem]], T]
) -> T:
    """Run a mutation; what refuses it as a whole becomes the `errors` of its payload (rule M1).

    Text that cannot be kept (U+0000, lone surrogates) is refused before anything else. An input with an idempotency
    key is a call that is done once, however often it is sent.

    Args:
        refused: Makes the answer of a mutation that did nothing.
    """
    try:
        written = _plain(input)
        path = unstorable(written)
        if path is not None:
            words = "Text holds a character that cannot be kept: U+0000 or half of a surrogate pair."
            raise refuse(Code.INVALID, words, "input", *path)
        context.call = call_of(input, written)
        return await work()
    except Refused as refusal:
        return refused(refusal.problems)
    finally:
        context.call = None


def _plain(value: Any) -> Any:
    """An input object as the mapping that the caller wrote."""
    if isinstance(value, strawberry.Some):
        return _plain(value.value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {
            _input_name(each): _plain(held)
            for each in fields(value)
            if (held := getattr(value, each.name)) is not strawberry.UNSET
        }
    return value


async def performed(
    context: Context, input: BulkTermsInput, kind: type[Action], read: Callable[[], Action]
) -> BulkAnswer:
    """Do what a bulk mutation asks for, to the people of its target.

    Args:
        read: Makes the action of the input; called where a refusal becomes the `errors` of the payload, and not for
            somebody who may not do this at all (rule M14).
    """
    context.require(kind.permission)

    async def work() -> BulkAnswer:
        target, terms = input.target.target(context, input.dry_run), input.terms()
        return await perform(context, read(), target, terms)

    return await answered_in_bulk(context, input, work)


def _input_name(field: Any) -> str:
    return getattr(field, "graphql_name", None) or to_camel_case(field.name)


async def answered_in_bulk(context: Context, input: Any, work: Callable[[], Awaitable[BulkAnswer]]) -> BulkAnswer:
    """The same for a bulk mutation."""
    return await answered(context, input, work, lambda problems: BulkAnswer(errors=problems))


def bulk_payload(mutation: str, operation: str) -> Any:
    """The payload type of a bulk mutation, a view over `resolvers.bulk.BulkAnswer`."""
    name = mutation[0].upper() + mutation[1:] + "Payload"
    described = {
        "errors": (
            list[MutationError],
            "Problems that kept the mutation from doing its work. Empty when it succeeded.",
        ),
        "warnings": (
            list[MutationWarning],
            "Things worth knowing that did not keep the mutation from doing its work; those about single users are on "
            "their items.",
        ),
        "failed": (
            list[later("BulkOperationItem", "gql.operation")],  # type: ignore[misc]
            "Items that failed or were skipped before the answer, at most 100. "
            "Look here, not only at `errors`, for problems of single users.",
        ),
        "operation": (
            later("BulkOperation", "gql.operation") | None,
            operation,
        ),
    }
    body: dict[str, Any] = {field: strawberry.field(description=text) for field, (_, text) in described.items()}
    body["__annotations__"] = {field: kind for field, (kind, _) in described.items()}
    return strawberry.type(type(name, (), body), name=name, description=f"Result of `{mutation}`.")
