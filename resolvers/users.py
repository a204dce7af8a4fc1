"""Finding people: one by a key, or a page of those who match (rules Q1 to Q7)."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from models.permission import Permission
from models.text import fold
from models.user import User, UserRole, UserStatus
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.users import IDENTITY, SORTABLE, UserCriteria, UserKey, UserOrderField, states_meeting
from resolvers.context import Context
from resolvers.limits import MAX_SEARCH_CHARACTERS
from resolvers.lists import page_of_list
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments
from resolvers.refusals import BadInput

SHOWN = (UserStatus.ACTIVE,)
SHOWN_WITH_DEACTIVATED = (UserStatus.ACTIVE, UserStatus.DEACTIVATED)


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """Which people a list is about.

    Attributes:
        wanted: Where it has a condition on the state anywhere, that alone decides about deactivated and deleted people.
        include_deactivated: Whether deactivated people are listed where no condition says anything of states.
    """

    wanted: Nested[UserCriteria] = field(default_factory=lambda: Nested(UserCriteria()))
    include_deactivated: bool = False

    @property
    def statuses(self) -> tuple[UserStatus, ...]:
        """States of the people in the list; deleted ones only if an `eq` or `in` somewhere names them (rule Q1)."""
        said = [criteria.status for criteria in self.wanted.anywhere() if criteria.status is not None]
        if not said:
            return SHOWN_WITH_DEACTIVATED if self.include_deactivated else SHOWN
        deleted = any(condition.names(UserStatus.DELETED) for condition in said)
        possible = _possible(self.wanted)
        return tuple(
            status for status in UserStatus if status in possible and (deleted or status is not UserStatus.DELETED)
        )

    @property
    def hides(self) -> bool:
        """Whether deactivated people are left out though nobody asked for that."""
        return not self.include_deactivated and all(criteria.status is None for criteria in self.wanted.anywhere())


async def page(
    context: Context, question: UserQuestion, wishes: Sequence[Wish[UserOrderField]], arguments: PageArguments
) -> Page[User]:
    """A page of people, by display name unless wished otherwise.

    Raises:
        NotPermitted: The caller may read nobody.
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    context.require(Permission.USERS_READ)
    order = chosen_order("users", wishes, SORTABLE, UserOrderField.DISPLAY_NAME, IDENTITY)
    wanted, statuses = question.wanted, question.statuses

    async def fetch(kept: Kept, part: Slice) -> list[User]:
        return await kept.users.page(wanted, statuses, order, part)

    async def count(kept: Kept, limit: int) -> int:
        return await kept.users.count(wanted, statuses, limit)

    async def count_hidden() -> int:
        limit = context.limits.max_total_count
        async with context.reading() as kept:
            return min(await kept.users.count(wanted, (UserStatus.DEACTIVATED,), limit), limit)

    found = await page_of_list(context, order, arguments, fetch, count)
    return replace(found, hidden=count_hidden) if question.hides else found


async def user_of(context: Context, user_id: UUID | None) -> User | None:
    """The person with this id, in whatever state; None when there is none or the caller does not see them."""
    return None if user_id is None else await context.loaders.load("users", user_id, _by_id)


async def required_user_of(context: Context, user_id: UUID) -> User | None:
    """The same, at the root.

    Raises:
        NotPermitted: The caller may read nobody.
    """
    context.require(Permission.USERS_READ)
    return await user_of(context, user_id)


async def user_by(context: Context, key: UserKey, value: str) -> User | None:
    """The person whom a key other than the id names; deleted ones are never found by it.

    Raises:
        NotPermitted: The caller may read nobody.
    """
    context.require(Permission.USERS_READ)
    async with context.reading() as kept:
        return await kept.users.living(key, value)


async def roles_of_user(context: Context, user: User) -> list[UserRole]:
    """Roles of a person."""
    return await context.loaders.load("roles_of_users", user.id, _roles_of_users) or []


def search_words(search: str | None) -> tuple[str, ...]:
    """What a search looks for: the beginnings of words, folded (requirement B6).

    Punctuation around a word is not looked for, so that "Schmidt, Anna" finds her; punctuation inside is, and so is
    what consists of nothing else.

    Raises:
        BadInput: It is longer than anybody types.
    """
    if not search:
        return ()
    if len(search) > MAX_SEARCH_CHARACTERS:
        raise BadInput(
            f"A search has at most {MAX_SEARCH_CHARACTERS} characters.", ("search",), limit=MAX_SEARCH_CHARACTERS
        )
    return tuple(dict.fromkeys(word.strip(string.punctuation) or word for word in fold(search).split()))


def _possible(wanted: Nested[UserCriteria]) -> frozenset[UserStatus]:
    """States that wanted people can be in at all; that leads the search to the index of a state."""
    possible = frozenset(UserStatus) if wanted.own.status is None else states_meeting(wanted.own.status)
    for part in wanted.every:
        possible &= _possible(part)
    if wanted.some is not None:
        possible &= frozenset[UserStatus]().union(*(_possible(part) for part in wanted.some))
    return possible


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, User]:
    return await kept.users.by_id(ids)


async def _roles_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[UserRole]]:
    return await kept.users.roles_of_users(ids)
