"""Finding what bars people: deactivations, sign-in blocks, and whatever else stands in the way of signing in.

Who did it, why, and the note are None for who does not see the whole organization.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from models.deactivation import Deactivation
from models.queue import Queue
from models.session import SignInBlock, Surface
from models.team import Team
from models.user import User, UserStatus
from repositories.credentials import Account
from repositories.kept import Kept
from resolvers.context import Context


class SignInBlocker(Enum):
    """What keeps a person from signing in."""

    DEACTIVATED = "DEACTIVATED"
    DELETED = "DELETED"
    SIGN_IN_BLOCKED = "SIGN_IN_BLOCKED"
    NO_SURFACE_ACCESS = "NO_SURFACE_ACCESS"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether a person may sign in.

    Attributes:
        blockers: Everything that stands in the way, in the order of the enum.
    """

    blockers: list[SignInBlocker]

    @property
    def allowed(self) -> bool:
        """Whether nothing does."""
        return not self.blockers


async def deactivation_of(context: Context, user: User) -> Deactivation | None:
    """The current deactivation of a person; None unless DEACTIVATED."""
    if user.status is not UserStatus.DEACTIVATED:
        return None
    return await context.loaders.load("deactivations_of_users", user.id, _deactivations)


async def sign_in_block_of(context: Context, user: User) -> SignInBlock | None:
    """The sign-in block of a person; None when there is none."""
    return await context.loaders.load("sign_in_blocks_of_users", user.id, _blocks)


async def reverts_at(context: Context, operation_id: UUID | None) -> datetime | None:
    """When what an operation did will be taken back by itself; None when that is not planned."""
    return None if operation_id is None else await context.loaders.load("reverts_of_operations", operation_id, _reverts)


async def _reverts(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, datetime]:
    return await kept.operations.reverts(ids)


async def eligibility_of(context: Context, user: User, surface: Surface | None) -> Eligibility:
    """Whether a person with the right password would be signed in (Z9).

    Args:
        surface: Where; None asks whether any surface is open.
    """
    account = await context.loaders.load("accounts_of_users", user.id, _accounts)
    return Eligibility([] if account is None else _blockers(account, surface))


def _blockers(account: Account, surface: Surface | None) -> list[SignInBlocker]:
    surfaces = Surface if surface is None else (surface,)
    barred = {
        SignInBlocker.DEACTIVATED: account.status is UserStatus.DEACTIVATED,
        SignInBlocker.DELETED: account.status is UserStatus.DELETED,
        SignInBlocker.SIGN_IN_BLOCKED: account.blocked,
        SignInBlocker.NO_SURFACE_ACCESS: not any(account.opens(each) for each in surfaces),
    }
    return [blocker for blocker, applies in barred.items() if applies]


async def teams_taken(context: Context, deactivation: Deactivation) -> list[Team]:
    """Teams that a deactivation took and that still exist, by name."""
    return await context.loaders.load("teams_of_deactivations", deactivation.id, _teams) or []


async def queues_taken(context: Context, deactivation: Deactivation) -> list[Queue]:
    """Direct queues that a deactivation took and that still exist, by name."""
    return await context.loaders.load("queues_of_deactivations", deactivation.id, _queues) or []


async def _deactivations(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Deactivation]:
    return await kept.barriers.deactivations(ids)


async def _blocks(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, SignInBlock]:
    return await kept.barriers.blocks(ids)


async def _accounts(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Account]:
    return await kept.credentials.accounts(ids)


async def _teams(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[Team]]:
    return await kept.barriers.teams_taken(ids)


async def _queues(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[Queue]]:
    return await kept.barriers.queues_taken(ids)
