"""Whom a bulk mutation works on: named in the input, locked, and loaded with all that an assessment looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.permission import Permission
from models.presence import PresenceState
from models.user import UserRole, UserStatus
from repositories.engine import Overtaken
from repositories.standing import roles_in
from resolvers.context import Change, Context
from resolvers.limits import Limits
from resolvers.refusals import MutationErrorCode, NotAuthenticated, Problem, Refused, refuse
from resolvers.users import UserQuestion

MAX_KEY_CHARACTERS = 320


@dataclass(frozen=True, slots=True)
class UserTarget:
    """The people of a bulk mutation, in the order of the input.

    Attributes:
        named_by: What the keys are: `ids`, `emails`, `external_ids` or `agent_numbers`.
        given: The keys as the caller wrote them.
        keys: The same keys in the form in which they are compared; None where nobody is meant.
        versions: What a plan knows of the people: their versions, by key.
        refused: What a plan says of items without a person, by their places.
        kept: The items, where they are kept already: see `OperationRepository.pending`.
        found: Whether the keys are those of people who were found in the same transaction.
    """

    named_by: str
    given: Sequence[str]
    keys: Sequence[Any]
    versions: Mapping[UUID, int] = field(default_factory=dict)
    refused: Mapping[int, Sequence[Problem]] = field(default_factory=dict)
    kept: Sequence[Any] = ()
    found: bool = False


@dataclass(frozen=True, slots=True)
class MatchingTarget:
    """All people whom a question finds, those who came first at first; frozen when the operation is made (rule M7).

    In this order what is kept of them lies side by side (decision 35).

    Attributes:
        expected_count: How many the caller expects; None where that need not be said, in a dry run.
        spelled: How the id of a person is written as the key of an item.
    """

    question: UserQuestion
    expected_count: int | None
    spelled: Callable[[UUID], str]


@dataclass(frozen=True, slots=True)
class Spelled(Sequence[str]):
    """Ids of people as they are written, each when it is asked for: there can be very many."""

    spelled: Callable[[UUID], str]
    ids: Sequence[UUID]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: Any) -> Any:
        return self.spelled(self.ids[place])


@dataclass(frozen=True, slots=True)
class PlanTarget:
    """The people of a dry run, as it found them (rule M8)."""

    operation_id: UUID


Target = UserTarget | MatchingTarget | PlanTarget


@dataclass(slots=True)
class Person:
    """What an assessment knows of somebody; read under the lock.

    Attributes:
        visible: Whether the caller sees the person.
        reachable: Whether the permission of the action reaches the person.
        presence: What the person shows, an open contact included.
    """

    id: UUID
    status: UserStatus
    version: int
    label: str
    protected: bool
    contact_center_enabled: bool
    roles: frozenset[UserRole]
    blocked: bool
    blocked_by_administrator: bool
    in_contact: bool
    has_session: bool
    presence: PresenceState
    visible: bool
    reachable: bool

    @property
    def is_full_administrator(self) -> bool:
        """Whether the person is a full administrator."""
        return UserRole.FULL_ADMINISTRATOR in self.roles


def check_size(size: int, limit: int, *path: str) -> None:
    """Refuse a list that is empty or too long (rule M14).

    Raises:
        Refused: REQUIRED or TOO_MANY_ITEMS; the message tells the limit.
    """
    if size == 0:
        raise refuse(MutationErrorCode.REQUIRED, "Name at least one.", *path)
    if size > limit:
        raise refuse(MutationErrorCode.TOO_MANY_ITEMS, f"At most {limit:,} are allowed; {size:,} were given.", *path)


def check_keys(given: Sequence[str], *path: str) -> None:
    """Refuse keys that nothing can be named by: empty ones and overlong ones.

    Raises:
        Refused: INVALID, with a problem for each.
    """
    problems = [
        Problem(MutationErrorCode.INVALID, "A key has 1 to 320 characters.", (*path, str(index)))
        for index, key in enumerate(given)
        if not 0 < len(key) <= MAX_KEY_CHARACTERS
    ]
    if problems:
        raise Refused(*problems[:100])


async def resolved(change: Change, target: UserTarget | MatchingTarget, limits: Limits) -> UserTarget:
    """The people of a target by name.

    Raises:
        Refused: COUNT_MISMATCH or TOO_MANY_ITEMS; more people are found, or fewer, than may be.
    """
    if isinstance(target, UserTarget):
        return target
    question, limit = target.question, limits.max_matched_targets
    ids = await change.kept.users.ids(question.wanted, question.statuses, limit)
    path = ("input", "target", "matching")
    expected = target.expected_count
    if expected is not None and expected != len(ids):
        count = f"more than {limit:,}" if len(ids) > limit else f"{len(ids):,}"
        words = f"{count} users match, and not {expected:,}."
        raise refuse(MutationErrorCode.COUNT_MISMATCH, words, *path, "expectedCount")
    if len(ids) > limit:
        raise refuse(MutationErrorCode.TOO_MANY_ITEMS, f"At most {limit:,} are allowed; more match.", *path)
    return UserTarget("ids", Spelled(target.spelled, ids), ids, found=True)


async def lock_people(
    context: Context, change: Change, target: UserTarget, permission: Permission, *, administrators: bool
) -> dict[Any, Person]:
    """Lock and load the people of a target, by the keys of the target; who does not exist is absent.

    The caller is looked at again under the lock: somebody deactivated meanwhile changes nobody.

    Args:
        administrators: Whether full administrators are locked as a whole when one is in the target (requirement E6).

    Raises:
        NotAuthenticated: The caller's session or key ended meanwhile.
        Overtaken: There are full administrators by now who would have to be locked too.
    """
    caller = context.known
    kept = change.kept
    wanted = set(target.keys) - {None}
    ids = await kept.standing.lock(target.named_by, wanted, administrators=administrators)
    change.at = context.now()
    if not await kept.standing.caller_stands(caller.kind, caller.id, caller.session_id, change.at):
        raise NotAuthenticated("Your session or key has ended.")
    rows = await kept.standing.people(ids, at=change.at, scope=caller.scope(permission), caller_id=caller.user_id)
    one_of_them = administrators and any(UserRole.FULL_ADMINISTRATOR in roles_in(row.role_bits) for row in rows)
    if one_of_them and not await kept.standing.administrators() <= set(ids):
        # Somebody became one while we waited for a lock: too late for the statement that would have locked them too.
        raise Overtaken
    named = {"ids": "id", "emails": "email_key", "external_ids": "external_id", "agent_numbers": "agent_number"}
    attribute = named[target.named_by]
    return {
        getattr(row, attribute): person(row)
        for row in rows
        if getattr(row, attribute) in wanted and (target.named_by == "ids" or row.status is not UserStatus.DELETED)
    }


def person(row: Any) -> Person:
    """Somebody as loaded by `StandingRepository.people`."""
    presence = row.presence or PresenceState.OFFLINE
    if row.in_contact and row.status is UserStatus.ACTIVE:
        presence = PresenceState.ENGAGED
    return Person(
        id=row.id,
        status=row.status,
        version=row.version,
        label=row.display_name,
        protected=row.protected,
        contact_center_enabled=row.contact_center_enabled,
        roles=roles_in(row.role_bits),
        blocked=bool(row.blocked),
        blocked_by_administrator=bool(row.by_administrator),
        in_contact=bool(row.in_contact),
        has_session=bool(row.has_session),
        presence=presence,
        visible=bool(row.visible),
        reachable=bool(row.reachable),
    )
