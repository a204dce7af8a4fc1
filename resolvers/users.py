"""Finding people: one by a key, or a page of those who match (rules Q1 to Q7)."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from models.permission import Permission
from models.text import fold
from models.user import User, UserRole, UserStatus
from repositories.criteria import ChoiceCondition
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.users import IDENTITY, SORTABLE, UserCriteria, UserKey, UserOrderField
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
        status: Where there is a condition on the state, it alone decides about deactivated and deleted people.
        include_deactivated: Whether deactivated people are listed where `status` says nothing.
    """

    criteria: UserCriteria = field(default_factory=UserCriteria)
    status: ChoiceCondition[UserStatus] | None = None
    include_deactivated: bool = False

    @property
    def statuses(self) -> tuple[UserStatus, ...]:
        """States of the people in the list; deleted ones only where `eq` or `in` names them (rule Q1)."""
        if self.status is None:
            return SHOWN_WITH_DEACTIVATED if self.include_deactivated else SHOWN
        living = [status for status in SHOWN_WITH_DEACTIVATED if self.status.holds(status)]
        deleted = self.status.names(UserStatus.DELETED) and self.status.holds(UserStatus.DELETED)
        return (*living, UserStatus.DELETED) if deleted else tuple(living)

    @property
    def hides(self) -> bool:
        """Whether deactivated people are left out though nobody asked for that."""
        return self.status is None and not self.include_deactivated


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
    criteria, statuses = question.criteria, question.statuses

    async def fetch(kept: Kept, part: Slice) -> list[User]:
        return await kept.users.page(criteria, statuses, order, part)

    async def count(kept: Kept, limit: int) -> int:
        return await kept.users.count(criteria, statuses, limit)

    async def count_hidden() -> int:
        limit = context.limits.max_total_count
        async with context.reading() as kept:
            return min(await kept.users.count(criteria, (UserStatus.DEACTIVATED,), limit), limit)

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


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, User]:
    return await kept.users.by_id(ids)


async def _roles_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[UserRole]]:
    return await kept.users.roles_of_users(ids)
